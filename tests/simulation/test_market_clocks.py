"""Clocks that are wrong, set, or stand still, over the whole platform (N15): durations come from none of them.

A venue's clock may be far from ours: its offset is measured, requests are signed with it, and prices of several
venues are still compared within the stated bound (`WatchedMarket.wrong`). Our own wall clock may be set: that
changes a figure and nothing else.
"""

from itertools import pairwise
from pathlib import Path

import pytest

from integrated_trading_system.domain.health import Alarm, AlarmKind, BookState
from integrated_trading_system.domain.ids import VenueId, venue_of
from integrated_trading_system.domain.inputs import ClockReading
from integrated_trading_system.domain.market import Quote, Trade
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.time import HOUR, MILLISECOND, SECOND, Nanos
from integrated_trading_system.orchestrator.platform import FEED, OMS, connector_name
from tests.support.collector import Collector
from tests.support.watched_market import SYMBOLS, WatchedMarket

TRADED = ("binance:spot", "bybit:linear", "okx:spot")
SKEW = 10.0
"""Seconds."""


def assert_times_only_grow(market: WatchedMarket, *, of_venue: bool) -> None:
    """In the order in which they were told, per instrument and kind."""
    streams: list[list[Quote] | list[Trade]] = [market.news.of(Quote), market.news.of(Trade)]
    for told in streams:
        for instrument in market.instruments:
            stream = [one for one in told if one.instrument == instrument]
            assert all(one.received_at <= two.received_at for one, two in pairwise(stream)), instrument
            if of_venue:
                stamped = [one.venue_time for one in stream if one.venue_time]
                assert all(one <= two for one, two in pairwise(stamped)), instrument


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("venue", SYMBOLS)
def test_a_venue_whose_clock_is_ten_seconds_off_is_read_like_any_other(tmp_path: Path, venue: str, sign: int) -> None:
    market = WatchedMarket(tmp_path, [venue], clock_offsets={venue: sign * SKEW})
    alarms = Collector()
    market.system.bus.subscribe(Alarm, alarms)
    market.run(8)
    assert market.invalid() == []
    seen = market.system.view(FEED).venues[VenueId(venue)]
    assert seen.clock_offset_ms == pytest.approx(sign * SKEW * 1_000, abs=seen.clock_uncertainty_ms + 5)
    assert [alarm.venue for alarm in alarms.of(Alarm) if alarm.kind is AlarmKind.CLOCK_OFFSET] == [venue]
    assert_times_only_grow(market, of_venue=True)
    assert market.audit() == []


@pytest.mark.parametrize("offsets", [(SKEW, -SKEW, 0), (-SKEW, 0, SKEW)])
def test_venues_whose_clocks_differ_by_seconds_are_compared_and_traded_on_where_that_is_allowed(
    tmp_path: Path, offsets: tuple[float, ...]
) -> None:
    allowed = {"clock_offset_ms_max": 0}
    market = WatchedMarket(tmp_path, TRADED, clock_offsets=dict(zip(TRADED, offsets, strict=True)), alarms=allowed)
    market.run(30)
    assert market.snapshots > 500
    orders = market.system.view(OMS)
    assert orders.filled > 0
    assert (orders.rejected, orders.unknown) == (0, 0), "timestamps of the wrong clock would be refused"
    for venue, offset in zip(TRADED, offsets, strict=True):
        measured = market.system.view(connector_name(VenueId(venue))).clock_offset
        assert abs(measured - offset * SECOND) < 50 * MILLISECOND
    assert market.audit() == []


def test_no_new_order_goes_to_a_venue_whose_clock_is_too_far_from_ours(tmp_path: Path) -> None:
    market = WatchedMarket(tmp_path, TRADED, clock_offsets={TRADED[0]: SKEW})
    market.run(30)
    orders = market.news.of(Order)
    assert orders
    assert TRADED[0] not in {venue_of(order.request.instrument) for order in orders}
    assert market.audit() == []


@pytest.mark.parametrize("step", [SKEW, -SKEW])
def test_a_venue_that_sets_its_clock_is_followed_and_nothing_old_is_decided_on_meanwhile(
    tmp_path: Path, step: float
) -> None:
    market = WatchedMarket(tmp_path, ["binance:usdm", "binance:spot"])
    market.begin()
    exchange = market.world.exchanges[VenueId("binance:usdm")]
    exchange.clock_offset = Nanos(exchange.clock_offset + int(step * SECOND))
    stepped, other = market.instruments
    market.run(1)
    assert market.state(other) is BookState.VALID
    market.seconds_until_valid(70)
    market.run(5)
    assert market.state(stepped) is BookState.VALID
    seen = market.system.view(FEED).venues[VenueId("binance:usdm")]
    assert seen.clock_offset_ms == pytest.approx(step * 1_000, abs=200)
    assert_times_only_grow(market, of_venue=False)
    assert market.audit() == []


@pytest.mark.parametrize("step", [HOUR, -HOUR, Nanos(SECOND), Nanos(-SECOND)])
def test_a_step_of_our_own_wall_clock_changes_a_figure_and_nothing_else(tmp_path: Path, step: Nanos) -> None:
    runs = []
    for steps in (False, True):
        market = WatchedMarket(tmp_path / str(steps), ["binance:spot", "bybit:linear"])
        market.system.tell(FEED, ClockReading(wall=market.now, now=market.now))
        for _ in range(4):
            market.run(2)
            wall = Nanos(market.now + (step if steps else 0))
            market.system.tell(FEED, ClockReading(wall=wall, now=market.now))
        market.run(2)
        runs.append(market)
    usual, stepped = runs
    assert stepped.news.messages == usual.news.messages
    assert len(usual.news.messages) > 500
    assert (usual.system.view(FEED).wall_clock_drift_ms, stepped.system.view(FEED).wall_clock_drift_ms) == (
        0.0,
        step / MILLISECOND,
    )
    assert stepped.audit() == []


def test_a_wall_clock_that_is_slewed_is_seen_to_drift(tmp_path: Path) -> None:
    market = WatchedMarket(tmp_path, ["binance:spot"])
    began = market.now
    for _ in range(10):
        wall = Nanos(market.now + (market.now - began) // 2_000)
        market.system.tell(FEED, ClockReading(wall=wall, now=market.now))
        market.run(1)
    assert market.system.view(FEED).wall_clock_drift_ms == pytest.approx(4.5)
    assert market.invalid() == []
    assert market.audit() == []
