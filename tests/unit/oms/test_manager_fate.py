"""What became of an order: only proof ends it, and every fill is owned once."""

import pytest
from msgspec.structs import replace

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.execution import CancelFailed, Fill, OrderRejected, SubmitRefused, SubmitUncertain
from integrated_trading_system.domain.ids import ClientOrderId, TradeId, VenueOrderId, venue_of
from integrated_trading_system.domain.journal import JournalCommitted
from integrated_trading_system.domain.order import (
    CancelOrder,
    OrderRequest,
    OrderStatus,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
)
from integrated_trading_system.domain.time import MILLISECOND
from tests.support.hostile import VENUES
from tests.support.oms_rig import START, Rig
from tests.support.oms_world import single

PROOF_MS = 1_000 + 5_000 + 2_000
"""Send window, receive window, margin."""


def sent(rig: Rig, quantity: int = 5) -> OrderRequest:
    """One order on the first venue, handed to it."""
    rig.approve(single(2, quantity, rig.now))
    request: OrderRequest = rig.submits()[0].request
    rig.take()
    return request


def other(rig: Rig, number: int) -> OrderRequest:
    rig.approve(single(number, 5, rig.now))
    (submit,) = rig.submits()
    rig.take()
    return submit.request


def uncertain(request: OrderRequest) -> SubmitUncertain:
    return SubmitUncertain(client_order_id=request.client_order_id, reason="timeout", received_at=START)


def rejected(request: OrderRequest) -> OrderRejected:
    return OrderRejected(client_order_id=request.client_order_id, reason="margin", received_at=START)


def status(rig: Rig, request: OrderRequest) -> OrderStatus:
    return rig.order(request.client_order_id).status


def test_an_accepted_order_works_and_its_fills_complete_it() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.accepted(request))
    assert status(rig, request) is OrderStatus.WORKING
    rig.tell(rig.fill(request, 2, "t1"), rig.fill(request, 3, "t2"))
    assert status(rig, request) is OrderStatus.FILLED
    assert rig.oms.view().filled == 1
    assert rig.finished()[0].reason == "complete"


def test_a_fill_may_overtake_the_acknowledgement() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.fill(request, 5, "t1"), rig.accepted(request))
    assert status(rig, request) is OrderStatus.FILLED
    assert rig.halts() == []


def test_the_same_trade_is_booked_once() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.fill(request, 2, "t1"), rig.fill(request, 2, "t1"), rig.fill(request, 2, "t1", named=False))
    assert rig.order(request.client_order_id).filled == 2
    assert len(rig.heard.of(Fill)) == rig.oms.view().fills == 1
    assert rig.oms.view().duplicates == 2


def test_the_status_filled_alone_ends_nothing_until_the_fills_are_there() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.done(request, OrderStatus.FILLED, 5))
    assert status(rig, request) is OrderStatus.WORKING
    rig.wait(499)
    assert rig.asked() == []
    rig.wait(1)
    assert [type(question) for question in rig.asked()] == [QueryFills]
    rig.tell(rig.fills(VENUES[0], rig.fill(request, 5, "t1")))
    assert status(rig, request) is OrderStatus.FILLED


def test_a_cancelled_order_ends_with_its_last_fill() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.done(request, OrderStatus.CANCELLED, 3), rig.fill(request, 2, "t1"))
    assert status(rig, request) is OrderStatus.WORKING
    rig.tell(rig.fill(request, 1, "t2"))
    assert status(rig, request) is OrderStatus.CANCELLED
    assert rig.finished()[0].reason == "partial"


def test_an_order_that_expired_unfilled_ends_at_once() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.done(request, OrderStatus.EXPIRED, 0, "no liquidity"))
    assert status(rig, request) is OrderStatus.EXPIRED
    assert rig.oms.view().expired == 1
    assert rig.finished()[0].reason == "unfilled: no liquidity"


def test_what_certainly_did_not_leave_is_rejected_at_once() -> None:
    rig = Rig()
    request = sent(rig)
    refused = SubmitRefused(client_order_id=request.client_order_id, reason="gate", received_at=START)
    rig.tell(refused)
    assert status(rig, request) is OrderStatus.REJECTED
    assert rig.finished()[0].reason == "unfilled: gate"
    rig.tell(refused)
    assert len(rig.finished()) == 1


