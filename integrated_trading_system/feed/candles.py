"""Candles of several intervals at once, made from the trades of the feed.

Each trade is counted once, in the candle of the shortest interval; the longer ones are put together from
these. Sums are whole numbers of the tenth decimal, so they are exact and do not depend on the order of
the trades. A candle that the stream of trades did not cover from beginning to end is not `complete`.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias, assert_never

from msgspec import Struct

from integrated_trading_system.domain.health import LinkChanged, LinkState
from integrated_trading_system.domain.ids import InstrumentId, LinkId, venue_of
from integrated_trading_system.domain.intervals import LENGTHS, next_opened_at, opened_at
from integrated_trading_system.domain.market import Candle, Trade
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.feed.clock import NEVER, Clocks
from integrated_trading_system.runtime.actor import Actor

SCALE: Final = 10**10
"""Prices and quantities are counted in this part of one: finer than any venue's tick or lot."""
LATE_FOR: Final = Nanos(2 * SECOND)
"""A candle is closed so long after its end, in the venue's time: trades on their way still belong to it."""
CARRYING: Final = (LinkState.SUBSCRIBE, LinkState.LIVE)


class CandlesDue(Struct, frozen=True):
    """Timer: tell what has changed, and close what is over."""


Inbox: TypeAlias = Trade | LinkChanged | CandlesDue


class CandlesView(Struct, frozen=True):
    """What was made."""

    closed: dict[str, int]
    """Closed candles by interval."""
    late: int
    """Trades that came after their candle was closed. They are in no candle."""


class Sums:
    """One candle being made."""

    __slots__ = ("close", "complete", "ended_at", "high", "low", "notional", "open", "opened_at", "trades", "volume")

    def __init__(self, opened: Nanos, ended: Nanos, price: float, *, complete: bool) -> None:
        """Nothing traded yet; `price` is the one before."""
        self.opened_at = opened
        self.ended_at = ended
        self.open = self.high = self.low = self.close = price
        self.volume = 0
        self.notional = 0
        self.trades = 0
        self.complete = complete

    def take(self, price: float, volume: int, notional: int) -> None:
        """One trade."""
        if not self.trades:
            self.open = self.high = self.low = price
        elif price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.volume += volume
        self.notional += notional
        self.trades += 1

    def add(self, part: "Sums") -> None:
        """A shorter candle, later than those before it."""
        if part.trades:
            if not self.trades:
                self.open, self.high, self.low = part.open, part.high, part.low
            self.high = max(self.high, part.high)
            self.low = min(self.low, part.low)
            self.close = part.close
        self.volume += part.volume
        self.notional += part.notional
        self.trades += part.trades
        self.complete = self.complete and part.complete

    def candle(self, instrument: InstrumentId, interval: str, now: Nanos, *, closed: bool) -> Candle:
        """As everyone gets it."""
        return Candle(
            instrument=instrument,
            interval=interval,
            opened_at=self.opened_at,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.volume / SCALE,
            trades=self.trades,
            closed=closed,
            received_at=now,
            quote_volume=self.notional / SCALE**2,
            made=True,
            complete=self.complete,
        )


