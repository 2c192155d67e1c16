"""How the feed tells: states and quotes to synchronizers, facts to everyone, requests to connectors."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import json

from integrated_trading_system.domain.audit import AuditWanted, BookDiverged
from integrated_trading_system.domain.evidence import Evidence
from integrated_trading_system.domain.health import BookState, BookStateChanged, Gap, Quarantined, SnapshotWanted
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.market import BookSnapshot, Quote, Trade
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.audit import Difference
from integrated_trading_system.feed.lane import Lane
from integrated_trading_system.feed.machine import BookMachine
from integrated_trading_system.feed.statistics import VenueCounts
from integrated_trading_system.feed.validation import Reason
from integrated_trading_system.runtime.actor import Actor, Ref

TEXT_BYTES_MAX: Final = 16_384
"""Of a message in quarantine: a whole book is cut."""
TRIES_AT_ONCE: Final = 3
"""Snapshots asked for without a pause; after them one per `retry_after`."""


class Outlet:
    """The feeder's voice."""

    def __init__(
        self,
        owner: Actor[Any],
        connectors: Mapping[VenueId, Ref[SnapshotWanted | AuditWanted]],
        venues: Mapping[VenueId, VenueCounts],
        retry_after: Nanos,
        evidence: Evidence,
    ) -> None:
        """Speaks as `owner`; a request for a snapshot is repeated after `retry_after`."""
        self._evidence = evidence
        self._owner = owner
        self._connectors = connectors
        self._venues = venues
        self._retry_after = retry_after

    def synchronize(self, lane: Lane, quote: Quote) -> None:
        """Tell the synchronizers a quote that everyone else knows already."""
        for ref in lane.active:
            ref.tell(quote)

    def change(self, lane: Lane, state: BookState, reason: str) -> None:
        """Put the lane into another state, and tell it. Nothing happens when it is in it already."""
        entry = lane.entry
        if entry.state is state:
            return
        entry.state = state
        lane.active = lane.synchronizers if state is BookState.VALID else ()
        changed = BookStateChanged(lane.instrument, state, reason, self._owner.context.now)
        for ref in lane.synchronizers:
            ref.tell(changed)
        self._owner.context.publish(changed)

    def doubt(self, lane: Lane, reason: str) -> None:
        """The best prices have become something that is not known."""
        lane.withdraw()
        if lane.entry.state is BookState.VALID:
            self.change(lane, BookState.SUSPECT, reason)

    def refuse(self, lane: Lane, reason: Reason, message: Quote | Trade | BookSnapshot) -> None:
        """Put a message into quarantine: the frame that brought it, or in our own words what no frame brought."""
        raw = self._evidence.of(message.received_at) or json.encode(message)
        now = self._owner.context.now
        quarantined = Quarantined(lane.venue, reason, lane.instrument, raw[:TEXT_BYTES_MAX], now)
        lane.refused += 1
        self._venues[lane.venue].refuse(quarantined)
        self._owner.context.publish(quarantined)

    def gap(self, lane: Lane, machine: BookMachine) -> None:
        """Tell that changes of a book are missing."""
        self._owner.context.publish(Gap(lane.instrument, *machine.last_gap, self._owner.context.now))

    def ask(self, lane: Lane, machine: BookMachine) -> None:
        """Have the connector fetch a snapshot, unless none is needed or one is on its way."""
        now = self._owner.context.now
        if machine.needs_snapshot and machine.may_ask(now, self._retry_after, TRIES_AT_ONCE):
            machine.ask(now)
            self._connectors[lane.venue].tell(SnapshotWanted(lane.instrument))

    def audit(self, lane: Lane) -> None:
        """Have the connector fetch a book for comparison."""
        self._connectors[lane.venue].tell(AuditWanted(lane.instrument))

    def diverged(self, lane: Lane, found: Difference, against: str) -> None:
        """Tell that a book is not the venue's."""
        now = self._owner.context.now
        self._owner.context.publish(BookDiverged(lane.instrument, found.compared, found.differing, now, against))

    def publish(self, message: object) -> None:
        """Tell everyone."""
        self._owner.context.publish(message)
