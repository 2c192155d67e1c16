"""The library ccxt against exchanges on this machine: what it hears reaches the feed as our own messages."""

import asyncio
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.health import BookState, LinkState, Quarantined
from integrated_trading_system.domain.http import HttpCall, HttpFailed, HttpReply, HttpRequest
from integrated_trading_system.domain.ids import CallId, InstrumentId, LinkId, VenueId
from integrated_trading_system.domain.link import (
    CloseLink,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    OpenLink,
    SendFrame,
    Tag,
)
from integrated_trading_system.domain.market import Quote, Statistics, Trade
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers.ccxt.driver import CcxtDriver
from integrated_trading_system.drivers.recorder import read_blocks
from integrated_trading_system.orchestrator.options import RunOptions
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from integrated_trading_system.orchestrator.platform import connector_name
from integrated_trading_system.orchestrator.recording import platform_of
from integrated_trading_system.orchestrator.replay import reproduce
from integrated_trading_system.orchestrator.shown.summary import summarise
from tests.support.ccxt_places import PLACES
from tests.support.collector import Collector
from tests.support.port import RecordingPort, TestGate
from tests.support.raw_server import free_port
from tests.support.served import ServedMarket, until

BINANCE, BYBIT = VenueId("ccxt:binance"), VenueId("ccxt:bybit")
BOOK = InstrumentId("ccxt:binance:BTC/USDT")


def settings_of(place: str, port: int, **changes: Any) -> dict[str, Any]:
    """A venue of the library whose every address is on this machine."""
    return {
        "symbols": ["BTC/USDT"],
        "rest_url": f"http://127.0.0.1:{port}",
        "ws_url": f"ws://127.0.0.1:{port}",
        "library_options": PLACES[place]["options"],
        **changes,
    }


def paper(folder: Path, ports: dict[str, int]) -> PlatformSettings:
    return PlatformSettings.model_validate(
        {
            "mode": "paper",
            "state_dir": folder,
            "venues": {
                "ccxt:binance": settings_of("binance:spot", ports["binance:spot"]),
                "bybit:spot": {
                    "symbols": ["BTCUSDT"],
                    "rest_url": f"http://127.0.0.1:{ports['bybit:spot']}",
                    "ws_url": f"ws://127.0.0.1:{ports['bybit:spot']}",
                },
            },
            "http": {"enabled": False},
            "log": {"level": "ERROR"},
        }
    )


def told_of_the_book(heard: Collector, kind: type[Any]) -> bool:
    return any(each.instrument == BOOK for each in heard.of(kind))


