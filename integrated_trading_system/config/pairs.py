"""How the strategy `pairs` decides: two instruments that move together, apart for a while."""

from decimal import Decimal
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from integrated_trading_system.config.exact import Amount
from integrated_trading_system.config.plans import PlanSettings
from integrated_trading_system.domain.cointegration import SAMPLES_MAX, SAMPLES_MIN


class HedgeModel(StrEnum):
    """How the hedge ratio is estimated, of logarithms of prices."""

    OLS = "ols"
    """Least squares over the window."""
    KALMAN = "kalman"
    """A ratio that drifts, followed by a Kalman filter."""


class PairsSettings(PlanSettings):
    """Sells the dear and buys the cheap of a Comparison's two members; amounts in its currency."""

    model: HedgeModel = Field(HedgeModel.KALMAN, description="ols: over the window; kalman: a ratio that drifts.")
    sample_ms: int = Field(1_000, gt=0, description="Milliseconds between two samples of the prices.")
    window: int = Field(300, ge=20, le=100_000, description="Samples that mean, deviation and half-life are taken of.")
    drift: float = Field(1e-6, gt=0, lt=1, description="Kalman: variance by which ratio and offset move per sample.")
    noise: float = Field(1e-6, gt=0, description="Kalman: variance of a sample about the relation, as a part of price.")
    entry_z: float = Field(2.0, gt=0, description="Deviations from the mean at which the pair is entered.")
    exit_z: float = Field(0.5, ge=0, description="Closed when it is back within so many.")
    stop_z: float = Field(
        4.0, gt=0, description="Closed when it went on to so many; then not entered before it is back."
    )
    half_life_samples_max: float = Field(
        100.0, gt=0, description="A spread that needs more samples than this to halve is not entered."
    )
    holding_half_lives_max: float = Field(
        5.0, gt=0, description="Closed after so many half-lives, as they were at entry."
    )
    edge_bps_min: float = Field(2.0, ge=0, description="The way back to the mean, less the fees of both ways.")
    notional_max: Amount = Field(Decimal(1_000), description="Of the first member's leg.")
    slippage_bps_max: float = Field(3.0, ge=0, description="How far beyond the best price an order may trade.")
    bound_ms_max: float = Field(150.0, gt=0, description="Milliseconds that the two quotes may lie apart.")
    cointegration_p_max: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Not entered unless a test of Engle and Granger of the newest samples finds a p-value of at most"
        " this; none: not tested.",
    )
    cointegration_samples: int = Field(
        500, ge=SAMPLES_MIN, le=SAMPLES_MAX, description="How many samples are tested: the newest ones."
    )
    cointegration_every_s: float = Field(
        60.0, gt=0, le=86_400, description="Seconds between two tests. A finding is believed for twice as long."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.exit_z < self.entry_z < self.stop_z:
            raise ValueError("exit_z < entry_z < stop_z does not hold")
        return self
