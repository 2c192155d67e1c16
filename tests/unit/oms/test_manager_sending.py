"""From an approved plan to the first byte: what may leave, when, and what happens when it may not."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.execution import CancelFailed
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.journal import JournalCommitted, JournalFailed
from integrated_trading_system.domain.order import (
    CancelOrder,
    OrderStatus,
    OrderType,
    QueryOpenOrders,
    QueryOrder,
    Side,
    SubmitOrder,
    TimeInForce,
)
from integrated_trading_system.domain.plan import HedgePolicy, Plan
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.oms.records import PlanIntended, decode
from tests.support.hostile import VENUES
from tests.support.oms_rig import START, Rig, left
from tests.support.oms_world import pair, single


def plan(number: int = 1, quantity: int = 3, policy: HedgePolicy = HedgePolicy.PROCEED, now: Nanos = START) -> Plan:
    return pair(number, quantity, policy, now)


def changed_leg(whole: Plan, **changes: Any) -> Plan:
    return replace(whole, legs=(whole.legs[0], replace(whole.legs[1], **changes)))


def test_both_legs_leave_in_one_turn_and_not_before_they_are_durable() -> None:
    rig = Rig()
    rig.durable = False
    rig.approve(plan())
    assert rig.take() == []
    intended = decode(rig.records[-1])
    assert isinstance(intended, PlanIntended)
    assert [order.status for order in rig.oms.view().orders] == [OrderStatus.INTENDED] * 2
    rig.tell(JournalCommitted(len(rig.records)))
    assert [message.request for message in rig.take()] == list(intended.orders)
    assert [order.status for order in rig.oms.view().orders] == [OrderStatus.SUBMITTED] * 2


def test_a_commit_of_an_earlier_record_sends_nothing() -> None:
    rig = Rig()
    rig.durable = False
    rig.approve(plan())
    rig.tell(JournalCommitted(len(rig.records) - 1))
    assert rig.submits() == []


def test_an_order_says_until_when_it_may_leave() -> None:
    rig = Rig(OmsSettings(send_window_ms=5_000))
    rig.approve(plan())
    assert {message.latest_send for message in rig.submits()} == {plan().submit_by}
    rig = Rig(OmsSettings(send_window_ms=700))
    rig.approve(plan())
    assert {message.latest_send for message in rig.submits()} == {START + 700_000_000}


@pytest.mark.parametrize(
    ("state", "reason"),
    [(TradingState.HALTED, "halted"), (TradingState.REDUCING, "reducing"), (TradingState.ACTIVE, "")],
)
def test_the_trading_state_is_looked_at_again_when_the_intent_is_durable(state: TradingState, reason: str) -> None:
    rig = Rig()
    rig.durable = False
    rig.approve(plan())
    rig.set_state(state)
    rig.tell(JournalCommitted(len(rig.records)))
    assert bool(rig.submits()) is not bool(reason)
    if reason:
        assert rig.finished()[0].reason == f"unfilled: {reason}"
        assert rig.oms.view().rejected == 2
        assert rig.oms.view().open == rig.oms.view().plans == 0


def test_an_intent_that_becomes_durable_too_late_never_leaves() -> None:
    rig = Rig()
    rig.durable = False
    rig.approve(plan())
    rig.wait(1_001)
    rig.tell(JournalCommitted(len(rig.records)))
    assert rig.submits() == []
    assert rig.finished()[0].reason == "unfilled: too late"


def test_after_a_failed_journal_nothing_leaves_trading_halts_and_cancels_still_go_out() -> None:
    rig = Rig()
    rig.approve(single(2, 3, START))
    request = rig.submits()[0].request
    rig.tell(rig.accepted(request))
    rig.durable = False
    rig.approve(plan())
    rig.tell(JournalFailed(len(rig.records), "no space left"))
    assert rig.halts() == ["the order journal failed: no space left"]
    assert [finished.reason for finished in rig.finished()] == ["unfilled: journal failed"]
    written = len(rig.records)
    rig.approve(plan(3))
    assert rig.finished()[-1].reason == "journal failed"
    rig.take()
    rig.tell(CancelOrder(request.client_order_id, request.instrument, request.account))
    assert [type(message) for message in rig.take()] == [CancelOrder]
    rig.tell(rig.done(request, OrderStatus.CANCELLED, 0))
    assert rig.oms.view().cancelled == 1
    assert len(rig.records) == written, "a journal that failed is not written to"


def test_while_reducing_only_plans_that_reduce_leave() -> None:
    rig = Rig()
    rig.set_state(TradingState.REDUCING)
    whole = plan()
    rig.approve(changed_leg(whole, reduce_only=True))
    assert rig.finished()[0].reason == "reducing"
    rig.approve(replace(plan(3), legs=tuple(replace(leg, reduce_only=True) for leg in whole.legs)))
    assert all(message.request.reduce_only for message in rig.submits())
    assert len(rig.submits()) == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"account": AccountId("other")}, "no account other on"),
        ({"instrument": InstrumentId("gamma:spot:XY")}, "no account"),
        ({"instrument": InstrumentId("alpha:spot:ZZ"), "account": AccountId("alpha:spot/main")}, "is not listed"),
        ({"quantity": Decimal("0.5")}, "refuses by lot"),
        ({"price": Decimal("100.05")}, "refuses by tick"),
    ],
)
def test_a_plan_with_one_impossible_leg_is_refused_whole(changes: dict[str, Any], reason: str) -> None:
    rig = Rig()
    rig.approve(changed_leg(plan(), **changes))
    assert rig.submits() == []
    assert reason in rig.finished()[0].reason
    assert left(rig.finished()[0]) == 0
    assert [leg.filled for leg in rig.finished()[0].legs] == [0, 0]


def test_a_plan_that_comes_too_late_is_refused() -> None:
    rig = Rig()
    rig.wait(3_000)
    rig.approve(plan())
    assert rig.finished()[0].reason == "too late"


def test_after_shutdown_no_plan_begins_and_none_that_waits_for_the_disk_leaves() -> None:
    rig = Rig()
    rig.durable = False
    rig.approve(plan())
    rig.tell(Shutdown("test"))
    rig.tell(JournalCommitted(len(rig.records)))
    rig.approve(plan(3))
    assert rig.submits() == []
    assert [finished.reason for finished in rig.finished()] == ["unfilled: shutdown", "shutdown"]


def test_a_venue_without_ids_for_a_whole_plan_and_its_repairs_takes_none_and_the_other_goes_on() -> None:
    rig = Rig(OmsSettings(numeric_fence_bits=30), rules={VENUES[0]: 2**32 - 1, VENUES[1]: 0})
    rig.approve(plan())
    assert rig.finished()[0].reason.startswith(f"{VENUES[0]} takes no more orders of this run, client order ids")
    assert rig.finished()[0].reason.endswith("a restart gives new ones")
    assert rig.submits() == []
    for number in (1, 3, 5, 7):
        rig.approve(single(number, 1, rig.now))
    assert len(rig.submits()) == 4, "ids of text do not run out"


def test_a_post_only_order_that_would_not_rest_is_refused() -> None:
    for change in ({"time_in_force": TimeInForce.IOC}, {"order_type": OrderType.MARKET}):
        rig = Rig()
        whole = single(2, 3, START)
        rig.approve(replace(whole, legs=(replace(whole.legs[0], post_only=True, **change),)))
        assert rig.submits() == []
        assert "post-only" in rig.finished()[0].reason


def test_the_same_plan_told_twice_is_sent_once_and_its_reservation_stays() -> None:
    rig = Rig()
    rig.approve(plan())
    rig.approve(plan())
    assert len(rig.submits()) == 2
    assert rig.finished() == []
    assert rig.halts() == []


def test_two_different_plans_of_one_name_stop_trading() -> None:
    rig = Rig()
    rig.approve(plan())
    rig.approve(plan(quantity=2))
    assert len(rig.submits()) == 2
    assert rig.halts() == ["two different plans are called pair1"]


def test_nothing_is_sent_before_the_first_reconciliation() -> None:
    rig = Rig(active=False)
    rig.approve(plan())
    assert rig.submits() == []
    assert rig.finished()[0].reason == "starting"


def test_shutdown_cancels_what_may_be_at_a_venue_until_nothing_is() -> None:
    rig = Rig()
    rig.approve(single(2, 3, START))
    request = rig.submits()[0].request
    rig.tell(rig.accepted(request))
    rig.take()
    rig.tell(Shutdown("test"))
    assert [type(message) for message in rig.take()] == [CancelOrder, QueryOpenOrders]
    rig.wait(1_000)
    assert CancelOrder in [type(message) for message in rig.take()]
    rig.tell(rig.done(request, OrderStatus.CANCELLED, 0))
    rig.wait(10_000)
    assert CancelOrder not in [type(message) for message in rig.take()]
    assert rig.oms.view().open == rig.oms.view().plans == 0


def test_a_halt_cancels_working_orders_unless_configured_otherwise() -> None:
    for cancel in (True, False):
        rig = Rig(OmsSettings(cancel_on_halt=cancel))
        rig.approve(single(2, 3, START))
        rig.tell(rig.accepted(rig.submits()[0].request))
        rig.take()
        rig.set_state(TradingState.HALTED)
        rig.wait(1_000)
        cancels = [message for message in rig.take() if isinstance(message, CancelOrder)]
        assert len(cancels) == (2 if cancel else 0)
        rig.set_state(TradingState.ACTIVE)
        rig.wait(3_000)
        assert not [message for message in rig.take() if isinstance(message, CancelOrder)]


def test_a_cancel_that_failed_is_followed_by_a_question() -> None:
    rig = Rig()
    rig.approve(single(2, 3, START))
    request = rig.submits()[0].request
    rig.tell(rig.accepted(request))
    rig.take()
    rig.tell(CancelFailed(client_order_id=request.client_order_id, reason="unknown order", received_at=rig.now))
    assert [type(message) for message in rig.take()] == [QueryOrder]
    rig.tell(rig.report(request, OrderStatus.CANCELLED))
    assert rig.oms.view().cancelled == 1
    rig.tell(CancelFailed(client_order_id=request.client_order_id, reason="unknown order", received_at=rig.now))
    assert rig.take() == []


def test_an_order_that_is_not_at_the_venue_yet_is_not_cancelled() -> None:
    rig = Rig()
    rig.durable = False
    rig.approve(single(2, 3, START))
    order = rig.oms.view().orders[0].request
    rig.tell(CancelOrder(order.client_order_id, order.instrument, order.account))
    rig.tell(CancelOrder(rig.report(order, OrderStatus.WORKING).client_order_id, order.instrument, order.account))
    assert rig.take() == []


def test_a_resting_order_of_one_leg_may_rest_for_ever() -> None:
    rig = Rig()
    rig.approve(single(2, 3, START))
    rig.tell(rig.accepted(rig.submits()[0].request))
    rig.wait(3_600_000)
    assert rig.oms.view().plans == 1
    assert not [message for message in rig.take() if isinstance(message, CancelOrder)]


def test_a_resting_leg_is_cancelled_when_the_time_for_repairs_is_over() -> None:
    rig = Rig()
    whole = plan()
    rig.approve(replace(whole, legs=tuple(replace(leg, time_in_force="gtc") for leg in whole.legs)))
    first, second = (message.request for message in rig.submits())
    rig.complete(first, 3, "t1")
    rig.tell(rig.accepted(second))
    rig.take()
    rig.wait(19_999)
    assert not [message for message in rig.take() if isinstance(message, CancelOrder)]
    rig.wait(1_001)
    cancels = [message for message in rig.take() if isinstance(message, CancelOrder)]
    assert {cancel.client_order_id for cancel in cancels} == {second.client_order_id}
    rig.tell(rig.done(second, OrderStatus.CANCELLED, 0))
    assert rig.finished()[0].reason == "residual: deadline"
    assert abs(left(rig.finished()[0])) == 3


def test_a_market_order_goes_out_as_one() -> None:
    rig = Rig()
    whole = single(2, 3, START)
    rig.approve(replace(whole, legs=(replace(whole.legs[0], order_type=OrderType.MARKET),)))
    submit = rig.submits()[0]
    assert isinstance(submit, SubmitOrder)
    assert submit.request.order_type is OrderType.MARKET
    assert submit.request.side in Side
    assert submit.latest_send == START + SECOND
