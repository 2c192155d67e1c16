"""From a priced difference to a plan: two IOC legs at the worst level used, and how far repairs may go."""

from decimal import Decimal

from integrated_trading_system.config.strategies import ArbitrageSettings
from integrated_trading_system.domain.ids import AccountId, PlanId, StrategyId
from integrated_trading_system.domain.money import BPS, ONE, round_down, round_up
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import Leg, Plan
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.strategies.arbitrage.conversion import Unit
from integrated_trading_system.strategies.arbitrage.sizing import Priced


def leg(unit: Unit, account: AccountId, side: Side, priced: Priced, settings: ArbitrageSettings) -> Leg:
    """One side of the trade, on tick and lot; its envelope is rounded towards the limit, never beyond what is set."""
    instrument = unit.instrument
    limit = instrument.round_price(priced.buy_limit if side is Side.BUY else priced.sell_limit, side)
    return Leg(
        instrument=instrument.instrument,
        account=account,
        side=side,
        quantity=instrument.round_quantity(priced.quantity / unit.base),
        price=limit,
        worst_price=_worse(limit, side, settings.hedge_bps, instrument.tick),
        unwind_price=_worse(limit, side.opposite, settings.unwind_bps, instrument.tick),
        multiplier=unit.base,
    )


def plan(
    plan_id: PlanId, strategy: StrategyId, legs: tuple[Leg, Leg], edge: Decimal, settings: ArbitrageSettings, now: Nanos
) -> Plan:
    """Both legs at once, repaired within the configured envelope."""
    return Plan(
        plan_id=plan_id,
        strategy=strategy,
        legs=legs,
        policy=settings.policy,
        hedge_orders_max=settings.hedge_orders_max,
        created_at=now,
        submit_by=Nanos(now + settings.submit_within_ms * MILLISECOND),
        hedge_by=Nanos(now + settings.hedge_within_ms * MILLISECOND),
        expected_edge=edge,
    )


def _worse(price: Decimal, side: Side, bps: Decimal, tick: Decimal) -> Decimal:
    """A limit for `side` that gives way by `bps`: a buyer higher, a seller lower."""
    moved = price * (ONE + bps / BPS * side.sign)
    return round_down(moved, tick) if side is Side.BUY else round_up(moved, tick)
