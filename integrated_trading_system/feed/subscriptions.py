"""Who wants which streams: counted by consumer, so that the last one to leave stops a stream and nobody else does.

The configuration is a consumer like every other, named `CONFIGURATION`.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.health import ActorFailed, VenueBlocked
from integrated_trading_system.domain.ids import ActorName, InstrumentId, VenueId, venue_of
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream, StreamsRefused, StreamsWanted, Subscribe, Unsubscribe
from integrated_trading_system.runtime.actor import Actor, Ref

CONFIGURATION: Final = "config"

Inbox: TypeAlias = Subscribe | Unsubscribe | StreamsRefused | InstrumentsListed | VenueBlocked | ActorFailed


class SubscriptionsView(Struct, frozen=True):
    """Who wants what."""

    consumers: dict[str, tuple[Stream, ...]]
    wanted: dict[Stream, int]
    """By how many consumers."""


class Configured(Struct, frozen=True):
    """What the configuration says of one venue."""

    symbols: tuple[InstrumentId, ...]
    """Empty: everything the venue lists."""
    data_types: tuple[DataType, ...]
    fallback_of: tuple[VenueId, ...] = ()
    """Nothing is wanted of it before one of these refuses us for good."""
    on_demand: bool = False
    """Nothing is wanted of it before somebody asks."""

    def streams(self, listed: tuple[InstrumentId, ...] = ()) -> tuple[Stream, ...]:
        """All of them, where `listed` is everything there is."""
        if self.on_demand:
            return ()
        return tuple(Stream(name, kind) for name in self.symbols or listed for kind in self.data_types)


class Interest:
    """What is wanted, by stream and consumer. Lives outside the actor: a restart forgets nobody."""

    def __init__(self, configured: Mapping[VenueId, Configured]) -> None:
        """What is configured, but of venues that only stand in for others."""
        self.consumers: dict[VenueId, dict[Stream, dict[str, None]]] = {}
        self.streams: dict[InstrumentId, tuple[DataType, ...]] = {}
        """The same by instrument, for readers; always this one object."""
        self.listed: dict[VenueId, None] = {}
        """Venues of which it is known what "everything" is."""
        self.woken: dict[VenueId, VenueBlocked] = {}
        """Venues that stand in for another one, and why."""
        self.told: dict[VenueId, None] = {}
        """Venues whose connector was told more than the configuration says."""
        for of in configured.values():
            if not of.fallback_of:
                self.add(CONFIGURATION, of.streams())

    def add(self, consumer: str, streams: Iterable[Stream]) -> bool:
        """Whether something is wanted that was not."""
        new = False
        for stream in streams:
            consumers = self._of(stream).setdefault(stream, {})
            if not consumers:
                new = True
                self.streams[stream.instrument] = (*self.streams.get(stream.instrument, ()), stream.data_type)
            consumers[consumer] = None
        return new

    def remove(self, streams: Iterable[Stream], consumer: str | None = None) -> bool:
        """Whether something is wanted no more. Without a consumer: by nobody."""
        gone = False
        for stream in streams:
            consumers = self._of(stream).get(stream)
            if consumers is None or (consumer is not None and consumer not in consumers):
                continue
            if consumer is not None:
                del consumers[consumer]
            if consumer is None or not consumers:
                gone = True
                self._forget(stream)
        return gone

    def wanted(self, venue: VenueId) -> tuple[Stream, ...]:
        """The whole set, oldest wish first."""
        return tuple(self.consumers.get(venue, ()))

    def _of(self, stream: Stream) -> dict[Stream, dict[str, None]]:
        return self.consumers.setdefault(venue_of(stream.instrument), {})

    def _forget(self, stream: Stream) -> None:
        del self._of(stream)[stream]
        kinds = tuple(kind for kind in self.streams[stream.instrument] if kind is not stream.data_type)
        if kinds:
            self.streams[stream.instrument] = kinds
        else:
            del self.streams[stream.instrument]


class Subscriptions(Actor[Inbox]):
    """Tells each connector the whole set that is wanted of its venue, when it changes; the connector tells the feed."""

    def __init__(
        self,
        interest: Interest,
        configured: Mapping[VenueId, Configured],
        connectors: Mapping[VenueId, Ref[StreamsWanted | VenueBlocked]],
        names: Mapping[ActorName, VenueId],
    ) -> None:
        """`names`: the connectors' own. They know by themselves what is configured for them."""
        self._interest = interest
        self._configured = configured
        self._connectors = connectors
        self._names = names

    def start(self) -> None:
        """The life before may have failed between a wish and telling it."""
        if self.context.incarnation:
            for venue in self._connectors:
                self._tell(venue)

    def receive(self, message: Inbox) -> None:
        """One wish, or one fact that matters to wishes."""
        match message:
            case Subscribe(consumer, streams):
                for venue, some in self._by_venue(streams).items():
                    if self._interest.add(consumer, some):
                        self._tell(venue)
            case Unsubscribe(consumer, streams):
                for venue, some in self._by_venue(streams).items():
                    if self._interest.remove(some, consumer):
                        self._tell(venue)
            case StreamsRefused():
                self._interest.remove(message.streams)
            case InstrumentsListed(venue, instruments):
                self._on_listed(venue, tuple(instrument.instrument for instrument in instruments))
            case VenueBlocked():
                self._on_blocked(message)
            case ActorFailed():
                self._on_failed(message)

    def view(self) -> SubscriptionsView:
        """Who wants what now."""
        consumers: dict[str, list[Stream]] = {}
        wanted: dict[Stream, int] = {}
        for streams in self._interest.consumers.values():
            for stream, names in streams.items():
                wanted[stream] = len(names)
                for name in names:
                    consumers.setdefault(name, []).append(stream)
        return SubscriptionsView({name: tuple(streams) for name, streams in consumers.items()}, wanted)

    def _by_venue(self, streams: Iterable[Stream]) -> dict[VenueId, list[Stream]]:
        """Those of venues that there are; of the others it is told that they cannot be had."""
        found: dict[VenueId, list[Stream]] = {}
        for stream in dict.fromkeys(streams):
            found.setdefault(venue_of(stream.instrument), []).append(stream)
        for venue in [venue for venue in found if venue not in self._connectors]:
            refused = StreamsRefused(venue, tuple(found.pop(venue)), "the venue is not configured", self.context.now)
            self.context.publish(refused)
        return found

    def _configure(self, venue: VenueId, listed: tuple[InstrumentId, ...] = ()) -> None:
        self._interest.add(CONFIGURATION, self._configured[venue].streams(listed))

    def _on_listed(self, venue: VenueId, listed: tuple[InstrumentId, ...]) -> None:
        """Where everything is wanted, now it is known what that is. What was wanted beyond can be asked for."""
        if self._unlisted(venue) and not self._dormant(venue):
            self._interest.listed[venue] = None
            before = self._interest.wanted(venue)
            self._configure(venue, listed)
            if before:
                self._tell(venue)

    def _on_blocked(self, blocked: VenueBlocked) -> None:
        """Whoever stands in for that venue begins."""
        for venue, of in self._configured.items():
            if blocked.venue in of.fallback_of and self._dormant(venue):
                self._interest.woken[venue] = blocked
                self._configure(venue)
                self._connectors[venue].tell(blocked)
                self._tell(venue)

    def _on_failed(self, failed: ActorFailed) -> None:
        """The next life of a connector knows only the configuration."""
        venue = self._names.get(failed.actor)
        if venue is None or not failed.restarted:
            return
        if venue in self._interest.woken:
            self._connectors[venue].tell(self._interest.woken[venue])
        if venue in self._interest.told:
            self._tell(venue)

    def _dormant(self, venue: VenueId) -> bool:
        return bool(self._configured[venue].fallback_of) and venue not in self._interest.woken

    def _unlisted(self, venue: VenueId) -> bool:
        of = self._configured[venue]
        return not (of.symbols or of.on_demand) and venue not in self._interest.listed

    def _tell(self, venue: VenueId) -> None:
        """Not yet where nothing may be opened, and where it is not known yet what "everything" is."""
        if not self._dormant(venue) and not self._unlisted(venue):
            self._interest.told[venue] = None
            self._connectors[venue].tell(StreamsWanted(venue, self._interest.wanted(venue)))
