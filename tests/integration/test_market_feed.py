"""Prices of coins over a platform in real time, simulated exchanges."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system import MarketFeed, PriceTick, TradeEvent
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.market import Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.preferred import PreferredTrade
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.callbacks import FAILURES_MAX
from tests.support.served import until


def feed_of(folder: Path, *coins: str, **changes: Any) -> MarketFeed:
    config = {"mode": "dev", "state_dir": folder / "state", "log": {"level": "ERROR"}}
    return MarketFeed(coins, config={**config, **changes})


async def test_every_trade_of_a_coin_is_a_price_and_a_trade(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, "BTC", "ETH")
    prices: list[PriceTick] = []
    trades: list[TradeEvent] = []

    async def slow(trade: TradeEvent) -> None:
        await asyncio.sleep(0)
        trades.append(trade)

    feed.subscribe_price(prices.append)
    feed.subscribe_trades(slow)
    async with feed:
        await until(lambda: {tick.coin for tick in prices} == {"BTC", "ETH"}, "prices of both coins")
        await until(lambda: len(trades) == len(prices) > 5, "as many trades as prices")
        assert feed.current_prices == feed.get_all_prices()
        assert feed.get_price("BTC") == [tick.price for tick in prices if tick.coin == "BTC"][-1]
        assert feed.get_price("SOL") is None
        last = prices[-1]
        assert last.volume_24h > 0
        assert 1.7e12 < last.timestamp < 1e13
        assert {trade.is_buyer_maker for trade in trades} <= {True, False}


async def test_the_status_says_which_exchange_each_coin_is_taken_from(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, "BTC")
    assert not feed.get_status()["connected"]
    async with feed:
        await until(lambda: feed.get_price("BTC") is not None, "a price")
        await until(lambda: feed.get_status()["sources"] == {"BTC": "bybit"}, "the first exchange, whoever was quicker")
        status = feed.get_status()
        assert status["connected"]
        assert status["exchange"] == "bybit"
        assert status["stale"] == []


async def test_when_the_exchange_fails_the_next_one_is_followed_and_the_status_is_told(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, "BTC")
    events: list[Any] = []
    feed.subscribe_status(events.append)
    async with feed:
        await until(lambda: feed.get_status()["sources"] == {"BTC": "bybit"}, "bybit is followed")
        orchestrator = feed._orchestrator
        assert orchestrator is not None
        cut_off(orchestrator, VenueId("bybit:spot"))
        await until(lambda: feed.get_status()["sources"] == {"BTC": "binance"}, "binance is followed")
        seen = len(events)
        price = feed.get_price("BTC")
        await until(lambda: feed.get_price("BTC") != price, "a price of binance")
        assert ("disconnected", "bybit") in {(event.event, event.exchange) for event in events[:seen]}
        assert ("source_changed", "binance") in {(event.event, event.exchange) for event in events}
        await until(lambda: "circuit_open" in {event.event for event in events}, "the circuit of bybit is open")


async def test_a_callback_that_always_fails_is_suspended_and_the_status_names_it(tmp_path: Path) -> None:
    feed = feed_of(tmp_path, "BTC")
    events: list[Any] = []
    source = InstrumentId("bybit:spot:BTCUSDT")
    trade = Trade(source, "1", 65_000.0, 0.5, Side.BUY, Nanos(0), Nanos(0))

    def my_broken_one(_: PriceTick) -> None:
        raise ValueError("mine")

    feed.subscribe_status(events.append)
    feed.subscribe_price(my_broken_one)
    async with feed:
        for _ in range(FAILURES_MAX):
            feed.tell(PreferredTrade("BTC", trade))
        await until(lambda: "callback_suspended" in {event.event for event in events}, "the suspension")
        (told,) = (event for event in events if event.event == "callback_suspended")
        assert told.detail.endswith("my_broken_one: ValueError, 100 times in a row")
        assert told.timestamp > 1.7e12


async def test_all_coins_of_the_file_have_prices(tmp_path: Path) -> None:
    feed = MarketFeed(config={"mode": "dev", "state_dir": tmp_path / "state", "log": {"level": "ERROR"}})
    assert len(feed.coins) == 20
    async with feed:
        assert len(feed.get_status()["sources"]) == 20


def test_an_unknown_exchange_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="binance_testnet"):
        MarketFeed(["BTC"], exchange="nyse")


def cut_off(orchestrator: Any, venue: VenueId) -> None:
    """The simulated exchange lets nobody in any more."""
    world = next(source for source in orchestrator._loop._pumped if hasattr(source, "outage"))
    world.outage(venue, orchestrator.now(), 10**12)
