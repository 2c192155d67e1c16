"""A book followed as the feed follows it: through the folder's codec, into the machine that believes nothing."""

from collections.abc import Sequence

from integrated_trading_system.domain.health import BookBroken
from integrated_trading_system.domain.market import BookDelta, BookSnapshot
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.feed.machine import BookMachine, Outcome
from integrated_trading_system.venues.venue import StreamRestarted, Venue, VenueEvent
from tests.conformance.description import CHECKSUM, NOTHING, SENT, SEQUENCE, WHOLE, Answer, BookTraffic
from tests.conformance.subjects import Subject


class Follower:
    """One book over one codec, on one connection after the other."""

    def __init__(self, subject: Subject) -> None:
        """Nothing was heard."""
        self.subject = subject
        self.venue: Venue = subject.listed()
        self.machine = BookMachine(1_000)
        self.noticed: set[str] = set()
        """How something was found to be missing."""
        self.changes = 0
        self._now = SENT

    def hear(self, frames: Sequence[bytes], snapshot: Answer | None = None, after: int = 0) -> None:
        """A connection's frames; the book by REST is answered when so many of them have come."""
        for number, frame in enumerate(frames, 1):
            self._now = Nanos(self._now + MILLISECOND)
            for event in self.venue.codec.decode(frame, self._now):
                self._take(event)
            if snapshot is not None and number == after:
                self._take(self.venue.market.decode_snapshot(self.subject.instrument, snapshot.reply))

    def reconnect(self) -> None:
        """The connection is gone, as the feed hears of it."""
        self.machine.discard()

    @property
    def best(self) -> tuple[float, float] | None:
        """Bid and ask, while the book is proven."""
        top = self.machine.top if self.machine.proven else None
        return None if top is None else (top[0], top[2])

    def _take(self, event: VenueEvent) -> None:
        match event:
            case BookSnapshot():
                self.machine.snapshot(event)
            case BookDelta():
                self.changes += 1
                if self.machine.delta(event) in (Outcome.GAP, Outcome.RESTARTED, Outcome.CROSSED):
                    self.noticed.add(SEQUENCE)
            case BookBroken():
                self.noticed.add(CHECKSUM if event.reason == "checksum" else SEQUENCE)
                self.machine.disprove()
            case StreamRestarted():
                self.noticed.add(SEQUENCE)
                self.machine.discard()
            case _:
                pass


def followed(subject: Subject, book: BookTraffic) -> Follower:
    """The whole first connection."""
    follower = Follower(subject)
    follower.hear(book.frames, book.snapshot, book.snapshot_after)
    return follower


def integrity(subject: Subject) -> str:
    """How this venue's book tells that a change was lost, found out by losing one; "" where there is no book."""
    book = subject.traffic.book
    if book is None:
        return ""
    follower = Follower(subject)
    kept = (*book.frames[: book.lost], *book.frames[book.lost + 1 :])
    follower.hear(kept, book.snapshot, book.snapshot_after)
    if follower.noticed:
        return SEQUENCE if SEQUENCE in follower.noticed else CHECKSUM
    return NOTHING if follower.changes else WHOLE
