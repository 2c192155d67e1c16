"""Bybit v5 over its wire: who may ask what, and how orders are refused."""

import hashlib
import hmac
from typing import Any

import msgspec
import pytest

from integrated_trading_system.simulation.exchange.dialects.bybit.dialect import BybitLinear, BybitSpot
from integrated_trading_system.simulation.exchange.dialects.bybit.guard import is_signed
from tests.support.bybit_exchange import linear, spot
from tests.support.dialect_clients import BybitClient, code
from tests.support.exchange import KEY

CREATE = "/v5/order/create"


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (
            "1658384314791TESTKEY00015000category=linear&symbol=BTCUSDT",
            "f353c112aa20fe1bbbf629531ad7df0428e63a67c2058306fb2308ef1cfb5103",
        ),
        ("GET/realtime1662350400000", "57ecb22ffa60511e493baace9d1c261383c130bd4e9f1e76b71954f78dce3861"),
    ],
)
def test_signatures_are_those_of_the_vectors(payload: str, signature: str) -> None:
    assert is_signed("TESTSECRET0001", payload.encode(), signature)
    assert not is_signed("TESTSECRET0002", payload.encode(), signature)
    assert not is_signed("TESTSECRET0001", payload.encode(), signature[:-1] + "2")
    assert not is_signed("TESTSECRET0001", payload.encode(), "é")


@pytest.mark.parametrize(("ahead", "wanted"), [(-5_000, None), (-5_001, 10002), (999, None), (1_000, 10002)])
def test_a_timestamp_must_lie_in_the_window_on_both_sides(ahead: int, wanted: int | None) -> None:
    reply = linear().signed("GET", "/v5/account/wallet-balance", {"accountType": "UNIFIED"}, ahead=ahead)
    assert msgspec.json.decode(reply.body)["retCode"] == (wanted or 0)


def test_the_window_is_the_clients_or_five_seconds_where_it_says_nothing() -> None:
    client = linear()

    def ask(window: str, age: int) -> int:
        timestamp = str(client.millis - age)
        sign = hmac.new(b"s" * 64, f"{timestamp}{KEY}{window}".encode(), hashlib.sha256).hexdigest()
        headers = {"x-bapi-api-key": KEY, "x-bapi-timestamp": timestamp, "x-bapi-sign": sign}
        reply = client.http(
            "GET", "/v5/account/info", headers=headers | ({"x-bapi-recv-window": window} if window else {})
        )
        answer: int = msgspec.json.decode(reply.body)["retCode"]
        return answer

    assert [ask("", 5_000), ask("", 5_001), ask("20000", 20_000), ask("20000", 20_001)] == [0, 10002, 0, 10002]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"x-bapi-api-key": "nobody"}, 10003),
        ({"x-bapi-sign": "0" * 64}, 10004),
        ({"x-bapi-sign": ""}, 10001),
        ({"x-bapi-timestamp": "yesterday"}, 10001),
        ({"x-bapi-recv-window": "6000"}, 10004),
    ],
)
def test_a_request_that_is_not_signed_as_documented_is_refused(changes: dict[str, str], wanted: int) -> None:
    assert code(linear().signed("GET", "/v5/account/info", {}, headers=changes)) == wanted


def test_a_revoked_key_is_invalid() -> None:
    client = linear()
    client.ask("account/info")
    assert isinstance(client.dialect, BybitLinear)
    client.dialect.exchange.bank.accounts["me"].revoked = True
    assert code(client.signed("GET", "/v5/account/info", {})) == 10003


