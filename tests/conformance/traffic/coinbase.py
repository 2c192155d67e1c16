"""Coinbase, as its documentation shows it: Exchange with its public feed, Advanced Trade with numbered messages."""

from base64 import b64encode
from typing import Any

from integrated_trading_system.domain.ids import ClientOrderId, VenueOrderId
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.order import Side
from integrated_trading_system.venues.venue import Credentials
from tests.conformance.description import NOTHING, SEQUENCE, BookTraffic, OrderTraffic, Traffic, answer
from tests.support.coinbase import advanced as said
from tests.support.coinbase import books, message

BTC = "BTC-USD"
NAME = ClientOrderId("1001")
ORDER = VenueOrderId("0000-000000-000001")
KEYS = tuple(Credentials(f"organizations/1/apiKeys/{n}", b64encode(bytes([n]) * 32).decode()) for n in (1, 2))
PRODUCT = {
    "id": BTC,
    "base_currency": "BTC",
    "quote_currency": "USD",
    "quote_increment": "0.01",
    "base_increment": "0.00000001",
    "min_market_funds": "1",
    "status": "online",
}
ADVANCED_PRODUCT = {
    "product_id": BTC,
    "product_type": "SPOT",
    "base_currency_id": "BTC",
    "quote_currency_id": "USD",
    "base_increment": "0.00000001",
    "price_increment": "0.01",
    "base_min_size": "0.00001",
    "base_max_size": "3400",
    "quote_min_size": "1",
    "status": "online",
}


def at(second: int) -> str:
    return f"2023-11-14T22:13:{second:02d}.000001Z"


# -- Exchange ------------------------------------------------------------------------------------


def change(second: int, *rows: tuple[str, str, str]) -> bytes:
    return message({"type": "l2update", "product_id": BTC, "changes": rows, "time": at(second)})


def exchange() -> Traffic:
    ticker = {
        "type": "ticker",
        "sequence": 7,
        "product_id": BTC,
        "price": "100",
        "open_24h": "90",
        "volume_24h": "5",
        "best_bid": "100",
        "best_bid_size": "1",
        "best_ask": "101",
        "best_ask_size": "2",
        "time": at(1),
        "trade_id": 9,
    }
    match = {"type": "match", "trade_id": 9, "side": "sell", "size": "5", "price": "100", "product_id": BTC}
    match |= {"sequence": 8, "time": at(2)}
    snapshot = {"type": "snapshot", "product_id": BTC, "bids": [["100", "1"]], "asks": [["105", "1"]], "time": at(1)}
    frames = (
        message(snapshot),
        change(2, ("buy", "101", "1")),
        change(3, ("buy", "102", "1")),
        change(4, ("buy", "102", "2"), ("sell", "104", "1")),
    )
    return Traffic(
        symbol=BTC,
        listed=(answer([PRODUCT]),),
        time=answer({"iso": "2023-11-14T22:13:20.500Z", "epoch": 1700000000.5}),
        acknowledged=(message({"type": "subscriptions", "channels": []}),),
        refused=message({"type": "error", "message": "Failed to subscribe", "reason": "X is not a valid product"}),
        events={
            DataType.QUOTES: (message(ticker),),
            DataType.STATISTICS: (message(ticker),),
            DataType.TRADES: (message(match),),
            DataType.DEPTH: frames,
        },
        trade=(100.0, Side.BUY),  # the venue tells the side that rested
        book=BookTraffic(frames=frames, best=(102.0, 104.0), lost=2),
        integrity=NOTHING,
        limited=answer({"message": "Public rate limit exceeded"}, 429),
        candles=answer([[1699999200 - 60 * n, 1, 4, 2, 3, 42.5] for n in range(3)]),
        credentials=(KEYS[0], KEYS[1]),
    )


# -- Advanced Trade ------------------------------------------------------------------------------


def depth(number: int, kind: str, *rows: tuple[str, str, str]) -> bytes:
    return said("l2_data", number, books(kind, BTC, *rows), at=at(number))


def order(**fields: Any) -> dict[str, Any]:
    return {
        "order_id": ORDER,
        "client_order_id": NAME,
        "product_id": BTC,
        "status": "OPEN",
        "filled_size": "0",
        "cumulative_quantity": "0",
        "leaves_quantity": "1",
        "avg_price": "0",
        "side": "BUY",
        "order_side": "BUY",
        "cancel_reason": "",
        "reject_reason": "",
    } | fields


