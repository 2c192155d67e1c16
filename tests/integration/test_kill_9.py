"""The real process with real orders is killed at any moment, again and again: nothing is lost, nothing is doubled.

So many times as KILLS says (20); the moments come from KILLS_SEED (1). The exchanges run in this process, so
nothing that the platform does escapes them, and a kill can come in the very moment an order arrives.
"""

import asyncio
import os
import signal
import time
from collections import Counter as Count
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from msgspec import json

from integrated_trading_system.domain.ids import venue_of
from integrated_trading_system.drivers.journal import Journal
from integrated_trading_system.drivers.operator import Command, Request
from integrated_trading_system.oms.records import fills_of
from integrated_trading_system.orchestrator.commands.operating import ask
from integrated_trading_system.orchestrator.marks import read_halt
from integrated_trading_system.orchestrator.options import Exit
from tests.support.killed import Counter, Run, prepare, report, until
from tests.support.live import ACCOUNT
from tests.support.served import PATIENCE, ServedMarket

KILLS: Final = int(os.environ.get("KILLS", "20"))
SEED: Final = int(os.environ.get("KILLS_SEED", "1"))
VENUES: Final = ("binance:spot", "bybit:linear")
OFTEN_STARTED: Final = ("bybit:spot", "bybit:linear")
"""Limits by the second: on Binance, twenty starts in a minute use up what the minute allows, and the next one waits."""
STRATEGIES: Final[list[dict[str, Any]]] = [
    {"name": "arb-btc", "comparison": "btc", "settings": {"cool_down_ms": 0}},
    {"name": "resting", "comparison": "btc", "strategy": "ours:Resting"},
]
LEFT: Final[dict[str, Any]] = {
    "storage": {"enabled": False},
    "watchdog": {"on_death": "leave", "hang_ms": 20_000, "stacks_ms": 0},
}
"""Killed processes are started again at once, as by a supervisor; and a busy machine is no hang."""


class Exchanges:
    """Two of them, and every order that was ever asked for."""

    def __init__(self, *venues: str) -> None:
        self.placed: list[str] = []
        self.fronts: list[Counter] = []
        self.served = ServedMarket(*(venues or VENUES), account=ACCOUNT, front=self._front)

    def _front(self, dialect: Any) -> Counter:
        self.fronts.append(Counter(dialect, self.placed))
        return self.fronts[-1]

    @contextmanager
    def killing(self, run: Run, countdown: int, *, carried_out: bool) -> Iterator[None]:
        """Kill at so many orders from now: when it arrives, or when it was carried out and not answered yet."""
        left = countdown

        def arrived() -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                run.kill()

        for front in self.fronts:
            setattr(front, "after" if carried_out else "before", arrived)
        try:
            yield
        finally:
            for front in self.fronts:
                front.before = front.after = lambda: None

    def executions(self) -> Count[tuple[str, str, Decimal, Decimal]]:
        """Venue, client id, price, quantity."""
        return Count(
            (venue, each.client_id, each.price, each.quantity)
            for venue, account in self.served.accounts.items()
            for each in account.executions.values()
        )

    def open_orders(self) -> int:
        return sum(len(account.open) for account in self.served.accounts.values())


async def killed_once(exchanges: Exchanges, run: Run, random: Random) -> str:
    """Kill the run at a moment of this kind; which kind it was."""
    kind = random.choices(("starting", "order arrives", "order done", "running"), (2, 4, 4, 3))[0]
    if kind == "starting":
        await asyncio.sleep(random.uniform(0, 2.5))
        run.kill()
    elif kind == "running":
        await run.until_said("trading active")
        await asyncio.sleep(random.uniform(0, 1.0))
        run.kill()
    else:
        with exchanges.killing(run, random.randint(1, 6), carried_out=kind == "order done"):
            await run.until_gone(4.0)  # no order in this life: then killed as it waits for one
            run.kill()
    assert await run.ended() == -signal.SIGKILL, "".join(run.said)
    return kind


