"""The legs of a plan: when one traded more than the other, repair that inside the hedge envelope.

A pure function looks at the plan and all its orders and says what comes next, so a crash between
two repairs needs no special case. The rules:

* nothing is repaired while the fate of any order of the plan is open: an UNKNOWN order may have traded;
* PROCEED trades what is missing, up to the leg's worst price, with the first half of the repair
  orders; when one of them finds nothing there, or they are spent, the rest trade the excess back;
* REVERSE trades the excess back, down to the leg's unwind price;
* CANCEL, the deadline, a halt, or less than the venue's minimum leave a residual, which is reported.

The worst outcome is therefore one leg filled and the other not: a residual of one leg's quantity.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.ids import ClientOrderId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.plan import HedgePolicy, Leg, Plan
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.oms.state import InFlight, Tracked

Instruments: TypeAlias = Mapping[InstrumentId, Instrument]


class Permission(StrEnum):
    """Which repairs the trading state lets through."""

    ALL = "all"
    UNWIND = "unwind"
    """Reducing: only what trades a position back."""
    NONE = "none"
    LATER = "later"
    """Starting: not yet, but soon."""


class Wait(Struct, frozen=True):
    """Look again when an order changes, and at the latest then."""

    until: Nanos | None = None


class Cancel(Struct, frozen=True):
    """Cancel these, for the time to wait for them is over."""

    orders: tuple[ClientOrderId, ...]


class Repair(Struct, frozen=True):
    """Send one more IOC order."""

    leg: int
    purpose: Purpose
    side: Side
    quantity: Decimal
    price: Decimal


class Finish(Struct, frozen=True):
    """Nothing is left to be done."""

    reason: str


Step: TypeAlias = Wait | Cancel | Repair | Finish


def net(orders: Sequence[Tracked], leg: int) -> Decimal:
    """What the leg traded in its own direction, its repairs included: unwinding subtracts."""
    return sum(
        (
            -tracked.order.filled if tracked.purpose is Purpose.UNWIND else tracked.order.filled
            for tracked in orders
            if tracked.order.request.leg == leg
        ),
        ZERO,
    )


def residual(plan: Plan, orders: Sequence[Tracked]) -> Decimal:
    """Base units unhedged: positive is long."""
    return sum(
        (leg.side.sign * net(orders, index) * leg.multiplier for index, leg in enumerate(plan.legs)),
        ZERO,
    )


def next_step(in_flight: InFlight, instruments: Instruments, permission: Permission, now: Nanos, pause: Nanos) -> Step:
    """What to do about this plan. `instruments` knows the plan's instruments."""
    plan, orders = in_flight.plan, in_flight.orders
    if waiting := [tracked for tracked in orders if tracked.open]:
        return _wait(plan, waiting, now)
    missing = residual(plan, orders)
    if missing == ZERO or not _is_pair(plan) or _complete(plan, orders):
        return Finish(_summary(plan, orders))
    if plan.policy is HedgePolicy.CANCEL:
        return Finish("residual: policy")
    if now >= plan.hedge_by:
        return Finish("residual: deadline")
    if permission is Permission.LATER:
        return Wait(plan.hedge_by)
    if permission is Permission.NONE:
        return Finish("residual: halted")
    repairs = [tracked for tracked in orders if tracked.purpose is not Purpose.FIRST]
    if len(repairs) >= plan.hedge_orders_max:
        return Finish("residual: repair orders spent")
    if repairs and (ready := Nanos(repairs[-1].order.changed_at + pause)) > now:
        return Wait(min(ready, plan.hedge_by))
    repair = None
    if permission is Permission.ALL and _may_hedge(plan, repairs):
        repair = _hedge(plan, orders, missing, instruments)
    repair = repair or _unwind(plan, orders, missing, instruments)
    return repair or Finish("residual: below the venue's minimum")


