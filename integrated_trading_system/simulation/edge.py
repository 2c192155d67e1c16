"""What venues do to us at their own door: too many requests, bans, maintenance, and a clock that steps.

Unlike what happens on the way, a venue does this on purpose and says so in its answers.
"""

from collections.abc import Mapping
from typing import Final

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialect import ServerReply
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.faults import Fault

LIMITS: Final = {Fault.TOO_MANY: 429, Fault.BANNED: 418}
"""By fault: the status of the answer."""


class Edge:
    """The doors of all venues."""

    def __init__(self) -> None:
        """All open."""
        self._limited: dict[VenueId, tuple[int, Nanos]] = {}
        self._closed: dict[VenueId, Nanos] = {}
        self.exchanges: Mapping[VenueId, Exchange] = {}
        """The engines behind them; without one a venue has neither maintenance nor a clock that steps."""

    def limit(self, venue: VenueId, status: int, until: Nanos) -> None:
        """Every request is answered like this until then. A ban is not softened by what comes after it."""
        known, end = self._limited.get(venue, (0, Nanos(0)))
        if known != LIMITS[Fault.BANNED] or end <= until:
            self._limited[venue] = (status, until)

    def refuses(self, venue: VenueId, now: Nanos) -> ServerReply | None:
        """What a request is answered that the venue does not want now, without the venue's words."""
        status, until = self._limited.get(venue, (0, Nanos(0)))
        if now >= until:
            return None
        seconds = -(-(until - now) // SECOND)
        return ServerReply(status=status, body=b"", headers=(("Retry-After", str(seconds)),))

    def close(self, venue: VenueId, until: Nanos) -> None:
        """It takes no orders until then; what rests there stays, and can be cancelled."""
        if venue in self.exchanges:
            self._closed[venue] = max(until, self._closed.get(venue, until))
            self.exchanges[venue].maintenance = True

    def reopen(self, now: Nanos, venue: VenueId) -> None:
        """Unless it was closed for longer meanwhile."""
        if venue in self.exchanges and now >= self._closed[venue]:
            self.exchanges[venue].maintenance = False

    def set_clock(self, now: Nanos, venue: VenueId, offset: Nanos) -> None:
        """The venue's clock shows so much more than the true time from `now` on."""
        if venue in self.exchanges:
            self.exchanges[venue].step_clock(offset, now)
