"""From what happens on the exchange to Kraken's public channels: book, ticker, trade, ohlc."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import MICROSECOND, MINUTE, Nanos
from integrated_trading_system.simulation.exchange.dialects.kraken.http import raw, stamp
from integrated_trading_system.simulation.exchange.dialects.kraken.links import Key, Links
from integrated_trading_system.simulation.exchange.dialects.kraken.queries import MINUTES, average_of
from integrated_trading_system.simulation.exchange.dialects.kraken.rows import Rows, checksum
from integrated_trading_system.simulation.exchange.events import BookChanged, PriceLevel, TradeHappened
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.tape import Bar

DEPTHS: Final = (10, 25, 100, 500, 1000)
TRIGGERS: Final = ("bbo", "trades")
TRADES_GREETED: Final = 50
BARS_GREETED: Final = 10

Window = tuple[tuple[PriceLevel, ...], tuple[PriceLevel, ...]]
"""Bids and asks, as deep as somebody listens."""


class Feed:
    """All public channels."""

    def __init__(self, rows: Rows, links: Links) -> None:
        self._rows = rows
        self._exchange = rows.exchange
        self._links = links
        self._told: dict[Key, Window] = {}
        self._stamps: dict[str, int] = {}
        self._prints: dict[str, list[TradeHappened]] = {}

    def key_of(self, channel: str, params: dict[str, Any], symbol: str) -> Key | str:
        """What a subscription is called, or why there is none."""
        if symbol not in self._exchange.symbols:
            return f"Currency pair not supported {symbol}"
        match channel:
            case "book":
                depth = params.get("depth", 10)
                return (channel, symbol, depth) if depth in DEPTHS else "Subscription depth not supported"
            case "ohlc":
                interval = params.get("interval", 1)
                return (
                    (channel, symbol, interval) if interval in MINUTES else "Subscription ohlc interval not supported"
                )
            case "ticker":
                trigger = params.get("event_trigger", "trades")
                wrong = "Event trigger not supported"
                return (channel, symbol, TRIGGERS.index(trigger)) if trigger in TRIGGERS else wrong
            case "trade":
                return (channel, symbol, 0)
            case _:
                return f"Channel not supported {channel}"

    def open(self, key: Key, now: Nanos, *, snapshot: bool) -> list[Any]:
        """What to greet with."""
        channel, symbol, detail = key
        state = self._exchange.symbols[symbol]
        match channel:
            case "book":
                self._told.setdefault(key, self._look(key))
                bids, asks = self._told[key]
                return [self._book("snapshot", key, bids, asks, self._stamp(symbol, now))] if snapshot else []
            case "ticker":
                return [self._ticker("snapshot", state, now, self._stamp(symbol, now))] if snapshot else []
            case "trade":
                trades = list(state.tape.trades)[-TRADES_GREETED:]
                return [self._trades("snapshot", trades)] if snapshot and trades else []
            case _:
                interval = Nanos(detail * MINUTE)
                bars = state.tape.bars(interval, now, Nanos(0), now, BARS_GREETED)
                return [self._bars("snapshot", key, bars, now)] if snapshot else []

    def shut(self, key: Key) -> None:
        """Nobody listens any more."""
        self._told.pop(key, None)

    def on_trade(self, trade: TradeHappened) -> None:
        """Keep a print until all of its instant have happened."""
        self._prints.setdefault(trade.symbol, []).append(trade)

    def on_book(self, change: BookChanged) -> None:
        """Tell its prints, candles, best prices and levels, all as of one time."""
        symbol, now = change.symbol, change.time
        state = self._exchange.symbols[symbol]
        at = self._next_stamp(symbol, now)
        prints = self._prints.pop(symbol, None)
        if prints:
            self._links.publish(("trade", symbol, 0), self._trades("update", prints), now)
            self._candles(symbol, now)
        for trigger, due in enumerate((change.top_changed, bool(prints))):
            key = ("ticker", symbol, trigger)
            if due and key in self._links.listeners:
                self._links.publish(key, self._ticker("update", state, now, at), now)
        for depth in DEPTHS:
            if (key := ("book", symbol, depth)) in self._told:
                self._levels(key, at, now)

    # -- inside ---------------------------------------------------------------------------------

    def _levels(self, key: Key, at: int, now: Nanos) -> None:
        """Levels that enter the window are told, those that leave it are not."""
        before, after = self._told[key], self._look(key)
        bids, asks = (_difference(old, new, key[2]) for old, new in zip(before, after, strict=True))
        if bids or asks:
            self._told[key] = after
            self._links.publish(key, self._book("update", key, bids, asks, at), now)

    def _candles(self, symbol: str, now: Nanos) -> None:
        for minutes in MINUTES:
            if (key := ("ohlc", symbol, minutes)) in self._links.listeners:
                bar = self._exchange.symbols[symbol].tape.current(Nanos(minutes * MINUTE), now)
                self._links.publish(key, self._bars("update", key, [bar], now), now)

    def _look(self, key: Key) -> Window:
        view = self._exchange.depth(key[1], key[2])
        return view.bids, view.asks

    def _stamp(self, symbol: str, now: Nanos) -> int:
        """When the book last changed; the time of whoever asks where it has not."""
        return self._stamps.setdefault(symbol, self._rows.venue_time(now) // MICROSECOND)

    def _next_stamp(self, symbol: str, now: Nanos) -> int:
        """Microseconds; no two changes of a book have the same."""
        at = max(self._rows.venue_time(now) // MICROSECOND, self._stamps.get(symbol, 0) + 1)
        self._stamps[symbol] = at
        return at

    def _book(
        self, kind: str, key: Key, bids: Sequence[PriceLevel], asks: Sequence[PriceLevel], at: int
    ) -> dict[str, Any]:
        listing = self._exchange.symbols[key[1]].listing
        whole_bids, whole_asks = self._told[key]
        row = {
            "symbol": key[1],
            "bids": self._rows.levels(bids, listing),
            "asks": self._rows.levels(asks, listing),
            "checksum": checksum(whole_asks, whole_bids, listing),
            "timestamp": stamp(at * MICROSECOND),
        }
        return {"channel": "book", "type": kind, "data": [row]}

    def _ticker(self, kind: str, state: SymbolState, now: Nanos, at: int) -> dict[str, Any]:
        listing, day, tape = state.listing, state.tape.day(now), state.tape
        top = self._exchange.top(listing.symbol)
        price, quantity = listing.price_decimals, listing.quantity_decimals
        change = tape.last_price - day.open
        row = {
            "symbol": listing.symbol,
            "bid": raw(top.bid, price),
            "bid_qty": raw(top.bid_quantity, quantity),
            "ask": raw(top.ask, price),
            "ask_qty": raw(top.ask_quantity, quantity),
            "last": raw(tape.last_price, price),
            "volume": raw(day.volume, 8),
            "vwap": raw(average_of(day), price),
            "low": raw(day.low, price),
            "high": raw(day.high, price),
            "change": raw(change, price),
            "change_pct": raw(change * 100 / day.open, 2),
            "timestamp": stamp(at * MICROSECOND),
        }
        return {"channel": "ticker", "type": kind, "data": [row]}

    def _trades(self, kind: str, trades: Sequence[TradeHappened]) -> dict[str, Any]:
        listing = self._exchange.symbols[trades[0].symbol].listing
        rows = [
            {
                "symbol": trade.symbol,
                "side": trade.side.value,
                "price": raw(trade.price, listing.price_decimals),
                "qty": raw(trade.quantity, listing.quantity_decimals),
                "ord_type": "limit",
                "trade_id": trade.trade_id,
                "timestamp": stamp(self._rows.venue_time(trade.time)),
            }
            for trade in trades
        ]
        return {"channel": "trade", "type": kind, "data": rows}

    def _bars(self, kind: str, key: Key, bars: Sequence[Bar], now: Nanos) -> dict[str, Any]:
        decimals = self._exchange.symbols[key[1]].listing.price_decimals
        rows = [
            {
                "symbol": key[1],
                **{name: raw(getattr(bar, name), decimals) for name in ("open", "high", "low", "close")},
                "trades": bar.trades,
                "volume": raw(bar.volume, 8),
                "vwap": raw(average_of(bar), decimals),
                "interval_begin": f"{stamp(bar.opened_at)[:-1]}000Z",
                "interval": key[2],
                "timestamp": stamp(self._rows.venue_time(now)),
            }
            for bar in bars
        ]
        return {"channel": "ohlc", "type": kind, "timestamp": stamp(self._rows.venue_time(now)), "data": rows}


def _difference(before: Sequence[PriceLevel], after: Sequence[PriceLevel], depth: int) -> list[PriceLevel]:
    """What turns one window into the other, for whoever forgets what is deeper than `depth`."""
    if before == after:
        return []
    old: dict[Decimal, Decimal] = dict(before)
    new = [level for level in after if old.pop(level[0], None) != level[1]]
    if len(after) < depth:
        return [*((price, ZERO) for price in old), *new]
    ascending = after[0][0] < after[-1][0]
    edge = after[-1][0]
    gone = [price for price in old if (price < edge if ascending else price > edge)]
    return [*((price, ZERO) for price in gone), *new]
