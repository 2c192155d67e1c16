"""Every market event passes here: placed in time, judged, put into its book, and told on if it can be believed.

The first lines of `receive` are the hot lane, for the quote that is like nearly all others: newer than
the last, at ordinary prices, on time. Whatever differs is judged in full in the methods below.
"""

from collections.abc import Collection, Mapping
from typing import Final, TypeAlias, assert_never

from msgspec import Struct

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.audit import AuditFailed, AuditSnapshot, AuditWanted
from integrated_trading_system.domain.evidence import Evidence
from integrated_trading_system.domain.health import (
    BookBroken,
    BookState,
    BookStateChanged,
    ClockSample,
    LinkChanged,
    Quarantined,
    SnapshotWanted,
)
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.inputs import ClockReading
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.market import (
    BookDelta,
    BookSnapshot,
    Candle,
    DataType,
    FundingRate,
    MarketEvent,
    MarkPrice,
    PolledQuote,
    Quote,
    Statistics,
    Trade,
)
from integrated_trading_system.domain.streams import StreamsWanted
from integrated_trading_system.domain.time import SECOND, Nanos, from_millis
from integrated_trading_system.feed.auditor import AuditDue, Auditor
from integrated_trading_system.feed.books import Books
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.feed.judge import Judge
from integrated_trading_system.feed.lane import Lane, SyncMessage
from integrated_trading_system.feed.lanes import Lanes
from integrated_trading_system.feed.machine import BookMachine
from integrated_trading_system.feed.outlet import Outlet
from integrated_trading_system.feed.report import FeedView, feed_view
from integrated_trading_system.feed.watch import Watch
from integrated_trading_system.runtime.actor import Actor, Ref

PASSED_ON: Final[dict[type, DataType]] = {
    Statistics: DataType.STATISTICS,
    Candle: DataType.CANDLES,
    MarkPrice: DataType.MARK_PRICE,
    FundingRate: DataType.FUNDING,
}


class Tick(Struct, frozen=True):
    """To itself: look for silence, for unanswered requests, and for what the clocks have to say."""


Proof: TypeAlias = BookBroken | AuditSnapshot | AuditFailed | AuditDue
Wishes: TypeAlias = StreamsWanted | PolledQuote
News: TypeAlias = LinkChanged | InstrumentsListed | ClockSample | Quarantined | Proof | Wishes | ClockReading | Tick
Other: TypeAlias = BookSnapshot | Statistics | Candle | MarkPrice | FundingRate
Inbox: TypeAlias = MarketEvent | News


