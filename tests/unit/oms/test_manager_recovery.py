"""One start path: journal, venues, comparison; and what is asked while running."""

import pytest
from msgspec.structs import replace

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.execution import (
    BalancesReported,
    Fill,
    RequestFailed,
    SubmitUncertain,
)
from integrated_trading_system.domain.health import Reconciled, TradingState
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.journal import JournalCommitted
from integrated_trading_system.domain.order import (
    Order,
    OrderStatus,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
)
from integrated_trading_system.domain.plan import HedgePolicy
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.oms.records import Started as RunStarted
from integrated_trading_system.oms.records import encode
from integrated_trading_system.simulation.campaign.control import picture
from tests.support.hostile import VENUES, account_of, listing
from tests.support.oms_rig import START, Rig, left
from tests.support.oms_world import pair, single
from tests.support.seen import seen

EVERYTHING = {QueryBalances, QueryOpenOrders, QueryFills}


def kinds(rig: Rig) -> list[type]:
    return [type(question) for question in rig.asked()]


def test_a_start_asks_every_venue_for_everything_and_then_says_so() -> None:
    rig = Rig(active=False)
    assert rig.asked() == []
    rig.list_instruments()
    assert kinds(rig) == [QueryBalances, QueryOpenOrders, QueryFills] * 2
    assert rig.heard.of(Reconciled) == []
    rig.answer_all()
    assert rig.heard.of(Reconciled) == [Reconciled(START)]
    assert rig.oms.view().reconciled
    assert len(rig.heard.of(BalancesReported)) == 2


def test_what_a_stream_tells_of_some_balances_does_not_answer_the_question_for_all() -> None:
    rig = Rig(active=False)
    rig.list_instruments()
    rig.tell(replace(rig.balances(VENUES[0]), complete=False))
    assert rig.oms.view().unanswered == len(EVERYTHING) * 2
    rig.tell(rig.balances(VENUES[0]))
    assert rig.oms.view().unanswered == len(EVERYTHING) * 2 - 1


def test_a_venue_whose_stream_stays_silent_is_asked_after_a_grace() -> None:
    rig = Rig(active=False)
    for venue in VENUES:
        rig.tell(InstrumentsListed(venue, (listing(venue),)))
    rig.wait(4_999)
    assert rig.asked() == []
    rig.wait(1)
    assert set(kinds(rig)) == EVERYTHING


def test_a_venue_that_lists_nothing_is_not_reconciled() -> None:
    rig = Rig(active=False)
    rig.tell(InstrumentsListed(VENUES[0], (listing(VENUES[0]),)), rig.stream(VENUES[0]))
    rig.answer_all()
    rig.wait(60_000)
    assert not rig.oms.view().reconciled


def test_a_question_that_failed_is_asked_again() -> None:
    rig = Rig(active=False)
    rig.list_instruments()
    rig.take()
    failed = RequestFailed(
        venue=VENUES[0], account=account_of(VENUES[0]), subject="balances", reason="5xx", received_at=START
    )
    rig.tell(failed)
    assert rig.oms.view().requests_failed == 1
    assert rig.oms.view().unanswered == 6
    rig.wait(3_000)
    assert set(kinds(rig)) == EVERYTHING
    rig.answer_all()
    assert rig.oms.view().reconciled
    assert rig.oms.view().unanswered == 0


def test_a_stream_that_comes_back_makes_everything_be_asked_again() -> None:
    rig = Rig()
    rig.tell(rig.stream(VENUES[0], up=False))
    assert rig.asked() == []
    rig.tell(rig.stream(VENUES[0]))
    assert kinds(rig) == [QueryBalances, QueryOpenOrders, QueryFills]
    rig.answer_all()
    assert len(rig.heard.of(Reconciled)) == 1


def test_nothing_open_is_asked_for_rarely() -> None:
    rig = Rig()
    rig.wait(59_000)
    assert rig.asked() == []
    rig.wait(1_000)
    assert kinds(rig) == [QueryBalances, QueryOpenOrders, QueryFills] * 2


