"""Legs that follow others: a maker hedged at each fill, and cycles traded leg by leg."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.execution import SubmitRefused, SubmitUncertain
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import CancelOrder, OrderRequest, OrderStatus, Side, TimeInForce
from integrated_trading_system.domain.plan import AmendPlan, AmendRefused, HedgePolicy, Plan
from integrated_trading_system.domain.time import SECOND, Nanos
from tests.support.hostile import VENUES, listing
from tests.support.oms_rig import START, Rig, instrument_of, left
from tests.support.oms_world import cycle, maker_taker, pair
from tests.support.seen import seen

PROCEED, REVERSE, CANCEL = HedgePolicy.PROCEED, HedgePolicy.REVERSE, HedgePolicy.CANCEL


def repair(rig: Rig) -> OrderRequest:
    """The one order that was sent."""
    (submit,) = rig.submits()
    rig.take()
    return submit.request


def maker(quantity: int = 4, **changes: object) -> Plan:
    """Rests on the first venue; whatever trades is hedged on the second."""
    return replace(maker_taker(1, quantity, PROCEED, START), **changes)


def rest(rig: Rig, plan: Plan | None = None) -> OrderRequest:
    """The leader in the book; nothing else was sent."""
    rig.approve(plan or maker())
    leader = repair(rig)
    assert seen(leader.time_in_force, leader.post_only, leader.leg) == (TimeInForce.GTC, True, 0)
    rig.tell(rig.accepted(leader))
    return leader


def cancels(rig: Rig) -> list[str]:
    """Whose cancels were asked for since the last `take`."""
    return [message.client_order_id for message in rig.take() if isinstance(message, CancelOrder)]


def test_each_fill_of_a_resting_leader_is_hedged_at_once_while_it_rests() -> None:
    rig = Rig()
    leader = rest(rig)
    for number in (1, 2):
        rig.tell(rig.fill(leader, number, f"m{number}"))
        hedge = repair(rig)
        assert seen(hedge.instrument, hedge.side, hedge.quantity, hedge.price, hedge.time_in_force) == (
            instrument_of(VENUES[1]),
            Side.SELL,
            number,
            Decimal(99),
            TimeInForce.IOC,
        )
        rig.complete(hedge, number, f"h{number}")
    assert rig.finished() == []
    rig.tell(rig.fill(leader, 1, "m3"), rig.done(leader, OrderStatus.FILLED, 4))
    rig.complete(repair(rig), 1, "h3")
    (finished,) = rig.finished()
    assert seen(finished.reason, left(finished), finished.hedge_orders) == ("complete", 0, 3)
    assert [leg.filled for leg in finished.legs] == [4, 4]


def test_fills_that_come_while_a_hedge_is_out_are_hedged_together_after_it() -> None:
    rig = Rig()
    leader = rest(rig)
    rig.tell(rig.fill(leader, 1, "m1"))
    hedge = repair(rig)
    rig.tell(rig.fill(leader, 1, "m2"), rig.fill(leader, 1, "m3"))
    assert rig.submits() == []
    rig.complete(hedge, 1, "h1")
    assert repair(rig).quantity == 2


def test_a_leader_is_cancelled_when_its_time_is_over_and_its_last_fill_is_hedged() -> None:
    rig = Rig()
    leader = rest(rig)
    rig.wait(10_999)
    assert cancels(rig) == []
    rig.wait(1)
    assert cancels(rig) == [leader.client_order_id], "half-way from submit_by to hedge_by"
    rig.tell(rig.fill(leader, 3, "m1"), rig.done(leader, OrderStatus.CANCELLED, 3))
    rig.complete(repair(rig), 3, "h1")
    assert seen(rig.finished()[0].reason, left(rig.finished()[0])) == ("partial", 0)


def test_what_comes_to_light_after_the_deadline_is_reported_and_not_followed() -> None:
    rig = Rig()
    leader = rest(rig)
    rig.wait(20_000)
    rig.take()
    rig.tell(rig.fill(leader, 3, "m1"), rig.done(leader, OrderStatus.CANCELLED, 3))
    assert rig.submits() == []
    assert seen(rig.finished()[0].reason, left(rig.finished()[0])) == ("residual: deadline", 3)


def test_its_hedge_is_left_alone_when_a_leader_is_cancelled() -> None:
    rig = Rig()
    leader = rest(rig, maker(rest_until=Nanos(START + SECOND // 2)))
    rig.tell(rig.fill(leader, 1, "m1"))
    rig.tell(rig.accepted(repair(rig)))
    rig.wait(500)
    assert cancels(rig) == [leader.client_order_id]


def test_a_plan_may_say_until_when_its_leader_rests() -> None:
    rig = Rig()
    leader = rest(rig, maker(rest_until=Nanos(START + 3 * SECOND)))
    rig.wait(3_000)
    assert cancels(rig) == [leader.client_order_id]
    rig.tell(rig.accepted(leader))
    assert cancels(rig) == [], "not with every event again"
    rig.wait(1_000)
    assert cancels(rig) == [leader.client_order_id], "but when it should have been done by now"


def test_a_leader_that_nothing_traded_with_ends_the_plan_unfilled() -> None:
    rig = Rig()
    leader = rest(rig)
    rig.tell(rig.done(leader, OrderStatus.CANCELLED, 0))
    assert rig.finished()[0].reason == "unfilled"


def test_the_leader_is_cancelled_before_the_orders_that_can_hedge_its_last_fills_are_gone() -> None:
    rig = Rig()
    leader = rest(rig, maker(8, hedge_orders_max=4))
    for number, cancelled in ((1, []), (2, [leader.client_order_id])):
        rig.tell(rig.fill(leader, 1, f"m{number}"))
        (submit,) = rig.submits()
        assert cancels(rig) == cancelled
        rig.complete(submit.request, 1, f"h{number}")
    rig.tell(rig.fill(leader, 1, "m3"))
    assert rig.submits() == [], "more may come, and two orders are left"
    rig.tell(rig.fill(leader, 2, "m4"), rig.done(leader, OrderStatus.CANCELLED, 5))
    rig.complete(repair(rig), 3, "h3")
    assert seen(rig.finished()[0].reason, left(rig.finished()[0])) == ("partial", 0)


def in_doubt(rig: Rig, hedge: OrderRequest) -> None:
    rig.tell(SubmitUncertain(client_order_id=hedge.client_order_id, reason="timeout", received_at=rig.now))


def refused(rig: Rig, hedge: OrderRequest) -> None:
    rig.tell(SubmitRefused(client_order_id=hedge.client_order_id, reason="rate limit", received_at=rig.now))


@pytest.mark.parametrize(
    "trouble",
    [
        in_doubt,
        refused,
        lambda rig, hedge: rig.complete(hedge, 1, "h1"),
        lambda rig, _: rig.wait(1_000),
        lambda rig, _: rig.tell(rig.stream(VENUES[1], up=False)),
        lambda rig, _: rig.tell(rig.stream(VENUES[0], up=False)),
        lambda rig, _: rig.set_state(TradingState.REDUCING),
    ],
    ids=["in doubt", "not sent", "not filled", "no word", "its venue silent", "the leader's silent", "reducing"],
)
def test_a_leader_does_not_rest_while_its_next_fill_might_not_be_hedged(trouble: Callable[..., None]) -> None:
    rig = Rig()
    leader = rest(rig)
    rig.tell(rig.fill(leader, 2, "m1"))
    hedge = repair(rig)
    trouble(rig, hedge)
    assert leader.client_order_id in cancels(rig)


def test_a_stream_that_is_up_again_lets_leaders_rest() -> None:
    rig = Rig()
    rig.tell(rig.stream(VENUES[1], up=False), rig.stream(VENUES[1]))
    rig.take()
    rest(rig)
    assert cancels(rig) == []


def test_a_hedge_that_found_nothing_trades_the_leader_back_once_that_is_over() -> None:
    rig = Rig(OmsSettings(repair_pause_ms=0))
    leader = rest(rig)
    rig.tell(rig.fill(leader, 2, "m1"))
    rig.complete(repair(rig), 0, "")
    assert rig.submits() == []
    rig.tell(rig.done(leader, OrderStatus.CANCELLED, 2))
    back = repair(rig)
    assert seen(back.instrument, back.side, back.quantity, back.price) == (leader.instrument, Side.SELL, 2, Decimal(99))
    rig.complete(back, 2, "b1")
    assert seen(rig.finished()[0].reason, left(rig.finished()[0])) == ("unwound", 0)


def test_a_follower_below_its_venues_minimum_is_carried_until_there_is_enough() -> None:
    rig = Rig()
    rig.oms._plans.instruments[instrument_of(VENUES[1])] = replace(listing(VENUES[1]), quantity_min=Decimal(2))
    leader = rest(rig)
    rig.tell(rig.fill(leader, 1, "m1"))
    assert rig.submits() == []
    rig.tell(rig.fill(leader, 1, "m2"))
    hedge = repair(rig)
    assert hedge.quantity == 2
    rig.complete(hedge, 2, "h1")
    rig.tell(rig.fill(leader, 1, "m3"), rig.done(leader, OrderStatus.CANCELLED, 3))
    rig.wait(250)
    assert seen(repair(rig).instrument, rig.finished()) == (leader.instrument, []), "the rest is traded back"


def test_dust_on_both_sides_is_reported() -> None:
    rig = Rig()
    for venue in VENUES:
        rig.oms._plans.instruments[instrument_of(venue)] = replace(listing(venue), quantity_min=Decimal(2))
    leader = rest(rig)
    rig.tell(rig.fill(leader, 1, "m1"), rig.done(leader, OrderStatus.CANCELLED, 1))
    (finished,) = rig.finished()
    assert finished.reason == "residual: below the venue's minimum"
    assert finished.residuals == (Money(Decimal(1), Asset("X")),)


def test_after_a_restart_a_leader_in_the_book_is_cancelled_and_its_fill_hedged() -> None:
    rig = Rig()
    leader = rest(rig)
    again = rig.reopened(2, active=False)
    again.list_instruments()
    assert leader.client_order_id in [each.client_order_id for each in again.venues[VENUES[0]].of(CancelOrder)]
    again.answer_all()
    again.tell(again.fill(leader, 1, "m1"), again.done(leader, OrderStatus.CANCELLED, 1))
    again.take()
    assert again.finished() == [], "not before trading is open"
    again.set_state(TradingState.ACTIVE)
    assert repair(again).quantity == 1


def triangle(policy: HedgePolicy = PROCEED, **changes: object) -> Plan:
    """Three legs, one after the other."""
    return replace(cycle(1, 2, policy, START), **changes)


def test_the_legs_of_a_cycle_are_traded_one_after_the_other() -> None:
    rig = Rig()
    rig.approve(triangle())
    sizes: list[object] = []
    for number, traded in enumerate((2, 2, 2)):
        order = repair(rig)
        sizes.append((order.leg, order.quantity))
        rig.complete(order, traded, f"t{number}")
    assert sizes == [(0, 2), (1, 2), (2, 2)]
    assert seen(rig.finished()[0].reason, rig.finished()[0].residuals) == ("complete", ())


def test_an_order_that_does_not_rest_is_waited_for_so_that_its_fills_are_followed_together() -> None:
    rig = Rig()
    rig.approve(triangle(hedge_orders_max=6))
    first = repair(rig)
    rig.tell(rig.accepted(first), rig.fill(first, 1, "a"))
    assert rig.submits() == []
    rig.wait(250)
    assert repair(rig).quantity == 1, "but not for long"


def test_a_cycle_that_breaks_goes_back_leg_by_leg() -> None:
    rig = Rig(OmsSettings(repair_pause_ms=0))
    rig.approve(triangle())
    rig.complete(repair(rig), 2, "a")
    rig.complete(repair(rig), 2, "b")
    rig.complete(repair(rig), 0, "")
    back = repair(rig)
    assert seen(back.leg, back.side, back.quantity) == (1, Side.BUY, 2)
    rig.complete(back, 2, "c")
    back = repair(rig)
    assert seen(back.leg, back.side, back.quantity) == (0, Side.SELL, 2)
    rig.complete(back, 2, "d")
    assert seen(rig.finished()[0].reason, rig.finished()[0].residuals) == ("unwound", ())


def test_under_cancel_each_share_is_followed_once_and_not_repaired() -> None:
    rig = Rig()
    rig.approve(triangle(CANCEL))
    rig.complete(repair(rig), 2, "a")
    rig.complete(repair(rig), 1, "b")
    rig.complete(repair(rig), 1, "c")
    (finished,) = rig.finished()
    assert finished.reason == "residual: policy"
    assert finished.residuals == (Money(Decimal(1), Asset("X")),)


def test_three_legs_that_follow_none_are_brought_up_to_the_foremost() -> None:
    rig = Rig(OmsSettings(repair_pause_ms=0))
    plan = pair(1, 4, PROCEED, START)
    rig.approve(replace(plan, legs=(*plan.legs, plan.legs[0])))
    requests = sorted((message.request for message in rig.submits()), key=lambda request: request.leg)
    rig.take()
    for number, request in enumerate(requests):
        rig.complete(request, number + 1, f"t{number}")
    for leg, quantity in ((1, 1), (0, 2)):
        order = repair(rig)
        assert seen(order.leg, order.quantity) == (leg, quantity)
        rig.complete(order, quantity, f"r{leg}")
    assert seen(rig.finished()[0].reason, rig.finished()[0].residuals) == ("hedged", ())


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (maker(hedge_orders_max=1), "hedge_orders_max 1 is not enough to follow, it takes 2"),
        (triangle(hedge_orders_max=1), "hedge_orders_max 1 is not enough to follow, it takes 2"),
        (maker(rest_until=Nanos(START + 20 * SECOND)), "rest_until leaves no time to hedge"),
        (replace(maker(), legs=maker().legs[::-1]), "leg 0 follows leg 0, which does not come before it"),
    ],
)
def test_what_could_not_be_followed_to_its_end_is_refused(plan: Plan, reason: str) -> None:
    rig = Rig()
    rig.approve(plan)
    assert rig.submits() == []
    assert rig.finished()[0].reason == reason


@pytest.mark.parametrize(
    ("plan", "leg", "notional", "reason"),
    [
        (maker(), 1, 397, "could never be hedged: refuses by notional-min"),
        (pair(1, 4, PROCEED, START), 1, 397, "could never be hedged: refuses by notional-min"),
        (pair(1, 4, REVERSE, START), 0, 397, "could never be traded back: refuses by notional-min"),
        (pair(1, 4, CANCEL, START), 0, 397, ""),
        (replace(pair(1, 4, PROCEED, START), hedge_orders_max=0), 1, 397, ""),
    ],
)
def test_a_leg_that_could_never_be_repaired_is_not_begun(plan: Plan, leg: int, notional: int, reason: str) -> None:
    rig = Rig()
    name = plan.legs[leg].instrument
    rig.oms._plans.instruments[name] = replace(rig.oms._plans.instruments[name], notional_min=Decimal(notional))
    rig.approve(plan)
    assert bool(rig.submits()) == (not reason)
    assert [finished.reason for finished in rig.finished()] == ([f"{name} {reason}"] if reason else [])


def moved(rig: Rig, plan: Plan) -> None:
    rig.tell(AmendPlan(plan_id=plan.plan_id, strategy=plan.strategy, leg=0, price=Decimal("99.5")))


def test_a_leader_that_is_moved_is_followed_as_before() -> None:
    rig = Rig()
    leader = rest(rig, maker())
    moved(rig, maker())
    rig.take()
    rig.tell(rig.fill(leader, 1, "m1"))
    rig.complete(repair(rig), 1, "h1")
    rig.tell(rig.done(leader, OrderStatus.CANCELLED, 1))
    again = repair(rig)
    assert seen(again.leg, again.quantity, again.price) == (0, 3, Decimal("99.5"))
    rig.complete(again, 3, "m2")
    rig.complete(repair(rig), 3, "h2")
    assert seen(rig.finished()[0].reason, left(rig.finished()[0])) == ("complete", 0)


def test_a_leader_whose_next_fill_might_not_be_hedged_is_not_ordered_anew() -> None:
    rig = Rig(OmsSettings(repair_pause_ms=0))
    leader = rest(rig, maker())
    moved(rig, maker())
    rig.take()
    rig.tell(rig.fill(leader, 1, "m1"))
    rig.complete(repair(rig), 0, "")
    rig.tell(rig.done(leader, OrderStatus.CANCELLED, 1))
    assert repair(rig).side is Side.SELL, "the fill is traded back"
    assert [each.reason for each in rig.heard.of(AmendRefused)] == ["its next fill might not be hedged"]
