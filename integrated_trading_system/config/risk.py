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
        " Instruments quoted in an asset without a rate cannot be traded, unless a comparison in `currency` names a"
        " book for it. Where both are there, growing plans need them to agree within its `depeg_bps_max`.",
    )
    order_notional_max: Amount = Field(Decimal(5_000), description="Of one leg.")
    position_notional_max: Amount = Field(
        Decimal(25_000), description="Of one instrument: what is held and what plans in flight may add, either way."
    )
    position_notional_max_of: dict[str, Amount] = Field({}, description="The same for single instruments, by name.")
    asset_notional_max: Amount = Field(
        Decimal(50_000),
        description="Of one asset, net over venues, spot and derivatives: what legs that hedge each other leave, and"
        " what plans in flight may add to it if only one side of them trades.",
    )
    asset_notional_max_of: dict[str, Amount] = Field({}, description="The same for single assets, by name.")
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
    impact_bps_max: Bps = Field(
        Decimal(50),
        description="Market impact: how much worse than the touch an order that trades at once may trade on average,"
        " by the book as it stands. What the book does not show is taken to trade at the order's limit.",
    )
    impact_levels_max: int = Field(50, ge=1, le=1_000, description="Levels of a book that are walked for that.")
    leverage: Amount = Field(
        Decimal(1), description="Initial margin of derivatives is notional by this, of the settle asset."
    )
    leverage_of: dict[str, Amount] = Field(
        {}, description="The same for single venues, by venue:flavour: no more than the account's own setting there."
    )
    quote_age_ms_max: float = Field(
        5_000.0, gt=0, description="Milliseconds since the last quote of an instrument reached us."
    )
    venue_errors_max: int = Field(
        20, ge=0, description="Requests to a venue without a usable answer in any `venue_error_window_ms`."
    )
    venue_error_window_ms: int = Field(10_000, gt=0, description="Of that count.")
    duplicates_max: int = Field(
        5, ge=1, description="Plans of a strategy with the very same legs, prices and quantities in any window."
    )
    duplicate_window_ms: int = Field(1_000, gt=0, description="Of that count.")
    repeats_max: int = Field(
        600,
        ge=1,
        description="Plans of a strategy with the same legs, at whatever prices, in any `repeat_window_ms`; one more"
        " latches the strategy there until an operator resumes it.",
    )
    futile_max: int = Field(
        60,
        ge=1,
        description="Plans in any `repeat_window_ms` that did not bring a position on one side of an instrument to half"
        " of what was planned; one more latches the strategy there.",
    )
    repeat_window_ms: int = Field(60_000, gt=0, description="Of both counts.")
    unhedged_floor: Amount = Field(
        Decimal(200), description="Of a strategy that trades in legs: what may stay out of balance for ever."
    )
    unhedged_max: Amount = Field(
        Decimal(300_000),
        description="Worth times seconds since such a strategy was last balanced; beyond it, it only reduces."
        " 10,000 may be out of balance for half a minute, 1,000 for five minutes.",
    )
    unhedged_halt_max: Amount = Field(Decimal(3_000_000), description="The same; beyond it trading halts.")
    daily_loss_max: Amount = Field(
        Decimal(500), description="Since midnight UTC, fees and open positions included; beyond it trading halts."
    )
    drawdown_max: Amount = Field(
        Decimal(1_000),
        description="Below the best that was ever reached, fees and open positions included; beyond it trading halts.",
    )
    look_interval_ms: int = Field(
        1_000, gt=0, description="Milliseconds between two looks at open positions, beside those with every fill."
    )
    plan_ids_kept_max: int = Field(100_000, ge=1, description="Plan ids remembered against repetition.")
    reduce_automatically: bool = Field(
        False, description="Positions that outgrew their limit are cut back to it; unbalances what hedges them."
    )
    reduce_interval_ms: int = Field(1_000, gt=0, description="Milliseconds between two looks for such positions.")
    reduce_collar_bps: Bps = Field(
        Decimal(50), description="How much worse than the touch an order that reduces is priced."
    )
