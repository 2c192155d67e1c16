"""The feeder's picture of itself, made when somebody asks for it."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.health import BookState, Quarantined
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.market import DataType, Level
from integrated_trading_system.domain.time import MILLISECOND
from integrated_trading_system.feed.audit import AuditRecord
from integrated_trading_system.feed.books import NOTHING
from integrated_trading_system.feed.clock import Clocks, VenueClock
from integrated_trading_system.feed.lane import Lane
from integrated_trading_system.feed.statistics import (
    Percentiles,
    StreamView,
    VenueCounts,
    latency_ms_average,
    latency_us,
)

LATENCIES: Final = 1_024
"""So many of each instrument's newest quotes, trades and changes: averages and percentiles are over these."""


class AuditView(Struct, frozen=True, kw_only=True):
    """What comparing a book with fresh ones of the venue has shown."""

    done: int = 0
    differing: int = 0
    """Those that found a difference."""
    disproven: int = 0
    """Times that the book was discarded for it: two audits in a row differed."""
    void: dict[str, int] = {}
    """Audits that said nothing, by reason."""
    failed: int = 0
    """Without an answer."""
    compared: int = 0
    """Price levels that the newest audit compared."""
    divergence: float = 0.0
    """The part of them that differed."""


class BookView(Struct, frozen=True, kw_only=True):
    """One book: its state, where it stands, and what happened to it. Without depth: what the quotes say."""

    state: BookState
    updates: int
    last_sequence: int | None
    best_bid: Level | None
    best_ask: Level | None
    levels: tuple[int, int]
    """Number of bids and of asks."""
    gaps: int = 0
    crossed: int = 0
    resyncs: int = 0
    stale_dropped: int = 0
    duplicates: int = 0
    compared: int = 0
    """How often the book and the quote stream told the best prices at the same sequence."""
    equal: int = 0
    """How often they told the same."""
    audits: AuditView = AuditView()


class InstrumentView(Struct, frozen=True, kw_only=True):
    """One instrument's streams."""

    state: BookState
    streams: dict[DataType, StreamView]
    messages: int
    errors: int
    """Quarantined messages, gaps and crossed books."""
    silences: int
    latency_ms_average: float


class VenueView(Struct, frozen=True, kw_only=True):
    """One venue's streams together."""

    messages: int
    """Events, and what the codec could not believe."""
    events: int
    closed: dict[DataType, StreamView]
    """Of streams that were unsubscribed; part of the sums, and of no instrument any more."""
    quarantined: int
    quarantined_by_reason: dict[str, int]
    gaps: int
    resyncs: int
    reconnects: int
    clock_offset_ms: float
    """Venue time minus our time."""
    clock_uncertainty_ms: float
    latency_us: Percentiles
    """From the corrected venue time to our receiving it, over the newest messages."""


class FeedView(Struct, frozen=True, kw_only=True):
    """Everything that the feed counts."""

    venues: dict[VenueId, VenueView]
    books: dict[InstrumentId, BookView]
    instruments: dict[InstrumentId, InstrumentView]
    quarantine: tuple[Quarantined, ...]
    """The newest, per venue."""
    wall_clock_drift_ms: float
    """How far the wall clock has moved against the run's own time since the first reading."""


def feed_view(
    lanes: Mapping[InstrumentId, Lane], venues: Mapping[VenueId, VenueCounts], clocks: Clocks, wall_drift: int
) -> FeedView:
    """The picture now."""
    return FeedView(
        venues={
            venue: venue_view([lane for lane in lanes.values() if lane.venue == venue], counts, clocks.of(venue))
            for venue, counts in venues.items()
        },
        books={instrument: book_view(lane) for instrument, lane in lanes.items() if lane.bookish},
        instruments={instrument: instrument_view(lane) for instrument, lane in lanes.items()},
        quarantine=tuple(message for counts in venues.values() for message in counts.quarantine),
        wall_clock_drift_ms=wall_drift / MILLISECOND,
    )


