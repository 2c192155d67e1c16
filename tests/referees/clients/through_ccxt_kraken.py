"""ccxt visits Kraken: looks at a market, rests an order, takes one, is refused, watches; by REST and WebSocket v2."""

import asyncio
import time
from typing import Any

import ccxt.pro
from common import Diary, main, rebase, wrong

UPDATES = 5


def connect(place: dict[str, Any], secret: str) -> Any:
    """The client, with every address replaced by the simulated one's.

    It does not check checksums: it reads prices as floats, which loses the zeros that are summed.
    """
    client = ccxt.pro.kraken({"apiKey": place["key"], "secret": secret, "timeout": 30_000, "enableRateLimit": False})
    client.number = str
    client.nonce = time.time_ns  # its own counts milliseconds: too few for answers as quick as these
    client.urls = rebase(client.urls, place["port"])
    return client


async def visit(place: dict[str, Any]) -> dict[str, Any]:
    """Everything, in order."""
    client, stranger = connect(place, place["secret"]), connect(place, wrong(place["secret"]))
    diary, symbol, amount = Diary(), place["symbol"], place["amount"]

    async def far_below() -> str:
        book = await client.fetch_order_book(symbol, 5)
        return str(client.price_to_precision(symbol, float(book["bids"][0][0]) * 0.9))

    async def watched_book() -> Any:
        client.number = float  # ccxt sorts this book by what the numbers are
        for _ in range(UPDATES):
            book = await client.watch_order_book(symbol, 10)
        client.number = str
        return {"bids": book["bids"], "asks": book["asks"]}

    async def own_order() -> Any:
        watching = asyncio.ensure_future(client.watch_orders(symbol))
        while not watching.done():
            placed = await client.create_order(symbol, "limit", "buy", amount, await far_below())
            await asyncio.wait([watching], timeout=10)
            await client.cancel_order(placed["id"], symbol)
        return watching.result()

    try:
        await client.load_markets()
        diary.seen["market"] = client.market(symbol)
        await diary.note("book", lambda: client.fetch_order_book(symbol, 5))
        await diary.note("ticker", lambda: client.fetch_ticker(symbol))
        await diary.note("candles", lambda: client.fetch_ohlcv(symbol, "1m"))
        await diary.note("trades", lambda: client.fetch_trades(symbol))
        await diary.note("balance", client.fetch_balance)
        price = await far_below()
        placed = await diary.note("placed", lambda: client.create_order(symbol, "limit", "buy", amount, price))
        await diary.note("open_orders", lambda: client.fetch_open_orders(symbol))
        await diary.note("cancelled", lambda: client.cancel_order(placed["id"], symbol))
        await diary.note("fetched", lambda: client.fetch_order(placed["id"], symbol))
        bought = await diary.note("bought", lambda: client.create_order(symbol, "market", "buy", amount))
        diary.seen["bought_id"] = bought["id"]
        await diary.note("my_trades", lambda: client.fetch_my_trades(symbol))
        await diary.note("balance_bought", client.fetch_balance)
        await diary.note("too_much", lambda: client.create_order(symbol, "limit", "buy", "1000", price))
        await diary.note("unknown_order", lambda: client.cancel_order("OAAAAA-BBBBB-CCCCCC", symbol))
        await diary.note("streamed_trades", lambda: client.watch_trades(symbol))
        await diary.note("streamed_ticker", lambda: client.watch_ticker(symbol))
        await diary.note("streamed_book", watched_book)
        await diary.note("streamed_order", own_order)
        await diary.note("wrong_secret", stranger.fetch_balance)
    except ccxt.pro.BaseError as error:
        diary.seen["stopped"] = repr(error)
    finally:
        await client.close()
        await stranger.close()
    return diary.seen


if __name__ == "__main__":
    main(visit)
