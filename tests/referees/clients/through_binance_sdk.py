"""Binance's own SDKs: REST with their models, the WebSocket API and its user data stream, market streams."""

import asyncio
from collections.abc import Callable
from typing import Any

from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.constants import SPOT_WS_API_PROD_URL
from binance_sdk_derivatives_trading_usds_futures import DerivativesTradingUsdsFutures
from binance_sdk_spot import Spot
from common import Diary, main, rebase, wrong

SYMBOL = "BTCUSDT"


def plain(data: Any) -> Any:
    """A model of the SDK as JSON would have it."""
    if isinstance(data, list):
        return [plain(item) for item in data]
    return data.to_dict() if hasattr(data, "to_dict") else data


def connect(product: Any, place: dict[str, Any], secret: str) -> Any:
    """The SDK's client of a product, at the simulated exchange."""
    host = f"127.0.0.1:{place['port']}"
    keys = {"api_key": place["key"], "api_secret": secret}
    return product(
        config_rest_api=ConfigurationRestAPI(**keys, base_path=f"http://{host}", timeout=20_000, retries=0),
        config_ws_api=ConfigurationWebSocketAPI(
            **keys, stream_url=rebase(SPOT_WS_API_PROD_URL, place["port"]), timeout=20_000
        ),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=f"ws://{host}"),
    )


async def visit(place: dict[str, Any]) -> dict[str, Any]:
    """Everything, in order."""
    diary = Diary()
    product = Spot if place["venue"] == "binance:spot" else DerivativesTradingUsdsFutures
    client, stranger = connect(product, place, place["secret"]), connect(product, place, wrong(place["secret"]))
    if product is Spot:
        await spot(client, stranger, diary)
        await spot_api(client, diary)
    else:
        await futures(client, stranger, diary)
    await listen(client, diary)
    return diary.seen


def asking(diary: Diary) -> Any:
    """A REST request as a step of the diary."""

    async def ask(name: str, method: Callable[..., Any], **wishes: Any) -> Any:
        return await diary.note(name, lambda: plain(method(**wishes).data()))

    return ask


async def spot(client: Any, stranger: Any, diary: Diary) -> None:
    """REST of spot."""
    ask, rest = asking(diary), client.rest_api
    await ask("time", rest.time)
    await ask("exchange_info", rest.exchange_info, symbol=SYMBOL)
    book = await ask("book", rest.depth, symbol=SYMBOL, limit=20)
    price = round(float(book["bids"][0][0]) * 0.9, 2)
    order = {"symbol": SYMBOL, "side": "BUY", "quantity": 0.02}
    await ask("account", rest.get_account, omit_zero_balances=True)
    placed = await ask("placed", rest.new_order, **order, type="LIMIT", time_in_force="GTC", price=price)
    await ask("queried", rest.get_order, symbol=SYMBOL, order_id=placed["orderId"])
    await ask("open", rest.get_open_orders, symbol=SYMBOL)
    await ask("cancelled", rest.delete_order, symbol=SYMBOL, order_id=placed["orderId"])
    await ask("queried_cancelled", rest.get_order, symbol=SYMBOL, order_id=placed["orderId"])
    bought = await ask("bought", rest.new_order, **order, type="MARKET", new_order_resp_type="FULL")
    await ask("fills", rest.my_trades, symbol=SYMBOL, order_id=bought["orderId"])
    await ask("account_bought", rest.get_account, omit_zero_balances=True)
    await ask("unknown_order", rest.get_order, symbol=SYMBOL, order_id=999_999_999)
    await ask("off_the_grid", rest.new_order, **order, type="LIMIT", time_in_force="GTC", price=int(price) + 0.005)
    await ask("wrong_secret", stranger.rest_api.get_account)


