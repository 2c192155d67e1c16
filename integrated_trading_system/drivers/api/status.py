"""What the HTTP interface shows, as whoever knows it hands it over. Read between two turns of the core."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.market import Quote, Trade
from integrated_trading_system.domain.time import Nanos


class RaisedAlarm(Struct, frozen=True, kw_only=True):
    """A figure of a venue beyond its limit, milliseconds."""

    venue: VenueId
    kind: str
    figure: float
    """When it was raised."""
    limit: float


class Health(Struct, frozen=True, kw_only=True):
    """The answer to "is it well?"."""

    state: str
    """Of the process: ``starting``, ``running``, ``stopping``."""
    mode: str
    version: str
    uptime_seconds: float
    trading: TradingState
    """HALTED makes the answer 503."""
    reason: str = ""
    """Why trading is in that state."""
    circuits_open: Mapping[InstrumentId, str] = {}
    """Instruments on which nothing is decided now, and why."""
    venues_blocked: Mapping[VenueId, str] = {}
    """Venues that refuse us for good, and why."""
    alarms: Sequence[RaisedAlarm] = ()
    """Raised now."""
    sources: Mapping[str, InstrumentId | None] = {}
    """What each failover group follows; None: nothing can be believed."""


class Latest(Struct, frozen=True, kw_only=True):
    """The newest that is known of one instrument."""

    venue: VenueId
    instrument: InstrumentId
    trade: Trade | None
    quote: Quote | None
    state: str = ""
    """Of the book: only ``valid`` means that the quote is believed now."""
    polled: bool = False
    """The quote was fetched by REST because the stream is down: to be shown, not to be decided on."""


class RefusedMessage(Struct, frozen=True, kw_only=True):
    """A message that was not believed."""

    venue: VenueId
    instrument: str
    """Empty where it was not known yet when the message was refused."""
    reason: str
    detail: str
    at: Nanos
    size: int
    """Bytes."""
    text: str | None
    """Its beginning; None where it is no text."""
    hex: str | None
    """Its beginning where it is no text."""


class Queue(Struct, frozen=True, kw_only=True):
    """One mailbox or outbox. Counters since the start: told = delivered + conflated + dropped + waiting."""

    name: str
    waiting: int
    capacity: int
    delivered: int
    conflated: int
    dropped: int
    high_water: int


class InstrumentMetrics(Struct, frozen=True, kw_only=True):
    """Counters of one instrument on one venue."""

    venue: VenueId
    symbol: str
    events: Mapping[str, int]
    """By type: ``quote``, ``trade``, ``depth`` …"""
    outcomes: Mapping[tuple[str, str], int] = {}
    """By type, and what became of them: ``delivered``, ``conflated``, ``dropped``, ``quarantined``."""
    gaps: int = 0
    latency_ms: float | None = None
    """From the venue's stamp to our receipt, corrected by the clocks' estimated offset; None while unknown."""
    book_valid: bool | None = None
    """None where no book is kept."""


class Family(Struct, frozen=True, kw_only=True):
    """Any other figure, in Prometheus' terms. Names of counters go without ``_total``."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    labels: tuple[str, ...] = ()
    samples: tuple[tuple[tuple[str, ...], float], ...] = ()
    """Values of the labels, and the figure."""


class Metrics(Struct, frozen=True, kw_only=True):
    """Everything that is counted."""

    uptime_seconds: float
    trading: TradingState
    instruments: Sequence[InstrumentMetrics] = ()
    queues: Sequence[Queue] = ()
    restarts: Mapping[str, int] = {}
    """By actor."""
    links_live: Mapping[tuple[VenueId, str], bool] = {}
    """By venue and name of the link."""
    quarantined: Mapping[tuple[VenueId, str], int] = {}
    """By venue and reason."""
    clock_offset_ms: Mapping[VenueId, float] = {}
    opportunities: int = 0
    plans_denied: Mapping[str, int] = {}
    """By denial code."""
    orders: Mapping[str, int] = {}
    """By status reached."""
    fills: int = 0
    more: Sequence[Family] = ()


class StatusSource(Protocol):
    """Who knows. Called on the loop's thread; must not wait."""

    def health(self) -> Health: ...

    def metrics(self) -> Metrics: ...

    def latest(self, symbol: str) -> Sequence[Latest]:
        """Every instrument with this symbol in its venue's spelling, or with this instrument id; empty if none."""

    def bus_stats(self) -> Sequence[Queue]: ...

    def quarantine(self, limit: int) -> Sequence[RefusedMessage]:
        """The newest messages that were not believed, at most so many; the newest first."""
