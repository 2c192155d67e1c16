"""All lanes of the feed: opened for what is subscribed to, and for everything else when it is first heard."""

from collections.abc import Collection, Mapping
from typing import Any

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.ids import InstrumentId, VenueId, venue_of
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookDelta, DataType, Quote, Trade
from integrated_trading_system.feed.books import Books
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.feed.lane import Lane, SyncMessage
from integrated_trading_system.feed.machine import BookMachine
from integrated_trading_system.feed.report import stream_views
from integrated_trading_system.feed.statistics import Counts, StreamView, VenueCounts
from integrated_trading_system.runtime.actor import Actor, Ref


class Lanes:
    """Every lane, and what is counted of every venue."""

    def __init__(
        self,
        owner: Actor[Any],
        settings: FeedSettings,
        books: Books,
        clocks: Clocks,
        buffers: Buffers,
        *,
        synchronizers: Mapping[InstrumentId, tuple[Ref[SyncMessage], ...]],
        streams: Mapping[InstrumentId, Collection[DataType]],
    ) -> None:
        """None is open. `streams`: what is subscribed to."""
        self._owner = owner
        self._settings = settings
        self._books = books
        self._clocks = clocks
        self._buffers = buffers
        self._synchronizers = synchronizers
        self._streams = streams
        self.open: dict[InstrumentId, Lane] = {}
        self.bookless: dict[InstrumentId, None] = {}
        """Those whose depth is not wanted any more: what still comes of it is dropped."""
        self.venues: dict[VenueId, VenueCounts] = {}
        self._rules: dict[InstrumentId, Instrument] = {}

    @property
    def expected(self) -> tuple[InstrumentId, ...]:
        """Those of which something is subscribed to or compared."""
        return tuple(dict.fromkeys((*self._streams, *self._synchronizers)))

    def of(self, instrument: InstrumentId) -> Lane:
        """This instrument's lane, opened if need be."""
        return self.open.get(instrument) or self._open(instrument)

    def close(self, lane: Lane) -> None:
        """Nobody wants it any more: it is forgotten, but for what was counted."""
        self._keep(lane, stream_views(lane))
        del self.open[lane.instrument]
        self.bookless.pop(lane.instrument, None)
        self._books.leave(lane.instrument)
        self._buffers.drop(lane.instrument)

    def reopen(self, lane: Lane) -> Lane:
        """Without its book, on the same links. What still comes of the book is counted, and that is all."""
        self._keep(lane, {kind: view for kind, view in stream_views(lane).items() if kind is DataType.DEPTH})
        self._books.leave(lane.instrument)
        del self.open[lane.instrument]
        new = self._open(lane.instrument)
        self.bookless[lane.instrument] = None
        new.links, new.down = lane.links, lane.down
        new.quotes, new.trades, new.others, new.depth = lane.quotes, lane.trades, lane.others, Counts()
        return new

    def list(self, instrument: Instrument) -> None:
        """The venue's rules for it, for its lane now and whenever it is opened again."""
        self._rules[instrument.instrument] = instrument
        if instrument.instrument in self.open:
            self.open[instrument.instrument].list(instrument)

    @staticmethod
    def expect(lane: Lane, kinds: Collection[DataType]) -> None:
        """What is subscribed to of it."""
        lane.bookish = DataType.QUOTES in kinds or DataType.DEPTH in kinds
        lane.watched = lane.bookish or DataType.TRADES in kinds

    def venue(self, venue: VenueId) -> VenueCounts:
        """This venue's counts; always the same object."""
        counts = self.venues.get(venue)
        if counts is None:
            counts = self.venues[venue] = VenueCounts(self._settings.quarantine_size)
        return counts

    def _keep(self, lane: Lane, streams: Mapping[DataType, StreamView]) -> None:
        counts, machine = self.venue(lane.venue), lane.entry.machine
        counts.keep(streams)
        if machine is not None:
            counts.gaps += machine.gaps
            counts.resyncs += machine.resyncs

    def machine(self) -> BookMachine:
        """An empty book."""
        return BookMachine(self._settings.pending_max)

    def _open(self, instrument: InstrumentId) -> Lane:
        kinds = self._streams.get(instrument, ())
        machine = self.machine() if DataType.DEPTH in kinds else None
        venue = venue_of(instrument)
        lane = self.open[instrument] = Lane(
            instrument,
            self._books.enter(instrument, machine),
            self._clocks.of(venue),
            self._buffers,
            self._settings,
            self._synchronizers.get(instrument, ()),
        )
        context = self._owner.context
        lane.quote_listeners = context.listeners(Quote, instrument)
        lane.trade_listeners = context.listeners(Trade, instrument)
        lane.delta_listeners = context.listeners(BookDelta, instrument)
        self.expect(lane, kinds)
        if instrument in self._rules:
            lane.list(self._rules[instrument])
        lane.heard = context.now
        self.venue(venue)
        return lane
