"""Best prices by symbol from depth alone, over a platform in real time: books begin and end with their subscribers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from integrated_trading_system import MarketDataService, SubscriptionManager
from integrated_trading_system.domain.errors import ConfigurationError, Refused
from integrated_trading_system.domain.link import SendFrame
from integrated_trading_system.facade.platform import Orchestrator
from integrated_trading_system.orchestrator.platform import SUBSCRIPTIONS
from tests.support.served import until


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[MarketDataService]:
    service = MarketDataService({"mode": "dev", "state_dir": tmp_path / "state", "log": {"level": "ERROR"}})
    yield service
    await service.stop()


def platform_of(service: MarketDataService) -> Orchestrator:
    assert service._orchestrator is not None
    return service._orchestrator


async def told(service: MarketDataService, *symbols: str) -> None:
    await until(lambda: all(service.get_l1(symbol) is not None for symbol in symbols), f"prices of {symbols}")


async def gone(service: MarketDataService, symbol: str) -> None:
    await until(lambda: service.get_l1(symbol) is None, f"no prices of {symbol}")


async def test_a_callback_gets_symbol_bid_ask_and_mid(service: MarketDataService) -> None:
    calls: list[tuple[str, float, float, float]] = []
    service.subscribe("BTCUSDT", lambda *prices: calls.append(prices))
    await service.start()
    await until(lambda: len(calls) >= 3, "three calls")
    symbol, bid, ask, mid = calls[-1]
    assert symbol == "BTCUSDT"
    assert 0 < bid < ask
    assert mid == (bid + ask) / 2


async def test_a_coroutine_is_awaited_and_one_that_raises_does_not_harm_the_others(service: MarketDataService) -> None:
    calls: list[float] = []

    async def good(symbol: str, bid: float, ask: float, mid: float) -> None:
        await asyncio.sleep(0)
        calls.append(mid)

    def bad(symbol: str, bid: float, ask: float, mid: float) -> None:
        raise ValueError("mine")

    service.subscribe("BTCUSDT", bad)
    service.subscribe("BTCUSDT", good)
    await service.start()
    await until(lambda: len(calls) >= 3, "three calls")


async def test_the_latest_prices_have_their_time_in_seconds(service: MarketDataService) -> None:
    assert service.get_l1("BTCUSDT") is None
    await service.start()
    service.subscribe("BTCUSDT", print_nothing)
    await told(service, "BTCUSDT")
    prices = service.get_l1("BTCUSDT")
    assert prices is not None
    assert set(prices) == {"bid", "ask", "mid", "ts"}
    assert 1.7e9 < prices["ts"] < 1e10


async def test_only_depth_is_subscribed_to_at_the_venue(service: MarketDataService) -> None:
    """No second stream tells what the book already says."""
    sent: list[bytes] = []
    await service.start()
    spy_on_frames(platform_of(service), sent.append)
    service.subscribe("BTCUSDT", print_nothing)
    await told(service, "BTCUSDT")
    subscribed = [frame for frame in sent if b"SUBSCRIBE" in frame and b"UNSUBSCRIBE" not in frame]
    assert all(b"bookTicker" not in frame and b"markPrice" not in frame for frame in subscribed)
    wanted = platform_of(service).platform.system.view(SUBSCRIPTIONS).wanted
    assert [(stream.instrument, stream.data_type.value) for stream in wanted] == [("binance:usdm:BTCUSDT", "depth")]


async def test_the_book_ends_after_the_last_subscriber_and_not_before(service: MarketDataService) -> None:
    await service.start()
    service.subscribe("BTCUSDT", print_nothing)
    service.subscribe("BTCUSDT", print_also_nothing)
    await told(service, "BTCUSDT")
    service.unsubscribe("BTCUSDT", print_nothing)
    await asyncio.sleep(0.3)
    assert service.get_l1("BTCUSDT") is not None
    service.unsubscribe("BTCUSDT", print_also_nothing)
    await gone(service, "BTCUSDT")
    assert service.symbols == ()
    service.unsubscribe("BTCUSDT", print_nothing)


async def test_the_manager_starts_and_stops_feeds_by_need(service: MarketDataService) -> None:
    await service.start()
    manager = SubscriptionManager(service)
    manager.update_required_symbols({"BTCUSDT"}, {"BTCUSDT", "ETHUSDT"})
    await told(service, "BTCUSDT", "ETHUSDT")
    manager.update_required_symbols(set(), {"ETHUSDT", "SOLUSDT"})
    await told(service, "SOLUSDT", "ETHUSDT")
    await gone(service, "BTCUSDT")
    assert manager.required == ("ETHUSDT", "SOLUSDT")


async def test_a_symbol_with_several_kinds_of_data(service: MarketDataService) -> None:
    with pytest.raises(Refused, match="start"):
        await service.subscribe_symbol("BTCUSDT")
    await service.start()
    await service.subscribe_symbol("BTCUSDT", data_types=["kline", "depth", "trade"], interval="1m")
    await told(service, "BTCUSDT")
    with pytest.raises(ConfigurationError, match="gossip"):
        await service.subscribe_symbol("BTCUSDT", data_types=["gossip"])
    with pytest.raises(ConfigurationError, match=r"candles\.intervals"):
        await service.subscribe_symbol("BTCUSDT", data_types=["kline"], interval="5m")
    await service.unsubscribe_symbol("BTCUSDT")
    await gone(service, "BTCUSDT")


def print_nothing(symbol: str, bid: float, ask: float, mid: float) -> None:
    """A callback."""


def print_also_nothing(symbol: str, bid: float, ask: float, mid: float) -> None:
    """Another."""


def spy_on_frames(orchestrator: Orchestrator, keep: Callable[[bytes], None]) -> None:
    """Have every frame that the core sends kept, too."""
    loop = orchestrator._loop
    performer = loop._performers[SendFrame]

    def perform(effect: SendFrame) -> None:
        keep(effect.frame)
        performer(effect)

    loop._performers[SendFrame] = perform
