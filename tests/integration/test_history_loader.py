"""Loading the past: what is there is not asked for again, and a load that was cut goes on where it ended."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system import MarketDataService
from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.errors import ConfigurationError, HistoryIncomplete, Refused
from integrated_trading_system.domain.history import HistoryKind
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.intervals import opened_at
from integrated_trading_system.domain.time import DAY, HOUR, MINUTE, Nanos
from integrated_trading_system.drivers.loop import Clock
from integrated_trading_system.drivers.storage.past import Wanted
from integrated_trading_system.orchestrator.commands.cli import main
from integrated_trading_system.orchestrator.history_loader import HistoryLoader, Loaded, Progress
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.simulation.exchange.dialect import Dialect
from integrated_trading_system.simulation.market import MarketSettings
from tests.support.limping import Limping
from tests.support.served import ROOT, ServedMarket, until

BTC = InstrumentId("binance:spot:BTCUSDT")
MINUTES = 3_500
"""Of history that the venue has: four pages of a thousand."""
PAST = MarketSettings(events_per_second=1.0, levels=3, history_minutes=MINUTES)
IMPATIENT = {"backoff_first_s": 0.01, "backoff_max_s": 0.01}
PATIENT = {"backoff_first_s": 60, "backoff_max_s": 60}
"""Whoever is refused a page then waits until it is killed."""


class Served:
    """A venue on a port, its history under the test's control."""

    def __init__(self, market: ServedMarket, venue: Limping) -> None:
        self.venue = venue
        self.port = market.ports["binance:spot"]

    def settings(self, state_dir: Path, **changes: Any) -> PlatformSettings:
        place = {"rest_url": f"http://127.0.0.1:{self.port}", "ws_url": f"ws://127.0.0.1:{self.port}"}
        tree: dict[str, Any] = {
            "mode": "paper",
            "state_dir": state_dir,
            "venues": {"binance:spot": {"on_demand": True, **place, **IMPATIENT}},
            "storage": {"only_loaded": True},
            "http": {"enabled": False},
            "log": {"level": "ERROR"},
        }
        return PlatformSettings.model_validate({**tree, **changes})

    @asynccontextmanager
    async def loader(self, state_dir: Path, **changes: Any) -> AsyncIterator[HistoryLoader]:
        orchestrator = Orchestrator(self.settings(state_dir, **changes))
        await orchestrator.start()
        try:
            yield HistoryLoader(orchestrator)
        finally:
            await orchestrator.stop()

    async def once(self, state_dir: Path, wanted: Wanted, **changes: Any) -> Loaded:
        async with self.loader(state_dir, **changes) as loader:
            return await loader.load(wanted)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    fronts: list[Limping] = []

    def front(dialect: Dialect) -> Dialect:
        fronts.append(Limping(dialect))
        return fronts[0]

    async with ServedMarket("binance:spot", settings=PAST, front=front) as market:
        yield Served(market, fronts[0])


@pytest.fixture
def wanted() -> Wanted:
    """Fifty hours that are over."""
    end = opened_at("1h", Clock().now() - HOUR)
    return Wanted(BTC, HistoryKind.CANDLES, "1m", Nanos(end - 50 * HOUR), end)


def stored(state_dir: Path) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(state_dir / "market_data.db")
    try:
        question = (
            "SELECT opened_at, open, high, low, close, volume, quote_volume, trades, closed, made FROM kline_data"
        )
        return connection.execute(f"{question} ORDER BY opened_at").fetchall()
    finally:
        connection.close()


# -- the loader ------------------------------------------------------------------------------------


async def test_every_candle_comes_once_and_a_second_load_asks_nothing(
    served: Served, wanted: Wanted, tmp_path: Path
) -> None:
    told: list[Progress] = []
    async with served.loader(tmp_path) as loader:
        first = await loader.load(wanted, told.append)
        asked = served.venue.given
        second = await loader.load(wanted)
    assert [candle.opened_at for candle in first.candles] == list(range(wanted.start, wanted.end, MINUTE))
    assert (first.rows, first.already, second.rows, second.already) == (3_000, 0, 0, 3_000)
    assert second.candles == first.candles
    assert served.venue.given == asked == 3
    assert [(one.part, one.rows) for one in told] == [(0.0, 0), (1 / 3, 1_000), (2 / 3, 2_000), (1.0, 3_000)]


async def test_a_load_that_failed_in_the_middle_goes_on_there_and_ends_as_if_it_had_not(
    served: Served, wanted: Wanted, tmp_path: Path
) -> None:
    served.venue.gives = 2
    async with served.loader(tmp_path / "cut") as loader:
        with pytest.raises(HistoryIncomplete, match=f"{BTC} candles 1m: status 503; 2000 rows loaded, 67%"):
            await loader.load(wanted)
    served.venue.gives = float("inf")
    resumed = await served.once(tmp_path / "cut", wanted)
    assert (resumed.rows, resumed.already) == (1_000, 2_000)
    assert served.venue.given == 3
    whole = await served.once(tmp_path / "whole", wanted)
    assert resumed.candles == whole.candles
    assert stored(tmp_path / "cut") == stored(tmp_path / "whole")


