"""Backpack's private REST: the text of every request, and what each answer says about an order."""

from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    CancelFailed,
    Fill,
    Liquidity,
    OpenOrdersListed,
    OrderAccepted,
    OrderDone,
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
from integrated_trading_system.domain.ids import Asset, ClientOrderId, InstrumentId, TradeId, VenueOrderId
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import CancelOrder, OrderStatus, OrderType, QueryOrder, Side, TimeInForce
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos, from_millis
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import Trading, Venue
from tests.support import backpack
from tests.support.backpack import CANCEL, CLIENT, FILLS, QUERY, submit

SOL = backpack.instrument("spot")
ROOT = "https://api.backpack.exchange"


def trading_of(venue: Venue) -> Trading:
    assert venue.trading is not None
    return venue.trading


@pytest.fixture
def spot() -> Trading:
    return trading_of(backpack.venue("spot"))


@pytest.fixture
def perp() -> Trading:
    return trading_of(backpack.venue("perp"))


def order(**fields: Any) -> dict[str, Any]:
    return {
        "orderType": "Limit",
        "id": "111051090663277568",
        "clientId": 1001,
        "symbol": "SOL_USDC",
        "side": "Bid",
        "price": "18.5",
        "quantity": "0.1",
        "executedQuantity": "0",
        "status": "New",
        "createdAt": 1735689600123,
    } | fields


def fill(number: int, timestamp: str, **fields: Any) -> dict[str, Any]:
    return {
        "symbol": "SOL_USDC",
        "orderId": "111051090663277568",
        "clientId": "1001",
        "side": "Bid",
        "tradeId": number,
        "price": "18.50",
        "quantity": "0.1",
        "fee": "0.002",
        "feeSymbol": "SOL",
        "isMaker": False,
        "timestamp": timestamp,
    } | fields


# -- placing -------------------------------------------------------------------------------------


def body(weighted: Any) -> dict[str, Any]:
    return dict(msgspec.json.decode(weighted.request.body))


def test_a_limit_order_is_written_plainly_with_a_number_as_its_id(spot: Trading) -> None:
    weighted = spot.place(submit(), SOL)
    assert weighted.request.method == "POST"
    assert weighted.request.target == f"{ROOT}/api/v1/order"
    assert weighted.request.headers == (("Content-Type", "application/json; charset=utf-8"),)
    assert weighted.request.body == (
        '{"clientId":1001,"orderType":"Limit","price":"18.5","quantity":"0.1","side":"Bid","symbol":"SOL_USDC",'
        '"timeInForce":"IOC"}'
    )


def test_a_market_order_has_no_price(spot: Trading) -> None:
    sent = body(spot.place(submit(order_type=OrderType.MARKET, side=Side.SELL), SOL))
    assert sent == {
        "clientId": 1001,
        "orderType": "Market",
        "quantity": "0.1",
        "side": "Ask",
        "symbol": "SOL_USDC",
    }


def test_post_only_is_a_flag_of_its_own(spot: Trading) -> None:
    sent = body(spot.place(submit(post_only=True, time_in_force=TimeInForce.GTC), SOL))
    assert (sent["postOnly"], sent["timeInForce"]) == (True, "GTC")


def test_reduce_only_is_for_perpetuals(spot: Trading, perp: Trading) -> None:
    assert body(perp.place(submit(reduce_only=True), SOL))["reduceOnly"] is True
    assert "reduceOnly" not in body(spot.place(submit(reduce_only=True), SOL))


@pytest.mark.parametrize("client", ["", "0", "007", "-1", "1.5", "its1", "\uff14\uff12", "4294967296", "9" * 5_000])
def test_an_id_that_is_no_number_of_32_bits_cannot_be_used(spot: Trading, client: str) -> None:
    ours = ClientOrderId(client)
    with pytest.raises(Unsupported):
        spot.place(submit(client_order_id=ours), SOL)
    with pytest.raises(Unsupported):
        spot.cancel(CancelOrder(ours, SOL.instrument, backpack.ACCOUNT), SOL)
    with pytest.raises(Unsupported):
        spot.query(QueryOrder(ours, SOL.instrument, backpack.ACCOUNT), SOL)


def test_the_largest_id_is_told_to_whoever_makes_them(spot: Trading) -> None:
    largest = ClientOrderId(str(backpack.venue("spot").client_order_id_max))
    assert body(spot.place(submit(client_order_id=largest), SOL))["clientId"] == 2**32 - 1


