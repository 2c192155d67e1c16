"""How unusual a spread is, and how fast it comes back: a rolling z-score and a half-life."""

from collections import deque
from itertools import pairwise
from math import inf, log, sqrt

from msgspec import Struct


class Reading(Struct, frozen=True):
    """Of the newest sample."""

    z: float
    """Deviations from the window's mean."""
    deviation: float
    half_life: float
    """Samples in which half of a deviation is gone; infinite where it does not come back."""


class RollingSpread:
    """The newest `window` values. The window is summed anew for each reading: a second is long enough for that."""

    def __init__(self, window: int) -> None:
        """No values."""
        self._values: deque[float] = deque(maxlen=window)
        self._window = window

    def sample(self, value: float) -> Reading | None:
        """One more; None until the window is full, or while nothing moves."""
        self._values.append(value)
        if len(self._values) < self._window:
            return None
        values = list(self._values)
        mean = sum(values) / len(values)
        variance = sum((one - mean) ** 2 for one in values) / (len(values) - 1)
        if variance <= 0.0:
            return None
        deviation = sqrt(variance)
        return Reading((value - mean) / deviation, deviation, half_life(values))


def half_life(values: list[float]) -> float:
    """From how much of a value its next change takes back (an autoregression of first order)."""
    before, changes = values[:-1], [after - one for one, after in pairwise(values)]
    mean, mean_change = sum(before) / len(before), sum(changes) / len(changes)
    moved = sum((one - mean) * (change - mean_change) for one, change in zip(before, changes, strict=True))
    spread = sum((one - mean) ** 2 for one in before)
    speed = moved / spread if spread > 0.0 else 0.0
    if speed >= 0.0:
        return inf
    return -log(2.0) / log(1.0 + speed) if speed > -1.0 else 0.0
