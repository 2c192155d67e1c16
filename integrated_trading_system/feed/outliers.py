"""What is typical of the newest prices and sizes, by statistics that a few wild values cannot move.

The median is in the middle, and the median absolute deviation (MAD) says how far from it values usually lie.
A price is untypical when it lies further from the median than so many MADs, and further than a least distance,
because in a quiet minute the MAD is 0. It is an outlier when it lies further than that distance from the price
before it, too: a market that walks away from its median is followed, a single leap out of nowhere is not. A size
is absurd when it is so many times the median size.
"""

from collections.abc import Sequence
from math import inf
from typing import Final

from msgspec import Struct

from integrated_trading_system.config.feed import FeedSettings

SAMPLES_MIN: Final = 32
"""Of fewer nothing is typical yet."""
NORMAL: Final = 1.4826
"""A MAD times this is the standard deviation of a normal distribution."""


class Typical(Struct, frozen=True):
    """Between what prices an instrument is not far from its own median, and up to what size."""

    low: float = 0.0
    high: float = inf
    size_max: float = inf


UNKNOWN: Final = Typical()
"""Nothing is untypical."""


class Limits(Struct, frozen=True):
    """What is configured, as parts of a price."""

    jump_max: float
    spread_max: float
    step_max: float
    """What is not further than this from the price before is no outlier."""
    half_width: float
    """Of a band in which no two prices are a jump or too wide a spread."""


def limits_of(settings: FeedSettings) -> Limits:
    """No limits where validation is off."""
    if not settings.enable_validation:
        return Limits(inf, inf, inf, inf)
    jump, spread = settings.jump_bps_max / 10_000, settings.spread_bps_max / 10_000
    step = min(jump, settings.outlier_bps_min / 10_000)
    return Limits(jump, spread, step, min(jump / 2, spread / (2 + spread)))


def median(values: Sequence[float]) -> float:
    """The middle one; the upper of the two middle ones. At least one value is needed."""
    return sorted(values)[len(values) // 2]


def typical(prices: Sequence[float], sizes: Sequence[float], settings: FeedSettings) -> Typical:
    """What these believed messages say. UNKNOWN while they are too few, or validation is off."""
    if not settings.enable_validation or len(prices) < SAMPLES_MIN:
        return UNKNOWN
    middle = median(prices)
    deviation = NORMAL * median([abs(price - middle) for price in prices])
    allowed = max(settings.outlier_mad_max * deviation, middle * settings.outlier_bps_min / 10_000)
    return Typical(middle - allowed, middle + allowed, median(sizes) * settings.volume_factor_max)
