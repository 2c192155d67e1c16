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


class Plan(Struct, frozen=True, kw_only=True, tag=True):
    """One order, or the legs of a trade with their hedge envelope."""

    plan_id: PlanId
    strategy: StrategyId
    legs: tuple[Leg, ...]
    policy: HedgePolicy
    hedge_orders_max: int
    """How many orders may be spent on repairing."""
    created_at: Nanos
    submit_by: Nanos
    """The first orders are not sent after this."""
    hedge_by: Nanos
    """Repairing ends here; what is then left is reported as residual."""
    expected_edge: Decimal = ZERO


class ApprovedPlan(Struct, frozen=True, kw_only=True, tag=True):
    """Risk has checked the plan and reserved its exposure."""

    plan: Plan
    approved_at: Nanos


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
    residual: Decimal
    """Base units left unhedged: sum over legs of sign x filled x multiplier."""
    reason: str
    at: Nanos
    expected_edge: Decimal = ZERO
    """As the plan had it."""


class PlanRequest(Struct, frozen=True, kw_only=True):
    """What a library user or an operator asks for in one line; becomes a Plan with one leg."""

    instrument: InstrumentId
    side: Side
    quantity: Decimal
    order_type: OrderType
    price: Decimal
    time_in_force: TimeInForce
    account: AccountId | None = None
