"""What did not hold, and what happened just before it."""

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from integrated_trading_system.domain.time import SECOND, Nanos

REMEMBERED: Final = 2_000
TOLD: Final = 12
"""So many events are told with a violation."""


class Violation(Struct, frozen=True, kw_only=True):
    """One invariant that did not hold in one seed."""

    seed: int
    invariant: str
    """Its id in the list of invariants: ``I3``."""
    what: str
    life: int
    """Counts starts of the core within the seed."""
    at_s: float
    """Virtual seconds since the seed began."""
    events: tuple[str, ...]
    """The last things that happened to whatever it is about, oldest first."""
    replay: str
    """The command that shows it again."""


class Chronicle:
    """The last things that happened, rendered only when somebody asks."""

    def __init__(self, start: Nanos) -> None:
        """Nothing happened yet; times are told since `start`."""
        self._start = start
        self._events: deque[tuple[Nanos, str, Any]] = deque(maxlen=REMEMBERED)

    def add(self, now: Nanos, kind: str, message: Any) -> None:
        """One more."""
        self._events.append((now, kind, message))

    def about(self, subjects: Iterable[str]) -> tuple[str, ...]:
        """The last events in which one of these names occurs; without names, simply the last ones."""
        names = [subject for subject in subjects if subject]
        found: list[str] = []
        for now, kind, message in reversed(self._events):
            text = f"{kind} {message}"
            if not names or any(name in text for name in names):
                found.append(f"{(now - self._start) / SECOND:.6f} s  {text}")
                if len(found) == TOLD:
                    break
        return tuple(reversed(found))
