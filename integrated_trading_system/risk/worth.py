"""What everything may come to be worth: sums that are kept up with every change instead of being added up anew.

A *line* is one instrument: its newest price, and how much of it may come about. When a holding or a
price changes, every sum moves by the difference, in exact decimals; so a plan is held against all
limits by looking at its own legs alone. The sums are equal to those of adding everything up.
"""

from collections.abc import Callable, Container
from decimal import Decimal
from typing import Protocol, TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.book import BookReader, QuoteReader
from integrated_trading_system.domain.ids import Asset, InstrumentId, StrategyId, VenueId, venue_of
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import ONE, ZERO, from_float

RateOf: TypeAlias = Callable[[Asset], Decimal | None]
HALF = Decimal("0.5")


class Prices(BookReader, QuoteReader, Protocol):
    """Where books and their best prices are read."""


class Change(Struct, frozen=True):
    """Of one instrument, in its own units: by how much each figure moves."""

    size: Decimal
    """The largest size that it may come to, over all accounts."""
    own: Decimal
    """The same of the strategy's part."""
    high: Decimal
    """The highest that its position may come to."""
    low: Decimal
    position: Decimal


class Totals(Struct, frozen=True):
    """Worst-case notional, in the reporting currency, long and short both counted."""

    instruments: dict[InstrumentId, Decimal]
    venues: dict[VenueId, Decimal]
    strategies: dict[StrategyId, Decimal]
    total: Decimal
    unvalued: tuple[InstrumentId, ...]
    """Held, but without a price or a rate: they are not in the sums."""
    assets: dict[Asset, Decimal] = {}
    """Net over all instruments of the asset, the worse of both directions."""


class Line:
    """One instrument."""

    __slots__ = (
        *("ask", "bid", "high", "instrument", "low", "mark", "name", "own", "positions"),
        *("floating", "quote", "rate", "size", "unit", "venue"),
    )

    def __init__(self, name: InstrumentId) -> None:
        """Not listed, without a price, and none of it held."""
        self.name = name
        self.venue = venue_of(name)
        self.instrument: Instrument | None = None
        self.quote: Quote | None = None
        self.bid = self.ask = ZERO
        """Of `quote`, as decimals."""
        self.mark: Decimal | None = None
        self.rate: Decimal | None = None
        """Value of one unit of its quote currency."""
        self.floating = True
        """That is looked up again with every look: it is by a book, or there is none yet."""
        self.unit = ZERO
        """Worth of one unit of quantity; 0 where there is no price or no rate."""
        self.size = self.high = self.low = ZERO
        self.own: dict[StrategyId, Decimal] = {}
        """Largest size that each strategy's part may come to."""
        self.positions: dict[StrategyId, Decimal] = {}


