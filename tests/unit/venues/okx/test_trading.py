"""OKX's private REST: the text of every request, and what each answer says about an order."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

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
from integrated_trading_system.domain.ids import Asset, ClientOrderId, VenueOrderId
from integrated_trading_system.domain.order import OrderStatus, OrderType, QueryFills, Side, TimeInForce
from integrated_trading_system.domain.time import DAY, SECOND, Nanos, from_millis
from integrated_trading_system.venues.okx.trading import PAGE, OkxTrading
from integrated_trading_system.venues.rest import MalformedReply
from tests.support import okx
from tests.support.okx import CANCEL, CLIENT, FILLS, QUERY, submit

SWAP, SPOT = okx.instrument("swap"), okx.instrument("spot")
TRADING, SPOT_TRADING = okx.trading("swap"), okx.trading("spot")
BASE = "https://www.okx.com/api/v5"


def body(**fields: Any) -> dict[str, Any]:
    request = TRADING.place(submit(**fields), SWAP).request
    assert (request.method, request.url) == ("POST", f"{BASE}/trade/order")
    found: dict[str, Any] = msgspec.json.decode(request.body)
    return found


def placed(reply: HttpReply) -> VenueExecution:
    (event,) = TRADING.decode_place(submit(), SWAP, reply)
    return event


# -- orders ----------------------------------------------------------------------------------------


def test_a_swap_order_is_written_plainly_and_named_by_us() -> None:
    assert body() == {
        "instId": "BTC-USDT-SWAP",
        "tdMode": "cross",
        "side": "buy",
        "ordType": "ioc",
        "sz": "0.1",
        "px": "20000.1",
        "reduceOnly": False,
        "clOrdId": "its1z1",
    }


def test_a_spot_order_is_paid_in_cash_and_knows_no_positions() -> None:
    request = SPOT_TRADING.place(submit(reduce_only=True, side=Side.SELL), SPOT).request
    sent = msgspec.json.decode(request.body)
    assert (sent["tdMode"], sent["side"]) == ("cash", "sell")
    assert "reduceOnly" not in sent
    assert "tgtCcy" not in sent


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"time_in_force": TimeInForce.GTC}, "limit"),
        ({"time_in_force": TimeInForce.FOK}, "fok"),
        ({"time_in_force": TimeInForce.GTC, "post_only": True}, "post_only"),
        ({"order_type": OrderType.MARKET}, "market"),
    ],
)
def test_how_long_an_order_stays_is_said_by_its_type(fields: dict[str, Any], expected: str) -> None:
    assert body(**fields)["ordType"] == expected


def test_a_spot_market_order_is_sized_in_base_and_has_no_price() -> None:
    sent = msgspec.json.decode(SPOT_TRADING.place(submit(order_type=OrderType.MARKET), SPOT).request.body)
    assert sent["tgtCcy"] == "base_ccy"
    assert "px" not in sent


@pytest.mark.parametrize("name", ["has-hyphen", "under_score", "", "x" * 33, "é"])
def test_a_name_that_the_venue_would_not_take_is_a_mistake_of_ours(name: str) -> None:
    with pytest.raises(AssertionError, match="not an id for OKX"):
        TRADING.place(submit(client_order_id=ClientOrderId(name)), SWAP)


def test_an_order_that_was_taken_is_accepted() -> None:
    item = {"clOrdId": CLIENT, "ordId": "312269865356374016", "tag": "", "ts": "1695190491421", "sCode": "0"}
    assert placed(okx.answered(item)) == OrderAccepted(
        client_order_id=CLIENT,
        venue_order_id=VenueOrderId("312269865356374016"),
        venue_time=from_millis(1695190491421),
        received_at=okx.RECEIVED,
    )


@pytest.mark.parametrize("changes", [{"clOrdId": "another"}, {"ordId": ""}])
def test_an_answer_about_another_order_proves_nothing(changes: dict[str, str]) -> None:
    with pytest.raises(MalformedReply):
        placed(okx.answered({"clOrdId": CLIENT, "ordId": "1", "sCode": "0"} | changes))


@pytest.mark.parametrize("code", ["51008", "51020", "51121", "51006", "51001", "51000"])
def test_a_refusal_is_in_the_entry_and_final(code: str) -> None:
    rejected = placed(okx.item_refused(code, "because"))
    assert rejected == OrderRejected(client_order_id=CLIENT, reason=f"{code} because", received_at=okx.RECEIVED)


@pytest.mark.parametrize("code", ["50111", "50113", "50102", "50014"])
def test_a_request_that_is_refused_as_a_whole_is_rejected(code: str) -> None:
    assert isinstance(placed(okx.refused(code, status=401)), OrderRejected)


@pytest.mark.parametrize("code", ["50001", "50004", "50013", "50026", "51149", "51054", "51016"])
def test_a_timeout_a_busy_system_or_a_name_in_use_leaves_the_order_uncertain(code: str) -> None:
    assert isinstance(placed(okx.item_refused(code)), SubmitUncertain)
    assert isinstance(placed(okx.refused(code)), SubmitUncertain)


@pytest.mark.parametrize(
    "reply",
    [
        okx.reply(b"<html>", 502),
        okx.reply(b"<html>", 403),
        okx.reply(b"", 200),
        okx.answered(),
        okx.answered({"clOrdId": CLIENT, "ordId": "1"}),
        okx.answered([1]),
        okx.refused("1"),
        okx.refused("51008", status=500),
        okx.refused("51008", status=408),
        okx.refused("0", status=429),
    ],
)
def test_an_answer_that_does_not_say_what_became_of_the_order_leaves_it_uncertain(reply: HttpReply) -> None:
    assert isinstance(placed(reply), SubmitUncertain)


@pytest.mark.parametrize("reply", [okx.refused("50011", status=429), okx.item_refused("50061")])
def test_too_many_requests_never_reached_the_market(reply: HttpReply) -> None:
    refused = SubmitRefused(client_order_id=CLIENT, reason="rate-limit", received_at=okx.RECEIVED)
    assert placed(reply) == refused


def test_a_cancel_names_the_order_as_we_do() -> None:
    request = TRADING.cancel(CANCEL, SWAP).request
    assert request.url == f"{BASE}/trade/cancel-order"
    assert msgspec.json.decode(request.body) == {"instId": "BTC-USDT-SWAP", "clOrdId": "its1z1"}


def test_an_accepted_cancel_says_nothing_yet() -> None:
    assert TRADING.decode_cancel(CANCEL, SWAP, okx.answered({"clOrdId": CLIENT, "ordId": "1", "sCode": "0"})) == ()


@pytest.mark.parametrize(
    "reply", [okx.item_refused("51402", "done"), okx.refused("50004"), okx.reply(b"<html>", 502), okx.answered()]
)
def test_any_other_answer_to_a_cancel_is_a_failure(reply: HttpReply) -> None:
    (event,) = TRADING.decode_cancel(CANCEL, SWAP, reply)
    assert isinstance(event, CancelFailed)


# -- questions -------------------------------------------------------------------------------------

ORDER = {
    "instId": "BTC-USDT-SWAP",
    "ordId": "77",
    "clOrdId": CLIENT,
    "state": "partially_filled",
    "side": "buy",
    "accFillSz": "0.05",
    "px": "100.5",
    "sz": "2",
}
REPORT = OrderReport(
    client_order_id=CLIENT,
    venue_order_id=VenueOrderId("77"),
    status=OrderStatus.WORKING,
    venue_filled=Decimal("0.05"),
    asked_at=okx.SENT,
    received_at=okx.RECEIVED,
    side=Side.BUY,
    price=Decimal("100.5"),
    quantity=Decimal(2),
)


def test_an_order_is_asked_for_by_our_name() -> None:
    assert TRADING.query(QUERY, SWAP).request.target == (f"{BASE}/trade/order?instId=BTC-USDT-SWAP&clOrdId=its1z1")
    assert TRADING.decode_query(QUERY, SWAP, okx.answered(ORDER)) == (REPORT,)


def test_an_order_that_does_not_exist_was_not_found_when_it_was_asked_for() -> None:
    (event,) = TRADING.decode_query(QUERY, SWAP, okx.refused("51603"))
    assert event == OrderNotFound(client_order_id=CLIENT, asked_at=okx.SENT, received_at=okx.RECEIVED)


@pytest.mark.parametrize("reply", [okx.refused("50011", status=429), okx.refused("51603", status=503)])
def test_a_question_without_an_answer_has_failed_and_found_nothing_out(reply: HttpReply) -> None:
    (event,) = TRADING.decode_query(QUERY, SWAP, reply)
    assert isinstance(event, RequestFailed)


@pytest.mark.parametrize("row", [ORDER | {"clOrdId": "other"}, ORDER | {"state": "new"}, ORDER | {"accFillSz": "x"}])
def test_an_answer_that_cannot_be_about_the_order_is_malformed(row: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        TRADING.decode_query(QUERY, SWAP, okx.answered(row))


def test_open_orders_are_all_of_them_those_made_by_hand_too() -> None:
    assert TRADING.open_orders(okx.ACCOUNT, "").request.target == f"{BASE}/trade/orders-pending?instType=SWAP&limit=100"
    (listed,), _ = TRADING.decode_open_orders(okx.ACCOUNT, okx.answered(ORDER, ORDER | {"clOrdId": ""}))
    assert isinstance(listed, OpenOrdersListed)
    assert (listed.orders, listed.instruments) == (
        (REPORT, replace(REPORT, client_order_id=ClientOrderId(""))),
        (okx.BTC, okx.BTC),
    )


def test_after_a_full_page_of_open_orders_those_before_its_last_are_asked_for() -> None:
    rows = [ORDER | {"ordId": str(number)} for number in range(PAGE, 0, -1)]
    (listed,), cursor = TRADING.decode_open_orders(okx.ACCOUNT, okx.answered(*rows))
    assert isinstance(listed, OpenOrdersListed)
    assert (len(listed.orders), cursor) == (PAGE, "1")
    assert TRADING.open_orders(okx.ACCOUNT, cursor).request.target == (
        f"{BASE}/trade/orders-pending?instType=SWAP&limit=100&after=1"
    )
    assert TRADING.decode_open_orders(okx.ACCOUNT, okx.answered(*rows[1:]))[1] == ""


def bill(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "instId": "BTC-USDT-SWAP",
        "tradeId": str(number),
        "ordId": "77",
        "clOrdId": CLIENT,
        "billId": f"b{number}",
        "fillPx": "20000",
        "fillSz": "0.01",
        "side": "sell",
        "execType": "M",
        "fee": "-0.05",
        "feeCcy": "USDT",
        "ts": "1700000000005",
        "fillTime": "1700000000004",
    }
    return row | changes


def test_fills_are_asked_for_from_a_moment_on_and_told_oldest_first() -> None:
    since = FILLS.since // 1_000_000 - 1
    assert TRADING.fills(FILLS, SWAP, "").request.target == (
        f"{BASE}/trade/fills?instType=SWAP&instId=BTC-USDT-SWAP&begin={since}&limit=100"
    )
    found, cursor = TRADING.decode_fills(FILLS, SWAP, okx.answered(bill(2), bill(1)))
    assert cursor == ""
    assert [fill.trade_id for fill in found if isinstance(fill, Fill)] == ["1", "2"]
    first = found[0]
    assert isinstance(first, Fill)
    assert (first.fee.amount, first.fee.asset, first.side) == (Decimal("0.05"), "USDT", Side.SELL)
    assert first.venue_time == from_millis(1700000000004)


def test_a_full_page_of_fills_is_followed_by_those_before_its_last_bill() -> None:
    rows = [bill(number) for number in range(PAGE, 0, -1)]
    found, cursor = TRADING.decode_fills(FILLS, SWAP, okx.answered(*rows))
    assert (len(found), cursor) == (PAGE, "b1")
    assert TRADING.fills(FILLS, SWAP, cursor).request.query.endswith("&limit=100&after=b1")
    with pytest.raises(MalformedReply, match="no bill"):
        TRADING.decode_fills(FILLS, SWAP, okx.answered(*rows[:-1], bill(1, billId="")))


def test_fills_of_longer_ago_than_three_days_are_not_all_there() -> None:
    old = QueryFills(okx.BTC, okx.ACCOUNT, Nanos(okx.SENT - 3 * DAY - 1))
    (event,), cursor = TRADING.decode_fills(old, SWAP, okx.answered())
    assert isinstance(event, RequestFailed)
    assert cursor == ""


@pytest.mark.parametrize("changes", [{"fillPx": "0"}, {"fillSz": "x"}, {"side": "?"}, {"feeCcy": 5}])
def test_a_fill_that_cannot_be_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply):
        TRADING.decode_fills(FILLS, SWAP, okx.answered(bill(1, **changes)))


DETAILS = {"uTime": "1700000000005", "details": [{"ccy": "USDT", "cashBal": "10", "eq": "10", "frozenBal": "3"}]}
POSITION = {"instId": "BTC-USDT-SWAP", "posSide": "net", "pos": "-2", "avgPx": "20000", "uTime": "1700000000006"}


def held(trading: OkxTrading, reply: HttpReply) -> VenueExecution:
    (event,) = trading.decode_balances(okx.ACCOUNT, reply)
    return event


def test_spot_holds_what_the_balance_says_and_that_is_all() -> None:
    assert [each.request.target for each in SPOT_TRADING.balances(okx.ACCOUNT)] == [f"{BASE}/account/balance"]
    report = held(SPOT_TRADING, okx.answered(DETAILS))
    assert isinstance(report, BalancesReported)
    assert report.balances == (Balance(Asset("USDT"), Decimal(7), Decimal(3)),)
    assert report.complete
    assert report.venue_time == from_millis(1700000000005)


def test_swaps_hold_balances_and_positions_each_a_part() -> None:
    assert [each.request.target for each in TRADING.balances(okx.ACCOUNT)] == [
        f"{BASE}/account/balance",
        f"{BASE}/account/positions?instType=SWAP",
    ]
    balances, positions = held(TRADING, okx.answered(DETAILS)), held(TRADING, okx.answered(POSITION))
    assert isinstance(balances, BalancesReported)
    assert isinstance(positions, BalancesReported)
    assert (balances.complete, positions.complete) == (False, False)
    assert positions.positions == (VenuePosition(okx.BTC, Decimal(-2), Decimal(20000)),)
    nothing = held(TRADING, okx.answered())
    assert isinstance(nothing, BalancesReported)
    assert nothing.positions == ()


def test_an_account_in_long_short_mode_cannot_be_understood() -> None:
    event = held(TRADING, okx.answered(POSITION | {"posSide": "long"}))
    assert isinstance(event, RequestFailed)
    assert "net mode" in event.reason
    flat = held(TRADING, okx.answered(POSITION | {"posSide": "long", "pos": ""}))
    assert isinstance(flat, BalancesReported)


@pytest.mark.parametrize("reply", [okx.answered(DETAILS | {"details": 7}), okx.answered(POSITION | {"pos": "x"})])
def test_holdings_of_another_shape_are_malformed(reply: HttpReply) -> None:
    with pytest.raises(MalformedReply):
        held(TRADING, reply)


@pytest.mark.parametrize(
    ("reply", "pause"),
    [
        (okx.refused("50011", status=429), 2 * SECOND),
        (okx.reply(b"slow down", 429), 2 * SECOND),
        (okx.refused("50011"), 2 * SECOND),
        (okx.refused("50061"), 2 * SECOND),
        (okx.refused("51008"), 0),
        (okx.answered({"ordId": "50011"}), 0),
    ],
)
def test_after_too_many_requests_the_limits_window_is_waited_for(reply: HttpReply, pause: int) -> None:
    assert TRADING.retry_after(reply) == pause


@given(body=st.binary(max_size=120), status=st.sampled_from([200, 400, 404, 429, 500, 503]))
def test_no_answer_makes_a_decoder_fail_otherwise_than_by_saying_malformed(body: bytes, status: int) -> None:
    reply = okx.reply(body, status)
    TRADING.retry_after(reply)
    with suppress(MalformedReply):
        assert len(TRADING.decode_place(submit(), SWAP, reply)) == 1
    for decode in (
        lambda: TRADING.decode_cancel(CANCEL, SWAP, reply),
        lambda: TRADING.decode_query(QUERY, SWAP, reply),
        lambda: TRADING.decode_open_orders(okx.ACCOUNT, reply),
        lambda: TRADING.decode_fills(FILLS, SWAP, reply),
        lambda: TRADING.decode_balances(okx.ACCOUNT, reply),
    ):
        with suppress(MalformedReply):
            decode()
