"""How each kind of data is got from a client of the library: streamed where it knows how, else polled.

Each of these loops for ever and puts what is new into `emit`; whatever the library raises ends it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from integrated_trading_system.domain.market import DataType

Emit: TypeAlias = Callable[[Any], None]
Source: TypeAlias = Callable[[Any, str, Emit], Awaitable[None]]
"""Of a client and a symbol."""

DEPTH: Final = 50
"""Levels per side that are told: a whole book each time."""
PAUSE_SECONDS: Final = 1.0
"""Between two questions for the same; the library's own limits may make it longer."""
TRADES_KEPT: Final = 5_000
"""Ids of polled trades that are remembered, so that none is told twice."""
CANDLE: Final = "1m"


async def _watched_book(client: Any, symbol: str, emit: Emit) -> None:
    while True:
        emit(_book(await client.watch_order_book(symbol)))


async def _polled_book(client: Any, symbol: str, emit: Emit) -> None:
    while True:
        emit(_book(await client.fetch_order_book(symbol)))
        await asyncio.sleep(PAUSE_SECONDS)


async def _watched_top(client: Any, symbol: str, emit: Emit) -> None:
    while True:
        found = await client.watch_bids_asks([symbol])
        if symbol in found:
            emit(_top(found[symbol]))


async def _top_of_watched_book(client: Any, symbol: str, emit: Emit) -> None:
    last = None
    while True:
        book = _book(await client.watch_order_book(symbol))
        top = book["bids"][:1], book["asks"][:1]
        if top != last and all(top):
            last = top
            (bid, bid_size), (ask, ask_size) = top[0][0], top[1][0]
            sizes = {"bidVolume": bid_size, "askVolume": ask_size}
            emit({"bid": bid, "ask": ask, "timestamp": book["timestamp"], **sizes})


async def _polled_top(client: Any, symbol: str, emit: Emit) -> None:
    while True:
        emit(_top(await client.fetch_ticker(symbol)))
        await asyncio.sleep(PAUSE_SECONDS)


async def _watched_trades(client: Any, symbol: str, emit: Emit) -> None:
    while True:
        emit([_trade(trade) for trade in await client.watch_trades(symbol)])


async def _polled_trades(client: Any, symbol: str, emit: Emit) -> None:
    """What was traded before the first question is history, and not told."""
    seen: set[Any] | None = None
    order: deque[Any] = deque()
    while True:
        rows = [_trade(trade) for trade in await client.fetch_trades(symbol)]
        new = [row for row in rows if seen is not None and _key(row) not in seen]
        if new:
            emit(new)
        seen = set() if seen is None else seen
        for row in rows:
            if _key(row) not in seen:
                seen.add(_key(row))
                order.append(_key(row))
        while len(order) > TRADES_KEPT:
            seen.discard(order.popleft())
        await asyncio.sleep(PAUSE_SECONDS)


async def _watched_ticker(client: Any, symbol: str, emit: Emit) -> None:
    while True:
        emit(_ticker(await client.watch_ticker(symbol)))


async def _polled_ticker(client: Any, symbol: str, emit: Emit) -> None:
    while True:
        emit(_ticker(await client.fetch_ticker(symbol)))
        await asyncio.sleep(PAUSE_SECONDS)


async def _watched_candles(client: Any, symbol: str, emit: Emit) -> None:
    """The one that changed, and the one before it: that is over."""
    while True:
        await client.watch_ohlcv(symbol, CANDLE)
        known = client.ohlcvs[symbol]
        emit([list(row) for row in list(known.get(CANDLE, ()))[-2:]])


async def _polled_candles(client: Any, symbol: str, emit: Emit) -> None:
    while True:
        rows = await client.fetch_ohlcv(symbol, CANDLE, None, 2)
        emit([list(row) for row in rows[-2:]])
        await asyncio.sleep(PAUSE_SECONDS)


def _book(book: Any) -> dict[str, Any]:
    """Some exchanges add a third figure to a level."""
    sides = {side: [list(level[:2]) for level in book[side][:DEPTH]] for side in ("bids", "asks")}
    return {**sides, "timestamp": book.get("timestamp")}


def _top(ticker: Any) -> dict[str, Any]:
    return {name: ticker.get(name) for name in ("bid", "ask", "bidVolume", "askVolume", "timestamp")}


def _ticker(ticker: Any) -> dict[str, Any]:
    return {name: ticker.get(name) for name in ("last", "baseVolume", "quoteVolume", "percentage", "timestamp")}


def _trade(trade: Any) -> dict[str, Any]:
    return {name: trade.get(name) for name in ("id", "price", "amount", "side", "timestamp")}


def _key(trade: dict[str, Any]) -> Any:
    """An exchange without trade ids: its figures tell a trade apart."""
    return trade["id"] or (trade["timestamp"], trade["side"], trade["price"], trade["amount"])


_WAYS: Final[dict[DataType, tuple[tuple[str, Source], ...]]] = {
    DataType.DEPTH: (("watchOrderBook", _watched_book), ("fetchOrderBook", _polled_book)),
    DataType.QUOTES: (
        ("watchBidsAsks", _watched_top),
        ("watchOrderBook", _top_of_watched_book),
        ("fetchTicker", _polled_top),
    ),
    DataType.TRADES: (("watchTrades", _watched_trades), ("fetchTrades", _polled_trades)),
    DataType.STATISTICS: (("watchTicker", _watched_ticker), ("fetchTicker", _polled_ticker)),
    DataType.CANDLES: (("watchOHLCV", _watched_candles), ("fetchOHLCV", _polled_candles)),
}
"""What the exchange must be able to do, and how it is then done; the first that it can is taken."""


def source_of(client: Any, data_type: DataType) -> Source | None:
    """The best way of this client to this kind of data; None where it has none."""
    return next((source for ability, source in _WAYS.get(data_type, ()) if client.has.get(ability)), None)
