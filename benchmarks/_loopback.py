"""Start the exchanges of `_exchanges.py`, and programs that trade on them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import _bench


@contextmanager
def exchanges(folder: Path) -> Iterator[list[str]]:
    """Both, as long as this lasts; the accounts that `--confirm-live` would name."""
    command = [sys.executable, str(_bench.ROOT / "benchmarks" / "_exchanges.py"), str(folder)]
    environment = {"PYTHONPATH": str(_bench.ROOT)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_bench.ROOT, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        accounts = json.loads(process.stdout.readline() or "[]")
        if not accounts:
            raise SystemExit("the simulated exchanges did not start")
        try:
            yield accounts
        finally:
            process.stdin.close()


def measured(program: str, *arguments: str) -> Any:
    """What the program prints as JSON, as its last line."""
    command = [sys.executable, str(_bench.ROOT / "benchmarks" / program), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=_bench.ROOT, check=False)
    if done.returncode:
        raise SystemExit(f"{program} ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])
