"""The venue's clock, asked for now and then: samples for the feed, and an offset for what we sign."""

from collections import deque
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.health import ClockSample
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.runtime.actor import Context, Ref
from integrated_trading_system.venues.connector.calls import Calls
from integrated_trading_system.venues.venue import Market

SAMPLES: Final = 8
"""The best of the last few decides: a fast answer says more about the offset than a new one, unless they contradict
each other. Then the clock was set, and with the old offset every signed request would be refused as mistimed."""
RETRY_AFTER: Final = Nanos(5 * SECOND)


class TimeDue(Struct, frozen=True):
    """Timer: ask for the venue's time."""


class VenueClock:
    """One question at a time, `every` nanoseconds after the answer to the one before."""

    def __init__(
        self, context: Context, venue: VenueId, market: Market, calls: Calls, every: Nanos, feed: Ref[ClockSample]
    ) -> None:
        """Nothing is known: the offset is 0."""
        self._context = context
        self._venue = venue
        self._market = market
        self._calls = calls
        self._every = every
        self._feed = feed
        self._samples: deque[ClockSample] = deque(maxlen=SAMPLES)

    def ask(self) -> None:
        """Ask now, where the venue can be asked."""
        request = self._market.time()
        if request is not None:
            self._calls.fetch("time", request, self._market.decode_time, self._answered, self._failed)

    def _answered(self, venue_time: Nanos, reply: HttpReply) -> None:
        sample = ClockSample(self._venue, venue_time, reply.sent_at, reply.received_at)
        self._feed.tell(sample)
        self._samples = deque(filter(sample.agrees_with, self._samples), SAMPLES)
        self._samples.append(sample)
        best = min(self._samples, key=lambda known: known.round_trip)
        self._calls.clock_offset = Nanos(best.venue_time - best.sent_at - best.round_trip // 2)
        self._context.after(self._every, TimeDue())

    def _failed(self, reason: str) -> None:
        self._context.after(min(self._every, RETRY_AFTER), TimeDue())
