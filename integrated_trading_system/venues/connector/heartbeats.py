"""A sign of life of one venue every few seconds: its own, or a synthetic one where it is silent.

Whoever listens need not guess whether a silent venue is slow, gone, or only spoken for.
"""

from collections.abc import Callable

from msgspec import Struct

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.health import Heartbeat
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.runtime.actor import Context
from integrated_trading_system.venues.venue import Venue


def is_dry(venue: Venue, settings: VenueSettings) -> bool:
    """Whether nothing is to be connected: by order, or because the venue shows nothing without a key."""
    return settings.dry_run or (venue.data_account is not None and settings.api_key is None)


class HeartbeatDue(Struct, frozen=True):
    """Timer: tell whether the venue lives."""


class Heartbeats:
    """Publishes one heartbeat of the venue each interval, from `start` to `stop`."""

    def __init__(self, context: Context, venue: VenueId, every: Nanos, heard: Callable[[], int]) -> None:
        """`heard` counts what has come from the venue so far."""
        self._context = context
        self._venue = venue
        self._every = every
        self._heard = heard
        self._heard_before = 0
        self._stopped = False

    def start(self) -> None:
        """The first comes after one interval."""
        self._context.after(self._every, HeartbeatDue())

    def due(self) -> None:
        """An interval is over: synthetic, if nothing was heard in it."""
        if self._stopped:
            return
        heard = self._heard()
        synthetic = heard == self._heard_before
        self._heard_before = heard
        self._context.publish(Heartbeat(self._venue, synthetic, self._context.now))
        self.start()

    def stop(self) -> None:
        """No more."""
        self._stopped = True
