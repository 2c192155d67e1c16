"""A bounded queue of events in front of an output. It never waits, never raises, and counts whatever it drops.

How full it is decides (E2 of the mission): from 80 % heartbeats are dropped; from 90 % quotes and
whatever else a newer one makes worthless, trades are kept; at 100 % the oldest heartbeat goes, else the
oldest quote, else the oldest trade. Orders, fills and changes of the trading state are never dropped:
where nothing else can go they take room beyond the capacity, as much as the capacity again. When that is
used up as well, they end here: later ones are *refused*, said as an error and counted apart, so that the
row that was delivered has no hole in it; the journal and the history hold them all.

In front of that, quotes are conflated: above `conflate_from` a newer one replaces the one of its
instrument that waits. Always: told = delivered + conflated + dropped + refused + waiting.
"""

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any, Final

from loguru import logger

from integrated_trading_system.drivers.publish.events import Event, Kind, Shed
from integrated_trading_system.drivers.publish.statistics import OutputStatistics

DROPS_FROM: Final = {Shed.HEARTBEAT: 80, Shed.QUOTE: 90, Shed.TRADE: 100, Shed.NEVER: 100}
"""Percent full, from which a newcomer does not simply join those who wait."""

_NUMBER: Final = attrgetter("n")


class _Lane:
    """What is known of one type of fact."""

    __slots__ = ("dropped", "kind", "room", "waiting")

    def __init__(self, kind: Kind, room: int, waiting: deque[Event]) -> None:
        self.kind = kind
        self.room = room
        """While fewer wait, a newcomer just joins them."""
        self.waiting = waiting
        """Shared by all kinds that may be dropped at the same time."""
        self.dropped = 0


class Outbox:
    """A ref to be subscribed on the bus, and the box that a Publisher empties."""

    def __init__(
        self,
        name: str,
        kinds: Iterable[Kind],
        capacity: int,
        *,
        flush_s: float = 0.0,
        conflate_from_percent: int = 100,
    ) -> None:
        """Takes facts of these kinds. What comes within `flush_s` leaves together. At 100 % nothing is conflated."""
        self.name = name
        self.capacity = capacity
        self.told = 0
        self.delivered = 0
        self.conflated = 0
        self.refused = 0
        self.high_water = 0
        self.wake: Callable[[], None] = lambda: None
        """Called when the first one begins to wait."""
        self._flush_s = flush_s
        self._size = 0
        self._queues: dict[Shed, deque[Event]] = {shed: deque() for shed in Shed}
        self._conflate_from = capacity * conflate_from_percent // 100 if conflate_from_percent < 100 else None
        self._lanes = {kind.type: _Lane(kind, self._room(kind), self._queues[kind.shed]) for kind in kinds}
        self._newest: dict[Hashable, Event] = {}
        self._leaving: list[Event] = []

    def _room(self, kind: Kind) -> int:
        room = -(-self.capacity * DROPS_FROM[kind.shed] // 100)
        return room if kind.key is None or self._conflate_from is None else min(room, self._conflate_from)

    # -- the ref -------------------------------------------------------------------------------

    def tell(self, message: Any, /) -> None:
        """Let it wait, or do what the policy says."""
        lane = self._lanes.get(type(message))
        if lane is None:
            return
        n = self.told = self.told + 1
        size = self._size
        if size < lane.room:
            lane.waiting.append(Event(n, lane.kind, message))
            self._grow(size)
        else:
            self._tell_under_pressure(lane, Event(n, lane.kind, message))

    def _grow(self, size: int) -> None:
        self._size = size + 1
        if size >= self.high_water:
            self.high_water = size + 1
        if size == 0:
            self.wake()

    def _tell_under_pressure(self, lane: _Lane, event: Event) -> None:
        kind, size = lane.kind, self._size
        key: Hashable = None
        if kind.key is not None and self._conflate_from is not None:
            key = (kind.word, kind.key(event.message))
            waiting = self._newest.get(key)
            if waiting is not None:
                waiting.message = event.message
                self.conflated += 1
                return
        if kind.shed is Shed.NEVER:
            if self.refused or not self._has_room(size, 2 * self.capacity):
                self._refuse()
                return
        elif size * 100 >= self.capacity * DROPS_FROM[kind.shed] and (
            kind.shed is not Shed.TRADE or not self._has_room(size, self.capacity)
        ):
            lane.dropped += 1
            return
        lane.waiting.append(event)
        if key is not None:
            self._newest[key] = event
        self._grow(self._size)

    def _has_room(self, size: int, limit: int) -> bool:
        """Whether one more fits, if need be in the place of one that may be dropped."""
        return size < self.capacity or self._make_room() or size < limit

    def _make_room(self) -> bool:
        """Drop the oldest that may be dropped; False when there is none."""
        for shed in (Shed.HEARTBEAT, Shed.QUOTE, Shed.TRADE):
            if self._queues[shed]:
                event = self._queues[shed].popleft()
                self._forget(event)
                self._lanes[event.kind.type].dropped += 1
                self._size -= 1
                return True
        return False

    def _refuse(self) -> None:
        if not self.refused:
            logger.error(
                "{}: {} events wait that may not be dropped: from now on orders and fills do not go there; "
                "the journal and the history hold them",
                self.name,
                self._size,
            )
            for lane in self._lanes.values():
                if lane.kind.shed is Shed.NEVER:
                    lane.room = 0
        self.refused += 1

    def _forget(self, event: Event) -> None:
        """It no longer waits, so it can no longer be replaced."""
        if self._newest and event.kind.key is not None:
            key = (event.kind.word, event.kind.key(event.message))
            if self._newest.get(key) is event:
                del self._newest[key]

    # -- the publisher's side ------------------------------------------------------------------

    def __len__(self) -> int:
        """How many wait; those that are leaving count until it is known that they arrived."""
        return self._size

    def pause(self) -> float:
        """Seconds in which more may join a batch."""
        return self._flush_s

    def idle(self) -> float | None:
        """Seconds after which to look again though nobody woke; None: never."""
        return None

    def take(self, limit: int) -> list[Event]:
        """The oldest, at most `limit`. They are leaving until `settle` or `put_back` is called."""
        assert not self._leaving, "one batch at a time"
        filled = [queue for queue in self._queues.values() if queue]
        events = list(islice(merge(*filled, key=_NUMBER) if len(filled) > 1 else iter(*filled or ((),)), limit))
        for event in events:
            self._queues[event.kind.shed].popleft()
            self._forget(event)
        self._leaving = events
        return events

    def settle(self, lost: Collection[int] = ()) -> None:
        """What was taken has arrived, but for these places in the batch, which never will: they count as dropped."""
        for place in lost:
            self._lanes[self._leaving[place].kind.type].dropped += 1
        self.delivered += len(self._leaving) - len(lost)
        self._size -= len(self._leaving)
        self._leaving = []

    def put_back(self) -> None:
        """What was taken has not arrived: it waits again, before all others."""
        for event in reversed(self._leaving):
            self._queues[event.kind.shed].appendleft(event)
        self._leaving = []

    @property
    def dropped(self) -> dict[str, int]:
        """By kind."""
        return {lane.kind.word.value: lane.dropped for lane in self._lanes.values() if lane.dropped}

    def statistics(self) -> OutputStatistics:
        """The counters now."""
        return OutputStatistics(
            name=self.name,
            told=self.told,
            delivered=self.delivered,
            conflated=self.conflated,
            dropped=self.dropped,
            refused=self.refused,
            waiting=self._size,
            capacity=self.capacity,
            high_water=self.high_water,
        )
