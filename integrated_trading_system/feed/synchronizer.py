"""Put together what was true at the same time on several venues.

A quote is true from the moment it was made until the venue says otherwise, and a venue that has said
other things since has not said otherwise: every message of a venue proves its unchanged quotes up to
that message's time, its *reach* (`VenueClock.reach`, in our time). The quotes of a Comparison are aligned
when their reaches differ by at most the tolerance. We never wait: a late venue simply leaves the set.

The bound of a snapshot is the spread of the reaches plus the two largest clock uncertainties. It rests
on one simplification: a venue's streams count as one, though a depth stream and a quote stream may be
some milliseconds apart; what goes wrong with one stream alone is found as silence (`stale_after_ms`)
or as the loss of its link. Quotes without venue time are placed by their arrival, but no further than
`clock.PACE` after the newest change of a book: after a hold-up they may be older by that much than the
bound says. With ``sync_by: quote`` a quote reaches no further than its own time.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias, assert_never

from msgspec import Struct

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.comparison import Comparison
from integrated_trading_system.domain.health import BookState, BookStateChanged, ClockEstimated
from integrated_trading_system.domain.ids import InstrumentId, venue_of
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import MILLISECOND, Nanos, from_millis
from integrated_trading_system.feed.clock import Clocks, VenueClock
from integrated_trading_system.feed.statistics import Histogram, Percentiles
from integrated_trading_system.runtime.actor import Actor, Ref

Inbox: TypeAlias = Quote | BookStateChanged | ClockEstimated

ALONE = "alone"
SKEW = "skew"
STALE = "stale"
NOT_VALID = "not-valid"


class SyncView(Struct, frozen=True, kw_only=True):
    """quotes = snapshots + the sum of `rejected`."""

    quotes: int
    snapshots: int
    skew_ms: Percentiles
    """Spread of the reaches inside the snapshots."""
    rejected: dict[str, int]
    """Quotes that made no snapshot. alone: no other quote yet; stale, not-valid: the others cannot be believed;
    skew: it, or all others, are outside the window."""


class Own:
    """A reach that only the quote itself moves (``sync_by: quote``)."""

    __slots__ = ("reach",)

    def __init__(self) -> None:
        """Never."""
        self.reach = 0


class Synchronizer(Actor[Inbox]):
    """One Comparison's quotes in, aligned sets out."""

    def __init__(
        self,
        settings: FeedSettings,
        comparison: Comparison,
        clocks: Clocks,
        strategies: Sequence[Ref[SynchronizedSnapshot]],
    ) -> None:
        """`strategies` are told each set, in this order."""
        self._name = comparison.name
        self._strategies = tuple(strategies)
        self._tolerance = from_millis(settings.sync_tolerance_ms)
        self._order = {instrument: place for place, instrument in enumerate(comparison.instruments)}
        self._clocks = {instrument: clocks.of(venue_of(instrument)) for instrument in self._order}
        self._own: Mapping[InstrumentId, Own] = (
            {instrument: Own() for instrument in self._order} if settings.sync_by == "quote" else {}
        )
        self._absent: dict[InstrumentId, str] = dict.fromkeys(self._order, ALONE)
        # Of the instruments with a quote, in the Comparison's order:
        self._places: dict[InstrumentId, int] = {}
        self._quotes: list[Quote] = []
        self._reaches: list[VenueClock | Own] = []
        self._uncertainty = 0
        self._skews = Histogram(self._tolerance)
        self._skew_counts = self._skews.counts
        self._skew_shift = self._skews.shift
        self._rejected: dict[str, int] = {}

    def receive(self, message: Inbox) -> None:
        """Take in a quote, or learn that one is no longer to be believed."""
        if type(message) is Quote:
            try:
                place = self._places[message.instrument]
            except KeyError:
                place = self._join(message)
            self._quotes[place] = message
            if self._own:
                self._move(message)
            reaches = self._reaches
            newest = oldest = reaches[place].reach
            for other in reaches:
                reach = other.reach
                if reach > newest:
                    newest = reach
                elif reach < oldest:
                    oldest = reach
            skew = newest - oldest
            if skew > self._tolerance or len(reaches) == 1:
                self._tell_part(message, newest - self._tolerance)
                return
            self._skew_counts[skew >> self._skew_shift] += 1
            bound: Nanos = skew + self._uncertainty  # type: ignore[assignment]  # calling Nanos costs as much as a tell
            snapshot = SynchronizedSnapshot(self._name, tuple(self._quotes), place, bound, message.received_at)
            for ref in self._strategies:
                ref.tell(snapshot)
        else:
            self._on_other(message)

    def view(self) -> SyncView:
        """What was put together and what was not."""
        snapshots = sum(self._skew_counts)
        return SyncView(
            quotes=snapshots + sum(self._rejected.values()),
            snapshots=snapshots,
            skew_ms=self._skews.percentiles(MILLISECOND),
            rejected=dict(self._rejected),
        )

    def _on_other(self, message: BookStateChanged | ClockEstimated) -> None:
        match message:
            case BookStateChanged():
                if message.state is not BookState.VALID:
                    self._leave(message.instrument, STALE if message.state is BookState.STALE else NOT_VALID)
            case ClockEstimated():
                self._uncertainty = self._uncertainty_of(self._places)
            case _:
                assert_never(message)

    def _tell_part(self, changed: Quote, oldest: int) -> None:
        """Not all that is known is aligned: tell the part that is, if it holds the quote that changed and another."""
        inside = [instrument for instrument, place in self._places.items() if self._reaches[place].reach >= oldest]
        if len(inside) < 2 or changed.instrument not in inside:
            reason = SKEW if len(self._places) > 1 else self._why_alone()
            self._rejected[reason] = self._rejected.get(reason, 0) + 1
            return
        reaches = [self._reaches[self._places[instrument]].reach for instrument in inside]
        skew = max(reaches) - min(reaches)
        self._skew_counts[skew >> self._skew_shift] += 1
        snapshot = SynchronizedSnapshot(
            self._name,
            tuple(self._quotes[self._places[instrument]] for instrument in inside),
            inside.index(changed.instrument),
            Nanos(skew + self._uncertainty_of(inside)),
            changed.received_at,
        )
        for ref in self._strategies:
            ref.tell(snapshot)

    def _why_alone(self) -> str:
        reasons = self._absent.values()
        return next((reason for reason in (NOT_VALID, STALE) if reason in reasons), ALONE)

    # -- who is there ----------------------------------------------------------------------------

    def _join(self, quote: Quote) -> int:
        """A first quote, or the first after a doubt."""
        del self._absent[quote.instrument]
        self._arrange({**self._present, quote.instrument: quote})
        return self._places[quote.instrument]

    def _leave(self, instrument: InstrumentId, reason: str) -> None:
        present = self._present
        present.pop(instrument, None)
        self._absent[instrument] = reason
        self._arrange(present)

    @property
    def _present(self) -> dict[InstrumentId, Quote]:
        return {instrument: self._quotes[place] for instrument, place in self._places.items()}

    def _arrange(self, present: Mapping[InstrumentId, Quote]) -> None:
        """Lay out the lists that the hot lane reads."""
        instruments = sorted(present, key=self._order.__getitem__)
        self._places = {instrument: place for place, instrument in enumerate(instruments)}
        self._quotes = [present[instrument] for instrument in instruments]
        self._reaches = [self._own.get(instrument) or self._clocks[instrument] for instrument in instruments]
        self._uncertainty = self._uncertainty_of(instruments)

    def _uncertainty_of(self, instruments: Iterable[InstrumentId]) -> int:
        """The two largest of the venues concerned: what two of their times can be wrong against each other."""
        clocks = {clock.venue: clock.uncertainty for clock in map(self._clocks.__getitem__, instruments)}
        return sum(sorted(clocks.values())[-2:]) if len(clocks) > 1 else 0

    def _move(self, quote: Quote) -> None:
        """Let the quote's own time be its reach."""
        clock = self._clocks[quote.instrument]
        arrived = min(quote.received_at - clock.delay, clock.paced)
        self._own[quote.instrument].reach = quote.venue_time - clock.offset if quote.venue_time else arrived
