"""The library face over a whole platform in real time: simulated venues, real loop, journal and drivers."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system import (
    DataType,
    MarketDataFeeder,
    Orchestrator,
    OrderBook,
    OrderManagementSystem,
    PositionManagementSystem,
    RiskManager,
    Ticker,
)
from integrated_trading_system.domain.errors import ConfigurationError, Refused
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import Candle, Quote, Statistics, Trade
from integrated_trading_system.drivers.recorder import read_blocks
from integrated_trading_system.orchestrator.options import RunOptions
from integrated_trading_system.orchestrator.recording import platform_of
from integrated_trading_system.orchestrator.replay import reproduce
from tests.support.served import until
from tests.support.virtual_platform import PERP, SPOT, dev_settings


class Seen:
    """A callback that keeps what it gets, and a test can wait for."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._more = asyncio.Event()

    def __call__(self, value: Any) -> None:
        self.values.append(value)
        self._more.set()

    async def first(self, count: int = 1) -> list[Any]:
        while len(self.values) < count:
            self._more.clear()
            await self._more.wait()
        return self.values[:count]


@pytest.fixture
async def feeder(tmp_path: Path) -> AsyncIterator[MarketDataFeeder]:
    feeder = MarketDataFeeder(
        {
            "market_data_feeder": {
                "binance": {"enabled": False, "symbols": ["BTCUSDT"]},
                "bybit": {"enabled": False, "symbols": ["BTCUSDT"]},
                "enable_historical_storage": False,
                "buffer_size": 1000,
                "state_dir": str(tmp_path / "state"),
            }
        }
    )
    yield feeder
    await feeder.stop()


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Orchestrator]:
    async with Orchestrator(dev_settings(tmp_path / "state", strategies=[])) as platform:
        yield platform


# -- market data ---------------------------------------------------------------------------------------


async def test_every_kind_of_data_arrives_as_what_it_is_said_to_be(feeder: MarketDataFeeder) -> None:
    kinds = {
        DataType.TICKER: Ticker,
        DataType.QUOTE: Quote,
        DataType.ORDERBOOK: OrderBook,
        DataType.TRADES: Trade,
        DataType.KLINES: Candle,
        DataType.STATISTICS: Statistics,
    }
    seen = {data_type: Seen() for data_type in kinds}
    for data_type, callback in seen.items():
        feeder.add_callback(data_type, callback)
    await feeder.initialize()
    for data_type, kind in kinds.items():
        (value,) = await seen[data_type].first()
        assert type(value) is kind


async def test_a_feeder_that_is_initialized_has_prices(feeder: MarketDataFeeder) -> None:
    await feeder.initialize()
    for exchange in ("binance", "bybit"):
        (ticker,) = feeder.get_latest_data(exchange, "BTCUSDT", DataType.TICKER, 1)
        assert (ticker.exchange, ticker.symbol) == (exchange, "BTCUSDT")
        assert 0 < ticker.bid < ticker.ask
        (book,) = feeder.get_latest_data(exchange, "BTCUSDT", DataType.ORDERBOOK)
        assert book.bids[0] > book.bids[1]
        assert book.asks[0] < book.asks[1]


async def test_latest_data_are_the_newest_oldest_first(feeder: MarketDataFeeder) -> None:
    trades = Seen()
    feeder.add_callback(DataType.TRADES, trades, "binance", "BTCUSDT")
    await feeder.initialize()
    heard = await trades.first(3)
    latest = feeder.get_latest_data("binance", "BTCUSDT", DataType.TRADES, 1000)
    assert latest[:3] == heard
    assert feeder.get_latest_data("binance", "BTCUSDT", DataType.TRADES, 2) == latest[-2:]


