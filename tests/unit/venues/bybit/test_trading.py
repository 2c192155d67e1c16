"""Bybit's private REST: the text of every request, and what each answer says about an order."""

from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    CancelFailed,
    Fill,
    OpenOrdersListed,
    OrderAccepted,
    OrderNotFound,
    OrderRejected,
    OrderReport,
    RequestFailed,
    SubmitRefused,
    SubmitUncertain,
    VenueExecution,
    VenuePosition,
)
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import (
    Asset,
    ClientOrderId,
    InstrumentId,
    VenueOrderId,
)
from integrated_trading_system.domain.order import (
    CancelOrder,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from integrated_trading_system.domain.time import DAY, MILLISECOND, MINUTE, SECOND, Nanos, from_millis
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import Trading, Venue
from tests.support import bybit
from tests.support.bybit import CANCEL, CLIENT, FILLS, QUERY, submit

LINEAR, SPOT = bybit.instrument("linear"), bybit.instrument("spot")


def trading_of(venue: Venue) -> Trading:
    assert venue.trading is not None
    return venue.trading


@pytest.fixture
def linear() -> Trading:
    return trading_of(bybit.venue("linear"))


@pytest.fixture
def spot() -> Trading:
    return trading_of(bybit.venue("spot"))


def recorded(recordings: Path, name: str) -> HttpReply:
    return bybit.reply((recordings / "fixtures_nautilus" / "bybit" / f"{name}.json").read_bytes())


def listing(*rows: Any, cursor: str | None = "") -> HttpReply:
    return bybit.answered({"category": "linear", "list": rows, "nextPageCursor": cursor})


def order(**fields: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "orderId": "abc-1",
        "orderLinkId": "its1z1",
        "orderStatus": "PartiallyFilled",
        "cumExecQty": "0.0005",
        "updatedTime": "1700000000001",
    } | fields


def execution(**fields: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "orderId": "abc-1",
        "orderLinkId": "its1z1",
        "side": "Buy",
        "execId": "e-1",
        "execPrice": "20000",
        "execQty": "0.001",
        "execFee": "0.011",
        "execType": "Trade",
        "execTime": "1700000000001",
        "isMaker": True,
    } | fields


# -- placing -------------------------------------------------------------------------------------


def body(request: Any) -> dict[str, Any]:
    return dict(msgspec.json.decode(request.request.body))


def test_a_limit_order_is_written_plainly(linear: Trading) -> None:
    weighted = linear.place(submit(), LINEAR)
    assert weighted.request.method == "POST"
    assert weighted.request.target == "https://api.bybit.com/v5/order/create"
    assert weighted.request.headers == (("Content-Type", "application/json"),)
    assert weighted.request.body == (
        '{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.001","price":"20000.1",'
        '"timeInForce":"IOC","positionIdx":0,"reduceOnly":false,"orderLinkId":"its1z1"}'
    )
    assert weighted.weights == (("IP", 1), ("CREATE", 1))


def test_post_only_is_a_time_in_force(linear: Trading) -> None:
    sent = body(linear.place(submit(post_only=True, side=Side.SELL, time_in_force=TimeInForce.GTC), LINEAR))
    assert (sent["timeInForce"], sent["side"]) == ("PostOnly", "Sell")


def test_reduce_only_is_for_contracts(linear: Trading, spot: Trading) -> None:
    assert body(linear.place(submit(reduce_only=True), LINEAR))["reduceOnly"] is True
    assert "reduceOnly" not in body(spot.place(submit(reduce_only=True), SPOT))


def test_the_quantity_of_a_spot_market_order_is_in_base_units(linear: Trading, spot: Trading) -> None:
    sent = body(spot.place(submit(order_type=OrderType.MARKET), SPOT))
    assert (sent["orderType"], sent["marketUnit"], sent["qty"]) == ("Market", "baseCoin", "0.001")
    assert "price" not in sent
    assert "timeInForce" not in sent
    assert "marketUnit" not in body(linear.place(submit(order_type=OrderType.MARKET), LINEAR))


@pytest.mark.parametrize("client", ["", "a" * 37, "a b", 'x"'])
def test_an_id_that_the_venue_would_not_take_is_our_own_mistake(linear: Trading, client: str) -> None:
    with pytest.raises(AssertionError):
        linear.place(submit(client_order_id=ClientOrderId(client)), LINEAR)


def test_an_answered_order_is_accepted_and_nothing_more(linear: Trading) -> None:
    reply = bybit.answered({"orderId": "abc-1", "orderLinkId": "its1z1"})
    assert linear.decode_place(submit(), LINEAR, reply) == (
        OrderAccepted(
            client_order_id=CLIENT,
            venue_order_id=VenueOrderId("abc-1"),
            venue_time=from_millis(1700000000005),
            received_at=bybit.RECEIVED,
        ),
    )


def placed(trading: Trading, reply: HttpReply) -> VenueExecution:
    (event,) = trading.decode_place(submit(), LINEAR, reply)
    return event


@pytest.mark.parametrize("code", [10000, 10016, 429, 170007, 170146, 170147, 110072, 170141])
def test_a_timeout_or_a_duplicate_leaves_the_orders_fate_open(linear: Trading, code: int) -> None:
    assert isinstance(placed(linear, bybit.refused(code)), SubmitUncertain)


@pytest.mark.parametrize(
    "reply",
    [
        bybit.reply(b"<html>busy", 503),
        bybit.reply(b"", 500),
        bybit.refused(10001, status=502),
        bybit.reply(b"", 408),
        bybit.reply(b"<html>", 404),
        bybit.reply(b"<html>", 200),
        bybit.reply(b'{"retCode":0}', 302),
        bybit.reply(b'{"retCode":0}', 400),
    ],
)
def test_an_answer_that_is_not_the_venues_own_leaves_the_orders_fate_open(linear: Trading, reply: HttpReply) -> None:
    assert isinstance(placed(linear, reply), SubmitUncertain)


@pytest.mark.parametrize(
    "reply",
    [
        bybit.answered({}),
        bybit.answered(None),
        bybit.answered({"orderId": "abc-1", "orderLinkId": "its1z2"}),
    ],
)
def test_a_good_answer_about_something_else_is_malformed(linear: Trading, reply: HttpReply) -> None:
    with pytest.raises(MalformedReply):
        linear.decode_place(submit(), LINEAR, reply)


@pytest.mark.parametrize("code", [10006, 170005, 170222])
def test_too_many_requests_are_refused_before_the_matching_engine(linear: Trading, code: int) -> None:
    refused = placed(linear, bybit.refused(code))
    assert isinstance(refused, SubmitRefused)
    assert refused.reason == "rate-limit"


@pytest.mark.parametrize(
    ("text", "reason"), [(b"403, access too frequent", "rate-limit"), (b"<html>CloudFront", "forbidden")]
)
def test_a_closed_door_lets_no_order_through(linear: Trading, text: bytes, reason: str) -> None:
    refused = placed(linear, bybit.reply(text, 403))
    assert isinstance(refused, SubmitRefused)
    assert refused.reason == reason


@pytest.mark.parametrize(("code", "status"), [(10002, 200), (10001, 200), (110007, 200), (170131, 200), (33004, 401)])
def test_every_other_code_is_a_rejection_in_the_venues_words(linear: Trading, code: int, status: int) -> None:
    rejected = placed(linear, bybit.refused(code, "because", status))
    assert isinstance(rejected, OrderRejected)
    assert rejected.reason == f"{code} because"


# -- cancelling ----------------------------------------------------------------------------------


def test_a_cancel_names_our_id(linear: Trading) -> None:
    weighted = linear.cancel(CANCEL, LINEAR)
    assert weighted.request.target == "https://api.bybit.com/v5/order/cancel"
    assert weighted.request.body == '{"category":"linear","symbol":"BTCUSDT","orderLinkId":"its1z1"}'
    assert weighted.weights == (("IP", 1), ("CANCEL", 1))


def test_an_accepted_cancel_is_no_cancellation_yet(linear: Trading) -> None:
    assert linear.decode_cancel(CANCEL, LINEAR, bybit.answered({"orderId": "abc-1", "orderLinkId": "its1z1"})) == ()


@pytest.mark.parametrize("reply", [bybit.refused(110001), bybit.refused(170213), bybit.reply(b"", 500)])
def test_a_cancel_without_a_good_answer_failed(linear: Trading, reply: HttpReply) -> None:
    (event,) = linear.decode_cancel(CANCEL, LINEAR, reply)
    assert isinstance(event, CancelFailed)


# -- asking --------------------------------------------------------------------------------------


def test_an_order_is_asked_for_by_our_id(linear: Trading) -> None:
    weighted = linear.query(QUERY, LINEAR)
    assert weighted.request.method == "GET"
    assert weighted.request.target == (
        "https://api.bybit.com/v5/order/realtime?category=linear&symbol=BTCUSDT&orderLinkId=its1z1"
    )
    assert weighted.weights == (("IP", 1), ("QUERY", 1))


def test_a_known_order_is_reported_as_of_when_it_was_asked_for(linear: Trading) -> None:
    assert linear.decode_query(QUERY, LINEAR, listing(order())) == [
        OrderReport(
            client_order_id=CLIENT,
            venue_order_id=VenueOrderId("abc-1"),
            status=OrderStatus.WORKING,
            venue_filled=Decimal("0.0005"),
            asked_at=bybit.SENT,
            received_at=bybit.RECEIVED,
        )
    ]


def test_an_order_that_is_not_found_may_be_in_the_history() -> None:
    elsewhere = bybit.venue("linear").query_elsewhere
    assert elsewhere is not None
    assert elsewhere(QUERY, LINEAR).request.target == (
        "https://api.bybit.com/v5/order/history?category=linear&symbol=BTCUSDT&orderLinkId=its1z1"
    )


@pytest.mark.parametrize("rows", [(), (order(orderLinkId="its1z2"),)])
def test_an_order_that_is_not_in_the_list_is_not_found(linear: Trading, rows: tuple[Any, ...]) -> None:
    (event,) = linear.decode_query(QUERY, LINEAR, listing(*rows))
    assert event == OrderNotFound(client_order_id=CLIENT, asked_at=bybit.SENT, received_at=bybit.RECEIVED)


def test_open_orders_are_listed_for_one_settle_coin(linear: Trading, spot: Trading, recordings: Path) -> None:
    assert linear.open_orders(bybit.ACCOUNT, "").request.query == "category=linear&settleCoin=USDT&openOnly=0&limit=50"
    assert spot.open_orders(bybit.ACCOUNT, "").request.query == "category=spot&openOnly=0&limit=50"
    (event,), _ = linear.decode_open_orders(bybit.ACCOUNT, recorded(recordings, "http_get_orders_realtime"))
    assert isinstance(event, OpenOrdersListed)
    assert [report.client_order_id for report in event.orders] == ["client-open-1", "client-open-2"]
    assert event.instruments == (InstrumentId("bybit:linear:ETHUSDT"),) * 2


def test_orders_made_by_hand_are_listed_and_cancelled_by_the_venues_id(linear: Trading) -> None:
    (event,), _ = linear.decode_open_orders(bybit.ACCOUNT, listing(order(orderLinkId=""), order()))
    assert isinstance(event, OpenOrdersListed)
    assert [report.client_order_id for report in event.orders] == ["", CLIENT]
    by_hand = CancelOrder(ClientOrderId(""), LINEAR.instrument, bybit.ACCOUNT, event.orders[0].venue_order_id)
    assert f'"orderId":"{event.orders[0].venue_order_id}"' in linear.cancel(by_hand, LINEAR).request.body


@pytest.mark.parametrize("rows", [1, 50])
def test_a_page_of_open_orders_names_the_next_however_short_it_is(linear: Trading, rows: int) -> None:
    (listed,), cursor = linear.decode_open_orders(bybit.ACCOUNT, listing(*[order()] * rows, cursor="a%3A1"))
    assert isinstance(listed, OpenOrdersListed)
    assert (len(listed.orders), cursor) == (rows, "a%3A1")
    first = linear.open_orders(bybit.ACCOUNT, "").request.query
    assert linear.open_orders(bybit.ACCOUNT, cursor).request.query == f"{first}&cursor=a%3A1"


@pytest.mark.parametrize("reply", [listing(order()), listing(order(), cursor=None), listing(cursor="c")])
def test_a_page_of_open_orders_without_cursor_or_rows_is_the_last(linear: Trading, reply: HttpReply) -> None:
    (listed,), cursor = linear.decode_open_orders(bybit.ACCOUNT, reply)
    assert isinstance(listed, OpenOrdersListed)
    assert cursor == ""


def test_a_full_page_that_says_nothing_of_a_next_one_proves_nothing(linear: Trading) -> None:
    (event,), cursor = linear.decode_open_orders(bybit.ACCOUNT, listing(*[order()] * 50, cursor=None))
    assert isinstance(event, RequestFailed)
    assert cursor == ""


# -- fills ---------------------------------------------------------------------------------------


def test_fills_are_asked_for_since_an_instant_and_page_by_page(linear: Trading) -> None:
    first = "category=linear&symbol=BTCUSDT&startTime=1699999940000&limit=100"
    weighted = linear.fills(FILLS, LINEAR, "")
    assert weighted.request.target == f"https://api.bybit.com/v5/execution/list?{first}"
    assert linear.fills(FILLS, LINEAR, "13%3A2").request.query == f"{first}&cursor=13%3A2"


def test_a_page_of_fills_names_the_next(linear: Trading) -> None:
    fills, cursor = linear.decode_fills(FILLS, LINEAR, listing(execution(), execution(execType="Funding"), cursor="c"))
    assert cursor == "c"
    (fill,) = fills
    assert isinstance(fill, Fill)
    assert (fill.client_order_id, fill.price, fill.quantity, fill.side) == (
        CLIENT,
        Decimal(20000),
        Decimal("0.001"),
        Side.BUY,
    )
    assert (fill.fee.amount, fill.fee.asset) == (Decimal("0.011"), "USDT")


@pytest.mark.parametrize("reply", [listing(execution()), listing(execution(), cursor=None), listing(cursor="c")])
def test_a_page_without_cursor_or_rows_is_the_last(linear: Trading, reply: HttpReply) -> None:
    assert linear.decode_fills(FILLS, LINEAR, reply)[1] == ""


def test_recorded_fills_are_read_oldest_first(linear: Trading, recordings: Path) -> None:
    query = msgspec.structs.replace(FILLS, since=bybit.SENT)
    fills, cursor = linear.decode_fills(query, LINEAR, recorded(recordings, "http_get_executions"))
    assert [fill.trade_id for fill in fills if isinstance(fill, Fill)] == [
        "f1dce92e-1g29-6977-a526-dg420c6ecb4c",
        "e0cbe81d-0f18-5866-9415-cf319b5dab3b",
    ]
    assert cursor == "132766%3A2%2C132766%3A2"


def test_fills_older_than_the_venue_lists_are_not_claimed_to_be_all(linear: Trading) -> None:
    query = msgspec.structs.replace(FILLS, since=Nanos(bybit.SENT - 8 * DAY))
    (event,), cursor = linear.decode_fills(query, LINEAR, listing(execution(), cursor="c"))
    assert isinstance(event, RequestFailed)
    assert cursor == ""


# -- balances ------------------------------------------------------------------------------------


def test_a_contract_account_is_a_wallet_and_positions(linear: Trading, spot: Trading) -> None:
    wallet, positions = linear.balances(bybit.ACCOUNT)
    assert wallet.request.target == "https://api.bybit.com/v5/account/wallet-balance?accountType=UNIFIED"
    assert positions.request.target == (
        "https://api.bybit.com/v5/position/list?category=linear&settleCoin=USDT&limit=200"
    )
    assert spot.balances(bybit.ACCOUNT) == (wallet,)


@pytest.mark.parametrize(("flavour", "complete"), [("linear", False), ("spot", True)])
def test_the_wallet_is_all_there_is_on_spot_only(recordings: Path, flavour: str, complete: bool) -> None:
    trading = trading_of(bybit.venue(flavour))
    (report,) = trading.decode_balances(bybit.ACCOUNT, recorded(recordings, "http_get_wallet_balance"))
    assert isinstance(report, BalancesReported)
    assert report.complete is complete
    assert report.balances == (
        Balance(Asset("BTC"), Decimal(0), Decimal(0)),
        Balance(Asset("USDT"), Decimal("1000.50"), Decimal(0)),
        Balance(Asset("ETH"), Decimal(0), Decimal(0)),
    )


def test_positions_are_signed(linear: Trading, recordings: Path) -> None:
    (report,) = linear.decode_balances(bybit.ACCOUNT, recorded(recordings, "http_get_positions"))
    assert isinstance(report, BalancesReported)
    assert not report.complete
    assert report.positions == (
        VenuePosition(InstrumentId("bybit:linear:BTCUSDT"), Decimal("0.5"), Decimal("50000.00")),
        VenuePosition(InstrumentId("bybit:linear:ETHUSDT"), Decimal("-5.0"), Decimal("3000.00")),
        VenuePosition(InstrumentId("bybit:linear:SOLUSDT"), Decimal(0), Decimal(0)),
    )


def position(**fields: Any) -> dict[str, Any]:
    return {"symbol": "BTCUSDT", "side": "Buy", "size": "1", "avgPrice": "5", "positionIdx": 0} | fields


def test_an_account_in_hedge_mode_is_not_understood(linear: Trading) -> None:
    (event,) = linear.decode_balances(bybit.ACCOUNT, listing(position(positionIdx=1)))
    assert isinstance(event, RequestFailed)
    assert "hedge mode" in event.reason


def test_half_a_list_of_positions_proves_nothing(linear: Trading) -> None:
    (event,) = linear.decode_balances(bybit.ACCOUNT, listing(*[position()] * 200))
    assert isinstance(event, RequestFailed)


# -- trouble -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        bybit.refused(10016),
        bybit.refused(10006),
        bybit.reply(b"<html>", 502),
        bybit.reply(b'{"retCode":0,"result":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    ],
)
def test_a_question_without_a_usable_answer_failed(linear: Trading, reply: HttpReply) -> None:
    answers = (
        linear.decode_query(QUERY, LINEAR, reply),
        linear.decode_fills(FILLS, LINEAR, reply)[0],
        linear.decode_open_orders(bybit.ACCOUNT, reply)[0],
        linear.decode_balances(bybit.ACCOUNT, reply),
    )
    assert [type(event) for answer in answers for event in answer] == [RequestFailed] * 4


@pytest.mark.parametrize(
    "reply",
    [
        bybit.answered({}),
        bybit.answered({"list": [7]}),
        bybit.answered({"list": [order(orderStatus="Paused") | execution(execPrice="?") | position(size="x")]}),
        bybit.answered({"list": [order(cumExecQty="NaN") | execution(execQty="1e5") | position(avgPrice="1e5")]}),
    ],
)
def test_a_good_answer_without_the_promised_shape_is_malformed(linear: Trading, reply: HttpReply) -> None:
    with pytest.raises(MalformedReply):
        linear.decode_query(QUERY, LINEAR, reply)
    with pytest.raises(MalformedReply):
        linear.decode_fills(FILLS, LINEAR, reply)
    with pytest.raises(MalformedReply):
        linear.decode_open_orders(bybit.ACCOUNT, reply)
    with pytest.raises(MalformedReply):
        linear.decode_balances(bybit.ACCOUNT, reply)


@given(st.binary(max_size=80), st.sampled_from([200, 400, 403, 500]))
def test_no_reply_makes_a_decoder_fail_in_an_unforeseen_way(raw: bytes, status: int) -> None:
    trading = trading_of(bybit.venue("linear"))
    for text in (raw, b'{"retCode":0,"result":%b}' % raw, b'{"retCode":0,"result":{"list":[%b]}}' % raw):
        reply = bybit.reply(text, status)
        trading.retry_after(reply)
        for decode in (
            lambda reply: trading.decode_place(submit(), LINEAR, reply),
            lambda reply: trading.decode_cancel(CANCEL, LINEAR, reply),
            lambda reply: trading.decode_query(QUERY, LINEAR, reply),
            lambda reply: trading.decode_fills(FILLS, LINEAR, reply),
            lambda reply: trading.decode_open_orders(bybit.ACCOUNT, reply),
            lambda reply: trading.decode_balances(bybit.ACCOUNT, reply),
        ):
            with suppress(MalformedReply):
                decode(reply)


@pytest.mark.parametrize(
    ("reply", "pause"),
    [
        (bybit.answered({}), 0),
        (bybit.refused(10001), 0),
        (bybit.reply(b"", 500), 0),
        (bybit.reply(b"403, access too frequent", 403), 10 * MINUTE),
        (bybit.refused(10006), SECOND),
        (bybit.reply(b"", 429), SECOND),
        (
            bybit.reply(
                {"retCode": 10006, "retMsg": "Too many visits!", "time": 1700000000005},
                x_bapi_limit_reset_timestamp="1700000000255",
            ),
            250 * MILLISECOND,
        ),
        (
            bybit.reply(
                {"retCode": 10006, "retMsg": "Too many visits!", "time": 1700000000005},
                x_bapi_limit_reset_timestamp="1600000000255",
            ),
            SECOND,
        ),
        (bybit.reply({"retCode": 170222, "retMsg": ""}, x_bapi_limit_reset_timestamp="soon"), SECOND),
    ],
)
def test_the_venue_says_how_long_to_stop(linear: Trading, reply: HttpReply, pause: int) -> None:
    assert linear.retry_after(reply) == pause


def test_every_weight_belongs_to_a_limit_with_room_for_it() -> None:
    for flavour in ("linear", "spot"):
        venue = bybit.venue(flavour)
        trading, instrument = trading_of(venue), bybit.instrument(flavour)
        limits = {limit.name: limit for limit in venue.rate_limits}
        clock = venue.market.time()
        assert clock is not None
        for weighted in (
            clock,
            *venue.market.instruments(),
            trading.place(submit(), instrument),
            trading.cancel(CANCEL, instrument),
            trading.query(QUERY, instrument),
            trading.fills(FILLS, instrument, ""),
            trading.open_orders(bybit.ACCOUNT, ""),
            *trading.balances(bybit.ACCOUNT),
        ):
            assert all(weight <= limits[name].capacity - limits[name].reserve for name, weight in weighted.weights)
