"""The server side of Kraken's wire."""
