"""What stands in for the sequence numbers that the venue does not give.

A change of a book has no number of its own here, on neither flavour. Its number is its time in nanoseconds;
several of one microsecond count on from there. It continues whatever number was given to the same instrument
before, so a gap check in the feed never fails: it proves only that changes were taken in the order in which
the venue stamped them. What was lost shows elsewhere (`codec`), and then its book has to be proven anew.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.health import BookBroken
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Level
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.venue import StreamRestarted, VenueEvent

AFTER_QUOTES: Final = 500
"""Added to the number of a book: at one microsecond it is newer than the ticker, which is made amid the matches."""

CONNECTIONS_MAX: Final = 16
FORGOTTEN_AFTER: Final = Nanos(5 * SECOND)
"""A connection has a heartbeat a second. One that was not heard for so long, while another was, is gone."""


class Numbers:
    """The numbers of one instrument's book and quotes, made of times."""

    __slots__ = ("book", "book_time", "quote", "quote_time")

    def __init__(self) -> None:
        self.book = 0
        """The last number given to its book."""
        self.book_time = Nanos(0)
        self.quote = 0
        self.quote_time = Nanos(0)

    def delta(
        self, instrument: InstrumentId, bids: list[Level], asks: list[Level], at: Nanos, received_at: Nanos
    ) -> Sequence[VenueEvent]:
        """The change with its number. `at` 0: the venue stamped no time, it follows what came before."""
        before = self.book
        at = at or self.book_time
        if at < self.book_time:
            return lost(instrument, "stamp", self.book_time, at, received_at)
        self.book = max(at + AFTER_QUOTES, before + 1)
        self.book_time = at
        delta = BookDelta(instrument, bids, asks, before + 1, self.book, before, self.book, at, received_at)
        return (delta,)

    def snapshot(
        self, instrument: InstrumentId, bids: list[Level], asks: list[Level], at: Nanos, received_at: Nanos
    ) -> Sequence[VenueEvent]:
        """The whole book with its number. Without a time it follows what came before."""
        self.book = at + AFTER_QUOTES if at else self.book + 1
        self.book_time = at or self.book_time
        snapshot = BookSnapshot(
            instrument=instrument,
            bids=bids,
            asks=asks,
            last_sequence=self.book,
            resume_from=self.book + 1,
            order=self.book,
            venue_time=at,
            received_at=received_at,
            in_stream=True,
        )
        return (snapshot,)

    def of_quote(self, at: Nanos) -> int:
        """The number of a quote that says something new."""
        if at < self.quote_time:
            return at
        self.quote, self.quote_time = max(at, self.quote + 1), at
        return self.quote


def lost(
    instrument: InstrumentId, reason: str, expected: int, received: int, at: Nanos, *, book: bool = True
) -> tuple[VenueEvent, ...]:
    """Something of this instrument was lost: all its streams begin anew, and its book was wrong from here on."""
    restarted = StreamRestarted(instrument)
    return (restarted, BookBroken(instrument, reason, expected, received, at)) if book else (restarted,)


class Connection(Struct):
    """One connection of Advanced Trade, known only by where its count stands."""

    expected: int
    heard_at: Nanos
    instruments: dict[InstrumentId, bool] = {}
    """Whose data it brought, and whether books were among it."""


class Connections:
    """Counts the messages of every connection that is decoded here: one, and during a change two."""

    def __init__(self) -> None:
        self._all: list[Connection] = []
        self._last: Connection | None = None
        """That of the message before: most often that of the next one, too."""

    def heard(self, number: int, at: Nanos) -> tuple[Connection, int]:
        """The connection that this message came by, and the number that it should have had."""
        found = self._last
        if found is None or number != found.expected or not number:
            found = self._last = self._find(number, at)
        expected = found.expected
        found.expected, found.heard_at = max(expected, number + 1), at
        return found, expected

    def _find(self, number: int, at: Nanos) -> Connection:
        """The one that expects this very number, or else has the least missing; of two alike the one heard last.

        A count begins at 0; one that began before we listened is taken as it is. A number that nobody expects
        any more came twice, or late.
        """
        newest = max((one.heard_at for one in self._all), default=at)
        alive = newest - FORGOTTEN_AFTER
        self._all = [one for one in self._all[-CONNECTIONS_MAX:] if one.heard_at >= alive]
        behind = [one for one in self._all if one.expected <= number] if number else []
        if behind:
            return max(behind, key=lambda one: (one.expected, one.heard_at))
        if number and self._all:
            return min(self._all, key=lambda one: one.expected)
        self._all.append(Connection(number, at))
        return self._all[-1]
