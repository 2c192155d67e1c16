"""Public REST: what is listed, the venue's clock, and books whose number the stream continues."""

from typing import Final
from urllib.parse import quote

from msgspec import Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.okx import symbols, wire
from integrated_trading_system.venues.okx.endpoints import BOOK_LEVELS, BOOKS, INSTRUMENTS, TIME, Rules
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest


class ServerTime(Struct):
    """``public/time``."""

    ts: wire.Millis


_TIME: Final = Decoder(ServerTime, strict=False)
_BOOK: Final = Decoder(wire.BookData, strict=False)


class OkxMarket:
    """The public endpoints of one flavour."""

    def __init__(self, venue: VenueId, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme and host."""
        self._venue = venue
        self._base = f"{rest_url}/api/v5"
        self._rules = rules

    def instruments(self) -> tuple[WeightedRequest, ...]:
        return (self._get("public/instruments", f"instType={self._rules.product}", INSTRUMENTS),)

    def decode_instruments(self, reply: HttpReply) -> tuple[tuple[Instrument, ...], WeightedRequest | None]:
        """All of them are in one reply."""
        try:
            return symbols.instruments(self._venue, self._rules, wire.read(reply)), None
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error

    def time(self) -> WeightedRequest | None:
        return self._get("public/time", "", TIME)

    def decode_time(self, reply: HttpReply) -> Nanos:
        return from_millis(wire.only(reply, _TIME).ts)

    def snapshot(self, instrument: Instrument) -> WeightedRequest | None:
        return self._get("market/books", f"instId={quote(instrument.symbol)}&sz={BOOK_LEVELS}", BOOKS)

    def decode_snapshot(self, instrument: Instrument, reply: HttpReply) -> BookSnapshot:
        """A book without a number cannot be continued.

        "The first change that is kept satisfies prevSeqId <= snapshot's seqId < seqId".
        """
        data = wire.only(reply, _BOOK)
        if data.seq_id is None:
            raise MalformedReply("a book without seqId")
        return BookSnapshot(
            instrument=instrument.instrument,
            bids=[row[:2] for row in data.bids],
            asks=[row[:2] for row in data.asks],
            last_sequence=data.seq_id,
            resume_from=data.seq_id + 1,
            order=data.ts,
            venue_time=from_millis(data.ts),
            received_at=reply.received_at,
            window=BOOK_LEVELS,
        )

    def _get(self, endpoint: str, query: str, limit: str) -> WeightedRequest:
        request = HttpRequest(method="GET", url=f"{self._base}/{endpoint}", query=query)
        return WeightedRequest(request, ((limit, 1),))
