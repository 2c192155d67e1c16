"""The condition of the feed is told alike in the summary, on the pages and on the screen."""

from pathlib import Path

import pytest

from integrated_trading_system.domain.health import Alarm, AlarmKind, BookState, Quarantined, VenueBlocked
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.link import LinkClosed
from integrated_trading_system.domain.market import DataType, PolledQuote, Quote
from integrated_trading_system.domain.streams import Stream, StreamsRefused
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.api.metrics import MetricsPage
from integrated_trading_system.drivers.screen import Severity, VenueState
from integrated_trading_system.orchestrator.platform import FEED, connector_name
from integrated_trading_system.orchestrator.shown import condition
from integrated_trading_system.orchestrator.shown.dashboard import Dashboard
from integrated_trading_system.orchestrator.shown.status import PlatformStatus
from integrated_trading_system.orchestrator.shown.venue_board import VenueBoard, troubles
from tests.support.virtual_platform import PERP, SPOT, START, VirtualPlatform, dev_settings

BINANCE, BYBIT = VenueId("binance:spot"), VenueId("bybit:linear")
GROUP = {"name": "BTC", "sources": [SPOT, PERP]}
NO_BOOK = "no believed book for 2000 ms"


@pytest.fixture
def run(tmp_path: Path) -> VirtualPlatform:
    candles = {"intervals": ["1m"]}
    run = VirtualPlatform(dev_settings(tmp_path, failover=[GROUP], candles=candles))
    run.run(20.0)  # long enough for the group to follow its first source, whichever was quicker
    return run


def cut_off(run: VirtualPlatform, venue: VenueId) -> None:
    """Its links end, and it takes no new ones for a minute."""
    run.world._down[venue] = Nanos(run.now + 60 * 10**9)
    name = connector_name(venue)
    for link in run.platform.system.view(name).links:
        run.platform.system.tell(name, LinkClosed(link, "test", run.now))


def page(run: VirtualPlatform) -> dict[str, float]:
    status = PlatformStatus(run.platform, lambda: run.now, START)
    lines = MetricsPage(status.metrics).render().decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_a_venue_that_is_gone_is_told_everywhere(run: VirtualPlatform) -> None:
    group = condition.groups(run.platform)["BTC"]
    assert group.followed == SPOT
    cut_off(run, BINANCE)
    run.run(8.0)
    status = PlatformStatus(run.platform, lambda: run.now, START)
    health = status.health()
    assert (health.circuits_open, health.sources) == ({SPOT: NO_BOOK}, {"BTC": PERP})
    figures = page(run)
    assert figures['market_circuit_open{provider="binance:spot",symbol="BTCUSDT"}'] == 1
    assert figures['market_circuit_open{provider="bybit:linear",symbol="BTCUSDT"}'] == 0
    assert figures['market_failovers_total{group="BTC"}'] == group.switches + 1
    assert figures[f'market_source_followed{{group="BTC",source="{PERP}"}}'] == 1
    assert figures[f'market_source_followed{{group="BTC",source="{SPOT}"}}'] == 0
    assert figures['market_heartbeats_total{provider="binance:spot",synthetic="true"}'] >= 1
    told = condition.summary(run.platform)
    assert told["circuits"][SPOT] == {"open": True, "reason": NO_BOOK, "openings": 1}
    assert told["failover"]["BTC"] == {
        "followed": PERP,
        "switches": group.switches + 1,
        "healthy": {SPOT: False, PERP: True},
    }
    assert {trouble.what for trouble in troubles(run.platform)} == {
        "no link is live",
        f"BTCUSDT: circuit open, {NO_BOOK}",
    }
    screen = Dashboard(run.platform, START).look(run.now)
    assert [row.circuit_open for row in screen.prices] == [True, False]
    assert [(row.followed, row.healthy) for row in screen.groups] == [(PERP, (PERP,))]


def test_all_sources_gone_is_the_group_s_own_trouble(run: VirtualPlatform) -> None:
    cut_off(run, BINANCE)
    cut_off(run, BYBIT)
    run.run(1.0)
    assert ("BTC", "has no source that can be believed") in {(one.who, one.what) for one in troubles(run.platform)}


def test_a_run_in_which_all_is_well_has_no_troubles_and_all_its_figures(run: VirtualPlatform) -> None:
    run.run(80.0)
    assert list(troubles(run.platform)) == []
    figures = page(run)
    assert figures['market_candles_closed_total{interval="1m"}'] >= 1
    assert figures["market_late_trades_total"] == 0
    assert figures['market_subscriptions{provider="binance:spot",type="trades"}'] == 1
    assert figures['market_alarms{kind="latency-p99",provider="bybit:linear"}'] == 0
    assert figures['market_venue_blocked{provider="bybit:linear"}'] == 0
    assert figures['market_reconnects_total{provider="bybit:linear"}'] == 0
    assert figures['market_clock_uncertainty_ms{provider="bybit:linear"}'] > 0
    p50, p99 = (figures[f'market_latency_ms{{provider="bybit:linear",quantile="{name}"}}'] for name in ("p50", "p99"))
    assert 0 < p50 <= p99
    told = condition.summary(run.platform)
    assert told["heartbeats"][BINANCE]["real"] > 0
    assert told["subscriptions"]["consumers"] == {"config": 8}
    assert told["candles"]["closed"]["1m"] >= 1


