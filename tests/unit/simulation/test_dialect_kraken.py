"""The simulated Kraken's REST: what is listed, who may ask, and what becomes of orders."""

from typing import Any

import pytest

from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.simulation.exchange.dialects.kraken.guard import NONCE_WINDOW
from tests.support.exchange import START
from tests.support.kraken_exchange import KrakenClient, error, kraken


@pytest.fixture
def client() -> KrakenClient:
    return kraken()


# -- public --------------------------------------------------------------------------------------


def test_a_pair_has_its_old_names_in_rest(client: KrakenClient) -> None:
    (key,) = pairs = client.public("AssetPairs")
    listed = pairs[key]
    assert (key, listed["altname"], listed["wsname"]) == ("XXBTZUSD", "XBTUSD", "XBT/USD")
    assert (listed["base"], listed["quote"]) == ("XXBT", "ZUSD")
    assert (listed["tick_size"], listed["pair_decimals"], listed["lot_decimals"]) == ("0.5", 1, 3)
    assert (listed["ordermin"], listed["costmin"], listed["status"]) == ("0.001", "5", "online")
    assert client.public("Assets")["ZUSD"]["altname"] == "USD"


@pytest.mark.parametrize("name", ["XBTUSD", "XXBTZUSD", "BTC/USD"])
def test_a_book_is_found_by_any_name_of_its_pair(client: KrakenClient, name: str) -> None:
    second = START // SECOND
    assert client.public("Depth", pair=name, count=1) == {
        "XXBTZUSD": {"asks": [["101.00000", "5", second]], "bids": [["99.00000", "5", second]]}
    }


def test_trades_tickers_and_the_clock_are_told(client: KrakenClient) -> None:
    client.order(price="101")
    client.wait(1_500)
    (told,) = client.public("Trades", pair="XBTUSD")["XXBTZUSD"]
    assert told[:2] == ["101.00000", "1.00000000"]
    assert (told[3], told[6]) == ("b", 1)
    assert client.public("Ticker", pair="XBTUSD")["XXBTZUSD"]["c"] == ["101.00000", "1.00000000"]
    assert client.public("Time")["unixtime"] == START // SECOND + 1
    assert client.public("SystemStatus")["status"] == "online"


def test_the_open_candle_is_the_last_one_whatever_is_asked_for() -> None:
    client = kraken(levels=5)
    rows = client.public("OHLC", pair="XBTUSD", interval=1)["XXBTZUSD"]
    since = client.public("OHLC", pair="XBTUSD", interval=1, since=rows[-3][0])["XXBTZUSD"]
    assert [row[0] for row in since] == [row[0] for row in rows[-2:]]
    late = client.public("OHLC", pair="XBTUSD", interval=1, since=rows[-1][0] + 999)["XXBTZUSD"]
    assert [row[0] for row in late] == [rows[-1][0]]


@pytest.mark.parametrize(
    ("endpoint", "params", "expected"),
    [
        ("Depth", {"pair": "FOOBAR"}, "EQuery:Unknown asset pair"),
        ("Depth", {}, "EGeneral:Invalid arguments:pair"),
        ("OHLC", {"pair": "XBTUSD", "interval": 3}, "EGeneral:Invalid arguments:interval"),
        ("Trades", {"pair": "XBTUSD", "since": "x"}, "EGeneral:Invalid arguments:since"),
    ],
)
def test_errors_come_in_words_with_status_200(
    client: KrakenClient, endpoint: str, params: dict[str, Any], expected: str
) -> None:
    query = "&".join(f"{name}={value}" for name, value in params.items())
    reply = client.http("GET", f"/0/public/{endpoint}", query)
    assert (reply.status, error(reply)) == (200, expected)


# -- who may ask ---------------------------------------------------------------------------------


def test_a_nonce_counts_once_and_only_within_the_window_of_the_key(client: KrakenClient) -> None:
    client.signed("BalanceEx", {}, nonce=500_000)
    for used in (500_000, 500_000 - NONCE_WINDOW - 1):
        assert error(client.signed("BalanceEx", {}, nonce=used)) == "EAPI:Invalid nonce"
    for fresh in (500_001, 499_999):
        assert b"result" in client.signed("BalanceEx", {}, nonce=fresh).body


def test_a_wrong_signature_does_not_use_up_the_nonce(client: KrakenClient) -> None:
    assert error(client.signed("BalanceEx", {}, nonce=500, secret="c" * 64)) == "EAPI:Invalid signature"
    assert b"result" in client.signed("BalanceEx", {}, nonce=500).body


def test_an_unknown_key_is_told_so(client: KrakenClient) -> None:
    reply = client.http("POST", "/0/private/BalanceEx", "", b"nonce=1", {"api-key": "nobody", "api-sign": "x"})
    assert error(reply) == "EAPI:Invalid key"


def test_the_counter_of_a_key_runs_full_and_falls_with_time(client: KrakenClient) -> None:
    for _ in range(15):
        client.private("BalanceEx")
    assert client.refused("BalanceEx") == "EAPI:Rate limit exceeded"
    assert client.order(cl_ord_id="orders-count-not")
    client.wait(3_100)
    client.private("BalanceEx")


# -- orders --------------------------------------------------------------------------------------


