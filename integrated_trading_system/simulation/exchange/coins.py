"""Twenty coins with round prices, so that a simulated venue has something to list."""

from decimal import Decimal
from typing import Final

from msgspec import Struct


class Coin(Struct, frozen=True):
    """Where a coin's market opens, and the steps in which it is quoted and traded."""

    price: Decimal
    """In dollars, whichever."""
    tick: Decimal
    lot: Decimal


def _coin(price: str, tick: str, lot: str) -> Coin:
    return Coin(Decimal(price), Decimal(tick), Decimal(lot))


COINS: Final = {
    "BTC": _coin("65000", "0.01", "0.00001"),
    "ETH": _coin("3500", "0.01", "0.0001"),
    "SOL": _coin("160", "0.01", "0.001"),
    "BNB": _coin("600", "0.01", "0.001"),
    "XRP": _coin("0.6", "0.0001", "0.1"),
    "DOGE": _coin("0.15", "0.00001", "1"),
    "ADA": _coin("0.5", "0.0001", "0.1"),
    "TRX": _coin("0.13", "0.00001", "0.1"),
    "AVAX": _coin("30", "0.001", "0.01"),
    "LINK": _coin("15", "0.001", "0.01"),
    "DOT": _coin("7", "0.001", "0.01"),
    "POL": _coin("0.7", "0.0001", "0.1"),
    "LTC": _coin("80", "0.01", "0.001"),
    "BCH": _coin("400", "0.1", "0.001"),
    "NEAR": _coin("5", "0.0001", "0.1"),
    "UNI": _coin("8", "0.001", "0.01"),
    "APT": _coin("9", "0.001", "0.01"),
    "ATOM": _coin("7", "0.001", "0.01"),
    "ARB": _coin("1", "0.0001", "0.1"),
    "OP": _coin("2", "0.0001", "0.01"),
}

CROSSES: Final = {("ETH", "BTC"): _coin("0.05385", "0.00001", "0.0001")}
"""Coins that are traded for another coin: its price is in that one."""


def in_dollars(quote: str) -> Decimal:
    """What a unit of a quote currency is worth where its market opens."""
    return COINS[quote].price if quote in COINS else Decimal(1)
