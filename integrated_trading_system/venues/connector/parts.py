"""What a connector is made of, put together; and whose each of its timers is."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeAlias, assert_never

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.execution import VenueExecution
from integrated_trading_system.domain.health import LinkChanged, LinkState
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.runtime.actor import Context, Ref
from integrated_trading_system.venues.connector.archive import Archive, ArchiveDue
from integrated_trading_system.venues.connector.audits import Audits
from integrated_trading_system.venues.connector.backoff import Backoff
from integrated_trading_system.venues.connector.calls import Calls, QueueDue
from integrated_trading_system.venues.connector.clock import TimeDue, VenueClock
from integrated_trading_system.venues.connector.dead_man import DeadManDue, DeadManSwitch
from integrated_trading_system.venues.connector.desk import Desk
from integrated_trading_system.venues.connector.heartbeats import HeartbeatDue, Heartbeats
from integrated_trading_system.venues.connector.links.life import LinkDue
from integrated_trading_system.venues.connector.links.line import RetryDue
from integrated_trading_system.venues.connector.links.links import Links
from integrated_trading_system.venues.connector.listing import Listing, ListingDue
from integrated_trading_system.venues.connector.offer import Offer
from integrated_trading_system.venues.connector.polling import PollDue, Polling
from integrated_trading_system.venues.connector.snapshots import SnapshotDue, Snapshots
from integrated_trading_system.venues.connector.voice import Voice
from integrated_trading_system.venues.venue import Venue

Due: TypeAlias = (
    LinkDue
    | RetryDue
    | QueueDue
    | ListingDue
    | TimeDue
    | SnapshotDue
    | ArchiveDue
    | HeartbeatDue
    | PollDue
    | DeadManDue
)
"""The connector's own timers."""


class Parts:
    """All of one life of a connector."""

    def __init__(
        self,
        context: Context,
        venue: Venue,
        settings: VenueSettings,
        feed: Ref[Any],
        executions: Ref[VenueExecution],
        random: Random,
        heard: Callable[[], int],
        listed: Callable[[Sequence[Instrument]], None],
    ) -> None:
        """Nothing is asked or opened. `heard` counts the venue's frames; `listed` is told what the venue lists."""
        self.stopping = False

        def backoff(immediate: int) -> Backoff:
            first, longest = settings.backoff_first_s, settings.backoff_max_s
            return Backoff(Nanos(int(first * SECOND)), Nanos(int(longest * SECOND)), random, immediate)

        voice = self.voice = Voice(context, venue.venue, feed, self._on_link, self.end)
        request_timeout = Nanos(settings.request_timeout_ms * MILLISECOND)
        order_timeout = Nanos(settings.order_timeout_ms * MILLISECOND)
        calls = self.calls = Calls(context, venue, request_timeout, order_timeout, voice.quarantine, voice.blocked)
        kept: dict[InstrumentId, Instrument] = {}
        links = self.links = Links(context, venue, settings, calls, random, voice, executions, kept)
        self.offer = Offer(context, venue, links, feed, voice.listing_failed, settings, kept)
        self.dead_man = DeadManSwitch(context, venue, settings, calls, self.offer.all, executions)
        self.desk = Desk(context, venue, calls, self.offer.all, self.dead_man)
        self.snapshots = Snapshots(context, venue, calls, links, backoff, feed, self.offer.wanted)
        self._polling = Polling(context, venue, calls, links, feed, self.offer.wanted, settings, backoff(0))
        self.audits = Audits(venue, calls, feed)
        self.archive = Archive(context, venue.history, calls, backoff, self.offer.all)
        every = Nanos(int(settings.time_every_s * SECOND))
        self.clock = VenueClock(context, venue.venue, venue.market, calls, every, feed)
        self.listing = Listing(
            context,
            venue.market,
            calls,
            backoff(1),
            listed,
            lambda reason: voice.listing_failed(f"instruments: {reason}"),
        )
        every = Nanos(int(settings.heartbeat_every_s * SECOND))
        self.heartbeats = Heartbeats(context, venue.venue, every, heard)

    def due(self, message: Due) -> None:
        """The time that one of them waited for."""
        match message:
            case LinkDue():
                self.links.due(message)
            case RetryDue():
                self.links.retry(message)
            case QueueDue():
                self.calls.due()
            case ListingDue():
                self.listing.start()
            case TimeDue():
                self.clock.ask()
            case SnapshotDue():
                self.snapshots.due(message)
            case ArchiveDue():
                self.archive.due(message)
            case HeartbeatDue():
                self.heartbeats.due()
            case PollDue():
                self._polling.due()
            case DeadManDue():
                self.dead_man.due()
            case _:
                assert_never(message)

    def _on_link(self, changed: LinkChanged) -> None:
        if changed.state is LinkState.LIVE:
            self.snapshots.hurry(changed.instruments)
        elif changed.state is LinkState.DOWN and changed.instruments:
            self._polling.begin()

    def ask(self) -> None:
        """For the venue's time and instruments."""
        self.clock.ask()
        self.listing.start()

    def end(self, reason: str) -> None:
        """Close every link, and ask nothing more but what orders that are open need."""
        if not self.stopping:
            self.stopping = True
            self.dead_man.stop()
            self.listing.stop()
            self.archive.stop()
            self.calls.stop(reason)
            self.links.stop(reason)
