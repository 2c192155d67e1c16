"""A connector's picture of itself, for readers outside."""

from msgspec import Struct

from integrated_trading_system.domain.health import LinkState
from integrated_trading_system.domain.ids import InstrumentId, LinkId, VenueId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.textbook import Checksums


class ConnectorView(Struct, frozen=True, kw_only=True):
    """A connector's counters since its (re)start, and the state of its links."""

    venue: VenueId
    listed: bool
    """The venue's instruments are known."""
    unknown_symbols: tuple[str, ...]
    """Configured, and not listed by the venue."""
    messages: int
    """Frames taken in."""
    events: int
    """What they held."""
    late_frames: int
    """Frames of links that are gone; dropped."""
    quarantined: dict[str, int]
    ignored: dict[str, int]
    reconnects: int
    rollovers: int
    resyncs: int
    """Links started anew because too much of what they said could not be believed."""
    requests: dict[str, int]
    """HTTP calls sent, by purpose."""
    late_replies: int
    blocked_until: Nanos
    """The venue wants no requests before; 0 or past: it takes them."""
    clock_offset: Nanos
    """Venue clock minus ours."""
    links: dict[LinkId, LinkState]
    checksums: dict[InstrumentId, Checksums]
    """Of the books whose venue sends any."""