ACCEPTED = OrderAccepted(
    client_order_id=CLIENT,
    venue_order_id=VenueOrderId("111051090663277568"),
    venue_time=from_millis(1735689600123),
    received_at=backpack.RECEIVED,
)


@pytest.mark.parametrize("status", ["New", "PartiallyFilled"])
def test_an_open_order_is_accepted(spot: Trading, status: str) -> None:
    assert spot.decode_place(submit(), SOL, backpack.reply(order(status=status))) == (ACCEPTED,)


def done(status: OrderStatus, filled: str, reason: str = "") -> OrderDone:
    return OrderDone(
        client_order_id=CLIENT,
        venue_order_id=VenueOrderId("111051090663277568"),
        status=status,
        venue_filled=Decimal(filled),
        reason=reason,
        venue_time=Nanos(0),
        received_at=backpack.RECEIVED,
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [("Filled", OrderStatus.FILLED), ("Cancelled", OrderStatus.CANCELLED), ("Expired", OrderStatus.EXPIRED)],
)
def test_an_order_may_be_over_when_it_is_answered(spot: Trading, word: str, status: OrderStatus) -> None:
    reply = backpack.reply(order(status=word, executedQuantity="0.05"))
    assert spot.decode_place(submit(), SOL, reply) == (ACCEPTED, done(status, "0.05"))


def placed(trading: Trading, reply: HttpReply) -> VenueExecution:
    (event,) = trading.decode_place(submit(), SOL, reply)
    return event


@pytest.mark.parametrize(
    "reply",
    [
        backpack.reply(b"<html>busy", 503),
        backpack.reply(b"", 500),
        backpack.problem("MAINTENANCE", 503),
        backpack.problem("SERVICE_UNAVAILABLE", 503),
        backpack.problem("INTERNAL_ERROR", 500),
        backpack.problem("TIMEOUT", 400),
        backpack.problem("TOO_EARLY", 400),
        backpack.problem("PRECONDITION_FAILED", 400),
        backpack.problem("SERVER_ERROR", 400),
        backpack.problem("INVALID_ORDER", 409),
        backpack.reply(b"Bad Request parse request payload error: x", 400),
        backpack.reply(b"", 408),
        backpack.reply(b"", 202),
        backpack.reply(b"", 302),
    ],
)
def test_an_answer_that_proves_nothing_leaves_the_orders_fate_open(spot: Trading, reply: HttpReply) -> None:
    assert isinstance(placed(spot, reply), SubmitUncertain)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (backpack.problem("TOO_MANY_REQUESTS", 429), "rate-limit"),
        (backpack.problem("TOO_MANY_REQUESTS", 400), "rate-limit"),
        (backpack.reply(b"slow down", 429), "rate-limit"),
        (backpack.reply(b"<html>firewall", 403), "forbidden"),
    ],
)
def test_a_closed_door_lets_no_order_through(spot: Trading, reply: HttpReply, reason: str) -> None:
    refused = placed(spot, reply)
    assert isinstance(refused, SubmitRefused)
    assert refused.reason == reason


@pytest.mark.parametrize(
    ("code", "status"),
    [("INSUFFICIENT_FUNDS", 400), ("INVALID_CLIENT_REQUEST", 400), ("FORBIDDEN", 403), ("INVALID_SIGNATURE", 401)],
)
def test_every_other_code_is_a_rejection_in_the_venues_words(spot: Trading, code: str, status: int) -> None:
    rejected = placed(spot, backpack.problem(code, status, "because"))
    assert isinstance(rejected, OrderRejected)
    assert rejected.reason == f"{code} because"


@pytest.mark.parametrize(
    "reply",
    [
        backpack.reply(b"<html>"),
        backpack.reply({}),
        backpack.reply(order(clientId=1002)),
        backpack.reply(order(clientId=None)),
        backpack.reply(order(status="Dreaming")),
        backpack.reply(order(executedQuantity="NaN")),
    ],
)
def test_a_good_answer_about_something_else_is_malformed(spot: Trading, reply: HttpReply) -> None:
    with pytest.raises(MalformedReply):
        spot.decode_place(submit(), SOL, reply)
    with pytest.raises(MalformedReply):
        spot.decode_cancel(CANCEL, SOL, reply)


