"""Binance USD-M futures over their wire: what differs from spot."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import MILLISECOND
from integrated_trading_system.simulation.exchange.dialects.binance.usdm import BinanceUsdm
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.market import Market, MarketSettings
from integrated_trading_system.simulation.participants import populate
from tests.support.exchange import KEY, START, BinanceClient, Desk, customer, linear_listing, rules

ORDER: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
MARKET: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
HOUR_MS = 3_600_000


def venue(*, lively: bool = True) -> BinanceClient:
    listings = [linear_listing(price_band=Decimal("0.2")), linear_listing(symbol="ETHUSDT", base="ETH")]
    accounts = [customer("me", key=KEY, USDT=1_000)]
    venue_rules = rules(taker_bps=Decimal(5), fill_or_kill_refused=True)
    exchange = Exchange(listings, venue_rules, accounts, start=START)
    if lively:
        settings = MarketSettings(history_minutes=0, level_bps=60.0, level_notional=500.0)
        populate(exchange, Market(7, START, settings), VenueId("binance:usdm"))
    return BinanceClient(BinanceUsdm(exchange))


@pytest.fixture
def client() -> BinanceClient:
    client = venue()
    client.wait(1_000)
    return client


def user_events(client: BinanceClient) -> list[Any]:
    return [frame for frame in client.frames("u") if frame is not None]


def listen(client: BinanceClient) -> str:
    reply = client.request("POST", "/fapi/v1/listenKey", key=True)
    key: str = msgspec.json.decode(reply.body)["listenKey"]
    assert client.connect("u", f"/private/ws/{key}")
    return key


def keys_of(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())


@pytest.mark.parametrize(
    ("sample", "stream"),
    [
        ("agg_trade_stream", "aggTrade"),
        ("book_ticker_stream", "bookTicker"),
        ("depth_update_stream", "depth@100ms"),
        ("mark_price_stream", "markPrice@1s"),
        ("ticker_stream", "ticker"),
        ("kline_stream_open", "kline_1m"),
    ],
)
def test_streams_have_the_documented_keys(client: BinanceClient, recordings: Path, sample: str, stream: str) -> None:
    folder = recordings / "fixtures_nautilus" / "binance" / "futures" / "market_data_json"
    client.connect("m", f"/ws/btcusdt@{stream}")
    client.wait(10_000)
    frame, expected = client.frames("m")[0], keys_of(folder / f"{sample}.json")
    assert set(expected) <= set(frame)
    assert {key: type(frame[key]) for key in expected} == {key: type(value) for key, value in expected.items()}
    assert set(expected.get("k", ())) <= set(frame.get("k", ()))


def test_replies_and_user_events_have_the_documented_keys(client: BinanceClient, recordings: Path) -> None:
    folder = recordings / "fixtures_nautilus" / "binance" / "futures"
    listen(client)
    client.ask("POST", "/fapi/v1/order", **MARKET)
    order = client.ask("POST", "/fapi/v1/order", **ORDER | {"price": "90"})
    queried = client.ask("GET", "/fapi/v1/order", symbol="BTCUSDT", orderId=order["orderId"])
    assert set(keys_of(folder / "http_json" / "order_response.json")) <= set(queried)
    assert set(keys_of(folder / "http_json" / "balance.json")[0]) <= set(client.ask("GET", "/fapi/v3/balance")[0])
    risk = client.ask("GET", "/fapi/v2/positionRisk")[0]
    assert set(keys_of(folder / "http_json" / "position_risk.json")[0]) <= set(risk)
    account, expected = client.ask("GET", "/fapi/v2/account"), keys_of(folder / "http_json" / "account_info_v2.json")
    assert set(expected) <= set(account)
    assert set(expected["assets"][0]) <= set(account["assets"][0])
    assert set(expected["positions"][0]) <= set(account["positions"][0])
    events = {(event["e"], event.get("o", {}).get("x")): event for event in user_events(client)}
    optional = {"AP", "cr"}  # trailing stops only
    for sample, kind in [("order_update_new", "NEW"), ("order_update_trade", "TRADE")]:
        wanted = keys_of(folder / "user_data_json" / f"{sample}.json")["o"]
        absent = {"n", "N"} if kind == "NEW" else set()
        assert set(wanted) - optional - absent <= set(events["ORDER_TRADE_UPDATE", kind]["o"])
    update, wanted = events["ACCOUNT_UPDATE", None], keys_of(folder / "user_data_json" / "account_update.json")
    assert set(wanted["a"]["B"][0]) <= set(update["a"]["B"][0])
    assert set(wanted["a"]["P"][0]) <= set(update["a"]["P"][0])


def test_an_ack_says_new_and_the_stream_says_what_happened(client: BinanceClient) -> None:
    listen(client)
    ack = client.ask("POST", "/fapi/v1/order", **MARKET)
    assert (ack["status"], ack["executedQty"]) == ("NEW", "0.000")
    assert "avgPrice" not in ack
    result = client.ask("POST", "/fapi/v1/order", **MARKET | {"newOrderRespType": "RESULT"})
    assert (result["status"], result["executedQty"]) == ("FILLED", "1.000")
    events = user_events(client)
    fills = [event["o"] for event in events if event["e"] == "ORDER_TRADE_UPDATE" and event["o"]["x"] == "TRADE"]
    lite = [event for event in events if event["e"] == "TRADE_LITE"]
    assert [fill["t"] for fill in fills] == [event["t"] for event in lite]
    assert events.index(lite[0]) < events.index(next(e for e in events if e.get("o", {}).get("x") == "TRADE"))
    assert sum(Decimal(fill["l"]) for fill in fills) == 2
    trades = client.ask("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")
    assert [(t["id"], t["price"], t["commission"]) for t in trades] == [(f["t"], f["L"], f["n"]) for f in fills]


def test_positions_wallet_and_account_updates_agree(client: BinanceClient) -> None:
    listen(client)
    client.ask("POST", "/fapi/v1/order", **MARKET)
    client.ask("POST", "/fapi/v1/order", **MARKET | {"side": "SELL", "quantity": "0.4"})
    last = [event for event in user_events(client) if event["e"] == "ACCOUNT_UPDATE"][-1]["a"]
    position = client.ask("GET", "/fapi/v3/positionRisk")[0]
    assert (last["P"][0]["pa"], last["P"][0]["ep"]) == (position["positionAmt"], position["entryPrice"])
    assert position["positionAmt"] == "0.600"
    assert last["B"][0]["wb"] == client.ask("GET", "/fapi/v3/balance")[0]["balance"]
    account = client.ask("GET", "/fapi/v3/account")
    assert account["totalWalletBalance"] == last["B"][0]["wb"]
    assert [row["symbol"] for row in account["positions"]] == ["BTCUSDT"]
    assert len(client.ask("GET", "/fapi/v2/account")["positions"]) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NOPE"}, -1121),
        ({"type": "STOP_MARKET"}, -4120),
        ({"type": "SIDEWAYS"}, -1116),
        ({"positionSide": "LONG"}, -4061),
        ({"price": "99.1"}, -4014),
        ({"price": "10"}, -4024),
        ({"quantity": "0.0005"}, -4003),
        ({"quantity": "1.0005"}, -1111),
        ({"quantity": "0.01"}, -4164),
        ({"quantity": "1000"}, -2019),
        ({"reduceOnly": "true"}, -2022),
        ({"timeInForce": "GTX", "price": "110"}, -5022),
        ({"timeInForce": "FOK", "price": "90"}, -5021),
        ({"newClientOrderId": "resting"}, -4116),
    ],
)
def test_a_bad_order_is_refused_with_the_venues_code(client: BinanceClient, changes: dict[str, Any], code: int) -> None:
    client.ask("POST", "/fapi/v1/order", **ORDER | {"price": "90"}, newClientOrderId="resting")
    assert client.refused("POST", "/fapi/v1/order", **ORDER | {"price": "90"} | changes)[0] == code


def test_an_order_goes_through_its_whole_life(client: BinanceClient) -> None:
    order = client.ask("POST", "/fapi/v1/order", **ORDER | {"price": "90", "timeInForce": "GTX"})
    assert order["timeInForce"] == "GTX"
    assert client.ask("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", orderId=order["orderId"])["status"] == "NEW"
    assert len(client.ask("GET", "/fapi/v1/openOrders")) == 1
    cancelled = client.ask("DELETE", "/fapi/v1/order", symbol="BTCUSDT", origClientOrderId=order["clientOrderId"])
    assert cancelled["status"] == "CANCELED"
    assert client.refused("GET", "/fapi/v1/openOrder", symbol="BTCUSDT", orderId=order["orderId"])[0] == -2013
    assert client.refused("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=order["orderId"])[0] == -2011
    assert client.ask("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")["code"] == 200
    assert [row["status"] for row in client.ask("GET", "/fapi/v1/allOrders")] == ["CANCELED"]


def test_the_dead_mans_switch_cancels_unless_it_is_beaten_in_time(client: BinanceClient) -> None:
    client.ask("POST", "/fapi/v1/order", **ORDER | {"price": "90"})
    beat = {"symbol": "BTCUSDT", "countdownTime": 1_000}
    client.ask("POST", "/fapi/v1/countdownCancelAll", **beat)
    client.wait(900)
    client.ask("POST", "/fapi/v1/countdownCancelAll", **beat)
    client.wait(900)
    assert len(client.ask("GET", "/fapi/v1/openOrders")) == 1
    client.ask("POST", "/fapi/v1/countdownCancelAll", **beat | {"countdownTime": 0})
    client.wait(2_000)
    assert len(client.ask("GET", "/fapi/v1/openOrders")) == 1
    client.ask("POST", "/fapi/v1/countdownCancelAll", **beat)
    client.wait(1_000)
    assert client.ask("GET", "/fapi/v1/openOrders") == []


def test_a_listen_key_lives_for_an_hour_from_its_last_use() -> None:
    client = venue(lively=False)
    key = listen(client)
    client.wait(HOUR_MS // 2)
    kept = client.request("PUT", "/fapi/v1/listenKey", key=True)
    assert msgspec.json.decode(kept.body) == {"listenKey": key}
    client.wait(HOUR_MS - 1)
    assert user_events(client) == []
    client.wait(1)
    assert user_events(client) == [{"e": "listenKeyExpired", "E": client.now // MILLISECOND, "listenKey": key}]
    assert client.request("PUT", "/fapi/v1/listenKey", key=True).status == 400
    assert client.request("DELETE", "/fapi/v1/listenKey", key=True).status == 400
    fresh = msgspec.json.decode(client.request("POST", "/fapi/v1/listenKey", key=True).body)["listenKey"]
    assert fresh != key
    assert client.request("DELETE", "/fapi/v1/listenKey", key=True).status == 200


@pytest.mark.parametrize(
    ("path", "query"), [("/private/ws", "listenKey={}"), ("/private/stream", "listenKey={}"), ("/ws/{}", "")]
)
def test_user_events_come_on_every_documented_path(client: BinanceClient, path: str, query: str) -> None:
    key = listen(client)
    client.connect("other", path.format(key), query.format(key))
    client.ask("POST", "/fapi/v1/order", **ORDER | {"price": "90"})
    frame = client.frames("other")[0]
    event = frame["data"] if "stream" in frame else frame
    assert (event["e"], event["o"]["x"]) == ("ORDER_TRADE_UPDATE", "NEW")


def test_funding_is_told_as_a_balance_change_without_positions() -> None:
    accounts = [customer("me", key=KEY, USDT=1_000), customer("other", USDT=1_000)]
    desk = Desk(Exchange([linear_listing()], rules(taker_bps=Decimal(0), maker_bps=Decimal(0)), accounts, start=START))
    client = BinanceClient(BinanceUsdm(desk.exchange))
    desk.sell("other", "10", "100")
    desk.buy("me", "10", "100")
    assert desk.exchange.next_funding is not None
    client.wait((desk.exchange.next_funding - START) // MILLISECOND - 1)
    listen(client)
    client.wait(1)
    update = next(event["a"] for event in user_events(client) if event["e"] == "ACCOUNT_UPDATE")
    assert update == {
        "m": "FUNDING_FEE",
        "B": [{"a": "USDT", "wb": "999.90000000", "cw": "999.90000000", "bc": "-0.10000000"}],
        "P": [],
    }
    told = client.get("/fapi/v1/fundingRate", symbol="BTCUSDT")
    assert [(row["fundingRate"], row["fundingTime"] % (8 * HOUR_MS)) for row in told] == [("0.00010000", 0)]


def test_settings_are_told_and_leverage_can_be_changed(client: BinanceClient) -> None:
    assert client.ask("GET", "/fapi/v1/positionSide/dual") == {"dualSidePosition": False}
    assert client.ask("GET", "/fapi/v1/multiAssetsMargin") == {"multiAssetsMargin": False}
    assert client.ask("GET", "/fapi/v1/leverageBracket")[0]["symbol"] == "BTCUSDT"
    assert client.ask("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=5)["leverage"] == 5
    assert client.refused("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=500)[0] == -4028
    assert client.refused("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="CROSSED")[0] == -4046
    assert client.refused("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")[0] == -4068
    rates = client.ask("GET", "/fapi/v1/commissionRate", symbol="BTCUSDT")
    assert (rates["makerCommissionRate"], rates["takerCommissionRate"]) == ("0.000200", "0.000500")
    assert client.refused("POST", "/fapi/v1/order", **ORDER | {"price": "90", "quantity": "60"})[0] == -2019


def test_exchange_info_names_the_rules_in_futures_words(client: BinanceClient) -> None:
    info = client.get("/fapi/v1/exchangeInfo")
    filters = {row["filterType"]: row for row in info["symbols"][0]["filters"]}
    assert filters["MIN_NOTIONAL"]["notional"] == "5"
    assert (filters["PRICE_FILTER"]["tickSize"], filters["LOT_SIZE"]["stepSize"]) == ("0.5", "0.001")
    assert [row["rateLimitType"] for row in info["rateLimits"]] == ["REQUEST_WEIGHT", "ORDERS", "ORDERS"]


def test_public_questions_are_answered_in_futures_words(client: BinanceClient) -> None:
    client.wait(10_000)
    depth = client.get("/fapi/v1/depth", symbol="BTCUSDT", limit=5)
    quote = client.get("/fapi/v1/ticker/bookTicker", symbol="BTCUSDT")
    assert [quote["bidPrice"], quote["bidQty"]] == depth["bids"][0]
    assert (quote["lastUpdateId"], quote["time"]) == (depth["lastUpdateId"], depth["T"])
    assert client.get("/fapi/v1/trades", symbol="BTCUSDT")[-1]["isRPITrade"] is False
    last = client.get("/fapi/v2/ticker/price", symbol="BTCUSDT")["price"]
    assert client.get("/fapi/v1/ticker/24hr", symbol="BTCUSDT")["lastPrice"] == last
    assert client.get("/fapi/v1/fundingInfo") == []
    assert client.get("/fapi/v1/fundingRate", symbol="BTCUSDT") == []
    client.ask("POST", "/fapi/v1/order", **MARKET)
    assert Decimal(client.get("/fapi/v1/openInterest", symbol="BTCUSDT")["openInterest"]) >= 1
    assert client.ask("POST", "/fapi/v1/order/test", **MARKET) == {}


def test_streams_of_all_symbols_tell_them_all(client: BinanceClient) -> None:
    names = ("!markPrice@arr", "!markPrice@arr@1s", "!ticker@arr", "!miniTicker@arr")
    client.connect("m", "/market/stream", "streams=" + "/".join(names))
    client.wait(7_000)
    frames = client.frames("m")
    assert {frame["stream"] for frame in frames} == set(names)
    marks = [frame["data"] for frame in frames if frame["stream"] == "!markPrice@arr"]
    assert [row["s"] for row in marks[0]] == ["BTCUSDT", "ETHUSDT"]


def test_partial_depth_is_a_whole_book_in_the_envelope_of_a_diff(client: BinanceClient) -> None:
    client.connect("m", "/public/ws/btcusdt@depth10@500ms")
    client.wait(500)
    frame = client.frames("m")[0]
    book = client.get("/fapi/v1/depth", symbol="BTCUSDT", limit=10)
    assert (frame["e"], frame["b"], frame["a"], frame["u"]) == (
        "depthUpdate",
        book["bids"],
        book["asks"],
        book["lastUpdateId"],
    )


def test_prints_are_told_as_aggregates_only(client: BinanceClient) -> None:
    client.connect("m", "/stream", "streams=btcusdt@trade/btcusdt@aggTrade")
    client.wait(10_000)
    assert {frame["stream"] for frame in client.frames("m")} == {"btcusdt@aggTrade"}


def test_too_many_frames_cut_the_client_off_and_24_hours_too(client: BinanceClient) -> None:
    client.connect("m", "/ws")
    for number in range(11):
        client.send("m", {"method": "LIST_SUBSCRIPTIONS", "id": number})
    assert client.frames("m")[-1] is None
    quiet = venue(lively=False)
    quiet.connect("m", "/market/ws")
    quiet.wait(24 * HOUR_MS)
    assert quiet.frames("m") == [None]