def test_fills_are_listed_from_where_they_are_known_to_be_complete() -> None:
    rig = Rig()
    rig.wait(120_000)
    rig.answer_all()
    rig.take()
    rig.tell(rig.stream(VENUES[0]))
    since = [question.since for question in rig.asked() if isinstance(question, QueryFills)]
    assert since == [START + 60 * SECOND], "a margin before the last complete list"
    again = rig.reopened(2, active=False)
    again.list_instruments()
    assert {question.since for question in again.asked() if isinstance(question, QueryFills)} == set(since)


def test_a_list_that_does_not_reach_back_far_enough_completes_nothing() -> None:
    rig = Rig()
    rig.wait(120_000)
    rig.take()
    rig.tell(rig.fills(VENUES[0], since=rig.now))
    rig.tell(rig.stream(VENUES[0]))
    assert [question.since for question in rig.asked() if isinstance(question, QueryFills)] == [START - 60 * SECOND]


# -- after a crash ----------------------------------------------------------------------------------


@pytest.mark.parametrize("durable", [True, False])
def test_after_a_crash_what_may_have_left_is_unknown_and_never_sent_again(durable: bool) -> None:
    rig = Rig()
    rig.durable = durable
    rig.approve(pair(1, 3, HedgePolicy.PROCEED, START))
    again = rig.reopened(2)
    assert [order.status for order in again.oms.view().orders] == [OrderStatus.UNKNOWN] * 2
    assert [order.status for order in again.heard.of(Order)][:2] == [OrderStatus.UNKNOWN] * 2
    again.wait(60_000)
    assert again.submits() == []


def test_what_was_under_way_at_a_crash_is_gone_once_that_is_proven_from_the_restart_on() -> None:
    rig = Rig()
    rig.approve(single(2, 3, START))
    request = rig.submits()[0].request
    rig.wait(4_000)
    again = rig.reopened(2)
    again.wait(5_000 + 2_000)
    again.prove_absent(request)
    assert again.oms.view().unknown == 1, "it may have been sent right before the crash"
    again.wait(2_001)
    again.tell(again.not_found(request), again.open_orders(VENUES[0]))
    again.wait(2_001)
    again.tell(again.fills(VENUES[0]))
    assert again.oms.view().open == 0
    assert again.finished()[0].reason == "unfilled: not at the venue"


def test_fills_made_while_we_were_dead_are_found_and_the_legs_repaired() -> None:
    rig = Rig()
    rig.approve(pair(1, 3, HedgePolicy.PROCEED, START))
    first, second = (message.request for message in rig.submits())
    again = rig.reopened(2)
    again.tell(again.fill(first, 3, "t1"), again.done(second, OrderStatus.EXPIRED, 0))
    repair = again.submits()[0].request
    assert seen(repair.side, repair.quantity, repair.leg) == (second.side, 3, 1)
    assert repair.client_order_id not in (first.client_order_id, second.client_order_id)
    again.complete(repair, 3, "t2")
    assert again.finished()[0].reason == "hedged"
    assert len(again.heard.of(Fill)) == 2


def test_a_repair_waits_until_trading_begins_and_its_instruments_are_listed() -> None:
    rig = Rig()
    rig.approve(pair(1, 3, HedgePolicy.PROCEED, START))
    first, second = (message.request for message in rig.submits())
    rig.complete(first, 3, "t1")
    again = rig.reopened(2, active=False)
    again.tell(again.done(second, OrderStatus.EXPIRED, 0))
    assert again.submits() == []
    again.list_instruments()
    assert again.submits() == []
    again.set_state(TradingState.ACTIVE)
    assert len(again.submits()) == 1


def test_a_repair_that_never_came_to_be_allowed_ends_with_its_deadline() -> None:
    rig = Rig()
    rig.approve(pair(1, 3, HedgePolicy.PROCEED, START))
    first, second = (message.request for message in rig.submits())
    rig.complete(first, 3, "t1")
    rig.tell(rig.done(second, OrderStatus.EXPIRED, 1))
    again = rig.reopened(2, active=False)
    again.list_instruments()
    again.tell(again.fill(second, 1, "t2"))
    again.wait(20_000)
    assert again.finished()[0].reason == "residual: deadline"
    assert abs(left(again.finished()[0])) == 2