# -- cancelling ----------------------------------------------------------------------------------


def test_a_cancel_names_our_id_in_its_body(spot: Trading) -> None:
    weighted = spot.cancel(CANCEL, SOL)
    assert (weighted.request.method, weighted.request.target) == ("DELETE", f"{ROOT}/api/v1/order")
    assert weighted.request.body == '{"clientId":1001,"symbol":"SOL_USDC"}'


def test_a_cancelled_order_is_done_with_what_was_executed(spot: Trading) -> None:
    reply = backpack.reply(order(status="Cancelled", executedQuantity="0.02"))
    assert spot.decode_cancel(CANCEL, SOL, reply) == (done(OrderStatus.CANCELLED, "0.02"),)


def test_a_cancel_that_is_only_accepted_is_no_cancellation_yet(spot: Trading) -> None:
    assert spot.decode_cancel(CANCEL, SOL, backpack.reply(b"", 202)) == ()


@pytest.mark.parametrize(
    "reply",
    [
        backpack.problem("RESOURCE_NOT_FOUND", 404),
        backpack.reply(b"", 500),
        backpack.reply(order(status="PartiallyFilled")),
    ],
)
def test_a_cancel_without_a_good_answer_failed(spot: Trading, reply: HttpReply) -> None:
    (event,) = spot.decode_cancel(CANCEL, SOL, reply)
    assert isinstance(event, CancelFailed)


# -- asking --------------------------------------------------------------------------------------


def report(status: OrderStatus, filled: str) -> OrderReport:
    return OrderReport(
        client_order_id=CLIENT,
        venue_order_id=VenueOrderId("111051090663277568"),
        status=status,
        venue_filled=Decimal(filled),
        asked_at=backpack.SENT,
        received_at=backpack.RECEIVED,
        side=Side.BUY,
        price=Decimal("18.5"),
        quantity=Decimal("0.1"),
    )


MISSING = OrderNotFound(client_order_id=CLIENT, asked_at=backpack.SENT, received_at=backpack.RECEIVED)


def test_an_order_is_asked_for_by_our_id(spot: Trading) -> None:
    weighted = spot.query(QUERY, SOL)
    assert weighted.request.target == f"{ROOT}/api/v1/order?clientId=1001&symbol=SOL_USDC"


def test_a_resting_order_is_reported(spot: Trading) -> None:
    reply = backpack.reply(order(status="PartiallyFilled", executedQuantity="0.05"))
    assert spot.decode_query(QUERY, SOL, reply) == [report(OrderStatus.WORKING, "0.05")]


def test_an_order_that_does_not_rest_is_looked_for_in_the_history() -> None:
    elsewhere = backpack.venue("spot").query_elsewhere
    assert elsewhere is not None
    weighted = elsewhere(QUERY, SOL)
    assert weighted.request.target == f"{ROOT}/wapi/v1/history/orders?limit=200&symbol=SOL_USDC"


def test_the_history_tells_how_an_order_ended(spot: Trading) -> None:
    past = order(status="Expired", executedQuantity="0.1", createdAt="2025-01-01T00:00:00.123", expiryReason="X")
    reply = backpack.reply([order(clientId=None), order(clientId=7), past])
    assert spot.decode_query(QUERY, SOL, reply) == [report(OrderStatus.EXPIRED, "0.1")]


@pytest.mark.parametrize(
    "reply", [backpack.reply([]), backpack.reply([order(clientId=7)]), backpack.problem("RESOURCE_NOT_FOUND", 404)]
)
def test_an_order_that_is_in_neither_place_is_not_found(spot: Trading, reply: HttpReply) -> None:
    assert list(spot.decode_query(QUERY, SOL, reply)) == [MISSING]


def test_open_orders_are_listed_those_made_by_hand_too(spot: Trading) -> None:
    assert spot.open_orders(backpack.ACCOUNT, "").request.target == f"{ROOT}/api/v1/orders?marketType=SPOT"
    reply = backpack.reply([order(clientId=None), order(symbol="SOL_USDC_PERP"), order()])
    (event,), _ = spot.decode_open_orders(backpack.ACCOUNT, reply)
    assert isinstance(event, OpenOrdersListed)
    known = report(OrderStatus.WORKING, "0")
    assert event.orders == (replace(known, client_order_id=ClientOrderId("")), known)
    assert event.instruments == (SOL.instrument, SOL.instrument)