def test_an_alarm_a_block_and_a_refusal_are_troubles_by_how_bad_they_are(run: VirtualPlatform) -> None:
    publish = run.platform.system.bus.publish
    publish(Alarm(BYBIT, AlarmKind.LATENCY_P99, True, 2_345.0, 2_000.0, run.now))
    publish(StreamsRefused(BYBIT, (Stream(InstrumentId("bybit:linear:X"), DataType.TRADES),), "no such", run.now))
    publish(VenueBlocked(BINANCE, "http-451", run.now))
    assert [(one.severity, one.who, one.what) for one in troubles(run.platform)] == [
        (Severity.WRONG, BINANCE, "refuses us for good: http-451"),
        (Severity.DOUBTFUL, BYBIT, "latency-p99 was 2,345 ms, the limit is 2,000 ms"),
        (Severity.DOUBTFUL, "bybit:linear:X trades", "cannot be had: no such"),
    ]
    figures = page(run)
    assert figures['market_alarms{kind="latency-p99",provider="bybit:linear"}'] == 1
    assert figures['market_alarms_raised_total{kind="latency-p99",provider="bybit:linear"}'] == 1
    assert figures['market_streams_refused_total{provider="bybit:linear"}'] == 1
    assert figures['market_venue_blocked{provider="binance:spot"}'] == 1
    rows = {row.venue: row for row in VenueBoard(run.platform, START).look(run.now)}
    assert (rows[BINANCE].state, rows[BYBIT].alarms) == (VenueState.BLOCKED, ("latency-p99",))


def test_a_venue_has_its_links_by_name_its_rate_and_its_clock(run: VirtualPlatform) -> None:
    board = VenueBoard(run.platform, START)
    before = {row.venue: row for row in board.look(run.now)}[BYBIT]
    run.run(2.0)
    row = {row.venue: row for row in board.look(run.now)}[BYBIT]
    assert (row.state, row.links_live, row.links) == (VenueState.LIVE, 2, 2)
    assert row.per_second == pytest.approx((row.messages - before.messages) / 2.0)
    assert row.clock_offset_ms == run.platform.system.view(FEED).venues[BYBIT].clock_offset_ms
    cut_off(run, BYBIT)
    run.run(1.0)
    row = {row.venue: row for row in board.look(run.now)}[BYBIT]
    assert (row.state, row.links_live, row.links) == (VenueState.DOWN, 0, 2)


def test_a_price_by_rest_is_shown_and_marked_until_the_stream_is_back(run: VirtualPlatform) -> None:
    cut_off(run, BINANCE)
    run.run(0.5)
    quote = Quote(InstrumentId(SPOT), 64_000.0, 1.0, 64_001.0, 1.0, -1, Nanos(0), run.now)
    run.platform.system.tell(FEED, PolledQuote(InstrumentId(SPOT), quote))
    run.run(0.001)
    status = PlatformStatus(run.platform, lambda: run.now, START)
    (latest,) = status.latest(SPOT)
    assert (latest.quote, latest.state, latest.polled) == (quote, BookState.STALE, True)
    row = Dashboard(run.platform, START).look(run.now).prices[0]
    assert (row.bid, row.polled) == (64_000.0, True)
    assert page(run)['market_polled_quotes_total{provider="binance:spot",symbol="BTCUSDT"}'] == 1
    run.run(90.0)
    (latest,) = status.latest(SPOT)
    assert (latest.state, latest.polled) == (BookState.VALID, False)


def test_what_was_not_believed_is_shown_as_text_or_as_bytes_the_newest_first(run: VirtualPlatform) -> None:
    tell = run.platform.system.tell
    tell(FEED, Quarantined(BINANCE, "json", "unexpected end", b'{"e":', Nanos(1)))
    tell(FEED, Quarantined(BYBIT, "price", PERP, b"\xff\x00", Nanos(2)))
    run.run(0.001)
    newest = condition.refused_messages(run.platform, 10)
    assert [(one.venue, one.instrument, one.text, one.hex, one.size) for one in newest] == [
        (BYBIT, PERP, None, "ff00", 2),
        (BINANCE, "", '{"e":', None, 5),
    ]
    assert len(condition.refused_messages(run.platform, 1)) == 1
