"""Moving the price of what rests: the old order is cancelled, and what is left of it rests anew.

The new order is intended only when the old one is over and every fill of it is owned, so the two are never in
the book together and nothing is traded twice. A venue's own "cancel and replace" or "amend" is not used: after
half of one, or without its answer, two orders would have to be in doubt at once. A wish that a crash
interrupts is forgotten: the plan then ends with what its old order traded.
"""

from decimal import Decimal
from typing import TypeAlias

from msgspec.structs import replace

from integrated_trading_system.domain.ids import ClientOrderId, PlanId
from integrated_trading_system.domain.order import OrderStatus, OrderType, TimeInForce
from integrated_trading_system.domain.plan import AmendPlan, Leg, Plan, leading, rests_until
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.progress import Instruments, traded
from integrated_trading_system.oms.state import InFlight, Tracked
from integrated_trading_system.oms.steps import Cancel, Wait

Amendment: TypeAlias = Cancel | Wait | Decimal | str


class Amendments:
    """The wishes that are not done yet: the last one of each plan counts."""

    def __init__(self) -> None:
        """None."""
        self._wishes: dict[PlanId, AmendPlan] = {}

    def add(self, wish: AmendPlan, in_flight: InFlight | None, instruments: Instruments) -> str:
        """Remember it; or why it cannot be done."""
        if refusal := _refusal(wish, in_flight, instruments):
            return refusal
        self._wishes[wish.plan_id] = wish
        return ""

    def of(self, plan_id: PlanId) -> AmendPlan | None:
        """What is wanted of this plan."""
        return self._wishes.get(plan_id)

    def drop(self, plan_id: PlanId) -> AmendPlan | None:
        """It is done, or it cannot be done any more."""
        return self._wishes.pop(plan_id, None)


def amendment(wish: AmendPlan, in_flight: InFlight, instruments: Instruments, now: Nanos) -> Amendment:
    """What comes next: cancel the old order, wait for its end, order so much anew; or why that is not possible."""
    plan, leg = in_flight.plan, in_flight.plan.legs[wish.leg]
    live = _live(in_flight, wish.leg)
    if any(tracked.order.status is OrderStatus.WORKING for tracked in live):
        return Cancel(tuple(_names(live)))
    if live:
        return Wait()
    left = leg.quantity - traded(plan, in_flight.orders)[wish.leg]
    if wish.leg in leading(plan) and now >= rests_until(plan):
        return "too late"
    if why := instruments[leg.instrument].refusal(wish.price, left):
        return f"what is left is refused by {why}"
    return left


def _refusal(wish: AmendPlan, in_flight: InFlight | None, instruments: Instruments) -> str:
    """Only what rests can be moved, and never beyond the price that risk approved."""
    if in_flight is None:
        return "no such plan"
    plan = in_flight.plan
    if not 0 <= wish.leg < len(plan.legs):
        return f"the plan has no leg {wish.leg}"
    leg = plan.legs[wish.leg]
    if not _rests(leg) or not _live(in_flight, wish.leg):
        return "nothing of the leg rests"
    if (wish.price - leg.worst_price) * leg.side.sign > 0:
        return f"{wish.price} is beyond the leg's worst price {leg.worst_price}"
    known = instruments.get(leg.instrument)
    if known is None:
        return f"{leg.instrument} is not listed"
    why = known.refusal(wish.price, leg.quantity)
    return f"refused by {why}" if why else ""


def _rests(leg: Leg) -> bool:
    return leg.follows is None and leg.order_type is OrderType.LIMIT and leg.time_in_force is TimeInForce.GTC


def _live(in_flight: InFlight, leg: int) -> list[Tracked]:
    return [tracked for tracked in in_flight.orders if tracked.open and tracked.order.request.leg == leg]


def _names(orders: list[Tracked]) -> list[ClientOrderId]:
    return [tracked.client_order_id for tracked in orders if tracked.order.status is OrderStatus.WORKING]


def amended(plan: Plan, wish: AmendPlan, left: Decimal) -> Leg:
    """The leg as its new order is made of it."""
    leg = plan.legs[wish.leg]
    assert (wish.price - leg.worst_price) * leg.side.sign <= 0, f"{wish} is outside the envelope of {plan.plan_id}"
    assert left <= leg.quantity, f"{left} is more than {plan.plan_id} may trade"
    return replace(leg, price=wish.price, quantity=left)
