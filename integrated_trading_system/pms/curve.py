"""The equity curve and its figures: high-water, drawdown, Sharpe and Sortino. Bounded, and a function of its samples.

Equity is profit since the first fill. Deposits are no profit, and nothing here reads a clock.
"""

from decimal import Decimal
from math import sqrt
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import DAY, Nanos

YEAR: Final = 365 * DAY
"""Crypto markets do not close."""
PERIODS_MIN: Final = 2
"""Fewer have no deviation."""


class Ratios(Struct, frozen=True, kw_only=True):
    """Mean profit of a period by its deviation, times the root of the periods in a year of 365 days.

    The capital is taken as constant and the riskless rate as 0, so that profits stand for returns.
    """

    sharpe: float | None
    """None where there were too few periods, or all were alike."""
    sortino: float | None
    """Deviation of the losses only; None where there was none."""
    period_s: float
    periods: int
    annualised_by: float
    """The root: divide by it for the ratio of one period."""


class Drawdown(Struct, frozen=True, kw_only=True):
    """How far equity was below its highest, at most and now."""

    high: Decimal
    """The high-water mark: 0 at the first sample or before."""
    high_at: Nanos
    now: Decimal
    deepest: Decimal
    deepest_share: Decimal | None
    """Of the capital with the profit of that high; None while the capital is not known."""
    longest: Nanos
    """From a high to the sample that reached it again, or to the newest one."""


class EquityCurve:
    """Samples in order of time: the figures see all of them, the curve keeps evenly thinned ones."""

    def __init__(self, points_max: int, period: Nanos) -> None:
        """`period`: one return each; a multiple of it since the epoch is where one ends and the next begins."""
        assert points_max >= PERIODS_MIN
        self._points_max = points_max
        self._period = period
        self._points: list[tuple[Nanos, Decimal]] = []
        self._every = 1
        self._samples = 0
        self._newest: tuple[Nanos, Decimal] | None = None
        self._high = ZERO
        self._high_at = Nanos(0)
        self._deepest = ZERO
        self._deepest_share: Decimal | None = None
        self._longest = Nanos(0)
        self._opened: tuple[Nanos, Decimal] | None = None
        """Where the running period began, and with what."""
        self._periods = 0
        self._mean = self._squares = self._losses = 0.0

    def sample(self, at: Nanos, total: Decimal, capital: Decimal | None) -> None:
        """Equity now, and what profit is made with."""
        if not self._samples:
            self._high_at, self._opened = at, (at, total)
        if self._samples % self._every == 0:
            self._points.append((at, total))
            if len(self._points) > self._points_max:
                del self._points[1::2]
                self._every *= 2
        self._samples += 1
        self._newest = (at, total)
        self._measure(at, total, capital)
        assert self._opened is not None
        if at // self._period > self._opened[0] // self._period:
            self._close(float(total - self._opened[1]))
            self._opened = (at, total)

    def points(self) -> tuple[tuple[Nanos, Decimal], ...]:
        """Thinned, and the newest sample."""
        if self._newest is None or self._points[-1] == self._newest:
            return tuple(self._points)
        return (*self._points, self._newest)

    def drawdown(self) -> Drawdown:
        """Of all samples."""
        return Drawdown(
            high=self._high,
            high_at=self._high_at,
            now=ZERO if self._newest is None else self._high - self._newest[1],
            deepest=self._deepest,
            deepest_share=self._deepest_share,
            longest=self._longest,
        )

    def ratios(self) -> Ratios:
        """Of all finished periods."""
        annual = sqrt(YEAR / self._period)
        enough = self._periods >= PERIODS_MIN
        deviation = sqrt(self._squares / (self._periods - 1)) if enough else 0.0
        downside = sqrt(self._losses / self._periods) if enough else 0.0
        return Ratios(
            sharpe=self._mean / deviation * annual if deviation else None,
            sortino=self._mean / downside * annual if downside else None,
            period_s=self._period / 1_000_000_000,
            periods=self._periods,
            annualised_by=annual,
        )

    def _measure(self, at: Nanos, total: Decimal, capital: Decimal | None) -> None:
        self._longest = max(self._longest, Nanos(at - self._high_at))
        if total >= self._high:
            self._high, self._high_at = total, at
        depth = self._high - total
        self._deepest = max(self._deepest, depth)
        if capital is not None and capital + self._high > 0:
            self._deepest_share = max(self._deepest_share or ZERO, depth / (capital + self._high))

    def _close(self, profit: float) -> None:
        """Welford's sums: exact enough at any length, and nothing is kept."""
        self._periods += 1
        before = profit - self._mean
        self._mean += before / self._periods
        self._squares += before * (profit - self._mean)
        self._losses += min(profit, 0.0) ** 2
