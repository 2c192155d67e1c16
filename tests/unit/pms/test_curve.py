"""The equity curve's figures."""

from decimal import Decimal
from itertools import pairwise
from math import sqrt
from statistics import mean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.pms.curve import YEAR, EquityCurve
from tests.support.seen import seen

PERIOD = Nanos(10 * SECOND)


def curve(*totals: int, points: int = 100, step: int = PERIOD, capital: int | None = None) -> EquityCurve:
    made = EquityCurve(points, PERIOD)
    for number, total in enumerate(totals, 1):
        made.sample(Nanos(number * step), Decimal(total), None if capital is None else Decimal(capital))
    return made


def test_before_the_first_sample_there_is_nothing_to_say() -> None:
    made = curve()
    assert made.points() == ()
    assert made.drawdown().deepest == made.drawdown().now == 0
    assert made.ratios().sharpe is None


def test_a_drawdown_is_measured_from_the_highest_before_it() -> None:
    drawdown = curve(0, 50, 20, 60, 55, capital=150).drawdown()
    assert seen(drawdown.high, drawdown.high_at, drawdown.now, drawdown.deepest) == (60, 4 * PERIOD, 5, 30)
    assert drawdown.deepest_share == Decimal(30) / 200
    assert drawdown.longest == 2 * PERIOD


def test_a_run_that_only_loses_is_below_where_it_began() -> None:
    drawdown = curve(-5, -10, -8).drawdown()
    assert seen(drawdown.high, drawdown.deepest, drawdown.now) == (0, 10, 8)
    assert drawdown.longest == 2 * PERIOD


def test_without_capital_a_drawdown_has_no_share() -> None:
    assert curve(0, 50, 20).drawdown().deepest_share is None
    assert curve(0, 50, 20, capital=-60).drawdown().deepest_share is None


def test_a_full_curve_keeps_every_second_point_and_always_the_newest() -> None:
    made = curve(*range(10), points=4)
    assert [int(total) for _, total in made.points()] == [0, 4, 8, 9]


@given(st.integers(0, 300), st.integers(2, 20))
def test_the_curve_is_bounded_and_even(samples: int, points: int) -> None:
    kept = [int(total) for _, total in curve(*range(samples), points=points).points()]
    assert len(kept) <= points + 1
    assert kept[-1:] == ([samples - 1] if samples else [])
    assert len({later - earlier for earlier, later in pairwise(kept[:-1])}) <= 1


def test_ratios_compare_the_profits_of_periods_and_say_how_they_are_annualised() -> None:
    totals = (0, 10, 8, 20, 19)
    profits = [10, -2, 12, -1]
    ratios = curve(*totals).ratios()
    annual = sqrt(YEAR / PERIOD)
    assert seen(ratios.period_s, ratios.periods, ratios.annualised_by) == (10, 4, annual)
    assert ratios.sharpe == pytest.approx(mean(profits) / stdev(profits) * annual)
    assert ratios.sortino == pytest.approx(mean(profits) / sqrt((2**2 + 1**2) / 4) * annual)


def test_samples_inside_a_period_are_one_return() -> None:
    assert curve(*range(10), step=PERIOD // 5).ratios().periods == 2


@pytest.mark.parametrize("totals", [(0, 5), (0, 5, 10, 15)])
def test_too_few_or_equal_profits_have_no_ratio(totals: tuple[int, ...]) -> None:
    ratios = curve(*totals).ratios()
    assert seen(ratios.sharpe, ratios.sortino) == (None, None)
