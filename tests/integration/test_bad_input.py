"""Whatever a user hands us that is wrong is answered by a sentence that names it, and by the documented exit code."""

import gzip
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from integrated_trading_system.config.platform import Mode
from integrated_trading_system.domain.errors import JournalUnavailable
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers.lock import StateLock
from integrated_trading_system.orchestrator.commands.cli import main
from integrated_trading_system.orchestrator.dev import build_world
from integrated_trading_system.orchestrator.platform import OMS, RISK, Recovered
from integrated_trading_system.orchestrator.state import take_state
from integrated_trading_system.orchestrator.virtual import VIRTUAL_START
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.simulation.virtual import VirtualDriver
from tests.support.crash import settings

GOOD = """
mode: dev
venues:
  binance:spot: {symbols: [BTCUSDT]}
  bybit:linear: {symbols: [BTCUSDT]}
comparisons:
  - {name: btc, currency: USDT, members: ["binance:spot:BTCUSDT", "bybit:linear:BTCUSDT"]}
strategies:
  - {name: arb, comparison: btc}
"""
VIRTUAL = ["--speed", "max", "--duration", "1", "--no-ui"]


def written(folder: Path, text: str) -> str:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err


def test_the_good_file_runs(tmp_path: Path) -> None:
    assert main(["--config", written(tmp_path, GOOD), *VIRTUAL]) == 0


@pytest.mark.parametrize(
    ("change", "to", "expected"),
    [
        ("mode: dev", "mode: dev\nmode: dev", 'found duplicate key "mode"'),
        ("mode: dev", "mode: dev\nseeed: 3", "seeed: unknown key; did you mean 'seed'?"),
        ("mode: dev", "mode: dev\nseed: -3", "seed: input should be greater than or equal to 0"),
        ("venues:", "venus:", "venues: missing, and has no default"),
        ("mode: dev", "mode: test", "mode: input should be 'dev', 'paper', 'shadow' or 'live'"),
        ("mode: dev", "mode: [dev", "expected ',' or ']'"),
        ("name: arb, comparison: btc", "name: arb, comparison: eth", "unknown comparison 'eth' (known: btc)"),
        ('"binance:spot:BTCUSDT", ', '"okx:spot:BTCUSDT", ', "venue 'okx:spot' is not configured"),
    ],
)
def test_a_wrong_configuration_names_file_line_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: str, to: str, expected: str
) -> None:
    path = written(tmp_path, GOOD.replace(change, to, 1))
    assert main(["--config", path, *VIRTUAL]) == 2
    message = said(capsys)
    assert expected in message
    assert message.startswith(f"its: {path}")


def test_an_unknown_venue_names_what_there_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, GOOD.replace("bybit:linear:", "nyse:stocks:").replace("bybit:linear", "nyse:stocks"))
    assert main(["--config", path, *VIRTUAL]) == 2
    assert "unknown venue 'nyse:stocks'; known are binance:spot" in said(capsys)


def test_an_unknown_instrument_names_what_the_venue_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, GOOD.replace("BTCUSDT", "BTCUSDX"))
    assert main(["--config", path, *VIRTUAL]) == 2
    assert "does not list BTCUSDX here; it lists BTCUSDT" in said(capsys)


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--fast"]) == 2
    assert "unrecognized arguments: --fast" in said(capsys)


@pytest.mark.parametrize("port", ["65536", "-1", "x"])
def test_a_port_that_cannot_be_is_refused_and_no_other_one_taken(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exchange", "--venue", "binance", f"--port={port}"]) == 2
    assert f"expected a port from 0 to 65535, not {port}" in said(capsys)


def test_real_orders_without_keys_are_refused_with_a_sentence_for_each_thing_that_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = "rest_url: 'http://127.0.0.1:9', ws_url: 'ws://127.0.0.1:9', symbols"
    path = written(tmp_path, GOOD.replace("mode: dev", "mode: live").replace("{symbols", f"{{{nowhere}"))
    assert main(["--config", path, "--set", f"state_dir={tmp_path / 'state'}"]) == 3
    lines = said(capsys).splitlines()
    assert lines[0] == "its: mode: live is refused, nothing was sent:"
    for venue in ("binance:spot", "bybit:linear"):
        assert any(line.startswith(f"its:   {venue} key: none, and a strategy decides") for line in lines)
        assert any(line.startswith(f"its:   {venue} reach: no answer: refused") for line in lines)
    assert lines[-1] == "its:   live accounts: no venue has a key; set api_key and api_secret"


def test_virtual_time_is_for_simulated_venues_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, GOOD.replace("mode: dev", "mode: paper"))
    assert main(["--config", path, *VIRTUAL]) == 2
    assert "needs mode: dev" in said(capsys)