class Series:
    """The candles of one instrument: the running one of the shortest interval, and the parts of the longer ones."""

    __slots__ = ("base", "changed", "longer", "missed_until", "running")

    def __init__(self, base: str, longer: Sequence[str]) -> None:
        """`base` divides all of `longer`."""
        self.base = base
        self.running: Sums | None = None
        self.longer: dict[str, Sums | None] = dict.fromkeys(longer)
        self.changed = False
        self.missed_until: int = 0
        """Venue time up to which trades may have been missed."""

    def trade(self, trade: Trade) -> list[tuple[str, Sums]] | None:
        """Count a trade. What it closed, shortest first; None when its candle is over already."""
        at = trade.venue_time or trade.received_at
        running = self.running
        closed: list[tuple[str, Sums]] = []
        if running is None:
            self.missed_until = at
            running = self._begin(opened_at(self.base, at), trade.price)
        elif at >= running.ended_at:
            closed = self.roll(at)
            running = self.running
            assert running is not None, "rolling keeps a candle running"
        elif at < running.opened_at:
            self._miss(at)
            return None
        volume = round(trade.quantity * SCALE)
        running.take(trade.price, volume, round(trade.price * SCALE) * volume)
        self.changed = True
        return closed

    def roll(self, at: int) -> list[tuple[str, Sums]]:
        """Close what is over at this instant, candles without trades too; shortest first."""
        closed: list[tuple[str, Sums]] = []
        while self.running is not None and at >= self.running.ended_at:
            over = self.running
            closed.append((self.base, over))
            for interval, part in self.longer.items():
                whole = self._extend(interval, part, over)
                done = whole.ended_at <= over.ended_at
                if done:
                    closed.append((interval, whole))
                self.longer[interval] = None if done else whole
            self._begin(over.ended_at, over.close)
            self.changed = True
        return closed

    def cut(self, until: int) -> None:
        """Trades may be missed up to this instant: the running candles are not complete, nor those that open in it."""
        self.missed_until = until
        if self.running is not None:
            self.running.complete = False

    def present(self) -> list[tuple[str, Sums]]:
        """Every running candle."""
        running = self.running
        if running is None:
            return []
        return [
            (self.base, running),
            *((name, self._extend(name, part, running)) for name, part in self.longer.items()),
        ]

    def _begin(self, opened: Nanos, price: float) -> Sums:
        ended = next_opened_at(self.base, opened)
        self.running = Sums(opened, ended, price, complete=opened > self.missed_until)
        return self.running

    def _miss(self, at: int) -> None:
        """A trade is in no candle: the longer ones that it belongs to are not complete."""
        for part in self.longer.values():
            if part is not None and part.opened_at <= at:
                part.complete = False

    def _extend(self, interval: str, part: Sums | None, by: Sums) -> Sums:
        """The longer candle with this part in it; the longer one itself is not changed."""
        opened = opened_at(interval, by.opened_at)
        # A longer candle that does not begin with its first part was not seen from its beginning.
        begun = part.complete if part is not None else by.opened_at == opened
        whole = Sums(opened, next_opened_at(interval, opened), by.open, complete=begun)
        if part is not None:
            whole.add(part)
        whole.add(by)
        return whole


class CandleMaker(Actor[Inbox]):
    """Publishes running candles now and then, and every closed one once."""

    def __init__(self, intervals: Sequence[str], publish_every: Nanos, clocks: Clocks) -> None:
        """`intervals`: names of `domain.intervals`; the shortest of them has to divide the others."""
        ordered = sorted(intervals, key=LENGTHS.__getitem__)
        self._base, self._longer = ordered[0], tuple(ordered[1:])
        self._publish_every = publish_every
        self._clocks = clocks
        self._series: dict[InstrumentId, Series] = {}
        self._links: dict[InstrumentId, dict[LinkId, None]] = {}
        self._closed = dict.fromkeys(ordered, 0)
        self._late = 0

    def start(self) -> None:
        """Begin to look at the clock."""
        self.context.after(self._publish_every, CandlesDue())

    def receive(self, message: Inbox) -> None:
        """One trade, or one turn of the clock."""
        match message:
            case Trade():
                self._on_trade(message)
            case CandlesDue():
                self._on_due()
            case LinkChanged():
                self._on_link(message)
            case _:
                assert_never(message)

    def view(self) -> CandlesView:
        """The counters now."""
        return CandlesView(dict(self._closed), self._late)

    def _on_trade(self, trade: Trade) -> None:
        instrument = trade.instrument
        series = self._series.get(instrument)
        if series is None:
            series = self._series[instrument] = Series(self._base, self._longer)
        closed = series.trade(trade)
        if closed is None:
            self._late += 1
        elif closed:
            self._close(instrument, closed)

    def _on_due(self) -> None:
        now = self.context.now
        for instrument, series in self._series.items():
            at = now + self._clocks.of(venue_of(instrument)).offset - LATE_FOR
            self._close(instrument, series.roll(at))
            if series.changed:
                series.changed = False
                for interval, sums in series.present():
                    self.context.publish(sums.candle(instrument, interval, now, closed=False))
        self.context.after(self._publish_every, CandlesDue())

    def _close(self, instrument: InstrumentId, closed: Sequence[tuple[str, Sums]]) -> None:
        for interval, sums in closed:
            self._closed[interval] += 1
            self.context.publish(sums.candle(instrument, interval, self.context.now, closed=True))

    def _on_link(self, changed: LinkChanged) -> None:
        """While one link carries an instrument, no trade is missed."""
        for instrument in changed.instruments:
            links = self._links.setdefault(instrument, {})
            before = len(links)
            if changed.state in CARRYING:
                links[changed.link] = None
            else:
                links.pop(changed.link, None)
            if instrument in self._series and bool(before) != bool(links):
                until = self.context.now + self._clocks.of(changed.venue).offset if links else NEVER
                self._series[instrument].cut(until)
