"""The server side of Backpack's wire."""