async def test_only_what_is_missing_is_asked_for(served: Served, wanted: Wanted, tmp_path: Path) -> None:
    async with served.loader(tmp_path) as loader:
        await loader.load(replace(wanted, start=Nanos(wanted.start + 20 * HOUR), end=Nanos(wanted.start + 21 * HOUR)))
        whole = await loader.load(wanted)
    assert (whole.rows, whole.already) == (49 * 60, 60)
    assert [candle.opened_at for candle in whole.candles] == list(range(wanted.start, wanted.end, MINUTE))


async def test_the_candle_that_is_open_is_not_among_them_and_is_asked_for_again(
    served: Served, wanted: Wanted, tmp_path: Path
) -> None:
    async with served.loader(tmp_path) as loader:
        now = Clock().now()
        to_now = replace(wanted, interval="1d", start=opened_at("1d", now - DAY), end=now)
        for asked in (1, 2):
            loaded = await loader.load(to_now)
            assert all(candle.opened_at < opened_at("1d", Clock().now()) for candle in loaded.candles)
            assert served.venue.given == asked


async def test_without_a_database_everything_is_loaded_and_returned_every_time(
    served: Served, wanted: Wanted, tmp_path: Path
) -> None:
    stored_candles = await served.once(tmp_path / "stored", wanted)
    async with served.loader(tmp_path / "not", storage={"enabled": False}) as loader:
        for _ in range(2):
            loaded = await loader.load(wanted)
            assert [replace(candle, received_at=Nanos(0)) for candle in loaded.candles] == list(stored_candles.candles)
            assert (loaded.rows, loaded.already) == (3_000, 0)
    assert served.venue.given == 9


async def test_what_the_venue_does_not_have_is_said_with_its_name(
    served: Served, wanted: Wanted, tmp_path: Path
) -> None:
    async with served.loader(tmp_path) as loader:
        for wrong, reason in (
            (replace(wanted, instrument=InstrumentId("binance:spot:NOTHING")), "NOTHING .* does not list"),
            (replace(wanted, kind=HistoryKind.FUNDING, interval=""), f"{BTC} funding: the venue has no funding"),
            (replace(wanted, kind=HistoryKind.MARK_CANDLES), "mark candles 1m: the venue has no mark candles"),
        ):
            with pytest.raises(HistoryIncomplete, match=reason):
                await loader.load(wrong)


async def test_stopping_ends_a_load_and_keeps_what_came(served: Served, wanted: Wanted, tmp_path: Path) -> None:
    orchestrator = Orchestrator(served.settings(tmp_path))
    await orchestrator.start()

    def stop(progress: Progress) -> None:
        if progress.rows:
            orchestrator.request_stop()

    served.venue.gives = 1
    with pytest.raises(HistoryIncomplete, match="stopped; 1000 rows loaded"):
        await HistoryLoader(orchestrator).load(wanted, stop)
    await orchestrator.stop()
    assert len(stored(tmp_path)) == 1_000


async def test_a_database_that_takes_nothing_any_more_is_told_before_anything_is_asked(
    served: Served, wanted: Wanted, tmp_path: Path
) -> None:
    orchestrator = Orchestrator(served.settings(tmp_path))
    await orchestrator.start()
    assert orchestrator.history is not None
    orchestrator.history.outbox.add("trade_data", ("x", "1", "not a number", 1.0, "buy", 0, 0))
    with pytest.raises(HistoryIncomplete, match=f"{BTC}: what is loaded cannot be kept: history .*market_data.db"):
        await HistoryLoader(orchestrator).load(wanted)
    await orchestrator.stop()
    assert served.venue.given == 0


# -- the service -----------------------------------------------------------------------------------


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[MarketDataService]:
    service = MarketDataService({"mode": "dev", "state_dir": tmp_path / "state", "log": {"level": "ERROR"}})
    yield service
    await service.stop()


async def test_the_service_loads_days_back_of_candles_and_of_mark_prices(service: MarketDataService) -> None:
    with pytest.raises(Refused, match="start"):
        await service.load_historical_data("BTCUSDT", "1m", 1)
    await service.start()
    told: list[Progress] = []
    candles = await service.load_historical_data("BTCUSDT", "5m", 0.5, venue="binance", progress=told.append)
    assert len(candles) in (144, 145)
    assert all(candle.closed for candle in candles)
    assert told[-1].part == 1.0
    marks = await service.load_historical_data("BTCUSDT", "1h", 0.5, kind="mark_candles")
    assert len(marks) in (12, 13)
    assert all(candle.volume == 0 for candle in marks)
    assert await service.load_funding_rates("BTCUSDT", 1) == []