# -- fills ---------------------------------------------------------------------------------------


def test_fills_are_asked_for_since_an_instant_and_page_by_page(spot: Trading) -> None:
    path = f"{ROOT}/wapi/v1/history/fills"
    assert spot.fills(FILLS, SOL, "").request.target == f"{path}?from=1699999940000&limit=1000&symbol=SOL_USDC"
    older, newer = spot.fills(FILLS, SOL, "to=17"), spot.fills(FILLS, SOL, "from=18")
    assert older.request.query == "from=1699999940000&limit=1000&symbol=SOL_USDC&to=17"
    assert newer.request.query == "from=18&limit=1000&symbol=SOL_USDC"


def test_a_fill_is_timed_in_utc(spot: Trading) -> None:
    reply = backpack.reply([fill(7, "2024-09-11T12:00:00.123456")])
    (event,), cursor = spot.decode_fills(FILLS, SOL, reply)
    assert cursor == ""
    assert event == Fill(
        client_order_id=CLIENT,
        venue_order_id=VenueOrderId("111051090663277568"),
        trade_id=TradeId("7"),
        instrument=SOL.instrument,
        account=backpack.ACCOUNT,
        side=Side.BUY,
        price=Decimal("18.50"),
        quantity=Decimal("0.1"),
        fee=Money(Decimal("0.002"), Asset("SOL")),
        liquidity=Liquidity.TAKER,
        venue_time=Nanos(1726056000123456_000),
        received_at=backpack.RECEIVED,
    )


def test_what_has_no_trade_id_was_no_trade(spot: Trading) -> None:
    rows = [fill(7, "2024-09-11T12:00:00Z"), fill(0, "2024-09-11T12:00:00Z", tradeId=None, clientId=None)]
    fills, _ = spot.decode_fills(FILLS, SOL, backpack.reply(rows))
    assert [each.trade_id for each in fills if isinstance(each, Fill)] == ["7"]


@pytest.mark.parametrize("fields", [{"price": "0"}, {"quantity": "0"}, {"quantity": "-1"}])
def test_a_fill_of_nothing_is_malformed(spot: Trading, fields: dict[str, str]) -> None:
    with pytest.raises(MalformedReply):
        spot.decode_fills(FILLS, SOL, backpack.reply([fill(7, "2024-09-11T12:00:00Z", **fields)]))


NOON = 1726056000000


@pytest.mark.parametrize(
    ("first", "last", "cursor"),
    [
        ("12:00:09", "12:00:00", f"to={NOON + 1}"),
        ("12:00:00", "12:00:09", f"from={NOON + 9000}"),
        ("12:00:00.001", "12:00:00", f"to={NOON}"),
    ],
)
def test_after_a_full_page_the_next_begins_at_its_edge_whichever_way_it_is_sorted(
    spot: Trading, first: str, last: str, cursor: str
) -> None:
    rows = [fill(1, f"2024-09-11T{first}"), *[fill(n, f"2024-09-11T{last}") for n in range(2, 1001)]]
    fills, following = spot.decode_fills(FILLS, SOL, backpack.reply(rows))
    assert len(fills) == 1000
    assert following == cursor


def test_a_full_page_of_one_instant_is_not_taken_for_all_of_its_fills(spot: Trading) -> None:
    rows = [fill(n, "2024-09-11T12:00:00") for n in range(1000)]
    with pytest.raises(MalformedReply):
        spot.decode_fills(FILLS, SOL, backpack.reply(rows))
    assert spot.decode_fills(FILLS, SOL, backpack.reply(rows[1:]))[1] == ""


# -- balances ------------------------------------------------------------------------------------


def test_a_spot_account_is_what_it_holds(spot: Trading) -> None:
    (weighted,) = spot.balances(backpack.ACCOUNT)
    assert weighted.request.target == f"{ROOT}/api/v1/capital"
    held = {"SOL": {"available": "1.2", "locked": "0.3", "staked": "2"}, "USDC": {"available": "5", "locked": "0"}}
    (event,) = spot.decode_balances(backpack.ACCOUNT, backpack.reply(held))
    assert isinstance(event, BalancesReported)
    assert event.complete
    assert event.balances == (
        Balance(Asset("SOL"), Decimal("1.2"), Decimal("2.3")),
        Balance(Asset("USDC"), Decimal(5), Decimal(0)),
    )


