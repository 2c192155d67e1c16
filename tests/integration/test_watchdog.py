"""A platform that hangs is killed by the watchdog, what it left open is cancelled, and trading stays halted."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.drivers import watchdog
from integrated_trading_system.drivers.guard import Guard
from integrated_trading_system.drivers.lock import StateLock
from integrated_trading_system.drivers.watchdog import BEAT, FAREWELL, Task
from integrated_trading_system.orchestrator.commands.guarding import guard_of
from integrated_trading_system.orchestrator.marks import read_halt
from integrated_trading_system.orchestrator.options import Exit, RunOptions
from tests.integration.test_kill_9 import Exchanges
from tests.support.killed import Run, prepare, report, until
from tests.support.served import PATIENCE

HANG_MS = 700
"""Short, so that a test is; the hangs here are for ever."""


def task(folder: Path, pid: int, **changes: object) -> Task:
    """Nothing can be open, unless `changes` say so."""
    plain = Task(
        pid=pid,
        hang_seconds=HANG_MS / 1_000,
        halted=str(folder / "halted"),
        lock=str(folder / "lock"),
        log=str(folder / "watchdog.log"),
        recover=[],
        halt=[],
        cancel_on_death=True,
        command_seconds=20.0,
        attempts_max=3,
    )
    return plain._replace(**changes)  # type: ignore[arg-type] # the fields are checked where they are used


PARENT = """
import json, os, subprocess, sys, time
words, task, said, then = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3].encode(), sys.argv[4]
task["pid"] = os.getpid()
child = subprocess.Popen([sys.executable, "-I", "-S", words, json.dumps(task)], stdin=subprocess.PIPE, bufsize=0)
if said:
    child.stdin.write(said)
if then == "ends":
    os._exit(0)
