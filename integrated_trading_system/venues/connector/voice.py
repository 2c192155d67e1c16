"""What a connector says of itself: to the feed and to everyone, and what it counts of it."""

from collections.abc import Callable
from typing import Final, TypeAlias

from integrated_trading_system.domain.health import LinkChanged, LinkState, Quarantined, VenueBlocked
from integrated_trading_system.domain.ids import LinkId, VenueId
from integrated_trading_system.runtime.actor import Context, Ref

ToFeed: TypeAlias = LinkChanged | Quarantined

REASONS_MAX: Final = 64
"""Different words counted apart; what comes beyond is counted together."""


class Voice:
    """One connector's."""

    def __init__(
        self,
        context: Context,
        venue: VenueId,
        feed: Ref[ToFeed],
        link_changed: Callable[[LinkChanged], None],
        end: Callable[[str], None],
    ) -> None:
        """Nothing was said. `link_changed` hears first. `end`: the venue is not to be asked any more."""
        self._context = context
        self._venue = venue
        self._feed = feed
        self._link_changed = link_changed
        self._end = end
        self._blocked = False
        self.quarantined: dict[str, int] = {}
        """By reason."""

    def announce(self, changed: LinkChanged) -> None:
        """A link went to another state of its life, or carries something else."""
        self._link_changed(changed)
        self._feed.tell(changed)
        self._context.publish(changed)

    def quarantine(self, event: Quarantined) -> None:
        """Something could not be believed."""
        count(self.quarantined, event.reason)
        self._feed.tell(event)
        self._context.publish(event)

    def listing_failed(self, reason: str) -> None:
        """Operators see it beside the states of the links, under the name ``instruments``."""
        venue, now = self._venue, self._context.now
        link = LinkId(f"{venue}#instruments")
        self._context.publish(LinkChanged(venue, link, "instruments", LinkState.DOWN, reason, now))

    def blocked(self, reason: str) -> None:
        """The venue refuses us for good: said once, and it is never asked again."""
        if not self._blocked:
            self._blocked = True
            self._end(f"blocked: {reason}")
            self._context.publish(VenueBlocked(self._venue, reason, self._context.now))


def count(counter: dict[str, int], reason: str) -> None:
    """One more of this reason; reasons beyond the limit are counted together."""
    key = reason if reason in counter or len(counter) < REASONS_MAX else "other"
    counter[key] = counter.get(key, 0) + 1
