"""The command `doctor`: what it looks at, what it says, what it ends with. It changes nothing anywhere."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.order import Side
from integrated_trading_system.drivers.lock import StateLock
from integrated_trading_system.orchestrator.commands.cli import main
from integrated_trading_system.orchestrator.doctor.doctor import Examination, examine
from integrated_trading_system.orchestrator.doctor.finding import Finding, Verdict
from integrated_trading_system.orchestrator.platform import Recovered
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.simulation.exchange.orders import NewOrder
from tests.support.live import ACCOUNT, Overheard, live_settings
from tests.support.served import ServedMarket

UNUSED: dict[str, Any] = {"comparisons": [], "strategies": []}
RESTING = NewOrder(
    symbol="BTCUSDT", side=Side.BUY, quantity=Decimal("0.001"), price=Decimal(60_000), client_id="by-hand"
)


def written(folder: Path, text: str) -> str:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def dev(folder: Path) -> list[str]:
    return ["doctor", "--set", f"state_dir={folder / 'state'}"]


def found(examination: Examination, check: str) -> Finding:
    """The one finding of this check."""
    (finding,) = [finding for finding in examination.findings if finding.check == check]
    return finding


async def examined(folder: Path, served: ServedMarket, mode: str = "live", **changes: Any) -> Examination:
    settings = live_settings(folder, served, mode, **UNUSED, **changes)
    return await examine(wire(settings, Recovered()), frozenset(), {})


def test_in_dev_mode_there_is_nothing_to_reach_and_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(dev(tmp_path)) == 0
    said = capsys.readouterr().out
    assert "OK    venues reach        simulated in this process: there is nothing to reach" in said
    assert "0 FAIL" in said.splitlines()[-1]
    assert not (tmp_path / "state").exists()


def test_for_programs_it_is_one_json_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*dev(tmp_path), "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert (tree["ok"], tree["mode"], tree["accounts"]) == (True, "dev", {})
    assert {"subject", "check", "verdict", "seen", "remedy"} == set(tree["checks"][0])


def test_a_wrong_configuration_is_a_failure_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--config", written(tmp_path, "mode: dev\nvenus: {}\n")]) == 3
    assert "FAIL  configuration read" in capsys.readouterr().out


def test_a_state_folder_that_is_open_to_others_or_in_use_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with StateLock(tmp_path / "state"):
        assert main(dev(tmp_path)) == 0
        assert "WARN  state lock          in use by process" in capsys.readouterr().out
    (tmp_path / "state").chmod(0o755)
    assert main(dev(tmp_path)) == 3
    assert "-> run: chmod 700" in capsys.readouterr().out


def test_a_journal_that_cannot_be_read_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with StateLock(tmp_path / "state"):
        pass
    (tmp_path / "state" / "journal").write_bytes(b"this is no journal\n" * 9)
    assert main([*dev(tmp_path), "--set", "mode=paper"]) == 3
    assert "journal" in capsys.readouterr().out


async def test_it_says_what_each_venue_lists_what_time_it_has_and_whose_the_key_is(tmp_path: Path) -> None:
    async with ServedMarket("binance:spot", account=ACCOUNT) as served:
        told = await examined(tmp_path, served)
        number = str(served.accounts["binance:spot"].number)
    assert told.passed
    assert told.accounts == {"binance:spot": number}
    assert found(told, "account").seen == number
    assert found(told, "symbols").seen == "BTCUSDT tick 0.01 lot 0.00001 minimum 5 USDT"
    assert found(told, "clock").seen.endswith("against ours")
    assert found(told, "permissions").verdict is Verdict.OK


async def test_open_orders_that_are_not_ours_are_counted_and_named(tmp_path: Path) -> None:
    async with ServedMarket("binance:spot", account=ACCOUNT) as served:
        exchange, account = served.exchanges["binance:spot"], served.accounts["binance:spot"]
        exchange.place(account, RESTING, exchange.now)
        told = await examined(tmp_path, served)
    assert told.passed
    finding = found(told, "orders")
    assert (finding.verdict, finding.seen) == (Verdict.WARN, "1 open that are not ours: by-hand")


async def test_open_orders_are_counted_on_all_pages(tmp_path: Path) -> None:
    async with ServedMarket("bybit:linear", account=ACCOUNT) as served:
        exchange, account = served.exchanges["bybit:linear"], served.accounts["bybit:linear"]
        for number in range(101):
            exchange.place(account, replace(RESTING, client_id=f"by-hand-{number}"), exchange.now)
        assert len(account.open) == 101, "three pages of them"
        told = await examined(tmp_path, served)
    assert found(told, "orders").seen.startswith("101 open that are not ours: ")


async def test_without_keys_nothing_signed_is_asked_and_paper_is_well(tmp_path: Path) -> None:
    said: list[str] = []
    async with ServedMarket("bybit:linear", account=ACCOUNT, front=lambda of: Overheard(of, said)) as served:
        served.accounts.clear()
        told = await examined(tmp_path, served, "paper")
    assert told.passed
    assert all(one.startswith("GET /v5/market/") for one in said)


async def test_what_forbids_real_orders_is_a_warning_where_none_are_sent(tmp_path: Path) -> None:
    async with ServedMarket("bybit:linear", account=ACCOUNT) as served:
        served.accounts["bybit:linear"].may_withdraw = True
        shadow = await examined(tmp_path, served, "shadow")
        live = await examined(tmp_path, served, "live")
    assert found(shadow, "permissions").verdict is Verdict.WARN
    assert found(live, "permissions").verdict is Verdict.FAIL
    assert (shadow.passed, live.passed) == (True, False)


async def test_kraken_has_no_clock_of_use_so_the_date_of_its_answers_tells_the_time_roughly(tmp_path: Path) -> None:
    async with ServedMarket("kraken:spot", symbols=("BTC/USDT",), account=ACCOUNT) as served:
        told = await examined(tmp_path, served, venues={"kraken:spot": {"symbols": ["BTC/USDT"]}})
    assert "± 5" in found(told, "clock").seen
    assert found(told, "clock").verdict is not Verdict.FAIL
    assert told.accounts[VenueId("kraken:spot")].startswith("AA00")


async def test_a_key_that_is_nowhere_is_named_with_its_reference(tmp_path: Path) -> None:
    keys = {"api_key": "env:NOBODY_SET_THIS", "api_secret": "env:NOR_THIS"}
    async with ServedMarket("bybit:linear") as served:
        told = await examined(tmp_path, served, venues={"bybit:linear": keys})
    assert not told.passed
    assert found(told, "key").seen == "the environment has no NOBODY_SET_THIS"
