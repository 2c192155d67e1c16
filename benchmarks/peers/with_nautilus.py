"""NautilusTrader, synchronous engine: raw bytes -> its Binance client -> data engine -> an actor's handler.

The real futures data client takes the bytes (`_handle_ws_message`, what its socket calls) and sends what it made to
the data engine over the message bus, in the same call. The actor is subscribed to quotes, trades, and the changes of
a book that the engine maintains; its handler of these reads both best prices. No network, no live queue.
"""

import asyncio
from pathlib import Path

import msgspec
from _driver import Load, read, serve
from nautilus_trader.adapters.binance.common.enums import BinanceAccountType
from nautilus_trader.adapters.binance.config import BinanceDataClientConfig
from nautilus_trader.adapters.binance.futures.data import BinanceFuturesDataClient
from nautilus_trader.adapters.binance.http.client import BinanceHttpClient
from nautilus_trader.backtest.data_client import BacktestMarketDataClient
from nautilus_trader.cache.cache import Cache
from nautilus_trader.common.actor import Actor
from nautilus_trader.common.component import LiveClock, MessageBus, init_logging
from nautilus_trader.common.providers import InstrumentProvider
from nautilus_trader.data.engine import DataEngine
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
from nautilus_trader.model.enums import BookAction, BookType, OrderSide, RecordFlag
from nautilus_trader.model.identifiers import ClientId, TraderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.portfolio.portfolio import Portfolio
from nautilus_trader.test_kit.providers import TestInstrumentProvider

INSTRUMENT = TestInstrumentProvider.btcusdt_perp_binance()
CLIENT = ClientId("BINANCE")
LOGGING = init_logging(bypass=True)


class Watcher(Actor):
    """Counts what arrives."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.seen = 0

    def on_start(self) -> None:
        if self.kind == "l1":
            self.subscribe_quote_ticks(INSTRUMENT.id)
        elif self.kind == "trade":
            self.subscribe_trade_ticks(INSTRUMENT.id)
        else:
            self.subscribe_order_book_deltas(INSTRUMENT.id, book_type=BookType.L2_MBP)

    def on_quote_tick(self, tick: object) -> None:
        self.seen += 1

    def on_trade_tick(self, tick: object) -> None:
        self.seen += 1

    def on_order_book_deltas(self, deltas: object) -> None:
        book = self.cache.order_book(INSTRUMENT.id)
        if book.best_bid_price() < book.best_ask_price():
            self.seen += 1


def snapshot(body: bytes) -> OrderBookDeltas:
    """The book of the capture's REST answer."""
    found = msgspec.json.decode(body)
    sequence = found["lastUpdateId"]
    stamp = found["E"] * 1_000_000
    deltas = [OrderBookDelta.clear(INSTRUMENT.id, sequence, stamp, stamp)]
    for side, levels in ((OrderSide.BUY, found["bids"]), (OrderSide.SELL, found["asks"])):
        for price, size in levels:
            order = BookOrder(side, Price.from_str(price), Quantity.from_str(size), 0)
            flags = RecordFlag.F_SNAPSHOT
            deltas.append(OrderBookDelta(INSTRUMENT.id, BookAction.ADD, order, flags, sequence, stamp, stamp))
    return OrderBookDeltas(INSTRUMENT.id, deltas)


def prepare(kind: str, folder: Path, loop: asyncio.AbstractEventLoop) -> tuple[Load, int]:
    clock = LiveClock()
    bus = MessageBus(trader_id=TraderId("BENCH-001"), clock=clock)
    cache = Cache()
    cache.add_instrument(INSTRUMENT)
    engine = DataEngine(bus, cache, clock)
    engine.register_client(BacktestMarketDataClient(CLIENT, bus, cache, clock))
    client = BinanceFuturesDataClient(
        loop=loop,
        client=BinanceHttpClient(clock, "key", "secret", "http://127.0.0.1"),
        msgbus=bus,
        cache=cache,
        clock=clock,
        instrument_provider=InstrumentProvider(),
        base_url_ws="ws://127.0.0.1",
        config=BinanceDataClientConfig(account_type=BinanceAccountType.USDT_FUTURES, use_agg_trade_ticks=True),
        account_type=BinanceAccountType.USDT_FUTURES,
    )
    engine.start()
    watcher = Watcher(kind)
    watcher.register_base(portfolio=Portfolio(bus, cache, clock), msgbus=bus, cache=cache, clock=clock)
    watcher.start()
    frames = [message.payload for message in read(folder, kind, "binance:usdm")]
    if kind == "depth":
        engine.process(snapshot(read(folder, "snapshot")[0].payload))
        watcher.seen = 0

    def work() -> None:
        handle = client._handle_ws_message
        for frame in frames:
            handle(frame)

    return Load(work, lambda: watcher.seen), len(frames)


if __name__ == "__main__":
    event_loop = asyncio.new_event_loop()
    serve({kind: lambda folder, kind=kind: prepare(kind, folder, event_loop) for kind in ("l1", "trade", "depth")})
