"""A few wild values do not move what is typical, and a market that moves is not taken for a mistake."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.feed.outliers import SAMPLES_MIN, UNKNOWN, Limits, limits_of, median, typical

SETTINGS = FeedSettings(outlier_mad_max=10, outlier_bps_min=100, volume_factor_max=1_000)
ONES = [1.0] * 100


@pytest.mark.parametrize(("values", "middle"), [([3.0], 3.0), ([1.0, 9.0, 2.0], 2.0), ([1.0, 2.0, 3.0, 4.0], 3.0)])
def test_the_median_is_in_the_middle(values: list[float], middle: float) -> None:
    assert median(values) == middle


def test_in_a_quiet_market_the_least_distance_counts() -> None:
    found = typical([100.0] * 100, ONES, SETTINGS)
    assert (found.low, found.high) == (99.0, 101.0)
    assert found.size_max == 1_000.0


def test_in_a_wild_market_the_usual_distance_counts() -> None:
    prices = [100.0, 98.0, 102.0, 104.0, 96.0] * 20
    found = typical(prices, ONES, SETTINGS)
    assert found.high == pytest.approx(100.0 + 10 * 1.4826 * 2.0)
    assert found.low == pytest.approx(100.0 - 10 * 1.4826 * 2.0)


def test_a_third_of_wild_values_moves_nothing() -> None:
    found = typical([100.0] * 70 + [1e9] * 30, [1.0] * 70 + [1e12] * 30, SETTINGS)
    assert (found.low, found.high, found.size_max) == (99.0, 101.0, 1_000.0)


@pytest.mark.parametrize("step", [0.001, 0.1, 1.0, -0.5])
def test_the_next_price_of_a_market_that_drifts_is_never_an_outlier(step: float) -> None:
    prices = [500.0 + step * number for number in range(300)]
    found = typical(prices[:256], [1.0] * 256, SETTINGS)
    assert found.low < prices[256] < found.high


def test_of_few_messages_nothing_is_typical() -> None:
    assert typical([100.0] * (SAMPLES_MIN - 1), ONES, SETTINGS) is UNKNOWN
    assert typical([], [], SETTINGS) is UNKNOWN


def test_without_validation_there_are_no_limits() -> None:
    off = FeedSettings(enable_validation=False)
    assert typical([100.0] * 100, ONES, off) is UNKNOWN
    assert limits_of(off) == Limits(inf, inf, inf, inf)


@given(st.floats(1, 90_000), st.floats(1, 90_000), st.floats(0.01, 1), st.floats(0, 1))
def test_no_two_prices_of_the_band_are_a_jump_or_too_wide(
    jump_bps: float, spread_bps: float, where: float, other: float
) -> None:
    limits = limits_of(FeedSettings(jump_bps_max=jump_bps, spread_bps_max=spread_bps))
    low, high = max(0.0, 100.0 * (1 - limits.half_width)), 100.0 * (1 + limits.half_width)
    bid, ask = sorted((low + (high - low) * where, low + (high - low) * other))
    mid = (bid + ask) / 2
    assert ask - bid <= mid * limits.spread_max * (1 + 1e-9)
    assert abs(mid - 100.0) <= 100.0 * limits.jump_max
