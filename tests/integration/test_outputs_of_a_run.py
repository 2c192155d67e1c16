"""A whole run in dev mode with every output on: what others read, what is shown of it, and that it ends in order."""

from pathlib import Path
from typing import Any

import aiohttp
from msgspec import json
from redis.asyncio import Redis

from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from tests.support.served import until
from tests.support.services import Server
from tests.support.virtual_platform import dev_settings

NAMES = ["redis", "redis_books", "nats", "jsonl"]


def settings_of(folder: Path, redis: int, nats: int) -> Any:
    return dev_settings(
        folder,
        http={"port": 0},
        storage={"flush_ms": 100},
        outputs={
            "redis": {"enabled": True, "url": f"redis://127.0.0.1:{redis}/1", "venue": "bybit:linear"},
            "nats": {"enabled": True, "url": f"nats://127.0.0.1:{nats}", "subject_prefix": "run"},
            "jsonl": {"enabled": True, "flush_ms": 20},
        },
    )


async def page(session: aiohttp.ClientSession, port: int, path: str) -> str:
    async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
        assert answer.status == 200
        return await answer.text()


async def test_a_run_tells_everybody_and_accounts_for_every_event(
    redis_server: Server, nats_server: Server, tmp_path: Path
) -> None:
    one = Orchestrator(settings_of(tmp_path / "state", redis_server.port, nats_server.port))
    await one.start()
    try:
        reader = Redis.from_url(f"redis://127.0.0.1:{redis_server.port}/1")
        await until(
            lambda: all(one._outputs.statistics()[name]["delivered"] > 1 for name in NAMES), "every output to deliver"
        )
        price = json.decode(await reader.get("pms:price:BTCUSDT") or b"")
        book = json.decode(await reader.get("pms:book:BTCUSDT") or b"")
        await reader.aclose()
        async with aiohttp.ClientSession() as session:
            queues = json.decode(await page(session, one.http_port, "/bus-stats"))["queues"]
            metrics = await page(session, one.http_port, "/metrics")
    finally:
        outcome = await one.stop()
    assert price["bid"] < price["mid"] < price["ask"]
    assert book["bids"][0][0] < book["asks"][0][0]
    assert {"history", *NAMES} <= queues.keys()
    assert all(queues[name]["fill_percent"] < 80 and queues[name]["backpressure"] == "normal" for name in NAMES)
    assert 'output_connected{output="nats"} 1.0' in metrics
    assert 'market_outcomes_total{outcome="delivered",provider="bybit:linear",symbol="BTCUSDT",type="trade"}' in metrics
    outputs = outcome.picture["outputs"]
    assert list(outputs) == NAMES
    for figures in outputs.values():
        gone = figures["delivered"] + figures["conflated"] + sum(figures["dropped"].values()) + figures["refused"]
        assert figures["told"] == gone + figures["waiting"]
    lines = (tmp_path / "state" / "events.jsonl").read_bytes().splitlines()
    assert len(lines) == outputs["jsonl"]["delivered"] == outputs["jsonl"]["told"]
    assert {"trade", "quote", "book_state", "link"} <= {json.decode(line)["type"] for line in lines}


async def test_servers_that_are_not_there_harm_nothing_but_their_own_output(
    own_redis: Server, own_nats: Server, tmp_path: Path
) -> None:
    own_redis.kill()
    own_nats.kill()
    one = Orchestrator(settings_of(tmp_path / "state", own_redis.port, own_nats.port))
    await one.start()
    await until(lambda: one._outputs.statistics()["jsonl"]["delivered"] > 20, "the event log")
    outcome = await one.stop()
    assert outcome.failure is None
    assert not outcome.halted
    outputs = outcome.picture["outputs"]
    assert [outputs[name]["delivered"] for name in ("redis", "nats")] == [0, 0]
    assert outputs["nats"]["waiting"] == outputs["nats"]["told"] - outputs["nats"]["conflated"] > 0


async def test_a_run_without_outputs_has_none_and_shows_none(tmp_path: Path) -> None:
    one = Orchestrator(dev_settings(tmp_path / "state"))
    await one.start()
    outcome = await one.stop()
    assert outcome.picture["outputs"] == {}
