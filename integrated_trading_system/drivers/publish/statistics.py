"""What an output counts."""

from collections.abc import Mapping

from msgspec import Struct


class OutputStatistics(Struct, frozen=True, kw_only=True):
    """One output since the start: told = delivered + conflated + dropped + refused + waiting."""

    name: str
    told: int
    delivered: int
    """The server, or the disk, has it."""
    conflated: int
    """Replaced by a newer one before it left."""
    dropped: Mapping[str, int]
    """By kind of event, or by reason."""
    refused: int = 0
    """Orders and fills that found no room even beyond the capacity."""
    waiting: int
    """After the end: what did not get out in time."""
    capacity: int
    high_water: int
    failures: int = 0
    """Connections and writes that failed."""
    connected: bool = False
    error: str = ""
    """The last failure; empty while it works."""
