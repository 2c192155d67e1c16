"""Operator commands, as they are typed beside a platform that runs in a process of its own."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integrated_trading_system.domain.errors import PlatformError, Refused
from integrated_trading_system.domain.order import Side
from integrated_trading_system.drivers.audit import AUDIT, verify
from integrated_trading_system.drivers.lock import StateLock
from integrated_trading_system.drivers.operator import SOCKET, Command, Request, address
from integrated_trading_system.orchestrator.commands.cli import main
from integrated_trading_system.orchestrator.commands.operating import ask
from integrated_trading_system.orchestrator.marks import HALTED
from integrated_trading_system.orchestrator.options import Exit
from integrated_trading_system.simulation.exchange.orders import NewOrder
from tests.support.killed import Run, prepare
from tests.support.live import ACCOUNT
from tests.support.served import PATIENCE, ROOT, ServedMarket

BY_HAND = NewOrder(symbol="BTCUSDT", side=Side.BUY, quantity=Decimal(1), price=Decimal(60_000), client_id="by-hand")

PATIENT = '''
from decimal import Decimal

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.money import from_float
from integrated_trading_system.domain.order import Side, TimeInForce
from integrated_trading_system.strategies.strategy import Strategy


class Patient(Strategy):
    """Three bids at a time, one percent below the market, where nobody trades with them."""

    out = 0

    def on_snapshot(self, snapshot):
        if self.trading is not TradingState.ACTIVE or self.out >= 3:
            return
        quote = snapshot.quotes[0]
        price = self.instruments[quote.instrument].round_price(from_float(quote.bid) * Decimal("0.99"), Side.BUY)
        self.out += 1
        self.propose(
            self.order(quote.instrument, Side.BUY, Decimal("0.01"), price, time_in_force=TimeInForce.GTC)
        )

    def on_plan_finished(self, finished):
        self.out -= 1

    def on_plan_denied(self, denied):
        self.out -= 1
'''

CONFIG = """
mode: dev
state_dir: {folder}
venues:
  binance:spot: {{symbols: [BTCUSDT]}}
  bybit:linear: {{symbols: [BTCUSDT], taker_fee_bps: "5.5"}}
comparisons:
  - {{name: btc, currency: USDT, members: [binance:spot:BTCUSDT, bybit:linear:BTCUSDT]}}
strategies:
  - {{name: arb, strategy: arbitrage, comparison: btc}}
  - {{name: patient, strategy: "patient:Patient", comparison: btc}}
simulation: {{dislocation_every_s: 0.5, dislocation_bps: 60}}
storage: {{enabled: false}}
http: {{enabled: false}}
"""


def until(condition: Callable[[], bool], what: str) -> None:
    """Ask again and again; fails with `what` was waited for."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.05)


class Instance:
    """A platform in a process of its own."""

    def __init__(self, place: Path) -> None:
        self.folder = place / "state"
        self.config = place / "own.yaml"
        self.config.write_text(CONFIG.format(folder=self.folder))
        (place / "patient.py").write_text(PATIENT)
        words = [sys.executable, "-m", "integrated_trading_system", "--config", str(self.config), "--no-ui"]
        environment = {**os.environ, "PYTHONPATH": str(place)}
        self._log = (place / "log").open("w+")
        self.process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=self._log, stderr=self._log)
        until(lambda: self.process.poll() is not None or self.submitted() > 0, "the first orders")

    def ask(self, command: Command, reason: str = "") -> Any:
        answer = ask(self.folder, Request(command, reason))
        assert answer["ok"], answer
        return answer

    def submitted(self) -> int:
        """Orders that were handed out for sending; 0 while nobody answers."""
        try:
            return int(self.ask(Command.STATUS)["orders"]["submitted"])
        except (Refused, PlatformError):
            return 0

    def trades_again(self) -> None:
        self.ask(Command.RESUME)
        before = self.submitted()
        until(lambda: self.submitted() > before, "orders after the resume")

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self._log.close()
        return code

    def log(self) -> str:
        return Path(self._log.name).read_text()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    instance = Instance(tmp_path_factory.mktemp("operated"))
    yield instance
    instance.end()


@pytest.fixture
def active(running: Instance) -> Instance:
    running.ask(Command.RESUME)
    return running


# -- while it runs ---------------------------------------------------------------------------------


