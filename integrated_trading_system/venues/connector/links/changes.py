"""What connections that are LIVE are asked to add and drop, and which of it the venue has not answered yet.

So few streams go into one change that a refusal strikes few: those are asked for again, instrument by
instrument, until the one that is refused stands alone.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from integrated_trading_system.domain.ids import InstrumentId, LinkId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.venues.venue import Acknowledged, ControlFrame, Session

STREAMS_PER_CHANGE: Final = 10
"""The smallest batch that a venue takes in one frame (Bybit spot)."""


class Changes:
    """The changes of one venue's connections."""

    def __init__(self, session: Session, instruments: Mapping[InstrumentId, Instrument]) -> None:
        """None was made. `instruments`: everything that is, or was, wanted."""
        self._session = session
        self._instruments = instruments
        self._count = 0
        self._unanswered: dict[tuple[LinkId, str], tuple[Stream, ...]] = {}

    def frames(self, link: LinkId, before: Sequence[Stream], after: Sequence[Stream]) -> list[ControlFrame]:
        """What to send on a connection that carries `before` and is to carry `after`: first what makes room."""
        carried = dict.fromkeys(before)
        wanted = dict.fromkeys(after)
        dropped = [stream for stream in carried if stream not in wanted]
        added = [stream for stream in wanted if stream not in carried]
        found: list[ControlFrame] = []
        for start in range(0, len(dropped), STREAMS_PER_CHANGE):
            some = dropped[start : start + STREAMS_PER_CHANGE]
            for stream in some:
                del carried[stream]
            found += self._change(link, (), some, tuple(carried))
        for start in range(0, len(added), STREAMS_PER_CHANGE):
            some = added[start : start + STREAMS_PER_CHANGE]
            found += self._change(link, some, (), tuple(carried))
            carried.update(dict.fromkeys(some))
        return found

    def one_by_one(
        self, link: LinkId, carried: Sequence[Stream], refused: Sequence[Stream]
    ) -> list[ControlFrame] | None:
        """The refused change once more, in as many as there are instruments; None where there is but one."""
        instruments = dict.fromkeys(stream.instrument for stream in refused)
        if len(instruments) <= 1:
            return None
        found: list[ControlFrame] = []
        for instrument in instruments:
            some = [stream for stream in refused if stream.instrument == instrument]
            found += self.frames(link, [stream for stream in carried if stream not in some], carried)
        return found

    def answered(self, link: LinkId, answer: Acknowledged) -> tuple[Stream, ...] | None:
        """The streams of the change that was answered, those that were to be added; None for what was no change."""
        return self._unanswered.pop((link, answer.request), None)

    def forget(self, link: LinkId) -> None:
        """The connection is gone."""
        for key in [key for key in self._unanswered if key[0] == link]:
            del self._unanswered[key]

    def _change(
        self, link: LinkId, added: Sequence[Stream], dropped: Sequence[Stream], kept: Sequence[Stream]
    ) -> tuple[ControlFrame, ...]:
        self._count += 1
        frames = self._session.change(self._count, added, dropped, self._instruments, kept)
        for frame in frames:
            if frame.request:
                self._unanswered[link, frame.request] = tuple(added)
        return frames
