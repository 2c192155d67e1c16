"""Binance spot over its wire: shapes as documented, refusals with the venue's codes, streams that add up."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.binance.spot import BinanceSpot
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.market import Market, MarketSettings
from integrated_trading_system.simulation.participants import populate
from tests.support.exchange import KEY, START, BinanceClient, customer, failure, rules, spot_listing

ORDER: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}


def venue(*, lively: bool = False, offset_ms: int = 0) -> BinanceClient:
    """A spot venue with one customer; `lively` lets the market trade."""
    listings = [spot_listing(price_band=Decimal("0.2")), spot_listing(symbol="ETHUSDT", base="ETH")]
    accounts = [customer("me", key=KEY, USDT=10_000, BTC=10), customer("other", USDT=10_000, BTC=10)]
    exchange = Exchange(listings, rules(maker_bps=Decimal(10)), accounts, start=START)
    if lively:
        settings = MarketSettings(history_minutes=0, level_bps=60.0, level_notional=500.0)
        populate(exchange, Market(7, START, settings), VenueId("binance:spot"))
    return BinanceClient(BinanceSpot(exchange, Nanos(offset_ms * MILLISECOND)))


@pytest.fixture
def client() -> BinanceClient:
    return venue()


@pytest.fixture
def fixtures(recordings: Path) -> Path:
    return recordings / "fixtures_nautilus" / "binance" / "spot"


def same_shape(ours: Any, sample: Any, place: str = "") -> None:
    """Every key of the sample is here too, with the same kind of value."""
    if isinstance(sample, dict):
        assert set(sample) <= set(ours), (place, set(sample) - set(ours))
        for key, value in sample.items():
            same_shape(ours[key], value, f"{place}.{key}")
    elif isinstance(sample, list):
        assert isinstance(ours, list), place
        if sample and ours:
            same_shape(ours[0], sample[0], f"{place}[0]")
    else:
        assert type(ours) is type(sample), (place, ours, sample)


@pytest.mark.parametrize(
    ("sample", "path", "params"),
    [
        ("server_time_response", "/api/v3/time", {}),
        ("depth_response", "/api/v3/depth", {"symbol": "BTCUSDT", "limit": 5}),
        ("trades_response", "/api/v3/trades", {"symbol": "BTCUSDT"}),
        ("klines_response", "/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m"}),
        ("avg_price_response", "/api/v3/avgPrice", {"symbol": "BTCUSDT"}),
        ("ticker_24hr_response", "/api/v3/ticker/24hr", {"symbol": "BTCUSDT"}),
        ("ticker_price_response", "/api/v3/ticker/price", {"symbol": "BTCUSDT"}),
        ("book_ticker_response", "/api/v3/ticker/bookTicker", {"symbol": "BTCUSDT"}),
        ("exchange_info_response", "/api/v3/exchangeInfo", {}),
    ],
)
def test_market_data_has_the_documented_shape(fixtures: Path, sample: str, path: str, params: dict[str, Any]) -> None:
    client = venue(lively=True)
    client.wait(5_000)
    expected = msgspec.json.decode((fixtures / "http_json" / f"{sample}.json").read_bytes())
    if isinstance(expected, dict):
        expected.pop("sors", None)
    same_shape(client.get(path, **params), expected)


def test_orders_and_accounts_have_the_documented_shape(fixtures: Path) -> None:
    client = venue(lively=True)
    client.wait(1_000)

    def sample(name: str) -> Any:
        return msgspec.json.decode((fixtures / "http_json" / f"{name}.json").read_bytes())

    placed = client.ask("POST", "/api/v3/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="1")
    same_shape(placed, sample("new_order_full_response"))
    resting = client.ask("POST", "/api/v3/order", **ORDER | {"price": "90"}, newClientOrderId="mine")
    same_shape(client.ask("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="mine"), sample("order_response"))
    same_shape(client.ask("GET", "/api/v3/openOrders"), sample("open_orders_response"))
    same_shape(client.ask("GET", "/api/v3/allOrders", symbol="BTCUSDT"), sample("all_orders_response"))
    same_shape(client.ask("GET", "/api/v3/account"), sample("account_response"))
    same_shape(client.ask("GET", "/api/v3/myTrades", symbol="BTCUSDT"), sample("account_trades_response"))
    cancelled = client.ask("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=resting["orderId"])
    same_shape(cancelled, sample("cancel_order_response"))
    client.ask("POST", "/api/v3/order", **ORDER | {"price": "90"})
    same_shape(client.ask("DELETE", "/api/v3/openOrders", symbol="BTCUSDT"), sample("cancel_open_orders_response")[:1])


def test_user_events_have_the_documented_shape(fixtures: Path) -> None:
    client = venue(lively=True)
    client.wait(1_000)
    client.subscribe_user("u")
    client.ask("POST", "/api/v3/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="1")
    order = client.ask("POST", "/api/v3/order", **ORDER | {"price": "90"})
    client.ask("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])
    client.ask("POST", "/api/v3/order", **ORDER | {"price": "90", "timeInForce": "IOC"})
    events = [frame["event"] for frame in client.frames("u")]
    by_kind = {event.get("x", event["e"]): event for event in events}
    for name, kind in [("new", "NEW"), ("trade", "TRADE"), ("canceled", "CANCELED"), ("expired", "EXPIRED")]:
        sample = msgspec.json.decode((fixtures / "user_data_json" / f"execution_report_{name}.json").read_bytes())
        same_shape(by_kind[kind], sample)
    position = msgspec.json.decode((fixtures / "user_data_json" / "account_position_wrapped.json").read_bytes())
    same_shape({"subscriptionId": 0, "event": by_kind["outboundAccountPosition"]}, position)
    assert by_kind["EXPIRED"]["eR"] == "UNFILLED_IOC_QUANTITY_EXPIRED"


def test_a_cancel_has_an_id_of_its_own(client: BinanceClient) -> None:
    client.subscribe_user("u")
    client.ask("POST", "/api/v3/order", **ORDER | {"price": "99"}, newClientOrderId="mine")
    reply = client.ask(
        "DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="mine", newClientOrderId="my-cancel"
    )
    assert (reply["clientOrderId"], reply["origClientOrderId"], reply["status"]) == ("my-cancel", "mine", "CANCELED")
    report = [frame["event"] for frame in client.frames("u") if frame["event"].get("x") == "CANCELED"]
    assert [(event["c"], event["C"]) for event in report] == [("my-cancel", "mine")]


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ({"side": "UP"}, -1117, "Invalid side."),
        ({"type": "SIDEWAYS"}, -1116, "Invalid orderType."),
        ({"timeInForce": "NOW"}, -1115, "Invalid timeInForce."),
        ({"quantity": ""}, -1102, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed."),
        ({"price": "1e2"}, -1100, r"Illegal characters found in parameter 'price'; legal range is "),
        ({"price": "99.123456789"}, -1111, "Parameter 'price' has too much precision."),
        ({"price": "99.1"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "10"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0.0005"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "1000"}, -2010, "Account has insufficient balance for requested action."),
        ({"type": "STOP_LOSS"}, -1013, "Stop loss orders are not supported for this symbol."),
        ({"type": "LIMIT_MAKER"}, -1106, "Parameter 'timeInForce' sent when not required."),
        ({"type": "LIMIT_MAKER", "timeInForce": "", "price": "101"}, -2010, "Order would immediately match and take."),
        ({"newClientOrderId": "resting"}, -2010, "Duplicate order sent."),
        ({"newClientOrderId": "no spaces"}, -1100, "Illegal characters found in parameter 'newClientOrderId'"),
    ],
)
def test_a_bad_order_is_refused_in_the_venues_words(
    client: BinanceClient, changes: dict[str, Any], code: int, text: str
) -> None:
    client.ask("POST", "/api/v3/order", **ORDER | {"side": "SELL", "price": "101"})
    client.ask("POST", "/api/v3/order", **ORDER | {"price": "99"}, newClientOrderId="resting")
    got, words = client.refused("POST", "/api/v3/order", **ORDER | {"price": "99"} | changes)
    assert got == code
    assert words.startswith(text)


def test_what_is_gone_is_unknown(client: BinanceClient) -> None:
    assert client.refused("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=7) == (-2011, "Unknown order sent.")
    assert client.refused("GET", "/api/v3/order", symbol="BTCUSDT", orderId=7) == (-2013, "Order does not exist.")
    assert client.refused("DELETE", "/api/v3/openOrders", symbol="BTCUSDT") == (-2011, "Unknown order sent.")
    assert client.refused("GET", "/api/v3/order", symbol="BTCUSDT")[0] == -1102
    assert client.request("GET", "/api/v1/order").status == 404


def test_the_published_signature_vectors_hold() -> None:
    key = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    listing = spot_listing(symbol="LTCBTC", base="LTC", quote="BTC", tick=Decimal("0.1"), notional_min=Decimal(0))
    start = Nanos(1_499_827_319_559 * MILLISECOND)
    exchange = Exchange([listing], rules(), [customer("me", key=key, secret=secret, BTC=1)], start=start)
    client = BinanceClient(BinanceSpot(exchange), start, key=key, secret=secret)
    query = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    )
    signature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    assert client.sign(query) == signature
    head, tail = query.split("&quantity")
    tail = f"quantity{tail}"
    mixed = "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"
    assert client.sign(head + tail) == mixed
    assert client.raw("POST", "/api/v3/order", head, f"{tail}&signature={mixed}", key=True).status == 200
    assert client.raw("POST", "/api/v3/order", f"{query}&signature={signature.upper()}", key=True).status == 200


def test_who_does_not_prove_himself_is_refused(client: BinanceClient) -> None:
    query = f"timestamp={client.millis}"
    assert failure(client.raw("GET", "/api/v3/account", query))[0] == -2014
    assert failure(client.raw("GET", "/api/v3/account", query, key=True))[0] == -1102
    assert failure(client.raw("GET", "/api/v3/account", f"{query}&signature=00", key=True)) == (
        -1022,
        "Signature for this request is not valid.",
    )
    client.key = "unknown"
    assert failure(client.raw("GET", "/api/v3/account", query, key=True))[0] == -2015


@pytest.mark.parametrize(("ahead_ms", "accepted"), [(-5_000, True), (-5_001, False), (999, True), (1_000, False)])
def test_the_clock_is_checked_in_both_directions(ahead_ms: int, accepted: bool) -> None:
    client = venue(offset_ms=250)
    venue_millis = client.get("/api/v3/time")["serverTime"]
    assert venue_millis == client.millis + 250
    reply = client.signed("GET", "/api/v3/account", timestamp=venue_millis + ahead_ms)
    assert (reply.status == 200) is accepted
    if not accepted:
        words = "1000ms ahead of the server's time." if ahead_ms > 0 else "outside of the recvWindow."
        assert failure(reply)[0] == -1021
        assert failure(reply)[1].endswith(words)


def test_weight_is_counted_per_minute_refused_with_429_and_then_banned(client: BinanceClient) -> None:
    assert ("X-MBX-USED-WEIGHT-1M", "1") in client.request("GET", "/api/v3/time").headers
    replies = [client.request("GET", "/api/v3/depth", {"symbol": "BTCUSDT", "limit": 5000}) for _ in range(24)]
    assert [reply.status for reply in replies[-2:]] == [200, 429]
    assert failure(replies[-1])[0] == -1003
    assert ("Retry-After", str(60 - START // SECOND % 60)) in replies[-1].headers
    assert [client.request("GET", "/api/v3/time").status for _ in range(60)][-1] == 418
    client.wait(180_000)
    assert client.request("GET", "/api/v3/time").status == 200


def test_orders_are_counted_until_they_first_fill(client: BinanceClient) -> None:
    prices = iter(range(99, 80, -1))
    counts = []
    for _ in range(2):
        reply = client.signed("POST", "/api/v3/order", **ORDER | {"price": str(next(prices))})
        counts.append(dict(reply.headers)["X-MBX-ORDER-COUNT-10S"])
    assert counts == ["1", "2"]
    for _ in range(98):
        order = client.ask("POST", "/api/v3/order", **ORDER | {"price": "85"})
        client.ask("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])
    reply = client.signed("POST", "/api/v3/order", **ORDER | {"price": "85"})
    assert (reply.status, failure(reply)[0]) == (429, -1015)
    client.wait(10_000)
    assert client.ask("POST", "/api/v3/order", **ORDER | {"price": "85"})["status"] == "NEW"


def test_successful_orders_cost_no_weight_and_failures_do(client: BinanceClient) -> None:
    placed = client.signed("POST", "/api/v3/order", **ORDER | {"price": "99"})
    assert ("X-MBX-USED-WEIGHT-1M", "0") in placed.headers
    refused = client.signed("POST", "/api/v3/order", **ORDER | {"price": "99.1"})
    assert ("X-MBX-USED-WEIGHT-1M", "1") in refused.headers


def test_a_key_can_trade_and_nothing_else(client: BinanceClient) -> None:
    allowed = client.ask("GET", "/sapi/v1/account/apiRestrictions")
    assert (allowed["enableSpotAndMarginTrading"], allowed["enableWithdrawals"]) == (True, False)
    assert allowed["ipRestrict"] is True


def test_questions_may_name_one_symbol_several_or_none() -> None:
    client = venue(lively=True)
    client.wait(5_000)
    assert client.get("/api/v3/ticker/price", symbol="ETHUSDT")["symbol"] == "ETHUSDT"
    several = client.get("/api/v3/ticker/price", symbols="%5B%22ETHUSDT%22,%22BTCUSDT%22%5D")
    assert [row["symbol"] for row in several] == ["ETHUSDT", "BTCUSDT"]
    assert len(client.get("/api/v3/ticker/bookTicker")) == 2
    assert failure(client.request("GET", "/api/v3/ticker/price", {"symbols": "ETHUSDT"}))[0] == -1100
    assert failure(client.request("GET", "/api/v3/ticker/price", {"symbol": "NOPE"}))[0] == -1121


def test_aggregate_trades_can_be_paged_by_id_and_by_time() -> None:
    client = venue(lively=True)
    client.wait(20_000)
    every = client.get("/api/v3/aggTrades", symbol="BTCUSDT", limit=1000)
    assert [row["a"] for row in every] == list(range(1, len(every) + 1))
    assert client.get("/api/v3/aggTrades", symbol="BTCUSDT", fromId=3, limit=2) == every[2:4]
    at = every[4]["T"]
    then = [row for row in every if row["T"] == at]
    assert client.get("/api/v3/aggTrades", symbol="BTCUSDT", startTime=at, endTime=at) == then
    assert client.get("/api/v3/aggTrades", symbol="BTCUSDT", limit=1) == every[-1:]


def test_fills_can_be_paged_by_id_and_by_order() -> None:
    client = venue(lively=True)
    client.wait(1_000)
    orders = [
        client.ask("POST", "/api/v3/order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.5")
        for _ in range(3)
    ]
    every = client.ask("GET", "/api/v3/myTrades", symbol="BTCUSDT")
    assert sum(Decimal(row["qty"]) for row in every) == Decimal("1.5")
    first = every[1]["id"]
    assert client.ask("GET", "/api/v3/myTrades", symbol="BTCUSDT", fromId=first) == every[1:]
    mine = client.ask("GET", "/api/v3/myTrades", symbol="BTCUSDT", orderId=orders[1]["orderId"])
    assert {row["orderId"] for row in mine} == {orders[1]["orderId"]}
    assert client.ask("GET", "/api/v3/myTrades", symbol="ETHUSDT") == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"interval": "7m"}, -1120),
        ({"interval": "1m", "limit": "0"}, -1130),
        ({"interval": "1m", "limit": "x"}, -1100),
        ({}, -1102),
    ],
)
def test_a_bad_question_is_refused(client: BinanceClient, params: dict[str, str], code: int) -> None:
    assert failure(client.request("GET", "/api/v3/klines", {"symbol": "BTCUSDT"} | params))[0] == code


def test_an_order_can_be_tried_without_being_placed(client: BinanceClient) -> None:
    assert client.ask("POST", "/api/v3/order/test", **ORDER | {"price": "99"}) == {}
    assert client.refused("POST", "/api/v3/order/test", **ORDER | {"price": "99", "side": "UP"})[0] == -1117
    assert client.ask("GET", "/api/v3/openOrders") == []


def test_fees_and_order_counts_are_told(client: BinanceClient) -> None:
    fees = client.ask("GET", "/api/v3/account/commission", symbol="BTCUSDT")
    assert fees["standardCommission"]["taker"] == "0.00100000"
    client.ask("POST", "/api/v3/order", **ORDER | {"price": "99"})
    counts = client.ask("GET", "/api/v3/rateLimit/order")
    assert [(row["interval"], row["intervalNum"], row["count"]) for row in counts] == [("SECOND", 10, 1), ("DAY", 1, 1)]


def test_an_order_that_would_trade_with_itself_expires_in_match(client: BinanceClient) -> None:
    client.subscribe_user("u")
    client.ask("POST", "/api/v3/order", **ORDER | {"side": "SELL", "price": "101"})
    reply = client.ask("POST", "/api/v3/order", **ORDER | {"price": "101"})
    assert reply["status"] == "EXPIRED_IN_MATCH"
    reports = [frame["event"] for frame in client.frames("u") if frame["event"]["e"] == "executionReport"]
    assert (reports[-1]["x"], reports[-1]["X"]) == ("TRADE_PREVENTION", "EXPIRED_IN_MATCH")
    other = client.refused("POST", "/api/v3/order", **ORDER | {"price": "90", "selfTradePreventionMode": "NONE"})
    assert other[0] == -2010


def test_a_reply_is_as_long_as_it_was_asked_for(client: BinanceClient) -> None:
    lengths = [
        len(client.ask("POST", "/api/v3/order", **ORDER | {"price": "90"}, newOrderRespType=kind))
        for kind in ("ACK", "RESULT", "FULL")
    ]
    assert lengths == sorted(set(lengths))
    maker = {"type": "LIMIT_MAKER", "timeInForce": "", "price": "90"}
    assert "status" not in client.ask("POST", "/api/v3/order", **ORDER | maker)


def test_an_order_id_with_the_wrong_client_id_or_symbol_finds_nothing(client: BinanceClient) -> None:
    order = client.ask("POST", "/api/v3/order", **ORDER | {"price": "99"}, newClientOrderId="mine")
    assert client.ask("GET", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"], origClientOrderId="mine")
    for wrong in ({"symbol": "BTCUSDT", "origClientOrderId": "yours"}, {"symbol": "ETHUSDT"}):
        assert client.refused("GET", "/api/v3/order", orderId=order["orderId"], **wrong)[0] == -2013
