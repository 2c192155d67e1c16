"""Prices by REST while no stream brings them: to be shown, never to be decided on.

One request at a time, the instrument first that waited longest, and only while half of the data's share
of the rate limits is left: the rest is for the books that are proven anew when the stream is back.
"""

from typing import Final

from msgspec import Struct

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot, PolledQuote, Quote
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.runtime.actor import Context, Ref
from integrated_trading_system.venues.connector.backoff import Backoff
from integrated_trading_system.venues.connector.calls import Calls
from integrated_trading_system.venues.connector.links.links import Links
from integrated_trading_system.venues.venue import Venue

ROOM_KEPT: Final = 0.5
"""Of the data's share."""
NO_SEQUENCE: Final = -1


class PollDue(Struct, frozen=True):
    """Timer: ask for the next price."""


class Polling:
    """The prices of one venue's instruments whose links are down."""

    def __init__(
        self,
        context: Context,
        venue: Venue,
        calls: Calls,
        links: Links,
        feed: Ref[PolledQuote],
        instruments: dict[InstrumentId, Instrument],
        settings: VenueSettings,
        backoff: Backoff,
    ) -> None:
        """Nothing is asked. Requests that fail are `backoff` apart."""
        self._context = context
        self._venue = venue
        self._calls = calls
        self._links = links
        self._feed = feed
        self._instruments = instruments
        self._after = Nanos(int(settings.poll_after_s * SECOND))
        self._every = Nanos(int(settings.poll_every_s * SECOND))
        self._backoff = backoff
        self._running = False
        self._asked = False
        self._free_at = Nanos(0)
        self._asked_at: dict[InstrumentId, Nanos] = {}

    def begin(self) -> None:
        """A link has gone down."""
        if not self._running:
            self._running = True
            self._context.after(self._after, PollDue())

    def due(self) -> None:
        """Ask for one instrument's price, if any is without; go on until every line is LIVE again."""
        now = self._context.now
        lines = list(self._links.down())
        if not lines:
            self._running = False
            self._asked_at.clear()
            self._backoff.reset()
            return
        self._context.after(self._every, PollDue())
        if self._asked or now < self._free_at:
            return
        cut_off = [name for line in lines if now - line.down_since >= self._after for name in line.plan.instruments]
        waiting = [name for name in cut_off if name in self._instruments and self._links.carrier(name) is None]
        if waiting:
            self._ask(self._instruments[min(waiting, key=lambda name: self._asked_at.get(name, 0))])

    def _ask(self, instrument: Instrument) -> None:
        request = self._venue.market.snapshot(instrument)
        if request is None or self._calls.room(request) < ROOM_KEPT:
            return
        self._asked = True
        self._asked_at[instrument.instrument] = self._context.now

        def decode(reply: HttpReply) -> BookSnapshot:
            return self._venue.market.decode_snapshot(instrument, reply)

        def answered(snapshot: BookSnapshot, _: object) -> None:
            self._asked = False
            self._backoff.reset()
            quote = top_of(snapshot)
            if quote is not None and self._links.carrier(instrument.instrument) is None:
                self._feed.tell(PolledQuote(instrument.instrument, quote))

        def failed(_: str) -> None:
            self._asked = False
            self._free_at = Nanos(self._context.now + self._backoff.delay())

        self._calls.fetch("fallback", request, decode, answered, failed)


def top_of(snapshot: BookSnapshot) -> Quote | None:
    """Its best prices; None where it has not both, or they are no market. Without venue time and sequence."""
    if not snapshot.bids or not snapshot.asks:
        return None
    (bid, bid_size), (ask, ask_size) = snapshot.bids[0], snapshot.asks[0]
    if not 0.0 < bid < ask:
        return None
    instrument, received_at = snapshot.instrument, snapshot.received_at
    return Quote(instrument, bid, bid_size, ask, ask_size, NO_SEQUENCE, Nanos(0), received_at)
