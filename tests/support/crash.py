"""Two venues and one strategy, killed at chosen boundaries and started again from the journal, with no other fault."""

from typing import Any

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.orchestrator.campaign.trial import Trial
from integrated_trading_system.simulation.campaign.swarm import Swarm

VENUES = {"binance:spot": {"symbols": ["BTCUSDT"]}, "bybit:linear": {"symbols": ["BTCUSDT"]}}


def settings(seed: int = 7, **strategy: Any) -> PlatformSettings:
    """Two venues, one Comparison, one strategy; by default the one that trades once."""
    instruments = [f"{venue}:{symbol}" for venue, of in VENUES.items() for symbol in of["symbols"]]
    chosen = {"name": "once", "strategy": "tests.support.one_trade:OneTrade", "comparison": "btc"} | strategy
    return PlatformSettings.model_validate(
        {
            "mode": "dev",
            "seed": seed,
            "venues": VENUES,
            "comparisons": [{"name": "btc", "currency": "USDT", "members": instruments}],
            "strategies": [chosen],
        }
    )


def story(chosen: PlatformSettings, seconds: float, *crash_at: int) -> Trial:
    """A run of so many seconds, killed at these boundaries, counted over all lives."""
    swarm = Swarm(seed=chosen.seed, seconds=seconds, settings=chosen, rates={})
    return Trial(swarm, crash_at=crash_at).run()
