"""How long the way between us and each venue is held up: clogs and slow directions, known in advance."""

from msgspec import Struct

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.inputs import Input
from integrated_trading_system.domain.link import FrameReceived, LinkClosed, LinkOpened
from integrated_trading_system.domain.time import Nanos


def arrived(message: Input, at: Nanos) -> Input:
    """The same, as it is received then."""
    match message:
        case FrameReceived(link, frame, _):
            return FrameReceived(link, frame, at)
        case LinkOpened(link, _, acknowledged):
            return LinkOpened(link, at, acknowledged)
        case LinkClosed(link, reason, _):
            return LinkClosed(link, reason, at)
        case _:
            return message


class Delay(Struct, frozen=True):
    """From `begin` until before `end`, each message in this direction takes so much longer."""

    begin: Nanos
    end: Nanos
    longer: Nanos
    """0: nothing passes before `end`."""


class Passage:
    """The ways to and from all venues."""

    def __init__(self) -> None:
        """All free."""
        self._delays: dict[tuple[VenueId, bool], list[Delay]] = {}

    def clog(self, venue: VenueId, begin: Nanos, lasts: Nanos) -> None:
        """Nothing passes in either direction for so long."""
        for inbound in (False, True):
            self._add(venue, begin, lasts, Nanos(0), inbound=inbound)

    def slow(self, venue: VenueId, begin: Nanos, lasts: Nanos, *, there: Nanos, back: Nanos) -> None:
        """What sets out in this time takes so much longer to the venue, and so much on the way back."""
        for inbound, longer in ((False, there), (True, back)):
            if longer:
                self._add(venue, begin, lasts, longer, inbound=inbound)

    def arrival(self, venue: VenueId, at: Nanos, *, inbound: bool) -> Nanos:
        """When what would arrive at `at` does."""
        delays = self._delays.get((venue, inbound), ())
        arrives = at + max((one.longer for one in delays if one.begin <= at < one.end), default=0)
        for one in delays:  # in the order of their beginning
            if not one.longer and one.begin <= arrives < one.end:
                arrives = one.end
        return Nanos(arrives)

    def _add(self, venue: VenueId, begin: Nanos, lasts: Nanos, longer: Nanos, *, inbound: bool) -> None:
        delays = self._delays.setdefault((venue, inbound), [])
        delays.append(Delay(begin, Nanos(begin + lasts), longer))
        delays.sort(key=lambda one: one.begin)