time.sleep(3600)
"""


def watched(folder: Path, said: bytes, then: str, of: Task) -> list[str]:
    """A process that starts a watchdog, says this to it, and then ends, or does nothing any more: what was done."""
    words = [sys.executable, "-c", PARENT, watchdog.__file__, json.dumps(of._asdict()), said.decode(), then]
    out, inp = os.pipe()
    parent = subprocess.Popen(words, pass_fds=(), stderr=inp)
    os.close(inp)
    with os.fdopen(out) as lines:
        lines.read()  # until both have ended
    parent.wait(PATIENCE)
    log = folder / "watchdog.log"
    return [line.partition(" ")[2] for line in log.read_text().splitlines()] if log.exists() else []


def script(folder: Path, name: str, code: int, first: int = 0) -> list[str]:
    """A command that notes that it ran, and ends with `code`; with `first` at its first time."""
    path, told = folder / f"{name}.py", folder / f"{name}.told"
    path.write_text(
        f"import os, sys\nagain = os.path.exists({str(told)!r})\n"
        f"print(sys.argv[1:], file=open({str(told)!r}, 'a'))\nsys.exit({code} if again or not {first} else {first})\n"
    )
    return [sys.executable, str(path)]


# -- what the watchdog does, alone -------------------------------------------------------------------


def test_a_farewell_means_that_nothing_is_to_be_done(tmp_path: Path) -> None:
    assert watched(tmp_path, BEAT + FAREWELL, "ends", task(tmp_path, 0, recover=script(tmp_path, "recover", 0))) == []
    assert not (tmp_path / "recover.told").exists()


def test_a_start_that_was_refused_before_it_began_is_not_a_death(tmp_path: Path) -> None:
    assert watched(tmp_path, b"", "ends", task(tmp_path, 0, recover=script(tmp_path, "recover", 0))) == []


def test_silence_kills_then_halts_then_cancels(tmp_path: Path) -> None:
    done = watched(tmp_path, BEAT, "sleeps", task(tmp_path, 0, recover=script(tmp_path, "recover", 0)))
    begins = ["no sign of life", "process", "halted:", "running:", "it ended with exit code 0", "recovered:"]
    assert [line[: len(begin)] for line, begin in zip(done, begins, strict=True)] == begins
    assert "is dead" in done[1]
    said = (tmp_path / "halted").read_text().strip()
    assert re.fullmatch(r"watchdog: the platform hung for \d+\.\d s and was killed", said)
    assert (tmp_path / "recover.told").read_text() == f"{['--reason', said]}\n"


def test_a_halt_of_before_is_not_forgotten(tmp_path: Path) -> None:
    (tmp_path / "halted").write_text("daily loss\n")
    watched(tmp_path, BEAT, "sleeps", task(tmp_path, 0))
    assert (tmp_path / "halted").read_text().strip().endswith("and was killed; halted before that: daily loss")


@pytest.mark.parametrize(("cancels", "told"), [(True, "recovered:"), (False, "watchdog: the platform")])
def test_a_death_is_cancelled_after_or_left_to_the_next_start(tmp_path: Path, cancels: bool, told: str) -> None:
    wanted = task(tmp_path, 0, recover=script(tmp_path, "recover", 0), cancel_on_death=cancels)
    done = watched(tmp_path, BEAT, "ends", wanted)
    assert done[0].startswith("watchdog: the platform (process ")
    assert done[-1].startswith(told)
    assert (tmp_path / "recover.told").exists() is cancels
    assert not (tmp_path / "halted").exists(), "whether a death halts is the recovery's matter"


def test_what_could_not_be_cancelled_is_tried_again(tmp_path: Path) -> None:
    done = watched(tmp_path, BEAT, "ends", task(tmp_path, 0, recover=script(tmp_path, "recover", 0, first=4)))
    assert "attempt 1 of 3 failed: OUR ORDERS MAY BE OPEN; next in 1 s" in done
    assert done[-1].startswith("recovered:")


def test_what_cannot_be_cancelled_at_all_is_given_up_loudly(tmp_path: Path) -> None:
    done = watched(tmp_path, BEAT, "ends", task(tmp_path, 0, recover=["/nowhere/at/all"], attempts_max=1))
    assert done[-1].startswith("given up: OUR ORDERS MAY BE OPEN; run: /nowhere/at/all --reason TEXT")


def test_an_instance_that_started_meanwhile_is_halted_after_a_hang_and_let_be_after_a_death(tmp_path: Path) -> None:
    """Somebody else has the lock: `recover` would only be refused."""
    wanted = task(tmp_path, 0, recover=script(tmp_path, "recover", 3), halt=script(tmp_path, "halt", 0))
    state = tmp_path / "state"
    with StateLock(state):
        held = wanted._replace(lock=str(state / "lock"))
        assert watched(tmp_path, BEAT, "ends", held)[-1] == "another instance runs: what is open is its own matter"
        assert not (tmp_path / "halt.told").exists()
        assert watched(tmp_path, BEAT, "sleeps", held)[-1] == "the instance that runs now was halted"
    assert (tmp_path / "halt.told").exists()
    assert not (tmp_path / "recover.told").exists()


# -- the platform's side -----------------------------------------------------------------------------


async def test_a_watchdog_that_dies_is_replaced_and_not_for_ever(tmp_path: Path) -> None:
    guard = Guard(
        task(tmp_path, os.getpid(), hang_seconds=600.0), restarts_per_minute_max=1, stacks=None, stacks_seconds=1
    )
    guard.start()
    first = guard.watchdog
    assert first is not None
    guard.begin()
    os.kill(first, signal.SIGKILL)
    await until(lambda: guard.watchdog not in (first, None), "another watchdog")
    second = guard.watchdog
    assert second is not None
    os.kill(second, signal.SIGKILL)
    await until(lambda: guard.watchdog is None, "no third one within this minute")
    guard.farewell()
    assert not (tmp_path / "watchdog.log").exists()


def test_only_real_orders_are_cancelled_and_a_run_may_have_no_watchdog(tmp_path: Path) -> None:
    settings = PlatformSettings.model_validate({"venues": {}, "state_dir": tmp_path, "watchdog": {"enabled": False}})
    assert guard_of(settings, RunOptions(), os.getpid()) is None


# -- both, in a real run -----------------------------------------------------------------------------


@pytest.mark.xdist_group("real time")
async def test_a_real_run_that_hangs_is_killed_its_orders_cancelled_and_the_next_start_is_halted(
    tmp_path: Path,
) -> None:
    exchanges, hangs = Exchanges(), tmp_path / "hang now"
    strategies = [{"name": "hangs", "comparison": "btc", "strategy": "hangs:Hangs"}]
    async with exchanges.served as served:
        # The run after the hang is a normal one: it must not be killed for a busy machine.
        words = prepare(tmp_path, served, strategies, watchdog={"hang_ms": 20_000, "stacks_ms": 10_000})
        short = ("--set", f"watchdog.hang_ms={1_500}", "--set", "watchdog.stacks_ms=1000")
        run = await Run(tmp_path, *words, *short, HANG_WHEN=str(hangs)).start()
        await until(lambda: exchanges.open_orders() == 3 or run.process.returncode is not None, "resting orders")
        assert exchanges.open_orders() == 3, "".join(run.said)
        hangs.touch()
        began = time.monotonic()
        await until(lambda: run.process.returncode is not None, "the kill")
        assert run.process.returncode == -signal.SIGKILL
        report(f"hung, and killed after {time.monotonic() - began:.2f} s")
        log, state = tmp_path / "state" / "watchdog.log", tmp_path / "state"
        await until(lambda: "recovered:" in log.read_text() or "given up" in log.read_text(), "the cancels")
        report(f"and confirmed that nothing is open after {time.monotonic() - began:.2f} s")
        assert exchanges.open_orders() == 0
        told = [line.partition("Z ")[2] for line in log.read_text().splitlines() if "Z " in line[:21]]
        begins = ["no sign of life", "process", "halted:", "running:", "it ended with exit code 0", "recovered:"]
        assert [line[: len(begin)] for line, begin in zip(told, begins, strict=True)] == begins
        silence = re.search(r"for (\d+) ms", told[0])
        assert silence is not None
        assert 1_500 <= int(silence[1]) <= 15_000
        assert "on_snapshot" in (state / "hang.txt").read_text()
        hangs.unlink()

        placed = len(exchanges.placed)
        again = await Run(tmp_path, *words, HANG_WHEN=str(hangs)).start()
        await again.until_said("trading halted")
        assert "the platform hung" in (read_halt(state) or "")
        assert await resume(state) == Exit.OK
        await until(lambda: len(exchanges.placed) > placed or again.process.returncode is not None, "orders again")
        assert len(exchanges.placed) > placed, "".join(again.said)
        assert await again.stop() == Exit.OK, "".join(again.said)
        assert exchanges.open_orders() == 0
        assert read_halt(state) is None


async def resume(state: Path) -> int:
    words = (sys.executable, "-m", "integrated_trading_system", "resume", "--state-dir", str(state))
    return await (await asyncio.create_subprocess_exec(*words)).wait()
