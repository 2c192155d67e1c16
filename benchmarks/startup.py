"""From the start of the process to the first synchronised snapshot, in dev mode: simulated venues, one process.

Wall time, because that is what somebody waits for: interpreter, imports, configuration, journal, wiring, listing of
instruments, connecting, subscribing, books, and the simulated network's delays. HTTP server off, log at ERROR.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import _bench

PROGRAM = Path(__file__).with_name("_first_snapshot.py")


def once() -> tuple[float, float]:
    """Wall and CPU seconds until the snapshot."""
    with tempfile.TemporaryDirectory() as state:
        began = time.perf_counter()
        command = [sys.executable, str(PROGRAM), state]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=_bench.ROOT, text=True) as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            wall = time.perf_counter() - began
        if not line:
            raise SystemExit(f"{PROGRAM.name} ended without a snapshot, exit code {process.returncode}")
    return wall, float(line)


def main() -> None:
    options = _bench.arguments(__doc__)
    if not options.quick:
        once()  # fills the caches of the disk and of compiled modules
    runs = [once() for _ in range(1 if options.quick else 5)]
    walls, cpus = zip(*runs, strict=True)
    _bench.show(
        f"start to first synchronised snapshot, {len(runs)} runs",
        ("", "median s", "best s", "noise"),
        [
            ("wall", median(walls), min(walls), _bench.noise(walls)),
            ("CPU", median(cpus), min(cpus), _bench.noise(cpus)),
        ],
    )
    _bench.finish(options, {"wall_s": median(walls), "cpu_s": median(cpus), "walls_s": walls})


if __name__ == "__main__":
    main()