def keeps_envelope(plan: Plan, orders: Sequence[Tracked], repair: Repair) -> bool:
    """Whether the order stays inside what risk approved: checked apart from the decision, as the order is made."""
    leg = plan.legs[repair.leg]
    first = [tracked for tracked in orders if tracked.purpose is Purpose.FIRST]
    if any(tracked.open for tracked in orders) or len(orders) - len(first) >= plan.hedge_orders_max:
        return False
    traded = net(orders, repair.leg)
    if repair.purpose is Purpose.HEDGE:
        beyond = (repair.price - leg.worst_price) * leg.side.sign
        return repair.side is leg.side and beyond <= 0 and traded + repair.quantity <= leg.quantity
    beyond = (repair.price - leg.unwind_price) * repair.side.sign
    return repair.side is leg.side.opposite and beyond <= 0 and repair.quantity <= traded


# -- helpers -----------------------------------------------------------------------------------


def _is_pair(plan: Plan) -> bool:
    """Only two opposite legs tell by themselves what is missing of which."""
    return len(plan.legs) == 2 and plan.legs[0].side is plan.legs[1].side.opposite


def _wait(plan: Plan, waiting: Sequence[Tracked], now: Nanos) -> Step:
    """One order alone may rest for ever; a leg may not outlive the time in which it could be repaired."""
    if len(plan.legs) == 1:
        return Wait()
    if now < plan.hedge_by:
        return Wait(plan.hedge_by)
    resting = tuple(tracked.client_order_id for tracked in waiting if tracked.order.status is OrderStatus.WORKING)
    return Cancel(resting) if resting else Wait()


def _may_hedge(plan: Plan, repairs: Sequence[Tracked]) -> bool:
    """Whether PROCEED still goes forward; once it turned back it does not turn again."""
    if plan.policy is not HedgePolicy.PROCEED or len(repairs) >= (plan.hedge_orders_max + 1) // 2:
        return False
    return all(tracked.purpose is Purpose.HEDGE and tracked.order.filled > ZERO for tracked in repairs)


def _leg_of(plan: Plan, side: Side) -> tuple[int, Leg]:
    index = 0 if plan.legs[0].side is side else 1
    return index, plan.legs[index]


def _hedge(plan: Plan, orders: Sequence[Tracked], missing: Decimal, instruments: Instruments) -> Repair | None:
    """Trade what is missing of the leg that lags behind."""
    index, leg = _leg_of(plan, Side.SELL if missing > 0 else Side.BUY)
    wanted = min(abs(missing) / leg.multiplier, leg.quantity - net(orders, index))
    return _order(index, Purpose.HEDGE, leg.side, wanted, leg.worst_price, instruments[leg.instrument])


def _unwind(plan: Plan, orders: Sequence[Tracked], missing: Decimal, instruments: Instruments) -> Repair | None:
    """Trade back what is too much of the leg that is ahead."""
    index, leg = _leg_of(plan, Side.BUY if missing > 0 else Side.SELL)
    wanted = min(abs(missing) / leg.multiplier, net(orders, index))
    return _order(index, Purpose.UNWIND, leg.side.opposite, wanted, leg.unwind_price, instruments[leg.instrument])


def _order(
    index: int, purpose: Purpose, side: Side, wanted: Decimal, limit: Decimal, instrument: Instrument
) -> Repair | None:
    """On tick and lot, never beyond what is wanted; None where the venue would refuse it."""
    price, quantity = instrument.round_price(limit, side), instrument.round_quantity(wanted)
    if instrument.refusal(price, quantity) is not None:
        return None
    return Repair(index, purpose, side, quantity, price)


def _summary(plan: Plan, orders: Sequence[Tracked]) -> str:
    """In a word, how a plan without anything to repair ended."""
    if any(tracked.purpose is Purpose.UNWIND and tracked.order.filled > ZERO for tracked in orders):
        return "unwound"
    traded = [net(orders, index) for index in range(len(plan.legs))]
    if not any(traded):
        reasons = [tracked.order.reason for tracked in orders if tracked.order.reason]
        return f"unfilled: {reasons[0]}" if reasons else "unfilled"
    if any(tracked.purpose is Purpose.HEDGE for tracked in orders):
        return "hedged"
    return "complete" if _complete(plan, orders) else "partial"


def _complete(plan: Plan, orders: Sequence[Tracked]) -> bool:
    """Every leg traded all it should. What the plan itself leaves open between its legs is not repaired."""
    return all(net(orders, index) >= leg.quantity for index, leg in enumerate(plan.legs))
