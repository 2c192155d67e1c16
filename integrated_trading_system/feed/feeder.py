"""Every market event passes here: placed in time, judged, put into its book, and told on if it can be believed.

The first lines of `receive` are the hot lane, for the quote that is like nearly all others: newer than
the last, at ordinary prices, on time. Whatever differs is judged in full in the methods below.
"""

from collections.abc import Collection, Mapping
from math import inf
from typing import Final, TypeAlias, assert_never

from msgspec import Struct, json

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.health import (
    BookState,
    BookStateChanged,
    ClockSample,
    FeedStale,
    Gap,
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
    MarketEvent,
    Quote,
    Statistics,
    Trade,
)
from integrated_trading_system.domain.time import SECOND, Nanos, from_millis
from integrated_trading_system.feed.books import NOTHING, Books
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.feed.lane import Lane, SyncMessage
from integrated_trading_system.feed.machine import BookMachine, Outcome
from integrated_trading_system.feed.report import FeedView, VenueCounts, feed_view
from integrated_trading_system.feed.validation import Reason, quote_reason, trade_reason
from integrated_trading_system.runtime.actor import Actor, Ref

TRIES_AT_ONCE: Final = 3
"""Snapshots asked for without a pause; after them one per `snapshot_retry_ms`."""
CARRYING: Final = (LinkState.SUBSCRIBE, LinkState.LIVE)
"""States of a link in which its data counts. Data may come before the last subscription is acknowledged."""


class Tick(Struct, frozen=True):
    """To itself: look for silence, for unanswered requests, and for what the clocks have to say."""


Inbox: TypeAlias = MarketEvent | LinkChanged | InstrumentsListed | ClockSample | Quarantined | ClockReading | Tick


