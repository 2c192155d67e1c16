"""ccxt goes shopping: looks at a market, rests an order, takes one, is refused; over REST and WebSocket."""

import asyncio
import time
from typing import Any

import ccxt.pro
from common import Diary, main, rebase, wrong


def connect(place: dict[str, Any], secret: str) -> Any:
    """The client of this venue, with every address replaced by the simulated one's."""
    client = getattr(ccxt.pro, place["client"])(
        {
            "apiKey": place["key"],
            "secret": secret,
            "password": place["password"],
            "timeout": 30_000,
            "enableRateLimit": False,
        }
    )
    client.options.update(place["options"])
    client.has["fetchCurrencies"] = False  # about deposits and withdrawals, which nothing here offers
    client.number = str  # numbers stay as they were written: tests compare exact amounts
    errors = client.exceptions.get(place["errors"], {})  # chosen by the address, which is ours here
    client.exceptions["exact"] = {**client.exceptions.get("exact", {}), **errors.get("exact", {})}
    client.urls = rebase(client.urls, place["port"])
    return client


async def visit(place: dict[str, Any]) -> dict[str, Any]:
    """Everything, in order."""
    client, stranger = connect(place, place["secret"]), connect(place, wrong(place["secret"]))
    diary = Diary()
    diary.seen["version"] = ccxt.__version__
    try:
        for part in (look, rest, take, be_refused, listen):
            await part(client, place, diary)
        await diary.note("wrong_secret", stranger.fetch_balance)
    except ccxt.pro.BaseError as error:
        diary.seen["stopped"] = repr(error)
    finally:
        await client.close()
        await stranger.close()
    return diary.seen


async def below(client: Any, symbol: str, factor: float = 0.9) -> str:
    """A price below the market."""
    book = await client.fetch_order_book(symbol, 5)
    return str(client.price_to_precision(symbol, float(book["bids"][0][0]) * factor))


async def find(client: Any, place: dict[str, Any], order_id: str) -> Any:
    """An order as it stands; where one cannot be asked for by its number, from the lists."""
    symbol = place["symbol"]
    if client.has["fetchOrder"]:
        return await client.fetch_order(order_id, symbol, place["fetch_params"])
    orders = await client.fetch_open_orders(symbol) or await client.fetch_orders(symbol)
    return next(order for order in orders if order["id"] == order_id)


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

    async def update_id() -> Any:
        answer = await client.fetch(f"http://127.0.0.1:{place['port']}{place['book_path']}")
        for name in place["book_id"]:
            raw, answer = answer, answer[name]
        return raw, answer

    async def same_book() -> Any:
        """The book as ccxt has it, between two answers of the venue's own that are the same."""
        for _ in range(200):
            _, before = await update_id()
            book = await client.fetch_order_book(symbol, 20)
            raw, after = await update_id()
            if before == after:
                return {"raw": raw, "book": book}
        raise TimeoutError("the book never held still between three requests")

    await diary.note("market", market)
    await diary.note("time", server_time)
    await diary.note("book", same_book)
    await diary.note("ticker", lambda: client.fetch_ticker(symbol))
    await diary.note("candles", lambda: client.fetch_ohlcv(symbol, "1m", limit=5))


async def rest(client: Any, place: dict[str, Any], diary: Diary) -> None:
    """An order far below the market: placed, found again, cancelled."""
    symbol = place["symbol"]
    price = await below(client, symbol)
    await diary.note("balance", client.fetch_balance)
    placed = await diary.note(
        "placed", lambda: client.create_order(symbol, "limit", "buy", place["amount"], price, place["post_only"])
    )
    await diary.note("balance_resting", client.fetch_balance)
    await diary.note("fetched", lambda: find(client, place, placed["id"]))
    await diary.note("open_orders", lambda: client.fetch_open_orders(symbol))
    await diary.note("cancelled", lambda: client.cancel_order(placed["id"], symbol))
    await diary.note("fetched_cancelled", lambda: find(client, place, placed["id"]))
    await diary.note("balance_cancelled", client.fetch_balance)


async def take(client: Any, place: dict[str, Any], diary: Diary) -> None:
    """Buy at market, sell with a limit that takes what is there."""
    symbol = place["symbol"]
    bought = await diary.note("bought", lambda: client.create_order(symbol, "market", "buy", place["amount"]))
    await diary.note("fetched_bought", lambda: find(client, place, bought["id"]))
    await diary.note(
        "trades_bought", lambda: client.fetch_my_trades(symbol, params={place.get("order_id", "orderId"): bought["id"]})
    )
    await diary.note("balance_bought", client.fetch_balance)
    price = await below(client, symbol, 0.95)
    sold = await diary.note(
        "sold", lambda: client.create_order(symbol, "limit", "sell", place["amount"], price, {"timeInForce": "IOC"})
    )
    await diary.note("fetched_sold", lambda: find(client, place, sold["id"]))
    await diary.note(
        "trades_sold", lambda: client.fetch_my_trades(symbol, params={place.get("order_id", "orderId"): sold["id"]})
    )
    await diary.note("balance_sold", client.fetch_balance)


async def be_refused(client: Any, place: dict[str, Any], diary: Diary) -> None:
    """Requests that must fail, each in its own way."""
    symbol = place["symbol"]
    price = await below(client, symbol)
    await diary.note("too_much", lambda: client.create_order(symbol, "limit", "buy", place["too_much"], price))
    await diary.note("unknown_order", lambda: client.cancel_order(place["unknown_order"], symbol))
    await diary.note("not_allowed", lambda: client.create_order(*place["not_allowed"]))


async def listen(client: Any, place: dict[str, Any], diary: Diary) -> None:
    """Market streams, and our own orders on the private one."""
    symbol = place["symbol"]
    watching = asyncio.ensure_future(client.watch_orders(symbol))

    async def news(order_id: str) -> list[Any]:
        """What is told within a second of this order."""
        nonlocal watching
        done, _ = await asyncio.wait([watching], timeout=1)
        if not done:
            return []
        told = [dict(order) for order in watching.result() if order["id"] == order_id]
        watching = asyncio.ensure_future(client.watch_orders(symbol))
        return told or await news(order_id)

    async def own_order() -> Any:
        """Orders are placed until one is told of: subscribing takes time, and ccxt does not say when it is done."""
        while True:
            placed = await client.create_order(symbol, "limit", "buy", place["amount"], await below(client, symbol))
            told = await news(placed["id"])
            await client.cancel_order(placed["id"], symbol)
            while told and told[-1]["status"] == "open":
                told += await news(placed["id"])
            if told:
                return {"id": placed["id"], "told": told}

    await diary.note("streamed_trades", lambda: client.watch_trades(symbol))
    await diary.note("trades", lambda: client.fetch_trades(symbol, limit=20))
    await diary.note("streamed_quotes", lambda: client.watch_bids_asks([place["other_symbol"]]))
    await diary.note("streamed_book", lambda: client.watch_order_book(symbol))
    await diary.note("streamed_order", own_order)


if __name__ == "__main__":
    main(visit)
