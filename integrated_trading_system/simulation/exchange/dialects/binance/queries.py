"""REST questions about the market that spot and futures answer alike, apart from some fields."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import msgspec

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.binance.collect import INTERVALS, Aggregate
from integrated_trading_system.simulation.exchange.dialects.binance.feed import Feed
from integrated_trading_system.simulation.exchange.dialects.binance.guard import Guard, interval
from integrated_trading_system.simulation.exchange.dialects.binance.http import Call, Failure, millis, number
from integrated_trading_system.simulation.exchange.events import TradeHappened
from integrated_trading_system.simulation.exchange.exchange import DepthView, Exchange
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.tape import Bar, Tape, end_of


class Queries(ABC):
    """Handlers of public requests. Subclasses give the rows that differ."""

    depth_limit_default: int
    depth_limit_max: int
    klines_limit_max: int

    def __init__(self, exchange: Exchange, feed: Feed, guard: Guard) -> None:
        self.exchange = exchange
        self.feed = feed
        self.guard = guard

    # -- what is particular ---------------------------------------------------------------------

    @abstractmethod
    def symbol_row(self, state: SymbolState) -> dict[str, Any]:
        """One of exchangeInfo's symbols."""

    @abstractmethod
    def depth_row(self, state: SymbolState, depth: DepthView, now: Nanos) -> dict[str, Any]:
        """A book."""

    @abstractmethod
    def day_row(self, state: SymbolState, day: Bar, now: Nanos) -> dict[str, Any]:
        """24-hour figures."""

    @abstractmethod
    def quote_row(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        """Best bid and ask."""

    @abstractmethod
    def price_row(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        """The last price."""

    @abstractmethod
    def trade_row(self, state: SymbolState, trade: TradeHappened) -> dict[str, Any]:
        """A public print."""

    # -- handlers -------------------------------------------------------------------------------

    def ping(self, call: Call) -> Any:
        return {}

    def time(self, call: Call) -> Any:
        return {"serverTime": self.feed.millis(call.now)}

    def exchange_info(self, call: Call) -> Any:
        limits = [("REQUEST_WEIGHT", self.guard.weight), *(("ORDERS", window) for window in self.guard.order_windows)]
        rows = []
        for kind, window in limits:
            name, count = interval(window.length)
            rows.append({"rateLimitType": kind, "interval": name, "intervalNum": count, "limit": window.limit})
        return {
            "timezone": "UTC",
            "serverTime": self.feed.millis(call.now),
            "rateLimits": rows,
            "exchangeFilters": [],
            "symbols": [self.symbol_row(state) for state in self.chosen(call)],
        }

    def depth(self, call: Call) -> Any:
        state = self.state(call)
        limit = call.limit(self.depth_limit_default, self.depth_limit_max)
        return self.depth_row(state, self.exchange.depth(state.listing.symbol, limit), call.now)

    def trades(self, call: Call) -> Any:
        state = self.state(call)
        latest = list(state.tape.trades)[-call.limit(500, 1000) :]
        return [self.trade_row(state, trade) for trade in latest]

    def aggregate_trades(self, call: Call) -> Any:
        state = self.state(call)
        begin, end = call.span()
        first = call.integer("fromId", 0)
        wanted = [
            aggregate
            for aggregate in self.feed.aggregates[state.listing.symbol].latest
            if aggregate.aggregate_id >= first and begin <= self.feed.millis(aggregate.time) <= end
        ]
        limit = call.limit(500, 1000)
        chosen = wanted[:limit] if first or begin else wanted[-limit:]
        return [self.aggregate_row(state, aggregate) for aggregate in chosen]

    def klines(self, call: Call) -> Any:
        state = self.state(call)
        name, bars = self.bars(call, state.tape)
        return [self._kline(state, bar, name) for bar in bars]

    def bars(self, call: Call, tape: Tape) -> tuple[str, list[Bar]]:
        """The candles that are asked for, and the name of their interval."""
        name = call.text("interval")
        if name not in INTERVALS:
            raise Failure(-1120, "Invalid interval.")
        begin, end = call.span()
        limit = call.limit(500, self.klines_limit_max)
        since, until = Nanos(begin * MILLISECOND), Nanos(end * MILLISECOND)
        return name, tape.bars(INTERVALS[name], call.now, since, until, limit)

    def day(self, call: Call) -> Any:
        def row(state: SymbolState) -> dict[str, Any]:
            return self.day_row(state, state.tape.day(call.now), call.now)

        return self.one_or_all(call, row)

    def quote(self, call: Call) -> Any:
        return self.one_or_all(call, lambda state: self.quote_row(state, call.now))

    def price(self, call: Call) -> Any:
        return self.one_or_all(call, lambda state: self.price_row(state, call.now))

    # -- helpers --------------------------------------------------------------------------------

    def state(self, call: Call) -> SymbolState:
        """The symbol that is asked for."""
        return self.find(call.text("symbol"))

    def find(self, symbol: str) -> SymbolState:
        """By the venue's spelling."""
        state = self.exchange.symbols.get(symbol)
        if state is None:
            raise Failure(-1121, "Invalid symbol.")
        return state

    def chosen(self, call: Call) -> list[SymbolState]:
        """What ``symbol``, ``symbols`` (a JSON array) or neither asks for."""
        if call.params.get("symbol"):
            return [self.state(call)]
        if call.params.get("symbols"):
            try:
                names = msgspec.json.decode(call.params["symbols"], type=list[str])
            except msgspec.MsgspecError:
                legal = r'^\[("[^"]+"(,"[^"]+")*)?\]$'
                raise Failure(
                    -1100, f"Illegal characters found in parameter 'symbols'; legal range is '{legal}'."
                ) from None
            return [self.find(name) for name in names]
        return list(self.exchange.symbols.values())

    def one_or_all(self, call: Call, row: Callable[[SymbolState], dict[str, Any]]) -> Any:
        """An object when one symbol is named, else an array."""
        rows = [row(state) for state in self.chosen(call)]
        return rows[0] if call.params.get("symbol") else rows

    def base_trade_row(self, state: SymbolState, trade: TradeHappened) -> dict[str, Any]:
        """What every product says of a print."""
        return {
            "id": trade.trade_id,
            "price": self.feed.price(state, trade.price),
            "qty": self.feed.quantity(state, trade.quantity),
            "quoteQty": self.feed.amount(state, trade.price * trade.quantity),
            "time": self.feed.millis(trade.time),
            "isBuyerMaker": trade.side is Side.SELL,
        }

    def base_day_row(self, state: SymbolState, day: Bar, now: Nanos) -> dict[str, Any]:
        """What every product says of the last 24 hours."""
        price = self.feed.price
        return {
            "symbol": state.listing.symbol,
            "priceChange": price(state, day.close - day.open),
            "priceChangePercent": number(100 * (day.close - day.open) / day.open, 3),
            "weightedAvgPrice": price(state, day.quote_volume / day.volume if day.volume else ZERO),
            "lastPrice": price(state, day.close),
            "lastQty": self.feed.quantity(state, state.tape.last_quantity),
            "openPrice": price(state, day.open),
            "highPrice": price(state, day.high),
            "lowPrice": price(state, day.low),
            "volume": self.feed.quantity(state, day.volume),
            "quoteVolume": self.feed.amount(state, day.quote_volume),
            "openTime": self.feed.millis(day.opened_at),
            "closeTime": self.feed.millis(now),
            "firstId": day.first_trade,
            "lastId": day.last_trade,
            "count": day.trades,
        }

    def aggregate_row(self, state: SymbolState, aggregate: Aggregate) -> dict[str, Any]:
        """An aggregate trade."""
        return self.feed.aggregate_fields(state, aggregate)

    def _kline(self, state: SymbolState, bar: Bar, name: str) -> list[Any]:
        price, quantity, amount = self.feed.price, self.feed.quantity, self.feed.amount
        begins = millis(bar.opened_at)
        return [
            begins,
            price(state, bar.open),
            price(state, bar.high),
            price(state, bar.low),
            price(state, bar.close),
            quantity(state, bar.volume),
            millis(end_of(INTERVALS[name], bar.opened_at)) - 1,
            amount(state, bar.quote_volume),
            bar.trades,
            quantity(state, bar.taker_volume),
            amount(state, bar.taker_quote_volume),
            "0",
        ]
