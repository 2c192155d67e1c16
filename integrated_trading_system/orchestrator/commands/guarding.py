"""What the watchdog of a run is told: which files, and by which commands what is open is cancelled."""

import sys
from typing import Final

from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.config.watchdog import OnDeath
from integrated_trading_system.drivers.guard import Guard
from integrated_trading_system.drivers.lock import LOCK
from integrated_trading_system.drivers.operator import Command
from integrated_trading_system.drivers.watchdog import Task
from integrated_trading_system.orchestrator.commands.cli_recover import RECOVER
from integrated_trading_system.orchestrator.marks import HALTED
from integrated_trading_system.orchestrator.options import RunOptions

WATCHDOG_LOG: Final = "watchdog.log"
STACKS: Final = "hang.txt"
END_SECONDS: Final = 20.0
"""What a command may take beyond its own timeout, to start and to end; then it is killed."""


def guard_of(settings: PlatformSettings, options: RunOptions, pid: int) -> Guard | None:
    """The guard of this run, not started yet; None where it was switched off."""
    of, folder = settings.watchdog, settings.state_dir.resolve()
    if not of.enabled:
        return None
    real = settings.mode is Mode.LIVE  # simulated orders die with the process
    task = Task(
        pid=pid,
        hang_seconds=of.hang_ms / 1_000,
        halted=str(folder / HALTED),
        lock=str(folder / LOCK),
        log=str(folder / WATCHDOG_LOG),
        recover=[*_program(), RECOVER, *_configured(options), "--timeout", f"{of.recover_s:g}"] if real else [],
        halt=[*_program(), Command.HALT.value, "--state-dir", str(folder)],
        cancel_on_death=of.on_death is OnDeath.CANCEL and real,
        command_seconds=of.recover_s + END_SECONDS,
        attempts_max=of.attempts_max,
    )
    return Guard(
        task,
        restarts_per_minute_max=of.restarts_per_minute_max,
        stacks=folder / STACKS if of.stacks_ms else None,
        stacks_seconds=of.stacks_ms / 1_000,
    )


def _program() -> list[str]:
    return [sys.executable, "-m", "integrated_trading_system"]


def _configured(options: RunOptions) -> list[str]:
    """The options with which a command reads the same configuration as the run."""
    overrides = list(options.overrides)
    if options.seed is not None:
        overrides.append(f"seed={options.seed}")
    words = [] if options.config is None else ["--config", options.config]
    for override in overrides:
        words += ["--set", override]
    return words
