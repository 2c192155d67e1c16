"""What quantities and prices of different instruments are in one another's terms.

A Comparison counts in its own base units and its own currency. An instrument may count in contracts
or in thousands, and be quoted in another currency: USD, USDT and USDC are three.
"""

from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.domain.comparison import Comparison, Conversion, PegChanged
from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import BPS, ONE, from_float
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.strategies.arbitrage.missed import Miss


class Unit(Struct, frozen=True):
    """One instrument in the Comparison's terms."""

    instrument: Instrument
    base: Decimal
    """Base units of the Comparison in one unit of its quantity (SPOT and LINEAR)."""
    rate: Decimal
    """Value in the Comparison's currency, per base unit of the Comparison, of a price of 1."""


class _Book:
    """The state of one conversion that has a book."""

    __slots__ = ("conversion", "holds", "inverted", "mid", "received_at")

    def __init__(self, conversion: Conversion) -> None:
        self.conversion = conversion
        self.inverted: bool | None = None
        """True where the book trades the Comparison's currency against the asset. None: not listed yet."""
        self.mid: Decimal | None = None
        self.received_at = Nanos(0)
        self.holds = True


class Rates:
    """Values of quote currencies in the Comparison's currency."""

    def __init__(self, comparison: Comparison, age_max: Nanos) -> None:
        """`age_max`: of a conversion book's quote."""
        self._comparison = comparison
        self._age_max = age_max
        self._conversions = {conversion.asset: conversion for conversion in comparison.conversions}
        self._books = {
            conversion.book: _Book(conversion) for conversion in comparison.conversions if conversion.book is not None
        }

    def list(self, instrument: Instrument) -> None:
        """Learn which way round a conversion book is."""
        book = self._books.get(instrument.instrument)
        if book is None:
            return
        pair = (instrument.base, instrument.quote)
        here = (book.conversion.asset, self._comparison.currency)
        book.inverted = False if pair == here else True if pair == here[::-1] else None

    def quote(self, quote: Quote) -> PegChanged | None:
        """A conversion book moved; the alarm when a stated rate loses or regains its peg."""
        book = self._books.get(quote.instrument)
        if book is None or book.inverted is None:
            return None
        mid = (from_float(quote.bid) + from_float(quote.ask)) / 2
        book.mid = mid = ONE / mid if book.inverted else mid
        book.received_at = quote.received_at
        rate = book.conversion.rate
        if rate is None:
            return None
        holds = abs(mid / rate - ONE) * BPS <= book.conversion.depeg_bps_max
        if holds is book.holds:
            return None
        book.holds = holds
        asset = book.conversion.asset
        return PegChanged(
            comparison=self._comparison.name, asset=asset, rate=rate, mid=mid, holds=holds, at=quote.received_at
        )

    def rate(self, asset: Asset) -> Decimal | None:
        """Value of one unit: the stated rate where there is one, else the book's mid. None: not known (yet)."""
        if asset == self._comparison.currency:
            return ONE
        conversion = self._conversions.get(asset)
        if conversion is None:
            return None
        if conversion.rate is not None or conversion.book is None:
            return conversion.rate
        return self._books[conversion.book].mid

    def refusal(self, asset: Asset, now: Nanos) -> Miss | None:
        """Why the rate may not be used at this moment, or None."""
        conversion = self._conversions.get(asset)
        if conversion is None or conversion.book is None:
            return None
        book = self._books[conversion.book]
        if book.mid is None or now - book.received_at > self._age_max:
            return Miss.CONVERSION_STALE
        return None if book.holds else Miss.DEPEG


def unit(instrument: Instrument, multiplier: Decimal, rates: Rates) -> Unit | None:
    """The instrument in the Comparison's terms; None while its currency's rate is not known."""
    rate = rates.rate(instrument.quote)
    if rate is None:
        return None
    return Unit(instrument, instrument.multiplier * multiplier, rate / multiplier)
