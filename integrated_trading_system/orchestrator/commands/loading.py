"""The `load` command: candles and funding rates of the past into the database, and nothing else."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TextIO

import uvloop
from rich.console import Console
from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from integrated_trading_system.config.load import find, load
from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.errors import ConfigurationError, HistoryIncomplete
from integrated_trading_system.domain.history import HistoryKind
from integrated_trading_system.domain.ids import InstrumentId, VenueId, instrument_id
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers.storage.past import Wanted
from integrated_trading_system.orchestrator.history_loader import HistoryLoader, Loaded, Progress, of_days
from integrated_trading_system.orchestrator.options import LISTENING_CONFIG, Exit
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.orchestrator.shown.report import say
from integrated_trading_system.venues import catalog

AT_ONCE: Final = 4
"""Symbols; the venue's rate limits are shared by all of them."""
LINES: Final = 10
"""Of progress for a symbol, where there is no bar."""


@dataclass(frozen=True)
class LoadOptions:
    """What was asked for."""

    venue: str
    symbols: tuple[str, ...]
    interval: str
    days: float
    kind: HistoryKind
    config: str | None = None
    overrides: tuple[str, ...] = ()
    log_level: str | None = None

    def settings(self) -> PlatformSettings:
        """The configuration with this one venue, nothing that trades, and the database. Raises ConfigurationError."""
        overrides = ["log.level=WARNING", *self.overrides]
        if self.log_level is not None:
            overrides.append(f"log.level={self.log_level}")
        settings = load(PlatformSettings, find(self.config or LISTENING_CONFIG), overrides)
        if not (settings.storage.enabled and settings.feed.enable_historical_storage):
            raise ConfigurationError("there is nothing to load into: storage.enabled or the feed's switch is false")
        if not self.symbols:
            raise ConfigurationError("--symbols names nothing, as in --symbols BTCUSDT,ETHUSDT")
        venue = catalog.resolve(self.venue)
        known = {catalog.resolve(name): of for name, of in settings.venues.items()}
        own = known.get(venue, VenueSettings())
        used = {"enabled": True, "on_demand": True, "symbols": self.symbols, "fallback": None}
        return settings.model_copy(
            update={
                "venues": {str(venue): own.model_copy(update=used)},
                "comparisons": (),
                "strategies": (),
                "failover": (),
                "storage": settings.storage.model_copy(update={"only_loaded": True}),
                "http": settings.http.model_copy(update={"enabled": False}),
            }
        )


class Shown(Protocol):
    """What people see meanwhile."""

    def show(self, progress: Progress) -> None:
        """One load is so far."""

    def close(self) -> None:
        """Everything is over."""


class ShownAsBars:
    """One bar for each symbol."""

    def __init__(self, console: Console | None = None) -> None:
        """On standard output unless told otherwise."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rows]}"),
        )
        self._bars = Bars(*columns, TimeRemainingColumn(), console=console or Console())
        self._tasks: dict[InstrumentId, TaskID] = {}
        self._bars.start()

    def show(self, progress: Progress) -> None:
        """Move its bar."""
        instrument = progress.wanted.instrument
        if instrument not in self._tasks:
            self._tasks[instrument] = self._bars.add_task(instrument, total=1.0, rows="")
        self._bars.update(self._tasks[instrument], completed=progress.part, rows=f"{progress.rows:,} rows")

    def close(self) -> None:
        """Leave the bars as they are."""
        self._bars.stop()


class ShownAsLines:
    """A line for every tenth, where nobody sees bars."""

    def __init__(self, out: TextIO | None = None) -> None:
        """To standard output unless told otherwise."""
        self._out = out
        self._told: dict[InstrumentId, int] = {}

    def show(self, progress: Progress) -> None:
        """A line, if there is enough new to tell."""
        instrument, tenths = progress.wanted.instrument, int(progress.part * LINES)
        if tenths > self._told.get(instrument, -1):
            self._told[instrument] = tenths
            out = self._out or sys.stdout
            say(f"{instrument:<28}{progress.part:4.0%}  {progress.rows} rows", out)
            out.flush()

    def close(self) -> None:
        """Nothing is left to say."""


def load_history(options: LoadOptions) -> Exit:
    """Load; the exit code. Raises ConfigurationError, Refused as the platform's start does."""
    settings = options.settings()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_load(settings, options))


async def _load(settings: PlatformSettings, options: LoadOptions) -> Exit:
    orchestrator = Orchestrator(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, orchestrator.request_stop)
    await orchestrator.start()
    begun = orchestrator.now()
    shown: Shown = ShownAsBars() if sys.stdout.isatty() else ShownAsLines()
    try:
        found = await _all(orchestrator, _wanted(options, VenueId(*settings.venues), begun), shown)
    finally:
        seconds = (orchestrator.now() - begun) / SECOND
        shown.close()
        await orchestrator.stop()
    _summary(found, seconds, settings.storage.path or settings.state_dir / "market_data.db")
    return Exit.OK if all(isinstance(one, Loaded) for one in found.values()) else Exit.UNFORESEEN


def _wanted(options: LoadOptions, venue: VenueId, now: Nanos) -> list[Wanted]:
    instruments = dict.fromkeys(instrument_id(venue, symbol) for symbol in options.symbols)
    return [of_days(instrument, options.kind, options.interval, options.days, now) for instrument in instruments]


async def _all(
    orchestrator: Orchestrator, wanted: list[Wanted], shown: Shown
) -> Mapping[InstrumentId, Loaded | HistoryIncomplete]:
    """What became of each; one that fails does not end the others."""
    loader, few = HistoryLoader(orchestrator), asyncio.Semaphore(AT_ONCE)
    found: dict[InstrumentId, Loaded | HistoryIncomplete] = {}

    async def one(of: Wanted) -> None:
        async with few:
            try:
                found[of.instrument] = await loader.load(of, shown.show)
            except HistoryIncomplete as error:
                found[of.instrument] = error

    async with asyncio.TaskGroup() as group:
        for of in wanted:
            group.create_task(one(of))
    return {of.instrument: found[of.instrument] for of in wanted}


def _summary(found: Mapping[InstrumentId, Loaded | HistoryIncomplete], seconds: float, path: Path) -> None:
    for instrument, one in found.items():
        if isinstance(one, Loaded):
            say(f"{instrument:<28}{one.already + one.rows} rows: {one.already} already there, {one.rows} loaded")
        else:
            say(f"INCOMPLETE     {one}")
    say(f"took           {seconds:.1f} s")
    say(f"history        {path}")
