"""What the HTTP interface shows is what the actors say of themselves."""

from pathlib import Path

import pytest

from integrated_trading_system.domain.health import Halt, TradingState
from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.drivers.api.metrics import MetricsPage
from integrated_trading_system.drivers.api.status import Queue
from integrated_trading_system.orchestrator.platform import FEED, OMS, RISK
from integrated_trading_system.orchestrator.shown.status import PlatformStatus
from tests.support.virtual_platform import PERP, SPOT, START, VirtualPlatform, dev_settings


@pytest.fixture
def run(tmp_path: Path) -> VirtualPlatform:
    return VirtualPlatform(dev_settings(tmp_path))


@pytest.fixture
def status(run: VirtualPlatform) -> PlatformStatus:
    return PlatformStatus(run.platform, lambda: run.now, START)


def test_health_goes_from_starting_to_running_to_stopping(run: VirtualPlatform, status: PlatformStatus) -> None:
    assert (status.health().state, status.health().trading) == ("starting", TradingState.STARTING)
    run.run(5.0)
    assert (status.health().state, status.health().trading) == ("running", TradingState.ACTIVE)
    assert (status.health().mode, status.health().uptime_seconds) == ("dev", 5.0)
    status.stopping = True
    assert status.health().state == "stopping"


def test_a_halt_is_told_with_its_reason(run: VirtualPlatform, status: PlatformStatus) -> None:
    run.run(5.0)
    run.platform.system.tell(RISK, Halt("enough", "operator"))
    run.run(0.1)
    assert status.health().trading is TradingState.HALTED
    assert status.health().reason == "enough (by operator)"


@pytest.mark.parametrize("symbol", ["BTCUSDT", SPOT])
def test_the_latest_trade_and_quote_are_found_by_symbol_and_by_full_name(
    run: VirtualPlatform, status: PlatformStatus, symbol: str
) -> None:
    run.run(10.0)
    found = {one.instrument: one for one in status.latest(symbol)}
    assert set(found) == ({SPOT, PERP} if symbol == "BTCUSDT" else {SPOT})
    for instrument, one in found.items():
        assert one.trade == run.platform.buffers.latest(instrument, DataType.TRADES)[-1]
        assert one.quote == run.platform.books.top(instrument)


def test_an_unknown_symbol_has_nothing(status: PlatformStatus) -> None:
    assert status.latest("NOSUCH") == ()


def test_metrics_add_up_to_what_the_feed_and_the_orders_count(run: VirtualPlatform, status: PlatformStatus) -> None:
    run.run(20.0)
    metrics, system = status.metrics(), run.platform.system
    feed, oms = system.view(FEED), system.view(OMS)
    assert sum(sum(one.events.values()) for one in metrics.instruments) == sum(
        view.events for view in feed.venues.values()
    )
    assert [one.book_valid for one in metrics.instruments] == [True, True]
    assert all(one.latency_ms is not None and one.latency_ms > 0 for one in metrics.instruments)
    assert (metrics.fills, metrics.orders["filled"]) == (oms.fills, oms.filled)
    assert metrics.opportunities > 0
    assert set(metrics.links_live.values()) == {True}


def test_a_links_name_on_the_page_outlives_its_connections(run: VirtualPlatform, status: PlatformStatus) -> None:
    run.run(5.0)
    assert {name for _, name in status.metrics().links_live} == {"market-0", "user"}


def test_the_page_renders(run: VirtualPlatform, status: PlatformStatus) -> None:
    run.run(20.0)
    page = MetricsPage(status.metrics).render().decode()
    reasons = run.platform.system.view(ActorName("strategy.arb-btc")).missed
    assert reasons
    assert 'market_events_total{provider="binance:spot",symbol="BTCUSDT",type="trade"}' in page
    assert all(f'opportunities_missed_total{{reason="{reason}"}}' in page for reason in reasons)
    assert 'pnl{part="total"}' in page


def test_queues_are_every_mailbox_with_its_room_and_then_the_outboxes(
    run: VirtualPlatform, status: PlatformStatus
) -> None:
    outbox = Queue(name="history", waiting=1, capacity=9, delivered=0, conflated=0, dropped=0, high_water=1)
    status.add_outbox(lambda: outbox)
    queues = status.bus_stats()
    assert [queue.name for queue in queues] == [*run.platform.system.names, "history"]
    assert all(queue.capacity > 0 for queue in queues)
