"""Public REST: what is listed, the venue's clock, and a book's snapshot."""

from typing import Final
from urllib.parse import quote

from msgspec import Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import MICROSECOND, Nanos, from_millis
from integrated_trading_system.venues.backpack import symbols
from integrated_trading_system.venues.backpack.endpoints import REQUESTS, Rules
from integrated_trading_system.venues.backpack.wire import Levels, Micros, Sequence, read
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

SNAPSHOT_LEVELS: Final = 1000
"""Of each side, the most there may be."""


class Snapshot(Struct, rename="camel"):
    """``/depth``; the update id is a text. Nothing is promised about the order of the levels."""

    last_update_id: Sequence
    asks: Levels
    bids: Levels
    timestamp: Micros = 0


_TIME: Final = Decoder(Micros)
_SNAPSHOT: Final = Decoder(Snapshot, strict=False)
_MARKETS: Final = Decoder(list[Raw])


class BackpackMarket:
    """The public endpoints of one flavour."""

    def __init__(self, venue: VenueId, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme and host."""
        self._venue = venue
        self._base = f"{rest_url}/api/v1"
        self._rules = rules

    def instruments(self) -> tuple[WeightedRequest, ...]:
        return (self._get("markets", ""),)

    def decode_instruments(self, reply: HttpReply) -> tuple[tuple[Instrument, ...], WeightedRequest | None]:
        entries = read(reply, _MARKETS)
        try:
            return symbols.instruments(self._venue, self._rules, entries), None
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error

    def time(self) -> WeightedRequest | None:
        return self._get("time", "")

    def decode_time(self, reply: HttpReply) -> Nanos:
        """A bare number of milliseconds."""
        return from_millis(read(reply, _TIME))

    def snapshot(self, instrument: Instrument) -> WeightedRequest | None:
        return self._get("depth", f"symbol={quote(instrument.symbol)}&limit={SNAPSHOT_LEVELS}")

    def decode_snapshot(self, instrument: Instrument, reply: HttpReply) -> BookSnapshot:
        """The next event of the stream covers the update after the snapshot's last."""
        raw = read(reply, _SNAPSHOT)
        return BookSnapshot(
            instrument=instrument.instrument,
            bids=sorted(raw.bids, reverse=True),
            asks=sorted(raw.asks),
            last_sequence=raw.last_update_id,
            resume_from=raw.last_update_id + 1,
            order=raw.last_update_id,
            venue_time=Nanos(raw.timestamp * MICROSECOND),
            received_at=reply.received_at,
        )

    def _get(self, endpoint: str, query: str) -> WeightedRequest:
        request = HttpRequest(method="GET", url=f"{self._base}/{endpoint}", query=query)
        return WeightedRequest(request, ((REQUESTS, 1),))
