"""From what happens on the exchange to Bybit's public topics."""

from collections.abc import Callable
from typing import Any, Final

from integrated_trading_system.domain.money import plain
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.bybit.books import PERIODS, BookTopic, CallAt, Updates
from integrated_trading_system.simulation.exchange.dialects.bybit.http import fixed
from integrated_trading_system.simulation.exchange.dialects.bybit.queries import INTERVALS
from integrated_trading_system.simulation.exchange.dialects.bybit.rows import SIDES, OrderRows
from integrated_trading_system.simulation.exchange.dialects.bybit.tickers import Tickers
from integrated_trading_system.simulation.exchange.dialects.bybit.topics import PublicLinks, Topic
from integrated_trading_system.simulation.exchange.events import BookChanged, TradeHappened
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.tape import Bar, end_of

TRADES_MAX: Final = 1024
"""Prints in one message."""

KLINE_PERIOD: Final = SECOND


class TradesTopic(Topic):
    """``publicTrade.<symbol>``, in real time."""

    def greeting(self, now: Nanos) -> Any:
        return None


class TickerTopic(Topic):
    """``tickers.<symbol>``: linear tells what changed, spot everything."""

    def __init__(self, feed: "Feed", state: SymbolState, now: Nanos) -> None:
        super().__init__(f"tickers.{state.listing.symbol}", feed.links.publish)
        self._feed = feed
        self._state = state
        self._period = Nanos((50 if feed.rows.product.spot else 100) * MILLISECOND)
        self._told = feed.tickers.stream_row(state, now)
        self._later(now)

    def greeting(self, now: Nanos) -> Any:
        return self._message("snapshot", self._told, now)

    def _tick(self, now: Nanos) -> None:
        if not self.alive:
            return
        row = self._feed.tickers.stream_row(self._state, now)
        if row != self._told:
            changed = {name: value for name, value in row.items() if self._told[name] != value}
            self._told = row
            if self._feed.rows.product.spot:
                self.publish(self._message("snapshot", row, now))
            else:
                self.publish(self._message("delta", {"symbol": row["symbol"], **changed}, now))
        self._later(now)

    def _later(self, now: Nanos) -> None:
        self._feed.call_at(Nanos(now - now % self._period + self._period), self._tick)

    def _message(self, kind: str, row: dict[str, str], now: Nanos) -> Any:
        at, sequence = self._feed.rows.millis(now), self._feed.sequence
        if self._feed.rows.product.spot:
            return {"topic": self.name, "ts": at, "type": kind, "cs": sequence, "data": row}
        return {"topic": self.name, "type": kind, "data": row, "cs": sequence, "ts": at}


class KlineTopic(Topic):
    """``kline.<interval>.<symbol>``: after trades, and once more when the candle is over."""

    def __init__(self, feed: "Feed", state: SymbolState, name: str, now: Nanos) -> None:
        super().__init__(f"kline.{name}.{state.listing.symbol}", feed.links.publish)
        self._feed = feed
        self._state = state
        self._interval_name = name
        self._interval = INTERVALS[name]
        self._opened_at = state.tape.current(self._interval, now).opened_at
        self._told = Nanos(-1)
        self._later(now)

    def greeting(self, now: Nanos) -> Any:
        return self._message(self._state.tape.current(self._interval, now), now, confirm=False)

    def _tick(self, now: Nanos) -> None:
        if not self.alive:
            return
        tape = self._state.tape
        bar = tape.current(self._interval, now)
        if bar.opened_at != self._opened_at:
            over = tape.bars(self._interval, now, self._opened_at, self._opened_at, 1)[0]
            self._opened_at = bar.opened_at
            self.publish(self._message(over, now, confirm=True))
        if tape.last_change != self._told:
            self._told = tape.last_change
            self.publish(self._message(bar, now, confirm=False))
        self._later(now)

    def _later(self, now: Nanos) -> None:
        self._feed.call_at(Nanos(now - now % KLINE_PERIOD + KLINE_PERIOD), self._tick)

    def _message(self, bar: Bar, now: Nanos, *, confirm: bool) -> Any:
        decimals = self._state.listing.price_decimals
        start = bar.opened_at // MILLISECOND
        at = self._feed.rows.millis(now)
        row = {
            "start": start,
            "end": end_of(self._interval, bar.opened_at) // MILLISECOND - 1,
            "interval": self._interval_name,
            "open": fixed(bar.open, decimals),
            "close": fixed(bar.close, decimals),
            "high": fixed(bar.high, decimals),
            "low": fixed(bar.low, decimals),
            "volume": plain(bar.volume),
            "turnover": plain(bar.quote_volume),
            "confirm": confirm,
            "timestamp": at,
        }
        return {"topic": self.name, "data": [row], "ts": at, "type": "snapshot"}


