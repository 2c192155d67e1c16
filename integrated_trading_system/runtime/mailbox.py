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


class _Newest:
    """Stands in the queue for the newest message of its key."""

    __slots__ = ("key", "message")

    def __init__(self, key: Hashable, message: Any) -> None:
        self.key = key
        self.message = message


class Mailbox:
    """The queue itself. One reader, any number of writers on the same thread."""

    __slots__ = (
        *("_capacity", "_conflate", "_newest", "_room", "_shed"),
        *("conflated", "delivered", "dropped", "high_water", "name", "waiting"),
    )

    def __init__(self, name: str, limits: MailboxLimits) -> None:
        """Empty."""
        self.name = name
        self._capacity = limits.capacity
        self._shed = limits.shed
        self._conflate = dict(limits.conflate)
        self.waiting: deque[Any] = deque()
        """Whoever only wants to know whether something waits need not call anything."""
        self._newest: dict[Hashable, _Newest] = {}
        self._room = 0 if self._conflate else limits.capacity
        """While fewer wait, a newcomer just joins them."""
        self.delivered = 0
        self.conflated = 0
        self.dropped = 0
        self.high_water = 0

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self.waiting)

    def put(self, message: Any) -> None:
        """Let the message wait, or replace an older one of its key, or shed; raises MailboxOverflow."""
        waiting = self.waiting
        count = len(waiting)
        if count < self._room:
            waiting.append(message)
            if count >= self.high_water:
                self.high_water = count + 1
        else:
            self._put(message)

    def _put(self, message: Any) -> None:
        entry = message
        if (key_of := self._conflate.get(type(message))) is not None:
            key = (type(message), key_of(message))
            if key in self._newest:
                self._newest[key].message = message
                self.conflated += 1
                return
            entry = _Newest(key, message)
        if len(self.waiting) >= self._capacity and not self._make_room(message):
            return
        if entry is not message:
            self._newest[entry.key] = entry
        self.waiting.append(entry)
        self.high_water = max(self.high_water, len(self.waiting))

    def get(self) -> Any:
        """The oldest message. The caller has made sure that there is one."""
        self.delivered += 1
        entry = self.waiting.popleft()
        return self._taken(entry) if type(entry) is _Newest else entry

    def statistics(self) -> MailboxStatistics:
        """The counters now."""
        return MailboxStatistics(
            self.delivered,
            self.conflated,
            self.dropped,
            self.high_water,
            len(self.waiting),
            self._capacity,
        )

    def _make_room(self, newcomer: Any) -> bool:
        """Drop one message; False when it is the newcomer that goes."""
        for kind in self._shed:
            for index, entry in enumerate(self.waiting):
                if type(entry.message if type(entry) is _Newest else entry) is kind:
                    del self.waiting[index]
                    if type(entry) is _Newest:
                        self._taken(entry)
                    self.dropped += 1
                    return True
        if type(newcomer) in self._shed:
            self.dropped += 1
            return False
        message = f"mailbox {self.name} is full ({self._capacity}) and {type(newcomer).__name__} may not be shed"
        raise MailboxOverflow(message)

    def _taken(self, entry: _Newest) -> Any:
        """The message, which no longer waits, so it can no longer be replaced."""
        del self._newest[entry.key]
        return entry.message
