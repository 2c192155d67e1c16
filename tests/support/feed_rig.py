"""A feeder in a real system, with collectors where connectors, synchronizers and the bus's subscribers would be."""

from collections.abc import Collection, Mapping
from typing import Any

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.health import (
    BookStateChanged,
    ClockEstimated,
    FeedStale,
    Gap,
    LinkChanged,
    LinkState,
    Quarantined,
)
from integrated_trading_system.domain.ids import ActorName, InstrumentId, LinkId, VenueId, venue_of
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, DataType, Level, Quote, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.feed.books import Books
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.feed.feeder import MarketDataFeeder
from integrated_trading_system.feed.report import BookView, FeedView
from integrated_trading_system.runtime.system import System
from tests.support.collector import Collector

VENUE = VenueId("toy:spot")
BTC = InstrumentId("toy:spot:BTC")
START = Nanos(1_700_000_000 * SECOND)
QUOTES: Mapping[InstrumentId, Collection[DataType]] = {BTC: (DataType.QUOTES,)}
DEPTH: Mapping[InstrumentId, Collection[DataType]] = {BTC: (DataType.DEPTH,)}
BOTH: Mapping[InstrumentId, Collection[DataType]] = {BTC: (DataType.QUOTES, DataType.DEPTH)}
PUBLISHED = (Quote, Trade, BookStateChanged, Gap, FeedStale, ClockEstimated, Quarantined, BookDelta, BookSnapshot)


def ms(milliseconds: float) -> Nanos:
    """After the start."""
    return Nanos(START + int(milliseconds * MILLISECOND))


def quote(sequence: int, at: float = 0, *, bid: float = 100.0, ask: float = 101.0, **changes: Any) -> Quote:
    """At `at` milliseconds after the start, by the venue's clock and by ours."""
    fields: dict[str, Any] = (
        dict(bid_size=1.0, ask_size=1.0, instrument=BTC, venue_time=ms(at), received_at=ms(at)) | changes
    )
    return Quote(sequence=sequence, bid=bid, ask=ask, **fields)


def trade(trade_id: str, at: float = 0, *, price: float = 100.0, **changes: Any) -> Trade:
    fields: dict[str, Any] = (
        dict(quantity=1.0, side=Side.BUY, instrument=BTC, venue_time=ms(at), received_at=ms(at)) | changes
    )
    return Trade(trade_id=trade_id, price=price, **fields)


def delta(
    first: int,
    last: int,
    at: float = 0,
    *,
    bids: list[Level] | None = None,
    asks: list[Level] | None = None,
    **more: Any,
) -> BookDelta:
    """Continues the change that ended with ``first - 1``."""
    fields: dict[str, Any] = (
        dict(instrument=BTC, previous_sequence=first - 1, order=last, venue_time=ms(at), received_at=ms(at)) | more
    )
    return BookDelta(bids=bids or [], asks=asks or [], first_sequence=first, last_sequence=last, **fields)


def snapshot(
    last: int, at: float = 0, *, bids: list[Level] | None = None, asks: list[Level] | None = None, **more: Any
) -> BookSnapshot:
    """By the rule of Binance spot: the next change covers ``last + 1``."""
    fields: dict[str, Any] = (
        dict(instrument=BTC, resume_from=last + 1, order=last, venue_time=ms(at), received_at=ms(at)) | more
    )
    return BookSnapshot(
        bids=[(100.0, 1.0)] if bids is None else bids,
        asks=[(101.0, 1.0)] if asks is None else asks,
        last_sequence=last,
        **fields,
    )


def link(
    state: LinkState, name: str = "market-0", number: int = 1, instruments: tuple[InstrumentId, ...] = (BTC,)
) -> Any:
    return LinkChanged(VENUE, LinkId(f"{name}/{number}"), name, state, "test", START, instruments)


class FeedRig:
    """Tell it messages; read what the neighbours were told."""

    def __init__(
        self, streams: Mapping[InstrumentId, Collection[DataType]] = QUOTES, settings: FeedSettings | None = None
    ) -> None:
        self.settings = settings or FeedSettings()
        self.system = System()
        self.books = Books()
        self.clocks = Clocks(self.settings)
        self.buffers = Buffers(self.settings.buffer_size)
        self.connector = Collector()
        self.synchronizer = Collector()
        self.bus = Collector()
        for kind in PUBLISHED:
            self.system.bus.subscribe(kind, self.bus)
        venues = dict.fromkeys(venue_of(instrument) for instrument in streams) or {VENUE: None}
        self._cell = self.system.spawn(
            ActorName("feed"),
            lambda: MarketDataFeeder(
                self.settings,
                self.books,
                self.clocks,
                self.buffers,
                connectors=dict.fromkeys(venues, self.connector),
                synchronizers=dict.fromkeys(streams, (self.synchronizer,)),
                streams=streams,
            ),
        )
        self.system.start(START)
        self.forget()

    def tell(self, *messages: Any) -> None:
        """Inline, as the connectors do; time goes on to when each was received."""
        ref = self.system.inline(self._cell)
        for message in messages:
            self.run(max(self.system.now, getattr(message, "received_at", self.system.now)))
            ref.tell(message)
        assert self.system.escalated is None

    def run(self, until: Nanos) -> None:
        """Let timers fire, each at its time."""
        while (deadline := self.system.deadline()) is not None and deadline <= until:
            self.system.run(max(deadline, self.system.now))
        self.system.run(until)

    def forget(self) -> None:
        """What the neighbours were told so far."""
        for collector in (self.connector, self.synchronizer, self.bus):
            collector.take()

    def restart(self) -> None:
        """A new incarnation, as the supervisor makes it."""
        self._cell.restart()

    @property
    def view(self) -> FeedView:
        found: FeedView = self.system.view(ActorName("feed"))
        return found

    @property
    def book(self) -> BookView:
        return self.view.books[BTC]
