"""The test of Engle and Granger: against published critical values, a plain solution, and chance."""

from itertools import pairwise
from math import cos, inf, nan, pi, sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.cointegration import (
    SAMPLES_MAX,
    CointegrationAsked,
    Untestable,
    answer,
    engle_granger,
    p_value,
)
from integrated_trading_system.domain.ids import ActorName

PUBLISHED = {
    0.01: (-3.89644, -10.9519, -22.527),
    0.05: (-3.33613, -6.1101, -6.823),
    0.10: (-3.04445, -4.2412, -2.720),
}
"""MacKinnon (2010), table 2: two variables, a constant."""


def walk(random: Random, count: int) -> list[float]:
    found, at = [], 0.0
    for _ in range(count):
        at += random.gauss(0, 1)
        found.append(at)
    return found


def beside(random: Random, x: list[float], memory: float = 0.7) -> list[float]:
    """Two and a half of each x, and an error that comes back."""
    found, error = [], 0.0
    for one in x:
        error = memory * error + random.gauss(0, 1)
        found.append(7 + 2.5 * one + error)
    return found


@pytest.mark.parametrize("level", PUBLISHED)
@pytest.mark.parametrize("rows", [100, 250, 500, 5_000, 10**9])
def test_at_a_published_critical_value_p_is_its_level(level: float, rows: int) -> None:
    base, first, second = PUBLISHED[level]
    critical = base + first / rows + second / rows**2
    assert p_value(critical, rows) == pytest.approx(level, rel=0.2 if rows == 100 else 0.07)
    if level == 0.05 or rows == 10**9:
        assert p_value(critical, rows) == pytest.approx(level, rel=0.01)


def test_p_grows_with_the_statistic_from_never_to_always() -> None:
    found = [p_value(statistic / 100, 500) for statistic in range(-2_500, 301)]
    assert found[0] == 0.0
    assert found[-1] == 1.0
    assert all(before <= after + 2e-3 for before, after in pairwise(found)), "but for the bend"


@pytest.mark.parametrize("count", [100, 250])
def test_walks_that_have_nothing_to_do_with_each_other_are_taken_for_a_pair_at_the_stated_rate(count: int) -> None:
    random, tests = Random(count), 400
    found = [engle_granger(walk(random, count), walk(random, count)).p for _ in range(tests)]
    for level in (0.05, 0.10):
        rate = sum(p <= level for p in found) / tests
        assert abs(rate - level) < 3.3 * sqrt(level * (1 - level) / tests)


def test_a_pair_is_found_and_its_ratio_with_it() -> None:
    random = Random(5)
    for _ in range(20):
        x = walk(random, 500)
        found = engle_granger(beside(random, x), x)
        assert found.p < 0.001
        assert found.ratio == pytest.approx(2.5, abs=0.15)


def test_an_error_that_hardly_comes_back_is_mostly_not_found() -> None:
    random = Random(6)
    found = []
    for _ in range(50):
        x = walk(random, 100)
        found.append(engle_granger(beside(random, x, memory=0.98), x).p < 0.05)
    assert sum(found) < 15


@given(st.integers(0, 10**9), st.floats(0.01, 100), st.floats(-1e4, 1e4))
def test_units_and_levels_of_the_series_change_nothing_but_the_ratio(seed: int, scale: float, level: float) -> None:
    random = Random(seed)
    x = walk(random, 80)
    y = beside(random, x)
    plain, other = engle_granger(y, x), engle_granger([level + scale * one for one in y], [one - level for one in x])
    assert other.lags == plain.lags
    assert other.statistic == pytest.approx(plain.statistic, rel=1e-5)
    assert other.ratio == pytest.approx(scale * plain.ratio, rel=1e-5)


def test_without_lags_the_statistic_is_the_plain_one() -> None:
    random = Random(8)
    x = walk(random, 200)
    y = beside(random, x, memory=0.5)
    found = engle_granger(y, x)
    assert found.lags == 0, "an error of first order needs none"
    mean_x, mean_y = sum(x) / 200, sum(y) / 200
    residual = [b - mean_y - found.ratio * (a - mean_x) for a, b in zip(x, y, strict=True)]
    levels, changes = residual[:-1], [after - before for before, after in pairwise(residual)]
    square = sum(one * one for one in levels)
    speed = sum(one * change for one, change in zip(levels, changes, strict=True)) / square
    left = sum((change - speed * one) ** 2 for one, change in zip(levels, changes, strict=True))
    assert found.statistic == pytest.approx(speed / sqrt(left / (199 - 1) / square))
    assert found.rows == 199


def test_an_error_with_a_long_memory_of_its_changes_takes_lags() -> None:
    random = Random(9)
    x, errors = walk(random, 400), [0.0, 0.0, 0.0]
    for _ in x:
        errors.append(0.5 * errors[-1] - 0.6 * errors[-2] + 0.4 * errors[-3] + random.gauss(0, 1))
    found = engle_granger([a + error for a, error in zip(x, errors[3:], strict=True)], x)
    assert found.lags >= 2
    assert found.p < 0.001
    assert found.rows == 399 - found.lags


WALK = walk(Random(3), 60)
STEPS = [float(index % 4 > 1) for index in range(60)]


def waves(*frequencies: int) -> list[float]:
    """In fifty samples, so many rounds of each."""
    return [sum(cos(2 * pi * (of * at + of / 9) / 50) for of in frequencies) for at in range(50)]


@pytest.mark.parametrize(
    ("y", "x", "reason"),
    [
        (WALK, WALK[:-1], "series of unequal length"),
        (WALK[:49], WALK[:49], "49 samples, from 50 to 5000 are tested"),
        ([0.0] * (SAMPLES_MAX + 1), [0.0] * (SAMPLES_MAX + 1), "5001 samples, from 50 to 5000 are tested"),
        (WALK, [1.0] * 60, "a series does not move"),
        ([1.0] * 60, WALK, "a series does not move"),
        (WALK, [nan] * 60, "a series does not move"),
        (WALK, [inf, *WALK[1:]], "a series does not move"),
        ([3 * one + 1 for one in WALK], WALK, "one series is the other"),
        ([one + (-1) ** index for index, one in enumerate(STEPS)], STEPS, "the residual repeats itself"),
        (waves(2, 5, 8, 13, 18, 22, 25), waves(5), "the residual repeats itself"),
    ],
)
def test_what_cannot_be_tested_is_said(y: list[float], x: list[float], reason: str) -> None:
    with pytest.raises(Untestable, match=reason):
        engle_granger(y, x)
    asked = CointegrationAsked(request="1", actor=ActorName("strategy.pair"), y=tuple(y), x=tuple(x))
    assert (answer(asked).found, answer(asked).reason) == (None, reason)
