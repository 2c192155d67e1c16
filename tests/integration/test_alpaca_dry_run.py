"""Without keys the platform starts with Alpaca in it, connects to nothing, and says so by heartbeats."""

import asyncio
from pathlib import Path

import pytest

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.health import Heartbeat
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.drivers import http, websocket
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.orchestrator.platform import connector_name
from tests.support.collector import Collector
from tests.support.served import until


async def test_alpaca_without_keys_is_only_spoken_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(websocket.WebSocketDriver, "open", lambda _, effect: asked.append(effect))
    monkeypatch.setattr(http.HttpDriver, "call", lambda _, effect: asked.append(effect))
    venues = {
        name: {"symbols": [symbol], "heartbeat_every_s": 0.05}
        for name, symbol in (("alpaca:stocks", "AAPL"), ("alpaca:crypto", "BTC/USD"))
    }
    tree = {"mode": "paper", "state_dir": tmp_path, "venues": venues, "http": {"enabled": False}}
    orchestrator = Orchestrator(PlatformSettings.model_validate(tree | {"log": {"level": "ERROR"}}))
    before = asyncio.all_tasks()
    await orchestrator.start()
    heard = Collector()
    orchestrator.platform.system.bus.subscribe(Heartbeat, heard)
    try:
        await until(lambda: len(heard.of(Heartbeat)) >= 6, "heartbeats of both")
        view = orchestrator.platform.system.view(connector_name(VenueId("alpaca:crypto")))
    finally:
        await orchestrator.stop()
    assert asyncio.all_tasks() == before
    assert asked == []
    assert view.links == {}
    assert {(beat.venue, beat.synthetic) for beat in heard.of(Heartbeat)} == {(name, True) for name in venues}
