"""Proof that a book is right while it is believed: a fresh one is asked for now and then, and compared with ours."""

from msgspec import Struct

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import Nanos


class AuditWanted(Struct, frozen=True, tag=True):
    """From the feed to a connector: fetch this instrument's book by REST, for comparison only."""

    instrument: InstrumentId


class AuditSnapshot(Struct, frozen=True, tag=True):
    """What the venue answered. It proves nothing and replaces nothing: it is compared."""

    snapshot: BookSnapshot
    sent_at: Nanos
    """When it was asked for."""


class AuditFailed(Struct, frozen=True, tag=True):
    """There was no answer, or the venue offers none."""

    instrument: InstrumentId
    reason: str
    offered: bool
    """False: the venue has no book by REST; asking again is in vain."""


class BookDiverged(Struct, frozen=True, tag=True):
    """A book that was believed is not the venue's: it is SUSPECT until it is proven anew."""

    instrument: InstrumentId
    compared: int
    """Price levels."""
    differing: int
    at: Nanos
    against: str
    """What it was compared with: ``snapshot`` (asked for by an audit) or ``quotes`` (the stream of best prices)."""
