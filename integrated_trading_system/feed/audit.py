"""Whether a book is the venue's: compared with a fresh one of it, without any sequence.

From the moment of asking until the answer has come and what was on its way has arrived, the price levels that
changes touch are noted. Every other level of the book has to be the same in the answer, as deep as the answer
goes; and every other level of the answer has to be in the book, as deep as the book is known: below the snapshot
that it began with there may be levels that no change has told of.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from math import inf
from operator import itemgetter
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Level
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.machine import BookMachine

EVERY_LEVEL: Final = 1 << 30
PRICE: Final = itemgetter(0)
"""Of a level."""


class Difference(Struct, frozen=True):
    """How many price levels were compared, and how many of them were not the same."""

    compared: int = 0
    differing: int = 0

    @property
    def share(self) -> float:
        """Differing of those compared; 0 when nothing was."""
        return self.differing / self.compared if self.compared else 0.0


class Audit:
    """One comparison under way."""

    __slots__ = ("answer", "answered_at", "asked_at", "asks", "bids", "book", "order", "venue_time")

    def __init__(self, machine: BookMachine, now: Nanos) -> None:
        """Asked for now."""
        self.asked_at = now
        self.order = machine.order
        self.venue_time = machine.venue_time
        self.book = life_of(machine)
        self.bids: set[float] = set()
        """Prices that changes have touched since."""
        self.asks: set[float] = set()
        self.answer: BookSnapshot | None = None
        self.answered_at = Nanos(0)

    def touch(self, delta: BookDelta) -> None:
        """These levels are not compared."""
        self.bids.update(map(PRICE, delta.bids))
        self.asks.update(map(PRICE, delta.asks))

    def is_older(self, answer: BookSnapshot) -> bool:
        """Whether the answer tells the book as it was before asking (an answer out of a cache)."""
        if answer.order > 0:
            return answer.order < self.order
        return 0 < answer.venue_time < self.venue_time


class AuditRecord:
    """What the audits of one instrument came to."""

    __slots__ = ("differing", "disproven", "done", "due", "failed", "in_row", "last", "under_way", "void")

    def __init__(self, due: int) -> None:
        """The first is due then."""
        self.due = due
        self.under_way: Audit | None = None
        self.done = 0
        self.differing = 0
        """Audits that found a difference."""
        self.in_row = 0
        """The newest of them without one between them that found none."""
        self.void: dict[str, int] = {}
        """Comparisons that said nothing, by reason."""
        self.failed = 0
        """Without an answer."""
        self.disproven = 0
        """Books that were believed and are not any more."""
        self.last = Difference()


def life_of(machine: BookMachine) -> tuple[int, int]:
    """Another value for every book that was begun anew."""
    return machine.resyncs, machine.snapshots


def compare(machine: BookMachine, answer: BookSnapshot, audit: Audit) -> Difference:
    """Every untouched level of both sides: what the answer tells and the book does not, too, as deep as it is known."""
    ours_bids, ours_asks = machine.book.bids(EVERY_LEVEL), machine.book.asks(EVERY_LEVEL)
    window = machine.window
    if window:  # what is in the window is known, what has left it is not
        lowest = ours_bids[-1][0] if len(ours_bids) >= window else 0.0
        highest = ours_asks[-1][0] if len(ours_asks) >= window else inf
    else:
        lowest, highest = machine.lowest, machine.highest
    # Bids with their sign changed run in the same direction as asks: deeper is higher.
    bids = compare_side(mirrored(ours_bids), mirrored(answer.bids), {-price for price in audit.bids}, -lowest)
    asks = compare_side(ours_asks, answer.asks, audit.asks, highest)
    return Difference(bids.compared + asks.compared, bids.differing + asks.differing)


def compare_side(
    ours: Iterable[Level], theirs: Iterable[Level], touched: AbstractSet[float], deepest_known: float
) -> Difference:
    """Asks, or mirrored bids: our levels that lie no deeper than theirs, and theirs that we must know."""
    other = {price: size for price, size in theirs if size > 0.0}
    deepest = max(other, default=inf)
    mine = {price: size for price, size in ours if price <= deepest}
    prices = (mine.keys() | {price for price in other if price <= deepest_known}) - touched
    return Difference(len(prices), sum(mine.get(price) != other.get(price) for price in prices))


def mirrored(levels: Iterable[Level]) -> list[Level]:
    """With the sign of the prices changed."""
    return [(-price, size) for price, size in levels]
