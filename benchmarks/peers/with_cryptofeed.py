"""cryptofeed: raw message -> the exchange class's message handler -> user callback.

Symbols come from a minimal exchangeInfo, the snapshot of the book from the capture; nothing is asked of a network.
The callback of a book reads both best levels.
"""

import asyncio
from pathlib import Path

from _driver import Load, read, serve
from cryptofeed.defines import ASK, BID, L2_BOOK, TICKER, TRADES
from cryptofeed.exchanges import BinanceFutures
from cryptofeed.symbols import Symbols

INFO = {
    "symbols": [
        {
            "symbol": "BTCUSDT",
            "status": "TRADING",
            "contractType": "PERPETUAL",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "filters": [{"tickSize": "0.10"}],
        }
    ]
}
SYMBOL = "BTC-USDT-PERP"
CHANNELS = {"l1": TICKER, "trade": TRADES, "depth": L2_BOOK}


class Snapshot:
    """In place of the HTTP connection."""

    def __init__(self, body: str) -> None:
        self._body = body

    async def read(self, *_: object, **__: object) -> str:
        return self._body


def prepare(kind: str, folder: Path) -> tuple[Load, int]:
    count = 0

    async def on_event(_event: object, _received_at: float) -> None:
        nonlocal count
        count += 1

    async def on_book(book: object, _received_at: float) -> None:
        nonlocal count
        sides = book.book
        if sides[BID].index(0)[0] < sides[ASK].index(0)[0]:
            count += 1

    channel = CHANNELS[kind]
    callback = on_book if kind == "depth" else on_event
    feed = BinanceFutures(symbols=[SYMBOL], channels=[channel], callbacks={channel: callback})
    messages = read(folder, kind, "binance:usdm")
    if kind == "depth":
        feed.http_conn = Snapshot(read(folder, "snapshot")[0].payload.decode())
    texts = [(message.payload.decode(), message.at / 1e9) for message in messages]

    async def work() -> None:
        handle = feed.message_handler
        for text, received_at in texts:
            await handle(text, None, received_at)

    return Load(lambda: asyncio.run(work()), lambda: count), len(texts)


if __name__ == "__main__":
    Symbols.set(BinanceFutures.id, *BinanceFutures._parse_symbol_data(INFO))
    serve({kind: lambda folder, kind=kind: prepare(kind, folder) for kind in CHANNELS})
