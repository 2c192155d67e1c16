"""The real process, trading with real orders against exchanges in this process, and whatever ends it."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from msgspec import json
from ruamel.yaml import YAML

from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialect import Dialect, ServerReply, ServerRequest
from tests.support.live import Overheard, confirmed, live_settings
from tests.support.served import PATIENCE, ROOT, STEP, ServedMarket, until

__all__ = ["HANGS", "RESTING", "Counter", "Run", "prepare", "report", "until"]

PLACED: Final = re.compile(r"(?:newClientOrderId=|\"orderLinkId\":\s*\")([A-Za-z0-9_-]+)")

RESTING: Final = '''
from decimal import Decimal

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.money import from_float
from integrated_trading_system.domain.order import Side, TimeInForce
from integrated_trading_system.strategies.strategy import Strategy


class Resting(Strategy):
    """Three bids at a time, one percent below the market, where nobody trades with them."""

    bids_open = 0

    def on_snapshot(self, snapshot):
        if self.trading is not TradingState.ACTIVE or self.bids_open >= 3:
            return
        quote = snapshot.quotes[self.bids_open % len(snapshot.quotes)]
        price = self.instruments[quote.instrument].round_price(from_float(quote.bid) * Decimal("0.99"), Side.BUY)
        self.bids_open += 1
        self.propose(
            self.order(quote.instrument, Side.BUY, Decimal("0.01"), price, time_in_force=TimeInForce.GTC)
        )

    def on_plan_finished(self, finished):
        self.bids_open -= 1

    def on_plan_denied(self, denied):
        self.bids_open -= 1
'''

HANGS: Final = '''
import os

from integrated_trading_system.domain.health import TradingState
from ours import Resting


class Hangs(Resting):
    """Rests its bids, and once the file is there, never comes back."""

    def on_snapshot(self, snapshot):
        super().on_snapshot(snapshot)
        while os.path.exists(os.environ["HANG_WHEN"]):
            pass
'''


def report(text: str) -> None:
    """A figure for whoever reads the output of the suite."""
    sys.stdout.write(f"\n{text}\n")


class Counter(Overheard):
    """In front of a dialect: notes the client id of every order that is asked for, and tells whoever waits for one."""

    def __init__(self, dialect: Dialect, placed: list[str]) -> None:
        super().__init__(dialect, [])
        self._placed = placed
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def http(self, request: ServerRequest, now: Nanos) -> ServerReply:
        self._said.clear()
        found = None
        if request.method == "POST" and request.path.rpartition("/")[2] in ("order", "create"):
            found = PLACED.search(request.query + request.body.decode())
        if found is not None:
            self._placed.append(found[1])
            self.before()
        reply = super().http(request, now)
        if found is not None:
            self.after()
        return reply


class Run:
    """One life of the process."""

    def __init__(self, folder: Path, *words: str, **environment: str) -> None:
        """`folder` is where `prepare` was."""
        self._folder = folder
        self._words = words
        self._environment = {**os.environ, "PYTHONPATH": str(folder), **environment}
        self.process: Process
        self.said: list[str] = []
        self._listening: asyncio.Task[None]

    async def start(self) -> "Run":
        """Spawned, no more."""
        program = (sys.executable, "-m", "integrated_trading_system", "run", "--no-ui", "--log-level", "INFO")
        words = ("--config", str(self._folder / "live.yaml"), *self._words)
        self.process = await asyncio.create_subprocess_exec(
            *program, *words, cwd=ROOT, env=self._environment, stdout=PIPE, stderr=asyncio.subprocess.STDOUT
        )
        self._listening = asyncio.create_task(self._listen())
        return self

    async def _listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.said.append(line.decode())

    def has_said(self, words: str) -> bool:
        return any(words in line for line in self.said)

    async def until_said(self, words: str) -> None:
        """Fails with all that was said instead."""
        for _ in range(int(PATIENCE / STEP)):
            if self.has_said(words):
                return
            assert self.process.returncode is None, f"it ended before it said {words!r}: {''.join(self.said)}"
            await asyncio.sleep(STEP)
        raise AssertionError(f"it never said {words!r}: {''.join(self.said)}")

    async def until_gone(self, seconds: float) -> None:
        """Whatever ends it; but no longer than this."""
        for _ in range(int(seconds / STEP)):
            if self.process.returncode is not None:
                return
            await asyncio.sleep(STEP)

    def kill(self) -> None:
        """By SIGKILL."""
        if self.process.returncode is None:
            self.process.kill()

    async def ended(self) -> int:
        code = await asyncio.wait_for(self.process.wait(), PATIENCE)
        await asyncio.wait_for(self._listening, PATIENCE)
        return code

    async def stop(self) -> int:
        """As an operator does."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()


def prepare(folder: Path, served: ServedMarket, strategies: list[dict[str, Any]], **changes: Any) -> tuple[str, ...]:
    """Write the configuration of a run with real orders; the words that confirm them."""
    settings = live_settings(folder, served, strategies=strategies, **changes)
    with (folder / "live.yaml").open("w") as file:
        YAML().dump(json.decode(settings.model_dump_json(exclude_unset=True)), file)
    for name, venue in settings.venues.items():
        assert venue.api_key is not None, name
    text = (folder / "live.yaml").read_text()
    for venue in settings.venues.values():
        assert venue.api_key is not None
        assert venue.api_secret is not None
        text = text.replace("api_key: '**********'", f"api_key: {venue.api_key.get_secret_value()}", 1)
        text = text.replace("api_secret: '**********'", f"api_secret: {venue.api_secret.get_secret_value()}", 1)
    (folder / "live.yaml").write_text(text)
    (folder / "ours.py").write_text(RESTING)
    (folder / "hangs.py").write_text(HANGS)
    return ("--confirm-live", ",".join(confirmed(served)))
