"""Asks now and then whether the newest samples of a pair are cointegrated, and knows for how long an answer holds.

The test takes milliseconds to seconds, so a driver works it out beside the core. Whatever becomes of a question
(no answer, a refusal, one that comes too late), the next one is asked when it is due.
"""

from collections import deque

from integrated_trading_system.config.pairs import PairsSettings
from integrated_trading_system.domain.cointegration import CointegrationAsked, CointegrationTold
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.runtime.actor import Context


class CointegrationTest:
    """Of one pair, in one incarnation of its strategy."""

    def __init__(self, settings: PairsSettings) -> None:
        """Nothing is asked where no limit is set."""
        self._wanted = settings.cointegration_p_max is not None
        self._every = Nanos(int(settings.cointegration_every_s * SECOND))
        self._y: deque[float] = deque(maxlen=settings.cointegration_samples)
        self._x: deque[float] = deque(maxlen=settings.cointegration_samples)
        self._due = Nanos(0)
        """When the next question is asked."""
        self._count = 0
        self._request = ""
        self._until = Nanos(0)
        self.newest: CointegrationTold | None = None
        """The newest answer."""

    def sample(self, y: float, x: float, context: Context) -> CointegrationAsked | None:
        """One more of each; a question to be emitted when one is due."""
        if not self._wanted:
            return None
        self._y.append(y)
        self._x.append(x)
        if len(self._y) != self._y.maxlen or context.now < self._due:
            return None
        self._due = Nanos(context.now + self._every)
        self._count += 1
        self._request = f"{context.incarnation}-{self._count}"
        return CointegrationAsked(request=self._request, actor=context.name, y=tuple(self._y), x=tuple(self._x))

    def told(self, told: CointegrationTold) -> None:
        """An answer; one to an older question, or to an incarnation before a restart, counts for nothing."""
        if told.request == self._request:
            self.newest = told
            self._until = Nanos(self._due + self._every)

    def p(self, now: Nanos) -> float | None:
        """How often chance looks like this; None while that is not known, or not any more."""
        found = None if self.newest is None else self.newest.found
        return None if found is None or now >= self._until else found.p