async def test_callbacks_hear_only_the_venue_and_the_instrument_they_asked_for(feeder: MarketDataFeeder) -> None:
    of_venue, of_symbol, of_one = Seen(), Seen(), Seen()
    feeder.add_callback(DataType.QUOTE, of_venue, venue="bybit")
    feeder.add_callback(DataType.QUOTE, of_symbol, instrument="BTCUSDT")
    feeder.add_callback(DataType.QUOTE, of_one, instrument=SPOT)
    await feeder.initialize()
    await asyncio.gather(of_venue.first(20), of_symbol.first(40), of_one.first(20))
    assert {quote.instrument for quote in of_venue.values} == {PERP}
    assert {quote.instrument for quote in of_symbol.values} == {SPOT, PERP}
    assert {quote.instrument for quote in of_one.values} == {SPOT}


async def test_a_callback_that_raises_is_counted_and_harms_nobody_else(feeder: MarketDataFeeder) -> None:
    def broken(_: Ticker) -> None:
        raise RuntimeError("mine")

    async def coroutine(ticker: Ticker) -> None:
        seen(ticker)

    seen = Seen()
    feeder.add_callback(DataType.TICKER, broken)
    feeder.add_callback(DataType.TICKER, coroutine)
    await feeder.initialize()
    await seen.first(10)
    failed, worked = feeder.get_callback_stats()
    assert failed.failures > 0
    assert failed.name.endswith("broken")
    assert (worked.failures, worked.dropped) == (0, 0)


async def test_a_removed_callback_hears_no_more(feeder: MarketDataFeeder) -> None:
    gone, stays = Seen(), Seen()
    feeder.add_callback(DataType.QUOTE, gone)
    feeder.add_callback(DataType.QUOTE, stays)
    await feeder.initialize()
    await gone.first()
    assert feeder.remove_callback(DataType.QUOTE, gone)
    count = len(gone.values)
    await stays.first(len(stays.values) + 10)
    assert len(gone.values) == count
    assert not feeder.remove_callback(DataType.QUOTE, gone)


async def test_a_callback_can_be_added_while_the_feeder_runs(feeder: MarketDataFeeder) -> None:
    await feeder.initialize()
    seen = Seen()
    feeder.add_callback(DataType.TICKER, seen, "binance", "BTCUSDT")
    await seen.first()


async def test_statistics_are_by_exchange_and_symbol(feeder: MarketDataFeeder) -> None:
    seen = Seen()
    feeder.add_callback(DataType.TICKER, seen)
    await feeder.initialize()
    await seen.first(10)

    def measured() -> bool:  # Binance's quotes carry no time: only its trades and changes tell how long they took
        return feeder.get_performance_stats()["binance:BTCUSDT"]["avg_latency_ms"] > 0

    await until(measured, "a latency")
    stats = feeder.get_performance_stats()
    assert set(stats) == {"binance:BTCUSDT", "bybit:BTCUSDT"}
    assert stats["binance:BTCUSDT"]["message_count"] > 0
    assert stats["binance:BTCUSDT"]["error_count"] == 0


async def test_a_symbol_subscribed_before_the_start_is_there(feeder: MarketDataFeeder) -> None:
    feeder.subscribe("ETHUSDT", "binance")
    feeder.subscribe("SOLUSDT", "binance")
    feeder.unsubscribe("SOLUSDT", "binance")
    await feeder.initialize()
    assert feeder.get_latest_data("binance", "ETHUSDT", DataType.TICKER)
    with pytest.raises(ConfigurationError, match="SOLUSDT"):
        feeder.get_latest_data("binance", "SOLUSDT", DataType.TICKER)


async def test_a_symbol_can_be_subscribed_and_left_while_it_runs(feeder: MarketDataFeeder) -> None:
    await feeder.initialize()
    seen = Seen()
    feeder.subscribe("ETHUSDT", "binance")
    feeder.add_callback(DataType.TICKER, seen, venue="binance", instrument="ETHUSDT")
    await seen.first(3)
    feeder.unsubscribe("ETHUSDT", "binance")
    with pytest.raises(ConfigurationError, match="not subscribed"):
        feeder.unsubscribe("ETHUSDT", "binance")
    told = len(seen.values)
    others = Seen()
    feeder.add_callback(DataType.TICKER, others, instrument="BTCUSDT")
    await others.first(20)
    assert len(seen.values) - told <= 1  # one may have been on its way


