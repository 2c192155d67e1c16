"""Counting requests, as venues do: in fixed windows that begin on the clock, or in sliding ones."""

from collections import deque

from integrated_trading_system.domain.time import Nanos


class FixedWindow:
    """Counts within windows aligned to the epoch: the count falls to 0 when the next one begins."""

    def __init__(self, limit: int, length: Nanos) -> None:
        self.limit = limit
        self.length = length
        self._window = -1
        self._used = 0

    def used(self, now: Nanos) -> int:
        """What this window holds so far."""
        return self._used if now // self.length == self._window else 0

    def spend(self, amount: int, now: Nanos) -> bool:
        """Count; True while the limit is kept. What breaks it is counted all the same."""
        self._used = self.used(now) + amount
        self._window = now // self.length
        return self._used <= self.limit

    def give_back(self, amount: int, now: Nanos) -> None:
        """Count less, within this window and never below 0."""
        self._used = max(0, self.used(now) - amount)

    def ends_in(self, now: Nanos) -> Nanos:
        """Time until the count falls to 0."""
        return Nanos(self.length - now % self.length)


class SlidingWindow:
    """At most `limit` events in any span of `length`. What is refused is not counted."""

    def __init__(self, limit: int, length: Nanos) -> None:
        self.limit = limit
        self.length = length
        self._times: deque[Nanos] = deque()

    def spend(self, now: Nanos, events: int = 1) -> bool:
        """Count so many events at once; False, and none of them counts, when they are too many."""
        while self._times and self._times[0] <= now - self.length:
            self._times.popleft()
        if len(self._times) + events > self.limit:
            return False
        self._times.extend([now] * events)
        return True

    def left(self, now: Nanos) -> int:
        """How many more are allowed now."""
        return self.limit - sum(at > now - self.length for at in self._times)

    def opens_at(self, now: Nanos) -> Nanos:
        """When the next event is allowed again."""
        return Nanos(self._times[0] + self.length) if self.left(now) <= 0 else now
