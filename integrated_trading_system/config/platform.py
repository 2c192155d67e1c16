"""The whole configuration: one group for each stage, and what concerns them all."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from integrated_trading_system.config.base import Misfits, Settings
from integrated_trading_system.config.candles import CandleSettings
from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.config.http import HttpSettings
from integrated_trading_system.config.log import LogSettings
from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.config.outputs import OutputSettings
from integrated_trading_system.config.pms import PmsSettings
from integrated_trading_system.config.reliability import AlarmSettings, BreakerSettings, FailoverSettings
from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.config.simulation import PaperSettings, SimulationSettings
from integrated_trading_system.config.storage import StorageSettings
from integrated_trading_system.config.strategies import ComparisonSettings, StrategySettings
from integrated_trading_system.config.venues import VenueSettings, account_problems, fallback_problems
from integrated_trading_system.config.watchdog import WatchdogSettings
from integrated_trading_system.domain.ids import InstrumentId, symbol_of, venue_of


class Mode(StrEnum):
    """Where the market data comes from, and where the orders go."""

    DEV = "dev"
    """Simulated venues in this process."""
    PAPER = "paper"
    """Live market data, a simulated account."""
    SHADOW = "shadow"
    """Live market data, orders decided on, journaled, and never sent."""
    LIVE = "live"
    """Live market data, real orders."""


class PlatformSettings(Settings):
    """Everything that can be set."""

    mode: Mode = Field(
        Mode.DEV,
        description="dev: simulated venues; paper: live data, simulated account; shadow: live data, orders shown and"
        " never sent; live: real.",
    )
    seed: int = Field(7, ge=0, description="Of everything random in simulated venues and in reconnection jitter.")
    state_dir: Path = Field(Path("data"), description="Journal, lock, history and fills; one running instance each.")
    venues: dict[str, VenueSettings] = Field(description="By venue:flavour; what is connected and subscribed.")
    feed: FeedSettings = Field(default_factory=FeedSettings, description="Validation, books, synchronisation.")
    breaker: BreakerSettings = Field(default_factory=BreakerSettings, description="When a feed is unreliable.")
    failover: tuple[FailoverSettings, ...] = Field((), description="Prices that several sources stand in for.")
    alarms: AlarmSettings = Field(default_factory=AlarmSettings, description="Clocks and latency.")
    candles: CandleSettings = Field(default_factory=CandleSettings, description="Candles made from trades.")
    comparisons: tuple[ComparisonSettings, ...] = Field((), description="Which instruments may be compared.")
    strategies: tuple[StrategySettings, ...] = Field((), description="What decides.")
    risk: RiskSettings = Field(default_factory=RiskSettings, description="What is allowed.")
    oms: OmsSettings = Field(default_factory=OmsSettings, description="How orders are sent and followed.")
    pms: PmsSettings = Field(default_factory=PmsSettings, description="How positions are valued.")
    simulation: SimulationSettings = Field(default_factory=SimulationSettings, description="Dev mode's exchanges.")
    paper: PaperSettings = Field(default_factory=PaperSettings, description="The paper account.")
    storage: StorageSettings = Field(default_factory=StorageSettings, description="History.")
    outputs: OutputSettings = Field(default_factory=OutputSettings, description="What other programs are told.")
    http: HttpSettings = Field(default_factory=HttpSettings, description="Health and metrics.")
    log: LogSettings = Field(default_factory=LogSettings, description="What is logged, and where.")
    watchdog: WatchdogSettings = Field(
        default_factory=WatchdogSettings, description="The process that kills a run that hangs."
    )

    @model_validator(mode="after")
    def _refer_to_what_exists(self) -> Self:
        """Comparisons speak of configured venues, strategies of configured comparisons."""
        problems: list[tuple[tuple[str | int, ...], str]] = []
        for index, comparison in enumerate(self.comparisons):
            for place, member in enumerate(comparison.members):
                venue = venue_of(InstrumentId(member.instrument))
                if venue not in self.venues:
                    where = ("comparisons", index, "members", place)
                    problems.append((where, f"venue {venue!r} is not configured (venues: {', '.join(self.venues)})"))
        for index, group in enumerate(self.failover):
            for place, source in enumerate(group.sources):
                venue, symbol = venue_of(InstrumentId(source)), symbol_of(InstrumentId(source))
                where = ("failover", index, "sources", place)
                if venue not in self.venues:
                    problems.append((where, f"venue {venue!r} is not configured (venues: {', '.join(self.venues)})"))
                elif self.venues[venue].symbols and symbol not in self.venues[venue].symbols:
                    problems.append((where, f"{symbol!r} is not among the symbols of {venue}"))
        problems += fallback_problems(self.venues)
        problems += account_problems(self.venues, [strategy.accounts for strategy in self.strategies])
        names = [comparison.name for comparison in self.comparisons]
        for index, strategy in enumerate(self.strategies):
            if strategy.comparison not in names:
                problems.append(
                    (
                        ("strategies", index, "comparison"),
                        f"unknown comparison {strategy.comparison!r} (known: {', '.join(names)})",
                    )
                )
        if problems:
            raise Misfits(problems)
        return self
