"""From what a strategy wants to a plan: legs on tick and lot, and how far repairs may go."""

from decimal import Decimal

from integrated_trading_system.config.plans import PlanSettings
from integrated_trading_system.domain.ids import AccountId, PlanId, StrategyId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import BPS, ONE, ZERO, round_down, round_up
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import Leg, Plan
from integrated_trading_system.domain.time import MILLISECOND, Nanos


def leg_of(
    instrument: Instrument,
    account: AccountId,
    side: Side,
    quantity: Decimal,
    limit: Decimal,
    settings: PlanSettings,
    *,
    base: Decimal | None = None,
    follows: int | None = None,
) -> Leg:
    """IOC, on tick and lot; its envelope is rounded towards the limit, never beyond what is set.

    `base`: base units of the Comparison in one unit of the quantity; None: the instrument's own multiplier.
    """
    price = instrument.round_price(limit, side)
    return Leg(
        instrument=instrument.instrument,
        account=account,
        side=side,
        quantity=instrument.round_quantity(quantity),
        price=price,
        worst_price=worse(price, side, settings.hedge_bps, instrument.tick),
        unwind_price=worse(price, side.opposite, settings.unwind_bps, instrument.tick),
        multiplier=instrument.multiplier if base is None else base,
        follows=follows,
    )


def plan_of(
    plan_id: PlanId,
    strategy: StrategyId,
    legs: tuple[Leg, ...],
    settings: PlanSettings,
    now: Nanos,
    *,
    edge: Decimal = ZERO,
    rest: int = 0,
) -> Plan:
    """Repaired within the configured envelope; where a leg may rest first, `rest` is for how long, in nanoseconds."""
    return Plan(
        plan_id=plan_id,
        strategy=strategy,
        legs=legs,
        policy=settings.policy,
        hedge_orders_max=settings.hedge_orders_max,
        created_at=now,
        submit_by=Nanos(now + settings.submit_within_ms * MILLISECOND),
        hedge_by=Nanos(now + rest + settings.hedge_within_ms * MILLISECOND),
        expected_edge=edge,
        rest_until=Nanos(now + rest) if rest else None,
    )


def worse(price: Decimal, side: Side, bps: Decimal, tick: Decimal) -> Decimal:
    """A limit for `side` that gives way by `bps`: a buyer higher, a seller lower."""
    moved = price * (ONE + bps / BPS * side.sign)
    return round_down(moved, tick) if side is Side.BUY else round_up(moved, tick)