class MarketDataFeeder(Actor[Inbox]):
    """Trust and order. Tells synchronizers the top of books that are VALID, publishes everything believed."""

    def __init__(
        self,
        settings: FeedSettings,
        books: Books,
        clocks: Clocks,
        buffers: Buffers,
        *,
        connectors: Mapping[VenueId, Ref[SnapshotWanted | AuditWanted]],
        synchronizers: Mapping[InstrumentId, tuple[Ref[SyncMessage], ...]],
        streams: Mapping[InstrumentId, Collection[DataType]],
        evidence: Evidence | None = None,
    ) -> None:
        """`streams`: what is subscribed to. Other instruments are taken in when they are first heard."""
        self._books = books
        self._clocks = clocks
        self._all = Lanes(self, settings, books, clocks, buffers, synchronizers=synchronizers, streams=streams)
        self._lanes = self._all.open
        self._outlet = Outlet(
            self, connectors, self._all.venues, from_millis(settings.snapshot_retry_ms), evidence or Evidence()
        )
        self._judge = Judge(self._outlet)
        stale_after = from_millis(settings.stale_after_ms)
        self._auditor = Auditor(self, settings, self._all, self._outlet, self._judge)
        self._watch = Watch(self, self._all, clocks, self._outlet, synchronizers, stale_after)
        self._wall_ahead: int | None = None
        self._wall_drift = 0

    def start(self) -> None:
        """Open the lanes. After a restart nothing is believed until it is proven again."""
        self._books.clear()
        for instrument in self._all.expected:
            lane = self._all.of(instrument)
            for ref in lane.synchronizers:  # what an earlier incarnation told them is void
                ref.tell(BookStateChanged(instrument, BookState.SYNCING, "start", self.context.now))
        self.context.after(SECOND, Tick())

    def receive(self, message: Inbox) -> None:  # noqa: PLR0912 - the hot lane pays no call
        """Take in one event."""
        if type(message) is Quote:
            try:
                lane = self._lanes[message.instrument]
            except KeyError:
                lane = self._all.of(message.instrument)
            entry = lane.entry
            top = entry.top
            if (
                ((message.bid == top.bid and message.ask == top.ask) or lane.plausible(message))
                and message.sequence > top.sequence
                and 0.0 < message.bid_size < lane.size_max
                and 0.0 < message.ask_size < lane.size_max
            ):
                clock = lane.clock
                received_at = message.received_at
                venue_time = message.venue_time
                difference = received_at - venue_time
                if venue_time == 0:
                    clock.untimed = True
                    reach = received_at - clock.delay
                    if reach > clock.paced:
                        self._on_odd_quote(lane, message)
                        return
                elif clock.low <= difference < clock.high:
                    reach = venue_time - clock.offset
                else:
                    self._on_odd_quote(lane, message)
                    return
                if reach > clock.reach:
                    clock.reach = reach
                entry.top = message
                lane.quotes.delivered += 1
                lane.recent_quotes.append(message)
                for ref in lane.active:
                    ref.tell(message)
                for listener in lane.quote_listeners:
                    listener.tell(message)
            else:
                self._on_odd_quote(lane, message)
        elif type(message) is BookDelta:
            self._on_delta(message)
        elif type(message) is Trade:
            self._on_trade(message)
        else:
            self._on_other(message)

    def view(self) -> FeedView:
        return feed_view(self._lanes, self._all.venues, self._clocks, self._wall_drift)

    # -- one kind of message each ----------------------------------------------------------------

    def _on_other(self, message: Other | News) -> None:
        match message:
            case BookSnapshot():
                self._on_snapshot(message)
            case Statistics() | Candle() | MarkPrice() | FundingRate():
                self._pass_on(message, PASSED_ON[type(message)])
            case _:
                self._on_news(message)

    def _on_news(self, message: News) -> None:
        match message:
            case Tick():
                self._auditor.tick()
                self.context.after(Nanos(self._watch.tick() - self.context.now), Tick())
            case LinkChanged():
                self._watch.link(message)
            case ClockSample():
                clock = self._clocks.of(message.venue)
                clock.sample(message)
                self._watch.settle(clock)
            case Quarantined():
                counts = self._all.venue(message.venue)
                counts.undecoded += 1
                counts.refuse(message)
            case BookBroken() | AuditSnapshot() | AuditFailed() | AuditDue():
                self._on_proof(message)
            case StreamsWanted():
                self._watch.want(message)
            case PolledQuote():
                self._watch.polled(message)
            case InstrumentsListed():
                for instrument in message.instruments:
                    self._all.list(instrument)
            case ClockReading():
                ahead = message.wall - message.now
                self._wall_ahead = ahead if self._wall_ahead is None else self._wall_ahead
                self._wall_drift = ahead - self._wall_ahead
            case _:
                assert_never(message)

    def _on_proof(self, message: Proof) -> None:
        """Something about whether a book is the venue's."""
        match message:
            case AuditSnapshot():
                self._auditor.answered(message)
            case AuditFailed():
                self._auditor.failed(message)
            case AuditDue():
                self._auditor.due(message)
            case BookBroken():
                lane = self._all.of(message.instrument)
                machine = lane.entry.machine or self._expect_depth(lane)
                if machine is not None and not lane.down:
                    self._judge.broken(lane, machine, message)
            case _:
                assert_never(message)

    def _on_odd_quote(self, lane: Lane, quote: Quote) -> None:
        if lane.down:
            lane.quotes.drop("link down")
        else:
            self._judge.quote(lane, quote)

    def _on_trade(self, trade: Trade) -> None:
        """A trade is told once, whichever links bring it, and if it is their last word: it stays a fact.

        What is on time and at an ordinary price is not judged.
        """
        lane = self._lanes.get(trade.instrument) or self._all.of(trade.instrument)
        if lane.known_trade(trade.trade_id):
            lane.trades.conflate("duplicate")
            return
        clock = lane.clock
        venue_time = trade.venue_time
        if venue_time and clock.low <= trade.received_at - venue_time < clock.high and lane.plausible_trade(trade):
            reach = venue_time - clock.offset
            if reach > clock.reach and lane.entry.machine is None:  # trades may come on a link of their own
                clock.reach = reach
            lane.take_trade(trade)
        else:
            self._judge.trade(lane, trade)

    def _on_delta(self, delta: BookDelta) -> None:
        lane = self._all.of(delta.instrument)
        machine = lane.entry.machine or self._expect_depth(lane)
        if machine is None:
            lane.depth.drop("unsubscribed")
        elif lane.down:
            machine.discarded += 1
        else:
            self._judge.delta(lane, machine, delta)

    def _on_snapshot(self, snapshot: BookSnapshot) -> None:
        lane = self._all.of(snapshot.instrument)
        machine = lane.entry.machine or self._expect_depth(lane)
        if machine is None:
            lane.depth.drop("unsubscribed")
        elif lane.down:
            machine.discarded += 1
        else:
            self._judge.snapshot(lane, machine, snapshot)

    def _expect_depth(self, lane: Lane) -> BookMachine | None:
        """The book of an instrument that was taken in without one; None where it was given up."""
        if lane.instrument in self._all.bookless:
            return None
        lane.entry.machine = self._all.machine()
        lane.bookish = lane.watched = True
        self._outlet.change(lane, BookState.SYNCING, "depth")
        return lane.entry.machine

    def _pass_on(self, message: Statistics | Candle | MarkPrice | FundingRate, kind: DataType) -> None:
        lane = self._all.of(message.instrument)
        lane.others[kind].delivered += 1
        lane.rings[kind].append(message)
        self._outlet.publish(message)
