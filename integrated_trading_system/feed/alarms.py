"""What operators are told of clocks and latency: an alarm is raised when a figure passes its limit.

Looked at once a second, venue by venue. An alarm is lowered when its figure has been below the limit for
`CALM_LOOKS` looks in a row, so that a figure at its limit does not ring all the time.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from math import ceil, inf
from typing import Final, TypeAlias

from msgspec import Struct

from integrated_trading_system.config.reliability import AlarmSettings
from integrated_trading_system.domain.health import Alarm, AlarmKind
from integrated_trading_system.domain.ids import VenueId, venue_of
from integrated_trading_system.domain.market import DataType, Quote, Trade
from integrated_trading_system.domain.time import MILLISECOND, SECOND
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.runtime.actor import Actor

CALM_LOOKS: Final = 5
NEWEST: Final = 256
"""Messages of each instrument and kind that are looked at."""
LATENCIES: Final = {AlarmKind.LATENCY_P50: 0.50, AlarmKind.LATENCY_P99: 0.99}
LOOKED_AT: Final = (DataType.QUOTES, DataType.TRADES)
AGE_MAX: Final = 10 * SECOND
"""Older messages say nothing about now."""


class AlarmsDue(Struct, frozen=True):
    """Timer: look again."""


Inbox: TypeAlias = AlarmsDue


class Ages:
    """`received_at - venue_time` of the newest messages of one buffer.

    With the offset of the venue's clock that is their time on the way. Each message is read once.
    """

    __slots__ = ("_buffer", "_last", "_times", "ages")

    def __init__(self, buffer: deque[Quote | Trade]) -> None:
        """None yet."""
        self.ages: deque[int] = deque(maxlen=NEWEST)
        self._times: deque[int] = deque(maxlen=NEWEST)
        self._buffer = buffer
        self._last: Quote | Trade | None = None

    def follow(self, oldest: int) -> None:
        """Take in what is new; forget what was received before `oldest`."""
        last, ages, times = self._last, self.ages, self._times
        new = []
        for message in islice(reversed(self._buffer), NEWEST):
            if message is last:
                break
            new.append(message)
        if new:
            self._last = new[0]
            timed = [message for message in reversed(new) if message.venue_time]
            ages.extend([message.received_at - message.venue_time for message in timed])
            times.extend([message.received_at for message in timed])
        while times and times[0] < oldest:
            times.popleft()
            ages.popleft()


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
        latencies = (limit for kind, limit in self._limits.items() if kind in LATENCIES)
        self._latency_least = min(latencies, default=inf) * MILLISECOND
        self._followed: list[tuple[VenueId, Ages]] = []
        self._changes = -1
        """Of the buffers, when these were found."""
        self._raised: dict[tuple[VenueId, AlarmKind], int] = {}
        """What is raised, and for how many looks it has been well."""
        self._told = 0

    def start(self) -> None:
        """Look in a second."""
        self.context.after(SECOND, AlarmsDue())

    def receive(self, message: Inbox) -> None:
        """Look at every venue."""
        ages = self._ages()
        for venue in self._venues:
            figures = self._figures(venue, ages.get(venue, ()))
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

    def _figures(self, venue: VenueId, ages: Sequence[deque[int]]) -> dict[AlarmKind, float]:
        """Milliseconds; only what is known and may matter."""
        clock = self._clocks.of(venue)
        if not clock.known:
            return {}
        figures = {
            AlarmKind.CLOCK_OFFSET: abs(clock.offset) / MILLISECOND,
            AlarmKind.CLOCK_UNCERTAINTY: clock.uncertainty / MILLISECOND,
        }
        # As long as even the slowest message is within every limit, nothing is put in order.
        slowest = max(map(max, ages), default=-inf) + clock.offset
        if slowest > self._latency_least or (ages and any((venue, kind) in self._raised for kind in LATENCIES)):
            ordered = sorted(chain.from_iterable(ages))
            for kind, part in LATENCIES.items():
                figures[kind] = (rank(ordered, part) + clock.offset) / MILLISECOND
        return figures

    def _ages(self) -> dict[VenueId, list[deque[int]]]:
        """Those that there are, after what is new in the buffers was read."""
        oldest = self.context.now - AGE_MAX
        if self._changes != self._buffers.changes:
            self._changes = self._buffers.changes
            self._followed = [
                (venue_of(instrument), Ages(buffer))
                for (instrument, data_type), buffer in self._buffers.all().items()
                if data_type in LOOKED_AT
            ]
        found: dict[VenueId, list[deque[int]]] = {}
        for venue, ages in self._followed:
            ages.follow(oldest)
            if ages.ages:
                found.setdefault(venue, []).append(ages.ages)
        return found


def rank(ordered: list[int], part: float) -> int:
    """The nearest-rank percentile of what is sorted and not empty."""
    return ordered[ceil(len(ordered) * part) - 1]
