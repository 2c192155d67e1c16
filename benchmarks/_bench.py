"""What all benchmarks share: their arguments, medians of interleaved rounds, and how results are shown."""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

Row = Sequence[str | float]


def arguments(description: str | None) -> argparse.Namespace:
    """`--json FILE` and `--quick`, for every program."""
    parser = argparse.ArgumentParser(description=(description or "").strip().splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE as well")
    parser.add_argument("--quick", action="store_true", help="smallest size: shows that it runs, not how fast")
    return parser.parse_args()


def recordings() -> Path:
    """The folder of real captures."""
    folder = Path(os.environ.get("ITS_RECORDINGS") or ROOT.parent / "shared" / "recordings")
    if not folder.is_dir():
        raise SystemExit(f"there are no recordings in {folder}; set ITS_RECORDINGS")
    return folder


def cpu_us(work: Callable[[], object], count: int) -> float:
    """CPU microseconds per item of one call that handles `count` of them."""
    began = time.process_time()
    work()
    return (time.process_time() - began) / count * 1e6


def interleaved(rounds: int, contestants: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Each contestant's figure of every round; a round asks all of them in turn. One round before is thrown away."""
    figures: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, run in contestants.items():
            figure = run()
            if turn:
                figures[name].append(figure)
    return figures


def noise(figures: Sequence[float]) -> float:
    """How far the rounds lie apart: (max - min) / median."""
    return (max(figures) - min(figures)) / median(figures)


def show(title: str, head: Sequence[str], rows: Sequence[Row]) -> None:
    """A table on standard output."""
    text = [head, *([cell if isinstance(cell, str) else f"{cell:,.2f}" for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in text) for column in range(len(head))]
    print(f"\n{title}")
    for row in text:
        first, *rest = (
            cell.ljust(width) if not at else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  " + "  ".join([first, *rest]).rstrip())


def finish(options: argparse.Namespace, result: Mapping[str, Any], python: str = platform.python_version()) -> None:
    """Say on what it was measured, and write the file that was asked for. `python`: of what was measured."""
    where = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {processor()}",
        "python": python,
        "load": os.getloadavg()[0],
    }
    print(f"\n  {where['date']}, {where['machine']}, Python {where['python']}, load {where['load']:.1f}")
    if options.json:
        options.json.write_text(json.dumps({**where, "quick": options.quick, **result}, indent=2) + "\n")


def processor() -> str:
    """The processor's name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "processor unknown"
