"""Bybit v5 over its wire: what REST tells, of linear and spot."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.bybit.dialect import BybitLinear
from integrated_trading_system.simulation.exchange.dialects.bybit.rows import Ids
from integrated_trading_system.simulation.exchange.exchange import Exchange
from tests.support.bybit_exchange import accounts, linear, spot
from tests.support.dialect_clients import BybitClient, code, result
from tests.support.exchange import START, linear_listing, rules

CREATE = "/v5/order/create"


def test_linear_instruments_come_in_pages_and_the_cursor_may_be_encoded_again() -> None:
    client = linear()
    first = client.get("instruments-info", category="linear", limit=1)
    assert [row["symbol"] for row in first["list"]] == ["BTCUSDT"]
    for cursor in (first["nextPageCursor"], quote(first["nextPageCursor"])):
        second = client.get("instruments-info", category="linear", limit=1, cursor=cursor)
        assert [row["symbol"] for row in second["list"]] == ["ETHUSDT"]
        assert second["nextPageCursor"] == ""
    assert client.get("instruments-info", category="inverse")["list"] == []
    assert len(spot().get("instruments-info", category="spot", limit=1)["list"]) == 1


def test_the_clock_is_the_venues_in_nanoseconds() -> None:
    exchange = Exchange([linear_listing()], rules(), accounts(), start=START)
    client = BybitClient(BybitLinear(exchange, Nanos(2 * SECOND)), "linear")
    assert client.get("time") == {"timeSecond": "1700000002", "timeNano": "1700000002000000000"}
    assert code(client.signed("GET", "/v5/account/info", {}, ahead=-3_001)) == 10002


def test_replies_have_the_documented_keys(recordings: Path) -> None:
    client = linear(lively=True)
    client.wait(60_000)
    client.order(orderType="Market", qty="0.5", orderLinkId="test-order")
    client.order(price="90", qty="0.1")
    symbol = {"category": "linear", "symbol": "BTCUSDT"}
    answers = {
        "instruments_linear": client.get("instruments-info", **symbol),
        "instruments_spot": spot().get("instruments-info", category="spot"),
        "orderbook": client.get("orderbook", **symbol),
        "trades_recent": client.get("recent-trade", **symbol),
        "klines_linear": client.get("kline", **symbol, interval="1"),
        "executions": client.ask("execution/list", symbol="BTCUSDT"),
        "orders_realtime": client.ask("order/realtime", symbol="BTCUSDT"),
        "orders_history": client.ask("order/history", symbol="BTCUSDT"),
        "positions": client.ask("position/list", settleCoin="USDT"),
        "wallet_balance": client.ask("account/wallet-balance", accountType="UNIFIED"),
        "fee_rate": client.ask("account/fee-rate", symbol="BTCUSDT"),
    }
    for name, answer in answers.items():
        path = recordings / "fixtures_nautilus" / "bybit" / f"http_get_{name}.json"
        expected = msgspec.json.decode(path.read_bytes())["result"]
        assert missing(expected, answer) == [], name


def missing(expected: Any, answer: Any) -> list[str]:
    """Keys that the answer lacks, or whose values have another type."""
    found = []
    if isinstance(expected, dict):
        for name, value in expected.items():
            if name not in answer:
                found.append(name)
            elif value is not None and answer[name] is not None:
                found += [f"{name}.{inner}" for inner in missing(value, answer[name])]
    elif isinstance(expected, list):
        return missing(expected[0], answer[0]) if expected else []
    elif type(expected) is not type(answer):
        found.append(f"{type(answer).__name__} instead of {type(expected).__name__}")
    return [name for name in found if name not in UNEXPECTED]


UNEXPECTED = ("nextPageCursor", "category")
"""Told by the recorded page or not, by its endpoint and product."""


def test_the_books_candles_and_prints_of_rest_are_in_the_venues_order() -> None:
    client = linear(lively=True)
    client.wait(120_000)
    symbol = {"category": "linear", "symbol": "BTCUSDT"}
    book = client.get("orderbook", **symbol, limit=5)
    bids = [float(price) for price, _ in book["b"]]
    asks = [float(price) for price, _ in book["a"]]
    assert (len(bids), len(asks)) == (5, 5)
    assert [*sorted(bids), *asks] == sorted([*bids, *asks])
    starts = [int(row[0]) for row in client.get("kline", **symbol, interval="1", limit=10)["list"]]
    assert starts == [starts[0] - 60_000 * age for age in range(10)]
    assert starts[0] == client.millis // 60_000 * 60_000
    oldest = client.get("kline", **symbol, interval="1", start=starts[9], limit=2)["list"]
    assert [int(row[0]) for row in oldest] == [starts[8], starts[9]]
    times = [int(row["time"]) for row in client.get("recent-trade", **symbol)["list"]]
    assert times == sorted(times, reverse=True)


def test_an_order_is_open_then_closed_and_found_by_name_in_both() -> None:
    client = linear()
    identity = client.order(qty="1", price="98", orderLinkId="mine")
    assert [row["orderStatus"] for row in client.ask("order/realtime", symbol="BTCUSDT")["list"]] == ["New"]
    assert client.ask("order/history", orderId=identity)["list"] == []
    client.post("order/cancel", symbol="BTCUSDT", orderLinkId="mine")
    for path, name in (("realtime", "orderLinkId"), ("history", "orderLinkId")):
        row = client.ask(f"order/{path}", **{name: "mine"})["list"][0]
        assert (row["orderId"], row["orderStatus"], row["cancelType"]) == (identity, "Cancelled", "CancelByUser")
    assert client.ask("order/realtime", symbol="BTCUSDT")["list"] == []
    assert [row["orderId"] for row in client.ask("order/realtime", settleCoin="USDT", openOnly=1)["list"]] == [identity]
    assert client.ask("order/history", symbol="BTCUSDT", orderStatus="Filled")["list"] == []


def test_history_and_executions_come_newest_first_in_pages() -> None:
    client = linear()
    for _ in range(3):
        client.order(orderType="Market", qty="0.1")
        client.wait(10)
    pages, cursor = [], ""
    for _ in range(3):
        page = client.ask("order/history", limit=1, cursor=cursor)
        pages += [row["createdTime"] for row in page["list"]]
        cursor = page["nextPageCursor"]
    assert cursor == ""
    assert pages == sorted(pages, reverse=True)
    assert len(set(pages)) == 3
    fills = [row["execTime"] for row in client.ask("execution/list", symbol="BTCUSDT")["list"]]
    assert fills == pages
    assert len(client.ask("execution/list", startTime=int(pages[0]))["list"]) == 1


def test_cancel_all_says_which_and_linear_must_say_where() -> None:
    client = linear()
    identities = [client.order(qty="0.1", price="98") for _ in range(2)]
    assert client.refused("order/cancel-all") == 10001
    assert client.post("order/cancel-all", settleCoin="USDC")["list"] == []
    done = client.post("order/cancel-all", settleCoin="USDT")
    assert [row["orderId"] for row in done["list"]] == identities
    assert done["success"] == "1"


def test_a_batch_succeeds_and_tells_of_each_item_in_two_lists() -> None:
    client = linear()
    good = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.1", "price": "98", "orderLinkId": "a"}
    reply = client.signed("POST", f"{CREATE}-batch", {"category": "linear", "request": [good, good | {"price": "1"}]})
    rows, outcomes = result(reply)["list"], msgspec.json.decode(reply.body)["retExtInfo"]["list"]
    assert [row["orderLinkId"] for row in rows] == ["a", "a"]
    assert [bool(row["orderId"]) for row in rows] == [True, False]
    assert [row["code"] for row in outcomes] == [0, 110003]
    gone = client.post("order/cancel-batch", request=[{"symbol": "BTCUSDT", "orderLinkId": "a"}])
    assert gone["list"][0]["orderId"] == rows[0]["orderId"]


def test_a_spot_market_buy_is_by_value_unless_the_unit_says_otherwise() -> None:
    client = spot()
    by_value = client.order(orderType="Market", qty="50.5")
    by_coin = client.order(orderType="Market", qty="0.5", marketUnit="baseCoin")
    done = {row["orderId"]: row["cumExecQty"] for row in client.ask("order/history")["list"]}
    assert done == {by_value: "0.500", by_coin: "0.500"}
    wallet = client.ask("account/wallet-balance", accountType="UNIFIED", coin="USDT")["list"][0]["coin"]
    assert [(row["coin"], row["walletBalance"]) for row in wallet] == [("USDT", "899")]


def test_only_spot_calls_an_order_that_was_cut_short_partially_filled() -> None:
    names = {}
    for client in (linear(), spot()):
        client.order(qty="6", price="101", timeInForce="IOC")
        row = client.ask("order/history")["list"][0]
        names[client.category] = (row["orderStatus"], row["rejectReason"], row["cumExecQty"])
    reason = "EC_NoImmediateQtyToFill"
    assert names == {
        "linear": ("Cancelled", reason, "5.000"),
        "spot": ("PartiallyFilledCanceled", reason, "5.000"),
    }


def test_a_position_is_listed_by_symbol_even_when_flat_and_else_only_when_held() -> None:
    client = linear()
    assert client.ask("position/list", settleCoin="USDT")["list"] == []
    flat = client.ask("position/list", symbol="BTCUSDT")["list"][0]
    assert (flat["side"], flat["size"]) == ("", "0")
    client.order(orderType="Market", side="Sell", qty="2")
    held = client.ask("position/list", settleCoin="USDT")["list"][0]
    assert (held["side"], held["size"], held["avgPrice"]) == ("Sell", "2.000", "99")
    coin = client.ask("account/wallet-balance", accountType="UNIFIED", coin="USDT")["list"][0]["coin"][0]
    assert Decimal(coin["totalPositionIM"]) == 2 * Decimal(100) / 20
    client.post("position/set-leverage", symbol="BTCUSDT", buyLeverage="10", sellLeverage="10")
    assert client.ask("position/list", symbol="BTCUSDT")["list"][0]["leverage"] == "10"
    assert client.refused("position/set-leverage", symbol="BTCUSDT", buyLeverage="10", sellLeverage="10") == 110043


@pytest.mark.parametrize("spot_names", [True, False])
def test_a_name_of_an_order_leads_back_to_it_and_others_lead_nowhere(spot_names: bool) -> None:
    ids = Ids(7, spot=spot_names)
    assert [ids.parse_order(ids.order(number)) for number in (1, 2**40)] == [1, 2**40]
    for text in ("", "x", "1", "-", "5-5", Ids(8, spot=not spot_names).order(1), f"{ids.order(1)}0"):
        assert ids.parse_order(text) <= 0