@pytest.mark.parametrize("answer", [uncertain, rejected])
def test_no_answer_and_a_reject_leave_the_order_unknown_until_its_absence_is_proven(answer: object) -> None:
    assert callable(answer)
    rig = Rig()
    request = sent(rig)
    rig.tell(answer(request))
    assert status(rig, request) is OrderStatus.UNKNOWN
    assert [type(question) for question in rig.asked()] == [QueryOrder]
    rig.tell(rig.not_found(request))
    assert status(rig, request) is OrderStatus.UNKNOWN, "a copy may still arrive"
    rig.take()
    rig.wait(PROOF_MS)
    rig.take()
    rig.wait(1)
    assert [type(question) for question in rig.asked()] == [QueryOrder], "asked at the first instant that proves"
    rig.take()
    rig.tell(rig.not_found(request))
    assert [type(question) for question in rig.asked()] == [QueryOpenOrders]
    rig.tell(rig.open_orders(VENUES[0]))
    assert [type(question) for question in rig.asked()] == [QueryOpenOrders, QueryFills]
    assert status(rig, request) is OrderStatus.UNKNOWN
    rig.wait(2_001)  # the order could have rested: its fills are looked for a while later
    rig.tell(rig.fills(VENUES[0]))
    assert status(rig, request) is OrderStatus.REJECTED
    assert rig.oms.view().open == 0


def test_of_an_order_that_could_rest_a_list_of_fills_that_may_still_lag_proves_nothing() -> None:
    """It may have traded just before it was no longer open, and the list may not have that yet."""
    rig = Rig()
    request = sent(rig)
    rig.tell(uncertain(request))
    rig.wait(PROOF_MS + 1)
    rig.tell(rig.not_found(request), rig.open_orders(VENUES[0]))
    for millis in (0, 1_999):
        rig.wait(millis)
        rig.tell(rig.fills(VENUES[0]))
        assert status(rig, request) is OrderStatus.UNKNOWN
    rig.wait(1)
    rig.tell(rig.fills(VENUES[0]))
    assert status(rig, request) is OrderStatus.REJECTED


def test_a_question_about_an_order_names_it_as_the_venue_does_where_that_is_known() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(
        rig.accepted(request),
        CancelFailed(client_order_id=request.client_order_id, reason="timeout", received_at=START),
    )
    names = [question.venue_order_id for question in rig.take() if isinstance(question, QueryOrder)]
    assert names == [rig.accepted(request).venue_order_id]


def test_orders_are_counted_by_what_became_of_them() -> None:
    rig = Rig()
    for made, status_, filled in (
        (sent(rig), OrderStatus.EXPIRED, 0),
        (other(rig, 4), OrderStatus.EXPIRED, 0),
        (other(rig, 6), OrderStatus.CANCELLED, 0),
        (other(rig, 8), OrderStatus.CANCELLED, 0),
    ):
        rig.tell(rig.done(made, status_, filled))
    view = rig.oms.view()
    assert (view.submitted, view.expired, view.cancelled, view.filled, view.rejected) == (4, 2, 2, 0, 0)


def test_an_unknown_order_is_found_by_asking() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(uncertain(request), rig.report(request, OrderStatus.WORKING))
    assert status(rig, request) is OrderStatus.WORKING


def test_an_unknown_order_that_is_listed_as_open_is_not_absent() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(uncertain(request))
    rig.wait(PROOF_MS + 1)
    rig.tell(rig.not_found(request), rig.open_orders(VENUES[0], rig.report(request, OrderStatus.WORKING)))
    rig.wait(3_000)
    rig.tell(rig.fills(VENUES[0]))
    assert status(rig, request) is OrderStatus.WORKING


def test_a_venue_that_forgets_orders_is_believed_only_with_all_fills() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(uncertain(request))
    rig.wait(PROOF_MS + 1)
    fill = rig.fill(request, 5, "t1")
    rig.tell(rig.not_found(request), rig.open_orders(VENUES[0]))
    rig.wait(2_000)
    rig.tell(rig.fills(VENUES[0], fill))
    assert status(rig, request) is OrderStatus.FILLED


def test_a_forgotten_order_that_traded_in_part_ends_as_cancelled() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.accepted(request), rig.fill(request, 2, "t1"))
    rig.wait(PROOF_MS + 1)
    rig.tell(rig.not_found(request), rig.open_orders(VENUES[0]))
    rig.wait(2_000)
    rig.tell(rig.fills(VENUES[0]))
    assert status(rig, request) is OrderStatus.CANCELLED


def test_absence_is_not_proven_while_the_venue_once_spoke_of_fills_that_it_does_not_list() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.report(request, OrderStatus.WORKING, filled=2))
    rig.wait(PROOF_MS + 1)
    rig.tell(rig.not_found(request), rig.open_orders(VENUES[0]))
    rig.wait(2_000)
    rig.tell(rig.fills(VENUES[0]))
    assert status(rig, request) is OrderStatus.WORKING


