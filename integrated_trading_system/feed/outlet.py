"""How the feed tells: states and quotes to synchronizers, facts to everyone, requests to connectors."""

from collections.abc import Mapping
from typing import Final

from msgspec import json

from integrated_trading_system.domain.health import BookState, BookStateChanged, Quarantined, SnapshotWanted
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.market import Quote, Trade
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.lane import Lane
from integrated_trading_system.feed.machine import BookMachine
from integrated_trading_system.feed.statistics import VenueCounts
from integrated_trading_system.feed.validation import Reason
from integrated_trading_system.runtime.actor import Context, Ref

TRIES_AT_ONCE: Final = 3
"""Snapshots asked for without a pause; after them one per `retry_after`."""


class Outlet:
    """The feeder's voice."""

    def __init__(
        self,
        context: Context,
        connectors: Mapping[VenueId, Ref[SnapshotWanted]],
        venues: Mapping[VenueId, VenueCounts],
        retry_after: Nanos,
    ) -> None:
        """`retry_after`: a request for a snapshot is repeated after this long."""
        self._context = context
        self._connectors = connectors
        self._venues = venues
        self._retry_after = retry_after

    def quote(self, lane: Lane, quote: Quote) -> None:
        """Tell a believed top of book."""
        for ref in lane.active:
            ref.tell(quote)
        for listeners in lane.quote_listeners:
            for listener in listeners:
                listener.tell(quote)

    def change(self, lane: Lane, state: BookState, reason: str) -> None:
        """Put the lane into another state, and tell it. Nothing happens when it is in it already."""
        entry = lane.entry
        if entry.state is state:
            return
        entry.state = state
        lane.active = lane.synchronizers if state is BookState.VALID else ()
        self.state(lane, reason)

    def state(self, lane: Lane, reason: str) -> None:
        """Tell the lane's state."""
        changed = BookStateChanged(lane.instrument, lane.entry.state, reason, self._context.now)
        for ref in lane.synchronizers:
            ref.tell(changed)
        self._context.publish(changed)

    def doubt(self, lane: Lane, reason: str) -> None:
        """The best prices have become something that is not known."""
        lane.withdraw()
        if lane.entry.state is BookState.VALID:
            self.change(lane, BookState.SUSPECT, reason)

    def refuse(self, lane: Lane, reason: Reason, message: Quote | Trade) -> None:
        """Put a message into quarantine."""
        quarantined = Quarantined(lane.venue, reason, lane.instrument, json.encode(message), self._context.now)
        lane.refused += 1
        self._venues[lane.venue].refuse(quarantined)
        self._context.publish(quarantined)

    def ask(self, lane: Lane, machine: BookMachine) -> None:
        """Have the connector fetch a snapshot, unless none is needed or one is on its way."""
        now = self._context.now
        if machine.needs_snapshot and machine.may_ask(now, self._retry_after, TRIES_AT_ONCE):
            machine.ask(now)
            self._connectors[lane.venue].tell(SnapshotWanted(lane.instrument))

    def publish(self, message: object) -> None:
        """Tell everyone."""
        self._context.publish(message)
