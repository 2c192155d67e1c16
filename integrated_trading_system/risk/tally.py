"""How often something happened within the last while: a sliding count by key, whatever the window's alignment."""

from collections import deque
from typing import Generic, TypeVar

from integrated_trading_system.domain.time import Nanos

K = TypeVar("K")


class Tally(Generic[K]):
    """Counts of the half-open window that ends now. Holds no more than what happened within it."""

    __slots__ = ("_counts", "_log", "_window")

    def __init__(self, window: Nanos) -> None:
        """Nothing happened."""
        self._window = window
        self._log: deque[tuple[Nanos, K]] = deque()
        self._counts: dict[K, int] = {}

    def add(self, key: K, now: Nanos) -> int:
        """It happened; how often now."""
        self._forget(now)
        self._log.append((now, key))
        count = self._counts[key] = self._counts.get(key, 0) + 1
        return count

    def count(self, key: K, now: Nanos) -> int:
        """How often."""
        self._forget(now)
        return self._counts.get(key, 0)

    def clear(self) -> None:
        """It never happened."""
        self._log.clear()
        self._counts.clear()

    def _forget(self, now: Nanos) -> None:
        log, counts = self._log, self._counts
        while log and now - log[0][0] >= self._window:
            _, key = log.popleft()
            counts[key] -= 1
            if not counts[key]:
                del counts[key]
