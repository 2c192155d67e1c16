"""OKX v5 over its wire: who may ask what, how orders are refused, and what REST tells."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.time import HOUR, MINUTE
from integrated_trading_system.simulation.exchange.dialects.okx.guard import is_signed
from tests.support.okx_exchange import OkxClient, code, data, desk, entries, venue

FLAVOURS = ("spot", "swap")


@pytest.fixture(params=FLAVOURS)
def client(request: pytest.FixtureRequest) -> OkxClient:
    flavour: str = request.param
    return venue(flavour)


# -- who may ask -----------------------------------------------------------------------------------


def test_signatures_are_those_of_the_documentation() -> None:
    secret = "22582BD0CFF14C41EDBF1AB98506286D"
    payload = b"2020-12-08T09:08:57.715ZGET/api/v5/account/balance?ccy=BTC"
    assert is_signed(secret, payload, "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY=")
    assert not is_signed(secret, payload, "é")


@pytest.mark.parametrize(
    ("header", "value", "wanted"),
    [
        ("ok-access-key", "", "50103"),
        ("ok-access-passphrase", "", "50104"),
        ("ok-access-sign", "", "50106"),
        ("ok-access-timestamp", "", "50107"),
        ("ok-access-key", "nobody", "50111"),
        ("ok-access-passphrase", "wrong", "50105"),
        ("ok-access-sign", "AAAA", "50113"),
        ("ok-access-timestamp", "yesterday", "50112"),
        ("ok-access-timestamp", "2020-12-08T09:08:57.715+00:00", "50112"),
    ],
)
def test_a_request_that_is_not_signed_as_documented_is_refused(
    client: OkxClient, header: str, value: str, wanted: str
) -> None:
    reply = client.signed("GET", "account/balance", headers={header: value})
    assert (reply.status, code(reply)) == (401, wanted)


@pytest.mark.parametrize(("ahead", "wanted"), [(-30_000, "0"), (-30_001, "50102"), (30_000, "0"), (30_001, "50102")])
def test_a_timestamp_may_be_half_a_minute_off(client: OkxClient, ahead: int, wanted: str) -> None:
    reply = client.signed("GET", "account/balance", ahead=ahead)
    assert msgspec.json.decode(reply.body)["code"] == wanted


@pytest.mark.parametrize(("after", "wanted"), [(0, "0"), (-1, "51149")])
def test_an_order_is_void_after_its_own_deadline(client: OkxClient, after: int, wanted: str) -> None:
    fields = {"instId": client.symbol, "tdMode": "cash" if client.spot else "cross", "side": "buy"}
    fields |= {"ordType": "limit", "sz": "1", "px": "100"}
    reply = client.signed("POST", "trade/order", fields, headers={"exptime": str(client.millis + after)})
    assert msgspec.json.decode(reply.body)["code"] == wanted
    assert len(client.ask("trade/orders-pending")) == (wanted == "0")


def test_more_requests_than_allowed_in_two_seconds_are_refused_and_not_counted(client: OkxClient) -> None:
    replies = [client.signed("GET", "account/balance") for _ in range(11)]
    assert [reply.status for reply in replies] == [200] * 10 + [429]
    assert code(replies[-1]) == "50011"
    client.wait(2_000)
    assert client.signed("GET", "account/balance").status == 200


def test_public_limits_are_kept_apart_from_each_other(client: OkxClient) -> None:
    for _ in range(10):
        client.get("public/time")
    assert client.http("GET", "/api/v5/public/time").status == 429
    assert client.get("market/books", instId=client.symbol)


def test_what_is_not_there_is_not_found(client: OkxClient) -> None:
    assert client.http("GET", "/api/v5/nothing").status == 404


# -- orders ----------------------------------------------------------------------------------------

REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"px": "100.3"}, "51000"),
    ({"px": "500"}, "51006"),
    ({"sz": "1.0005"}, "51121"),
    ({"sz": "0.0001"}, "51020"),
    ({"sz": "501"}, "51101"),
    ({"sz": 1}, "51000"),
    ({"sz": "one"}, "51000"),
    ({"sz": ""}, "50014"),
    ({"instId": "NOPE"}, "51001"),
    ({"side": "BUY"}, "51000"),
    ({"ordType": "iceberg"}, "51000"),
    ({"tdMode": "isolated"}, "51000"),
    ({"posSide": "long"}, "51000"),
    ({"clOrdId": "not-allowed"}, "51000"),
    ({"reduceOnly": "maybe"}, "51000"),
]


@pytest.mark.parametrize(("changes", "wanted"), REFUSALS)
def test_an_order_is_refused_in_its_own_entry(client: OkxClient, changes: dict[str, Any], wanted: str) -> None:
    entry = client.order(**changes)
    assert (entry["sCode"], entry["ordId"]) == (wanted, "")


def test_an_order_beyond_the_balance_or_the_margin_is_refused() -> None:
    assert venue("spot").order(sz="11")["sCode"] == "51008"
    swap = venue("swap")
    leverage = {"instId": swap.symbol, "lever": "1", "mgnMode": "cross"}
    assert data(swap.signed("POST", "account/set-leverage", leverage))[0]["lever"] == "1"
    assert swap.order(sz="110")["sCode"] == "51008"


def test_a_name_in_use_is_refused(client: OkxClient) -> None:
    assert client.order(clOrdId="mine")["sCode"] == "0"
    assert client.order(clOrdId="mine")["sCode"] == "51016"


def test_there_is_a_limit_to_open_orders(client: OkxClient) -> None:
    assert [client.order()["sCode"] for _ in range(6)] == ["0"] * 5 + ["51103"]


def test_a_reduce_only_order_needs_a_position() -> None:
    assert venue("swap").order(reduceOnly=True)["sCode"] == "51169"
    assert venue("spot").order(reduceOnly=True)["sCode"] == "0"


def test_a_batch_says_of_each_order_what_became_of_it(client: OkxClient) -> None:
    fields = {"instId": client.symbol, "tdMode": "cash" if client.spot else "cross", "side": "buy"}
    fields |= {"ordType": "limit", "sz": "1", "px": "100"}
    reply = client.signed("POST", "trade/batch-orders", [fields | {"clOrdId": "a"}, fields | {"px": "0.5"}])
    assert code(reply) == "2"
    assert [entry["sCode"] for entry in entries(reply)] == ["0", "51006"]
    names = [{"instId": client.symbol, "clOrdId": "a"}, {"instId": client.symbol, "clOrdId": "b"}]
    reply = client.signed("POST", "trade/cancel-batch-orders", names)
    assert [entry["sCode"] for entry in entries(reply)] == ["0", "51400"]
    assert code(client.signed("POST", "trade/batch-orders", [])) == "51000"


@pytest.mark.parametrize(("kind", "state", "source"), [("ioc", "canceled", "14"), ("fok", "canceled", "13")])
def test_what_cannot_trade_at_once_is_cancelled(client: OkxClient, kind: str, state: str, source: str) -> None:
    named = client.order(ordType=kind)
    (order,) = client.ask("trade/order", instId=client.symbol, ordId=named["ordId"])
    assert (order["state"], order["cancelSource"], order["ordType"]) == (state, source, kind)


def test_a_post_only_order_that_would_take_is_accepted_and_then_cancelled(client: OkxClient) -> None:
    named = client.order(ordType="post_only", px="101")
    (order,) = client.ask("trade/order", instId=client.symbol, ordId=named["ordId"])
    assert (named["sCode"], order["state"], order["cancelSource"]) == ("0", "canceled", "31")


def test_a_spot_market_buy_is_sized_in_quote_unless_it_says_otherwise() -> None:
    client = venue("spot")
    by_value, by_size = client.order(ordType="market", sz="202"), client.order(ordType="market", tgtCcy="base_ccy")
    orders = [client.ask("trade/order", instId=client.symbol, ordId=each["ordId"])[0] for each in (by_value, by_size)]
    assert [(order["accFillSz"], order["tgtCcy"]) for order in orders] == [
        ("2.000", "quote_ccy"),
        ("1.000", "base_ccy"),
    ]
    assert client.order(ordType="market", tgtCcy="coins")["sCode"] == "51000"


def test_an_order_is_found_by_either_name_and_cancelled_once(client: OkxClient) -> None:
    named = client.order(clOrdId="mine")
    for name in ({"ordId": named["ordId"]}, {"clOrdId": "mine"}):
        (order,) = client.ask("trade/order", instId=client.symbol, **name)
        assert (order["state"], order["clOrdId"], order["ordId"]) == ("live", "mine", named["ordId"])
    assert client.cancel(clOrdId="mine")["sCode"] == "0"
    assert client.cancel(clOrdId="mine")["sCode"] == "51401"
    assert client.cancel(ordId="1")["sCode"] == "51400"
    filled = client.order(px="101", clOrdId="taker")
    assert client.cancel(ordId=filled["ordId"])["sCode"] == "51402"


def test_a_cancelled_order_that_never_traded_is_forgotten_after_two_hours(client: OkxClient) -> None:
    client.order(clOrdId="mine")
    client.order(clOrdId="taker", px="101", sz="0.5")
    client.cancel(clOrdId="mine")
    client.wait((2 * HOUR + MINUTE) // 1_000_000)
    assert code(client.signed("GET", "trade/order", {"instId": client.symbol, "clOrdId": "mine"})) == "51603"
    assert client.ask("trade/order", instId=client.symbol, clOrdId="taker")[0]["state"] == "filled"


def test_orders_are_listed_newest_first_and_page_by_page(client: OkxClient) -> None:
    names = [client.order(clOrdId=f"n{number}")["ordId"] for number in range(3)]
    assert [order["ordId"] for order in client.ask("trade/orders-pending", limit=2)] == names[:0:-1]
    assert [order["ordId"] for order in client.ask("trade/orders-pending", after=names[1])] == names[:1]
    client.cancel(clOrdId="n1")
    assert [order["clOrdId"] for order in client.ask("trade/orders-history", instId=client.symbol)] == ["n1"]


def test_fills_say_what_was_charged_and_page_by_their_bills(client: OkxClient) -> None:
    for size in ("1", "2"):
        client.order(px="101", sz=size, clOrdId=f"n{size}")
    newest, oldest = client.ask("trade/fills", instId=client.symbol)
    assert [(row["clOrdId"], row["execType"], row["fillPx"]) for row in (newest, oldest)] == [
        ("n2", "T", "101.0"),
        ("n1", "T", "101.0"),
    ]
    # 10 bps: of the coin that is received, or of a tenth of a coin a contract, in USDT
    assert oldest["fee"] == ("-0.001" if client.spot else "-0.0101")
    assert oldest["feeCcy"] == ("BTC" if client.spot else "USDT")
    assert client.ask("trade/fills", instId=client.symbol, limit=1) == [newest]
    assert client.ask("trade/fills", instId=client.symbol, after=newest["billId"]) == [oldest]
    assert client.ask("trade/fills", begin=client.millis + 1) == []


# -- the account -----------------------------------------------------------------------------------


def test_what_an_order_binds_is_frozen() -> None:
    client = venue("spot")
    client.order()
    (account,) = client.ask("account/balance")
    coins = {row["ccy"]: (row["cashBal"], row["availBal"], row["frozenBal"]) for row in account["details"]}
    assert coins == {"USDT": ("1000", "900", "100"), "BTC": ("2", "2", "0")}
    assert client.ask("account/positions") == []


def test_a_position_is_in_contracts_and_its_profit_is_not_cash() -> None:
    client = venue("swap")
    client.order(px="101", sz="2")
    desk(client).buy("you", "1", "101", symbol=client.symbol)
    (position,) = client.ask("account/positions", instType="SWAP")
    assert (position["pos"], position["posSide"], position["avgPx"]) == ("2", "net", "101")
    (account,) = client.ask("account/balance", ccy="USDT")
    (coin,) = account["details"]
    assert float(coin["eq"]) == pytest.approx(float(coin["cashBal"]) + float(coin["upl"]))
    data(client.signed("POST", "account/set-leverage", {"instId": client.symbol, "lever": "5", "mgnMode": "cross"}))
    assert client.ask("account/positions")[0]["lever"] == "5"


def test_fees_are_negative_and_the_mode_is_net(client: OkxClient) -> None:
    (rates,) = client.ask("account/trade-fee", instType="SPOT")
    assert (rates["taker"] or rates["takerU"], rates["maker"] or rates["makerU"]) == ("-0.001", "-0.0002")
    assert client.ask("account/config")[0]["posMode"] == "net_mode"


# -- the market ------------------------------------------------------------------------------------


def test_a_contract_is_worth_what_its_listing_says() -> None:
    (row,) = venue("swap").get("public/instruments", instType="SWAP")
    assert (row["ctType"], row["ctVal"], row["ctValCcy"], row["settleCcy"]) == ("linear", "0.1", "BTC", "USDT")
    assert (row["uly"], row["baseCcy"], row["state"]) == ("BTC-USDT", "", "live")
    (row,) = venue("spot").get("public/instruments", instType="SPOT", instId="BTC-USDT")
    assert (row["ctVal"], row["baseCcy"], row["quoteCcy"], row["tickSz"]) == ("", "BTC", "USDT", "0.5")


def test_other_products_exist_and_have_nothing(client: OkxClient) -> None:
    assert client.get("public/instruments", instType="FUTURES") == []
    assert code(client.http("GET", "/api/v5/public/instruments", "instType=COINS")) == "51000"
    assert code(client.http("GET", "/api/v5/public/instruments")) == "50014"
    assert code(client.http("GET", "/api/v5/market/books", "instId=NOPE")) == "51001"


def test_a_book_by_rest_has_the_number_that_its_stream_goes_on_from(client: OkxClient) -> None:
    (book,) = client.get("market/books", instId=client.symbol, sz=5)
    assert book["bids"] == [["99.0", "5.000", "0", "1"]]
    (message,) = client.subscribe("m", "books")
    assert message["data"][0]["seqId"] == book["seqId"]


def test_candles_are_told_newest_first_between_two_moments() -> None:
    client = venue("spot", lively=True)
    client.wait(150_000)
    every = client.get("market/history-candles", instId=client.symbol, limit=10)
    times = [int(row[0]) for row in every]
    assert times == sorted(times, reverse=True)
    assert [row[8] for row in every] == ["0"] + ["1"] * 9
    inner = client.get("market/history-candles", instId=client.symbol, before=times[5], after=times[2])
    assert inner == every[3:5]
    marks = client.get("market/history-mark-price-candles", instId=client.symbol, limit=2)
    assert [len(row) for row in marks] == [6, 6]
    assert code(client.http("GET", "/api/v5/market/candles", f"instId={client.symbol}&bar=7m")) == "51000"


def test_funding_that_was_paid_is_told_newest_first() -> None:
    client = venue("swap")
    client.wait(int(timedelta(hours=17).total_seconds() * 1000))
    newest, oldest = client.get("public/funding-rate-history", instId=client.symbol)
    assert int(newest["fundingTime"]) - int(oldest["fundingTime"]) == 8 * 3600 * 1000
    assert (newest["realizedRate"], client.get("public/funding-rate", instId=client.symbol)[0]["fundingRate"]) == (
        "0.0001",
        "0.0001",
    )
    before = client.get("public/funding-rate-history", instId=client.symbol, after=newest["fundingTime"])
    assert before == [oldest]
    assert code(venue("spot").http("GET", "/api/v5/public/funding-rate", "instId=BTC-USDT")) == "51000"


def test_public_rows_of_a_moment(client: OkxClient) -> None:
    client.order(px="101")
    (trade,) = client.get("market/trades", instId=client.symbol)
    assert (trade["px"], trade["sz"], trade["side"]) == ("101.0", "1.000", "buy")
    (ticker,) = client.get("market/ticker", instId=client.symbol)
    assert (ticker["last"], ticker["bidPx"], ticker["askPx"]) == ("101.0", "99.0", "101.0")
    assert client.get("market/tickers", instType="SPOT" if client.spot else "SWAP") == [ticker]
    assert client.get("market/tickers", instType="SWAP" if client.spot else "SPOT") == []
    if not client.spot:
        (mark,) = client.get("public/mark-price", instType="SWAP", instId=client.symbol)
        assert mark["markPx"] == "100.0"


@pytest.mark.parametrize("body", [b"{", b"7", b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(client: OkxClient, body: bytes) -> None:
    assert code(client.signed("POST", "trade/order", body)) == "50002"


def test_the_data_of_a_good_answer_is_a_list(client: OkxClient) -> None:
    assert data(client.http("GET", "/api/v5/public/time")) == [{"ts": str(client.millis)}]
