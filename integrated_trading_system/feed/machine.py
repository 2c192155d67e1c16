"""One book from its stream of changes: nothing is believed before it is proven, nothing is kept after a doubt.

Changes wait until a snapshot arrives that they continue. From then on each must continue the one
before; a gap, a sequence that went back, a crossed book or a disproof discards everything and begins anew. The
venues' own rules (which change is the first to apply) are in `BookSnapshot.resume_from`.
"""

from collections import deque
from enum import Enum, auto
from math import inf
from typing import Final

from integrated_trading_system.domain.book import Book, Top
from integrated_trading_system.domain.market import BookDelta, BookSnapshot
from integrated_trading_system.domain.time import MILLISECOND, Nanos

UNPROVEN: Final = -(1 << 62)
"""Sequence of a book that is not proven: no change continues it."""
RESTART_MARGIN: Final = 100 * MILLISECOND
"""A change numbered before the book but stamped so much after it is no late duplicate: the venue counts anew."""


class Outcome(Enum):
    """What became of a snapshot or a change."""

    APPLIED = auto()
    """The book is proven, and is now as the venue had it after this message."""
    WAITING = auto()
    """Kept until it can be placed."""
    OUTDATED = auto()
    """Says nothing new: a duplicate, or contained in the snapshot."""
    GAP = auto()
    """Changes are missing. The book is discarded."""
    RESTARTED = auto()
    """The venue's numbering went back. The book is discarded."""
    CROSSED = auto()
    """Bid not below ask: something was lost or is wrong. The book is discarded."""
    TOO_OLD = auto()
    """The snapshot ends before the changes at hand begin; a newer one is needed."""


def is_crossed(top: Top | None) -> bool:
    """Whether the best bid is not below the best ask; True for numbers that cannot be compared."""
    return top is not None and not top[0] < top[2]


