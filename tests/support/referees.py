"""Simulated exchanges as processes on ports of their own, and clients nobody here wrote as other processes."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

from integrated_trading_system.orchestrator.signers import PASSPHRASE_VENUES

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "tests" / "referees" / "clients"
SEED = 7
QUIET = {"NO_PROXY": "*", "no_proxy": "*"}
"""No proxy may stand between a client and this machine."""
PATIENCE = 300
"""Seconds after which a client program that others wrote is taken to hang; far beyond what any machine needs."""


class Served:
    """An exchange in a process of its own. It starts at once; `place` waits until it is there."""

    def __init__(self, venue: str) -> None:
        name, _, flavour = venue.partition(":")
        words = [sys.executable, "-m", "integrated_trading_system", "exchange", "--venue", name, "--flavour", flavour]
        words += ["--port", "0", "--seed", str(SEED)]
        self._venue = venue
        self._process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def place(self) -> dict[str, Any]:
        """Its `venue` and `port`, and the `key`, `secret` and `password` (if it wants one) of its one account."""
        assert self._process.stdout is not None
        words = 5 if self._venue.partition(":")[0] in PASSPHRASE_VENUES else 4
        lines = [self._process.stdout.readline().split() for _ in range(words)]
        if not all(lines):
            raise AssertionError(f"{self._venue} did not start: {self._process.communicate()}")
        address, _, key, secret, *passphrase = lines
        port = int(address[-1].rpartition(":")[2])
        password = passphrase[0][1] if passphrase else ""
        return {"venue": self._venue, "port": port, "key": key[2], "secret": secret[1], "password": password}

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate()


def visit(python: Path, program: str, places: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a client program saw, by venue. Every place names its venue, and what the program wants to know.

    All processes start together: importing takes most of their time.
    """
    with ExitStack() as stack:
        exchanges = []
        for place in places:
            exchanges.append(Served(place["venue"]))
            stack.callback(exchanges[-1].stop)
        client = subprocess.Popen(
            [python, CLIENTS / program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**{name: value for name, value in os.environ.items() if "proxy" not in name.lower()}, **QUIET},
            text=True,
        )
        stack.callback(client.kill)
        asked = [{**place, **exchange.place()} for place, exchange in zip(places, exchanges, strict=True)]
        said, complaints = client.communicate(json.dumps(asked), timeout=PATIENCE)
    if client.returncode:
        raise AssertionError(f"{program} ended with {client.returncode}\n{complaints}")
    seen: dict[str, Any] = json.loads(said)
    return seen


def decimal(value: Any) -> Decimal:
    """Of a number as a client gave it: text, or a float that prints as it was written."""
    return Decimal(str(value))


def levels(rows: Sequence[Sequence[Any]]) -> list[tuple[Decimal, Decimal]]:
    """A side of a book, as numbers."""
    return [(decimal(row[0]), decimal(row[1])) for row in rows]