def test_an_order_that_ended_while_its_absence_was_being_proven_is_left_alone() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(uncertain(request))
    rig.wait(PROOF_MS + 1)
    rig.tell(rig.not_found(request), rig.done(request, OrderStatus.CANCELLED, 0))
    rig.tell(rig.open_orders(VENUES[0]), rig.fills(VENUES[0]), rig.not_found(request))
    assert status(rig, request) is OrderStatus.CANCELLED


def test_a_venue_without_a_receive_window_proves_nothing_by_not_finding() -> None:
    rig = Rig(receive_windows={})
    request = sent(rig)
    rig.tell(uncertain(request))
    rig.wait(3_600_000)
    rig.prove_absent(request)
    assert status(rig, request) is OrderStatus.UNKNOWN
    rig.tell(rig.done(request, OrderStatus.CANCELLED, 0))
    assert status(rig, request) is OrderStatus.CANCELLED


def test_a_reject_of_a_second_copy_does_not_end_the_first() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.accepted(request), rejected(request), uncertain(request))
    assert status(rig, request) is OrderStatus.WORKING


def test_a_rejected_status_is_final_when_it_was_asked_for_late_enough() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.done(request, OrderStatus.REJECTED, 0, "post only"))
    assert status(rig, request) is OrderStatus.UNKNOWN
    rig.tell(rig.report(request, OrderStatus.REJECTED))
    assert status(rig, request) is OrderStatus.UNKNOWN
    rig.wait(PROOF_MS + 1)
    rig.tell(rig.report(request, OrderStatus.REJECTED))
    assert status(rig, request) is OrderStatus.REJECTED
    rig.tell(rig.accepted(request))
    assert rig.halts() == [], "it was there, so a late acknowledgement contradicts nothing"


def test_an_order_rejected_after_it_traded_counts_as_cancelled() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.fill(request, 2, "t1"), rig.done(request, OrderStatus.REJECTED, 2))
    assert status(rig, request) is OrderStatus.CANCELLED


def test_lost_events_are_found_by_the_next_poll() -> None:
    rig = Rig()
    request = sent(rig)
    rig.wait(5_000)
    assert [type(question) for question in rig.asked()] == [QueryOrder, QueryFills]
    rig.tell(rig.report(request, OrderStatus.FILLED, 5), rig.fills(VENUES[0], rig.fill(request, 5, "t1")))
    assert status(rig, request) is OrderStatus.FILLED


def test_fills_are_asked_for_from_before_the_oldest_open_order() -> None:
    rig = Rig()
    request = sent(rig)
    rig.wait(5_000)
    question = next(question for question in rig.asked() if isinstance(question, QueryFills))
    assert question.since == START - 60_000 * MILLISECOND
    assert question.instrument == request.instrument


# -- fills of others, fills without a name ----------------------------------------------------------


def test_a_fill_of_nobody_we_know_is_booked_as_external() -> None:
    rig = Rig()
    request = sent(rig)
    stranger = replace(rig.fill(request, 1, "x"), client_order_id=ClientOrderId("hand"), venue_order_id="other")
    rig.tell(stranger)
    assert rig.heard.of(Fill) == [stranger]
    assert rig.oms.view().external == 1
    assert rig.order(request.client_order_id).filled == 0


def test_a_fill_from_before_the_journal_began_is_none_of_ours() -> None:
    rig = Rig()
    request = sent(rig)
    old = replace(
        rig.fill(request, 1, "x"), client_order_id=ClientOrderId("hand"), venue_order_id="other", venue_time=START - 1
    )
    rig.tell(rig.fills(VENUES[0], old))
    assert rig.heard.of(Fill) == []


def test_a_fill_without_our_id_waits_until_the_order_knows_the_venues() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(uncertain(request))
    rig.take()
    rig.tell(rig.fills(VENUES[0], rig.fill(request, 5, "t1", named=False)))
    assert rig.heard.of(Fill) == []
    rig.tell(rig.report(request, OrderStatus.FILLED, 5))
    assert [fill.client_order_id for fill in rig.heard.of(Fill)] == [request.client_order_id]
    assert status(rig, request) is OrderStatus.FILLED