def update(number: int, **fields: Any) -> bytes:
    return said("user", number, {"type": "update", "orders": [order(**fields)]}, at=at(number))


def refusal(error: str) -> dict[str, Any]:
    return {"success": False, "error_response": {"error": error, "message": "why", "preview_failure_reason": ""}}


def orders() -> OrderTraffic:
    fill = {
        "trade_id": "1111",
        "order_id": ORDER,
        "trade_time": "2023-11-14T22:13:19Z",
        "trade_type": "FILL",
        "price": "100",
        "size": "1",
        "commission": "0.5",
        "product_id": BTC,
        "liquidity_indicator": "MAKER",
        "size_in_quote": False,
        "side": "BUY",
    }
    taken = {"order_id": ORDER, "product_id": BTC, "side": "BUY", "client_order_id": NAME}
    held = {"currency": "BTC", "available_balance": {"value": "1"}, "hold": {"value": "0", "currency": "BTC"}}
    return OrderTraffic(
        client_order_id=NAME,
        venue_order_id=ORDER,
        accepted=answer({"success": True, "success_response": taken}),
        rejected=answer(refusal("INSUFFICIENT_FUND")),
        uncertain=(answer(refusal("UNKNOWN_FAILURE_REASON")), answer(b"", 408)),
        cancelled=answer({"results": [{"success": True, "failure_reason": "", "order_id": ORDER}]}),
        cancel_refused=answer(
            {"results": [{"success": False, "failure_reason": "UNKNOWN_CANCEL_ORDER", "order_id": ORDER}]}
        ),
        found=answer({"order": order()}),
        not_found=answer({"error": "NOT_FOUND"}, 404),
        fills=(answer({"fills": [fill], "cursor": "next"}), answer({"fills": [], "cursor": ""})),
        open_orders=answer({"orders": [order()], "has_next": False}),
        balances=(answer({"accounts": [held], "has_next": False}),),
        frames=(update(0), update(1, status="CANCELLED", cancel_reason="asked for")),
    )


def advanced() -> Traffic:
    ticker = {
        "product_id": BTC,
        "price": "100",
        "volume_24_h": "5",
        "price_percent_chg_24_h": "-1",
        "best_bid": "100",
        "best_bid_quantity": "1",
        "best_ask": "101",
        "best_ask_quantity": "2",
    }
    trade = {"trade_id": "9", "product_id": BTC, "price": "100", "size": "2", "side": "SELL", "time": at(2)}
    bar = {"start": "1699999800", "high": "4", "low": "1", "open": "2", "close": "3", "volume": "42"}
    tickers = said("ticker", 0, {"type": "update", "tickers": [ticker]})
    frames = (
        depth(0, "snapshot", ("bid", "100", "1"), ("offer", "105", "1")),
        depth(1, "update", ("bid", "101", "1")),
        depth(2, "update", ("bid", "102", "1")),
        depth(3, "update", ("bid", "102", "2"), ("offer", "104", "1")),
    )
    return Traffic(
        symbol=BTC,
        listed=(answer({"products": [ADVANCED_PRODUCT]}),),
        time=answer({"iso": "2023-11-14T22:13:20Z", "epochSeconds": "1700000000", "epochMillis": "1700000000500"}),
        acknowledged=tuple(said("subscriptions", n, {"subscriptions": {}}) for n in range(6)),
        refused=b'{"type":"error","message":"authentication failure"}',
        events={
            DataType.QUOTES: (tickers,),
            DataType.STATISTICS: (tickers,),
            DataType.TRADES: (said("market_trades", 0, {"type": "update", "trades": [trade]}),),
            DataType.CANDLES: (said("candles", 0, {"type": "update", "candles": [bar | {"product_id": BTC}]}),),
            DataType.DEPTH: frames,
        },
        trade=(100.0, Side.BUY),  # the venue tells the side that rested
        book=BookTraffic(frames=frames, best=(102.0, 104.0), lost=2),
        integrity=SEQUENCE,
        orders=orders(),
        limited=answer({}, 429),
        candles=answer({"candles": [bar | {"start": str(1699999200 - 60 * n)} for n in range(3)]}),
        credentials=(KEYS[0], KEYS[1]),
    )


TRAFFIC = {"exchange": exchange, "advanced": advanced}
