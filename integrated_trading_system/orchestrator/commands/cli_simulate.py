"""The command `simulate` on the command line: which seeds, how long, killed how often."""

import argparse
import os
import re
from pathlib import Path
from typing import Any, Final

from integrated_trading_system.orchestrator.options import Exit

SIMULATE: Final = "simulate"
SECONDS: Final = 6.0
"""Virtual seconds of each seed during which things go wrong."""


def add_simulate_command(commands: Any) -> None:
    """Among the others."""
    about = "live through many seeds of simulated trouble, and check at every step that nothing is lost"
    parser: argparse.ArgumentParser = commands.add_parser(SIMULATE, help=about, description=f"{about}.")
    parser.add_argument(
        "--core", action="store_true", required=True, help="the synchronous core in virtual time: what there is so far"
    )
    parser.add_argument("--seeds", type=_seeds, default=(0, 99), metavar="A..B", help="both included; default 0..99")
    parser.add_argument(
        "--seconds", type=_seconds, default=SECONDS, metavar="S", help="virtual, of each seed; default 6"
    )
    parser.add_argument(
        "--crash-points",
        type=_count,
        default=0,
        metavar="N",
        help="kill the core at so many boundaries, over all seeds",
    )
    parser.add_argument(
        "--crash-at", type=_numbers, default=(), metavar="K,..", help="of one seed: kill it at these boundaries only"
    )
    parser.add_argument(
        "--jobs", type=_positive, default=os.cpu_count() or 1, metavar="N", help="processes; default one a core"
    )
    parser.add_argument("--summary", type=Path, metavar="FILE.json", help="write what came of it as JSON")


def run_simulate_command(parsed: argparse.Namespace) -> Exit:
    """As it was asked for."""
    from integrated_trading_system.orchestrator.commands.simulating import SimulateOptions, simulate

    first, last = parsed.seeds
    options = SimulateOptions(
        first=first,
        last=last,
        seconds=parsed.seconds,
        crash_points=parsed.crash_points,
        crash_at=parsed.crash_at,
        jobs=parsed.jobs,
        summary=parsed.summary,
    )
    return simulate(options)


def _seeds(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,12})(?:\.\.(\d{1,12}))?", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected A..B, not {text}")
    return int(found[1]), int(found[2] or found[1])


def _seconds(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 86_400:
        raise argparse.ArgumentTypeError(f"expected 1 to 86400 seconds, not {text}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a count, not {text}")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, not {text}")
    return value


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(_count(word) for word in text.split(",") if word.strip())