@pytest.mark.xdist_group("real time")
async def test_killed_at_any_moment_it_loses_no_fill_and_sends_no_order_twice(tmp_path: Path) -> None:
    random, began = Random(SEED), time.monotonic()
    exchanges, kinds, summary = Exchanges(*OFTEN_STARTED), Count[str](), tmp_path / "summary.json"
    async with exchanges.served as served:
        words = prepare(tmp_path, served, STRATEGIES, **LEFT)
        for _ in range(KILLS):
            kinds[await killed_once(exchanges, await Run(tmp_path, *words).start(), random)] += 1
        last = await Run(tmp_path, *words, "--summary", str(summary)).start()
        await last.until_said("trading active")
        before = len(exchanges.placed)
        await until(lambda: len(exchanges.placed) > before, "orders of the last run")
        await until_all_is_known(tmp_path / "state", last)
        assert await last.stop() == Exit.OK, "".join(last.said)
        check(exchanges, tmp_path / "state", json.decode(summary.read_bytes()))
    took = time.monotonic() - began
    report(
        f"{KILLS} kills ({dict(kinds)}) in {took:.0f} s: {len(exchanges.placed)} orders asked for,"
        f" {exchanges.executions().total()} executions, each in the journal once, 0 orders open"
    )


async def until_all_is_known(state: Path, run: Run) -> None:
    """As the running platform says; fails with what is not."""
    for _ in range(int(PATIENCE)):
        if int(ask(state, Request(Command.STATUS))["orders"]["unknown"]) == 0:
            return
        await asyncio.sleep(1.0)
    unknown = [order for order in ask(state, Request(Command.ORDERS))["orders"] if order["status"] == "unknown"]
    raise AssertionError(f"still unknown: {unknown} in {''.join(run.said[-60:])}")


def check(exchanges: Exchanges, state: Path, summary: dict[str, Any]) -> None:
    """What the exchanges know is what the journal knows, once."""
    assert [name for name, times in Count(exchanges.placed).items() if times > 1] == []
    assert exchanges.open_orders() == 0
    fills = fills_of(Journal.read(state / "journal"))
    assert len({(fill.instrument, fill.trade_id) for fill in fills}) == len(fills)
    booked = Count((venue_of(fill.instrument), fill.client_order_id, fill.price, fill.quantity) for fill in fills)
    assert booked == exchanges.executions()
    assert booked.total() > 0
    assert (summary["orders"]["open"], summary["orders"]["unknown"]) == (0, 0), summary["orders"]
    assert summary["ledger"]["external"] == {}
    for venue, account in exchanges.served.accounts.items():
        expected = {name: Decimal(str(held)) for name, held in summary["ledger"]["expected"][f"{venue}/main"].items()}
        assert expected == {name: account.wallets[name].free + account.wallets[name].locked for name in expected}


@pytest.mark.xdist_group("real time")
async def test_a_death_without_a_farewell_is_cancelled_after_and_trading_stays_halted(tmp_path: Path) -> None:
    """`on_death: cancel`, and nobody starts the platform again."""
    exchanges = Exchanges()
    async with exchanges.served as served:
        words = prepare(tmp_path, served, STRATEGIES[1:], watchdog={"hang_ms": 20_000})
        run = await Run(tmp_path, *words).start()
        await until(lambda: exchanges.open_orders() == 3 or run.process.returncode is not None, "resting orders")
        assert exchanges.open_orders() == 3, "".join(run.said)
        run.kill()
        log = tmp_path / "state" / "watchdog.log"
        await until(lambda: log.exists() and "recovered:" in log.read_text(), "the watchdog to recover")
        assert await run.ended() == -signal.SIGKILL
        assert exchanges.open_orders() == 0
        assert "died without a farewell" in (read_halt(tmp_path / "state") or "")
        told = [line.partition(" ")[2].split(":")[0] for line in log.read_text().splitlines() if "T" in line[:11]]
        assert told[-1] == "recovered"


@pytest.mark.xdist_group("real time")
@pytest.mark.parametrize("kind", ["once", "twice", "while it starts"])
async def test_asked_to_end_it_ends_in_order_and_the_watchdog_does_nothing(tmp_path: Path, kind: str) -> None:
    exchanges = Exchanges()
    async with exchanges.served as served:
        words = prepare(tmp_path, served, STRATEGIES, watchdog={"hang_ms": 20_000})
        run = await Run(tmp_path, *words).start()
        if kind == "while it starts":
            await until((tmp_path / "state" / "journal").exists, "the state to be taken")
        else:
            await until(lambda: exchanges.open_orders() >= 1, "resting orders")
        began = time.monotonic()
        run.process.send_signal(signal.SIGTERM)
        if kind == "twice":
            await asyncio.sleep(0.05)
            run.process.send_signal(signal.SIGTERM)
        code = await run.ended()
        report(f"SIGTERM {kind}: exit after {time.monotonic() - began:.1f} s")
        assert code == Exit.OK, "".join(run.said)
        assert exchanges.open_orders() == 0
        assert not (tmp_path / "state" / "watchdog.log").exists()
        assert read_halt(tmp_path / "state") is None
