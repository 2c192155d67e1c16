"""Moving a resting order: cancelled first, then what is left of it rests anew, once and only when all is known."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.execution import CancelFailed
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import PlanId, StrategyId
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.order import CancelOrder, OrderRequest, OrderStatus, QueryOrder
from integrated_trading_system.domain.plan import AmendPlan, AmendRefused, Plan
from tests.support.oms_rig import Rig
from tests.support.oms_world import START, single

PLAN = PlanId("single0")


def quote(quantity: int = 5) -> Plan:
    """To buy at 100, at most at 103."""
    plan = single(0, quantity, START)
    return replace(plan, legs=(replace(plan.legs[0], worst_price=Decimal(103)),))


def resting(rig: Rig, quantity: int = 5) -> OrderRequest:
    rig.approve(quote(quantity))
    (submit,) = rig.submits()
    rig.tell(rig.accepted(submit.request))
    rig.take()
    return submit.request


def amend(rig: Rig, price: str, plan: PlanId = PLAN, leg: int = 0) -> None:
    rig.tell(AmendPlan(plan_id=plan, strategy=StrategyId("test"), leg=leg, price=Decimal(price)))


def refusals(rig: Rig) -> list[str]:
    return [each.reason for each in rig.heard.of(AmendRefused)]


def test_the_old_order_is_cancelled_and_nothing_new_leaves_before_it_is_over() -> None:
    rig = Rig()
    order = resting(rig)
    amend(rig, "101")
    assert [type(message) for message in rig.take()] == [CancelOrder]
    rig.wait(900)
    assert rig.submits() == []
    rig.tell(rig.done(order, OrderStatus.CANCELLED, 0))
    (submit,) = rig.submits()
    assert submit.request.client_order_id != order.client_order_id
    assert [submit.request.price, submit.request.quantity] == [101, 5]
    assert (submit.request.plan_id, submit.request.leg) == (order.plan_id, order.leg)
    assert rig.finished() == []


def test_only_what_is_left_is_ordered_anew_and_only_when_its_fills_are_owned() -> None:
    rig = Rig()
    order = resting(rig)
    amend(rig, "99.5")
    rig.tell(rig.done(order, OrderStatus.CANCELLED, 2))
    assert rig.submits() == [], "two traded, and we do not own them yet"
    rig.tell(rig.fill(order, 2, "t1"))
    (submit,) = rig.submits()
    assert [submit.request.price, submit.request.quantity] == [Decimal("99.5"), 3]
    rig.complete(submit.request, 3, "t2")
    (finished,) = rig.finished()
    assert [finished.legs[0].filled, finished.hedge_orders] == [5, 0]


def test_an_order_that_traded_whole_before_its_cancel_came_leaves_nothing_to_move() -> None:
    rig = Rig()
    order = resting(rig)
    amend(rig, "101")
    rig.complete(order, 5, "t1")
    assert rig.submits() == []
    assert len(refusals(rig)) == 1
    assert rig.finished()[0].reason == "complete"


def test_a_cancel_without_an_answer_is_repeated_and_the_order_asked_for() -> None:
    rig = Rig()
    order = resting(rig)
    amend(rig, "101")
    rig.take()
    rig.tell(CancelFailed(client_order_id=order.client_order_id, reason="timeout", received_at=rig.now))
    assert [type(message) for message in rig.take()] == [QueryOrder]
    rig.wait(1_001)
    assert CancelOrder in [type(message) for message in rig.take()]
    assert rig.submits() == []


def test_of_several_wishes_the_last_one_counts() -> None:
    rig = Rig()
    order = resting(rig)
    amend(rig, "101")
    amend(rig, "102")
    rig.tell(rig.done(order, OrderStatus.CANCELLED, 0))
    (submit,) = rig.submits()
    assert submit.request.price == 102


def test_the_new_order_can_be_moved_again() -> None:
    rig = Rig()
    order = resting(rig)
    for price in ("101", "102", "98"):
        amend(rig, price)
        rig.take()
        rig.tell(rig.done(order, OrderStatus.CANCELLED, 0))
        (submit,) = rig.submits()
        order = submit.request
        assert order.price == Decimal(price)
        rig.tell(rig.accepted(order))
        rig.take()
    assert rig.oms.view().open == 1


def test_it_may_be_moved_to_the_worst_price_that_risk_approved() -> None:
    rig = Rig()
    order = resting(rig)
    amend(rig, "103")
    rig.tell(rig.done(order, OrderStatus.CANCELLED, 0))
    assert refusals(rig) == []
    assert [submit.request.price for submit in rig.submits()] == [103]


@pytest.mark.parametrize(
    ("price", "plan", "leg", "word"),
    [
        ("103.1", PLAN, 0, "worst price"),
        ("100.05", PLAN, 0, "tick"),
        ("101", PLAN, 1, "no leg"),
        ("101", PlanId("other"), 0, "no such plan"),
    ],
)
def test_what_risk_did_not_approve_or_the_venue_would_refuse_changes_nothing(
    price: str, plan: PlanId, leg: int, word: str
) -> None:
    rig = Rig()
    resting(rig)
    amend(rig, price, plan, leg)
    (reason,) = refusals(rig)
    assert word in reason
    assert rig.take() == []


def test_while_trading_is_halted_the_order_goes_and_none_takes_its_place() -> None:
    rig = Rig()
    order = resting(rig)
    amend(rig, "101")
    rig.set_state(TradingState.HALTED)
    rig.tell(rig.done(order, OrderStatus.CANCELLED, 0))
    assert rig.submits() == []
    assert refusals(rig) == ["halted"]
    assert len(rig.finished()) == 1


def test_while_the_platform_stops_none_takes_its_place() -> None:
    rig = Rig()
    order = resting(rig)
    amend(rig, "101")
    rig.tell(Shutdown("test"))
    rig.tell(rig.done(order, OrderStatus.CANCELLED, 0))
    assert rig.submits() == []
    assert refusals(rig) == ["shutdown"]


def test_a_crash_between_the_two_orders_forgets_the_wish_and_owns_what_traded() -> None:
    rig = Rig()
    order = resting(rig)
    amend(rig, "101")
    rig.durable = False
    rig.tell(rig.fill(order, 2, "t1"), rig.done(order, OrderStatus.CANCELLED, 2))
    again = rig.reopened(2)
    again.run()
    assert again.submits() == [], "what was intended by the life before never leaves"
    assert again.oms.view().fills == 1


def test_a_new_order_whose_fate_is_not_known_after_a_crash_stays_in_doubt() -> None:
    rig = Rig()
    order = resting(rig)
    amend(rig, "101")
    rig.tell(rig.done(order, OrderStatus.CANCELLED, 0))
    (submit,) = rig.submits()
    again = rig.reopened(2)
    (known,) = again.oms.view().orders
    assert (known.request.client_order_id, known.status) == (submit.request.client_order_id, OrderStatus.UNKNOWN)
