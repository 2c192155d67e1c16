"""The server side of Bybit's wire."""
