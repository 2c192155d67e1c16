"""Which stream goes over which connection: by door, as many as fit, an instrument's streams together."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.venues.venue import LinkPlan, Session

Load = dict[Stream, None]
"""Streams, in order."""


class _Line(Struct, eq=False):
    """What one connection carries."""

    door: str
    streams: Load


class Allocation:
    """The lines of one venue. A stream stays on its line for as long as it is wanted."""

    def __init__(self, session: Session) -> None:
        """There is no line yet."""
        self._session = session
        self._lines: dict[str, _Line] = {}
        self._line_of: dict[Stream, str] = {}
        self.not_offered: tuple[Stream, ...] = ()
        """Wanted last, and no stream of this venue."""

    def change(
        self, wanted: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> dict[str, LinkPlan | None]:
        """The new plan of every line that changes; None for one that has nothing left to carry, and is gone."""
        doors = {stream: self._session.door(stream, instruments[stream.instrument]) for stream in wanted}
        self.not_offered = tuple(stream for stream, door in doors.items() if door is None)
        changed: dict[str, None] = {}
        for stream in [stream for stream in self._line_of if doors.get(stream) is None]:
            name = self._line_of.pop(stream)
            del self._lines[name].streams[stream]
            changed[name] = None
        added: dict[tuple[str, InstrumentId], list[Stream]] = {}
        for stream, door in doors.items():
            if door is not None and stream not in self._line_of:
                added.setdefault((door, stream.instrument), []).append(stream)
        for (door, instrument), streams in added.items():
            changed.update(dict.fromkeys(self._place(door, instrument, streams)))
        return {name: self._plan(name, instruments) for name in changed}

    def _place(self, door: str, instrument: InstrumentId, streams: list[Stream]) -> list[str]:
        """Put them on lines, together where they fit; a group is only divided when it is longer than a whole line."""
        size, names = self._session.streams_per_link, []
        for start in range(0, len(streams), size):
            group = streams[start : start + size]
            name = self._with_room(door, instrument, len(group))
            self._lines[name].streams.update(dict.fromkeys(group))
            self._line_of.update(dict.fromkeys(group, name))
            names.append(name)
        return names

    def _with_room(self, door: str, instrument: InstrumentId, count: int) -> str:
        """A line for so many more streams: rather one that carries the instrument already; else any; else a new one."""
        room = self._session.streams_per_link - count
        free = [name for name, line in self._lines.items() if line.door == door and len(line.streams) <= room]
        for name in free:
            if len(free) == 1 or any(stream.instrument == instrument for stream in self._lines[name].streams):
                return name
        if free:
            return free[0]
        names = (link_name(door, index) for index in range(len(self._lines) + 1))
        name = next(name for name in names if name not in self._lines)
        self._lines[name] = _Line(door, {})
        return name

    def _plan(self, name: str, instruments: Mapping[InstrumentId, Instrument]) -> LinkPlan | None:
        line = self._lines[name]
        if not line.streams:
            del self._lines[name]
            return None
        return self._session.market_link(name, line.door, tuple(line.streams), instruments)


def allocate(
    session: Session, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
) -> tuple[LinkPlan, ...]:
    """Plans for all streams that the venue offers; the others are left out."""
    plans = Allocation(session).change(streams, instruments)
    return tuple(plan for plan in plans.values() if plan is not None)


def link_name(door: str, index: int) -> str:
    """Stable over reconnects: ``market-0``, ``public-1``."""
    return f"{door.strip('/').replace('/', '-') or 'market'}-{index}"