def test_a_working_order_goes_on_after_a_restart() -> None:
    rig = Rig()
    rig.approve(single(2, 3, START))
    request = rig.submits()[0].request
    rig.tell(rig.accepted(request))
    again = rig.reopened(2, active=False)
    assert [order.status for order in again.heard.of(Order)] == [OrderStatus.WORKING]
    again.list_instruments()
    assert QueryOrder in kinds(again)


def test_a_fill_that_was_booked_before_a_crash_is_not_booked_again() -> None:
    rig = Rig()
    rig.approve(single(2, 3, START))
    request = rig.submits()[0].request
    rig.tell(rig.fill(request, 2, "t1"))
    again = rig.reopened(2)
    again.tell(again.fill(request, 2, "t1", named=False))
    assert again.heard.of(Fill) == []
    assert again.oms.view().orders[0].filled == 2


def test_an_order_on_a_venue_that_is_no_longer_configured_stops_trading() -> None:
    rig = Rig()
    rig.approve(single(2, 3, START))
    request = rig.submits()[0].request
    records = [line.replace(b"alpha:spot", b"gamma:spot") for line in rig.records]
    again = Rig(records=records, fence=2, active=False)
    assert again.halts() == [f"{request.client_order_id} is open on gamma:spot/main, which is no longer configured"]
    again.wait(10_000)
    assert not [question for question in again.asked() if isinstance(question, QueryOrder)]


def test_two_starts_from_one_journal_are_in_the_same_state() -> None:
    rig = Rig()
    rig.approve(pair(1, 3, HedgePolicy.PROCEED, START))
    first, second = (rig.reopened(2, active=False) for _ in range(2))
    assert picture(first.oms._state) == picture(second.oms._state)
    assert first.oms.view() == second.oms.view()


def test_a_journal_of_a_later_start_is_refused() -> None:
    rig = Rig(active=False, records=[encode(RunStarted(fence=5, at=START))], fence=6)
    assert rig.system.escalated is None
    rig = Rig(active=False, records=[encode(RunStarted(fence=5, at=START))], fence=5)
    assert rig.system.escalated is not None
    assert "start 5 does not come after start 5" in rig.system.escalated.error


def test_a_proof_that_came_due_for_an_order_that_works_meanwhile_asks_nothing() -> None:
    rig = Rig(OmsSettings(poll_active_ms=3_600_000))
    rig.approve(single(2, 3, START))
    request = rig.submits()[0].request
    rig.tell(SubmitUncertain(client_order_id=request.client_order_id, reason="timeout", received_at=START))
    rig.tell(rig.accepted(request), rig.report(request, OrderStatus.WORKING))
    rig.take()
    rig.wait(10_000)
    assert rig.asked() == []


def test_a_question_about_an_order_that_ended_meanwhile_is_not_repeated() -> None:
    rig = Rig(OmsSettings(poll_active_ms=3_600_000))
    rig.approve(single(2, 3, START))
    request = rig.submits()[0].request
    rig.tell(SubmitUncertain(client_order_id=request.client_order_id, reason="timeout", received_at=START))
    rig.tell(rig.done(request, OrderStatus.CANCELLED, 0))
    rig.take()
    assert rig.oms.view().unanswered == 1
    rig.wait(10_000)
    assert rig.asked() == []
    assert rig.oms.view().unanswered == 0


def test_fills_that_came_by_themselves_are_not_chased() -> None:
    rig = Rig(OmsSettings(poll_active_ms=3_600_000))
    rig.approve(single(2, 3, START))
    request = rig.submits()[0].request
    rig.tell(rig.done(request, OrderStatus.CANCELLED, 2), rig.fill(request, 2, "t1"))
    rig.take()
    rig.wait(10_000)
    assert rig.asked() == []


def test_a_commit_that_comes_after_the_order_was_refused_changes_nothing() -> None:
    rig = Rig()
    rig.durable = False
    rig.approve(single(2, 3, START))
    rig.set_state(TradingState.HALTED)
    rig.tell(JournalCommitted(len(rig.records)), JournalCommitted(len(rig.records)))
    assert len(rig.finished()) == 1