def test_an_order_rests_and_is_found_by_either_name(client: KrakenClient) -> None:
    name = client.order(cl_ord_id="mine-1")
    opened = client.private("OpenOrders", cl_ord_id="mine-1")["open"]
    assert opened.keys() == {name}
    assert (opened[name]["status"], opened[name]["cl_ord_id"], opened[name]["vol_exec"]) == ("open", "mine-1", "0.000")
    assert opened[name]["descr"]["order"] == "buy 1.000 XBTUSD @ limit 100.0"
    assert client.private("OpenOrders", cl_ord_id="other")["open"] == {}
    assert client.private("QueryOrders", txid=name).keys() == {name}


def test_a_cancelled_order_moves_to_the_closed_ones(client: KrakenClient) -> None:
    name = client.order(cl_ord_id="mine-1")
    assert client.private("CancelOrder", cl_ord_id="mine-1") == {"count": 1}
    assert client.private("OpenOrders")["open"] == {}
    closed = client.private("ClosedOrders", cl_ord_id="mine-1")
    assert (closed["count"], closed["closed"][name]["status"]) == (1, "canceled")
    assert closed["closed"][name]["reason"] == "User requested"
    assert client.refused("CancelOrder", txid=name) == "EOrder:Unknown order"


def test_a_fill_costs_its_fee_in_the_quote_currency(client: KrakenClient) -> None:
    name = client.order(price="101", timeinforce="IOC", cl_ord_id="mine-1")
    assert client.private("ClosedOrders", cl_ord_id="mine-1")["closed"][name]["status"] == "closed"
    told = client.private("TradesHistory", consolidate_taker="false")
    ((_, fill),) = told["trades"].items()
    assert told["count"] == 1
    assert (fill["ordertxid"], fill["pair"], fill["type"]) == (name, "XXBTZUSD", "buy")
    assert (fill["price"], fill["vol"], fill["fee"], fill["maker"]) == ("101.0", "1.000", "0.101", False)
    assert client.private("BalanceEx")["ZUSD"]["balance"] == "898.8990000000"
    assert client.private("Balance")["XXBT"] == "3.0000000000"


def test_resting_orders_hold_what_they_may_cost(client: KrakenClient) -> None:
    client.order()
    assert client.private("BalanceEx")["ZUSD"] == {"balance": "1000.0000000000", "hold_trade": "100.1000000000"}


def test_fills_are_listed_newest_first_between_two_names_or_times(client: KrakenClient) -> None:
    for _ in range(3):
        client.wait(1_000)
        client.order(price="101", volume="0.5")
    names = list(client.private("TradesHistory")["trades"])
    assert list(client.private("TradesHistory", end=names[1])["trades"]) == names[1:], "inclusive"
    assert list(client.private("TradesHistory", start=names[1])["trades"]) == names[:1], "exclusive"
    assert list(client.private("TradesHistory", start=START // SECOND + 1)["trades"]) == names[:2]
    assert list(client.private("TradesHistory", ofs=2)["trades"]) == names[2:]


def test_a_post_only_order_that_would_trade_is_taken_and_then_cancelled(client: KrakenClient) -> None:
    name = client.order(price="101", oflags="fciq,post", cl_ord_id="mine-1")
    (closed,) = client.private("ClosedOrders", cl_ord_id="mine-1")["closed"].items()
    assert (closed[0], closed[1]["status"], closed[1]["reason"]) == (name, "canceled", "Post only order")


def test_an_order_that_is_only_validated_is_not_placed(client: KrakenClient) -> None:
    assert client.private("AddOrder", **client.fields(validate="true")).keys() == {"descr"}
    assert client.private("OpenOrders")["open"] == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"pair": "FOOBAR"}, "EQuery:Unknown asset pair"),
        ({"type": "swap"}, "EGeneral:Invalid arguments:type"),
        ({"ordertype": "stop-loss"}, "EGeneral:Invalid arguments:ordertype"),
        ({"volume": "1e3"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0.0001"}, "EGeneral:Invalid arguments:volume minimum not met"),
        ({"volume": "0.001"}, "EOrder:Cost minimum not met"),
        ({"volume": "50"}, "EOrder:Insufficient funds"),
        ({"price": "100.3"}, "EOrder:Invalid price"),
        ({"price": None}, "EGeneral:Invalid arguments:price"),
        ({"oflags": "what"}, "EGeneral:Invalid arguments:oflags"),
        ({"timeinforce": "GTD"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"oflags": "post", "timeinforce": "IOC"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"cl_ord_id": "a" * 19}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cl_ord_id": "a", "userref": "5"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"deadline": "soon"}, "EGeneral:Invalid arguments:deadline"),
        ({"deadline": "2023-11-14T22:15:00Z"}, "EGeneral:Invalid arguments:deadline"),
        ({"deadline": "2023-11-14T22:13:19Z"}, "EService:Deadline elapsed"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused_in_words(
    client: KrakenClient, changes: dict[str, Any], expected: str
) -> None:
    assert client.refused("AddOrder", **client.fields(**changes)) == expected


def test_an_id_may_be_used_again_once_its_order_is_over(client: KrakenClient) -> None:
    client.order(cl_ord_id="mine-1")
    assert client.refused("AddOrder", **client.fields(cl_ord_id="mine-1")) == "EOrder:Duplicate cl_ord_id"
    assert client.private("CancelAll") == {"count": 1}
    client.order(cl_ord_id="mine-1", deadline="2023-11-14T22:13:25.000Z")
