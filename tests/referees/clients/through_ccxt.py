"""ccxt goes shopping: looks at a market, rests an order, takes one, is refused; over REST and WebSocket."""

import asyncio
import time
from typing import Any

import ccxt.pro
from common import Diary, main, rebase


def connect(place: dict[str, Any], secret: str) -> Any:
    """The client of this venue, with every address replaced by the simulated one's."""
    client = getattr(ccxt.pro, place["client"])(
        {"apiKey": place["key"], "secret": secret, "timeout": 30_000, "enableRateLimit": False}
    )
    client.options.update(place["options"])
    client.number = str  # numbers stay as they were written: tests compare exact amounts
    client.urls = rebase(client.urls, place["port"])
    return client


async def visit(place: dict[str, Any]) -> dict[str, Any]:
    """Everything, in order."""
    client, stranger = connect(place, place["secret"]), connect(place, place["other_secret"])
    diary = Diary()
    diary.seen["version"] = ccxt.__version__
    try:
        await look(client, place, diary)
        await rest(client, place, diary)
        await take(client, place, diary)
        await be_refused(client, stranger, place, diary)
        await listen(client, place, diary)
    finally:
        await client.close()
        await stranger.close()
    return diary.seen


async def below(client: Any, symbol: str, factor: float = 0.9) -> str:
    """A price below the market."""
    book = await client.fetch_order_book(symbol, 5)
    return str(client.price_to_precision(symbol, float(book["bids"][0][0]) * factor))


async def look(client: Any, place: dict[str, Any], diary: Diary) -> None:
    """Public requests."""
    symbol = place["symbol"]

    async def market() -> Any:
        await client.load_markets()
        return client.market(symbol)

    async def server_time() -> Any:
        before = time.time_ns() // 1_000_000
        said = await client.fetch_time()
        return {"before": before, "said": said, "after": time.time_ns() // 1_000_000}

    async def same_book() -> Any:
        """ccxt's book and a raw one between which nothing happened."""
        for _ in range(50):
            raw = await client.fetch(place["book_url"])
            book = await client.fetch_order_book(symbol, 20)
            if str(client.safe_string_n(raw, ["lastUpdateId"], raw.get("result", {}).get("u"))) == str(book["nonce"]):
                return {"raw": raw, "book": book}
        raise TimeoutError("the book never held still between two requests")

    await diary.note("market", market)
    await diary.note("time", server_time)
    await diary.note("book", same_book)
    await diary.note("ticker", lambda: client.fetch_ticker(symbol))
    await diary.note("candles", lambda: client.fetch_ohlcv(symbol, "1m", limit=5))
    await diary.note("trades", lambda: client.fetch_trades(symbol, limit=20))


async def rest(client: Any, place: dict[str, Any], diary: Diary) -> None:
    """An order far below the market: placed, found again, cancelled."""
    symbol = place["symbol"]
    price = await below(client, symbol)
    await diary.note("balance", client.fetch_balance)
    placed = await diary.note(
        "placed", lambda: client.create_order(symbol, "limit", "buy", place["amount"], price, place["post_only"])
    )
    await diary.note("balance_resting", client.fetch_balance)
    await diary.note("fetched", lambda: client.fetch_order(placed["id"], symbol))
    await diary.note("open_orders", lambda: client.fetch_open_orders(symbol))
    await diary.note("cancelled", lambda: client.cancel_order(placed["id"], symbol))
    await diary.note("fetched_cancelled", lambda: client.fetch_order(placed["id"], symbol))
    await diary.note("balance_cancelled", client.fetch_balance)


async def take(client: Any, place: dict[str, Any], diary: Diary) -> None:
    """Buy at market, sell with a limit that takes what is there."""
    symbol = place["symbol"]
    bought = await diary.note("bought", lambda: client.create_order(symbol, "market", "buy", place["amount"]))
    await diary.note("fetched_bought", lambda: client.fetch_order(bought["id"], symbol))
    await diary.note("trades_bought", lambda: client.fetch_my_trades(symbol, params={"orderId": bought["id"]}))
    await diary.note("balance_bought", client.fetch_balance)
    price = await below(client, symbol, 0.99)
    sold = await diary.note(
        "sold", lambda: client.create_order(symbol, "limit", "sell", place["amount"], price, {"timeInForce": "IOC"})
    )
    await diary.note("fetched_sold", lambda: client.fetch_order(sold["id"], symbol))
    await diary.note("trades_sold", lambda: client.fetch_my_trades(symbol, params={"orderId": sold["id"]}))
    await diary.note("balance_sold", client.fetch_balance)


async def be_refused(client: Any, stranger: Any, place: dict[str, Any], diary: Diary) -> None:
    """Requests that must fail, each in its own way."""
    symbol = place["symbol"]
    stranger.markets_by_id, stranger.markets = client.markets_by_id, client.markets
    price = await below(client, symbol)
    await diary.note("too_much", lambda: client.create_order(symbol, "limit", "buy", place["too_much"], price))
    await diary.note("unknown_order", lambda: client.cancel_order(place["unknown_order"], symbol))
    await diary.note("too_small", lambda: client.create_order(symbol, "limit", "buy", place["too_small"], price))
    await diary.note("wrong_secret", stranger.fetch_balance)


async def listen(client: Any, place: dict[str, Any], diary: Diary) -> None:
    """Market streams, and our own orders on the private one."""
    symbol = place["symbol"]

    async def own_order() -> Any:
        """Orders are placed until one is told of: subscribing takes time, and ccxt does not say when it is done."""
        watching = asyncio.ensure_future(client.watch_orders(symbol))
        told: list[Any] = []
        placed = None
        while not told:
            placed = await client.create_order(symbol, "limit", "buy", place["amount"], await below(client, symbol))
            done, _ = await asyncio.wait([watching], timeout=1)
            for task in done:
                told += [dict(order) for order in task.result()]
            await client.cancel_order(placed["id"], symbol)
        while told[-1]["status"] == "open":
            told += [dict(order) for order in await client.watch_orders(symbol)]
        return {"id": placed["id"], "told": told}

    await diary.note("streamed_trades", lambda: client.watch_trades(symbol))
    await diary.note("streamed_quotes", lambda: client.watch_bids_asks([symbol]))
    await diary.note("streamed_book", lambda: client.watch_order_book(symbol))
    await diary.note("streamed_order", own_order)


if __name__ == "__main__":
    main(visit)