LINEAR_REFUSALS = [
    ({"price": "100.3"}, 110003),
    ({"price": "500"}, 110003),
    ({"qty": "1.0005"}, 10001),
    ({"qty": "0.0001"}, 10001),
    ({"qty": "501"}, 10001),
    ({"qty": "0.002"}, 110094),
    ({"qty": "400"}, 110007),
    ({"reduceOnly": True}, 110017),
    ({"symbol": "NOPE"}, 10001),
    ({"side": "buy"}, 10001),
    ({"timeInForce": "GTX"}, 10001),
    ({"orderLinkId": "not allowed!"}, 10001),
    ({"positionIdx": 1}, 10001),
    ({"triggerPrice": "90"}, 10001),
    ({"qty": 1}, 10001),
    ({"category": "option"}, 10001),
    ({"category": "nothing"}, 10001),
]
SPOT_REFUSALS = [
    ({"price": "100.3"}, 170134),
    ({"price": "500"}, 170133),
    ({"qty": "1.0005"}, 170137),
    ({"qty": "0.0001"}, 170136),
    ({"qty": "501"}, 170124),
    ({"qty": "0.002"}, 170140),
    ({"qty": "400"}, 170131),
    ({"symbol": "NOPE"}, 170121),
]


@pytest.mark.parametrize(("changes", "wanted"), LINEAR_REFUSALS)
def test_linear_refuses_in_its_own_codes(changes: dict[str, Any], wanted: int) -> None:
    order = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1", "price": "100"}
    assert linear().refused("order/create", **order | changes) == wanted


@pytest.mark.parametrize(("changes", "wanted"), SPOT_REFUSALS)
def test_spot_refuses_in_its_own_codes(changes: dict[str, Any], wanted: int) -> None:
    order = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1", "price": "100"}
    assert spot().refused("order/create", **order | changes) == wanted


@pytest.mark.parametrize(
    ("client", "duplicate", "unknown", "many", "closed"),
    [(linear, 110072, 110001, 110020, 110074), (spot, 170141, 170213, 170810, 170151)],
)
def test_orders_are_named_once_cancelled_once_and_limited(
    client: Any, duplicate: int, unknown: int, many: int, closed: int
) -> None:
    """`orderLinkId` stays taken after its order is over."""
    venue: BybitClient = client()
    fields: dict[str, Any] = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.1", "price": "98"}
    identity = venue.order(**fields, orderLinkId="one")
    assert venue.refused("order/create", **fields, orderLinkId="one") == duplicate
    assert venue.post("order/cancel", symbol="BTCUSDT", orderId=identity)["orderLinkId"] == "one"
    assert venue.refused("order/cancel", symbol="BTCUSDT", orderId=identity) == unknown
    assert venue.refused("order/cancel", symbol="BTCUSDT", orderLinkId="none") == unknown
    assert venue.refused("order/create", **fields, orderLinkId="one") == duplicate
    for _ in range(3):
        venue.order(**fields)
    assert venue.refused("order/create", **fields) == many
    venue.wait(1_000)
    assert isinstance(venue.dialect, BybitLinear | BybitSpot)
    venue.dialect.exchange.symbols["BTCUSDT"].trading = False
    assert venue.refused("order/create", **fields) == closed


def test_orders_of_one_account_are_counted_within_a_second_each_kind_on_its_own() -> None:
    client = linear()
    fields = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "1", "price": "1"}
    replies = [client.signed("POST", CREATE, fields) for _ in range(11)]
    assert [code(reply) for reply in replies] == [110003] * 10 + [10006]
    headers = [dict(reply.headers) for reply in replies]
    assert [one["X-Bapi-Limit-Status"] for one in headers[:2]] == ["9", "8"]
    assert headers[0]["X-Bapi-Limit"] == "10"
    assert headers[0]["X-Bapi-Limit-Reset-Timestamp"] == str(client.millis)
    assert headers[10]["X-Bapi-Limit-Reset-Timestamp"] == str(client.millis + 1_000)
    assert client.refused("order/cancel", symbol="BTCUSDT", orderId="x") == 110001
    client.wait(1_000)
    assert code(client.signed("POST", CREATE, fields)) == 110003


def test_an_address_that_asks_too_often_is_locked_out_for_ten_minutes() -> None:
    client = linear()
    replies = [client.http("GET", "/v5/market/time") for _ in range(601)]
    assert [reply.status for reply in replies] == [200] * 600 + [403]
    client.wait(599_000)
    assert client.http("GET", "/v5/market/time").status == 403
    client.wait(1_000)
    assert client.http("GET", "/v5/market/time").status == 200


def test_a_get_with_a_body_is_forbidden() -> None:
    assert linear().http("GET", "/v5/market/time", body=b"{}").status == 403