async def spot_api(client: Any, diary: Diary) -> None:
    """The WebSocket API: an order from its acceptance to its end, as answers and as events."""
    connection = await client.websocket_api.create_connection()
    events: list[Any] = []
    subscribed = await connection.user_data_stream_subscribe_signature()
    subscribed.stream.on("message", lambda event: events.append(plain(event)))

    async def ask(name: str, method: Callable[..., Any], **wishes: Any) -> Any:
        async def step() -> Any:
            return plain((await method(**wishes)).data().result)

        return await diary.note(name, step)

    book = await ask("api_book", connection.depth, symbol=SYMBOL, limit=5)
    price = round(float(book["bids"][0][0]) * 0.9, 2)
    placed = await ask(
        "api_placed",
        connection.order_place,
        symbol=SYMBOL,
        side="BUY",
        type="LIMIT",
        time_in_force="GTC",
        quantity=0.02,
        price=price,
    )
    await ask("api_queried", connection.order_status, symbol=SYMBOL, order_id=placed["orderId"])
    await ask("api_cancelled", connection.order_cancel, symbol=SYMBOL, order_id=placed["orderId"])

    async def told() -> Any:
        while len(reports := [event for event in events if "X" in event]) < 2:
            await asyncio.sleep(0.01)
        return reports

    await diary.note("api_events", told)
    await client.websocket_api.close_connection(close_session=True)


async def futures(client: Any, stranger: Any, diary: Diary) -> None:
    """REST of USD-M futures."""
    ask, rest = asking(diary), client.rest_api
    await ask("time", rest.check_server_time)
    await ask("exchange_info", rest.exchange_information)
    book = await ask("book", rest.order_book, symbol=SYMBOL, limit=20)
    price = round(float(book["bids"][0][0]) * 0.9, 2)
    order = {"symbol": SYMBOL, "side": "BUY", "quantity": 0.02}
    await ask("account", rest.account_information_v3)
    placed = await ask("placed", rest.new_order, **order, type="LIMIT", time_in_force="GTX", price=price)
    await ask("queried", rest.query_order, symbol=SYMBOL, order_id=placed["orderId"])
    await ask("open", rest.current_all_open_orders, symbol=SYMBOL)
    await ask("cancelled", rest.cancel_order, symbol=SYMBOL, order_id=placed["orderId"])
    await ask("queried_cancelled", rest.query_order, symbol=SYMBOL, order_id=placed["orderId"])
    bought = await ask("bought", rest.new_order, **order, type="MARKET", new_order_resp_type="RESULT")
    await ask("fills", rest.account_trade_list, symbol=SYMBOL, order_id=bought["orderId"])
    await ask("positions", rest.position_information_v3, symbol=SYMBOL)
    await ask("account_bought", rest.account_information_v3)
    await ask("unknown_order", rest.query_order, symbol=SYMBOL, order_id=999_999_999)
    await ask("off_the_grid", rest.new_order, **order, type="LIMIT", time_in_force="GTC", price=int(price) + 0.005)
    await ask("wrong_secret", stranger.rest_api.account_information_v3)


async def listen(client: Any, diary: Diary) -> None:
    """One message of each of some market streams."""
    streams = client.websocket_streams
    connection = await streams.create_connection()

    def first(subscribe: Callable[..., Any], **wishes: Any) -> Callable[[], Any]:
        async def step() -> Any:
            heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            stream = await subscribe(**wishes)
            stream.on("message", lambda message: heard.done() or heard.set_result(plain(message)))
            return await heard

        return step

    quote = getattr(connection, "book_ticker", None) or connection.individual_symbol_book_ticker_streams
    trade = getattr(connection, "agg_trade", None) or connection.aggregate_trade_streams
    depth = getattr(connection, "diff_book_depth", None) or connection.diff_book_depth_streams
    await diary.note("streamed_quote", first(quote, symbol="btcusdt"))
    await diary.note("streamed_trade", first(trade, symbol="btcusdt"))
    await diary.note("streamed_depth", first(depth, symbol="btcusdt"))
    await streams.close_connection(close_session=True)


if __name__ == "__main__":
    main(visit)