async def test_a_kind_of_data_that_does_not_exist_is_refused_by_name(feeder: MarketDataFeeder) -> None:
    await feeder.initialize()
    with pytest.raises(ConfigurationError, match="gossip"):
        feeder.subscribe("ETHUSDT", "binance", ["gossip"])
    with pytest.raises(ConfigurationError, match="kraken"):
        feeder.subscribe("ETHUSDT", "kraken")


async def test_on_a_platform_of_somebody_else_only_the_feeder_s_own_wishes_end(platform: Orchestrator) -> None:
    async with MarketDataFeeder(platform) as feeder:
        feeder.subscribe("BTCUSDT", "binance")
        feeder.unsubscribe("BTCUSDT", "binance")
        seen = Seen()
        feeder.add_callback(DataType.TICKER, seen, venue="binance", instrument="BTCUSDT")
        await seen.first(3)


async def test_what_is_not_there_is_refused_by_name(feeder: MarketDataFeeder) -> None:
    with pytest.raises(Refused, match="initialize"):
        feeder.get_performance_stats()
    await feeder.initialize()
    with pytest.raises(ConfigurationError, match="NOSUCH"):
        feeder.add_callback(DataType.TICKER, print, instrument="NOSUCH")
    with pytest.raises(ConfigurationError, match="kraken"):
        feeder.add_callback(DataType.TICKER, print, venue="kraken")


async def test_a_feeder_over_a_running_platform_leaves_it_running(platform: Orchestrator) -> None:
    feeder, seen = MarketDataFeeder(platform), Seen()
    feeder.add_callback(DataType.TICKER, seen)
    async with feeder:
        await seen.first()
    assert platform.running


# -- orders, positions, risk ---------------------------------------------------------------------------


async def test_a_market_order_is_filled_and_becomes_a_position(platform: Orchestrator) -> None:
    oms, pms = OrderManagementSystem(platform), PositionManagementSystem(platform)
    assert pms.get_position("BTCUSDT") is None
    bought = await oms.place_market_order(symbol="BTCUSDT", side="buy", quantity="0.01")
    assert (bought.status, bought.filled, bought.final) == ("filled", Decimal("0.01"), True)
    position = pms.get_position("BTCUSDT")
    assert position is not None
    assert (position.id, position.symbol, position.quantity) == (SPOT, "BTCUSDT", Decimal("0.01"))
    assert position.average_price == bought.average_price
    assert position.calculate_unrealized_pnl(bought.average_price + 100) == 1


async def test_metrics_of_a_position_keep_the_highest_and_the_lowest(platform: Orchestrator) -> None:
    oms, pms = OrderManagementSystem(platform), PositionManagementSystem(platform)
    await oms.place_market_order("BTCUSDT", "buy", "0.01")
    for pnl in (1.5, 3.0, -2.0):
        await pms.update_position_metrics(SPOT, pnl)
    metrics = pms.get_position_metrics(SPOT)
    assert metrics is not None
    assert [metrics.pnl, metrics.highest, metrics.lowest] == [-2, 3, -2]
    assert metrics.updates == 3
    with pytest.raises(ConfigurationError, match="no position 'nowhere'"):
        await pms.update_position_metrics("nowhere", 0)


async def test_a_reference_price_far_from_the_market_is_denied(platform: Orchestrator) -> None:
    outcome = await OrderManagementSystem(platform).place_market_order("BTCUSDT", "buy", "0.01", reference_price=1_000)
    assert (outcome.status, outcome.code) == ("denied", "price-collar")


async def test_an_order_beyond_a_limit_is_denied_before_anything_leaves(platform: Orchestrator) -> None:
    oms = OrderManagementSystem(platform)
    outcome = await oms.place_market_order("BTCUSDT", "buy", 1_000)
    assert (outcome.status, outcome.code, outcome.orders) == ("denied", "order-notional-max", ())


