"""`recover` as somebody at 3 a.m. runs it, and as a watchdog does: real processes, killed and looked after."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import json
from ruamel.yaml import YAML

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.journal import Journal
from integrated_trading_system.oms.records import PlanClosed, decode
from integrated_trading_system.orchestrator.marks import read_halt
from integrated_trading_system.orchestrator.options import Exit
from tests.support.left_behind import killed_in_a_trade, leave
from tests.support.raw_server import free_port
from tests.support.served import ROOT, ServedProcess, paper_settings

VENUES = ("binance:spot", "bybit:linear")
PROGRAM = [sys.executable, "-m", "integrated_trading_system"]


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """Both venues, each in a process of its own."""
    processes = [ServedProcess(venue, free_port()) for venue in VENUES]
    try:
        for process in processes:
            process.start()
        yield {process.venue: process.port for process in processes}
    finally:
        for process in processes:
            process.kill()


@pytest.fixture
def settings(tmp_path: Path, ports: dict[str, int]) -> PlatformSettings:
    chosen = paper_settings(tmp_path / "state", ports, oms={"proof_margin_ms": 300})
    with (tmp_path / "paper.yaml").open("w") as file:
        YAML().dump(json.decode(chosen.model_dump_json(exclude_defaults=True)), file)
    return chosen


def command(settings: PlatformSettings, *words: str) -> list[str]:
    return [*PROGRAM, *words, "--config", str(settings.state_dir.parent / "paper.yaml")]


def recover(settings: PlatformSettings, *words: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, report, and what was said besides."""
    done = subprocess.run(
        command(settings, "recover", "--json", *words), cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, json.decode(done.stdout) if done.stdout else {}, done.stderr


def trading(settings: PlatformSettings, words: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """A real run, once it is ACTIVE."""
    process = subprocess.Popen(
        command(settings, "run", "--no-ui", "--log-level", "INFO", *words),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "trading active" in line:
            return process
    raise AssertionError(f"it ended before it traded: {''.join(said)}")


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_after_a_kill_in_the_middle_of_a_trade_nothing_is_open_and_the_halt_stays(settings: PlatformSettings) -> None:
    leave(settings, *killed_in_a_trade(Nanos(1_700_000_000_000_000_000)))
    code, report, said = recover(settings, "--reason", "found dead at 3 a.m.")
    assert (code, report["recovered"], report["reconciled"]) == (Exit.OK, True, True), said
    assert report["open_before"] == 2
    assert report["open"] == []
    assert read_halt(settings.state_dir) == "found dead at 3 a.m."
    (closed,) = (record for record in map(decode, Journal.read(settings.state_dir / "journal")) if closes(record))
    assert closes(closed)
    code, dry, _ = recover(settings, "--dry-run")
    assert (code, dry["halted"], dry["orders"], dry["plans"]) == (Exit.HALTED, "found dead at 3 a.m.", [], [])


def closes(record: object) -> bool:
    """With what it had bought and not sold."""
    return isinstance(record, PlanClosed) and bool(record.finished.legs[0].filled)


def test_what_cannot_be_known_in_time_ends_with_4_and_is_named(settings: PlatformSettings) -> None:
    """The venue is away: nobody can confirm anything."""
    leave(settings, *killed_in_a_trade(Nanos(1_700_000_000_000_000_000)))
    nowhere = ("rest_url=http://127.0.0.1:9", "ws_url=ws://127.0.0.1:9")
    overrides = [word for of in nowhere for word in ("--set", f"venues.bybit:linear.{of}")]
    code, report, _ = recover(settings, "--timeout", "1", *overrides)
    assert (code, report["recovered"], report["reconciled"]) == (Exit.HALTED, False, False)
    assert report["plans"] == 1, "what its instruments are was never told"
    assert read_halt(settings.state_dir) == "recover"


def test_a_killed_process_is_recovered_and_the_next_run_goes_on_once_the_halt_is_lifted(
    settings: PlatformSettings,
) -> None:
    process = trading(settings)
    code, _, said = recover(settings)
    assert code == Exit.REFUSED
    assert f"in use by process {process.pid}" in said
    code, _, said = recover(settings, "--dry-run")
    assert code == Exit.REFUSED
    assert f"process {process.pid} runs on" in said
    kill(process)
    before = Journal.read(settings.state_dir / "journal")
    code, report, said = recover(settings, "--reason", "hung")
    assert (code, report["run"], report["halted"]) == (Exit.OK, 2, "hung"), said
    assert Journal.read(settings.state_dir / "journal")[: len(before)] == before
    lift = subprocess.run(
        command(settings, "resume", "--offline", "--confirm", "2"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert lift.returncode == Exit.OK, lift.stderr
    kill(trading(settings))
    assert read_halt(settings.state_dir) is None


def test_a_damaged_journal_is_put_aside_only_when_somebody_says_so(settings: PlatformSettings) -> None:
    leave(settings, *killed_in_a_trade(Nanos(1_700_000_000_000_000_000)))
    path = settings.state_dir / "journal"
    raw = path.read_bytes()
    damaged = raw[:150] + b"X" + raw[151:]
    path.write_bytes(damaged)
    for words in ((), ("--dry-run",)):
        code, _, said = recover(settings, *words)
        assert code == Exit.CONFIGURATION
        assert "recover --put-journal-aside" in said
        assert path.read_bytes() == damaged
    code, report, said = recover(settings, "--put-journal-aside", "--reason", "journal damaged")
    assert (code, report["recovered"]) == (Exit.OK, True), said
    (aside,) = settings.state_dir.glob("journal.aside-*")
    assert aside.read_bytes() == damaged
    assert read_halt(settings.state_dir) == "recover"  # the first reason stays
