"""What the journal says besides orders: all that risk and the position management start from, in one pass."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from msgspec import Struct, field

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import AccountId, Asset, ClientOrderId, PlanId, StrategyId, VenueId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.position import FundingPaid
from integrated_trading_system.oms.records import (
    BalanceOpened,
    ExternalBooked,
    FillBooked,
    FundingBooked,
    PlanClosed,
    PlanIntended,
    Purpose,
    Record,
    RepairIntended,
    Snapshot,
)

_SIGN: Final = {Purpose.FIRST: 1, Purpose.HEDGE: 1, Purpose.UNWIND: -1}


class _Leg(Struct):
    """Where the fills of an order count."""

    plan_id: PlanId
    leg: int
    sign: int


class Memory(Struct):
    """Everything of which nothing may be forgotten."""

    fills: list[Fill] = field(default_factory=list)
    """Every fill ever booked, in order."""
    funding: list[FundingPaid] = field(default_factory=list)
    """Every payment ever booked, in order; copies too, as they came."""
    openings: dict[tuple[VenueId, AccountId, Asset], Decimal] = field(default_factory=dict)
    """What every account held at first, and what has come to it from outside since."""
    owners: dict[ClientOrderId, tuple[PlanId, StrategyId]] = field(default_factory=dict)
    """Whose every order ever intended was."""
    plans: dict[PlanId, Plan] = field(default_factory=dict)
    """Those that were begun and are not finished."""
    traded: dict[PlanId, list[Decimal]] = field(default_factory=dict)
    """What each leg of these traded so far, in its own direction: undoing it subtracts."""
    legs: dict[ClientOrderId, _Leg] = field(default_factory=dict)
    """Of the orders of these plans."""


def remember(records: Iterable[Record]) -> Memory:
    """All of it, after these records."""
    memory = Memory()
    for record in records:
        _add(memory, record)
    return memory


def _add(memory: Memory, record: Record) -> None:
    match record:
        case FillBooked(fill=fill):
            memory.fills.append(fill)
            if (of := memory.legs.get(fill.client_order_id)) is not None:
                memory.traded[of.plan_id][of.leg] += of.sign * fill.quantity
        case PlanIntended(plan=plan, orders=orders):
            memory.plans[plan.plan_id] = plan
            memory.traded[plan.plan_id] = [ZERO] * len(plan.legs)
            for order in orders:
                memory.owners[order.client_order_id] = (order.plan_id, order.strategy)
                memory.legs[order.client_order_id] = _Leg(order.plan_id, order.leg, _SIGN[Purpose.FIRST])
        case RepairIntended(order=order, purpose=purpose):
            memory.owners[order.client_order_id] = (order.plan_id, order.strategy)
            memory.legs[order.client_order_id] = _Leg(order.plan_id, order.leg, _SIGN[purpose])
        case PlanClosed(finished=finished):
            memory.plans.pop(finished.plan_id, None)
            memory.traded.pop(finished.plan_id, None)
            memory.legs = {name: of for name, of in memory.legs.items() if of.plan_id != finished.plan_id}
        case BalanceOpened(balance=balance):
            memory.openings[balance.venue, balance.account, balance.asset] = balance.amount
        case ExternalBooked(flow=flow):
            memory.openings[flow.venue, flow.account, flow.asset] += flow.amount
        case FundingBooked(funding=funding):
            memory.funding.append(funding)
        case Snapshot():
            _restore(memory, record)
        case _:
            pass  # of orders only


def _restore(memory: Memory, kept: Snapshot) -> None:
    memory.fills = list(kept.fills)
    memory.funding = list(kept.funding)
    memory.openings = {(venue, account, asset): amount for venue, account, asset, amount in kept.openings}
    memory.owners = {order: (plan_id, strategy) for order, plan_id, strategy in kept.owners}
    memory.plans = {of.plan.plan_id: of.plan for of in kept.plans}
    memory.traded = {of.plan.plan_id: list(of.traded) for of in kept.plans}
    orders = {each.order.request.client_order_id: each for each in kept.orders}
    for of in kept.plans:
        for name in of.orders:
            each = orders[name]
            memory.legs[name] = _Leg(of.plan.plan_id, each.order.request.leg, _SIGN[each.purpose])
