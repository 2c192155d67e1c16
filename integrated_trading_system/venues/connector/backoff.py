"""How long to wait before the next try: at once, then jittered and growing.

After the immediate tries the wait is drawn between half the ceiling and the ceiling, and never
below `first`; the ceiling doubles up to `longest`. Jitter keeps links that were cut together from
coming back together.
"""

from random import Random

from integrated_trading_system.domain.time import Nanos

_DOUBLINGS_MAX = 40
"""Enough to reach any `longest` from any `first`; keeps the number small after years of trying."""


class Backoff:
    """One thing's retries. `reset` once it has worked for a while."""

    __slots__ = ("_first", "_immediate", "_longest", "_random", "_tries")

    def __init__(self, first: Nanos, longest: Nanos, random: Random, immediate: int = 1) -> None:
        """`immediate` tries are not delayed; the next waits at least `first`, none longer than `longest`."""
        assert 0 < first <= longest
        self._first = first
        self._longest = longest
        self._random = random
        self._immediate = immediate
        self._tries = 0

    def delay(self) -> Nanos:
        """How long to wait before the try that follows."""
        self._tries += 1
        doublings = self._tries - self._immediate
        if doublings <= 0:
            return Nanos(0)
        ceiling = min(self._longest, self._first << min(doublings, _DOUBLINGS_MAX))
        return Nanos(self._random.randint(max(self._first, ceiling // 2), ceiling))

    def reset(self) -> None:
        """It works: the next failure is the first again."""
        self._tries = 0
