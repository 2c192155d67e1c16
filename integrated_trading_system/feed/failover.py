"""Several sources of one price, of which one at a time is followed: the best that is healthy.

A source is healthy while its book is VALID and its circuit closed. The one that is followed is left in the
moment in which it is not; a source that stands before it in the order is returned to when it has been healthy
for a while. Quotes and trades of the followed source are told on under the group's name, nobody else's are.
"""

from collections.abc import Iterable
from typing import TypeAlias, assert_never

from msgspec import Struct

from integrated_trading_system.config.reliability import FailoverSettings
from integrated_trading_system.domain.book import QuoteReader
from integrated_trading_system.domain.health import BookState, BookStateChanged, FeedReliable, FeedUnreliable
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import Quote, Trade
from integrated_trading_system.domain.preferred import PreferredQuote, PreferredTrade, SourceChanged
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.runtime.actor import Actor


class ReturnDue(Struct, frozen=True):
    """Timer: look whether this source has been healthy since then."""

    source: InstrumentId
    since: Nanos


Inbox: TypeAlias = Quote | Trade | BookStateChanged | FeedUnreliable | FeedReliable | ReturnDue


class Source:
    """One instrument of the group."""

    __slots__ = ("changed_at", "reliable", "valid")

    def __init__(self) -> None:
        """Not healthy yet."""
        self.valid = False
        self.reliable = True
        self.changed_at = Nanos(-1)
        """When it last became healthy, or ceased to be."""

    @property
    def healthy(self) -> bool:
        """Whether it may be followed."""
        return self.valid and self.reliable


class FailoverView(Struct, frozen=True):
    """Where one group stands."""

    followed: InstrumentId | None
    switches: int
    healthy: dict[InstrumentId, bool]


class Failover(Actor[Inbox]):
    """One group of sources."""

    def __init__(self, settings: FailoverSettings, books: QuoteReader) -> None:
        """Follows nobody until a source is healthy."""
        self._name = settings.name
        self._books = books
        self._return_after = from_millis(settings.return_after_ms)
        self._sources = {InstrumentId(name): Source() for name in settings.sources}
        self._followed: InstrumentId | None = None
        self._switches = 0

    def start(self) -> None:
        """After a restart: what is VALID now counts as healthy from now on."""
        for instrument, source in self._sources.items():
            source.valid = self._books.top(instrument) is not None
            source.changed_at = self.context.now
        self._leave_or_stay("start")

    def receive(self, message: Inbox) -> None:
        """A price of a source, or news of its health."""
        match message:
            case Quote():
                if message.instrument == self._followed:
                    self.context.publish(PreferredQuote(self._name, message))
            case Trade():
                if message.instrument == self._followed:
                    self.context.publish(PreferredTrade(self._name, message))
            case BookStateChanged(instrument, state, reason):
                source = self._sources[instrument]
                before = source.healthy
                source.valid = state is BookState.VALID
                self._changed(instrument, source, before, f"{state} {reason}".rstrip())
            case FeedUnreliable(instrument, reason):
                source = self._sources[instrument]
                before, source.reliable = source.healthy, False
                self._changed(instrument, source, before, reason)
            case FeedReliable(instrument):
                source = self._sources[instrument]
                before, source.reliable = source.healthy, True
                self._changed(instrument, source, before, "reliable again")
            case ReturnDue():
                self._on_return(message)
            case _:
                assert_never(message)

    def view(self) -> FailoverView:
        """Where it stands."""
        return FailoverView(
            self._followed, self._switches, {name: source.healthy for name, source in self._sources.items()}
        )

    def _changed(self, instrument: InstrumentId, source: Source, before: bool, reason: str) -> None:
        if source.healthy == before:
            return
        now = source.changed_at = self.context.now
        if source.healthy and self._followed is not None and instrument in self._before(self._followed):
            self.context.after(self._return_after, ReturnDue(instrument, now))
        self._leave_or_stay(f"{instrument}: {reason}")

    def _leave_or_stay(self, reason: str) -> None:
        if self._followed is None or not self._sources[self._followed].healthy:
            best = next((name for name, source in self._sources.items() if source.healthy), None)
            self._follow(best, reason)

    def _on_return(self, due: ReturnDue) -> None:
        source = self._sources[due.source]
        still = source.healthy and source.changed_at == due.since
        if still and self._followed is not None and due.source in self._before(self._followed):
            self._follow(due.source, f"{due.source}: healthy again")

    def _follow(self, best: InstrumentId | None, reason: str) -> None:
        if best == self._followed:
            return
        previous, self._followed = self._followed, best
        self._switches += previous is not None
        now = self.context.now
        self.context.publish(SourceChanged(self._name, best, previous, reason, now))
        quote = self._books.top(best) if best is not None else None
        if quote is not None:
            self.context.publish(PreferredQuote(self._name, quote))

    def _before(self, followed: InstrumentId) -> Iterable[InstrumentId]:
        """The sources that are preferred to this one."""
        names = tuple(self._sources)
        return names[: names.index(followed)]
