"""Exchanges by way of the library ccxt, which is imported only when a venue asks for it."""
