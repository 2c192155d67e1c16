"""What operators are told of clocks and latency: an alarm is raised when a figure passes its limit.

Looked at once a second, venue by venue. An alarm is lowered when its figure has been below the limit for
`CALM_LOOKS` looks in a row, so that a figure at its limit does not ring all the time.
"""

from collections.abc import Iterable
from math import ceil
from typing import Final, TypeAlias

from msgspec import Struct

from integrated_trading_system.config.reliability import AlarmSettings
from integrated_trading_system.domain.health import Alarm, AlarmKind
from integrated_trading_system.domain.ids import InstrumentId, VenueId, venue_of
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.runtime.actor import Actor

CALM_LOOKS: Final = 5
NEWEST: Final = 256
"""Messages of each instrument and kind that are looked at."""
LOOKED_AT: Final = (DataType.QUOTES, DataType.TRADES)
AGE_MAX: Final = 10 * SECOND
"""Older messages say nothing about now."""


class AlarmsDue(Struct, frozen=True):
    """Timer: look again."""


Inbox: TypeAlias = AlarmsDue


class Alarms(Actor[Inbox]):
    """Looks, compares, tells changes."""

    def __init__(self, settings: AlarmSettings, venues: Iterable[VenueId], clocks: Clocks, buffers: Buffers) -> None:
        """Nothing is raised. `clocks` and `buffers` are the feed's own."""
        self._venues = tuple(venues)
        self._clocks = clocks
        self._buffers = buffers
        self._limits = {
            kind: limit
            for kind, limit in (
                (AlarmKind.CLOCK_OFFSET, settings.clock_offset_ms_max),
                (AlarmKind.CLOCK_UNCERTAINTY, settings.clock_uncertainty_ms_max),
                (AlarmKind.LATENCY_P50, settings.latency_ms_p50_max),
                (AlarmKind.LATENCY_P99, settings.latency_ms_p99_max),
            )
            if limit
        }
        self._raised: dict[tuple[VenueId, AlarmKind], int] = {}
        """What is raised, and for how many looks it has been well."""
        self._told = 0

    def start(self) -> None:
        """Look in a second."""
        self.context.after(SECOND, AlarmsDue())

    def receive(self, message: Inbox) -> None:
        """Look at every venue."""
        latencies = self._latencies(self.context.now)
        for venue in self._venues:
            figures = self._figures(venue, sorted(latencies.get(venue, ())))
            for kind, limit in self._limits.items():
                figure = figures.get(kind)
                if figure is not None:
                    self._compare(venue, kind, figure, limit)
        self.context.after(SECOND, AlarmsDue())

    def view(self) -> tuple[tuple[VenueId, AlarmKind], ...]:
        """What is raised now."""
        return tuple(self._raised)

    def _compare(self, venue: VenueId, kind: AlarmKind, figure: float, limit: float) -> None:
        key = venue, kind
        over = figure > limit
        if over and key not in self._raised:
            self._tell(venue, kind, figure, limit, raised=True)
        if over:
            self._raised[key] = 0
        elif key in self._raised:
            self._raised[key] += 1
            if self._raised[key] >= CALM_LOOKS:
                del self._raised[key]
                self._tell(venue, kind, figure, limit, raised=False)

    def _tell(self, venue: VenueId, kind: AlarmKind, figure: float, limit: float, *, raised: bool) -> None:
        self._told += 1
        self.context.publish(Alarm(venue, kind, raised, figure, limit, self.context.now))

    def _figures(self, venue: VenueId, latencies: list[int]) -> dict[AlarmKind, float]:
        """Milliseconds; only what is known."""
        clock = self._clocks.of(venue)
        if not clock.known:
            return {}
        figures = {
            AlarmKind.CLOCK_OFFSET: abs(clock.offset) / MILLISECOND,
            AlarmKind.CLOCK_UNCERTAINTY: clock.uncertainty / MILLISECOND,
        }
        if latencies:
            figures[AlarmKind.LATENCY_P50] = rank(latencies, 0.50) / MILLISECOND
            figures[AlarmKind.LATENCY_P99] = rank(latencies, 0.99) / MILLISECOND
        return figures

    def _latencies(self, now: Nanos) -> dict[VenueId, list[int]]:
        """Time on the way of the newest messages, by venue, in our clock."""
        found: dict[VenueId, list[int]] = {}
        for instrument, data_type in self._buffers.sizes():
            if data_type in LOOKED_AT:
                venue = venue_of(instrument)
                found.setdefault(venue, []).extend(self._on_the_way(instrument, data_type, venue, now))
        return found

    def _on_the_way(self, instrument: InstrumentId, data_type: DataType, venue: VenueId, now: Nanos) -> Iterable[int]:
        offset = self._clocks.of(venue).offset
        for message in self._buffers.latest(instrument, data_type, NEWEST):
            if message.venue_time and now - message.received_at <= AGE_MAX:
                yield message.received_at - message.venue_time + offset


def rank(ordered: list[int], part: float) -> int:
    """The nearest-rank percentile of what is sorted and not empty."""
    return ordered[ceil(len(ordered) * part) - 1]
