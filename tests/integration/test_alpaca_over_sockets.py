"""Alpaca over real sockets: key and secret reach it where it wants them, and its book reaches the feed."""

from pathlib import Path

import pytest

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.health import BookState, LinkChanged, LinkState
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import Trade
from integrated_trading_system.orchestrator.orchestrator import Orchestrator
from tests.support.alpaca_exchange import KEY, SECRET, AlpacaExchange
from tests.support.collector import Collector
from tests.support.served import until

BTC = InstrumentId("alpaca:crypto:BTC/USD")


def orchestrator_of(folder: Path, port: int) -> Orchestrator:
    venue = {
        "symbols": ["BTC/USD"],
        "streams": ["trades", "depth"],
        "rest_url": f"http://127.0.0.1:{port}",
        "ws_url": f"ws://127.0.0.1:{port}",
        "api_key": "env:ALPACA_KEY",
        "api_secret": "env:ALPACA_SECRET",
    }
    tree = {"mode": "paper", "state_dir": folder, "venues": {"alpaca:crypto": venue}, "http": {"enabled": False}}
    return Orchestrator(PlatformSettings.model_validate(tree | {"log": {"level": "ERROR"}}))


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPACA_KEY", KEY)
    monkeypatch.setenv("ALPACA_SECRET", SECRET)


async def test_with_its_key_the_book_is_followed_over_one_connection(tmp_path: Path) -> None:
    async with AlpacaExchange().serve() as exchange:
        orchestrator = orchestrator_of(tmp_path, exchange.port)
        await orchestrator.start()
        heard = Collector()
        orchestrator.platform.system.bus.subscribe(Trade, heard)
        try:
            books = orchestrator.platform.books
            await until(lambda: books.state(BTC) is BookState.VALID, "the book")
            await until(lambda: bool(heard.of(Trade)), "a trade")
            top = books.top(BTC)
        finally:
            await orchestrator.stop()
    assert top is not None
    assert (top.bid, top.ask) == (64_001.0, 64_002.0)
    assert exchange.connected == 1
    assert exchange.said[0] == {"action": "auth"}
    assert exchange.said[1] == {"action": "subscribe", "trades": ["BTC/USD"], "orderbooks": ["BTC/USD"]}


async def test_with_a_wrong_secret_nothing_is_listed_and_no_stream_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AlpacaExchange().serve() as exchange:
        orchestrator = orchestrator_of(tmp_path, exchange.port)
        monkeypatch.setenv("ALPACA_SECRET", "wrong")
        await orchestrator.start()
        heard = Collector()
        orchestrator.platform.system.bus.subscribe(LinkChanged, heard)
        try:
            await until(lambda: any(each.reason == "instruments: status 401" for each in heard.of(LinkChanged)), "401")
        finally:
            await orchestrator.stop()
    assert exchange.connected == 0
    assert all(each.state is LinkState.DOWN for each in heard.of(LinkChanged))
