"""The command `simulate`: a campaign of seeds, told as it goes, summed up at the end."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.orchestrator.campaign.campaign import Summary, Task, run_campaign, tasks_of
from integrated_trading_system.orchestrator.options import Exit
from integrated_trading_system.simulation.campaign.violation import Violation

TOLD: Final = 10
"""So many violations are told in full; all of them are in the summary."""


@dataclass(frozen=True)
class SimulateOptions:
    """Options of `simulate`."""

    first: int
    last: int
    """Included."""
    seconds: float
    crash_points: int = 0
    crash_at: tuple[int, ...] = ()
    jobs: int = 1
    summary: Path | None = None


def simulate(options: SimulateOptions) -> Exit:
    """Run it; 1 when something does not hold, or a fault never had its effect. Raises ConfigurationError."""
    _check(options)
    tasks = tuple(tasks_of(options.first, options.last, options.seconds, options.crash_points))
    if options.crash_at:
        tasks = (Task(seed=options.first, seconds=options.seconds, crash_at=options.crash_at),)
    began = time.monotonic()
    summary = run_campaign(tasks, options.jobs, _Progress(len(tasks)))
    seconds = time.monotonic() - began
    for violation in summary.violations[:TOLD]:
        sys.stdout.write(_told(violation))
    for problem in summary.unexercised if summary.judged else ():
        sys.stdout.write(f"not exercised: {problem}\n")
    sys.stdout.write(_total(summary, seconds))
    if options.summary is not None:
        _write(options.summary, summary)
    return Exit.UNFORESEEN if summary.failed else Exit.OK


def _check(options: SimulateOptions) -> None:
    if options.last < options.first:
        raise ConfigurationError(f"--seeds {options.first}..{options.last}: the last is before the first")
    if options.crash_at and options.first != options.last:
        raise ConfigurationError("--crash-at is of one seed: --seeds N..N")


class _Progress:
    """One line that is written over; where nobody watches, one line now and then. A violation is named at once."""

    def __init__(self, seeds: int) -> None:
        """Of so many."""
        self._seeds = seeds
        self._watched = sys.stderr.isatty()
        self._every = 1 if self._watched else max(seeds // 10, 1)
        self._violations = 0

    def __call__(self, summary: Summary) -> None:
        """Another seed is done."""
        for violation in summary.violations[self._violations :]:
            sys.stderr.write(f"{violation.invariant} does not hold: {violation.replay}\n")
        self._violations = len(summary.violations)
        if summary.seeds % self._every and summary.seeds != self._seeds:
            return
        line = (
            f"{summary.seeds}/{self._seeds} seeds, {summary.crash_points} crash points, {summary.orders} orders, "
            f"{len(summary.violations)} violations"
        )
        end = "\r" if self._watched and summary.seeds != self._seeds else "\n"
        sys.stderr.write(line + end)
        sys.stderr.flush()


def _told(violation: Violation) -> str:
    where = f"life {violation.life}, {violation.at_s:.6f} s"
    lines = [
        f"seed {violation.seed}: {violation.invariant} does not hold, {where}: {violation.what}",
        *(f"    {event}" for event in violation.events),
        f"    again: {violation.replay}",
    ]
    return "\n".join(lines) + "\n"


def _total(summary: Summary, seconds: float) -> str:
    return (
        f"{summary.seeds} seeds, {summary.trials} runs, {summary.crash_points} crash points, "
        f"{summary.simulated_hours:.2f} simulated hours, {summary.orders} orders, "
        f"{sum(summary.faults.values())} faults of {len(summary.faults)} kinds, {len(summary.violations)} violations"
        f" in {seconds:.1f} s ({summary.seeds / seconds:.1f} seeds/s, {summary.trials / seconds:.1f} runs/s)\n"
    )


def _write(path: Path, summary: Summary) -> None:
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
