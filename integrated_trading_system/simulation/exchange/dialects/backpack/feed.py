"""From what happens on the exchange to Backpack's streams. Times are microseconds of the venue's clock.

Books, quotes and prints go out with the event that caused them. Aggregated depth, tickers and candles
tick on a grid aligned to the epoch, and only while somebody listens.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from integrated_trading_system.domain.money import plain
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.backpack.guard import Guard
from integrated_trading_system.simulation.exchange.dialects.backpack.http import date_text, fixed, micros
from integrated_trading_system.simulation.exchange.dialects.backpack.perp import PerpQueries
from integrated_trading_system.simulation.exchange.dialects.backpack.queries import INTERVALS, Queries
from integrated_trading_system.simulation.exchange.dialects.backpack.rows import ORDERS, OrderRows
from integrated_trading_system.simulation.exchange.dialects.backpack.streams import Streams
from integrated_trading_system.simulation.exchange.dialects.binance.collect import DepthDiff
from integrated_trading_system.simulation.exchange.dialects.binance.feed import Timing
from integrated_trading_system.simulation.exchange.events import BookChanged, OrderChanged, PriceLevel, TradeHappened
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.tape import Bar, end_of

AGGREGATED: Final = {f"{length}ms": Nanos(length * MILLISECOND) for length in (200, 600, 1000)}
PRIVATE: Final = ("account.orderUpdate", "account.positionUpdate", "account.rfqUpdate")
"""On the latter two nothing is ever told here: positions are asked for, quotes are not."""
MARK_PERIOD: Final = SECOND
"""Ours: how often mark prices are told is not documented."""

Tick = Callable[[Nanos], dict[str, Any] | None]
"""What a timed stream says; None for nothing."""


class Feed:
    """All streams."""

    def __init__(
        self, rows: OrderRows, queries: Queries, guard: Guard, timing: Timing, send: Callable[..., None]
    ) -> None:
        self._rows = rows
        self._exchange = rows.exchange
        self._queries = queries
        self._timing = timing
        self.streams = Streams(guard, send, self._known, self._start, rows.venue_time)
        self._diffs: dict[str, list[DepthDiff]] = {symbol: [] for symbol in rows.exchange.symbols}
        self._ticking: dict[str, None] = {}

    # -- real time ------------------------------------------------------------------------------

    def on_trade(self, trade: TradeHappened) -> None:
        """``trade.<symbol>``."""
        name = f"trade.{trade.symbol}"
        if not self.streams.heard(name):
            return
        listing = self._rows.listing(trade.symbol)
        row = {
            "p": fixed(trade.price, listing.price_decimals),
            "q": fixed(trade.quantity, listing.quantity_decimals),
            "b": str(ORDERS + trade.buyer_order_id),
            "a": str(ORDERS + trade.seller_order_id),
            "t": trade.trade_id,
            "m": trade.side is Side.SELL,
        }
        self.streams.publish(name, self._stamp("trade", trade.symbol, trade.time) | row)

    def on_book(self, change: BookChanged) -> None:
        """``bookTicker.<symbol>``, then ``depth.<symbol>``."""
        symbol = change.symbol
        if change.top_changed and self.streams.heard(f"bookTicker.{symbol}"):
            self.streams.publish(f"bookTicker.{symbol}", self._quote(change))
        if self.streams.heard(f"depth.{symbol}"):
            row = self._depth(symbol, change.first_update, change.last_update, change.bids, change.asks, change.time)
            self.streams.publish(f"depth.{symbol}", row)
        for diff in self._diffs[symbol]:
            diff.add(change)

    def on_order(self, change: OrderChanged) -> None:
        """``account.orderUpdate``, for all symbols and for one."""
        account, row = change.order.account, None
        for name in ("account.orderUpdate", f"account.orderUpdate.{change.order.symbol}"):
            if self.streams.heard(name, account):
                row = row or self._rows.event(change)
                self.streams.publish(name, row, account)

    # -- timed ----------------------------------------------------------------------------------

    def _known(self, name: str) -> bool:
        kind, _, rest = name.partition(".")
        symbol = rest.rpartition(".")[2]
        if kind == "account":
            base = ".".join(name.split(".")[:2])
            return base in PRIVATE and (name == base or name[len(base) + 1 :] in self._exchange.symbols)
        if symbol not in self._exchange.symbols:
            return False
        detail = rest.rpartition(".")[0]
        match kind:
            case "trade" | "bookTicker" | "ticker":
                return not detail
            case "markPrice":
                return not detail and isinstance(self._queries, PerpQueries)
            case "depth":
                return detail in ("", *AGGREGATED)
            case "kline":
                return detail in INTERVALS
            case _:
                return False

    def _start(self, name: str, now: Nanos) -> None:
        """A stream has its first listener: if it is a timed one, let it tick."""
        kind, _, rest = name.partition(".")
        detail, _, symbol = rest.rpartition(".")
        state = self._exchange.symbols.get(symbol)
        if state is None or name in self._ticking:
            return
        if kind == "ticker":
            self._tick(name, SECOND, now, lambda due: self._ticker(state, due), _nothing)
        elif kind == "markPrice" and isinstance(self._queries, PerpQueries):
            mark = partial(self._queries.mark, state, venue_time=self._timing.venue_time)
            self._tick(name, MARK_PERIOD, now, mark, _nothing)
        elif kind == "kline":
            self._tick(name, SECOND, now, Candles(self, state, detail), _nothing)
        elif kind == "depth" and detail:
            diff = DepthDiff(state)
            self._diffs[symbol].append(diff)
            forget = partial(self._diffs[symbol].remove, diff)
            self._tick(name, AGGREGATED[detail], now, partial(self._merged, diff), forget)

    def _tick(self, name: str, period: Nanos, now: Nanos, say: Tick, over: Callable[[], None]) -> None:
        self._ticking[name] = None

        def tick(due: Nanos) -> None:
            if not self.streams.heard(name):
                del self._ticking[name]
                over()
                return
            row = say(due)
            if row is not None:
                self.streams.publish(name, row)
            self._timing.call_at(Nanos(due + period), tick)

        self._timing.call_at(Nanos(now - now % period + period), tick)

    def _merged(self, diff: DepthDiff, now: Nanos) -> dict[str, Any] | None:
        if diff.last == diff.previous:
            return None
        bids, asks = tuple(sorted(diff.bids.items())), tuple(sorted(diff.asks.items()))
        row = self._depth(diff.state.listing.symbol, diff.first, diff.last, bids, asks, diff.state.changed_at)
        diff.clear()
        return row

    # -- payloads -------------------------------------------------------------------------------

    def _stamp(self, event: str, symbol: str, time: Nanos) -> dict[str, Any]:
        """`E`: when it is told; `T`: when it happened."""
        emitted = micros(self._timing.venue_time(self._exchange.now))
        return {"e": event, "E": emitted, "T": micros(self._timing.venue_time(time)), "s": symbol}

    def _quote(self, change: BookChanged) -> dict[str, Any]:
        top, listing = change.top, self._rows.listing(change.symbol)
        price, quantity = listing.price_decimals, listing.quantity_decimals
        row = self._stamp("bookTicker", change.symbol, change.time) | {"u": change.last_update}
        if top.bid:
            row |= {"b": fixed(top.bid, price), "B": fixed(top.bid_quantity, quantity)}
        if top.ask:
            row |= {"a": fixed(top.ask, price), "A": fixed(top.ask_quantity, quantity)}
        return row

    def _depth(
        self,
        symbol: str,
        first: int,
        last: int,
        bids: tuple[PriceLevel, ...],
        asks: tuple[PriceLevel, ...],
        time: Nanos,
    ) -> dict[str, Any]:
        state = self._exchange.symbols[symbol]
        levels = {"a": self._queries.levels(state, asks), "b": self._queries.levels(state, bids)}
        return self._stamp("depth", symbol, time) | levels | {"U": first, "u": last}

    def _ticker(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        day, decimals = state.tape.day(now), state.listing.price_decimals
        return {
            "e": "ticker",
            "E": micros(self._timing.venue_time(now)),
            "s": state.listing.symbol,
            "o": fixed(day.open, decimals),
            "c": fixed(day.close, decimals),
            "h": fixed(day.high, decimals),
            "l": fixed(day.low, decimals),
            "v": plain(day.volume),
            "V": plain(day.quote_volume),
            "n": day.trades,
        }

    def candle(self, state: SymbolState, bar: Bar, length: Nanos, now: Nanos, *, closed: bool) -> dict[str, Any]:
        """``kline``: without trades it has no prices; `T` is where the next one starts."""
        decimals = state.listing.price_decimals
        prices = {"o": bar.open, "c": bar.close, "h": bar.high, "l": bar.low}
        return {
            "e": "kline",
            "E": micros(self._timing.venue_time(now)),
            "s": state.listing.symbol,
            "t": date_text(bar.opened_at, timespec="seconds"),
            "T": date_text(end_of(length, bar.opened_at), timespec="seconds"),
            **{name: fixed(price, decimals) if bar.trades else None for name, price in prices.items()},
            "v": plain(bar.volume),
            "n": bar.trades,
            "X": closed,
        }


class Candles:
    """A kline stream: speaks when a trade came, and once more when the candle is over."""

    def __init__(self, feed: Feed, state: SymbolState, interval: str) -> None:
        self._feed = feed
        self._state = state
        self._length = INTERVALS[interval]
        self._opened_at: Nanos | None = None
        self._told = Nanos(-1)

    def __call__(self, now: Nanos) -> dict[str, Any] | None:
        tape = self._state.tape
        bar = tape.current(self._length, now)
        before, self._opened_at = self._opened_at, bar.opened_at
        if before is not None and before != bar.opened_at:
            over = tape.bars(self._length, now, before, before, 1)[0]
            return self._feed.candle(self._state, over, self._length, now, closed=True)
        if tape.last_change == self._told:
            return None
        self._told = tape.last_change
        return self._feed.candle(self._state, bar, self._length, now, closed=False)


def _nothing() -> None:
    """Nothing to clean up."""