async def test_a_limit_order_rests_until_it_is_cancelled(platform: Orchestrator) -> None:
    oms = OrderManagementSystem(platform)
    top = platform.platform.books.top(InstrumentId(SPOT))
    assert top is not None
    resting = await oms.place_limit_order("BTCUSDT", "buy", "0.01", round(top.ask * 0.995, 2))
    assert (resting.status, resting.final) == ("working", False)
    assert resting.client_order_id is not None
    assert [order.request.client_order_id for order in oms.open_orders()] == [resting.client_order_id]
    cancelled = await oms.cancel_order(resting.client_order_id)
    assert (cancelled.status, cancelled.final) == ("cancelled", True)
    assert cancelled.filled == 0
    assert oms.open_orders() == ()
    assert oms.get_order(resting.client_order_id) == cancelled


async def test_a_venue_that_is_named_gets_the_order(platform: Orchestrator) -> None:
    outcome = await OrderManagementSystem(platform).place_market_order("BTCUSDT", "sell", "0.01", venue="bybit")
    assert outcome.order is not None
    assert (outcome.status, outcome.order.request.instrument) == ("filled", PERP)


async def test_exposure_is_the_portfolios_at_the_price_that_is_asked_about(platform: Orchestrator) -> None:
    oms, risk = OrderManagementSystem(platform), RiskManager(platform)
    assert risk.calculate_exposure("BTCUSDT", 70_000) == 0
    await oms.place_market_order("BTCUSDT", "buy", "0.01")
    await oms.place_market_order("BTCUSDT", "sell", "0.02", venue="bybit")
    assert risk.calculate_exposure("BTCUSDT", 70_000) == 2_100
    assert risk.max_exposure_limit == platform.settings.risk.exposure_max


async def test_a_triggered_reduction_closes_the_position_on_every_venue(platform: Orchestrator) -> None:
    oms, pms, risk = OrderManagementSystem(platform), PositionManagementSystem(platform), RiskManager(platform)
    await oms.place_market_order("BTCUSDT", "buy", "0.01")
    await oms.place_market_order("BTCUSDT", "sell", "0.01", venue="bybit")
    outcomes = await risk.trigger_position_reduction("BTCUSDT")
    assert [(outcome.status, outcome.filled) for outcome in outcomes] == [("filled", Decimal("0.01"))] * 2
    assert [position.quantity for position in pms.positions()] == [0, 0]
    assert all(position.realized_pnl == position.realized_pnl_fifo for position in pms.positions())
    profit = pms.performance().profit
    assert sum(profit.by_plan.values()) == sum(profit.by_strategy.values()) == profit.total
    assert await risk.trigger_position_reduction("BTCUSDT") == ()


async def test_a_halt_denies_everything_until_it_is_lifted(platform: Orchestrator) -> None:
    oms, risk = OrderManagementSystem(platform), RiskManager(platform)
    risk.halt("lunch")
    assert (await oms.place_market_order("BTCUSDT", "buy", "0.01")).code == "halted"
    assert risk.trading_state is TradingState.HALTED
    risk.resume()
    assert (await oms.place_market_order("BTCUSDT", "buy", "0.01")).status == "filled"


async def test_orders_by_hand_are_part_of_the_recording_and_reproduce(tmp_path: Path) -> None:
    recording = tmp_path / "run.rec"
    settings = dev_settings(tmp_path / "state", strategies=[])
    async with Orchestrator(settings, options=RunOptions(record=recording)) as platform:
        placed = await OrderManagementSystem(platform).place_market_order("BTCUSDT", "buy", "0.01")
        assert placed.status == "filled"
        core = platform.platform
    again = reproduce(read_blocks(recording), platform_of)
    assert again.complete
    assert again.platform.outputs.hex() == core.outputs.hex()


async def test_a_platform_that_was_stopped_takes_no_orders(tmp_path: Path) -> None:
    async with Orchestrator(dev_settings(tmp_path / "state", strategies=[])) as platform:
        oms = OrderManagementSystem(platform)
    with pytest.raises(Refused, match="does not run"):
        await oms.place_market_order("BTCUSDT", "buy", "0.01", reference_price=65_000)