class Worths:
    """Lines, and the sums over them in the reporting currency."""

    def __init__(self, prices: Prices, rate: RateOf, stated: Container[Asset] = ()) -> None:
        """`rate`: value of one unit of an asset now, None where there is none; those of `stated` never change."""
        self.lines: dict[InstrumentId, Line] = {}
        self.total = ZERO
        self.venues: dict[VenueId, Decimal] = {}
        self.strategies: dict[StrategyId, Decimal] = {}
        self.nets: dict[StrategyId, Decimal] = {}
        """Signed worth of what each strategy holds: 0 for one whose legs cancel out."""
        self._prices = prices
        self._rate = rate
        self._stated = stated
        self._highs: dict[Asset, Decimal] = {}
        self._lows: dict[Asset, Decimal] = {}

    def list(self, instrument: Instrument) -> None:
        """A venue lists it: as new, or with other rules than before."""
        line = self._line(instrument.instrument)
        self._revalue(line, ZERO)
        line.instrument = instrument
        line.rate = self._rate(instrument.quote)
        line.floating = instrument.quote not in self._stated
        self._revalue(line, _unit(line))

    def price(self, name: InstrumentId, price: Decimal) -> None:
        """A price at which we traded or meant to: better than an older one, where the book is not VALID."""
        line = self._line(name)
        if line.mark is None or self._prices.top(name) is None:
            line.mark, line.quote = price, None
            self._revalue(line, _unit(line))

    def look(self, name: InstrumentId) -> Line | None:
        """The line, by the newest prices; None for what is neither listed nor held."""
        line = self.lines.get(name)
        if line is not None:
            self._refresh(line)
        return line

    def refresh(self) -> None:
        """Every line by the newest prices."""
        for line in self.lines.values():
            self._refresh(line)

    def change(self, name: InstrumentId, strategy: StrategyId, change: Change) -> None:
        """A holding of this instrument moved, and the strategy's part of it."""
        line = self._line(name)
        line.size += change.size
        line.high += change.high
        line.low += change.low
        line.own[strategy] = line.own.get(strategy, ZERO) + change.own
        line.positions[strategy] = line.positions.get(strategy, ZERO) + change.position
        unit = line.unit
        if unit:
            self._add(line, unit * change.size, unit * change.high, unit * change.low)
            self.strategies[strategy] = self.strategies.get(strategy, ZERO) + unit * change.own
            self.nets[strategy] = self.nets.get(strategy, ZERO) + unit * change.position

    def asset(self, asset: Asset, high: Decimal = ZERO, low: Decimal = ZERO) -> Decimal:
        """What the asset may net to over all its instruments, with so much more in the one and the other direction."""
        return max(abs(self._highs.get(asset, ZERO) + high), abs(self._lows.get(asset, ZERO) + low))

    def totals(self) -> Totals:
        """Everything, now."""
        self.refresh()
        return Totals(
            {line.name: line.unit * line.size for line in self.lines.values() if line.unit and line.size},
            {venue: worth for venue, worth in self.venues.items() if worth},
            {strategy: worth for strategy, worth in self.strategies.items() if worth},
            self.total,
            tuple(line.name for line in self.lines.values() if line.size and not line.unit),
            {asset: worth for asset in self._highs if (worth := self.asset(asset))},
        )

    def _line(self, name: InstrumentId) -> Line:
        line = self.lines.get(name)
        if line is None:
            line = self.lines[name] = Line(name)
        return line

    def _refresh(self, line: Line) -> None:
        """Take what is newer than before; where the book is not VALID the last price holds."""
        quote = self._prices.top(line.name)
        if quote is line.quote and not line.floating:
            return
        if quote is not None and quote is not line.quote:
            line.bid, line.ask = from_float(quote.bid), from_float(quote.ask)
            line.mark = (line.bid + line.ask) * HALF
        line.quote = quote
        if line.floating and line.instrument is not None:
            line.rate = self._rate(line.instrument.quote)
        self._revalue(line, _unit(line))

    def _revalue(self, line: Line, unit: Decimal) -> None:
        """Move every sum by what the difference between the two units makes of it."""
        difference = unit - line.unit
        line.unit = unit
        if not difference or line.instrument is None:
            return
        if line.size or line.high or line.low:
            self._add(line, difference * line.size, difference * line.high, difference * line.low)
        for strategy, own in line.own.items():
            if own:
                self.strategies[strategy] = self.strategies.get(strategy, ZERO) + difference * own
                self.nets[strategy] = self.nets.get(strategy, ZERO) + difference * line.positions[strategy]

    def _add(self, line: Line, size: Decimal, high: Decimal, low: Decimal) -> None:
        assert line.instrument is not None, "only what is listed has a worth"
        asset = line.instrument.base
        self.total += size
        self.venues[line.venue] = self.venues.get(line.venue, ZERO) + size
        self._highs[asset] = self._highs.get(asset, ZERO) + high
        self._lows[asset] = self._lows.get(asset, ZERO) + low


def _unit(line: Line) -> Decimal:
    """Worth of one unit of quantity at the line's price."""
    if line.instrument is None or line.mark is None or line.rate is None:
        return ZERO
    return line.instrument.notional(line.mark, ONE) * line.rate
