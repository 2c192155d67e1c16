"""Facts about our own condition: gaps, silence, quarantine, book states, halts."""

from enum import StrEnum

from msgspec import Struct

from integrated_trading_system.domain.ids import ActorName, InstrumentId, LinkId, StrategyId, VenueId
from integrated_trading_system.domain.time import MILLISECOND, Nanos


class BookState(StrEnum):
    """Whether a book may be believed. Only VALID reaches strategies."""

    SYNCING = "syncing"
    """Waiting for a snapshot that the buffered changes continue."""
    VALID = "valid"
    SUSPECT = "suspect"
    """Something did not fit (a gap, a crossed book); being proven again."""
    STALE = "stale"
    """Its link is silent or down."""


class LinkState(StrEnum):
    """Where a connector's link is in its life."""

    DOWN = "down"
    RESOLVE = "resolve"
    CONNECT = "connect"
    LOGON = "logon"
    SUBSCRIBE = "subscribe"
    LIVE = "live"
    DRAIN = "drain"


class TradingState(StrEnum):
    """What may be sent. REDUCING lets only orders through that reduce risk; HALTED none; cancels always pass."""

    STARTING = "starting"
    """Recovering and reconciling; nothing is sent yet."""
    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


class LinkChanged(Struct, frozen=True, tag=True):
    """A link went from one state of its life to another."""

    venue: VenueId
    link: LinkId
    name: str
    state: LinkState
    reason: str
    at: Nanos
    instruments: tuple[InstrumentId, ...] = ()
    """Whose market data this link carries."""


class SnapshotWanted(Struct, frozen=True, tag=True):
    """From the feed to a connector: this book needs a fresh snapshot (or its stream subscribed anew)."""

    instrument: InstrumentId


class Gap(Struct, frozen=True, tag=True):
    """Messages of a stream are missing: its book is discarded until it is proven again."""

    instrument: InstrumentId
    expected: int
    received: int
    at: Nanos


class BookStateChanged(Struct, frozen=True, tag=True):
    """A book became believable, or ceased to be."""

    instrument: InstrumentId
    state: BookState
    reason: str
    at: Nanos


class FeedStale(Struct, frozen=True, tag=True):
    """Nothing has been heard of this instrument for longer than its age limit."""

    instrument: InstrumentId
    silent_for: Nanos
    at: Nanos


class Quarantined(Struct, frozen=True, tag=True):
    """A message that could not be believed. Its raw bytes are kept in a bounded ring."""

    venue: VenueId
    reason: str
    """A short fixed word, usable as a label: ``json``, ``price``, ``crossed`` …"""
    detail: str
    frame: bytes
    at: Nanos


class BookBroken(Struct, frozen=True, tag=True):
    """The venue's own proof of a book failed: what was known of it is wrong until it is proven anew."""

    instrument: InstrumentId
    reason: str
    """``checksum``."""
    expected: int
    """What the venue says."""
    received: int
    """What we have."""
    at: Nanos


class FeedUnreliable(Struct, frozen=True, tag=True):
    """The circuit of this instrument is open: nothing may be decided on its data until FeedReliable."""

    instrument: InstrumentId
    reason: str
    at: Nanos


class FeedReliable(Struct, frozen=True, tag=True):
    """The instrument's data has been good for long enough: the circuit is closed again."""

    instrument: InstrumentId
    at: Nanos


class VenueBlocked(Struct, frozen=True, tag=True):
    """The venue refuses us for good (HTTP 451, a certificate that is not its own): it is not asked again."""

    venue: VenueId
    reason: str
    at: Nanos


class Heartbeat(Struct, frozen=True, tag=True):
    """A venue's sign of life, every few seconds. `synthetic`: it was silent, and this only speaks for it."""

    venue: VenueId
    synthetic: bool
    at: Nanos


class AlarmKind(StrEnum):
    """What an alarm is about; all figures are milliseconds."""

    CLOCK_OFFSET = "clock-offset"
    """Between a venue's clock and ours, either way."""
    CLOCK_UNCERTAINTY = "clock-uncertainty"
    LATENCY_P50 = "latency-p50"
    LATENCY_P99 = "latency-p99"
    DEAD_MAN = "dead-man"
    """Since the venue last began the countdown anew after which it cancels our orders by itself."""


class Alarm(Struct, frozen=True, tag=True):
    """A figure of a venue has passed its limit (`raised`), or has been well below it for a while."""

    venue: VenueId
    kind: AlarmKind
    raised: bool
    figure: float
    limit: float
    at: Nanos


class ClockEstimated(Struct, frozen=True, tag=True):
    """How far the venue's clock is from ours: venue time = our time + offset, give or take the uncertainty."""

    venue: VenueId
    offset: Nanos
    uncertainty: Nanos
    at: Nanos


class ClockSample(Struct, frozen=True, tag=True):
    """The venue told its time in an answer that we asked for at `sent_at` and got at `received_at`."""

    venue: VenueId
    venue_time: Nanos
    sent_at: Nanos
    received_at: Nanos

    @property
    def round_trip(self) -> int:
        """Nanoseconds from the question to its answer."""
        return self.received_at - self.sent_at

    def agrees_with(self, other: "ClockSample") -> bool:
        """Whether one offset explains both: each was stamped between question and answer, to the millisecond or finer.

        Where none does, the venue's clock was set between them, and the older one says nothing any more.
        """
        most, others_most = self.venue_time - self.sent_at, other.venue_time - other.sent_at
        return (
            self.venue_time - self.received_at <= others_most + MILLISECOND
            and other.venue_time - other.received_at <= most + MILLISECOND
        )


class Reconciled(Struct, frozen=True, tag=True):
    """The OMS has compared its orders, fills and balances with every venue it trades on: trading may begin."""

    at: Nanos


class Halt(Struct, frozen=True, tag=True):
    """Stop trading. Only an operator's Resume lifts it."""

    reason: str
    by: str


class Reduce(Struct, frozen=True, tag=True):
    """From now on only plans that reduce risk. An operator's Resume lifts it; a Halt goes beyond it."""

    reason: str
    by: str


class Resume(Struct, frozen=True, tag=True):
    """An operator lifts the halt, the restriction to reducing, and every latch."""

    by: str


class Latched(Struct, frozen=True, tag=True):
    """A strategy repeated itself too often: only an operator's Resume lets it grow positions there again."""

    strategy: StrategyId
    instrument: InstrumentId
    reason: str
    at: Nanos


class Reduced(Struct, frozen=True, tag=True):
    """An operator allowed only what reduces risk: only a Resume lifts it, whatever becomes of the trading state."""

    reason: str
    at: Nanos


class Resumed(Struct, frozen=True, tag=True):
    """An operator lifted what there was: a halt, the restriction to reducing, every latch."""

    by: str
    at: Nanos


class TradingStateChanged(Struct, frozen=True, tag=True):
    """What may be sent has changed."""

    state: TradingState
    reason: str
    at: Nanos


class CallbackSuspended(Struct, frozen=True, tag=True):
    """A function of a user's has failed so often in a row that it is called no more. Told by a driver, to readers."""

    name: str
    failures: int
    """In a row."""
    error: str
    """The last one."""


class ActorFailed(Struct, frozen=True, tag=True):
    """An actor raised. `restarted` is False when the failure was passed on to its supervisor."""

    actor: ActorName
    error: str
    restarted: bool
    at: Nanos
