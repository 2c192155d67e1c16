"""The default configuration's venues under everything that can go wrong at once, as trials of a campaign."""

from collections.abc import Callable, Mapping
from pathlib import Path

from integrated_trading_system.config.load import load
from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.orchestrator.campaign.trial import Trial
from integrated_trading_system.orchestrator.platform import Platform, Recovered
from integrated_trading_system.simulation.campaign.swarm import draw
from integrated_trading_system.simulation.faults import Fault

CONFIG = Path(__file__).resolve().parents[2] / "config" / "dev.yaml"


def soak(
    seed: int,
    seconds: float = 60.0,
    rates: Mapping[Fault, float] | None = None,
    *,
    crashes: bool = True,
    failures: bool = True,
    observe: Callable[[Platform, Recovered], None] | None = None,
) -> Trial:
    """One seed, not lived yet. Losses do not halt it, for then nothing more would be tried."""
    limits = [f"risk.{name}=1000000" for name in ("daily_loss_max", "drawdown_max")]
    settings = load(PlatformSettings, CONFIG, [f"seed={seed}", *limits], {})
    swarm = draw(seed, seconds, settings=settings, rates=rates, crashes=crashes, failures=failures)
    return Trial(swarm, observe=observe)
