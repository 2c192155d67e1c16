"""The life of an order: what proves something about it, what leaves it open, and what is asked of the account."""

from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import (
    BalancesReported,
    CancelFailed,
    Fill,
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
)
from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.order import CancelOrder, OrderStatus, QueryFills, QueryOrder
from integrated_trading_system.domain.time import HOUR, Nanos
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.venue import Trading, VenueEvent
from tests.conformance.description import SENT, Answer, OrderTraffic
from tests.conformance.orders import ACCOUNT, submit
from tests.conformance.subjects import Subject

SERVER_ERRORS = [Answer(body, status) for status in (500, 502, 503, 504) for body in (b"", b"<html>", b"{}")]


class Life:
    """One order of a subject, and what the venue says of it."""

    def __init__(self, subject: Subject) -> None:
        """Skips what does not trade."""
        offered, traffic = subject.listed().trading, subject.traffic.orders
        if offered is None:
            assert traffic is None
            pytest.skip(subject.build().no_trading)
        assert traffic is not None, "the traffic says nothing about orders"
        self.trading: Trading = offered
        self.traffic: OrderTraffic = traffic
        self.market = subject.instrument
        self.name = traffic.client_order_id
        self.order = submit(self.market, self.name, Decimal(100), max(Decimal(1), self.market.lot))
        of = (self.name, self.market.instrument, ACCOUNT, traffic.venue_order_id)
        self.cancel, self.query = CancelOrder(*of), QueryOrder(*of)
        self.fills = QueryFills(self.market.instrument, ACCOUNT, Nanos(SENT - HOUR))

    def placed(self, answer: Answer) -> Sequence[VenueExecution]:
        return self.trading.decode_place(self.order, self.market, answer.reply)

    def cancelled(self, answer: Answer) -> Sequence[VenueExecution]:
        return self.trading.decode_cancel(self.cancel, self.market, answer.reply)

    def asked(self, answer: Answer) -> Sequence[VenueExecution]:
        return self.trading.decode_query(self.query, self.market, answer.reply)


@pytest.fixture
def life(subject: Subject) -> Life:
    return Life(subject)


def kinds(events: Sequence[VenueExecution]) -> list[type]:
    return [type(event) for event in events]


# -- placing -------------------------------------------------------------------------------------


def test_an_order_is_written_with_our_id_and_plain_numbers(life: Life) -> None:
    request = life.trading.place(life.order, life.market).request
    said = request.query + request.body
    assert life.name in said
    assert "E-" not in said
    assert request.method == "POST"
    assert life.trading.place(life.order, life.market).request == request


def test_an_order_that_was_taken_is_accepted_with_the_venues_id(life: Life) -> None:
    first, *more = life.placed(life.traffic.accepted)
    assert isinstance(first, OrderAccepted)
    assert (first.client_order_id, first.venue_order_id) == (life.name, life.traffic.venue_order_id)
    assert all(isinstance(event, Fill | OrderDone) for event in more)


def test_a_refusal_that_proves_that_there_is_no_order_is_a_rejection(life: Life) -> None:
    (event,) = life.placed(life.traffic.rejected)
    assert isinstance(event, OrderRejected)
    assert event.client_order_id == life.name
    assert event.reason


def test_an_answer_of_a_server_in_trouble_leaves_the_order_open(life: Life) -> None:
    for answer in (
        *SERVER_ERRORS,
        replace(life.traffic.rejected, status=500),
        replace(life.traffic.accepted, status=502),
    ):
        try:
            assert kinds(life.placed(answer)) == [SubmitUncertain], answer
        except MalformedReply:
            continue  # the connector makes SubmitUncertain of it


def test_the_venues_own_ways_to_leave_an_order_open_do_so(life: Life) -> None:
    for answer in life.traffic.uncertain:
        assert kinds(life.placed(answer)) == [SubmitUncertain], answer


def test_too_many_requests_are_no_rejection_and_pause(life: Life, subject: Subject) -> None:
    limited = subject.traffic.limited
    assert kinds(life.placed(limited))[0] in (SubmitRefused, SubmitUncertain)
    assert 0 < life.trading.retry_after(limited.reply) <= 10 * 60 * 10**9
    assert life.trading.retry_after(life.traffic.accepted.reply) == 0
    assert kinds(life.asked(limited)) == [RequestFailed]


# -- cancelling and asking -----------------------------------------------------------------------


def test_a_cancel_names_the_order(life: Life) -> None:
    request = life.trading.cancel(life.cancel, life.market).request
    said = request.url + request.query + request.body
    assert life.name in said or life.traffic.venue_order_id in said


def test_a_cancel_that_was_taken_is_no_failure(life: Life) -> None:
    for event in life.cancelled(life.traffic.cancelled):
        assert isinstance(event, OrderDone)
        assert event.client_order_id == life.name
        assert event.status in (OrderStatus.CANCELLED, OrderStatus.FILLED)