def venue_view(lanes: list[Lane], counts: VenueCounts, clock: VenueClock) -> VenueView:
    """Sums over the venue's lanes."""
    events = sum(view.received for lane in lanes for view in stream_views(lane).values())
    events += sum(view.received for view in counts.closed.values())
    machines = [machine for lane in lanes if (machine := lane.entry.machine) is not None]
    return VenueView(
        messages=events + counts.undecoded,
        events=events,
        closed=dict(counts.closed),
        quarantined=sum(counts.reasons.values()),
        quarantined_by_reason=dict(counts.reasons),
        gaps=counts.gaps + sum(machine.gaps for machine in machines),
        resyncs=counts.resyncs + sum(machine.resyncs for machine in machines),
        reconnects=counts.reconnects,
        clock_offset_ms=clock.offset / MILLISECOND,
        clock_uncertainty_ms=clock.uncertainty / MILLISECOND,
        latency_us=latency_us(
            (difference for lane in lanes for difference in lane.differences(LATENCIES)), clock.offset
        ),
    )


def book_view(lane: Lane) -> BookView:
    """From the book where there is one, or else from the quotes."""
    machine = lane.entry.machine
    if machine is None:
        top = lane.entry.top
        known = top is not NOTHING
        return BookView(
            state=lane.entry.state,
            updates=lane.quotes.delivered,
            last_sequence=top.sequence if known else None,
            best_bid=(top.bid, top.bid_size) if known else None,
            best_ask=(top.ask, top.ask_size) if known else None,
            levels=(int(known), int(known)),
        )
    return BookView(
        state=lane.entry.state,
        updates=machine.updates,
        last_sequence=machine.sequence if machine.proven else None,
        best_bid=machine.book.best_bid,
        best_ask=machine.book.best_ask,
        levels=machine.book.depth,
        gaps=machine.gaps,
        crossed=machine.crossed,
        resyncs=machine.resyncs,
        stale_dropped=machine.stale_dropped,
        duplicates=machine.duplicates,
        compared=lane.compared,
        equal=lane.equal,
        audits=audit_view(lane.audits),
    )


def audit_view(record: AuditRecord | None) -> AuditView:
    """From the instrument's record."""
    if record is None:
        return AuditView()
    return AuditView(
        done=record.done,
        differing=record.differing,
        disproven=record.disproven,
        void=dict(record.void),
        failed=record.failed,
        compared=record.last.compared,
        divergence=record.last.share,
    )


def instrument_view(lane: Lane) -> InstrumentView:
    """From one lane."""
    streams = stream_views(lane)
    machine = lane.entry.machine
    return InstrumentView(
        state=lane.entry.state,
        streams=streams,
        messages=sum(view.received for view in streams.values()),
        errors=lane.refused + (machine.gaps + machine.crossed if machine is not None else 0),
        silences=lane.silences,
        latency_ms_average=latency_ms_average(lane.differences(LATENCIES), lane.clock.offset),
    )


def stream_views(lane: Lane) -> dict[DataType, StreamView]:
    """What became of its messages."""
    views = {DataType.QUOTES: lane.quotes.view(), DataType.TRADES: lane.trades.view()}
    if (machine := lane.entry.machine) is not None:
        reasons = {
            "duplicate": machine.duplicates,
            "not needed": machine.snapshots_unneeded,
            "in the snapshot": machine.stale_dropped,
            "discarded": machine.discarded,
            **lane.depth.reasons,
        }
        views[DataType.DEPTH] = StreamView(
            delivered=machine.updates + machine.snapshots,
            conflated=machine.duplicates + machine.snapshots_unneeded,
            dropped=machine.stale_dropped + machine.discarded,
            quarantined=lane.depth.quarantined,
            waiting=machine.waiting,
            reasons={why: count for why, count in reasons.items() if count},
        )
    else:
        views[DataType.DEPTH] = lane.depth.view()
    views |= {kind: counts.view() for kind, counts in lane.others.items()}
    return {kind: view for kind, view in views.items() if view.received}
