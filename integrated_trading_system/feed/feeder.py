"""Every market event passes here: placed in time, judged, put into its book, and told on if it can be believed.

The first lines of `receive` are the hot lane, for the quote that is like nearly all others: newer than
the last, at ordinary prices, on time. Whatever differs is judged in full in the methods below.
"""

from collections.abc import Collection, Mapping
from math import inf
from typing import Final, TypeAlias, assert_never

from msgspec import Struct

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.health import (
    BookState,
    BookStateChanged,
    ClockSample,
    FeedStale,
    LinkChanged,
    LinkState,
    Quarantined,
    SnapshotWanted,
)
from integrated_trading_system.domain.ids import InstrumentId, VenueId, venue_of
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
    Quote,
    Statistics,
    Trade,
)
from integrated_trading_system.domain.time import SECOND, Nanos, from_millis
from integrated_trading_system.feed.books import Books
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import Clocks, VenueClock
from integrated_trading_system.feed.judge import Judge
from integrated_trading_system.feed.lane import Lane, SyncMessage
from integrated_trading_system.feed.machine import BookMachine
from integrated_trading_system.feed.outlet import Outlet
from integrated_trading_system.feed.report import FeedView, feed_view
from integrated_trading_system.feed.statistics import VenueCounts
from integrated_trading_system.runtime.actor import Actor, Ref

CARRYING: Final = (LinkState.SUBSCRIBE, LinkState.LIVE)
"""States of a link in which its data counts. Data may come before the last subscription is acknowledged."""
PASSED_ON: Final[dict[type, DataType]] = {
    Statistics: DataType.STATISTICS,
    Candle: DataType.CANDLES,
    MarkPrice: DataType.MARK_PRICE,
    FundingRate: DataType.FUNDING,
}
DELAYS_FOR_CLOCK: Final = 64
"""Of each instrument: from these the ordinary delay of a venue is learnt."""


class Tick(Struct, frozen=True):
    """To itself: look for silence, for unanswered requests, and for what the clocks have to say."""