async def test_what_cannot_be_meant_is_refused_with_what_could_be(service: MarketDataService) -> None:
    await service.start()
    for asked, reason in (
        (service.load_historical_data("BTCUSDT", "7m"), "unknown interval '7m'; there are 1m 3m"),
        (service.load_historical_data("BTCUSDT", days_back=0), "above 0"),
        (service.load_historical_data("BTCUSDT", kind="gossip"), "candles, mark_candles"),
        (service.load_historical_data("BTCUSDT", venue="bybit"), "no venue 'bybit' is configured"),
    ):
        with pytest.raises(ConfigurationError, match=reason):
            await asked


async def test_by_default_only_what_was_asked_for_is_written(service: MarketDataService, tmp_path: Path) -> None:
    await service.start()
    await service.subscribe_symbol("BTCUSDT")
    await until(lambda: service.get_l1("BTCUSDT") is not None, "prices")
    await service.load_historical_data("BTCUSDT", "1h", 0.5)
    await service.stop()
    connection = sqlite3.connect(tmp_path / "state" / "market_data.db")
    counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("trade_data", "equity")]
    connection.close()
    assert counts == [0, 0]
    assert len(stored(tmp_path / "state")) in (12, 13, 14)


# -- the command -----------------------------------------------------------------------------------


def command(served_or_dev: Served | None, state_dir: Path, *words: str) -> list[str]:
    overrides = [f"state_dir={state_dir}"]
    if served_or_dev is None:
        overrides.append("mode=dev")
    else:
        place = f"127.0.0.1:{served_or_dev.port}"
        overrides.append(
            "venues="
            + json.dumps({"binance:spot": {"rest_url": f"http://{place}", "ws_url": f"ws://{place}", **PATIENT}})
        )
    sets = [word for override in overrides for word in ("--set", override)]
    return ["load", "--venue", "binance:spot", "--symbols", "BTCUSDT", *sets, *words]


def test_the_command_tells_how_far_it_is_and_what_it_came_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(None, tmp_path / "state", "--days", "1")) == 0
    told = capsys.readouterr().out
    assert f"{BTC}          0%  0 rows" in told
    assert re.search(r"(144[01]) rows: 0 already there, \1 loaded", told)
    assert f"history        {tmp_path / 'state' / 'market_data.db'}" in told


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("--venue", "kraken:spot", "--symbols", "BTC/USDT", "--days", "1"), 1, "the venue tells nothing before 2"),
        (("--kind", "funding"), 1, "INCOMPLETE     binance:spot:BTCUSDT funding: the venue has no funding"),
        (("--interval", "7m"), 2, "invalid choice: '7m'"),
        (("--days", "0"), 2, "expected a positive number"),
        (("--venue", "nowhere"), 2, "unknown venue 'nowhere'"),
        (("--symbols", "NOTHING"), 2, "does not list NOTHING"),
        (("--set", "storage.enabled=false"), 2, "nothing to load into"),
        (("--set", "mode=live"), 3, "mode: live is refused, nothing was sent"),
    ],
)
def test_every_exit_code_is_as_documented(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, reason: str
) -> None:
    assert main(command(None, tmp_path / "state", *words)) == code
    told = capsys.readouterr()
    assert reason in told.out + told.err


async def test_a_command_that_was_killed_goes_on_and_ends_as_one_that_was_not(served: Served, tmp_path: Path) -> None:
    served.venue.gives = 2

    async def run(state: Path) -> tuple[subprocess.Popen[bytes], Path]:
        words = command(served, state, "--days", "2.2", "--set", "storage.flush_ms=10")
        return await asyncio.to_thread(
            subprocess.Popen,
            [sys.executable, "-m", "integrated_trading_system", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        ), state

    process, state = await run(tmp_path / "cut")
    await until(lambda: (state / "market_data.db").exists() and rows_of(state) == 2_000, "two pages written")
    os.kill(process.pid, signal.SIGKILL)
    await asyncio.to_thread(process.communicate)
    assert process.returncode == -signal.SIGKILL
    served.venue.gives = float("inf")
    process, _ = await run(tmp_path / "cut")
    told, _ = await asyncio.to_thread(process.communicate)
    assert process.returncode == 0
    already = re.search(rb"rows: (\d+) already there", told)
    assert already is not None
    assert 1_900 < int(already[1]) <= 2_000  # a minute may have gone by since the first one
    process, whole = await run(tmp_path / "whole")
    await asyncio.to_thread(process.communicate)
    resumed, at_once = (
        {row[0]: row for row in stored(state) if row[-2]},
        {row[0]: row for row in stored(whole) if row[-2]},
    )
    common = resumed.keys() & at_once.keys()
    assert len(common) > 3_100
    assert {at: resumed[at] for at in common} == {at: at_once[at] for at in common}
    assert sorted(resumed) == list(range(min(resumed), max(resumed) + 1, MINUTE))


def rows_of(state: Path) -> int:
    try:
        return len(stored(state))
    except sqlite3.OperationalError:
        return 0
