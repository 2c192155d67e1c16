"""Events through a real NATS server: their subjects, and that no fate of the server harms anything but them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import pytest
from msgspec import json
from nats.aio.client import Client
from nats.aio.msg import Msg

from integrated_trading_system.config.outputs import OutputSettings
from integrated_trading_system.orchestrator.outputs import Outputs
from integrated_trading_system.runtime.bus import Bus
from tests.support.outputs import TIMEOUT, OneBook, fill, heartbeat, logged, quote, trade
from tests.support.served import PATIENCE, until
from tests.support.services import Server, nats_command, served


class Bench:
    """The output as the platform builds it, a bus, and somebody who listens to the same server."""

    def __init__(self, outputs: Outputs) -> None:
        self.outputs = outputs
        self.bus = Bus()

    def figures(self) -> dict[str, Any]:
        return self.outputs.statistics()["nats"]

    async def delivered(self, count: int) -> None:
        await until(lambda: self.figures()["delivered"] >= count, f"{count} events to be delivered")

    async def failed(self, times: int = 1) -> None:
        await until(lambda: self.figures()["failures"] >= times, "a failure")

    def balance(self) -> int:
        seen = self.figures()
        gone = seen["delivered"] + seen["conflated"] + sum(seen["dropped"].values()) + seen["refused"]
        return int(seen["told"] - gone - seen["waiting"])


@asynccontextmanager
async def bench(server: Server, address: str = "", **settings: Any) -> AsyncIterator[Bench]:
    """Impatient."""
    url = address or f"nats://127.0.0.1:{server.port}"
    terms = {"url": "env:WHERE", "flush_ms": 0, "timeout_s": TIMEOUT, "retry_first_s": 0.02, "retry_max_s": 0.05}
    chosen = OutputSettings.model_validate({"nats": {"enabled": True, **terms, **settings}})
    outputs = Outputs(
        chosen,
        books=OneBook(),
        state_dir=Path(),
        run="1",
        environment={"WHERE": url},
    )
    one = Bench(outputs)
    outputs.start(one.bus)
    try:
        yield one
    finally:
        await outputs.stop()


@asynccontextmanager
async def listening(server: Server, subject: str) -> AsyncIterator["Listener"]:
    client = await nats.connect(f"nats://127.0.0.1:{server.port}", allow_reconnect=False)
    try:
        listener = Listener(client, await client.subscribe(subject))
        await client.flush()
        yield listener
    finally:
        await client.close()


class Listener:
    """Hears what is published."""

    def __init__(self, client: Client, subscription: Any) -> None:
        self.client = client
        self._subscription = subscription

    async def hear(self, count: int) -> list[Msg]:
        """The next so many."""
        return [await self._subscription.next_msg(timeout=PATIENCE) for _ in range(count)]


async def test_an_event_is_told_under_its_type_and_symbol_and_heartbeats_under_the_systems(
    nats_server: Server,
) -> None:
    async with listening(nats_server, "one.>") as listener, bench(nats_server, subject_prefix="one") as one:
        for message in (trade(1), quote(2, "ETHUSDT"), heartbeat(3)):
            one.bus.publish(message)
        heard = await listener.hear(3)
    assert [message.subject for message in heard] == [
        "one.trade.BTCUSDT",
        "one.quote.ETHUSDT",
        "one.heartbeat.__system__",
    ]
    first, second, third = (json.decode(message.data) for message in heard)
    assert (first["type"], first["provider"], first["symbol"], first["price"]) == (
        *("trade", "binance:usdm", "BTCUSDT"),
        101.0,
    )
    assert (second["bid"], second["ask"], second["n"]) == (102.0, 103.0, 2)
    assert (third["type"], third["provider"], third["synthetic"]) == ("heartbeat", "binance:usdm", True)


async def test_the_usual_prefix_is_md_events(nats_server: Server) -> None:
    async with listening(nats_server, "md.events.>") as listener, bench(nats_server) as one:
        one.bus.publish(trade(1))
        assert (await listener.hear(1))[0].subject == "md.events.trade.BTCUSDT"


@pytest.mark.parametrize(
    ("symbol", "word"),
    [("BTC.P", "BTC_P"), ("A B", "A_B"), ("*", "_"), (">", "_"), ("BTC-USD", "BTC-USD"), ("币", "币")],
)
async def test_a_symbol_is_one_word_of_the_subject_whatever_is_in_it(
    nats_server: Server, symbol: str, word: str
) -> None:
    async with listening(nats_server, "odd.>") as listener, bench(nats_server, subject_prefix="odd") as one:
        one.bus.publish(trade(1, symbol))
        (heard,) = await listener.hear(1)
    assert heard.subject == f"odd.trade.{word}"
    assert json.decode(heard.data)["symbol"] == symbol


async def test_only_the_kinds_that_were_asked_for_are_told(nats_server: Server) -> None:
    async with bench(nats_server, subject_prefix="some", events=["trade"]) as one:
        for message in (quote(1), trade(2), fill(3), heartbeat(4)):
            one.bus.publish(message)
        await one.delivered(1)
        assert one.figures()["told"] == 1


async def test_a_burst_arrives_whole_and_in_order(nats_server: Server) -> None:
    async with listening(nats_server, "burst.>") as listener, bench(nats_server, subject_prefix="burst") as one:
        for number in range(2_000):
            one.bus.publish(trade(number))
        heard = [json.decode(message.data)["n"] for message in await listener.hear(2_000)]
    assert heard == list(range(1, 2_001))


async def test_what_the_server_finds_too_large_is_dropped_counted_and_holds_up_nothing(nats_server: Server) -> None:
    async with listening(nats_server, "large.>") as listener, bench(nats_server, subject_prefix="large") as one:
        one.bus.publish(trade(1, "X" * 2_000_000))
        one.bus.publish(trade(2))
        (heard,) = await listener.hear(1)
        assert json.decode(heard.data)["n"] == 2
        await one.delivered(1)
        await until(lambda: one.figures()["dropped"] == {"trade": 1}, "what is too large to be counted")
        assert one.balance() == 0


# -- trouble ---------------------------------------------------------------------------------------


async def test_an_absent_server_is_one_warning_and_counted_drops(own_nats: Server) -> None:
    own_nats.kill()
    with logged() as lines:
        async with bench(own_nats, capacity=100, conflate_from_percent=100) as one:
            await one.failed(2)
            for number in range(1_000):
                one.bus.publish(trade(number))
                one.bus.publish(quote(number))
                one.bus.publish(heartbeat(number))
            await one.failed(4)
            seen = one.figures()
            assert (seen["waiting"], one.balance()) == (100, 0)
            assert set(seen["dropped"]) == {"heartbeat", "quote", "trade"}
    assert len(lines) == 2
    assert "Connect call failed" in lines[0]
    assert "100 did not get out before the end" in lines[1]


async def test_a_server_that_dies_and_returns_gets_what_waited(own_nats: Server) -> None:
    with logged() as lines:
        async with bench(own_nats) as one:
            one.bus.publish(trade(1))
            await one.delivered(1)
            own_nats.kill()
            for number in range(2, 12):
                one.bus.publish(trade(number))
            await one.failed(2)
            own_nats.start()
            await one.delivered(11)
            assert (one.figures()["waiting"], one.balance()) == (0, 0)
    assert len(lines) == 1


async def test_a_server_that_hangs_is_left_and_what_it_did_not_answer_is_told_again(own_nats: Server) -> None:
    async with bench(own_nats, timeout_s=0.2) as one:
        one.bus.publish(trade(1))
        await one.delivered(1)
        own_nats.freeze()
        one.bus.publish(trade(2))
        await one.failed(2)
        own_nats.thaw()
        await one.delivered(2)
        assert one.balance() == 0


RULES = """
authorization { users = [ {user: its, password: word-of-today, permissions: {publish: {deny: ["rules.quote.>"]}}} ] }
"""


async def test_what_the_servers_rules_forbid_is_dropped_counted_and_the_rest_goes_through(tmp_path: Path) -> None:
    rules = tmp_path / "rules.conf"
    rules.write_text(RULES)
    with served(nats_command("--config", str(rules)), tmp_path) as server, logged() as lines:
        address = f"nats://its:word-of-today@127.0.0.1:{server.port}"
        async with bench(server, address, subject_prefix="rules", flush_ms=50) as one:
            for number in range(3):
                one.bus.publish(trade(number))
                one.bus.publish(quote(number, f"SYMBOL{number}"))
            await one.delivered(3)
            await until(lambda: one.figures()["dropped"] == {"quote": 3}, "what is forbidden to be counted")
            assert one.balance() == 0
    assert len(lines) == 1
    assert "permissions violation" in lines[0]
    assert "word-of-today" not in lines[0]


async def test_a_password_that_is_not_taken_is_one_warning_without_the_password(tmp_path: Path) -> None:
    rules = tmp_path / "rules.conf"
    rules.write_text(RULES)
    with served(nats_command("--config", str(rules)), tmp_path) as server, logged() as lines:
        async with bench(server, f"nats://its:word-of-yesterday@127.0.0.1:{server.port}") as one:
            await one.failed(3)
    assert len(lines) == 1
    assert "authorization" in lines[0].lower()
    assert "word-of-yesterday" not in lines[0]


# -- JetStream -------------------------------------------------------------------------------------


async def test_with_jetstream_a_stream_is_made_and_every_event_is_kept_once(own_nats: Server) -> None:
    async with bench(own_nats, jetstream=True, subject_prefix="kept", stream="kept") as one:
        for number in range(1, 301):
            one.bus.publish(trade(number))
        await one.delivered(300)
        client = await nats.connect(f"nats://127.0.0.1:{own_nats.port}")
        info = await client.jetstream().stream_info("kept")
        await client.close()
    assert info.state.messages == 300
    assert (info.config.subjects, info.config.max_age, info.config.max_bytes) == (["kept.>"], 86_400.0, 1_073_741_824)


async def test_an_event_that_is_sent_again_after_the_server_died_is_kept_once(own_nats: Server) -> None:
    async with bench(own_nats, jetstream=True, subject_prefix="again", stream="again") as one:
        for number in range(1, 501):
            one.bus.publish(trade(number))
            if number == 250:
                await one.delivered(1)
                own_nats.kill()
        await one.failed(2)
        own_nats.start()
        await one.delivered(500)
        client = await nats.connect(f"nats://127.0.0.1:{own_nats.port}")
        stream = client.jetstream()
        kept = await stream.stream_info("again")
        last = await stream.get_last_msg("again", "again.trade.BTCUSDT")
        await client.close()
    assert json.decode(last.data or b"")["n"] == 500
    assert kept.state.messages == 500


async def test_a_stream_that_exists_stays_as_it_is(own_nats: Server) -> None:
    client = await nats.connect(f"nats://127.0.0.1:{own_nats.port}")
    stream = client.jetstream()
    await stream.add_stream(name="mine", subjects=["mine.>"], max_msgs=2)
    async with bench(own_nats, jetstream=True, subject_prefix="mine", stream="mine") as one:
        for number in range(5):
            one.bus.publish(trade(number))
        await one.delivered(5)
    info = await stream.stream_info("mine")
    await client.close()
    assert (info.config.max_msgs, info.state.messages) == (2, 2)


async def test_what_a_full_stream_refuses_is_not_lost(own_nats: Server) -> None:
    client = await nats.connect(f"nats://127.0.0.1:{own_nats.port}")
    stream = client.jetstream()
    await stream.add_stream(name="full", subjects=["full.>"], max_msgs=2, discard=nats.js.api.DiscardPolicy.NEW)
    with logged() as lines:
        async with bench(own_nats, jetstream=True, subject_prefix="full", stream="full") as one:
            for number in range(2):
                one.bus.publish(trade(number))
            await one.delivered(2)
            one.bus.publish(trade(3))
            await one.failed(2)
            await stream.purge_stream("full")
            await one.delivered(3)
            assert one.balance() == 0
    await client.close()
    assert len(lines) == 1
    assert "maximum messages exceeded" in lines[0]


async def test_the_end_is_reached_though_the_server_hangs(own_nats: Server) -> None:
    async with bench(own_nats, timeout_s=30.0) as one:
        one.bus.publish(trade(1))
        await one.delivered(1)
        own_nats.freeze()
        one.bus.publish(trade(2))
        await asyncio.sleep(0)
        await one.outputs.stop()
        assert one.figures()["waiting"] == 1
