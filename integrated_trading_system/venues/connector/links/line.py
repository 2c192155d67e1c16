"""One plan over all its connections: at most one LIVE, and at most one on the way to be."""

from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.runtime.actor import Timer
from integrated_trading_system.venues.connector.backoff import Backoff
from integrated_trading_system.venues.connector.links.link import Link
from integrated_trading_system.venues.venue import LinkPlan

IDLE_DOUBLINGS_MAX: Final = 6
"""Where nothing is traded for long, its link is replaced ever more rarely: at last every 64 times the patience."""


class RetryDue(Struct, frozen=True):
    """Timer: connect this plan (again)."""

    plan: str


class Line:
    """One plan."""

    __slots__ = ("backoff", "coming", "connections", "down_since", "idled", "left", "live", "plan", "retry")

    def __init__(self, plan: LinkPlan, backoff: Backoff, now: Nanos) -> None:
        """Never connected."""
        self.plan = plan
        self.backoff = backoff
        self.connections = 0
        self.live: Link | None = None
        self.coming: Link | None = None
        self.retry: Timer | None = None
        """Of the RetryDue that is on its way."""
        self.left = False
        """It has nothing to carry (any more)."""
        self.down_since = now
        """When its last LIVE link was lost, or it was first wanted."""
        self.idled = 0
        """How often in a row it was replaced because it carried nothing."""

    def tired_of(self, link: Link, now: Nanos, quiet_max: Nanos, idle_max: Nanos) -> str:
        """Why its LIVE link should be replaced; empty where nothing is wrong, or a replacement is on its way."""
        if link.brought_something(now):
            self.idled = 0
        if link is not self.live or self.coming is not None or self.retry is not None:
            return ""
        if link.answers_pings and now - link.heard_at >= quiet_max:
            return "quiet"
        if self.plan.streams and now - link.brought_at >= idle_max << min(self.idled, IDLE_DOUBLINGS_MAX):
            self.idled += 1
            return "idle"
        return ""
