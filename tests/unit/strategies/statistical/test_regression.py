"""Hedge ratios and spreads, against the plain formulas."""

from math import inf, log
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.strategies.statistical.regression import KalmanRatio, RollingOls
from integrated_trading_system.strategies.statistical.spread import RollingSpread, half_life

floats = st.floats(-5, 5)


@given(st.lists(st.tuples(floats, floats), min_size=4, max_size=60), st.integers(3, 10))
def test_rolling_least_squares_are_those_of_the_window(samples: list[tuple[float, float]], window: int) -> None:
    model = RollingOls(window)
    for count, (x, y) in enumerate(samples, start=1):
        found = model.sample(x, y)
        newest = samples[max(0, count - window) : count]
        mean_x, mean_y = (sum(one[at] for one in newest) / len(newest) for at in (0, 1))
        spread = sum((one[0] - mean_x) ** 2 for one in newest)
        if count < window:
            assert found is None
        elif spread > 1e-3 and found is not None:
            ratio = sum((one[0] - mean_x) * (one[1] - mean_y) for one in newest) / spread
            assert found.ratio == pytest.approx(ratio, rel=1e-6, abs=1e-6)
            assert found.error == pytest.approx(y - mean_y - ratio * (x - mean_x), rel=1e-5, abs=1e-5)


def test_prices_far_from_zero_lose_no_digits() -> None:
    random, model, found = Random(1), RollingOls(50), None
    for _ in range(5_000):
        x = log(65_000) + random.gauss(0, 1e-4)
        found = model.sample(x, 0.5 + 1.5 * x)
    assert found is not None
    assert found.ratio == pytest.approx(1.5, abs=1e-6)


def test_a_flat_price_explains_nothing() -> None:
    model = RollingOls(3)
    assert [model.sample(1.0, float(y)) for y in range(5)] == [None] * 5


def test_the_filter_finds_a_ratio_and_follows_it_when_it_drifts() -> None:
    random, model, x, ratio = Random(2), KalmanRatio(1e-5, 1e-4), 0.0, 0.8
    found = None
    for step in range(4_000):
        x = 0.99 * x + random.gauss(0, 0.3)
        ratio = 0.8 if step < 2_000 else 1.2
        found = model.sample(x, 0.3 + ratio * x + random.gauss(0, 0.01))
        if step == 1_999:
            assert found is not None
            assert found.ratio == pytest.approx(0.8, abs=0.03)
            assert found.offset == pytest.approx(0.3, abs=0.03)
    assert found is not None
    assert found.ratio == pytest.approx(1.2, abs=0.05)


def test_half_of_a_deviation_is_gone_after_a_half_life() -> None:
    values = [2.0 ** (-step / 10) for step in range(100)]
    assert half_life(values) == pytest.approx(10)


def test_what_runs_away_has_no_half_life_and_what_overshoots_has_none_to_wait_for() -> None:
    assert half_life([1.1**step for step in range(50)]) == inf
    assert half_life([(-2.0) ** step for step in range(20)]) == 0.0
    assert half_life([1.0] * 10) == inf


def test_the_score_is_in_deviations_of_the_window() -> None:
    spread = RollingSpread(5)
    assert [spread.sample(value) for value in (0.0, 1.0, 2.0, 3.0)] == [None] * 4
    found = spread.sample(4.0)
    assert found is not None
    assert found.deviation == pytest.approx(2.5**0.5)
    assert found.z == pytest.approx(2 / 2.5**0.5)


def test_a_spread_that_does_not_move_has_no_score() -> None:
    spread = RollingSpread(3)
    assert [spread.sample(1.0) for _ in range(5)] == [None] * 5
