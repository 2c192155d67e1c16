"""The server side of Binance's wire."""
