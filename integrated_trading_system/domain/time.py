"""Time is a number of nanoseconds, and always an argument."""

from typing import Final, NewType

Nanos = NewType("Nanos", int)
"""Nanoseconds: since the Unix epoch for an instant, plain for a duration."""

MICROSECOND: Final = Nanos(1_000)
MILLISECOND: Final = Nanos(1_000_000)
SECOND: Final = Nanos(1_000_000_000)
MINUTE: Final = Nanos(60 * SECOND)
HOUR: Final = Nanos(60 * MINUTE)
DAY: Final = Nanos(24 * HOUR)


def from_millis(millis: float) -> Nanos:
    """Milliseconds, as most venues stamp, to nanoseconds."""
    return Nanos(int(millis * 1_000_000))


def to_millis(nanos: int) -> int:
    """Nanoseconds to whole milliseconds, rounded down."""
    return nanos // 1_000_000
