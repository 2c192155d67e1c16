"""Counters and percentiles say exactly what was counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import MICROSECOND, MILLISECOND
from integrated_trading_system.feed.statistics import (
    Counts,
    Histogram,
    Percentiles,
    StreamView,
    VenueCounts,
    latency_ms_average,
    latency_us,
)
from tests.support.feed_rig import START, VENUE


def test_every_message_is_counted_in_one_place() -> None:
    counts = Counts()
    counts.delivered, counts.conflated, counts.dropped, counts.quarantined = 5, 4, 3, 2
    assert counts.view() == StreamView(5, 4, 3, 2)
    assert counts.view().received == 14
    assert StreamView(waiting=7).received == 7


@given(st.lists(st.integers(0, 100 * MILLISECOND), min_size=1, max_size=300))
def test_a_histogram_is_exact_to_one_step(durations: list[int]) -> None:
    histogram = Histogram(100 * MILLISECOND)
    for duration in durations:
        histogram.counts[duration >> histogram.shift] += 1
    step = 1 << histogram.shift
    assert len(histogram.counts) >= 512
    ordered = sorted(durations)
    found = histogram.percentiles(1)
    assert 0 <= found.max - ordered[-1] <= step
    assert 0 <= found.p50 - ordered[(len(ordered) + 1) // 2 - 1] <= step
    assert found.p50 <= found.p99 <= found.max <= 100 * MILLISECOND


def test_nothing_observed_is_zero() -> None:
    assert Histogram(MILLISECOND).percentiles(1) == Percentiles(0, 0, 0)
    assert latency_us([], 5) == Percentiles(0, 0, 0)
    assert latency_ms_average([], 5) == 0


def test_time_on_the_way_is_measured_with_the_corrected_clock() -> None:
    differences = [delay * MICROSECOND - 1_000 for delay in range(1, 101)]
    assert latency_us(differences, offset=1_000) == Percentiles(50.0, 99.0, 100.0)
    assert latency_ms_average(differences, offset=1_000) == pytest.approx(0.0505)


def test_quarantine_counts_by_reason_and_keeps_the_newest() -> None:
    counts = VenueCounts(quarantine_size=2)
    messages = [Quarantined(VENUE, reason, "", b"", START) for reason in ("json", "price", "json")]
    for message in messages:
        counts.refuse(message)
    assert counts.reasons == {"json": 2, "price": 1}
    assert list(counts.quarantine) == messages[1:]


def test_a_link_of_the_same_name_that_is_live_again_is_a_reconnect() -> None:
    counts = VenueCounts(quarantine_size=2)
    for link in ("market-0.1", "market-1.1", "market-0.2", "market-0.2", "market-0.3"):
        counts.live(link.partition(".")[0], LinkId(link))
    assert counts.reconnects == 2
