"""Binance.US over its wire: what differs from Binance spot."""

from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.time import MILLISECOND
from integrated_trading_system.simulation.exchange.dialects.binance.us import BinanceUs
from integrated_trading_system.simulation.exchange.exchange import Exchange
from tests.support.exchange import KEY, START, BinanceClient, customer, failure, rules, spot_listing

PATH = "/api/v3/userDataStream"
ORDER: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
HOUR_MS = 3_600_000


@pytest.fixture
def client() -> BinanceClient:
    accounts = [customer("me", key=KEY, USDT=10_000, BTC=10), customer("other", USDT=10_000, BTC=10)]
    return BinanceClient(BinanceUs(Exchange([spot_listing()], rules(), accounts, start=START)))


def listen(client: BinanceClient) -> str:
    reply = client.request("POST", PATH, key=True)
    key: str = msgspec.json.decode(reply.body)["listenKey"]
    assert client.connect("u", f"/ws/{key}")
    return key


def test_an_accounts_events_come_bare_on_the_stream_of_its_listen_key(client: BinanceClient) -> None:
    listen(client)
    client.ask("POST", "/api/v3/order", **ORDER | {"price": "90"})
    report, position = client.frames("u")
    assert (report["e"], report["x"], report["p"]) == ("executionReport", "NEW", "90.00000000")
    assert position["e"] == "outboundAccountPosition"


def test_without_a_listen_key_nothing_is_told(client: BinanceClient) -> None:
    assert client.connect("u", "/ws/" + "0" * 64)
    client.ask("POST", "/api/v3/order", **ORDER | {"price": "90"})
    assert client.frames("u") == []


def test_a_listen_key_is_named_by_whoever_prolongs_it_and_lives_for_an_hour(client: BinanceClient) -> None:
    key = listen(client)
    client.wait(HOUR_MS // 2)
    assert msgspec.json.decode(client.request("PUT", PATH, {"listenKey": key}, key=True).body) == {"listenKey": key}
    assert failure(client.request("PUT", PATH, {"listenKey": "other"}, key=True))[0] == -1125
    assert failure(client.request("PUT", PATH, key=True))[0] == -1102
    client.wait(HOUR_MS)
    assert client.frames("u") == [{"e": "listenKeyExpired", "E": client.now // MILLISECOND, "listenKey": key}]
    assert failure(client.request("DELETE", PATH, {"listenKey": key}, key=True))[0] == -1125


def test_a_listen_key_can_be_given_back(client: BinanceClient) -> None:
    key = listen(client)
    assert client.request("DELETE", PATH, {"listenKey": key}, key=True).status == 200
    client.ask("POST", "/api/v3/order", **ORDER | {"price": "90"})
    assert client.frames("u") == []


@pytest.mark.parametrize(
    ("path", "params", "weight"),
    [
        ("exchangeInfo", {}, 10),
        ("depth", {"limit": 100}, 1),
        ("depth", {"limit": 500}, 5),
        ("depth", {"limit": 1000}, 10),
        ("depth", {"limit": 5000}, 50),
        ("klines", {"interval": "1m"}, 1),
        ("trades", {}, 1),
    ],
)
def test_requests_have_weights_of_their_own(
    client: BinanceClient, path: str, params: dict[str, Any], weight: int
) -> None:
    reply = client.request("GET", f"/api/v3/{path}", {"symbol": "BTCUSDT"} | params)
    assert reply.status == 200
    assert dict(reply.headers)["X-MBX-USED-WEIGHT-1M"] == str(weight)


def test_the_budget_is_that_of_binance_us(client: BinanceClient) -> None:
    limits = client.get("/api/v3/exchangeInfo")["rateLimits"]
    assert {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 1200} in limits