def test_status_tells_what_it_does(active: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--config", str(active.config)]) == Exit.OK
    shown = capsys.readouterr().out
    assert "trading   active" in shown
    assert f"run 1, process {active.process.pid}, {active.folder}" in shown


def test_json_is_one_object_for_programs(active: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json", "--set", f"state_dir={active.folder}"]) == Exit.OK
    status = msgspec.json.decode(capsys.readouterr().out)
    assert (status["trading"], status["mode"], status["pid"]) == ("active", "dev", active.process.pid)


def test_after_a_halt_no_order_leaves_until_somebody_resumes(
    active: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--state-dir", str(active.folder)]
    assert main(["halt", "--reason", "prices look strange", *at]) == Exit.OK
    assert "trading halted: prices look strange (by operator, uid" in capsys.readouterr().out
    assert (active.folder / HALTED).read_text().startswith("prices look strange")
    until(lambda: active.ask(Command.STATUS)["orders"]["open"] == 0, "open orders cancelled")
    halted = active.ask(Command.STATUS)
    until(lambda: active.ask(Command.STATUS)["uptime_seconds"] > halted["uptime_seconds"] + 1.5, "time to pass")
    assert active.submitted() == halted["orders"]["submitted"]
    assert main(["resume", *at]) == Exit.OK
    assert capsys.readouterr().out == "trading active\n"
    assert not (active.folder / HALTED).exists()
    until(lambda: active.submitted() > halted["orders"]["submitted"], "orders again")


def test_reduce_restricts_until_somebody_resumes(active: Instance) -> None:
    assert active.ask(Command.REDUCE, "end of the day")["trading"] == "reducing"
    assert "end of the day" in active.ask(Command.STATUS)["reason"]
    active.trades_again()


def test_orders_shows_what_rests_and_cancel_all_takes_it_away(
    active: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    until(lambda: len(resting(active)) == 3, "three bids resting")
    before = resting(active)
    assert {(row["side"], row["time_in_force"], row["filled"]) for row in before.values()} == {("buy", "gtc", "0")}
    assert main(["orders", "--state-dir", str(active.folder)]) == Exit.OK
    shown = capsys.readouterr().out
    assert all(name in shown for name in before)
    assert main(["cancel-all", "--state-dir", str(active.folder)]) == Exit.OK
    assert "of them are not any more" in capsys.readouterr().out
    assert not resting(active).keys() & before.keys()
    assert active.ask(Command.STATUS)["trading"] == "active"
    until(lambda: len(resting(active)) == 3, "new bids: trading goes on")


def resting(instance: Instance) -> dict[str, Any]:
    rows = instance.ask(Command.ORDERS)["orders"]
    return {row["client_order_id"]: row for row in rows if row["strategy"] == "patient" and row["status"] == "working"}


@pytest.mark.xdist_group("real time")
async def test_orders_of_others_are_shown_count_as_exposure_and_go_only_on_demand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    venue, folder = "binance:spot", tmp_path / "state"
    async with ServedMarket(venue, "bybit:linear", account=ACCOUNT) as served:
        words = prepare(tmp_path, served, [{"name": "resting", "comparison": "btc", "strategy": "ours:Resting"}])
        run = await Run(tmp_path, *words).start()
        exchange, account = served.exchanges[venue], served.accounts[venue]

        async def command(*typed: str) -> str:
            """In a thread: the venues answer on this one."""
            assert await asyncio.to_thread(main, [*typed, "--state-dir", str(folder)]) == Exit.OK
            return capsys.readouterr().out

        async def status() -> dict[str, Any]:
            return dict(msgspec.json.decode(await command("status", "--json")))

        def by_hand() -> int:
            return sum(order.client_id == "by-hand" for order in account.open.values())

        async def seen(count: int, more_than: int, less_than: int) -> None:
            """So many orders of others, and between these so much exposure; the bids are worth 2,000 at most."""
            while (told := await status())["external_open"] != count or not (
                more_than < Decimal(told["exposure"]) < less_than
            ):
                await asyncio.sleep(0.1)

        await run.until_said("trading active")
        await asyncio.wait_for(seen(0, 0, 60_000), PATIENCE)
        exchange.place(account, BY_HAND, exchange.now)
        await asyncio.wait_for(seen(1, 60_000, 80_000), PATIENCE)
        assert "by-hand" in await command("orders")
        assert "orders were open" in await command("cancel-all")
        assert by_hand() == 1
        await command("cancel-all", "--external")
        assert by_hand() == 0
        await asyncio.wait_for(seen(0, 0, 60_000), PATIENCE)
        assert await run.stop() == Exit.OK, "".join(run.said)


def test_positions_shows_what_was_traded_at_prices_of_the_market(
    active: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    until(lambda: len(active.ask(Command.POSITIONS)["positions"]) == 2, "both venues traded on")
    shown = active.ask(Command.POSITIONS)
    for row in shown["positions"]:
        assert float(row["quantity"]) == 0 or 0.9 < float(row["average_price"]) / 65_000 < 1.1
    assert set(shown["balances"]) == {row["account"] for row in shown["positions"]}
    assert main(["positions", "--state-dir", str(active.folder)]) == Exit.OK
    assert "profit in USDT" in capsys.readouterr().out


def test_garbage_and_silence_disturb_nothing(active: Instance) -> None:
    silent = [connected(active.folder) for _ in range(4)]
    for raw in (b"\x00" * 10_000, b"GET / HTTP/1.1\r\n\r\n", b'{"command":"sell everything"}\n', b"\n"):
        with connected(active.folder) as one, suppress(ConnectionError):
            one.sendall(raw)
            assert b'"ok":false' in one.recv(4096)
    before = active.submitted()
    until(lambda: active.submitted() > before, "orders meanwhile")
    for one in silent:
        one.close()
    assert active.ask(Command.STATUS)["trading"] == "active"


def connected(folder: Path) -> socket.socket:
    one = socket.socket(socket.AF_UNIX)
    with address(folder / SOCKET) as place:
        one.connect(place)
    return one


def test_socket_and_audit_are_for_their_owner_only(active: Instance) -> None:
    assert (active.folder / SOCKET).lstat().st_mode & 0o777 == 0o600
    assert (active.folder / AUDIT).lstat().st_mode & 0o777 == 0o600
    assert active.folder.stat().st_mode & 0o777 == 0o700


def test_a_second_instance_leaves_the_socket_of_the_first(active: Instance) -> None:
    alone = ["--set", "strategies=[]", "--set", "watchdog.enabled=false"]
    assert main(["--config", str(active.config), "--no-ui", *alone]) == Exit.REFUSED
    assert active.ask(Command.STATUS)["pid"] == active.process.pid


def test_nothing_is_lifted_offline_while_somebody_runs(active: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    active.ask(Command.HALT, "wait")
    at = ["--offline", "--confirm", "1", "--state-dir", str(active.folder)]
    assert main(["resume", *at]) == Exit.REFUSED
    assert "is in use by process" in capsys.readouterr().err
    assert active.ask(Command.STATUS)["trading"] == "halted"


def test_every_command_is_audited_and_an_altered_line_is_named(active: Instance, tmp_path: Path) -> None:
    active.ask(Command.HALT, "for the audit")
    verdict = verify(active.folder / AUDIT)
    assert (verdict.altered, verdict.torn) == ((), 0)
    raw = (active.folder / AUDIT).read_bytes()
    lines = raw.splitlines(keepends=True)
    entry = msgspec.json.decode(lines[-1])["entry"]
    assert (entry["command"], entry["reason"], entry["stage"]) == ("halt", "for the audit", "done")
    assert (entry["uid"], entry["pid"], entry["before"], entry["after"]) == (
        os.geteuid(),
        os.getpid(),
        "active",
        "halted",
    )
    until(lambda: "operator: halt (for the audit) done by uid" in active.log(), "its line in the log")
    copy = tmp_path / AUDIT
    copy.write_bytes(raw.replace(b"for the audit", b"for the adult"))
    assert verify(copy).altered == (len(lines),)
    active.trades_again()


def test_the_exit_code_says_that_it_ended_halted_and_nobody_answers_any_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instance = Instance(tmp_path)
    instance.ask(Command.HALT, "enough for today")
    assert instance.end() == Exit.HALTED
    until(lambda: "HALTED         enough for today" in instance.log(), "the reason at the end")
    assert not (instance.folder / SOCKET).exists()
    assert main(["status", "--state-dir", str(instance.folder)]) == Exit.REFUSED
    assert "no platform is running" in capsys.readouterr().err


# -- while nothing runs ----------------------------------------------------------------------------


@pytest.mark.parametrize("command", [command.value for command in Command])
def test_where_nobody_runs_that_is_said(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--reason", "x"] if command == "halt" else []
    assert main([command, *more, "--state-dir", str(tmp_path / "none")]) == Exit.REFUSED
    assert "no platform is running on" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def halted(tmp_path: Path) -> Path:
    """What a run that was halted, and is over, left."""
    folder = tmp_path / "state"
    with StateLock(folder):
        (folder / HALTED).write_text("lost too much (by risk)\n")
    return folder


def test_resume_with_nobody_running_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = halted(tmp_path)
    assert main(["resume", "--state-dir", str(folder)]) == Exit.REFUSED
    told = capsys.readouterr().err
    assert "lost too much (by risk)" in told
    assert "resume --offline --confirm 1" in told
    assert (folder / HALTED).exists()


@pytest.mark.parametrize("confirm", ["1", "lost too much (by risk)"])
def test_offline_the_halt_is_lifted_for_who_knows_which_it_is(confirm: str, tmp_path: Path) -> None:
    folder = halted(tmp_path)
    assert main(["resume", "--offline", "--confirm", confirm, "--state-dir", str(folder)]) == Exit.OK
    assert not (folder / HALTED).exists()
    entry = msgspec.json.decode((folder / AUDIT).read_bytes())["entry"]
    assert (entry["command"], entry["before"], entry["uid"]) == ("resume", "halted", os.getuid())
    assert verify(folder / AUDIT).altered == ()


@pytest.mark.parametrize("more", [[], ["--confirm", "2"], ["--confirm", "lost"]])
def test_offline_a_halt_stays_for_who_does_not(
    more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = halted(tmp_path)
    assert main(["resume", "--offline", *more, "--state-dir", str(folder)]) == Exit.REFUSED
    assert "resume --offline --confirm 1" in capsys.readouterr().err
    assert (folder / HALTED).exists()
