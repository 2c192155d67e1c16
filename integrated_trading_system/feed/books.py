"""What is known of every instrument's book: written by the feeder, read by whoever decides.

The best price has two sources, a stream of quotes and the book itself; the newest by the venue's own
sequence wins. A book is therefore read *under* its top: levels better than the newest best price are gone.
"""

from math import nan
from typing import Final

from integrated_trading_system.domain.health import BookState
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import Level, Quote
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.machine import UNPROVEN, BookMachine

NOTHING: Final = Quote(InstrumentId(""), nan, nan, nan, nan, UNPROVEN, Nanos(0), Nanos(0))
"""Stands for an unknown top of book: equal to no price, older than every quote."""


class Entry:
    """One instrument."""

    __slots__ = ("machine", "state", "top")

    def __init__(self, machine: BookMachine | None) -> None:
        """Nothing known. `machine` is None where only quotes are subscribed to."""
        self.machine = machine
        self.state = BookState.SYNCING
        self.top: Quote = NOTHING
        """The newest believed best prices, whatever their source. Never NOTHING while VALID."""

    def levels(self, side: Side, limit: int) -> tuple[Level, ...]:
        """What an order of this side would hit, best first."""
        if self.state is not BookState.VALID or limit < 1:
            return ()
        top = self.top
        buying = side is Side.BUY
        best = (top.ask, top.ask_size) if buying else (top.bid, top.bid_size)
        if self.machine is None:
            return (best,)
        book = self.machine.book
        if top.sequence <= self.machine.order:
            return book.asks(limit) if buying else book.bids(limit)
        count = limit
        while True:
            levels = book.asks(count) if buying else book.bids(count)
            worse = [level for level in levels if (level[0] > best[0] if buying else level[0] < best[0])]
            if len(worse) >= limit - 1 or len(levels) < count:
                return (best, *worse[: limit - 1])
            count *= 2


class Books:
    """A `BookReader` over all instruments. Lives outside the feeder, whose restart empties it."""

    def __init__(self) -> None:
        """Empty."""
        self._entries: dict[InstrumentId, Entry] = {}

    def depth(self, instrument: InstrumentId, side: Side, limit: int) -> tuple[Level, ...]:
        """At most `limit` levels that an order of this side would hit, best first; none unless the book is VALID."""
        entry = self._entries.get(instrument)
        return entry.levels(side, limit) if entry is not None else ()

    def state(self, instrument: InstrumentId) -> BookState:
        """Whether the book may be believed; SYNCING for an instrument that was never heard of."""
        entry = self._entries.get(instrument)
        return entry.state if entry is not None else BookState.SYNCING

    def top(self, instrument: InstrumentId) -> Quote | None:
        """The newest best prices, while the book is VALID."""
        entry = self._entries.get(instrument)
        return entry.top if entry is not None and entry.state is BookState.VALID else None

    def clear(self) -> None:
        """Forget everything. For the feeder's start."""
        self._entries.clear()

    def leave(self, instrument: InstrumentId) -> None:
        """Keep this instrument no more. For the feeder."""
        self._entries.pop(instrument, None)

    def enter(self, instrument: InstrumentId, machine: BookMachine | None) -> Entry:
        """Begin to keep this instrument, forgetting what was known of it. For the feeder."""
        entry = self._entries[instrument] = Entry(machine)
        return entry
