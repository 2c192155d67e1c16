"""What the feed notices without being told of the market: links that come and go, silence, and the time.

Whoever is silent for too long is STALE, and so is whoever has lost the last link that carried it; both
begin anew with the next thing that can be believed.
"""

from collections.abc import Mapping
from typing import Any, Final

from integrated_trading_system.domain.health import BookState, FeedStale, LinkChanged, LinkState
from integrated_trading_system.domain.ids import InstrumentId, VenueId, venue_of
from integrated_trading_system.domain.market import DataType, PolledQuote
from integrated_trading_system.domain.streams import StreamsWanted
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.feed.breaker import UNSUBSCRIBED
from integrated_trading_system.feed.clock import NEVER, Clocks, VenueClock
from integrated_trading_system.feed.lane import Lane, SyncMessage
from integrated_trading_system.feed.lanes import Lanes
from integrated_trading_system.feed.outlet import Outlet
from integrated_trading_system.runtime.actor import Actor, Ref

CARRYING: Final = (LinkState.SUBSCRIBE, LinkState.LIVE)
"""States of a link in which its data counts. Data may come before the last subscription is acknowledged."""
MEASURE_EVERY: Final = 30 * SECOND
"""What is typical of an instrument is learnt so often, beside whenever something untypical comes."""
DELAYS_FOR_CLOCK: Final = 64
"""Of each instrument: from these the ordinary delay of a venue is learnt."""


class Watch:
    """Links, silence and clocks of all lanes."""

    def __init__(
        self,
        owner: Actor[Any],
        lanes: Lanes,
        clocks: Clocks,
        outlet: Outlet,
        synchronizers: Mapping[InstrumentId, tuple[Ref[SyncMessage], ...]],
        stale_after: Nanos,
    ) -> None:
        """An instrument is silent `stale_after` its last sign of life."""
        self._owner = owner
        self._lanes = lanes
        self._clocks = clocks
        self._outlet = outlet
        self._stale_after = stale_after
        self._told_of_clocks: dict[VenueId, dict[Ref[SyncMessage], None]] = {}
        for instrument, refs in synchronizers.items():
            self._told_of_clocks.setdefault(venue_of(instrument), {}).update(dict.fromkeys(refs))

    def link(self, changed: LinkChanged) -> None:
        """A link went to another state of its life."""
        if changed.state is LinkState.LIVE:
            self._lanes.venue(changed.venue).live(changed.name, changed.link)
        for instrument in changed.instruments:
            carries = changed.state in CARRYING
            lane = self._lanes.of(instrument) if carries else self._lanes.open.get(instrument)
            if lane is None:
                continue  # nobody wants it any more
            if carries:
                lane.links[changed.link] = None
                if lane.down:
                    lane.down = lane.silent = False
                    lane.heard = self._owner.context.now
                    self._outlet.change(lane, BookState.SYNCING, "link up")
            else:
                lane.links.pop(changed.link, None)
                if not lane.links and not lane.down:
                    self._cut(lane, changed)

    def want(self, wanted: StreamsWanted) -> None:
        """The whole set that is wanted of a venue: what else there is of it is closed."""
        kinds: dict[InstrumentId, set[DataType]] = {}
        for stream in wanted.streams:
            kinds.setdefault(stream.instrument, set()).add(stream.data_type)
        lanes = self._lanes
        for lane in [lane for lane in lanes.open.values() if lane.venue == wanted.venue]:
            if lane.instrument not in kinds:
                self._outlet.change(lane, BookState.STALE, UNSUBSCRIBED)
                lanes.close(lane)
        for instrument, of in kinds.items():
            lane = lanes.of(instrument)
            if lane.entry.machine is not None and DataType.DEPTH not in of:
                self._outlet.change(lane, BookState.STALE, "depth unsubscribed")
                lane = lanes.reopen(lane)
            elif lane.entry.machine is None and DataType.DEPTH in of:
                lanes.bookless.pop(instrument, None)
                lane.entry.machine = lanes.machine()
                self._outlet.change(lane, BookState.SYNCING, "depth")
            lanes.expect(lane, of)

    def polled(self, message: PolledQuote) -> None:
        """Best prices of an instrument whose stream is down: shown to readers, and nobody decides on them."""
        lane = self._lanes.open.get(message.instrument)
        if lane is not None and lane.down:
            lane.recent_quotes.append(message.quote)
            self._outlet.publish(message)

    def tick(self) -> Nanos:
        """Look for silence, for unanswered requests, and for what the clocks have to say; when to look again."""
        now = self._owner.context.now
        due = now + SECOND
        for lane in self._lanes.open.values():
            machine = lane.entry.machine
            if machine is not None:
                if machine.proven:
                    machine.tries = 0
                elif machine.asked_at is not None:
                    self._outlet.ask(lane, machine)
            if now - lane.measured_at >= MEASURE_EVERY and lane.measure():
                lane.measured_at = now
            if not lane.silent and lane.watched:
                falls_silent = lane.heard_at + self._stale_after
                if falls_silent <= now:
                    self._on_silence(lane)
                else:
                    due = min(due, falls_silent)
        with_books = {lane.venue for lane in self._lanes.open.values() if lane.entry.machine is not None}
        for clock in self._clocks.all():
            if clock.venue not in with_books:
                clock.paced = NEVER
            clock.roll(now)
            self.settle(clock)
        return Nanos(due)

    def settle(self, clock: VenueClock) -> None:
        """Publish what is known of a venue's clock, when it is news."""
        recent: list[int] = []
        if clock.untimed:
            for lane in self._lanes.open.values():
                if lane.clock is clock:
                    recent += lane.pushes(DELAYS_FOR_CLOCK)
        estimated = clock.settle(recent, self._owner.context.now)
        if estimated is not None:
            for ref in self._told_of_clocks.get(clock.venue, ()):
                ref.tell(estimated)
            self._outlet.publish(estimated)

    def _cut(self, lane: Lane, changed: LinkChanged) -> None:
        """The last link that carried it is gone: nothing is known any more, from this moment on."""
        lane.down = True
        lane.forget()
        if lane.entry.machine is not None:
            lane.entry.machine.discard()
        self._outlet.change(lane, BookState.STALE, f"link {changed.state}: {changed.reason}")

    def _on_silence(self, lane: Lane) -> None:
        now = self._owner.context.now
        lane.silent = True
        lane.silences += 1
        silent_for = Nanos(now - lane.heard_at)
        lane.forget()
        if lane.bookish:
            self._outlet.change(lane, BookState.STALE, "silence")
        self._outlet.publish(FeedStale(lane.instrument, silent_for, now))