class Feed:
    """All public topics of one product."""

    def __init__(self, rows: OrderRows, tickers: Tickers, call_at: CallAt, send: Callable[..., None]) -> None:
        self.rows = rows
        self.tickers = tickers
        self.call_at = call_at
        self.links = PublicLinks(rows.product, send, self._build)
        self.sequence = 0
        """Of the last trade or book change."""
        self._updates: dict[tuple[str, int], Updates] = {}
        self._prints: dict[str, list[TradeHappened]] = {}

    def on_trade(self, trade: TradeHappened) -> None:
        """Keep a print until all of its instant have happened."""
        self._prints.setdefault(trade.symbol, []).append(trade)

    def on_book(self, change: BookChanged) -> None:
        """Tell the prints that changed it; let its topics look."""
        self.sequence = change.sequence
        prints = self._prints.pop(change.symbol, None)
        if prints:
            self._tell_trades(change.symbol, prints)
        for depth in PERIODS:
            topic = self.links.topic(f"orderbook.{depth}.{change.symbol}")
            if isinstance(topic, BookTopic):
                topic.changed(change.time)

    def restart_books(self, symbol: str, now: Nanos) -> None:
        """A fault: every book topic of the symbol begins anew, with `u` 1."""
        for depth in PERIODS:
            topic = self.links.topic(f"orderbook.{depth}.{symbol}")
            if isinstance(topic, BookTopic):
                topic.restart(now)

    def _tell_trades(self, symbol: str, prints: list[TradeHappened]) -> None:
        name = f"publicTrade.{symbol}"
        directions = [self.tickers.on_trade(trade) for trade in prints]
        if self.links.topic(name) is None:
            return
        rows = [self._trade(trade, way) for trade, way in zip(prints, directions, strict=True)]
        at = self.rows.millis(prints[-1].time)
        for first in range(0, len(rows), TRADES_MAX):
            data = rows[first : first + TRADES_MAX]
            self.links.publish(name, {"topic": name, "type": "snapshot", "ts": at, "data": data})

    def _trade(self, trade: TradeHappened, direction: str) -> dict[str, Any]:
        listing = self.rows.state(trade.symbol).listing
        row = {
            "T": self.rows.millis(trade.time),
            "s": trade.symbol,
            "S": SIDES[trade.side],
            "v": fixed(trade.quantity, listing.quantity_decimals),
            "p": fixed(trade.price, listing.price_decimals),
            "L": direction,
            "i": self.rows.ids.trade(trade.symbol, trade.trade_id),
            "BT": False,
            "RPI": False,
            "seq": trade.sequence,
        }
        if self.rows.product.spot:
            del row["L"]
        return row

    def _build(self, name: str, now: Nanos) -> Topic | None:
        """The topic of this name, if there is one."""
        kind, _, rest = name.partition(".")
        detail, _, symbol = rest.rpartition(".")
        state = self.rows.exchange.symbols.get(symbol)
        if state is None:
            return None
        match kind, detail:
            case "publicTrade", "":
                return TradesTopic(name, self.links.publish)
            case "tickers", "":
                return TickerTopic(self, state, now)
            case "kline", interval if interval in INTERVALS:
                return KlineTopic(self, state, interval, now)
            case "orderbook", text if text in {str(depth) for depth in PERIODS}:
                depth = int(text)
                updates = self._updates.setdefault((symbol, depth), Updates())
                return BookTopic(state, depth, self.rows, updates, self.call_at, self.links.publish, now)
            case _:
                return None
