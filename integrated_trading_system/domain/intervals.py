"""Candle intervals: their names, when a candle of each opens, and when the next one does. All in UTC.

Intervals up to three days begin at multiples of their length since the epoch, weeks on Mondays, months on
the first. (Venues agree on this up to one day; where one begins its three days elsewhere, its own candles say so.)
"""

from datetime import UTC, datetime
from typing import Final

from integrated_trading_system.domain.time import DAY, HOUR, MINUTE, SECOND, Nanos

WEEK: Final = 7 * DAY
MONDAY: Final = 4 * DAY
"""The first Monday after the epoch, which was a Thursday."""
MONTH: Final = "1M"

LENGTHS: Final[dict[str, int]] = {
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "2h": 2 * HOUR,
    "4h": 4 * HOUR,
    "6h": 6 * HOUR,
    "8h": 8 * HOUR,
    "12h": 12 * HOUR,
    "1d": DAY,
    "3d": 3 * DAY,
    "1w": WEEK,
    MONTH: 31 * DAY,
}
"""Nanoseconds; of a month the longest."""
INTERVALS: Final = tuple(LENGTHS)


def opened_at(interval: str, at: int) -> Nanos:
    """When the candle that holds this instant opened. Raises KeyError for an unknown interval."""
    length = LENGTHS[interval]
    if interval == MONTH:
        day = datetime.fromtimestamp(at // SECOND, UTC)
        return _month(day.year, day.month)
    start = MONDAY if length == WEEK else 0
    return Nanos(at - (at - start) % length)


def next_opened_at(interval: str, opened: int) -> Nanos:
    """When the candle after the one that opened then opens: the end of that one."""
    if interval == MONTH:
        day = datetime.fromtimestamp(opened // SECOND, UTC)
        return _month(day.year + day.month // 12, day.month % 12 + 1)
    return Nanos(opened + LENGTHS[interval])


def _month(year: int, month: int) -> Nanos:
    return Nanos(int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * SECOND)
