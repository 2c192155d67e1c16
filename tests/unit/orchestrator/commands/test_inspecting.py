"""What `recover --dry-run` says: everything that a start would find, and nothing is touched or asked."""

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.errors import JournalDamaged, JournalUnavailable, Refused
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.journal import Journal
from integrated_trading_system.drivers.lock import StateLock
from integrated_trading_system.oms.records import VERSION
from integrated_trading_system.orchestrator.commands.inspecting import inspect, lines_of
from integrated_trading_system.orchestrator.state import configuration_hash, take_state
from tests.support.left_behind import BUY, PLAN, SELL, account, killed_in_a_trade, leave
from tests.support.served import paper_settings

PORTS = {"binance:spot": 1, "bybit:linear": 2}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlatformSettings:
    """Paper mode on two venues; whoever opens a socket fails."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    return paper_settings(tmp_path / "state", PORTS)


def files(settings: PlatformSettings) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in settings.state_dir.iterdir()}


def killed(settings: PlatformSettings) -> None:
    leave(settings, *killed_in_a_trade(Nanos(time.time_ns())))


def orders_of(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {order["client_order_id"]: order for order in report["orders"]}


def test_before_the_first_start_there_is_nothing_and_nothing_is_made(settings: PlatformSettings) -> None:
    report = inspect(settings)
    assert not settings.state_dir.exists()
    assert (report["last_run"], report["orders"], report["halted"]) == (0, [], None)
    assert "the next start is the first" in "\n".join(lines_of(report))


def test_it_tells_each_open_order_its_age_and_what_would_become_of_it(settings: PlatformSettings) -> None:
    killed(settings)
    before = files(settings)
    report = inspect(settings)
    assert files(settings) == before
    orders = orders_of(report)
    working, unheard = orders["its1z1"], orders["its1z2"]
    assert (working["status"], working["filled"], working["venue_order_id"]) == ("working", "0.005", "77")
    assert "where the venue has it no more, it is over as soon as its fills are owned" in working["then"]
    assert (unheard["status"], unheard["instrument"]) == ("submitted", SELL)
    # two latencies of the paper account, and the margin of two seconds, after the latest moment it can have left
    assert "UNKNOWN; not found is proof" in unheard["then"]
    assert 0 <= unheard["age_ms"] < 60_000


def test_it_tells_plans_in_flight_positions_and_accounts_as_the_journal_has_them(settings: PlatformSettings) -> None:
    killed(settings)
    report = inspect(settings)
    (plan,) = report["plans"]
    assert (plan["plan_id"], plan["open_orders"]) == (PLAN, 2)
    assert [(leg["traded"], leg["ahead"]) for leg in plan["legs"]] == [("0.005", "0.005"), ("0", "0")]
    assert report["positions"] == [{"instrument": BUY, "account": account(BUY), "quantity": "0.005"}]
    assert report["accounts"] == [
        {
            "venue": "binance:spot",
            "account": account(BUY),
            "asset": "USDT",
            "opening": "100000",
            "fees": "0.1625",
            "funding": "0",
        }
    ]
    text = "\n".join(lines_of(report))
    assert "buy 0.005 of 0.01 binance:spot:BTCUSDT (0.005 unhedged)" in text
    assert "reserve 2 open orders (1 of them UNKNOWN) and 1 plans in flight" in text
    assert "trading active: reconciled" in text


def test_of_the_journal_it_tells_versions_configuration_and_what_is_torn(settings: PlatformSettings) -> None:
    killed(settings)
    with (settings.state_dir / "journal").open("ab") as file:
        file.write(b"half")
    journal = inspect(settings)["journal"]
    assert (journal["records"], journal["runs"], journal["torn"]) == (7, 1, 4)
    assert (journal["last"]["code_version"], journal["last"]["records"]) == ("0.1.0", VERSION)
    assert journal["last"]["configuration"] == "the same"
    other = settings.model_copy(update={"seed": settings.seed + 1})
    assert inspect(other)["journal"]["last"]["configuration"] == "another"
    assert "with another configuration" in "\n".join(lines_of(inspect(other)))


def test_a_halt_and_its_reason_are_told_and_that_open_orders_would_be_cancelled(settings: PlatformSettings) -> None:
    killed(settings)
    (settings.state_dir / "halted").write_text("lost too much\n")
    report = inspect(settings)
    assert report["halted"] == "lost too much"
    assert all("cancelled" in order["then"] for order in report["orders"])
    assert "stay HALTED (lost too much) until somebody resumes" in report["steps"][-1]


def test_an_order_on_a_venue_that_is_no_longer_configured_would_halt_the_start(settings: PlatformSettings) -> None:
    killed(settings)
    only = paper_settings(settings.state_dir, {"binance:spot": 1}, comparisons=[], strategies=[])
    report = inspect(only)
    assert report["would_halt"] == ["its1z2 is open on bybit:linear/main, which is not configured"]
    assert "bybit:linear/main is not configured" in orders_of(report)["its1z2"]["then"]


def test_a_running_instance_is_left_alone(settings: PlatformSettings) -> None:
    killed(settings)
    with StateLock(settings.state_dir) as lock:
        with pytest.raises(Refused, match=r"process \d+ runs on .*: ask it"):
            inspect(settings)
        assert lock.fence == 2
    assert inspect(settings)["last_run"] == 2


def test_what_a_start_would_refuse_is_refused_in_the_same_words(settings: PlatformSettings) -> None:
    killed(settings)
    path = settings.state_dir / "journal"
    Journal.open(path, "9.0", configuration_hash(settings), VERSION).close()
    with pytest.raises(JournalUnavailable, match=r"version 9\.0 .* opened it last, and this is version 0\.1\.0"):
        inspect(settings)
    with pytest.raises(JournalUnavailable, match=r"version 9\.0 .* opened it last, and this is version 0\.1\.0"):
        take_state(settings)
    raw = path.read_bytes()
    path.write_bytes(raw[:200] + b"X" + raw[201:])
    with pytest.raises(JournalDamaged, match=r"damaged at byte .* recover --put-journal-aside"):
        inspect(settings)
    assert path.read_bytes() != raw