def test_several_fills_without_our_id_wait_on_while_any_order_might_be_theirs() -> None:
    rig = Rig()
    request, another = sent(rig), other(rig, 6)
    assert another.side is request.side
    rig.tell(uncertain(request), uncertain(another))
    rig.tell(*(rig.fill(request, quantity, trade, named=False) for quantity, trade in ((2, "t1"), (3, "t2"))))
    rig.tell(rig.report(another, OrderStatus.WORKING))
    assert rig.heard.of(Fill) == []
    rig.tell(rig.report(request, OrderStatus.FILLED, 5))
    assert [fill.client_order_id for fill in rig.heard.of(Fill)] == [request.client_order_id] * 2
    assert status(rig, request) is OrderStatus.FILLED
    assert rig.oms.view().external == 0


def test_a_held_fill_makes_its_order_be_asked_for() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.fill(request, 5, "t1", named=False))
    assert [type(question) for question in rig.asked()] == [QueryOrder]


def test_a_held_fill_that_turns_out_to_be_of_another_order_is_external() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(replace(rig.fill(request, 5, "t1", named=False), venue_order_id=VenueOrderId("other")))
    assert rig.heard.of(Fill) == []
    rig.tell(rig.accepted(request))
    assert rig.oms.view().external == 1
    assert rig.order(request.client_order_id).filled == 0


def test_events_of_orders_that_are_not_ours_are_counted() -> None:
    rig = Rig()
    request = replace(sent(rig), client_order_id=ClientOrderId("hand"))
    rig.tell(rig.accepted(request), rig.done(request, OrderStatus.CANCELLED, 0))
    assert rig.oms.view().strangers == 2


@pytest.mark.parametrize("cancel", [True, False])
def test_open_orders_of_others_are_counted_and_cancelled_only_on_demand(cancel: bool) -> None:
    rig = Rig(OmsSettings(cancel_external=cancel))
    request = replace(sent(rig), client_order_id=ClientOrderId("hand"))
    rig.take()
    rig.tell(rig.open_orders(VENUES[0], rig.report(request, OrderStatus.WORKING)))
    assert rig.oms.view().external_open == 1
    cancels = [message for message in rig.take() if isinstance(message, CancelOrder)]
    assert [message.client_order_id for message in cancels] == (["hand"] if cancel else [])
    rig.tell(rig.open_orders(VENUES[0]))
    assert rig.oms.view().external_open == 0


# -- contradictions -------------------------------------------------------------------------------


def test_more_than_was_ordered_stops_trading_and_is_still_booked() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.fill(request, 6, "t1"))
    (reason,) = rig.halts()
    assert reason == f"{request.client_order_id} in {request.instrument} traded 6, more than its {request.quantity}"
    assert rig.order(request.client_order_id).filled == 6


def test_a_fill_after_the_end_stops_trading_and_is_still_booked() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.done(request, OrderStatus.CANCELLED, 0), rig.fill(request, 2, "t1"))
    assert rig.halts() == [f"{request.client_order_id} in {request.instrument} traded, though it was cancelled"]
    assert len(rig.heard.of(Fill)) == 1


def test_an_order_that_turns_up_after_its_absence_was_proven_stops_trading() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(SubmitRefused(client_order_id=request.client_order_id, reason="gate", received_at=START))
    rig.tell(rig.open_orders(VENUES[0], rig.report(request, OrderStatus.WORKING)), rig.accepted(request))
    assert rig.halts() == [f"{request.client_order_id} is at the venue, though it was rejected"]


def test_an_intent_that_somebody_else_sent_is_not_sent_again() -> None:
    rig = Rig()
    rig.durable = False
    rig.approve(single(2, 5, START))
    request = rig.oms.view().orders[0].request
    rig.tell(rig.accepted(request))
    assert rig.halts() == [f"{request.client_order_id} is at the venue, though it was intended"]
    rig.tell(JournalCommitted(len(rig.records)))
    assert rig.submits() == []
    assert status(rig, request) is OrderStatus.WORKING


def test_two_orders_at_the_venue_under_one_id_stop_trading() -> None:
    rig = Rig()
    request = sent(rig)
    rig.tell(rig.accepted(request), replace(rig.accepted(request), venue_order_id=VenueOrderId("other")))
    assert rig.halts() == [f"two orders at the venue carry our id {request.client_order_id}"]


def test_two_halves_of_a_trade_with_ourselves_are_two_fills() -> None:
    rig = Rig()
    buy = sent(rig)
    assert venue_of(buy.instrument) == VENUES[0]
    rig.approve(single(0, 5, START))
    sell = rig.submits()[0].request
    assert sell.side is not buy.side or sell.client_order_id != buy.client_order_id
    rig.tell(rig.fill(buy, 5, "t1"), replace(rig.fill(buy, 5, "t1"), side=buy.side.opposite, trade_id=TradeId("t1")))
    assert len(rig.heard.of(Fill)) == 2