class BookMachine:
    """Book, place in the sequence, and what waits. Pure: tells nobody, and the caller asks for snapshots.

    Every change counts once: updates + duplicates + stale_dropped + discarded + waiting = changes received;
    and every snapshot: snapshots + snapshots_unneeded.
    """

    __slots__ = (
        "_outstanding",
        "_pending",
        "_resume_from",
        "_snapshot_sequence",
        "asked_at",
        "book",
        "crossed",
        "discarded",
        "duplicates",
        "gaps",
        "heard_at",
        "highest",
        "last_gap",
        "lowest",
        "order",
        "resyncs",
        "sequence",
        "snapshots",
        "snapshots_unneeded",
        "stale_dropped",
        "top",
        "tries",
        "updates",
        "venue_time",
        "window",
    )

    def __init__(self, pending_max: int) -> None:
        """Empty, unproven."""
        self.book = Book()
        self.top: Top | None = None
        """Best bid and ask of the proven book; None while a side is empty."""
        self.sequence = UNPROVEN
        self.order = UNPROVEN
        """The book's place in the venue's cross-stream sequence, comparable with `Quote.sequence`."""
        self.heard_at = Nanos(0)
        """When the newest change that the book contains was received."""
        self.venue_time = Nanos(0)
        """The venue's time of that change."""
        self.last_gap = (0, 0)
        """The number that was expected when changes were last found missing, and the one that came."""
        self.asked_at: Nanos | None = None
        """When the last snapshot was asked for."""
        self.tries = 0
        """Snapshots asked for since the book was last seen proven; the caller sets it back."""
        self.updates = 0
        self.snapshots = 0
        self.snapshots_unneeded = 0
        self.stale_dropped = 0
        self.duplicates = 0
        self.discarded = 0
        self.gaps = 0
        self.crossed = 0
        self.resyncs = 0
        self._pending: deque[BookDelta] = deque(maxlen=pending_max)
        self._resume_from: int | None = None
        """Set while a snapshot is in the book and no change has covered it yet."""
        self._snapshot_sequence = UNPROVEN
        self._outstanding = False
        self.window = 0
        """How many levels of each side the venue keeps up to date; 0: all of them."""
        self.lowest = 0.0
        """The deepest bid of the snapshot that the book began with: below it there may be levels never told."""
        self.highest = inf
        """The same of the asks."""

    @property
    def proven(self) -> bool:
        """Whether the book may be read."""
        return self.sequence != UNPROVEN

    @property
    def needs_snapshot(self) -> bool:
        """Whether nothing but a snapshot can prove the book."""
        return not self.proven and self._resume_from is None

    def may_ask(self, now: Nanos, retry_after: Nanos, at_once: int) -> bool:
        """Whether to ask for a snapshot now: one at a time, the first `at_once` tries without a pause."""
        if self.asked_at is None or now - self.asked_at >= retry_after:
            return True
        return not self._outstanding and self.tries < at_once

    def ask(self, now: Nanos) -> None:
        """A snapshot was asked for."""
        self.asked_at = now
        self._outstanding = True
        self.tries += 1

    @property
    def waiting(self) -> int:
        """Changes that wait for a snapshot."""
        return len(self._pending)

    def delta(self, delta: BookDelta) -> Outcome:
        """Place a change."""
        if delta.previous_sequence == self.sequence:
            return self._apply(delta)
        if self.sequence == UNPROVEN:
            return self._place(delta)
        if delta.last_sequence <= self.sequence:
            if delta.venue_time > self.venue_time + RESTART_MARGIN:
                return self._missing(Outcome.RESTARTED, delta)
            self.duplicates += 1
            return Outcome.OUTDATED
        if delta.previous_sequence < self.sequence:
            return self._apply(delta)  # it spans the book's place; sizes are absolute, so nothing is counted twice
        return self._missing(Outcome.GAP, delta)

    def snapshot(self, snapshot: BookSnapshot) -> Outcome:
        """Take a whole book, and the changes that continue it. One by REST that nobody needs is OUTDATED."""
        if not snapshot.in_stream and (self.proven or self._resume_from is not None):
            self.snapshots_unneeded += 1
            return Outcome.OUTDATED
        self.snapshots += 1
        self._outstanding = False
        self.book.replace(snapshot.bids, snapshot.asks)
        self.window = snapshot.window
        self.lowest = min((price for price, _ in snapshot.bids), default=0.0)
        self.highest = max((price for price, _ in snapshot.asks), default=inf)
        self._snapshot_sequence = snapshot.last_sequence
        self.venue_time = snapshot.venue_time
        pending = list(self._pending)
        self._pending.clear()
        if is_crossed(self.book.top):
            self.crossed += 1
            return self._refuse(Outcome.CROSSED, pending)
        if snapshot.in_stream:  # what came before it on the stream is in it
            self.stale_dropped += len(pending)
            self._prove(snapshot.last_sequence, snapshot.order, snapshot.received_at)
            return Outcome.APPLIED
        self._resume_from = snapshot.resume_from
        return self._replay(pending)

    def refuse(self) -> None:
        """The snapshot that came will not do; another may be asked for."""
        self._outstanding = False

    def disprove(self) -> None:
        """The book is wrong, whatever its sequence says: only a new snapshot proves it again."""
        self.resyncs += 1
        self._unprove()

    def discard(self) -> None:
        """Forget the book and what waits: its stream was cut."""
        if self.proven or self._resume_from is not None:
            self.resyncs += 1
        self.discarded += len(self._pending)
        self._pending.clear()
        self._unprove()
        self.asked_at = None
        self._outstanding = False
        self.tries = 0

    # -- inside --------------------------------------------------------------------------------

    def _apply(self, delta: BookDelta) -> Outcome:
        book = self.book
        book.apply(delta.bids, delta.asks)
        if self.window:
            book.trim(self.window)
        self.updates += 1
        top = book.top
        if top is not None and not top[0] < top[2]:
            self.crossed += 1
            return self._begin_anew(Outcome.CROSSED, None)
        self.top = top
        self.sequence = delta.last_sequence
        self.order = delta.order
        self.venue_time = delta.venue_time
        self.heard_at = delta.received_at
        return Outcome.APPLIED

    def _place(self, delta: BookDelta) -> Outcome:
        """A change while the book is not proven."""
        if self._resume_from is None:
            self._wait(delta)
            return Outcome.WAITING
        if delta.last_sequence < self._resume_from:
            self.stale_dropped += 1
            return Outcome.OUTDATED
        # The venues' rule is that the first change covers `resume_from`. One that continues the snapshot's
        # own number leaves nothing out either.
        if delta.first_sequence <= self._resume_from or delta.previous_sequence == self._snapshot_sequence:
            self._prove(self._snapshot_sequence, delta.order, delta.received_at)
            return self._apply(delta)
        return self._refuse(Outcome.TOO_OLD, [delta])

    def _replay(self, pending: list[BookDelta]) -> Outcome:
        """The changes that waited, now that there is a snapshot."""
        for index, delta in enumerate(pending):
            outcome = self.delta(delta)
            if outcome in (Outcome.GAP, Outcome.RESTARTED, Outcome.CROSSED, Outcome.TOO_OLD):
                for rest in pending[index + 1 :]:
                    self._wait(rest)
                return outcome
        return Outcome.APPLIED if self.proven else Outcome.WAITING

    def _prove(self, sequence: int, order: int, heard_at: Nanos) -> None:
        self._resume_from = None
        self.sequence = sequence
        self.order = order
        self.heard_at = heard_at
        self.top = self.book.top

    def _missing(self, outcome: Outcome, delta: BookDelta) -> Outcome:
        self.gaps += 1
        self.last_gap = (self.sequence + 1, delta.first_sequence)
        return self._begin_anew(outcome, delta)

    def _begin_anew(self, outcome: Outcome, first: BookDelta | None) -> Outcome:
        """Discard the book; `first` is the change with which waiting begins."""
        self.resyncs += 1
        self._unprove()
        if first is not None:
            self._wait(first)
        return outcome

    def _refuse(self, outcome: Outcome, pending: list[BookDelta]) -> Outcome:
        """The snapshot will not do; the changes go on waiting for another."""
        self._unprove()
        for delta in pending:
            self._wait(delta)
        return outcome

    def _unprove(self) -> None:
        self.book.clear()
        self.top = None
        self.sequence = self.order = self._snapshot_sequence = UNPROVEN
        self._resume_from = None

    def _wait(self, delta: BookDelta) -> None:
        if len(self._pending) == self._pending.maxlen:
            self.discarded += 1  # the oldest; what is left begins later, so only a newer snapshot will do
        self._pending.append(delta)
