"""From what happens on the exchange to market streams, for spot and futures alike.

Real-time streams go out with the event that caused them. Timed ones (depth, tickers, klines) tick on
a grid aligned to the epoch, and only while somebody listens.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.binance.collect import (
    INTERVALS,
    Aggregate,
    Aggregates,
    DepthDiff,
)
from integrated_trading_system.simulation.exchange.dialects.binance.http import millis, number
from integrated_trading_system.simulation.exchange.dialects.binance.streams import Streams
from integrated_trading_system.simulation.exchange.events import BookChanged, PriceLevel, TradeHappened
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.tape import Bar, end_of

Payload = Any
"""Something JSON can hold; None where there is nothing to say."""


class Timing(Protocol):
    """What a feed needs of the service around it."""

    @property
    def now(self) -> Nanos:
        """The time."""

    def venue_time(self, now: Nanos) -> Nanos:
        """The venue's own clock."""

    def call_at(self, due: Nanos, action: Callable[[Nanos], None]) -> None:
        """Call later."""


class Feed(ABC):
    """Market streams of one product. A subclass says what is particular about its payloads."""

    depth_periods: dict[str, Nanos]
    """By stream, without the symbol."""
    kline_period: Nanos
    ticker_period: Nanos

    def __init__(self, exchange: Exchange, streams: Streams, timing: Timing) -> None:
        self.exchange = exchange
        self.streams = streams
        self._timing = timing
        self._symbols = {symbol.lower(): state for symbol, state in exchange.symbols.items()}
        self._diffs: dict[str, list[DepthDiff]] = {symbol: [] for symbol in exchange.symbols}
        self._prints: list[TradeHappened] = []
        """Trades of one order at one price, to be told as one aggregate."""
        self.aggregates = {symbol: Aggregates() for symbol in exchange.symbols}
        self._ticking: dict[str, None] = {}

    # -- what is particular ---------------------------------------------------------------------

    def millis(self, now: Nanos) -> int:
        """By the venue's clock."""
        return millis(self._timing.venue_time(now))

    def price(self, state: SymbolState, value: Decimal) -> str:
        """A price as text."""
        return number(value)

    def quantity(self, state: SymbolState, value: Decimal) -> str:
        """A quantity as text."""
        return number(value)

    def amount(self, state: SymbolState, value: Decimal) -> str:
        """A sum of quote currency as text."""
        return number(value)

    def aggregate_fields(self, state: SymbolState, aggregate: Aggregate) -> dict[str, Any]:
        """An aggregate as stream and REST both tell it."""
        return {
            "a": aggregate.aggregate_id,
            "p": self.price(state, aggregate.price),
            "q": self.quantity(state, aggregate.quantity),
            "f": aggregate.first_trade,
            "l": aggregate.last_trade,
            "T": self.millis(aggregate.time),
            "m": aggregate.buyer_is_maker,
        }

    def stamp(self, event: str, state: SymbolState, now: Nanos) -> dict[str, Any]:
        """The first fields of a payload."""
        return {"e": event, "E": self.millis(now), "s": state.listing.symbol}

    @abstractmethod
    def trade_row(self, state: SymbolState, trade: TradeHappened, now: Nanos) -> Payload:
        """Payload of ``@trade``; None where prints are only told as aggregates."""

    @abstractmethod
    def aggregate_row(self, state: SymbolState, aggregate: Aggregate, now: Nanos) -> Payload:
        """Payload of ``@aggTrade``."""

    @abstractmethod
    def quote_row(self, state: SymbolState, change: BookChanged, now: Nanos) -> Payload:
        """Payload of ``@bookTicker``."""

    @abstractmethod
    def diff_row(self, diff: DepthDiff, now: Nanos) -> Payload:
        """Payload of ``@depth``."""

    @abstractmethod
    def partial_row(self, state: SymbolState, levels: int, now: Nanos) -> Payload:
        """Payload of ``@depth<levels>``."""

    @abstractmethod
    def ticker_row(self, state: SymbolState, now: Nanos) -> Payload:
        """Payload of ``@ticker``."""

    def particular(self, state: SymbolState, kind: str) -> tuple[Nanos, Callable[[Nanos], Payload]] | None:
        """Period and payload of a timed stream that only this product has."""
        return None

    def particular_all(self, name: str) -> tuple[Nanos, Callable[[Nanos], Payload]] | None:
        """The same, of a stream for all symbols."""
        return None

    # -- real time ------------------------------------------------------------------------------

    def on_trade(self, trade: TradeHappened) -> None:
        """Tell a print, and remember it for its aggregate."""
        state = self.exchange.symbols[trade.symbol]
        lower = trade.symbol.lower()
        if self.streams.heard(f"{lower}@trade"):
            row = self.trade_row(state, trade, self.exchange.now)
            if row is not None:
                self.streams.publish(f"{lower}@trade", row)
        first = self._prints[0] if self._prints else trade
        if (first.symbol, first.price, _taker(first)) != (trade.symbol, trade.price, _taker(trade)):
            self._tell_aggregate()
        self._prints.append(trade)

    def on_book(self, change: BookChanged) -> None:
        """Tell the top of the book; collect the rest for the depth streams."""
        self._tell_aggregate()
        state = self.exchange.symbols[change.symbol]
        if change.top_changed:
            name = f"{change.symbol.lower()}@bookTicker"
            if self.streams.heard(name):
                self.streams.publish(name, self.quote_row(state, change, self.exchange.now))
        for diff in self._diffs[change.symbol]:
            diff.add(change)

    def _tell_aggregate(self) -> None:
        if not self._prints:
            return
        trades, self._prints = self._prints, []
        symbol = trades[0].symbol
        aggregate = self.aggregates[symbol].add(trades)
        name = f"{symbol.lower()}@aggTrade"
        if self.streams.heard(name):
            state = self.exchange.symbols[symbol]
            self.streams.publish(name, self.aggregate_row(state, aggregate, self.exchange.now))

    # -- timed ----------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """A stream has its first listener: if it is a timed one, let it tick."""
        if name in self._ticking:
            return
        timed = self._timed(name)
        if timed is not None:
            self._ticking[name] = None
            self._tick_later(name, *timed)

    def _tick_later(self, name: str, period: Nanos, payload: Callable[[Nanos], Payload]) -> None:
        def tick(due: Nanos) -> None:
            if not self.streams.heard(name):
                del self._ticking[name]
                self._forget_diff(payload)
                return
            row = payload(due)
            if row is not None:
                self.streams.publish(name, row)
            self._timing.call_at(Nanos(due + period), tick)

        now = self._timing.now
        self._timing.call_at(Nanos(now - now % period + period), tick)

    def _timed(self, name: str) -> tuple[Nanos, Callable[[Nanos], Payload]] | None:
        if name == "!miniTicker@arr":
            return SECOND, self._all_mini_tickers
        if name.startswith("!"):
            return self.particular_all(name)
        lower, _, kind = name.partition("@")
        state = self._symbols.get(lower)
        if state is None:
            return None
        if kind in self.depth_periods:
            diff = DiffTick(self, state)
            self._diffs[state.listing.symbol].append(diff.diff)
            return self.depth_periods[kind], diff
        levels, _, speed = kind.partition("@")
        if levels in ("depth5", "depth10", "depth20"):
            period = self.depth_periods.get(f"depth@{speed}" if speed else "depth")
            if period is None:
                return None
            return period, lambda now: self.partial_row(state, int(levels[5:]), now)
        if kind.startswith("kline_") and kind[6:] in INTERVALS:
            return self.kline_period, KlineTick(self, state, kind[6:], self._timing.now)
        if kind == "miniTicker":
            return self.ticker_period, lambda now: self._mini_ticker(state, now)
        if kind == "ticker":
            return self.ticker_period, lambda now: self.ticker_row(state, now)
        return self.particular(state, kind)

    def _forget_diff(self, payload: Callable[[Nanos], Payload]) -> None:
        if isinstance(payload, DiffTick):
            self._diffs[payload.diff.state.listing.symbol].remove(payload.diff)

    # -- payloads that are the same everywhere --------------------------------------------------

    def levels(self, state: SymbolState, levels: list[PriceLevel] | tuple[PriceLevel, ...]) -> list[list[str]]:
        """Rows of a book."""
        return [[self.price(state, price), self.quantity(state, quantity)] for price, quantity in levels]

    def kline_row(self, state: SymbolState, bar: Bar, name: str, now: Nanos, *, closed: bool) -> dict[str, Any]:
        """Payload of ``@kline_<interval>``."""
        begins = millis(bar.opened_at)
        return self.stamp("kline", state, now) | {
            "k": {
                "t": begins,
                "T": millis(end_of(INTERVALS[name], bar.opened_at)) - 1,
                "s": state.listing.symbol,
                "i": name,
                "f": bar.first_trade,
                "L": bar.last_trade,
                "o": self.price(state, bar.open),
                "c": self.price(state, bar.close),
                "h": self.price(state, bar.high),
                "l": self.price(state, bar.low),
                "v": self.quantity(state, bar.volume),
                "n": bar.trades,
                "x": closed,
                "q": self.amount(state, bar.quote_volume),
                "V": self.quantity(state, bar.taker_volume),
                "Q": self.amount(state, bar.taker_quote_volume),
                "B": "0",
            }
        }

    def _mini_ticker(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        day = state.tape.day(now)
        return self.stamp("24hrMiniTicker", state, now) | {
            "c": self.price(state, day.close),
            "o": self.price(state, day.open),
            "h": self.price(state, day.high),
            "l": self.price(state, day.low),
            "v": self.quantity(state, day.volume),
            "q": self.amount(state, day.quote_volume),
        }

    def _all_mini_tickers(self, now: Nanos) -> Payload:
        """The venue's rule: "Only tickers that have changed will be present in the array"."""
        since = now - SECOND
        changed = [state for state in self.exchange.symbols.values() if state.tape.last_change > since]
        return [self._mini_ticker(state, now) for state in changed] or None


class DiffTick:
    """A depth stream: speaks when something changed."""

    def __init__(self, feed: Feed, state: SymbolState) -> None:
        self._feed = feed
        self.diff = DepthDiff(state)

    def __call__(self, now: Nanos) -> Payload:
        if self.diff.last == self.diff.previous:
            return None
        row = self._feed.diff_row(self.diff, now)
        self.diff.clear()
        return row


class KlineTick:
    """A kline stream: speaks when a trade came, and once more when the bar is over."""

    def __init__(self, feed: Feed, state: SymbolState, name: str, now: Nanos) -> None:
        self._feed = feed
        self._state = state
        self._name = name
        self._interval = INTERVALS[name]
        self._opened_at = state.tape.current(self._interval, now).opened_at
        self._told = Nanos(-1)

    def __call__(self, now: Nanos) -> Payload:
        tape = self._state.tape
        bar = tape.current(self._interval, now)
        if bar.opened_at != self._opened_at:
            over = tape.bars(self._interval, now, self._opened_at, self._opened_at, 1)[0]
            self._opened_at = bar.opened_at
            return self._feed.kline_row(self._state, over, self._name, now, closed=True)
        if tape.last_change == self._told:
            return None
        self._told = tape.last_change
        return self._feed.kline_row(self._state, bar, self._name, now, closed=False)


def _taker(trade: TradeHappened) -> int:
    """The later order of the two: ids grow."""
    return max(trade.buyer_order_id, trade.seller_order_id)
