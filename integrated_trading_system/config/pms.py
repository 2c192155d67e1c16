"""What positions are valued in, and by what."""

from pydantic import Field

from integrated_trading_system.config.base import Settings
from integrated_trading_system.config.exact import Amount


class PmsSettings(Settings):
    """Position management."""

    currency: str = Field("USDT", min_length=1, description="What profit and equity are reported in.")
    rates: dict[str, Amount] = Field(
        {}, description="Value of one unit of other assets in `currency`, stated; it goes before any book."
    )
    conversion_books: dict[str, str] = Field(
        {},
        description="By asset: the instrument (venue:flavour:SYMBOL, quoted in `currency`) whose mid price values it."
        " Without one, any listed spot instrument of the asset against `currency` does.",
    )
    equity_every_ms: int = Field(1_000, gt=0, description="Milliseconds between two published valuations.")
    external_after_ms: int = Field(
        10_000,
        ge=0,
        description="A balance that differs from our ledger by the same amount for this long moved for another reason"
        " than our fills; sooner, a fill may still be on its way.",
    )
    return_period_s: int = Field(
        60,
        gt=0,
        description="Seconds of one return: Sharpe and Sortino compare the profits of such periods, and say so.",
    )
    curve_points_max: int = Field(
        1_000, ge=2, description="Points of the equity curve that are kept; with more, every second one goes."
    )
    plans_kept_max: int = Field(
        1_000, gt=0, description="Plans whose part of the profit is shown each; older ones are shown as one."
    )
    orders_kept_max: int = Field(
        20_000,
        gt=0,
        description="Orders of this run whose plan is remembered; a fill of a forgotten one counts as external.",
    )
