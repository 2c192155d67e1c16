"""How the strategy `basis` decides: buy spot, sell its perpetual, wait, and close both."""

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from integrated_trading_system.config.exact import Amount, Bps
from integrated_trading_system.config.plans import PlanSettings
from integrated_trading_system.domain.money import from_float


class BasisSettings(PlanSettings):
    """Cash and carry on a Comparison of one spot instrument and one perpetual; amounts in its currency."""

    annual_pct_min: float = Field(
        10.0, ge=0, le=100_000, description="Basis and expected funding, less the costs of both ways, as a yearly rate."
    )
    carry_bps_min: Bps = Field(Decimal(2), description="And at least so much of the notional over the holding time.")
    holding_hours: float = Field(24.0, gt=0, le=8_760, description="The position is closed when it is so old.")
    exit_bps: Annotated[
        Decimal, BeforeValidator(lambda value: from_float(value) if isinstance(value, float) else value)
    ] = Field(Decimal(0), description="Closed, too, when basis and funding still to come are worth no more than this.")
    stop_bps: Bps = Field(Decimal(100), description="Closed, too, when the basis grew by so much since the entry.")
    notional_max: Amount = Field(Decimal(5_000), description="Of the whole position, one leg.")
    plan_notional_max: Amount = Field(Decimal(1_000), description="Of one plan, one leg.")
    levels_max: int = Field(20, ge=1, le=1_000, description="Levels of each book that are walked.")
    bound_ms_max: float = Field(150.0, gt=0, description="Milliseconds that the two quotes may lie apart.")
