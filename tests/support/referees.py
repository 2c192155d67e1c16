"""Simulated exchanges as processes on ports of their own, and clients nobody here wrote as other processes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "tests" / "referees" / "clients"
SEED = 7
QUIET = {"NO_PROXY": "*", "no_proxy": "*"}
"""No proxy may stand between a client and this machine."""


@contextmanager
def served(venue: str) -> Iterator[dict[str, Any]]:
    """A running exchange: its `port`, and the `key` and `secret` of its one account."""
    name, _, flavour = venue.partition(":")
    words = [sys.executable, "-m", "integrated_trading_system", "exchange", "--venue", name, "--flavour", flavour]
    process = subprocess.Popen(
        [*words, "--port", "0", "--seed", str(SEED)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        address, key, secret = (process.stdout.readline().split() for _ in range(3))
        if not secret:
            raise AssertionError(f"{venue} did not start: {process.stderr.read()}")
        port = int(address[-1].rpartition(":")[2])
        yield {"venue": venue, "port": port, "key": key[2], "secret": secret[1], "other_secret": secret[1][::-1]}
    finally:
        process.terminate()
        process.communicate()


def visit(python: Path, program: str, places: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a client program saw, by venue. Every place names its venue, and what the program wants to know."""
    with ExitStack() as stack:
        asked = [{**place, **stack.enter_context(served(place["venue"]))} for place in places]
        done = subprocess.run(
            [python, CLIENTS / program],
            input=json.dumps(asked),
            env={**{name: value for name, value in os.environ.items() if "proxy" not in name.lower()}, **QUIET},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise AssertionError(f"{program} ended with {done.returncode}\n{done.stderr}")
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def decimal(value: Any) -> Decimal:
    """Of a number as a client gave it: text, or a float that prints as it was written."""
    return Decimal(str(value))


def levels(rows: Sequence[Sequence[Any]]) -> list[tuple[Decimal, Decimal]]:
    """A side of a book, as numbers."""
    return [(decimal(row[0]), decimal(row[1])) for row in rows]
