"""A bounded queue in front of an actor. It says what it sheds, and counts it.

When it is full, the oldest message of a type in `shed` goes; where the newcomer itself is the only
one that may go, it goes. A message that may not be shed and finds no room raises MailboxOverflow:
trading halts rather than lose an order or a fill.
"""

from collections import deque
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from msgspec import Struct

from integrated_trading_system.domain.errors import MailboxOverflow

Key = Callable[[Any], Hashable]


class MailboxLimits(Struct, frozen=True):
    """How much an actor lets wait, and what happens beyond."""

    capacity: int = 10_000
    shed: tuple[type, ...] = ()
    """Types that may be dropped when full, first named first."""
    conflate: Mapping[type, Key] = {}
    """Types of which only the newest per key waits."""


class MailboxStatistics(Struct, frozen=True):
    """Counters since the start: told = delivered + conflated + dropped + waiting."""

    delivered: int
    conflated: int
    dropped: int
    high_water: int
    waiting: int
    capacity: int = 0


class Mailbox:
    """The queue itself. One reader, any number of writers on the same thread."""

    __slots__ = ("_cells", "_conflate", "_latest", "_limits", "conflated", "delivered", "dropped", "high_water", "name")

    def __init__(self, name: str, limits: MailboxLimits) -> None:
        """Empty."""
        self.name = name
        self._limits = limits
        self._conflate = dict(limits.conflate)
        self._cells: deque[list[Any]] = deque()
        self._latest: dict[Hashable, list[Any]] = {}
        self.delivered = 0
        self.conflated = 0
        self.dropped = 0
        self.high_water = 0

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._cells)

    def put(self, message: Any) -> None:
        """Let the message wait, or replace an older one of its key, or shed; raises MailboxOverflow."""
        key: Hashable = None
        if self._conflate and (key_of := self._conflate.get(type(message))) is not None:
            key = (type(message), key_of(message))
            cell = self._latest.get(key)
            if cell is not None:
                cell[0] = message
                self.conflated += 1
                return
        if len(self._cells) >= self._limits.capacity and not self._make_room(message):
            return
        cell = [message]
        if key is not None:
            self._latest[key] = cell
        self._cells.append(cell)
        if len(self._cells) > self.high_water:
            self.high_water = len(self._cells)

    def get(self) -> Any:
        """The oldest message. The caller has made sure that there is one."""
        message = self._cells.popleft()[0]
        self._forget(message)
        self.delivered += 1
        return message

    def statistics(self) -> MailboxStatistics:
        """The counters now."""
        return MailboxStatistics(
            self.delivered,
            self.conflated,
            self.dropped,
            self.high_water,
            len(self._cells),
            self._limits.capacity,
        )

    def _make_room(self, newcomer: Any) -> bool:
        """Drop one message; False when it is the newcomer that goes."""
        for kind in self._limits.shed:
            for index, cell in enumerate(self._cells):
                if type(cell[0]) is kind:
                    del self._cells[index]
                    self._forget(cell[0])
                    self.dropped += 1
                    return True
        if type(newcomer) in self._limits.shed:
            self.dropped += 1
            return False
        message = f"mailbox {self.name} is full ({self._limits.capacity}) and {type(newcomer).__name__} may not be shed"
        raise MailboxOverflow(message)

    def _forget(self, message: Any) -> None:
        """The message no longer waits, so it can no longer be replaced."""
        if self._conflate and (key_of := self._conflate.get(type(message))) is not None:
            self._latest.pop((type(message), key_of(message)), None)
