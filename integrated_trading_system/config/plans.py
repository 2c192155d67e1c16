"""How any strategy's plan of several legs is sent, and how far its repairs may go."""

from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from integrated_trading_system.config.base import Settings
from integrated_trading_system.config.exact import Bps
from integrated_trading_system.domain.plan import HedgePolicy


class PlanSettings(Settings):
    """The hedge envelope of a strategy's plans."""

    policy: HedgePolicy = Field(
        HedgePolicy.PROCEED, description="When one leg traded and the other did not: proceed, reverse or cancel."
    )
    hedge_bps: Bps = Field(Decimal(10), description="How much worse than its limit a missing leg may be traded.")
    unwind_bps: Bps = Field(Decimal(30), description="How much worse than its limit a leg may be traded back.")
    hedge_orders_max: int = Field(4, ge=0, le=100, description="Orders that may be spent on repairing one plan.")
    submit_within_ms: int = Field(250, gt=0, description="Milliseconds; the first orders leave within it or never.")
    hedge_within_ms: int = Field(10_000, gt=0, description="Milliseconds; what is unhedged then is left, and reported.")
    cool_down_ms: float = Field(500.0, ge=0, description="Milliseconds of rest after a plan ended, for what it traded.")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.hedge_within_ms < self.submit_within_ms:
            raise ValueError("hedge_within_ms is below submit_within_ms")
        return self
