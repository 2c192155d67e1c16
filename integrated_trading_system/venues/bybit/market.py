"""Public REST: what is listed, the venue's clock, and a book to compare with: the stream brings its own snapshot."""

from typing import Final
from urllib.parse import quote

from msgspec import Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.bybit import symbols
from integrated_trading_system.venues.bybit.endpoints import IP, Rules
from integrated_trading_system.venues.bybit.wire import Levels, Millis, Page, Sequence, read
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

SNAPSHOT_LEVELS: Final = 1000
"""Of each side, the most there may be."""
PAGE: Final = 1000
"""Instruments in one reply, the most there may be. Spot gives all of them whatever is asked."""


class ServerTime(Struct, rename="camel"):
    """``/v5/market/time``."""

    time_nano: Sequence


class Book(Struct):
    """``/v5/market/orderbook``."""

    s: str
    b: Levels
    a: Levels
    u: Sequence
    seq: Sequence
    ts: Millis
    cts: Millis = 0


_TIME: Final = Decoder(ServerTime, strict=False)
_BOOK: Final = Decoder(Book, strict=False)
_PAGE: Final = Decoder(Page)


class BybitMarket:
    """The public endpoints of one flavour."""

    def __init__(self, venue: VenueId, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme and host."""
        self._venue = venue
        self._base = f"{rest_url}/v5/market"
        self._rules = rules

    def instruments(self) -> tuple[WeightedRequest, ...]:
        return (self._page(""),)

    def decode_instruments(self, reply: HttpReply) -> tuple[tuple[Instrument, ...], WeightedRequest | None]:
        page = read(reply, _PAGE)
        try:
            found = symbols.instruments(self._venue, self._rules, page.list)
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error
        return found, self._page(page.next_page_cursor) if page.next_page_cursor and page.list else None

    def time(self) -> WeightedRequest | None:
        return self._get("time", "")

    def decode_time(self, reply: HttpReply) -> Nanos:
        return Nanos(read(reply, _TIME).time_nano)

    def snapshot(self, instrument: Instrument) -> WeightedRequest | None:
        query = f"category={self._rules.category}&symbol={quote(instrument.symbol)}&limit={SNAPSHOT_LEVELS}"
        return self._get("orderbook", query)

    def decode_snapshot(self, instrument: Instrument, reply: HttpReply) -> BookSnapshot:
        """`u` "corresponds to the 1000-level stream": no change of ours continues it. `seq` orders it among them."""
        book = read(reply, _BOOK)
        if book.s != instrument.symbol:
            raise MalformedReply(f"asked about {instrument.symbol}, answered about {book.s[:40]}")
        return BookSnapshot(
            instrument=instrument.instrument,
            bids=book.b,
            asks=book.a,
            last_sequence=book.u,
            resume_from=book.u + 1,
            order=book.seq,
            venue_time=from_millis(book.cts or book.ts),
            received_at=reply.received_at,
        )

    def _page(self, cursor: str) -> WeightedRequest:
        """A cursor comes percent-encoded already."""
        query = f"category={self._rules.category}&limit={PAGE}"
        return self._get("instruments-info", f"{query}&cursor={quote(cursor, safe='%')}" if cursor else query)

    def _get(self, endpoint: str, query: str) -> WeightedRequest:
        request = HttpRequest(method="GET", url=f"{self._base}/{endpoint}", query=query)
        return WeightedRequest(request, ((IP, 1),))
