"""Prices and books in a real Redis: the keys that others read, and that nothing it does to us harms anything else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import json
from redis.asyncio import Redis

from integrated_trading_system.config.outputs import OutputSettings
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.drivers.publish.redis import COMMANDS
from integrated_trading_system.orchestrator.outputs import Outputs
from integrated_trading_system.runtime.bus import Bus
from tests.support.outputs import TIMEOUT, OneBook, logged, quote
from tests.support.served import until
from tests.support.services import Server


class Bench:
    """The outputs as the platform builds them, a bus, the books, and a reader of the same Redis."""

    def __init__(self, reader: "Redis", outputs: Outputs) -> None:
        self.reader = reader
        self.outputs = outputs
        self.bus = Bus()
        self.books = outputs._books

    def tell(self, number: int, symbol: str = "BTCUSDT", **changes: Any) -> None:
        told = quote(number, symbol, **changes)
        self.books.tell(told)  # type: ignore[attr-defined]
        self.bus.publish(told)

    def figures(self, name: str = "redis") -> dict[str, Any]:
        return self.outputs.statistics()[name]

    async def delivered(self, count: int, name: str = "redis") -> None:
        await until(lambda: self.figures(name)["delivered"] >= count, f"{count} writes of {name}")

    async def failed(self, times: int = 1) -> None:
        await until(lambda: self.figures()["failures"] >= times, "a failure")


def reading(server: Server) -> "Redis":
    """A client that opens its connections with no command of its own: what the server counts is then ours."""
    return Redis.from_url(f"redis://127.0.0.1:{server.port}/0", protocol=2, driver_info=None)


async def read(reader: "Redis", key: str) -> Any:
    """What is kept there."""
    value = await reader.get(key)
    assert value is not None
    return json.decode(value)


async def ask(reader: "Redis", *command: str) -> Any:
    """A command that the client has no method for."""
    return await reader.execute_command(*command)  # type: ignore[no-untyped-call]


@asynccontextmanager
async def bench(server: Server, address: str = "", **settings: Any) -> AsyncIterator[Bench]:
    """With the books off unless a test wants them, and impatient."""
    url = f"redis://127.0.0.1:{server.port}/0"
    terms = {"url": "env:WHERE", "book_levels": 0, "timeout_s": TIMEOUT, "retry_first_s": 0.02, "retry_max_s": 0.05}
    chosen = OutputSettings.model_validate({"redis": {"enabled": True, **terms, **settings}})
    outputs = Outputs(
        chosen,
        books=OneBook(),
        state_dir=Path(),
        run="1",
        environment={"WHERE": address or url},
    )
    async with reading(server) as reader:
        one = Bench(reader, outputs)
        outputs.start(one.bus)
        try:
            yield one
        finally:
            await outputs.stop()


async def test_a_price_is_a_key_of_the_symbol_with_json_in_milliseconds_that_lives_30_seconds(
    own_redis: Server,
) -> None:
    async with bench(own_redis) as one:
        one.tell(7)
        await one.delivered(1)
        assert await one.reader.keys("*") == [b"pms:price:BTCUSDT"]
        value = await read(one.reader, "pms:price:BTCUSDT")
        assert value == {"bid": 107.0, "ask": 108.0, "mid": 107.5, "ts": 7, "source": "l1"}
        assert 29_000 < await one.reader.pttl("pms:price:BTCUSDT") <= 30_000


async def test_every_written_price_is_told_on_the_channel(own_redis: Server) -> None:
    async with bench(own_redis, write_every_ms=1) as one, one.reader.pubsub() as listener:
        await listener.subscribe("pms:price")
        await listener.get_message(timeout=TIMEOUT)
        for number in range(1, 4):
            one.tell(number)
            await one.delivered(number)
        messages = [await listener.get_message(timeout=5.0) for _ in range(3)]
        told = [json.decode(message["data"]) for message in messages if message is not None]
        assert [(one["symbol"], one["ts"]) for one in told] == [("BTCUSDT", 1), ("BTCUSDT", 2), ("BTCUSDT", 3)]


async def test_a_symbol_is_written_once_in_500_ms_however_often_it_changes(own_redis: Server) -> None:
    async with bench(own_redis) as one:
        one.tell(1)
        await one.delivered(1)
        first = await one.reader.time()
        for number in range(2, 50):
            one.tell(number)
        await one.delivered(2)
        second = await one.reader.time()
        assert (second[0] - first[0]) * 1_000_000 + second[1] - first[1] > 450_000  # the clock is the server's
        assert (await read(one.reader, "pms:price:BTCUSDT"))["ts"] == 49
        assert one.figures()["conflated"] == 47


async def test_only_the_source_venue_is_written_and_the_prefix_stands_before_everything(redis_server: Server) -> None:
    async with bench(redis_server, venue="bybit:linear", key_prefix="its:") as one, one.reader.pubsub() as listener:
        await listener.subscribe("its:pms:price")
        await listener.get_message(timeout=TIMEOUT)
        one.tell(1)
        one.tell(2, venue="bybit:linear")
        await one.delivered(1)
        assert await one.reader.keys("its:*") == [b"its:pms:price:BTCUSDT"]
        message = await listener.get_message(timeout=5.0)
        assert message is not None
        assert json.decode(message["data"])["ts"] == 2


async def test_one_sided_books_and_books_that_are_not_believed_are_not_written(own_redis: Server) -> None:
    async with bench(own_redis) as one:
        one.tell(1, "ONESIDED", ask=0.0)
        one.bus.publish(quote(1, "UNKNOWN"))
        one.tell(1, "GOOD")
        await one.delivered(1)
        assert await one.reader.keys("*") == [b"pms:price:GOOD"]
        assert one.figures()["dropped"] == {"one_sided": 1, "not_valid": 1}


async def test_the_best_levels_of_a_book_are_a_key_of_their_own(own_redis: Server) -> None:
    async with bench(own_redis, book_levels=3) as one:
        one.tell(7)
        await one.delivered(1, "redis_books")
        value = await read(one.reader, "pms:book:BTCUSDT")
        assert value["bids"] == [[107.0, 1.0], [106.0, 2.0], [105.0, 3.0]]
        assert value["asks"] == [[108.0, 1.0], [109.0, 2.0], [110.0, 3.0]]
        assert (value["ts"], value["source"]) == (7, "l2")
        assert 0 < await one.reader.pttl("pms:book:BTCUSDT") <= 30_000


# -- what it may do, and what it leaves alone -------------------------------------------------------


async def test_nothing_but_two_commands_is_ever_asked_of_the_server(own_redis: Server) -> None:
    async with reading(own_redis) as admin:
        await admin.set("somebody:elses", "treasure")
        async with bench(own_redis, book_levels=2, write_every_ms=1) as one:
            for number in range(1, 4):
                one.tell(number)
                await one.delivered(number)
            await one.delivered(1, "redis_books")
        statistics = await admin.info("commandstats")
        ours = {name.removeprefix("cmdstat_").upper() for name in statistics} - {"INFO", "TIME"}
        assert ours == COMMANDS  # no password and database 0: not even AUTH and SELECT
        assert await admin.get("somebody:elses") == b"treasure"


async def test_an_account_that_may_do_only_that_is_enough(own_redis: Server) -> None:
    async with reading(own_redis) as admin:
        rules = (
            "on",
            ">secret-word",
            "~pms:*",
            "resetchannels",
            "&pms:*",
            "-@all",
            *(f"+{name.lower()}" for name in COMMANDS),
        )
        await ask(admin, "ACL", "SETUSER", "its", *rules)
        address = f"redis://its:secret-word@127.0.0.1:{own_redis.port}/0"
        async with bench(own_redis, address, book_levels=2) as one:
            one.tell(1)
            await one.delivered(1)
            await one.delivered(1, "redis_books")
            assert one.figures()["failures"] == 0


# -- trouble ---------------------------------------------------------------------------------------


async def test_a_server_that_is_killed_and_comes_back_empty_costs_one_warning_and_gets_every_price_again(
    own_redis: Server,
) -> None:
    with logged() as lines:
        async with bench(own_redis, write_every_ms=1) as one:
            one.tell(1, "QUIET")
            one.tell(1, "BTCUSDT")
            await one.delivered(2)
            own_redis.kill()
            for number in range(2, 1_000):
                one.tell(number)
            await one.failed(3)
            assert one.figures()["waiting"] <= 2
            own_redis.start()
            async with reading(own_redis) as reader:
                await one.delivered(4)
                assert sorted(await reader.keys("*")) == [b"pms:price:BTCUSDT", b"pms:price:QUIET"]
                assert (await read(reader, "pms:price:BTCUSDT"))["ts"] == 999
        seen = one.figures()
        assert seen["told"] == seen["delivered"] + seen["conflated"] + sum(seen["dropped"].values()) + seen["waiting"]
    assert len(lines) == 1


async def test_a_server_that_hangs_holds_up_nobody_and_is_left(own_redis: Server) -> None:
    async with bench(own_redis, timeout_s=0.1, write_every_ms=1) as one:
        one.tell(1)
        await one.delivered(1)
        own_redis.freeze()
        one.tell(2)
        await one.failed(2)
        assert "Timeout" in one.figures()["error"]
        own_redis.thaw()
        await one.delivered(2)
        assert (await read(one.reader, "pms:price:BTCUSDT"))["ts"] == 2


async def test_a_server_that_is_full_is_told_once_and_used_again_when_it_has_room(own_redis: Server) -> None:
    with logged() as lines:
        async with bench(own_redis, write_every_ms=1) as one:
            await one.reader.config_set("maxmemory", "1")
            one.tell(1)
            await one.failed(2)
            assert "maxmemory" in one.figures()["error"]
            await one.reader.config_set("maxmemory", "0")
            await one.delivered(1)
    assert len(lines) == 1


async def test_a_server_that_asks_for_a_password_that_we_do_not_have_is_tried_again(own_redis: Server) -> None:
    async with bench(own_redis, write_every_ms=1) as one:
        one.tell(1)
        await one.delivered(1)
        await one.reader.config_set("requirepass", "changed-today")
        await ask(one.reader, "AUTH", "changed-today")
        await one.reader.client_kill_filter(_type="normal", skipme=True)
        one.tell(2)
        await one.failed(2)
        await one.reader.config_set("requirepass", "")
        await one.delivered(2)


async def test_an_absent_server_is_one_warning_and_the_end_does_not_wait_for_it(own_redis: Server) -> None:
    own_redis.kill()
    with logged() as lines:
        async with bench(own_redis) as one:
            for number in range(100):
                one.tell(number)
            await one.failed(3)
    assert "Connect call failed" in lines[0]
    assert "1 did not get out before the end" in lines[1]
    assert len(lines) == 2
    assert one.figures()["waiting"] == 1


def test_what_is_off_is_not_even_subscribed() -> None:
    bus = Bus()
    settings = OutputSettings()
    outputs = Outputs(settings, books=OneBook(), state_dir=Path(), run="1", environment={})
    outputs.start(bus)
    assert bus.listeners(Quote, "binance:usdm:BTCUSDT") == []
    assert outputs.statistics() == {}


def test_an_address_with_a_password_belongs_into_the_environment() -> None:
    with pytest.raises(ValueError, match="env:NAME") as caught:
        OutputSettings.model_validate({"redis": {"url": "redis://:word@127.0.0.1/0"}})
    assert "word@" not in str(caught.value)
