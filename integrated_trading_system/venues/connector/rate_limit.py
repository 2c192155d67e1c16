"""Weight against the venue's rate limits, counted so that no alignment of the venue's windows is broken.

Venues count in fixed windows whose beginning we do not know. What was spent within *any* stretch
as long as the window is therefore kept below the capacity: it then holds for theirs, whenever
theirs begin. Part of each limit is kept for what must never wait: data and orders may use the
capacity less `reserve`, queries half of the reserve too, cancels everything.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.rest import RateLimit

NEVER: Final = Nanos(-1)
"""More weight than the whole share of a limit: waiting does not help."""

_GRAINS: Final = 64
"""A window is remembered in so many parts: it is counted longer than needed by at most one of them."""
_USED_DIGITS_MAX: Final = 9


class Window:
    """What was spent against one limit lately."""

    __slots__ = ("_capacity", "_entries", "_grain", "_length", "_reserve", "used")

    def __init__(self, limit: RateLimit) -> None:
        """Nothing yet."""
        assert 0 <= limit.reserve < limit.capacity, f"limit {limit.name} leaves nothing for orders"
        self._capacity = limit.capacity
        self._reserve = limit.reserve
        self._length = limit.window
        self._grain = max(1, limit.window // _GRAINS)
        self._entries: deque[tuple[Nanos, int]] = deque()
        """When it stops to count, and how much; in order."""
        self.used = 0

    def wait(self, weight: int, tag: Tag, now: Nanos) -> Nanos:
        """How long until `weight` fits into the tag's share: 0 when it does now, NEVER when it never will."""
        while self._entries and self._entries[0][0] <= now:
            self.used -= self._entries.popleft()[1]
        share = self._share(tag)
        if weight > share:
            return NEVER
        excess = self.used + weight - share
        wait = Nanos(0)
        for expires, spent in self._entries:
            if excess <= 0:
                break
            excess -= spent
            wait = Nanos(expires - now)
        return wait

    def spend(self, weight: int, now: Nanos) -> None:
        """Count it from now on."""
        expires = self._expiry(now)
        if self._entries and self._entries[-1][0] == expires:
            weight_before = self._entries.pop()[1]
            self._entries.append((expires, weight_before + weight))
        else:
            self._entries.append((expires, weight))
        self.used += weight

    def give_back(self, weight: int, spent_at: Nanos) -> None:
        """So much of what was spent then was not needed."""
        expires = self._expiry(spent_at)
        for place, (until, spent) in enumerate(self._entries):
            if until == expires:
                self._entries[place] = (until, spent - weight)
                self.used -= weight

    def _expiry(self, now: Nanos) -> Nanos:
        return Nanos((now // self._grain + 1) * self._grain + self._length)

    def room(self, weight: int, now: Nanos) -> float:
        """What part of the data's share were left after spending `weight`; negative where it does not fit."""
        self.wait(0, Tag.CANCEL, now)
        share = self._share(Tag.DATA)
        return (share - self.used - weight) / share

    def _share(self, tag: Tag) -> int:
        match tag:
            case Tag.CANCEL:
                return self._capacity
            case Tag.QUERY:
                return self._capacity - self._reserve // 2
            case Tag.ORDER | Tag.DATA:
                return self._capacity - self._reserve


class RateLimiter:
    """All limits of one venue."""

    def __init__(self, limits: Sequence[RateLimit]) -> None:
        """Nothing has been spent."""
        self._windows = {limit.name: Window(limit) for limit in limits}
        self._headers = tuple((limit.used_header, limit.name) for limit in limits if limit.used_header)

    def take(self, weights: Sequence[tuple[str, int]], tag: Tag, now: Nanos) -> Nanos:
        """Spend the weights if all of them fit now: 0. Otherwise spend nothing: how long to wait, or NEVER."""
        longest = Nanos(0)
        for name, weight in weights:
            wait = self._windows[name].wait(weight, tag, now)
            if wait == NEVER:
                return NEVER
            longest = max(longest, wait)
        if longest == 0:
            for name, weight in weights:
                self._windows[name].spend(weight, now)
        return longest

    def give_back(self, weights: Sequence[tuple[str, int]], spent_at: Nanos) -> None:
        """Part of what was taken then was not needed."""
        for name, weight in weights:
            self._windows[name].give_back(weight, spent_at)

    def room(self, weights: Sequence[tuple[str, int]], now: Nanos) -> float:
        """What part of the data's share were left after spending the weights, of the limit where that is least."""
        return min((self._windows[name].room(weight, now) for name, weight in weights), default=1.0)

    def observe(self, headers: Mapping[str, str], now: Nanos) -> None:
        """Believe the weight used that the venue reports, where it is more than ours.

        Somebody else behind the same address or account spends too. A lower figure only says that the
        venue's window began later than ours.
        """
        for header, name in self._headers:
            text = headers.get(header, "")
            if text.isascii() and text.isdigit() and len(text) <= _USED_DIGITS_MAX:
                window = self._windows[name]
                window.wait(0, Tag.CANCEL, now)
                if int(text) > window.used:
                    window.spend(int(text) - window.used, now)

    def used(self) -> dict[str, int]:
        """Weight that counts against each limit, as of the last request."""
        return {name: window.used for name, window in self._windows.items()}
