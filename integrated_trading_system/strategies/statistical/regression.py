"""How much of one price another explains: least squares over a window, or a ratio that a Kalman filter follows.

Both are fed one sample at a time and say what the sample was off by. Ordinary floats: estimates, not money.
"""

from collections import deque
from typing import Protocol

from msgspec import Struct


class Estimate(Struct, frozen=True):
    """The relation y = offset + ratio * x, and how far the newest sample is off it."""

    ratio: float
    offset: float
    error: float


class HedgeRatio(Protocol):
    """One way to estimate."""

    def sample(self, x: float, y: float) -> Estimate | None:
        """One more; None while too few are known."""


class RollingOls:
    """Least squares over the newest `window` samples; sums of differences from a first sample keep their digits."""

    def __init__(self, window: int) -> None:
        """No samples."""
        self._window = window
        self._samples: deque[tuple[float, float]] = deque()
        self._origin = (0.0, 0.0)
        self._sums = [0.0] * 4
        """Of x, y, x*x and x*y."""
        self._since_exact = 0

    def sample(self, x: float, y: float) -> Estimate | None:
        """One more in, the oldest out."""
        if not self._samples:
            self._origin = (x, y)
        self._samples.append((x, y))
        self._add(x, y, 1.0)
        if len(self._samples) > self._window:
            self._add(*self._samples.popleft(), -1.0)
        self._since_exact += 1
        if self._since_exact >= self._window:
            self._anew()
        return self._estimate(x, y) if len(self._samples) == self._window else None

    def _estimate(self, x: float, y: float) -> Estimate | None:
        count = len(self._samples)
        sum_x, sum_y, sum_xx, sum_xy = self._sums
        spread = sum_xx - sum_x * sum_x / count
        if spread <= 0.0:
            return None
        ratio = (sum_xy - sum_x * sum_y / count) / spread
        x0, y0 = self._origin
        offset = y0 + sum_y / count - ratio * (x0 + sum_x / count)
        return Estimate(ratio, offset, y - offset - ratio * x)

    def _add(self, x: float, y: float, sign: float) -> None:
        x0, y0 = self._origin
        x, y = x - x0, y - y0
        sums = self._sums
        sums[0] += sign * x
        sums[1] += sign * y
        sums[2] += sign * x * x
        sums[3] += sign * x * y

    def _anew(self) -> None:
        """Adding and taking away leaves crumbs: once a window they are swept."""
        self._origin = self._samples[0]
        self._sums = [0.0] * 4
        self._since_exact = 0
        for x, y in self._samples:
            self._add(x, y, 1.0)


class KalmanRatio:
    """Ratio and offset as a random walk, observed through every sample."""

    def __init__(self, drift: float, noise: float) -> None:
        """`drift`: variance added to both per sample; `noise`: variance of a sample about the relation."""
        self._drift = drift
        self._noise = noise
        self._ratio, self._offset = 1.0, 0.0
        self._p = [1.0, 0.0, 1.0]
        """Covariance: of the ratio, of both, of the offset."""
        self._seen = False

    def sample(self, x: float, y: float) -> Estimate | None:
        """Predict, compare, correct. The error is the one before the correction."""
        if not self._seen:
            self._seen = True
            self._offset = y - x  # with a ratio of one; what follows tells better
        a, b, c = self._p
        a, c = a + self._drift, c + self._drift
        error = y - self._offset - self._ratio * x
        gain_of_ratio, gain_of_offset = a * x + b, b * x + c
        variance = x * gain_of_ratio + gain_of_offset + self._noise
        k1, k2 = gain_of_ratio / variance, gain_of_offset / variance
        self._ratio += k1 * error
        self._offset += k2 * error
        self._p = [a - k1 * gain_of_ratio, b - k1 * gain_of_offset, c - k2 * gain_of_offset]
        return Estimate(self._ratio, self._offset, error)
