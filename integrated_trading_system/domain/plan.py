"""What a strategy wants done, and what passing risk makes of it. Only `risk/` constructs ApprovedPlan."""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from integrated_trading_system.domain.ids import AccountId, InstrumentId, PlanId, StrategyId
from integrated_trading_system.domain.money import ZERO, Money
from integrated_trading_system.domain.order import OrderType, Side, TimeInForce
from integrated_trading_system.domain.time import Nanos


class HedgePolicy(StrEnum):
    """What to do when one leg traded and another did not (the names are R2's)."""

    PROCEED = "proceed"
    """Buy or sell the missing leg, up to its worst price."""
    REVERSE = "reverse"
    """Trade the filled leg back, down to its worst price."""
    CANCEL = "cancel"
    """Leave it: keep the position that came about."""


class Leg(Struct, frozen=True, kw_only=True):
    """One order of a plan, already on tick and lot."""

    instrument: InstrumentId
    account: AccountId
    side: Side
    quantity: Decimal
    price: Decimal
    """The limit of the first order; for MARKET the reference price."""
    worst_price: Decimal
    """The hedge envelope: orders that repair this leg may go this far."""
    unwind_price: Decimal
    """The hedge envelope: orders that undo this leg (opposite side) may go this far."""
    order_type: OrderType = OrderType.LIMIT
    time_in_force: TimeInForce = TimeInForce.IOC
    post_only: bool = False
    reduce_only: bool = False
    multiplier: Decimal = Decimal(1)
    """Base units of the Comparison in one unit of `quantity`: legs are matched in base units."""
    follows: int | None = None
    """Index of the earlier leg that leads this one. A follower has no first order: whenever the leader has traded
    a share of its quantity, the same share of the follower is ordered, at up to `worst_price`. So a maker leg is
    hedged at each fill, and the legs of a cycle are traded one after the other."""


class Plan(Struct, frozen=True, kw_only=True, tag=True):
    """One order, or the legs of a trade with their hedge envelope."""

    plan_id: PlanId
    strategy: StrategyId
    legs: tuple[Leg, ...]
    policy: HedgePolicy
    hedge_orders_max: int
    """How many orders may be spent on following and repairing."""
    created_at: Nanos
    submit_by: Nanos
    """The first orders are not sent after this."""
    hedge_by: Nanos
    """Repairing ends here; what is then left is reported as residual."""
    expected_edge: Decimal = ZERO
    rest_until: Nanos | None = None
    """A leg that leads others and rests is cancelled then; None: half-way from `submit_by` to `hedge_by`."""


def leading(plan: Plan) -> frozenset[int]:
    """The legs that others follow."""
    return frozenset(leg.follows for leg in plan.legs if leg.follows is not None)


def rests_until(plan: Plan) -> Nanos:
    """When a leg that leads others is cancelled, so that there is time to hedge its last fill."""
    half = plan.submit_by + (plan.hedge_by - plan.submit_by) // 2
    return Nanos(half) if plan.rest_until is None else plan.rest_until


def flat_by(plan: Plan) -> Nanos:
    """The time to flat: from then on nothing leaves for the plan.

    What is then left, or comes to light later of an order in doubt, is reported and not repaired.
    """
    return plan.hedge_by


def worst_residual(plan: Plan) -> tuple[Decimal, ...]:
    """Per leg, the base units of it that may at worst stand unhedged, at any instant and in the end.

    That is all of a leg on which others depend: one trade may take a resting order whole before anything
    can be hedged, so whoever wants less at risk lets less rest. The last leg of a chain is never ahead.
    """
    leads = [leg.follows for leg in plan.legs]
    return tuple(
        leg.quantity * leg.multiplier if index in leads or leads.count(leg.follows) > 1 else ZERO
        for index, leg in enumerate(plan.legs)
    )


class ApprovedPlan(Struct, frozen=True, kw_only=True, tag=True):
    """Risk has checked the plan and reserved its exposure."""

    plan: Plan
    approved_at: Nanos


class AmendPlan(Struct, frozen=True, kw_only=True, tag=True):
    """Let what rests of a leg rest at another price, at most as far as its worst price.

    The plan stays what it is. Answered by AmendRefused, or by orders: the old one over, the new one made.
    """

    plan_id: PlanId
    strategy: StrategyId
    leg: int
    price: Decimal


class AmendRefused(Struct, frozen=True, kw_only=True, tag=True):
    """The price stays what it was; or, where its order is over, nothing rests any more."""

    plan_id: PlanId
    strategy: StrategyId
    leg: int
    reason: str
    at: Nanos


class PlanDenied(Struct, frozen=True, kw_only=True, tag=True):
    """Risk said no. `code` is one of the named denial codes."""

    plan_id: PlanId
    strategy: StrategyId
    code: str
    detail: str
    at: Nanos


class LegOutcome(Struct, frozen=True, kw_only=True):
    """What became of a leg, its repairs and unwinding included."""

    instrument: InstrumentId
    side: Side
    planned: Decimal
    filled: Decimal
    """Signed in the leg's own direction: unwinding subtracts."""
    average_price: Decimal
    fees: Decimal
    """In the quote currency, as booked at fill time; fees in a third asset are in `fees_paid` only."""
    flow: Decimal = ZERO
    """Quote units that came in (positive) or went out, unwinding included, before fees."""
    fees_paid: tuple[Money, ...] = ()
    """Every asset in which fees were paid."""
    multiplier: Decimal = Decimal(1)
    """Base units of the Comparison in one unit of `filled`."""


class PlanFinished(Struct, frozen=True, kw_only=True, tag=True):
    """Every order of the plan is terminal and owned; risk releases what is still reserved."""

    plan_id: PlanId
    strategy: StrategyId
    legs: tuple[LegOutcome, ...]
    hedge_orders: int
    reason: str
    at: Nanos
    expected_edge: Decimal = ZERO
    """As the plan had it."""
    residuals: tuple[Money, ...] = ()
    """Base units left unhedged, by asset, positive is long: how far legs are ahead of those that depend on them.

    Not what was paid away in fees of what was bought, which nobody holds.
    """


class PlanRequest(Struct, frozen=True, kw_only=True):
    """What a library user or an operator asks for in one line; becomes a Plan with one leg."""

    instrument: InstrumentId
    side: Side
    quantity: Decimal
    order_type: OrderType
    price: Decimal
    time_in_force: TimeInForce
    account: AccountId | None = None
