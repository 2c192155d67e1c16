"""What risk shows of itself between two turns."""

from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import Asset, PlanId, StrategyId
from integrated_trading_system.risk.worth import Totals


class RiskView(Struct, frozen=True, kw_only=True):
    """What is allowed now, and what was."""

    trading: TradingState
    reason: str
    """Of a halt or of reducing; empty otherwise."""
    worst: Totals
    """Held, and what plans in flight may still add."""
    exposure_max: Decimal
    in_flight: tuple[PlanId, ...]
    approved: int
    denied: dict[str, int]
    """By code."""
    latched: dict[str, str]
    """Why, by strategy and instrument: these wait for an operator."""
    external_fills: int
    """Fills of orders that no plan in flight made."""
    net: Decimal
    """Realised less fees, since the journal began."""
    unrealised: Decimal
    """What closing every position at its mark would add, at the last look."""
    lost_today: Decimal
    """Open positions included."""
    drawdown: Decimal
    """Open positions included."""
    unhedged: dict[StrategyId, Decimal]
    """Worth of what is out of balance, of strategies that trade in legs, at the last look."""
    unpriced: dict[Asset, int]
    """Fills whose profit or fee has no rate, by asset: they are not in the sums."""
    orders_used: int
    messages_used: int