async def test_what_it_hears_reaches_the_feed_and_a_replay_needs_neither_library_nor_network(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    recording = tmp_path / "run.rec"
    async with ServedMarket("binance:spot", "bybit:spot") as served:
        orchestrator = Orchestrator(paper(tmp_path, served.ports), RunOptions(record=recording))
        await orchestrator.start()
        heard = Collector()
        for kind in (Quote, Trade, Statistics, Quarantined):
            orchestrator.platform.system.bus.subscribe(kind, heard)
        try:
            books = orchestrator.platform.books
            await until(lambda: books.state(BOOK) is BookState.VALID, "a book by way of the library")
            for kind in (Quote, Trade, Statistics):
                await until(partial(told_of_the_book, heard, kind), kind.__name__)
            await until(
                lambda: books.state(InstrumentId("bybit:spot:BTCUSDT")) is BookState.VALID, "a book of our own driver"
            )
            view = orchestrator.platform.system.view(connector_name(BINANCE))
        finally:
            outcome = await orchestrator.stop()
    assert asyncio.all_tasks() == before
    assert heard.of(Quarantined) == []
    assert set(view.links.values()) == {LinkState.LIVE}
    assert summarise(outcome)["books"][BOOK]["state"] == "valid"
    again = reproduce(read_blocks(recording), platform_of)
    assert again.complete
    assert (again.inputs, again.platform.outputs.hex()) == (outcome.inputs, outcome.outputs)


# -- the driver by itself ------------------------------------------------------------------------


@pytest.fixture
async def port() -> RecordingPort:
    return RecordingPort()


@pytest.fixture
async def served() -> AsyncIterator[ServedMarket]:
    async with ServedMarket("bybit:spot") as market:
        yield market


def driver_of(port: RecordingPort, number: int, place: str = "bybit:spot", **changes: Any) -> CcxtDriver:
    settings = VenueSettings.model_validate(settings_of(place, number, **changes))
    return CcxtDriver(port, TestGate(), {BYBIT: settings})


def call(port: RecordingPort, method: str, *arguments: Any) -> HttpCall:
    return HttpCall(
        call=CallId(method),
        venue=BYBIT,
        purpose="test",
        request=HttpRequest(method="POST", url=f"ccxt://bybit/{method}", body=msgspec.json.encode(arguments).decode()),
        tag=Tag.DATA,
        deadline=Nanos(port.now() + 60 * SECOND),
    )


async def opened(driver: CcxtDriver, port: RecordingPort) -> LinkId:
    link = LinkId("ccxt:bybit#market-0.1")
    driver.open(OpenLink(link, BYBIT, "ccxt://bybit", 1_000_000))
    await until(lambda: bool(port.of(LinkOpened) or port.of(LinkClosed)), "the link's answer")
    return link


def command(link: LinkId, op: str, *streams: tuple[str, str]) -> SendFrame:
    return SendFrame(link, msgspec.json.encode({"id": op, "op": op, "streams": streams}), Tag.DATA)


def frames(port: RecordingPort, stream: str = "") -> list[Any]:
    found = [msgspec.json.decode(received.frame) for received in port.of(FrameReceived)]
    return [frame for frame in found if frame.get("stream", "") == stream]


def arrived(port: RecordingPort, stream: str) -> bool:
    return bool(frames(port, stream))


async def answered(port: RecordingPort, kind: type[Any]) -> Any:
    await until(lambda: bool(port.of(kind)), kind.__name__)
    return port.of(kind)[0]


@pytest.mark.parametrize("polled", [False, True])
async def test_every_kind_of_data_is_streamed_or_polled(served: ServedMarket, polled: bool) -> None:
    port = RecordingPort()
    driver = driver_of(port, served.ports["bybit:spot"])
    try:
        link = await opened(driver, port)
        if polled:
            abilities = driver._links[link].client.has
            abilities.update({name: False for name in abilities if name.startswith("watch")})
        kinds = ("depth", "quotes", "trades", "statistics", "candles")
        driver.send(command(link, "subscribe", *((kind, "BTC/USDT") for kind in kinds)))
        assert frames(port) == [{"id": "subscribe", "error": ""}]
        for kind in kinds:
            await until(partial(arrived, port, kind), kind)
        driver.send(command(link, "unsubscribe", *((kind, "BTC/USDT") for kind in kinds)))
        assert driver._links[link].streams == {}
        driver.close(CloseLink(link, "enough"))
        assert [closed.reason for closed in port.of(LinkClosed)] == ["enough"]
    finally:
        await driver.stop()
    book = frames(port, "depth")[0]["data"]
    assert book["bids"][0][0] < book["asks"][0][0]
    trades = [trade["id"] for frame in frames(port, "trades") for trade in frame["data"]]
    assert len(trades) == len(set(trades))
    assert len(port.of(LinkClosed)) == 1


async def test_a_market_that_is_not_listed_is_named_in_the_answer(served: ServedMarket, port: RecordingPort) -> None:
    driver = driver_of(port, served.ports["bybit:spot"])
    try:
        link = await opened(driver, port)
        driver.send(command(link, "subscribe", ("depth", "NO/SUCH")))
    finally:
        await driver.stop()
    assert frames(port) == [{"id": "subscribe", "error": "no market NO/SUCH"}]


async def test_what_an_exchange_does_not_offer_is_left_out(served: ServedMarket, port: RecordingPort) -> None:
    driver = driver_of(port, served.ports["bybit:spot"])
    try:
        link = await opened(driver, port)
        driver.send(command(link, "subscribe", ("funding", "BTC/USDT")))
        assert driver._links[link].streams == {}
    finally:
        await driver.stop()
    assert frames(port) == [{"id": "subscribe", "error": ""}]


async def test_an_exchange_that_goes_away_ends_the_link_once(port: RecordingPort) -> None:
    async with ServedMarket("bybit:spot") as served:
        driver = driver_of(port, served.ports["bybit:spot"])
        link = await opened(driver, port)
        kinds = ("depth", "trades")
        driver.send(command(link, "subscribe", *((kind, "BTC/USDT") for kind in kinds)))
        await until(lambda: bool(frames(port, "depth")), "a book")
    try:
        closed = await answered(port, LinkClosed)
    finally:
        await driver.stop()
    assert closed.reason not in ("", "stopped")
    assert len(port.of(LinkClosed)) == 1


async def test_calls_are_answered_in_unified_structures(served: ServedMarket, port: RecordingPort) -> None:
    driver = driver_of(port, served.ports["bybit:spot"])
    try:
        driver.call(call(port, "fetch_order_book", "BTC/USDT"))
        reply = await answered(port, HttpReply)
    finally:
        await driver.stop()
    assert reply.status == 200
    assert set(msgspec.json.decode(reply.body)) >= {"bids", "asks", "timestamp"}


async def test_a_refusal_is_a_status_with_the_librarys_word_for_it(served: ServedMarket, port: RecordingPort) -> None:
    driver = driver_of(port, served.ports["bybit:spot"])
    try:
        driver.call(call(port, "fetch_order_book", "NO/SUCH"))
        reply = await answered(port, HttpReply)
    finally:
        await driver.stop()
    assert (reply.status, msgspec.json.decode(reply.body)["error"]) == (400, "BadSymbol")


async def test_where_nobody_answers_a_call_fails_and_a_link_does_not_open(port: RecordingPort) -> None:
    driver = driver_of(port, free_port())
    try:
        driver.call(call(port, "load_markets"))
        failed = await answered(port, HttpFailed)
        await opened(driver, port)
    finally:
        await driver.stop()
    assert (failed.reason, failed.maybe_sent) == ("ExchangeNotAvailable", True)
    assert [closed.reason for closed in port.of(LinkClosed)] == ["ExchangeNotAvailable"]


async def test_only_what_is_public_can_be_asked_for(port: RecordingPort) -> None:
    driver = driver_of(port, free_port())
    try:
        driver.call(call(port, "create_order", "BTC/USDT", "limit", "buy", 1, 1))
        failed = await answered(port, HttpFailed)
    finally:
        await driver.stop()
    assert (failed.reason, failed.maybe_sent) == ("method", False)


def test_an_exchange_that_the_library_does_not_have_is_refused_with_those_like_it() -> None:
    venues = {VenueId("ccxt:bianance"): VenueSettings(), BYBIT: VenueSettings()}
    with pytest.raises(ConfigurationError, match=r"no exchange 'bianance'; did you mean binance"):
        CcxtDriver(RecordingPort(), TestGate(), venues)


def test_without_the_library_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt.pro", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'integrated_trading_system\[ccxt\]'"):
        CcxtDriver(RecordingPort(), TestGate(), {BYBIT: VenueSettings()})
