"""From a priced difference to a plan: as a taker two legs at once, as a maker one that rests and one that follows."""

from decimal import Decimal

from integrated_trading_system.config.strategies import ArbitrageSettings
from integrated_trading_system.domain.ids import AccountId, PlanId, StrategyId
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import Leg, Plan
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.strategies.arbitrage.conversion import Unit
from integrated_trading_system.strategies.arbitrage.sizing import Priced
from integrated_trading_system.strategies.proposal import leg_of, plan_of


def leg(unit: Unit, account: AccountId, side: Side, priced: Priced, settings: ArbitrageSettings) -> Leg:
    """One side of the trade, at the worst level used."""
    limit = priced.buy_limit if side is Side.BUY else priced.sell_limit
    return leg_of(unit.instrument, account, side, priced.quantity / unit.base, limit, settings, base=unit.base)


def plan(
    plan_id: PlanId, strategy: StrategyId, legs: tuple[Leg, Leg], edge: Decimal, settings: ArbitrageSettings, now: Nanos
) -> Plan:
    """Both legs at once, or the one that leads first."""
    rests = any(one.follows is not None for one in legs)
    ordered = legs if legs[0].follows is None else (legs[1], legs[0])
    rest = settings.rest_ms_max * MILLISECOND if rests else 0
    return plan_of(plan_id, strategy, ordered, settings, now, edge=edge, rest=rest)
