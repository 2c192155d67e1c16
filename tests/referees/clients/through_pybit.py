"""pybit, Bybit's own client: REST, public streams, and the private stream with our order on it."""

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from common import Diary, main, rebase, wrong
from pybit.unified_trading import HTTP, WebSocket

SYMBOL = "BTCUSDT"
ANSWER_TRIES = 1_000


def rest_client(place: dict[str, Any], secret: str) -> HTTP:
    """REST at the simulated exchange."""
    client = HTTP(api_key=place["key"], api_secret=secret, timeout=20, max_retries=1)
    client.endpoint = rebase(client.endpoint, place["port"])
    return client


def stream_client(place: dict[str, Any], channel: str) -> WebSocket:
    """A connection of pybit's own thread; it wants to connect while it is made."""

    class Here(WebSocket):
        def _connect(self, url: str) -> None:
            super()._connect(rebase(url, place["port"]))

        def _process_subscription_message(self, message: dict[str, Any]) -> None:
            """It notes a subscription after it has sent it; an answer that comes first would end its thread."""
            for _ in range(ANSWER_TRIES):
                if message.get("req_id") in self.subscriptions:
                    break
                time.sleep(0.01)
            super()._process_subscription_message(message)

    return Here(channel, testnet=False, api_key=place["key"], api_secret=place["secret"])


async def visit(place: dict[str, Any]) -> dict[str, Any]:
    """Everything, in order."""
    diary = Diary()
    category = place["venue"].partition(":")[2]
    client, stranger = rest_client(place, place["secret"]), rest_client(place, wrong(place["secret"]))
    await trade(client, stranger, category, diary)
    await listen(place, category, diary)
    await listen_to_own(place, client, category, diary)
    return diary.seen


async def trade(client: HTTP, stranger: HTTP, category: str, diary: Diary) -> None:
    """REST."""

    async def ask(name: str, method: Callable[..., Any], **wishes: Any) -> Any:
        return await diary.note(name, lambda: method(**wishes).get("result"))

    market = {"category": category, "symbol": SYMBOL}
    await ask("time", client.get_server_time)
    await ask("instruments", client.get_instruments_info, **market)
    book = await ask("book", client.get_orderbook, **market, limit=20)
    await ask("candles", client.get_kline, **market, interval="1", limit=5)
    await ask("ticker", client.get_tickers, **market)
    await ask("wallet", client.get_wallet_balance, accountType="UNIFIED")
    price = f"{float(book['b'][0][0]) * 0.9:.2f}"
    order = {**market, "side": "Buy", "qty": "0.02"}
    placed = await ask("placed", client.place_order, **order, orderType="Limit", price=price, orderLinkId="mine-1")
    await ask("open", client.get_open_orders, **market, orderId=placed["orderId"])
    await ask("cancelled", client.cancel_order, **market, orderId=placed["orderId"])
    await ask("history", client.get_order_history, **market, orderId=placed["orderId"])
    bought = await ask("bought", client.place_order, **order, orderType="Market", marketUnit="baseCoin")
    await ask("history_bought", client.get_order_history, **market, orderId=bought["orderId"])
    await ask("fills", client.get_executions, **market, orderId=bought["orderId"])
    await ask("wallet_bought", client.get_wallet_balance, accountType="UNIFIED")
    await ask("unknown_order", client.cancel_order, **market, orderId="999999999")
    await ask("off_the_grid", client.place_order, **order | {"qty": "0.0000001"}, orderType="Limit", price=price)
    await ask("wrong_secret", stranger.get_wallet_balance, accountType="UNIFIED")


async def listen(place: dict[str, Any], category: str, diary: Diary) -> None:
    """The first message of each of some public streams."""
    loop = asyncio.get_running_loop()
    public = await asyncio.to_thread(stream_client, place, category)
    for name, subscribe, wishes in (
        ("streamed_book", public.orderbook_stream, {"depth": 50}),
        ("streamed_trade", public.trade_stream, {}),
    ):
        heard: asyncio.Future[Any] = loop.create_future()

        def keep(message: Any, heard: asyncio.Future[Any] = heard) -> None:
            loop.call_soon_threadsafe(lambda: heard.done() or heard.set_result(message))

        await asyncio.to_thread(subscribe, **wishes, symbol=SYMBOL, callback=keep)
        await diary.note(name, lambda heard=heard: heard)
    await asyncio.to_thread(public.exit)


async def listen_to_own(place: dict[str, Any], client: HTTP, category: str, diary: Diary) -> None:
    """An order of ours, and its fills, as the private stream tells them."""
    private = await asyncio.to_thread(stream_client, place, "private")
    orders: list[Any] = []
    fills: list[Any] = []
    await asyncio.to_thread(private.order_stream, callback=lambda message: orders.extend(message["data"]))
    await asyncio.to_thread(private.execution_stream, callback=lambda message: fills.extend(message["data"]))

    def of(rows: list[Any], order_id: str) -> list[Any]:
        return [row for row in rows if row["orderId"] == order_id]

    async def told() -> Any:
        market = {"category": category, "symbol": SYMBOL, "side": "Sell", "qty": "0.02", "orderType": "Market"}
        while True:  # pybit does not say when it is subscribed
            order_id = client.place_order(**market, marketUnit="baseCoin")["result"]["orderId"]
            for _ in range(50):
                mine, traded = of(orders, order_id), of(fills, order_id)
                filled = sum(Decimal(fill["execQty"]) for fill in traded)
                if mine and mine[-1]["orderStatus"] == "Filled" and filled == Decimal(mine[-1]["qty"]):
                    return {"orders": mine, "fills": traded}
                await asyncio.sleep(0.02)

    await diary.note("streamed_order", told)
    await asyncio.to_thread(private.exit)


if __name__ == "__main__":
    main(visit)