class Lanes(dict[InstrumentId, Lane]):
    """By instrument; what is not there yet is opened."""

    def __init__(self, feeder: "MarketDataFeeder") -> None:
        """Empty."""
        self._feeder = feeder

    def __missing__(self, instrument: InstrumentId) -> Lane:
        lane = self[instrument] = self._feeder.open(instrument)
        return lane


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
        self._connectors = connectors
        self._synchronizers = synchronizers
        self._streams = streams
        self._lanes = Lanes(self)
        self._venues: dict[VenueId, VenueCounts] = {}
        self._stale_after = from_millis(settings.stale_after_ms)
        self._retry_after = from_millis(settings.snapshot_retry_ms)
        self._wall_ahead: int | None = None
        self._wall_drift = 0

    def start(self) -> None:
        """Open the lanes. After a restart nothing is believed until it is proven again."""
        for instrument in self._streams:
            self._change(self._lanes[instrument], BookState.SYNCING, "start")
        self.context.after(SECOND, Tick())

    def receive(self, message: Inbox) -> None:
        """Take in one event."""
        if type(message) is Quote:
            lane = self._lanes[message.instrument]
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
                elif clock.low <= difference < clock.high and received_at < clock.rolls_at:
                    lane.delays.append(difference)
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
                for listeners in lane.listeners:
                    for listener in listeners:
                        listener.tell(message)
            else:
                self._on_odd_quote(lane, message)
        else:
            self._on_other(message)

    def _on_other(self, message: Inbox) -> None:
        match message:
            case BookDelta():
                self._on_delta(message)
            case Trade():
                self._on_trade(message)
            case BookSnapshot():
                self._on_snapshot(message)
            case Statistics() | Candle():
                self._pass_on(message)
            case Quote():
                self._on_odd_quote(self._lanes[message.instrument], message)
            case Tick():
                self._on_tick()
            case LinkChanged():
                self._on_link(message)
            case InstrumentsListed():
                for instrument in message.instruments:
                    if instrument.instrument in self._lanes:
                        self._lanes[instrument.instrument].list(instrument)
            case ClockSample():
                self._clocks.of(message.venue).sample(message)
                self._settle(message.venue)
            case Quarantined():
                self._venue(message.venue).refuse(message)
            case ClockReading():
                self._on_clock_reading(message)
            case _:
                assert_never(message)

    # -- quotes --------------------------------------------------------------------------------

    def _on_odd_quote(self, lane: Lane, quote: Quote) -> None:
        """A quote that differs from the ordinary in something; most often the first at a new price level."""
        machine = lane.entry.machine
        if lane.down:
            lane.quotes.dropped += 1
        elif quote.sequence > max(lane.entry.top.sequence, lane.floor):
            lane.bookish = True
            self._judge(lane, quote, self._place(lane, quote.venue_time, quote.received_at), made=False)
        elif quote.sequence < lane.newest_of_stream:
            lane.quotes.quarantined += 1
            self._refuse(lane, Reason.SEQUENCE, quote)
        else:
            lane.quotes.conflated += 1
            if machine is not None and quote.sequence == machine.order:
                lane.compare(quote, machine)

    def _judge(self, lane: Lane, quote: Quote, late: Reason | None, *, made: bool) -> None:
        """Believe the quote and tell it, or hold it back. `made`: from the book, not received."""
        entry = lane.entry
        if late is not None or not (
            lane.plausible(quote) and 0.0 < quote.bid_size < inf and 0.0 < quote.ask_size < inf
        ):
            reason = quote_reason(quote, lane.mid, lane.jump_max, lane.ticks_per_unit) or late
            if reason is not None:
                lane.quotes.quarantined += not made
                self._doubt(lane, reason)
                self._refuse(lane, reason, quote)
                return
            lane.anchor(quote)
        if made:
            lane.stream_sequence = lane.newest_of_stream
            lane.made = quote
        else:
            lane.quotes.delivered += 1
        entry.top = quote
        lane.recent_quotes.append(quote)
        if entry.state is not BookState.VALID:
            if entry.machine is None:
                lane.silent = False
            if lane.trusted:
                self._change(lane, BookState.VALID, "")
        for ref in lane.active:
            ref.tell(quote)
        for listeners in lane.listeners:
            for listener in listeners:
                listener.tell(quote)

    def _doubt(self, lane: Lane, reason: str) -> None:
        """The best prices have changed to something that is not known."""
        lane.withdraw()
        if lane.entry.state is BookState.VALID:
            self._change(lane, BookState.SUSPECT, reason)

    def _refuse(self, lane: Lane, reason: Reason, message: Quote | Trade) -> None:
        quarantined = Quarantined(lane.venue, reason, lane.instrument, json.encode(message), self.context.now)
        self._venue(lane.venue).refuse(quarantined)
        self.context.publish(quarantined)

    # -- books ---------------------------------------------------------------------------------

    def _on_delta(self, delta: BookDelta) -> None:
        lane = self._lanes[delta.instrument]
        machine = lane.entry.machine or self._expect_depth(lane)
        if lane.down:
            machine.discarded += 1
            return
        late = self._place(lane, delta.venue_time, delta.received_at)
        outcome = machine.delta(delta)
        if outcome is Outcome.APPLIED:
            if delta.order <= lane.entry.top.sequence:
                lane.compare_at(delta, machine)
            self._on_book(lane, machine, late)
            for listeners in lane.book_listeners:
                for listener in listeners:
                    listener.tell(delta)
        else:
            self._on_unproven(lane, machine, outcome)

    def _on_snapshot(self, snapshot: BookSnapshot) -> None:
        lane = self._lanes[snapshot.instrument]
        machine = lane.entry.machine or self._expect_depth(lane)
        if lane.down:
            machine.discarded += 1
            return
        outcome = machine.snapshot(snapshot)
        if outcome is Outcome.APPLIED:
            self._on_book(lane, machine, self._place(lane, snapshot.venue_time, snapshot.received_at))
            self.context.publish(snapshot)
        elif outcome is Outcome.WAITING:
            self._change(lane, BookState.SYNCING, "snapshot")
        else:
            self._on_unproven(lane, machine, outcome)

    def _on_book(self, lane: Lane, machine: BookMachine, late: Reason | None) -> None:
        """The book is proven and has changed: make its top known, unless the quote stream is ahead of it."""
        entry = lane.entry
        lane.silent = False
        if machine.order > entry.top.sequence and machine.order > lane.floor:
            if machine.top is None:
                self._doubt(lane, "one-sided")
            else:
                bid, bid_size, ask, ask_size = machine.top
                quote = Quote(
                    lane.instrument, bid, bid_size, ask, ask_size, machine.order, machine.venue_time, machine.heard_at
                )
                self._judge(lane, quote, late, made=True)
        elif entry.state is not BookState.VALID and entry.top is not NOTHING:
            self._change(lane, BookState.VALID, "")
            for ref in lane.active:
                ref.tell(entry.top)

    def _on_unproven(self, lane: Lane, machine: BookMachine, outcome: Outcome) -> None:
        """The message did not prove the book, or undid it."""
        if outcome is Outcome.OUTDATED:
            return
        if outcome in (Outcome.GAP, Outcome.RESTARTED):
            self.context.publish(Gap(lane.instrument, *machine.last_gap, self.context.now))
        if outcome is Outcome.RESTARTED:
            lane.forget()
        if lane.entry.top is lane.made:
            lane.withdraw()
        if outcome in (Outcome.GAP, Outcome.RESTARTED, Outcome.CROSSED):
            self._change(lane, BookState.SUSPECT, outcome.name.lower())
        self._ask(lane, machine)

    def _ask(self, lane: Lane, machine: BookMachine) -> None:
        """Have the connector fetch a snapshot, if one is needed and none is on its way."""
        now = self.context.now
        if machine.needs_snapshot and machine.may_ask(now, self._retry_after, TRIES_AT_ONCE):
            machine.asked(now)
            self._connectors[lane.venue].tell(SnapshotWanted(lane.instrument))

    # -- trades and the rest -------------------------------------------------------------------

    def _on_trade(self, trade: Trade) -> None:
        lane = self._lanes[trade.instrument]
        if lane.down:
            lane.trades.dropped += 1
            return
        if lane.known_trade(trade.trade_id):
            lane.trades.conflated += 1
            return
        late = self._place(lane, trade.venue_time, trade.received_at)
        reason = trade_reason(trade, lane.mid or lane.trade_price, lane.jump_max, lane.ticks_per_unit)
        if reason is None and late is Reason.FUTURE:  # but never too old: a print stays a fact
            reason = late
        if reason is not None:
            lane.trades.quarantined += 1
            self._refuse(lane, reason, trade)
            return
        lane.trade_price = trade.price
        lane.trades.delivered += 1
        lane.recent_trades.append(trade)
        if not lane.bookish:
            lane.silent = False
            lane.hear(trade.received_at)
        self.context.publish(trade)

    def _pass_on(self, message: Statistics | Candle) -> None:
        lane = self._lanes[message.instrument]
        kind = DataType.STATISTICS if type(message) is Statistics else DataType.CANDLES
        lane.others[kind].delivered += 1
        lane.rings[kind].append(message)
        self.context.publish(message)
