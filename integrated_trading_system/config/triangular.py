"""How the strategy `triangular` decides: round trips through several instruments of one venue."""

from decimal import Decimal

from pydantic import Field

from integrated_trading_system.config.exact import Amount, Bps
from integrated_trading_system.config.plans import PlanSettings


class TriangularSettings(PlanSettings):
    """Round trips that begin and end in the Comparison's currency; amounts in it."""

    legs_max: int = Field(3, ge=3, le=4, description="Instruments in one round trip, at most.")
    edge_bps_min: Bps = Field(Decimal(2), description="Of the amount put in, after all fees; below it nothing is done.")
    edge_bps_max: Bps = Field(Decimal(300), description="Too good to be true: more than this is somebody's mistake.")
    notional_max: Amount = Field(Decimal(1_000), description="Put into one round trip.")
    levels_max: int = Field(20, ge=1, le=1_000, description="Levels of each book that are walked.")
    bound_ms_max: float = Field(150.0, gt=0, description="Milliseconds that the quotes may lie apart.")
    decay_bps_per_ms: Bps = Field(Decimal("0.01"), description="Edge expected to be lost for each millisecond of that.")
    at_once: bool = Field(
        True,
        description="All legs leave together where the balances allow it; else, and with false, one after the other.",
    )
    hedge_orders_max: int = Field(8, ge=0, le=100, description="Orders that may be spent on repairing one plan.")
    cycles_max: int = Field(10_000, ge=1, description="More round trips than this are refused at the start.")
