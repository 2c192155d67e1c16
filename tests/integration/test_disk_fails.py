"""The disk of the journal fails while the platform trades, in real time and with the real driver."""

import os
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.drivers.journal import Journal
from integrated_trading_system.oms.records import OrderChanged, PlanIntended, RepairIntended, decode
from integrated_trading_system.orchestrator.marks import read_halt
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.orchestrator.platform import OMS, RISK
from tests.support.crash import settings
from tests.support.served import until


def trading_settings(folder: Path) -> PlatformSettings:
    chosen = settings(name="arb", strategy="arbitrage", settings={"cool_down_ms": 0})
    quiet: dict[str, Any] = {
        "state_dir": folder / "state",
        "http": chosen.http.model_copy(update={"enabled": False}),
        "storage": chosen.storage.model_copy(update={"enabled": False}),
    }
    return chosen.model_copy(update=quiet)


def intended(path: Path) -> set[str]:
    """Orders of which the disk knows."""
    names: set[str] = set()
    for record in map(decode, Journal.read(path)):
        if isinstance(record, PlanIntended):
            names |= {order.client_order_id for order in record.orders}
        elif isinstance(record, RepairIntended):
            names.add(record.order.client_order_id)
    return names


@pytest.mark.parametrize(("kind", "reason"), [("full", "No space left on device"), ("sync", "Invalid argument")])
async def test_trading_halts_what_is_open_is_cancelled_and_the_run_ends(tmp_path: Path, kind: str, reason: str) -> None:
    orchestrator = Orchestrator(trading_settings(tmp_path))
    await orchestrator.start()
    view = orchestrator.platform.system.view
    await until(lambda: bool(view(OMS).filled >= 2), "two orders filled")
    # A full device refuses the write; a pipe takes it, and cannot be synced.
    descriptors = [os.open("/dev/full", os.O_WRONLY)] if kind == "full" else list(os.pipe())
    os.dup2(descriptors[-1], orchestrator.state.journal._file)
    await orchestrator.wait(60)
    assert view(RISK).trading is TradingState.HALTED
    assert view(RISK).reason == f"the order journal failed: {reason} (by oms)"
    outcome = await orchestrator.stop()
    for descriptor in descriptors:
        os.close(descriptor)
    assert outcome.halted
    assert outcome.picture["orders"]["open"] == 0
    assert read_halt(tmp_path / "state") == f"the order journal failed: {reason} (by oms)"
    traded = {fill.client_order_id for fill in outcome.fills.fills}
    assert traded <= intended(tmp_path / "state" / "journal"), "nothing left that was not on disk"
    assert any(isinstance(record, OrderChanged) for record in map(decode, Journal.read(tmp_path / "state" / "journal")))
