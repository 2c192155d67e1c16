"""What was told of the feed's condition, kept for those who show it: nobody decides on it."""

from typing import Final, TypeAlias, assert_never, get_args

from integrated_trading_system.domain.health import (
    Alarm,
    AlarmKind,
    BookBroken,
    Heartbeat,
    VenueBlocked,
)
from integrated_trading_system.domain.ids import Asset, InstrumentId, StrategyId, VenueId
from integrated_trading_system.domain.market import PolledQuote
from integrated_trading_system.domain.opportunity import RebalanceAdvised
from integrated_trading_system.domain.streams import StreamsRefused
from integrated_trading_system.runtime.bus import Bus

Fact: TypeAlias = Alarm | BookBroken | Heartbeat | PolledQuote | RebalanceAdvised | StreamsRefused | VenueBlocked
REFUSALS_KEPT: Final = 100


class Beats:
    """Heartbeats of one venue."""

    __slots__ = ("real", "silent", "synthetic")

    def __init__(self) -> None:
        """None yet."""
        self.real = 0
        self.synthetic = 0
        self.silent = False
        """The newest one was synthetic: nothing came from the venue in its interval."""


class Notes:
    """A ref on the bus. One platform's, from its start on."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self.beats: dict[VenueId, Beats] = {}
        self.blocked: dict[VenueId, str] = {}
        """Venues that refuse us for good, and why."""
        self.alarms: dict[tuple[VenueId, AlarmKind], Alarm] = {}
        """What is raised now."""
        self.alarms_raised: dict[tuple[VenueId, AlarmKind], int] = {}
        """How often each was."""
        self.broken: dict[InstrumentId, int] = {}
        """How often a book failed the venue's own proof (a checksum)."""
        self.polled: dict[InstrumentId, int] = {}
        """Prices that were fetched by REST."""
        self.refused: dict[VenueId, int] = {}
        """Streams that cannot be had."""
        self.refusals: dict[str, str] = {}
        """The newest of them, by name, and why."""
        self.advice: dict[tuple[StrategyId, Asset], RebalanceAdvised] = {}
        """What should be moved between venues: the newest of each strategy and asset."""

    def follow(self, bus: Bus) -> None:
        """Listen."""
        for kind in get_args(Fact):
            bus.subscribe(kind, self)

    def tell(self, message: Fact, /) -> None:
        """One fact more."""
        match message:
            case PolledQuote(instrument):
                self.polled[instrument] = self.polled.get(instrument, 0) + 1
            case Heartbeat(venue, synthetic):
                beats = self.beats.setdefault(venue, Beats())
                beats.silent = synthetic
                beats.synthetic += synthetic
                beats.real += not synthetic
            case Alarm():
                self._on_alarm(message)
            case BookBroken(instrument):
                self.broken[instrument] = self.broken.get(instrument, 0) + 1
            case StreamsRefused():
                self._on_refused(message)
            case RebalanceAdvised():
                self.advice[message.strategy, message.asset] = message
            case VenueBlocked(venue, reason):
                self.blocked[venue] = reason
            case _:
                assert_never(message)

    def _on_alarm(self, alarm: Alarm) -> None:
        key = alarm.venue, alarm.kind
        if alarm.raised:
            self.alarms[key] = alarm
            self.alarms_raised[key] = self.alarms_raised.get(key, 0) + 1
        else:
            self.alarms.pop(key, None)

    def _on_refused(self, refused: StreamsRefused) -> None:
        self.refused[refused.venue] = self.refused.get(refused.venue, 0) + len(refused.streams)
        for stream in refused.streams:
            self.refusals[f"{stream.instrument} {stream.data_type.value}"] = refused.reason
        while len(self.refusals) > REFUSALS_KEPT:
            del self.refusals[next(iter(self.refusals))]