News: TypeAlias = LinkChanged | InstrumentsListed | ClockSample | Quarantined | ClockReading | Tick
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
        connectors: Mapping[VenueId, Ref[SnapshotWanted]],
        synchronizers: Mapping[InstrumentId, tuple[Ref[SyncMessage], ...]],
        streams: Mapping[InstrumentId, Collection[DataType]],
    ) -> None:
        """`streams`: what is subscribed to. Other instruments are taken in when they are first heard."""
        self._settings = settings
        self._books = books
        self._clocks = clocks
        self._buffers = buffers
        self._synchronizers = synchronizers
        self._streams = streams
        self._lanes: dict[InstrumentId, Lane] = {}
        self._venues: dict[VenueId, VenueCounts] = {}
        self._outlet = Outlet(self, connectors, self._venues, from_millis(settings.snapshot_retry_ms))
        self._judge = Judge(self._outlet)
        self._told_of_clocks: dict[VenueId, dict[Ref[SyncMessage], None]] = {}
        for instrument, refs in synchronizers.items():
            self._told_of_clocks.setdefault(venue_of(instrument), {}).update(dict.fromkeys(refs))
        self._stale_after = from_millis(settings.stale_after_ms)
        self._wall_ahead: int | None = None
        self._wall_drift = 0

    def start(self) -> None:
        """Open the lanes. After a restart nothing is believed until it is proven again."""
        self._books.clear()
        for instrument in dict.fromkeys((*self._streams, *self._synchronizers)):
            lane = self._lane(instrument)
            for ref in lane.synchronizers:  # what an earlier incarnation told them is void
                ref.tell(BookStateChanged(instrument, BookState.SYNCING, "start", self.context.now))
        self.context.after(SECOND, Tick())

    def receive(self, message: Inbox) -> None:  # noqa: PLR0912 - the hot lane pays no call
        """Take in one event."""
        if type(message) is Quote:
            try:
                lane = self._lanes[message.instrument]
            except KeyError:
                lane = self._lane(message.instrument)
            entry = lane.entry
            top = entry.top
            if (
                ((message.bid == top.bid and message.ask == top.ask) or lane.plausible(message))
                and message.sequence > top.sequence
                and 0.0 < message.bid_size < inf
                and 0.0 < message.ask_size < inf
            ):
                clock = lane.clock
                received_at = message.received_at
                venue_time = message.venue_time
                difference = received_at - venue_time
                if venue_time == 0:
                    reach = received_at - clock.delay
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
        return feed_view(self._lanes, self._venues, self._clocks, self._wall_drift)

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
                self._on_tick()
            case LinkChanged():
                self._on_link(message)
            case ClockSample():
                clock = self._clocks.of(message.venue)
                clock.sample(message)
                self._settle(clock)
            case Quarantined():
                counts = self._venue(message.venue)
                counts.undecoded += 1
                counts.refuse(message)
            case InstrumentsListed():
                for instrument in message.instruments:
                    if instrument.instrument in self._lanes:
                        self._lanes[instrument.instrument].list(instrument)
            case ClockReading():
                ahead = message.wall - message.now
                self._wall_ahead = ahead if self._wall_ahead is None else self._wall_ahead
                self._wall_drift = ahead - self._wall_ahead
            case _:
                assert_never(message)

    def _on_odd_quote(self, lane: Lane, quote: Quote) -> None:
        if lane.down:
            lane.quotes.dropped += 1
        else:
            self._judge.quote(lane, quote)

    def _on_trade(self, trade: Trade) -> None:
        """A trade is told once, whichever links bring it. What is on time and at an ordinary price is not judged."""
        lane = self._lane(trade.instrument)
        if lane.down:
            lane.trades.dropped += 1
            return
        if lane.known_trade(trade.trade_id):
            lane.trades.conflated += 1
            return
        clock = lane.clock
        venue_time = trade.venue_time
        if venue_time and clock.low <= trade.received_at - venue_time < clock.high and lane.plausible_trade(trade):
            reach = venue_time - clock.offset
            if reach > clock.reach:
                clock.reach = reach
            lane.take_trade(trade)
        else:
            self._judge.trade(lane, trade)

    def _on_delta(self, delta: BookDelta) -> None:
        lane = self._lane(delta.instrument)
        machine = lane.entry.machine or self._expect_depth(lane)
        if lane.down:
            machine.discarded += 1
        else:
            self._judge.delta(lane, machine, delta)

    def _on_snapshot(self, snapshot: BookSnapshot) -> None:
        lane = self._lane(snapshot.instrument)
        machine = lane.entry.machine or self._expect_depth(lane)
        if lane.down:
            machine.discarded += 1
        else:
            self._judge.snapshot(lane, machine, snapshot)

    def _expect_depth(self, lane: Lane) -> BookMachine:
        """The book of an instrument that was taken in without one."""
        lane.entry.machine = BookMachine(self._settings.pending_max)
        lane.bookish = lane.watched = True
        self._outlet.change(lane, BookState.SYNCING, "depth")
        return lane.entry.machine

    def _pass_on(self, message: Statistics | Candle | MarkPrice | FundingRate, kind: DataType) -> None:
        lane = self._lane(message.instrument)
        lane.others[kind].delivered += 1
        lane.rings[kind].append(message)
        self._outlet.publish(message)

    # -- links and silence -----------------------------------------------------------------------

    def _on_link(self, changed: LinkChanged) -> None:
        if changed.state is LinkState.LIVE:
            self._venue(changed.venue).live(changed.name)
        for instrument in changed.instruments:
            lane = self._lane(instrument)
            if changed.state in CARRYING:
                lane.links[changed.link] = None
                if lane.down:
                    lane.down = lane.silent = False
                    lane.heard = self.context.now
                    self._outlet.change(lane, BookState.SYNCING, "link up")
            else:
                lane.links.pop(changed.link, None)
                if not lane.links and not lane.down:
                    self._cut(lane, changed)

    def _cut(self, lane: Lane, changed: LinkChanged) -> None:
        """The last link that carried it is gone: nothing is known any more, from this moment on."""
        lane.down = True
        lane.forget()
        if lane.entry.machine is not None:
            lane.entry.machine.discard()
        self._outlet.change(lane, BookState.STALE, f"link {changed.state}: {changed.reason}")

    def _on_tick(self) -> None:
        now = self.context.now
        due = now + SECOND
        for lane in self._lanes.values():
            machine = lane.entry.machine
            if machine is not None:
                if machine.proven:
                    machine.tries = 0
                elif machine.asked_at is not None:
                    self._outlet.ask(lane, machine)
            if not lane.silent and lane.watched:
                falls_silent = lane.heard_at + self._stale_after
                if falls_silent <= now:
                    self._on_silence(lane)
                else:
                    due = min(due, falls_silent)
        for clock in self._clocks.all():
            clock.roll(now)
            self._settle(clock)
        self.context.after(due - now, Tick())

    def _on_silence(self, lane: Lane) -> None:
        now = self.context.now
        lane.silent = True
        lane.silences += 1
        silent_for = Nanos(now - lane.heard_at)
        lane.forget()
        if lane.bookish:
            self._outlet.change(lane, BookState.STALE, "silence")
        self._outlet.publish(FeedStale(lane.instrument, silent_for, now))

    def _settle(self, clock: VenueClock) -> None:
        """Publish what is known of a venue's clock, when it is news."""
        recent: list[int] = []
        if clock.untimed:
            for lane in self._lanes.values():
                if lane.clock is clock:
                    recent += lane.pushes(DELAYS_FOR_CLOCK)
        estimated = clock.settle(recent, self.context.now)
        if estimated is not None:
            for ref in self._told_of_clocks.get(clock.venue, ()):
                ref.tell(estimated)
            self._outlet.publish(estimated)

    # -- opening ---------------------------------------------------------------------------------

    def _lane(self, instrument: InstrumentId) -> Lane:
        return self._lanes.get(instrument) or self._open(instrument)

    def _open(self, instrument: InstrumentId) -> Lane:
        kinds = self._streams.get(instrument, ())
        machine = BookMachine(self._settings.pending_max) if DataType.DEPTH in kinds else None
        venue = venue_of(instrument)
        lane = self._lanes[instrument] = Lane(
            instrument,
            self._books.enter(instrument, machine),
            self._clocks.of(venue),
            self._buffers,
            self._settings,
            self._synchronizers.get(instrument, ()),
        )
        lane.quote_listeners = self.context.listeners(Quote, instrument)
        lane.trade_listeners = self.context.listeners(Trade, instrument)
        lane.delta_listeners = self.context.listeners(BookDelta, instrument)
        lane.bookish = DataType.QUOTES in kinds or DataType.DEPTH in kinds
        lane.watched = lane.bookish or DataType.TRADES in kinds
        lane.heard = self.context.now
        self._venue(venue)
        return lane

    def _venue(self, venue: VenueId) -> VenueCounts:
        counts = self._venues.get(venue)
        if counts is None:
            counts = self._venues[venue] = VenueCounts(self._settings.quarantine_size)
        return counts
