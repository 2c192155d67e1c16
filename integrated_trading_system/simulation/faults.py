"""What goes wrong between us and the venues: named, seeded, counted. By default nothing does.

The network asks for the fate of every message (`copies`) and does what happens to whole venues when it
is due (`take`). After `until` everything arrives and nothing more happens, not even to what was sent
before: what is late is never later than that.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from random import Random
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import SECOND, Nanos


class Fault(StrEnum):
    """By these names faults are configured and counted."""

    REQUEST_LOST = "request lost"
    REQUEST_LATE = "request late"
    REQUEST_TWICE = "request twice"
    """A second copy, byte for byte, arrives some time after the first. Never of an order: no transport repeats a POST
    by itself, and Binance, for one, would take an IOC order with the same id again once the first is over."""
    REPLY_LOST = "reply lost"
    REPLY_LATE = "reply late"
    GATEWAY_REFUSES = "gateway refuses"
    """Answered 503 in the venue's place, which never saw the request."""
    GATEWAY_GIVES_UP = "gateway gives up"
    """Answered 504, although the venue did what it was asked."""
    EVENT_LOST = "event lost"
    """A frame of an account's own stream."""
    EVENT_TWICE = "event twice"
    EVENT_LATE = "event late"
    """With all that follows it on its link."""
    DATA_LOST = "data lost"
    """A frame of a market data stream: the venue's own sequence shows the gap."""
    DATA_LATE = "data late"
    """With all that follows it on its link."""
    DATA_TWICE = "data twice"
    """A copy comes after the frame that follows it."""
    DATA_SWAPPED = "data swapped"
    """It comes after the frame that follows it."""
    DATA_GARBLED = "data garbled"
    """Something that no venue says comes in its place."""
    BOOK_STALE = "book stale"
    """A whole book by REST is the one of an earlier answer, as out of somebody's cache."""
    LINKS_CUT = "links cut"
    """All links of one venue."""
    ALL_CUT = "all cut"
    """All links of all venues."""
    SILENCE = "silence"
    """A venue's links stand, but nothing passes on them any more."""
    OUTAGE = "outage"
    """A venue cannot be reached for a while."""
    SLOW = "slow"
    """All ways to and from a venue take up to `LATE_MAX` longer for a while, and not the same in both directions."""
    CLOG = "clog"
    """Nothing passes between us and a venue for a while, then everything does, in its order."""
    SWIZZLE = "swizzle"
    """All venues are clogged and unclogged, in random order."""
    TOO_MANY = "too many requests"
    """For a while a venue's edge answers every request 429, with a Retry-After."""
    BANNED = "banned"
    """The same with 418: until then nothing at all is to be sent, not even a cancel."""
    MAINTENANCE = "maintenance"
    """A venue takes no orders for a while, in its own words; its market data goes on."""
    CLOCK_STEP = "clock step"
    """A venue's clock is wrong for a while: what we sign may be out of its window."""


class Way(StrEnum):
    """What is on its way."""

    ORDER = "order"
    REQUEST = "request"
    """Any other."""
    REPLY = "reply"
    EVENT = "event"
    DATA = "data"


LOST: Final = {
    Way.ORDER: Fault.REQUEST_LOST,
    Way.REQUEST: Fault.REQUEST_LOST,
    Way.REPLY: Fault.REPLY_LOST,
    Way.EVENT: Fault.EVENT_LOST,
    Way.DATA: Fault.DATA_LOST,
}
LATE: Final = {
    Way.ORDER: Fault.REQUEST_LATE,
    Way.REQUEST: Fault.REQUEST_LATE,
    Way.REPLY: Fault.REPLY_LATE,
    Way.EVENT: Fault.EVENT_LATE,
    Way.DATA: Fault.DATA_LATE,
}
TWICE: Final = {Way.REQUEST: Fault.REQUEST_TWICE, Way.EVENT: Fault.EVENT_TWICE}
TAMPERED: Final = (Fault.DATA_TWICE, Fault.DATA_SWAPPED, Fault.DATA_GARBLED)
"""Done to frames of market data one by one, in this order of preference."""
TIMED: Final = (
    *(Fault.LINKS_CUT, Fault.ALL_CUT, Fault.SILENCE, Fault.OUTAGE),
    *(Fault.SLOW, Fault.CLOG, Fault.SWIZZLE),
    *(Fault.TOO_MANY, Fault.BANNED, Fault.MAINTENANCE, Fault.CLOCK_STEP),
)
"""These happen by themselves: their rate is per second, all others' per message."""

UNHARMED: Final = (Nanos(0),)
NEVER: Final = Nanos(0)
LATE_MAX: Final = Nanos(15 * SECOND)
OUTAGE_MAX: Final = Nanos(10 * SECOND)
CLOCK_STEPS: Final = (1.1, 1.8)
"""Seconds, either way: more than the second that venues allow a request to be ahead, less than what is added to a
receive window before an order counts as not there (`oms.proof_margin_ms`)."""


