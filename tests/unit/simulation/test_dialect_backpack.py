"""Backpack over its wire: REST."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.simulation.exchange.dialect import ServerRequest
from integrated_trading_system.simulation.exchange.dialects.backpack.dialect import BackpackSpot
from integrated_trading_system.simulation.exchange.dialects.backpack.guard import Guard, Proof
from integrated_trading_system.simulation.exchange.dialects.backpack.http import Failure, read_params
from integrated_trading_system.simulation.exchange.exchange import Exchange
from tests.support.backpack_exchange import desk, venue
from tests.support.dialect_clients import BackpackClient, error
from tests.support.exchange import START, customer, rules, spot_listing

PUBLIC = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
VECTORS = [
    (
        "DELETE",
        "orderCancel",
        "1614550000000",
        '{"symbol": "BTC_USDT", "orderId": "28"}',
        "80cYcHmUHbvcO3IonY2y+nObqUTRkZrNbRsPB30r+NjqgKfP5DIFKryC0ea11fMcweyoymFT+S2cGbPACyinDw==",
    ),
    (
        "GET",
        "balanceQuery",
        "1614550000000",
        "",
        "nYfMx/rzW4i3vncDLl8SNxrjlZerfdUU1YvITOiclzGv0wbH0+CUQs4pH1hDKd/nhuhm1kBMs99y82z2j0gkDg==",
    ),
    (
        "POST",
        "orderExecute",
        "1614550000000",
        """{"symbol":"SOL_USDC","side":"Bid","orderType":"Limit","price":"180.50","quantity":"1.5","timeInForce":"GTC",
            "postOnly":true,"clientId":1001,"selfTradePrevention":"RejectTaker","reduceOnly":null}""",
        "BXYr9expU8uaBwSUlEIka6at1sfP9ryhHDUoP/h6vGskYWOgN4rH3GkZNKHtCLKUytXsO6tRGJyJHpvDK8KvBA==",
    ),
    (
        "POST",
        "orderExecute",
        "1750793021519",
        """[{"symbol":"SOL_USDC_PERP","side":"Bid","orderType":"Limit","price":"141","quantity":"12"},
            {"symbol":"SOL_USDC_PERP","side":"Bid","orderType":"Limit","price":"140","quantity":"11"}]""",
        "/RiVIEmATq6bDKSR8I9tEY3qY/MRt45Y5/Wi4mKYjt3SaqoLFfOiYrYNRddqSXfrcDdY/b0n3duPew5JKrn/CA==",
    ),
]


@pytest.mark.parametrize(("method", "instruction", "timestamp", "body", "signature"), VECTORS)
def test_signatures_are_those_of_the_vectors(
    method: str, instruction: str, timestamp: str, body: str, signature: str
) -> None:
    guard = Guard(Exchange([spot_listing()], rules(), [customer("me", key=PUBLIC)], start=START))
    request = ServerRequest(method=method, path="/", query="", headers={}, body=body.encode())
    one, several = read_params(request)
    now = Nanos(int(timestamp) * MILLISECOND)
    assert guard.verify(Proof(PUBLIC, signature, timestamp, "5000"), instruction, several or (one,), now).name == "me"
    for wrong in (
        Proof(PUBLIC, signature, timestamp, "5001"),
        Proof(PUBLIC, signature.swapcase(), timestamp, "5000"),
        Proof(PUBLIC, "é", timestamp, "5000"),
    ):
        with pytest.raises(Failure, match="Invalid signature"):
            guard.verify(wrong, instruction, several or (one,), now)


@pytest.mark.parametrize(
    ("ahead", "window", "status"),
    [(-5_000, 5_000, 200), (-5_001, 5_000, 400), (-60_000, 60_000, 200), (0, 60_001, 400), (5_001, 5_000, 400)],
)
def test_a_request_is_good_for_its_window_of_at_most_a_minute(ahead: int, window: int, status: int) -> None:
    assert venue().signed("GET", "/api/v1/capital", "balanceQuery", {}, ahead=ahead, window=window).status == status


def test_a_request_that_is_not_signed_as_documented_is_refused() -> None:
    client, other = venue(), BackpackClient(venue().dialect, b"x" * 32)
    path, name = "/api/v1/capital", "balanceQuery"
    bad = (400, "INVALID_CLIENT_REQUEST")
    assert error(client.signed("GET", path, name, {}, headers={"x-api-key": other.key})) == (401, "UNAUTHORIZED")
    assert error(client.signed("GET", path, name, {}, headers={"x-signature": other.sign("x")})) == bad
    assert error(client.signed("GET", path, "accountQuery", {})) == bad
    assert error(client.signed("GET", path, name, {}, headers={"x-signature": ""})) == bad
    assert error(client.signed("GET", path, name, {}, headers={"x-timestamp": "now"})) == bad
    assert error(client.http("GET", path)) == bad


def test_the_window_is_signed_even_where_it_is_not_sent() -> None:
    client = venue()
    assert client.signed("GET", "/api/v1/capital", "balanceQuery", {}, headers={"x-window": ""}).status == 200


def test_status_is_json_but_ping_and_time_are_plain_text() -> None:
    client = venue()
    assert client.get("status") == {"status": "Ok", "message": None}
    assert client.http("GET", "/api/v1/ping").body == b"pong"
    reply = client.http("GET", "/api/v1/time")
    assert (reply.body, reply.content_type) == (b"1700000000000", "text/plain; charset=utf-8")


def test_a_market_says_its_steps_and_no_least_value() -> None:
    client = venue()
    (market,) = client.get("markets")
    assert market == client.get("market", symbol="SOL_USDC")
    assert (market["baseSymbol"], market["quoteSymbol"], market["marketType"]) == ("SOL", "USDC", "SPOT")
    assert market["filters"]["price"]["tickSize"] == "0.5"
    assert market["filters"]["quantity"] == {"minQuantity": "0.001", "maxQuantity": "500", "stepSize": "0.001"}
    assert [row["symbol"] for row in client.get("assets")] == ["SOL", "USDC"]
    assert error(client.http("GET", "/api/v1/market", "symbol=NOPE")) == (400, "INVALID_MARKET")
    assert error(client.http("GET", "/api/v1/ticker")) == (400, "INVALID_CLIENT_REQUEST")


def test_a_book_has_a_textual_update_id_microseconds_and_both_sides_by_rising_price() -> None:
    client = venue(levels=20)
    client.wait(10_000)
    book = client.get("depth", symbol="SOL_USDC", limit=10)
    assert book["lastUpdateId"].isdigit()
    assert client.millis - 10_000 < book["timestamp"] // 1_000 <= client.millis
    prices = [Decimal(price) for price, _ in (*book["bids"], *book["asks"])]
    assert prices == sorted(prices)
    assert len(prices) == 20
    assert error(client.http("GET", "/api/v1/depth", "symbol=SOL_USDC&limit=7")) == (400, "INVALID_CLIENT_REQUEST")


def test_candles_are_asked_for_in_seconds_and_end_where_the_next_begins() -> None:
    client = venue(levels=20)
    client.wait(180_000)
    since = client.millis // 1000 - 180
    rows = client.get("klines", symbol="SOL_USDC", interval="1m", startTime=since)
    assert [row["end"] for row in rows[:-1]] == [row["start"] for row in rows[1:]]
    assert rows[-1]["start"] == "2023-11-14 22:16:00"
    assert [len(client.get("klines", symbol="SOL_USDC", interval="1m", startTime=since, endTime=since + 60))] == [1]
    for query in ("symbol=SOL_USDC&interval=1m", "symbol=SOL_USDC&interval=7m&startTime=1"):
        assert error(client.http("GET", "/api/v1/klines", query))[0] == 400


def test_prints_come_newest_first() -> None:
    client = venue(levels=20)
    client.wait(30_000)
    rows = client.get("trades", symbol="SOL_USDC", limit=3)
    assert [row["id"] for row in rows] == [rows[0]["id"] - age for age in range(3)]
    assert client.get("trades/history", symbol="SOL_USDC", limit=1, offset=2) == rows[2:]
    ticker = client.get("ticker", symbol="SOL_USDC")
    assert ticker["lastPrice"] == rows[0]["price"]
    assert client.get("tickers") == [ticker]


REFUSALS: list[tuple[dict[str, Any], int, str]] = [
    ({"price": "100.3"}, 400, "INVALID_CLIENT_REQUEST"),
    ({"quantity": "1.0005"}, 400, "INVALID_CLIENT_REQUEST"),
    ({"quantity": "0.0001"}, 400, "INVALID_QUANTITY"),
    ({"quantity": "501"}, 400, "INVALID_QUANTITY"),
    ({"price": "500"}, 400, "INVALID_PRICE"),
    ({"quantity": "400"}, 400, "INSUFFICIENT_FUNDS"),
    ({"symbol": "NOPE"}, 400, "INVALID_MARKET"),
    ({"side": "Buy"}, 400, "INVALID_CLIENT_REQUEST"),
    ({"timeInForce": "GTX"}, 400, "INVALID_CLIENT_REQUEST"),
    ({"clientId": "mine"}, 400, "INVALID_CLIENT_REQUEST"),
    ({"clientId": 2**32}, 400, "INVALID_CLIENT_REQUEST"),
    ({"quantity": 1}, 400, "INVALID_CLIENT_REQUEST"),
    ({"quantity": None}, 400, "INVALID_CLIENT_REQUEST"),
    ({"quoteQuantity": "5"}, 400, "INVALID_ORDER"),
    ({"postOnly": True, "timeInForce": "IOC"}, 400, "INVALID_ORDER"),
    ({"reduceOnly": True}, 400, "INVALID_ORDER"),
    ({"triggerPrice": "90"}, 501, "NOT_IMPLEMENTED"),
]


@pytest.mark.parametrize(("changes", "status", "code"), REFUSALS)
def test_an_order_is_refused_in_the_venues_codes(changes: dict[str, Any], status: int, code: str) -> None:
    client = venue()
    reply = client.signed("POST", "/api/v1/order", "orderExecute", client.fields(**changes))
    assert error(reply) == (status, code)


def test_a_body_that_is_no_object_is_a_bad_request() -> None:
    client = venue()
    for body in (b"", b"hello", b"7", b"\xff", b'{"symbol":{}}', b"[1]"):
        headers = {"x-api-key": client.key, "x-timestamp": str(client.millis), "x-signature": client.sign("")}
        assert error(client.http("POST", "/api/v1/order", "", body, headers)) == (400, "INVALID_CLIENT_REQUEST")


def test_a_resting_order_is_found_by_either_name_and_not_any_more_once_it_is_over() -> None:
    client = venue()
    placed = client.order(price="98", clientId=7)
    assert (placed["status"], placed["executedQuantity"], placed["clientId"]) == ("New", "0", 7)
    assert placed["createdAt"] == client.millis
    for name in ({"orderId": placed["id"]}, {"clientId": 7}):
        assert client.ask("GET", "/api/v1/order", "orderQuery", symbol="SOL_USDC", **name) == placed
    both = {"symbol": "SOL_USDC", "orderId": placed["id"], "clientId": 7}
    assert error(client.signed("GET", "/api/v1/order", "orderQuery", both))[0] == 400
    assert client.ask("GET", "/api/v1/orders", "orderQueryAll") == [placed]
    gone = client.ask("DELETE", "/api/v1/order", "orderCancel", symbol="SOL_USDC", clientId=7)
    assert (gone["id"], gone["status"]) == (placed["id"], "Cancelled")
    wanted = {"symbol": "SOL_USDC", "orderId": placed["id"]}
    for method, instruction in (("GET", "orderQuery"), ("DELETE", "orderCancel")):
        assert error(client.signed(method, "/api/v1/order", instruction, wanted)) == (404, "RESOURCE_NOT_FOUND")
    (row,) = client.ask("GET", "/wapi/v1/history/orders", "orderHistoryQueryAll", orderId=placed["id"])
    assert (row["status"], row["expiryReason"], row["createdAt"]) == ("Cancelled", None, "2023-11-14T22:13:20.000")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price": "101", "postOnly": True}, "PostOnlyTaker"),
        ({"price": "100", "timeInForce": "IOC"}, "ImmediateOrCancel"),
        ({"price": "101", "quantity": "6", "timeInForce": "FOK"}, "FillOrKill"),
        ({"orderType": "Market", "price": None, "quantity": "6"}, "InsufficientLiquidity"),
    ],
)
def test_an_order_that_its_own_rule_ends_is_answered_as_expired(changes: dict[str, Any], reason: str) -> None:
    client = venue()
    assert client.order(**changes)["status"] == "Expired"
    assert client.ask("GET", "/wapi/v1/history/orders", "orderHistoryQueryAll")[0]["expiryReason"] == reason


def test_a_fill_pays_its_fee_in_what_it_receives() -> None:
    client = venue()
    bought = client.order(price="101", quantity="2", clientId=4_294_967_295)
    assert (bought["status"], bought["executedQuoteQuantity"]) == ("Filled", "202")
    client.order(orderType="Market", side="Ask", price=None, quantity="1")
    sold, first = client.ask("GET", "/wapi/v1/history/fills", "fillHistoryQueryAll", symbol="SOL_USDC")
    assert (first["fee"], first["feeSymbol"], first["clientId"]) == ("0.002", "SOL", "4294967295")
    assert (sold["fee"], sold["feeSymbol"], sold["clientId"]) == ("0.099", "USDC", None)
    assert (sold["side"], sold["isMaker"], sold["timestamp"]) == ("Ask", False, "2023-11-14T22:13:20.000")
    capital = client.ask("GET", "/api/v1/capital", "balanceQuery")
    assert capital["SOL"] == {"available": "2.998", "locked": "0", "staked": "0"}
    assert capital["USDC"]["available"] == "896.901"
    assert client.ask("GET", "/api/v1/position", "positionQuery") == []
    assert client.ask("GET", "/api/v1/account", "accountQuery")["spotTakerFee"] == "10"


def test_a_market_order_may_be_by_value() -> None:
    placed = venue().order(orderType="Market", price=None, quantity=None, quoteQuantity="50.5")
    assert (placed["quoteQuantity"], placed["executedQuantity"], placed["status"]) == ("50.5", "0.500", "Filled")
    assert "price" not in placed


def test_fills_are_found_by_time_and_in_pages() -> None:
    client = venue()
    for _ in range(3):
        client.order(price="101", quantity="1")
        client.wait(1_000)
    ask = ("GET", "/wapi/v1/history/fills", "fillHistoryQueryAll")
    every = [row["tradeId"] for row in client.ask(*ask)]
    assert every == sorted(every, reverse=True)
    assert [row["tradeId"] for row in client.ask(*ask, limit=1, offset=1)] == every[1:2]
    assert [row["tradeId"] for row in client.ask(*ask, sortDirection="Asc")] == every[::-1]
    middle = START // MILLISECOND + 1_000
    bounded = client.signed(*ask, {"from": middle, "to": middle})
    assert [row["tradeId"] for row in msgspec.json.decode(bounded.body)] == every[1:2]


def test_a_batch_tells_of_each_order() -> None:
    client = venue()
    orders = [client.fields(price="98"), client.fields(price="98.3")]
    reply = client.signed("POST", "/api/v1/orders", "orderExecute", orders)
    good, bad = msgspec.json.decode(reply.body)
    assert (good["operation"], good["status"]) == ("Ok", "New")
    assert (bad["operation"], bad["code"]) == ("Err", "INVALID_CLIENT_REQUEST")
    gone = client.ask("DELETE", "/api/v1/orders", "orderCancelAll", symbol="SOL_USDC")
    assert [row["id"] for row in gone] == [good["id"]]


def test_client_ids_may_be_used_again() -> None:
    client = venue()
    first, second = (client.order(price="98", clientId=1)["id"] for _ in range(2))
    assert first != second


def test_requests_are_counted_by_the_minute_and_candles_once_more() -> None:
    client = venue()
    query = "symbol=SOL_USDC&interval=1m&startTime=1"
    replies = [client.http("GET", "/api/v1/klines", query).status for _ in range(31)]
    assert replies == [200] * 30 + [429]
    replies = [client.http("GET", "/api/v1/ping").status for _ in range(1970)]
    assert replies == [200] * 1969 + [429]
    client.wait(60_000)
    assert client.http("GET", "/api/v1/klines", query).status == 200


def test_a_book_that_takes_no_orders_says_so() -> None:
    client = venue()
    assert isinstance(client.dialect, BackpackSpot)
    desk(client).exchange.symbols["SOL_USDC"].trading = False
    assert client.get("market", symbol="SOL_USDC")["orderBookState"] == "CancelOnly"
    reply = client.signed("POST", "/api/v1/order", "orderExecute", client.fields())
    assert error(reply) == (503, "TRADING_PAUSED")