# -- captures --------------------------------------------------------------------------------------

QUOTE = b'{"stream":"btcusdt@bookTicker","data":{"u":%d,"s":"BTCUSDT","b":"%b","B":"1","a":"60000.20","A":"1"}}'
LINES = [
    b"1723161255088169167 " + QUOTE % (1, b"60000.10"),
    b'1723161255088169168 {"stream":"btcusdt@bookTicker","data":{"u":2,"s":"BTC',
    b"this is no line of a capture",
    b"1723161255088169169 " + QUOTE % (3, b"NaN"),
    b"1723161255088169170 " + QUOTE % (4, b"60000.10"),
]


def test_a_garbled_capture_line_is_counted_with_its_number_and_the_replay_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "capture.gz"
    path.write_bytes(gzip.compress(b"\n".join(LINES)))
    assert main(["replay", f"binance:spot={path}"]) == 0
    told = capsys.readouterr()
    assert "capture.gz:2: truncated or garbled message" in told.err
    assert "capture.gz:3: not a line of a capture" in told.err
    assert "2 lines of" in told.out
    assert "3 messages, 1 quarantined" in told.out


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"a,b,c\n1,2,3\n"])
def test_an_empty_or_foreign_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "capture.txt"
    path.write_bytes(content)
    assert main(["replay", f"binance:spot={path}"]) == 2
    assert "expected a capture in one of the two formats" in said(capsys)


def test_a_missing_capture_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "binance:spot=/nowhere/capture.gz"]) == 2
    assert "No such file" in said(capsys)
    assert main(["replay", "/nowhere/run.rec"]) == 2


def test_a_foreign_file_is_no_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.rec"
    path.write_bytes(b"something else")
    assert main(["replay", str(path)]) == 2
    assert "not one of our recordings" in said(capsys)


# -- the machine -----------------------------------------------------------------------------------


def test_a_port_in_use_names_the_port_and_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code = main(
            [
                *("--config", written(tmp_path, GOOD), "--duration", "1", "--no-ui"),
                *("--set", f"state_dir={tmp_path / 'state'}", "--set", f"http.port={port}"),
            ]
        )
    assert code == 2
    message = said(capsys)
    assert str(port) in message
    assert "http.port" in message


def test_a_second_instance_on_one_state_directory_is_refused_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    with StateLock(state):
        assert main(["--config", written(tmp_path, GOOD), "--set", f"state_dir={state}", "--no-ui"]) == 3
    assert f"in use by process {os.getpid()}" in said(capsys)


def test_a_state_directory_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    code = main(["--config", written(tmp_path, GOOD), "--set", f"state_dir={tmp_path / 'file' / 'state'}"])
    assert code == 2
    assert "state folder" in said(capsys)


class FullDisk:
    """A store on a disk that is full after so many records."""

    def __init__(self, room: int) -> None:
        self.room = room

    def append(self, record: bytes) -> None:
        self.room -= 1
        if self.room < 0:
            raise OSError(28, "No space left on device")


@pytest.mark.parametrize("room", [0, 30])
def test_with_a_full_disk_no_order_is_sent_and_trading_halts(room: int) -> None:
    chosen = settings(name="arb", strategy="arbitrage")
    platform = wire(chosen, Recovered())
    world = build_world(chosen, platform, VIRTUAL_START)
    world.connect_core(platform.system.tell)
    platform.system.start(VIRTUAL_START)
    sends: list[str] = []
    disk = FullDisk(room)

    def watch(place: str) -> None:
        if place == "before place" and disk.room < 0:
            sends.append(place)

    VirtualDriver(platform.system, world, disk, watch).run(Nanos(VIRTUAL_START + 20 * SECOND))
    assert sends == []
    assert platform.system.view(RISK).trading.value == "halted"
    assert "No space left" in platform.system.view(RISK).reason
    assert platform.system.view(OMS).unknown == 0


def test_a_damaged_journal_names_the_file(tmp_path: Path) -> None:
    chosen = settings().model_copy(update={"state_dir": tmp_path / "state", "mode": Mode.PAPER})
    state = take_state(chosen)
    state.journal.append([b"one"])
    state.journal.append([b"two"])
    state.journal.close()
    state.release()
    path = tmp_path / "state" / "journal"
    raw = path.read_bytes()
    place = raw.index(b"one")
    path.write_bytes(raw[:place] + b"One" + raw[place + 3 :])
    with pytest.raises(JournalUnavailable, match="journal"):
        take_state(chosen)


def test_an_interrupt_stops_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "integrated_trading_system", "--config", written(tmp_path, GOOD), "--no-ui"]
    command += ["--set", f"state_dir={tmp_path / 'state'}", "--set", "http.port=0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "running: mode dev" in line:
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 0
    assert "output hash" in out