class Happening(Struct, frozen=True):
    """A timed fault that is due, and what it strikes."""

    fault: Fault
    venue: VenueId
    lasts: Nanos
    after: Nanos = NEVER
    """It begins so much later."""
    there: Nanos = NEVER
    """What a way to the venue takes longer,"""
    back: Nanos = NEVER
    """and what the way back does."""
    clock: Nanos = NEVER
    """The venue's minus the true one."""


class Faults:
    """One run's faults, drawn as they are asked for."""

    def __init__(
        self,
        seed: int = 0,
        rates: Mapping[Fault, float] | None = None,
        *,
        begin: Nanos = NEVER,
        until: Nanos = NEVER,
    ) -> None:
        """From `begin` to `until`.

        `rates`: the chance of each message, or how many happen in a second on average (`TIMED`).
        """
        self._rates = dict(rates or {})
        self._begin = begin
        self._until = until
        self._random = Random(f"faults-{seed}")
        self._due: dict[Fault, Nanos] = {}
        self.counts: dict[Fault, int] = dict.fromkeys(Fault, 0)
        """How often each one happened."""
        for fault in TIMED:
            self._plan(fault, begin)

    def copies(self, way: Way, now: Nanos) -> tuple[Nanos, ...]:
        """How much later than it should each copy of a message arrives; empty when it is lost."""
        if not self._begin <= now < self._until:
            return UNHARMED
        if self._happens(LOST[way]):
            return ()
        delay = self._late(now) if self._happens(LATE[way]) else Nanos(0)
        if way in TWICE and self._happens(TWICE[way]):
            return delay, self._late(now)
        return (delay,)

    def gateway(self, now: Nanos) -> Fault | None:
        """Whether something in front of the venue answers in its place."""
        if not self._begin <= now < self._until:
            return None
        for fault in (Fault.GATEWAY_REFUSES, Fault.GATEWAY_GIVES_UP):
            if self._happens(fault):
                return fault
        return None

    def tampers(self, now: Nanos) -> Fault | None:
        """What is done to a frame of market data, beside being lost or late."""
        if not self._begin <= now < self._until:
            return None
        return next((fault for fault in TAMPERED if self._happens(fault)), None)

    def stale_book(self, now: Nanos) -> bool:
        """Whether a book by REST is answered out of a cache."""
        return self._begin <= now < self._until and self._happens(Fault.BOOK_STALE)

    def deadline(self) -> Nanos | None:
        """When `take` has to be called next."""
        return min(self._due.values(), default=None)

    def take(self, now: Nanos, venues: Sequence[VenueId]) -> list[Happening]:
        """What happens to one of these venues now."""
        happened = []
        for fault in [fault for fault in TIMED if self._due.get(fault, now + 1) <= now]:
            self.counts[fault] += 1
            lasts = self._share(OUTAGE_MAX, now)
            venue = self._random.choice(venues)
            if fault is Fault.SWIZZLE:
                happened += self._swizzle(venues, lasts)
            elif fault is Fault.SLOW:
                there, back = self._share(LATE_MAX, now), self._share(LATE_MAX, now)
                happened.append(Happening(fault, venue, lasts, there=there, back=back))
            elif fault is Fault.CLOCK_STEP:
                step = self._random.choice((-1, -1, 1)) * self._random.uniform(*CLOCK_STEPS) * SECOND
                happened.append(Happening(fault, venue, lasts, clock=Nanos(int(step))))
            else:
                happened.append(Happening(fault, venue, lasts))
            self._plan(fault, now)
        return happened

    def _swizzle(self, venues: Sequence[VenueId], lasts: Nanos) -> list[Happening]:
        """All of them begin in the first half of the time and end in the second, each at its own moment."""
        found = []
        for venue in venues:
            begin, end = self._random.uniform(0, 0.5) * lasts, self._random.uniform(0.5, 1) * lasts
            found.append(Happening(Fault.CLOG, venue, Nanos(int(end - begin)), after=Nanos(int(begin))))
        return found

    def _share(self, most: Nanos, now: Nanos) -> Nanos:
        """Up to so much, and nothing that ends after the faults."""
        return Nanos(min(int(self._random.random() * most), self._until - now))

    def _plan(self, fault: Fault, now: Nanos) -> None:
        self._due.pop(fault, None)
        rate = self._rates.get(fault, 0.0)
        if rate > 0:
            due = Nanos(now + 1 + int(self._random.expovariate(rate) * SECOND))
            if due < self._until:
                self._due[fault] = due

    def _happens(self, fault: Fault) -> bool:
        rate = self._rates.get(fault, 0.0)
        if rate > 0 and self._random.random() < rate:
            self.counts[fault] += 1
            return True
        return False

    def _late(self, now: Nanos) -> Nanos:
        """Mostly a little, now and then as much as there is."""
        share = self._random.random() ** 3
        return Nanos(min(int(share * LATE_MAX), self._until - now))
