"""What a plan allows: whether it can be carried out and repaired at all, and whether an order stays inside it.

Looked at apart from the decisions in `legs`: before anything of a plan is sent, and as each later order is made.
"""

from collections.abc import Sequence
from decimal import Decimal

from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import TimeInForce
from integrated_trading_system.domain.plan import (
    HedgePolicy,
    Leg,
    Plan,
    flat_by,
    leading,
    rests_until,
    worst_residual,
)
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.holding import holding
from integrated_trading_system.oms.progress import Instruments, excess, lack, traded
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.oms.state import Tracked
from integrated_trading_system.oms.steps import Repair


def refusal(plan: Plan, instruments: Instruments) -> str:
    """Why the plan cannot be carried out, or a leg of it never repaired; empty if all of it can."""
    for index, leg in enumerate(plan.legs):
        if leg.follows is not None and not 0 <= leg.follows < index:
            return f"leg {index} follows leg {leg.follows}, which does not come before it"
    needed = followers(plan) + (1 if rests(plan) else 0)
    if followers(plan) and plan.hedge_orders_max < needed:
        return f"hedge_orders_max {plan.hedge_orders_max} is not enough to follow, it takes {needed}"
    if rests(plan) and rests_until(plan) >= flat_by(plan):
        return "rest_until leaves no time to hedge"
    for leg, alone in zip(plan.legs, worst_residual(plan), strict=True):
        if leg.instrument not in instruments:
            return f"{leg.instrument} is not listed"
        if why := _filtered(plan, leg, instruments[leg.instrument], ahead=bool(alone)):
            return f"{leg.instrument} {why}"
    return ""


def followers(plan: Plan) -> int:
    """How many legs follow another."""
    return sum(leg.follows is not None for leg in plan.legs)


def rests(plan: Plan) -> bool:
    """Whether a leg that leads others stays in the book, so that its fills come one by one."""
    return any(plan.legs[index].time_in_force is TimeInForce.GTC for index in leading(plan) if _first(plan, index))


def reserve(plan: Plan) -> int:
    """Repair orders that are kept for trading back: half of them, or one for each leg that others follow."""
    if not (follow := followers(plan)):
        return plan.hedge_orders_max // 2
    if plan.policy is HedgePolicy.CANCEL:
        return 0
    return min(len(leading(plan)), plan.hedge_orders_max - follow - (1 if rests(plan) else 0))


def keeps_envelope(plan: Plan, orders: Sequence[Tracked], repair: Repair, now: Nanos, instruments: Instruments) -> bool:
    """Whether the order stays inside what risk approved: checked as it is made, whoever decided on it."""
    leg, nets, here = plan.legs[repair.leg], traded(plan, orders), holding(plan, orders, instruments)
    spent = sum(tracked.purpose is not Purpose.FIRST for tracked in orders)
    waiting = [tracked.order.request.leg for tracked in orders if tracked.open]
    hedges = repair.purpose is Purpose.HEDGE
    if now >= flat_by(plan) or spent >= plan.hedge_orders_max or repair.leg in waiting:
        return False
    if waiting and (not hedges or leg.follows is None):
        return False
    if hedges:
        beyond = (repair.price - leg.worst_price) * leg.side.sign
        allowed = min(lack(plan, nets, repair.leg), leg.quantity - nets[repair.leg])
        if (supply := here.supply(repair.leg)) is not None:
            allowed = min(allowed, supply)
    else:
        beyond = (repair.price - leg.unwind_price) * repair.side.sign
        allowed = min(here.surplus(nets, repair.leg), nets[repair.leg])
    if repair.side is not (leg.side if hedges else leg.side.opposite) or beyond > 0 or repair.quantity > allowed:
        return False
    after = [*nets]
    after[repair.leg] += repair.quantity if hedges else -repair.quantity
    return within_bound(plan, nets) and within_bound(plan, after)


def within_bound(plan: Plan, nets: Sequence[Decimal]) -> bool:
    """Whether what stands unhedged of each leg is at most what the plan states."""
    return all(
        excess(plan, nets, index) * leg.multiplier <= worst
        for index, (leg, worst) in enumerate(zip(plan.legs, worst_residual(plan), strict=True))
    )


# -- helpers -----------------------------------------------------------------------------------


def _first(plan: Plan, index: int) -> bool:
    return plan.legs[index].follows is None


def _filtered(plan: Plan, leg: Leg, instrument: Instrument, *, ahead: bool) -> str:
    """By what the venue would refuse the leg's first order, or every order that could repair it."""
    if leg.follows is None and (why := instrument.refusal(leg.price, leg.quantity)):
        return f"refuses by {why}"
    hedges = leg.follows is not None or (ahead and plan.policy is HedgePolicy.PROCEED and plan.hedge_orders_max > 0)
    price = instrument.round_price(leg.worst_price, leg.side)
    if hedges and (why := instrument.refusal(price, leg.quantity)):
        return f"could never be hedged: refuses by {why}"
    price = instrument.round_price(leg.unwind_price, leg.side.opposite)
    back = ahead and plan.policy is not HedgePolicy.CANCEL and plan.hedge_orders_max > 0
    if back and (why := instrument.refusal(price, leg.quantity)):
        return f"could never be traded back: refuses by {why}"
    return ""
