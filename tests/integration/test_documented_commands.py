"""What the README promises about the command line: options, exit codes, and the summary file."""

import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from integrated_trading_system import __version__
from integrated_trading_system.orchestrator.commands.cli import COMMANDS, _parser, main
from integrated_trading_system.orchestrator.options import Exit

ROOT = Path(__file__).resolve().parents[2]
VIRTUAL = ["--speed", "max", "--no-ui"]
OPTIONS = (
    *("--config FILE", "--set key.path=value", "--duration SECONDS", "--speed", "--seed N", "--summary FILE.json"),
    *("--record FILE", "--log-level", "--no-ui", "--version"),
)


# -- options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["--help"], ["run", "--help"]])
def test_help_names_every_option(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert [option for option in OPTIONS if option not in shown] == []
    assert "default config/dev.yaml" in shown


@pytest.mark.parametrize("command", [["--version"], ["run", "--version"], ["--seed", "3", "--version"]])
def test_the_version_is_told(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 0
    assert capsys.readouterr().out == f"integrated_trading_system {__version__}\n"


def test_set_may_be_repeated_and_the_last_one_holds(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    overrides = ["--set", "seed=1", "--set", "log.level=ERROR", "--set", "seed=2"]
    assert main([*VIRTUAL, "--duration", "1", *overrides, "--summary", str(path)]) == 0
    assert json.decode(path.read_bytes())["seed"] == 2


# -- the pages -------------------------------------------------------------------------------------

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


def page(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    """What stands between fences."""
    return re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def documented_commands() -> list[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    found = re.findall(r"^\s*\./its\.sh run\b(.*)$|`\./its\.sh run\b([^`]*)`", text, re.MULTILINE)
    return sorted({(line or inline).strip() for line, inline in found})


@pytest.mark.parametrize("command", documented_commands())
def test_every_documented_command_is_understood(command: str) -> None:
    words = shlex.split(command, comments=True)
    if not words or words[0] not in COMMANDS:
        words = ["run", *words]
    assert _parser().parse_args(words).command == words[0]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


def test_the_readme_fits_in_150_lines() -> None:
    assert len(page("README.md").splitlines()) <= 150


def test_the_map_names_every_folder_of_the_package() -> None:
    folders = {path.parent.name for path in (ROOT / "integrated_trading_system").glob("*/__init__.py")}
    assert folders <= set(re.findall(r"^  (\w+)/ ", page("README.md"), re.MULTILINE))


def test_the_strategy_in_the_readme_trades(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (strategy,) = (block for block in blocks(page("README.md")) if "class Cheapest" in block)
    (command,) = (shlex.split(one) for one in documented_commands() if "mine:Cheapest" in one)
    (tmp_path / "mine.py").write_text(strategy, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert len(strategy.splitlines()) <= 20
    assert main([*command, "--summary", str(tmp_path / "summary.json")]) == 0
    orders = json.decode((tmp_path / "summary.json").read_bytes())["orders"]
    assert orders["submitted"] == 5
    assert orders["filled"] > 0


@pytest.mark.parametrize(("begins", "messages"), [("1723161255088169167 {", 2), ("wss://", 2)])
def test_both_capture_formats_are_as_documented(
    begins: str, messages: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (capture,) = (block for block in blocks(page("docs/captures.md")) if block.startswith(begins))
    (tmp_path / "capture.txt").write_text(capture, encoding="utf-8")
    assert main(["replay", f"binance:spot={tmp_path / 'capture.txt'}"]) == 0
    told = capsys.readouterr()
    assert f"replayed       {messages} messages of 1 venues" in told.out
    assert "0 quarantined" in told.out
    assert "not read" not in told.out + told.err


# -- exit codes ------------------------------------------------------------------------------------
# 2 and 3: test_bad_input.py; 5: tests/simulation/test_determinism.py


def test_the_readme_lists_every_exit_code() -> None:
    rows = re.findall(r"^\| (\d) \| ", page("README.md"), re.MULTILINE)
    assert [int(row) for row in rows] == [int(code) for code in Exit]


def test_a_run_that_risk_halted_exits_with_4_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*VIRTUAL, "--duration", "30", "--set", "risk.drawdown_max=1"]) == 4
    assert "HALTED         drawdown-max: drawdown: " in capsys.readouterr().out


STRATEGY = """
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.strategies.strategy import Strategy

class Broken(Strategy):
    subscriptions = (Quote,)
    def __init__(self, setup):
        raise RuntimeError("a bug of mine")
"""


def test_an_error_that_nobody_foresaw_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(STRATEGY)
    command = [sys.executable, "-m", "integrated_trading_system", *VIRTUAL, "--duration", "1"]
    command += ["--set", "strategies=[{name: mine, strategy: 'broken:Broken', comparison: btc}]"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert done.returncode == 1
    assert "a bug of mine" in done.stderr


def test_a_summary_that_could_not_be_written_is_refused_before_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*VIRTUAL, "--summary", "/nowhere/summary.json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "--summary /nowhere/summary.json: no such folder" in told.err


def test_a_summary_on_a_folder_names_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*VIRTUAL, "--duration", "1", "--summary", str(tmp_path)]) == 2
    assert "cannot be written" in capsys.readouterr().err


# -- the summary -----------------------------------------------------------------------------------

NUMBER = (int, float)
MONEY = str
"""Money is text, exactly."""
WHOLE = int
PERCENTILES = {"p50": NUMBER, "p99": NUMBER, "max": NUMBER}
SHAPE: dict[str, Any] = {
    "schema": WHOLE,
    "mode": str,
    "seed": WHOLE,
    "started_at": WHOLE,
    "ended_at": WHOLE,
    "duration_s": float,
    "input_hash": str,
    "output_hash": str,
    "venues": {
        "binance:spot": {
            **dict.fromkeys(("messages", "events", "quarantined", "gaps", "resyncs", "reconnects"), WHOLE),
            "clock_offset_ms": NUMBER,
            "latency_us": PERCENTILES,
        }
    },
    "books": {
        "binance:spot:BTCUSDT": {
            "state": str,
            **dict.fromkeys(("updates", "last_sequence", "gaps", "crossed"), WHOLE),
            "best_bid": [NUMBER, NUMBER],
            "best_ask": [NUMBER, NUMBER],
            "levels": [WHOLE, WHOLE],
        }
    },
    "circuits": {"binance:spot:BTCUSDT": {"open": bool, "reason": str, "openings": WHOLE}},
    "failover": {"BTC": {"followed": (str, type(None)), "switches": WHOLE, "healthy": {"binance:spot:BTCUSDT": bool}}},
    "alarms": {"now": list, "raised": {}},
    "candles": {"closed": {"1m": WHOLE}, "late": WHOLE},
    "subscriptions": {
        "wanted": {"binance:spot": {"trades": WHOLE}},
        "consumers": {"config": WHOLE},
        "refused": {},
    },
    "heartbeats": {"binance:spot": {"real": WHOLE, "synthetic": WHOLE}},
    **{key: {} for key in ("blocked", "polled", "checksum_failures")},
    "callbacks": list,
    "sync": {"snapshots": WHOLE, "skew_ms": PERCENTILES, "rejected": {}},
    "opportunities": {
        **dict.fromkeys(("detected", "approved", "executed"), WHOLE),
        "rejected": {"fees": WHOLE},
        "advice": list,
        "expected_edge": MONEY,
        "realised_edge": MONEY,
    },
    "orders": dict.fromkeys(("submitted", "filled", "cancelled", "rejected", "unknown"), WHOLE),
    "positions": {"binance:spot/main binance:spot:BTCUSDT": {"quantity": MONEY, "average_price": MONEY}},
    "balances": {"binance:spot/main": {"USDT": MONEY, "BTC": MONEY}},
    "pnl": {"realised": MONEY, "unrealised": MONEY, "fees": MONEY, "by_asset": {"USDT": MONEY}},
    "performance": {
        "capital": MONEY,
        "curve": list,
        "drawdown": {**dict.fromkeys(("high", "now", "deepest", "deepest_share"), MONEY), "longest": WHOLE},
        "ratios": {"periods": WHOLE, "period_s": NUMBER, "annualised_by": NUMBER},
        "plans": {**dict.fromkeys(("traded", "won", "lost"), WHOLE), "hit_rate": NUMBER},
        **dict.fromkeys(("turnover", "fees_by_turnover_bps"), MONEY),
    },
    "mailboxes": {"oms": dict.fromkeys(("delivered", "conflated", "dropped", "high_water"), WHOLE)},
    "restarts": {"oms": WHOLE},
}


def misfits(value: Any, shape: Any, path: str = "") -> list[str]:
    """Where the value does not have the shape."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{path}: no object"]
        missing = [f"{path}.{key}: missing" for key in shape if key not in value]
        return missing + [
            one for key in shape if key in value for one in misfits(value[key], shape[key], f"{path}.{key}")
        ]
    if isinstance(shape, list):
        if not isinstance(value, list) or len(value) != len(shape):
            return [f"{path}: no list of {len(shape)}"]
        return [one for item, of in zip(value, shape, strict=True) for one in misfits(item, of, f"{path}[]")]
    return [] if isinstance(value, shape) else [f"{path}: {value!r}"]


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("summary") / "summary.json"
    more = ["--set", "failover=[{name: BTC, sources: [binance:spot:BTCUSDT]}]", "--set", "candles.intervals=[1m]"]
    assert main([*VIRTUAL, "--duration", "20", "--seed", "5", *more, "--summary", str(path)]) == 0
    found: dict[str, Any] = json.decode(path.read_bytes())
    return found


def test_the_summary_holds_what_is_documented(summary: dict[str, Any]) -> None:
    assert misfits(summary, SHAPE) == []
    assert (summary["mode"], summary["seed"]) == ("dev", 5)
    assert {len(summary["input_hash"]), len(summary["output_hash"])} == {64}


def test_counters_by_reason_are_numbers(summary: dict[str, Any]) -> None:
    for reasons in (summary["sync"]["rejected"], summary["opportunities"]["rejected"]):
        assert all(isinstance(number, int) for number in reasons.values())


# -- a run in real time ----------------------------------------------------------------------------


def run_until(said: str, state: Path, *options: str, before: str = "") -> tuple[int, str]:
    """A dev run that is asked to stop once its log says this; its exit code and what it told at the end."""
    command = ["sh", "-c", f'{before} exec "$0" "$@"', sys.executable, "-m", "integrated_trading_system", "--no-ui"]
    command += ["--set", f"state_dir={state}", "--set", "http.port=0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stderr is not None
    for line in process.stderr:
        if said in line:
            break
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate()
    return process.returncode, out


@pytest.fixture(scope="module")
def state_of_a_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state directory that a dev run left behind."""
    state = tmp_path_factory.mktemp("run") / "state"
    code, _ = run_until("trading active", state)
    assert code == 0
    return state


def test_a_disk_that_takes_no_more_halts_trading_exits_with_4_and_is_remembered(tmp_path: Path) -> None:
    state = tmp_path / "state"
    code, out = run_until("trading halted", state, "--set", "storage.enabled=false", before="ulimit -f 32;")
    assert code == 4
    assert "HALTED " in out
    assert "File too large" in (state / "halted").read_text(encoding="utf-8")


def test_a_state_directory_holds_what_is_documented(state_of_a_run: Path) -> None:
    names = {path.name for path in state_of_a_run.iterdir()}
    assert {"journal", "lock", "fence", "market_data.db", "fills-1.csv", "plans-1.csv"} <= names
    assert "halted" not in names
    assert state_of_a_run.stat().st_mode & 0o777 == 0o700


def test_the_history_can_be_asked(state_of_a_run: Path) -> None:
    with sqlite3.connect(state_of_a_run / "market_data.db") as history:
        tables = {row[0] for row in history.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    history.close()
    documented = re.search(r"^\| `market_data.db` \|([^|]*)\|", page("docs/operating.md"), re.MULTILINE)
    assert documented is not None
    assert set(re.findall(r"`(\w+)`", documented[1])) <= tables