def test_a_cancel_without_effect_failed(life: Life) -> None:
    for answer in (life.traffic.cancel_refused, *SERVER_ERRORS):
        try:
            assert kinds(life.cancelled(answer)) == [CancelFailed], answer
        except MalformedReply:
            continue


def test_an_order_that_is_found_is_reported(life: Life) -> None:
    (report,) = (each for each in life.asked(life.traffic.found) if isinstance(each, OrderReport))
    assert report.client_order_id == life.name
    assert report.venue_order_id == life.traffic.venue_order_id
    assert report.status is OrderStatus.WORKING
    assert report.asked_at == life.traffic.found.sent_at


def test_an_order_that_is_nowhere_is_not_found_as_of_the_time_of_the_question(life: Life) -> None:
    answer = life.traffic.not_found
    (missing,) = life.asked(answer)
    assert missing == OrderNotFound(
        client_order_id=life.name, asked_at=answer.sent_at, received_at=answer.reply.received_at
    )


def test_an_answer_of_a_server_in_trouble_never_says_that_an_order_is_nowhere(life: Life) -> None:
    for answer in (*SERVER_ERRORS, replace(life.traffic.not_found, status=503)):
        try:
            assert kinds(life.asked(answer)) == [RequestFailed], answer
        except MalformedReply:
            continue


def test_an_order_can_be_asked_for_without_the_venues_id(life: Life) -> None:
    unnamed = replace(life.query, venue_order_id=None)
    assert life.trading.query(unnamed, life.market).request.url


def test_a_cancel_without_the_venues_id_is_written_or_refused_with_a_reason(life: Life) -> None:
    with suppress(Unsupported):
        said = life.trading.cancel(replace(life.cancel, venue_order_id=None), life.market).request
        assert life.name in said.url + said.query + said.body


# -- the account ---------------------------------------------------------------------------------


def test_fills_come_page_by_page_to_an_end(life: Life) -> None:
    cursor, fills = "", list[Fill]()
    for page in life.traffic.fills:
        asked = life.trading.fills(life.fills, life.market, cursor)
        assert asked.request == life.trading.fills(life.fills, life.market, cursor).request
        events, cursor = life.trading.decode_fills(life.fills, life.market, page.reply)
        fills += [event for event in events if isinstance(event, Fill)]
        assert len(fills) >= len(events)
    assert cursor == ""
    assert fills
    assert len({fill.trade_id for fill in fills}) == len(fills)
    assert [fill.venue_time for fill in fills] == sorted(fill.venue_time for fill in fills)
    for fill in fills:
        assert (fill.instrument, fill.account) == (life.market.instrument, ACCOUNT)
        assert fill.price > 0
        assert fill.quantity > 0
        assert fill.fee.asset


def test_open_orders_are_all_of_them(life: Life) -> None:
    (listed,), cursor = life.trading.decode_open_orders(ACCOUNT, life.traffic.open_orders.reply)
    assert cursor == ""
    assert isinstance(listed, OpenOrdersListed)
    assert [each.client_order_id for each in listed.orders] == [life.name]
    assert listed.instruments == (life.market.instrument,)
    assert listed.asked_at == life.traffic.open_orders.sent_at


def test_balances_are_told_by_every_request_that_asks_for_them(life: Life) -> None:
    assert len(life.trading.balances(ACCOUNT)) == len(life.traffic.balances)
    found: list[BalancesReported] = []
    for answer in life.traffic.balances:
        (report,) = life.trading.decode_balances(ACCOUNT, answer.reply)
        assert isinstance(report, BalancesReported)
        found.append(report)
    assert all(each.complete for each in found) == (len(found) == 1)
    assert [balance for report in found for balance in report.balances]


def test_lists_without_an_answer_failed(life: Life) -> None:
    for answer in SERVER_ERRORS:
        with suppress(MalformedReply):
            assert kinds(life.trading.decode_balances(ACCOUNT, answer.reply)) == [RequestFailed]
        for decode in (
            partial(life.trading.decode_open_orders, ACCOUNT),
            partial(life.trading.decode_fills, life.fills, life.market),
        ):
            with suppress(MalformedReply):
                events, cursor = decode(answer.reply)
                assert (kinds(events), cursor) == ([RequestFailed], "")


def test_the_accounts_stream_tells_of_the_order_and_of_its_end(life: Life, subject: Subject) -> None:
    codec, events = subject.listed().user_codec, list[VenueEvent]()
    if codec is None:
        pytest.skip("the venue has no such stream")
    for frame in life.traffic.frames:
        events += codec.decode(frame, SENT)
    assert [event for event in events if isinstance(event, Quarantined)] == []
    told = [event for event in events if isinstance(event, OrderAccepted | OrderReport)]
    over = [event for event in events if isinstance(event, OrderDone)]
    assert life.name in {event.client_order_id for event in told}
    assert life.name in {event.client_order_id for event in over}