def test_a_perpetual_account_is_its_capital_and_its_positions(perp: Trading) -> None:
    _, weighted = perp.balances(backpack.ACCOUNT)
    assert weighted.request.target == f"{ROOT}/api/v1/position"
    rows = [{"symbol": "SOL_USDC_PERP", "netQuantity": "-1.5", "entryPrice": "140.2"}]
    (event,) = perp.decode_balances(backpack.ACCOUNT, backpack.reply(rows))
    assert isinstance(event, BalancesReported)
    assert not event.complete
    assert event.positions == (
        VenuePosition(InstrumentId("backpack:perp:SOL_USDC_PERP"), Decimal("-1.5"), Decimal("140.2")),
    )


# -- trouble -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply", [backpack.problem("TIMEOUT", 503), backpack.reply(b"<html>", 502), backpack.reply(b"no", 404)]
)
def test_a_question_without_a_usable_answer_failed(spot: Trading, reply: HttpReply) -> None:
    answers = (
        spot.decode_query(QUERY, SOL, reply),
        spot.decode_fills(FILLS, SOL, reply)[0],
        spot.decode_open_orders(backpack.ACCOUNT, reply)[0],
        spot.decode_balances(backpack.ACCOUNT, reply),
    )
    assert [type(event) for answer in answers for event in answer] == [RequestFailed] * 4


BAD = order(executedQuantity="1e5") | fill(1, "noon", price="NaN") | {"netQuantity": "x", "entryPrice": "y"}


@pytest.mark.parametrize("reply", [backpack.reply(b"[7]"), backpack.reply([BAD]), backpack.reply(b"[" * 100_000)])
def test_a_good_answer_without_the_promised_shape_is_malformed(perp: Trading, reply: HttpReply) -> None:
    with pytest.raises(MalformedReply):
        perp.decode_query(QUERY, SOL, reply)
    with pytest.raises(MalformedReply):
        perp.decode_fills(FILLS, SOL, reply)
    with pytest.raises(MalformedReply):
        trading_of(backpack.venue("spot")).decode_open_orders(backpack.ACCOUNT, reply)
    with pytest.raises(MalformedReply):
        perp.decode_balances(backpack.ACCOUNT, reply)


@given(st.binary(max_size=80), st.sampled_from([200, 202, 400, 403, 404, 500]))
def test_no_reply_makes_a_decoder_fail_in_an_unforeseen_way(raw: bytes, status: int) -> None:
    trading = trading_of(backpack.venue("spot"))
    for text in (raw, b"[%b]" % raw, b'{"code":%b}' % raw):
        reply = backpack.reply(text, status)
        trading.retry_after(reply)
        for decode in (
            lambda reply: trading.decode_place(submit(), SOL, reply),
            lambda reply: trading.decode_cancel(CANCEL, SOL, reply),
            lambda reply: trading.decode_query(QUERY, SOL, reply),
            lambda reply: trading.decode_fills(FILLS, SOL, reply),
            lambda reply: trading.decode_open_orders(backpack.ACCOUNT, reply),
            lambda reply: trading.decode_balances(backpack.ACCOUNT, reply),
        ):
            with suppress(MalformedReply):
                decode(reply)


@pytest.mark.parametrize(
    ("reply", "pause"),
    [
        (backpack.reply({}), 0),
        (backpack.problem("INVALID_ORDER"), 0),
        (backpack.reply(b"", 500), 0),
        (backpack.reply(b"", 429), 10 * SECOND),
        (backpack.reply(b"", 429, retry_after="7"), 7 * SECOND),
        (backpack.reply(b"", 429, retry_after="soon"), 10 * SECOND),
        (backpack.reply(b"<html>firewall", 403), 2 * MINUTE),
        (backpack.problem("FORBIDDEN", 403), 0),
    ],
)
def test_the_venue_says_how_long_to_stop(spot: Trading, reply: HttpReply, pause: int) -> None:
    assert spot.retry_after(reply) == pause


def test_every_weight_belongs_to_a_limit_with_room_for_it(spot: Trading) -> None:
    venue = backpack.venue("spot")
    limits = {limit.name: limit for limit in venue.rate_limits}
    weighted = (*venue.market.instruments(), spot.place(submit(), SOL), spot.query(QUERY, SOL))
    for each in weighted:
        assert all(weight <= limits[name].capacity - limits[name].reserve for name, weight in each.weights)
