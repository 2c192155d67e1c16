"""Fresh books on demand: one at a time for each instrument; three tries at once, then ever more slowly.

Where the venue sends a book on subscribing, its stream is subscribed anew on the link that carries
it; elsewhere the book is fetched by REST.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.runtime.actor import Context, Ref, Timer
from integrated_trading_system.venues.connector.backoff import Backoff
from integrated_trading_system.venues.connector.calls import Calls
from integrated_trading_system.venues.connector.links.links import Links
from integrated_trading_system.venues.venue import Venue

TRIES_AT_ONCE: Final = 3
CALM_AFTER: Final = Nanos(MINUTE)
"""A book that wanted no snapshot for so long was well: the next tries are at once again."""
RESUBSCRIBE_GAP: Final = Nanos(SECOND)
"""A stream is not subscribed anew more often than this: the snapshot of the time before may be on its way."""


class SnapshotDue(Struct, frozen=True):
    """Timer: this instrument's wait is over."""

    instrument: InstrumentId


class Stage(Enum):
    """Where one instrument's snapshot is."""

    IDLE = auto()
    DELAYED = auto()
    ASKED = auto()
    RESUBSCRIBED = auto()


class Want:
    """One instrument's snapshot."""

    __slots__ = ("again", "backoff", "began_at", "instrument", "stage", "timer")

    def __init__(self, instrument: Instrument, backoff: Backoff) -> None:
        """Not wanted yet."""
        self.instrument = instrument
        self.backoff = backoff
        self.began_at = Nanos(0)
        self.stage = Stage.IDLE
        self.timer: Timer | None = None
        """Of a delay or a gap."""
        self.again = False
        """Wanted once more while its stream was being subscribed anew."""


class Snapshots:
    """The snapshots of one venue's books."""

    def __init__(
        self,
        context: Context,
        venue: Venue,
        calls: Calls,
        links: Links,
        backoff: Callable[[int], Backoff],
        feed: Ref[BookSnapshot],
        known: Mapping[InstrumentId, Instrument],
    ) -> None:
        """None is wanted. `backoff` makes one with so many immediate tries; whatever leaves `known` is given up."""
        self._context = context
        self._venue = venue
        self._calls = calls
        self._links = links
        self._backoff = backoff
        self._feed = feed
        self._known = known
        self._wants: dict[InstrumentId, Want] = {}

    def want(self, instrument: Instrument) -> None:
        """Get one, unless one is on its way."""
        want = self._wants.get(instrument.instrument)
        if want is None:
            want = self._wants[instrument.instrument] = Want(instrument, self._backoff(TRIES_AT_ONCE))
        if want.stage is Stage.IDLE:
            self._begin(want)
        elif want.stage is Stage.RESUBSCRIBED:
            want.again = True

    def hurry(self, instruments: Sequence[InstrumentId]) -> None:
        """A link brings their changes again: what failed while it was down counts no more."""
        for instrument in instruments:
            want = self._wants.get(instrument)
            if want is None:
                continue
            want.backoff.reset()
            if want.stage is Stage.DELAYED and want.timer is not None:
                want.timer.cancel()
                self._begin(want)

    def due(self, message: SnapshotDue) -> None:
        """A delay or a gap is over."""
        want = self._wants[message.instrument]
        if want.stage is Stage.DELAYED and message.instrument in self._known:
            self._get(want)
            return
        want.stage = Stage.IDLE
        if want.again:
            want.again = False
            self._begin(want)

    def _begin(self, want: Want) -> None:
        if want.instrument.instrument not in self._known:
            want.stage = Stage.IDLE
            return
        now = self._context.now
        if now - want.began_at >= CALM_AFTER:
            want.backoff.reset()
        want.began_at = now
        delay = want.backoff.delay()
        if delay == 0:
            self._get(want)
        else:
            self._wait(want, Stage.DELAYED, delay)

    def _get(self, want: Want) -> None:
        frames = self._venue.session.resubscribe(want.instrument)
        if frames:
            self._wait(want, Stage.RESUBSCRIBED, RESUBSCRIBE_GAP)
            link = self._links.carrier(want.instrument.instrument)
            if link is not None:  # otherwise it will be subscribed, with a snapshot, when its link comes
                link.send(frames)
            return
        request = self._venue.market.snapshot(want.instrument)
        assert request is not None, f"{self._venue.venue} offers no way to a fresh book"
        want.stage = Stage.ASKED

        def decode(reply: HttpReply) -> BookSnapshot:
            return self._venue.market.decode_snapshot(want.instrument, reply)

        def answered(snapshot: BookSnapshot, _: object) -> None:
            want.stage = Stage.IDLE
            if snapshot.instrument in self._known:
                self._feed.tell(snapshot)

        self._calls.fetch("snapshot", request, decode, answered, lambda _: self._begin(want))

    def _wait(self, want: Want, stage: Stage, delay: Nanos) -> None:
        want.stage = stage
        want.timer = self._context.after(delay, SnapshotDue(want.instrument.instrument))
