"""What is allowed. Every limit is in the reporting currency unless its name says otherwise."""

from decimal import Decimal

from pydantic import Field

from integrated_trading_system.config.base import Settings
from integrated_trading_system.config.exact import Amount, Bps


class RiskSettings(Settings):
    """Limits that every plan is held against before anything is sent."""

    currency: str = Field("USDT", min_length=1, description="What limits and losses are counted in.")
    rates: dict[str, Amount] = Field(
        {},
        description="Value of one unit of other assets in `currency`, stated: USDC is not USDT until this says so."
        " Instruments quoted in an asset without a rate cannot be traded.",
    )
    order_notional_max: Amount = Field(Decimal(5_000), description="Of one leg.")
    position_notional_max: Amount = Field(
        Decimal(25_000), description="Of one instrument: what is held and what plans in flight may add, either way."
    )
    position_notional_max_of: dict[str, Amount] = Field({}, description="The same for single instruments, by name.")
    venue_notional_max: Amount = Field(Decimal(100_000), description="Sum over a venue's instruments.")
    venue_notional_max_of: dict[str, Amount] = Field({}, description="The same for single venues, by venue:flavour.")
    strategy_notional_max: Amount = Field(Decimal(100_000), description="Sum over a strategy's instruments.")
    strategy_notional_max_of: dict[str, Amount] = Field({}, description="The same for single strategies, by name.")
    exposure_max: Amount = Field(Decimal(200_000), description="Sum over everything, long and short both counted.")
    plans_in_flight_max: int = Field(100, ge=1, description="Plans that are approved and not finished.")
    orders_max: int = Field(
        100, ge=1, description="Orders in any `rate_window_ms`; a plan counts with all the repairs it may need."
    )
    messages_max: int = Field(
        150, ge=1, description="Orders and cancels in any `rate_window_ms`; an order that may rest counts twice."
    )
    rate_window_ms: int = Field(1_000, gt=0, description="Of both rates; holds for every window, however aligned.")
    collar_bps_max: Bps = Field(
        Decimal(100), description="How much worse than the current quote an order may be priced."
    )
    envelope_bps_max: Bps = Field(Decimal(300), description="The same for repairs: worst and unwind prices.")
    touch_multiple_max: Amount | None = Field(
        None,
        description="Market impact: an order that trades at once is at most this many times the size at the touch.",
    )
    quote_age_ms_max: float = Field(
        5_000.0, gt=0, description="Milliseconds since the last quote of an instrument reached us."
    )
    daily_loss_max: Amount = Field(
        Decimal(500), description="Realised since midnight UTC, fees included; beyond it trading halts."
    )
    drawdown_max: Amount = Field(
        Decimal(1_000), description="Realised, below the best that was ever reached; beyond it trading halts."
    )
    plan_ids_kept_max: int = Field(100_000, ge=1, description="Plan ids remembered against repetition.")
    reduce_automatically: bool = Field(
        False, description="Positions that outgrew their limit are cut back to it; unbalances what hedges them."
    )
    reduce_interval_ms: int = Field(1_000, gt=0, description="Milliseconds between two looks for such positions.")
    reduce_collar_bps: Bps = Field(
        Decimal(50), description="How much worse than the touch an order that reduces is priced."
    )
