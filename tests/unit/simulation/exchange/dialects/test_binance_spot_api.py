"""Binance spot's WebSocket API: the same requests as frames, sessions, and the user data stream."""

from base64 import b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.binance.guard import is_signed
from integrated_trading_system.simulation.exchange.dialects.binance.spot import BinanceSpot
from integrated_trading_system.simulation.exchange.exchange import Exchange
from tests.support.exchange import KEY, SECRET, START, BinanceClient, customer, rules, spot_listing

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "99"}


def client_of(secret: str = SECRET) -> BinanceClient:
    account = customer("me", key=KEY, secret=secret, USDT=10_000, BTC=10)
    client = BinanceClient(BinanceSpot(Exchange([spot_listing()], rules(), [account], start=START)))
    assert client.connect("api", "/ws-api/v3")
    return client


@pytest.fixture
def client() -> BinanceClient:
    return client_of()


def call(client: BinanceClient, method: str, **params: Any) -> Any:
    client.send("api", {"id": 1, "method": method, "params": params})
    return client.frames("api")[-1]


def signed(client: BinanceClient, method: str, **params: Any) -> Any:
    params |= {"apiKey": KEY, "timestamp": client.millis}
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    client.send("api", {"id": 1, "method": method, "params": params | {"signature": client.sign(payload)}})
    return [frame for frame in client.frames("api") if "id" in frame][-1]


def test_the_published_signature_vector_holds() -> None:
    payload = (
        "apiKey=vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A&price=52000.00&quantity=0.01000000"
        "&recvWindow=100&side=SELL&symbol=BTCUSDT&timeInForce=GTC&timestamp=1645423376532&type=LIMIT"
    )
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    assert is_signed(secret, payload.encode(), "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24")


def test_the_ed25519_vectors_hold() -> None:
    secret = "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    payload = (
        b"symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=0.2"
        b"&timestamp=1668481559918&recvWindow=5000"
    )
    signature = "m5loLRxgkb9HyW0wkZ4KNrpck881bx5D0OrKNnPklvk4tlGjEJkhiP9DoyC0sc1lXA/TWugjVPrMb/bfNdmdBw=="
    assert is_signed(secret, payload, signature)
    assert not is_signed(secret, payload + b"0", signature)
    assert not is_signed(secret, payload, "not base64!")


def test_a_request_is_answered_by_its_id_with_status_and_limits(client: BinanceClient) -> None:
    reply = call(client, "depth", symbol="BTCUSDT", limit=5)
    assert (reply["id"], reply["status"], reply["result"]["bids"]) == (1, 200, [])
    assert reply["rateLimits"] == [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": 7}
    ]
    client.connect("quiet", "/ws-api/v3", "returnRateLimits=false")
    client.send("quiet", {"id": "x", "method": "ping"})
    assert client.frames("quiet") == [{"id": "x", "status": 200, "result": {}}]


def test_an_order_goes_through_its_whole_life(client: BinanceClient) -> None:
    placed = signed(client, "order.place", **ORDER)["result"]
    assert placed["status"] == "NEW"
    assert signed(client, "order.status", symbol="BTCUSDT", orderId=placed["orderId"])["result"]["status"] == "NEW"
    assert len(signed(client, "openOrders.status")["result"]) == 1
    gone = signed(client, "order.cancel", symbol="BTCUSDT", orderId=placed["orderId"])["result"]
    assert gone["status"] == "CANCELED"
    again = signed(client, "order.cancel", symbol="BTCUSDT", orderId=placed["orderId"])
    assert (again["status"], again["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})


def test_a_wrong_signature_a_wrong_method_and_no_json_are_refused(client: BinanceClient) -> None:
    bad = call(client, "account.status", apiKey=KEY, timestamp=client.millis, signature="00")
    assert bad["error"]["code"] == -1022
    assert call(client, "order.dance")["error"]["code"] == -1020
    client.dialect.receive(LinkId("api"), b"{", client.now)
    assert client.frames("api")[-1]["error"]["code"] == -1135


def test_a_session_needs_an_ed25519_key_and_then_no_signatures() -> None:
    assert client_of() is not None
    refused = signed(client_of(), "session.logon")
    assert refused["status"] == 400
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    client = client_of(f"ed25519:{b64encode(public).decode()}")
    assert call(client, "userDataStream.subscribe")["error"]["code"] == -2015
    params = {"apiKey": KEY, "timestamp": client.millis}
    payload = f"apiKey={KEY}&timestamp={client.millis}".encode()
    logon = call(client, "session.logon", **params, signature=b64encode(private.sign(payload)).decode())
    assert (logon["result"]["apiKey"], logon["result"]["authorizedSince"]) == (KEY, client.millis)
    assert call(client, "account.status", timestamp=client.millis)["status"] == 200
    assert call(client, "account.status")["error"]["code"] == -1102
    assert call(client, "userDataStream.subscribe")["result"] == {"subscriptionId": 0}
    assert call(client, "session.logout")["result"]["userDataStream"] is False
    assert call(client, "account.status", timestamp=client.millis)["error"]["code"] == -2014


def test_one_subscription_per_account_and_connection(client: BinanceClient) -> None:
    assert signed(client, "userDataStream.subscribe.signature")["result"] == {"subscriptionId": 0}
    assert signed(client, "userDataStream.subscribe.signature")["error"]["code"] == -2035
    assert call(client, "session.subscriptions")["result"] == [{"subscriptionId": 0}]
    assert call(client, "userDataStream.unsubscribe", subscriptionId=0)["result"] == {}
    assert call(client, "userDataStream.unsubscribe", subscriptionId=0)["error"]["code"] == -2036
    signed(client, "userDataStream.subscribe.signature")
    assert call(client, "userDataStream.unsubscribe")["status"] == 200
    signed(client, "order.place", **ORDER)
    client.wait(1)
    assert client.frames("api") == []


def test_too_much_weight_says_when_to_come_back(client: BinanceClient) -> None:
    reply = [call(client, "depth", symbol="BTCUSDT", limit=5000) for _ in range(24)][-1]
    assert (reply["status"], reply["error"]["code"]) == (429, -1003)
    assert reply["error"]["data"] == {"serverTime": client.millis, "retryAfter": client.millis + 40_000}
    assert not client.connect("late", "/ws-api/v3")
    client.now = Nanos(client.now + 40_000 * MILLISECOND)
    assert client.connect("later", "/ws-api/v3")
