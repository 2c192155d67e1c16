"""Public REST: what is listed, and a book to compare with. Books begin with a snapshot in their stream."""

from typing import Annotated, Final
from urllib.parse import quote

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.kraken import symbols
from integrated_trading_system.venues.kraken.endpoints import DEPTH, PUBLIC
from integrated_trading_system.venues.kraken.wire import ITEMS_MAX, Price, Seconds, Size, read
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest


class DepthLevel(Struct, array_like=True, gc=False):
    """One level, and the second in which it last changed."""

    price: Price
    size: Size
    time: Seconds


class Depth(Struct):
    """A book."""

    asks: Annotated[list[DepthLevel], Meta(max_length=ITEMS_MAX)]
    bids: Annotated[list[DepthLevel], Meta(max_length=ITEMS_MAX)]


_PAIRS: Final = Decoder(dict[str, Raw])
_DEPTH: Final = Decoder(dict[str, Depth], strict=False)


class KrakenMarket:
    """The public endpoints of one flavour."""

    def __init__(self, venue: VenueId, rest_url: str, pairs: symbols.Pairs) -> None:
        """`rest_url` is scheme and host; `pairs` is told what is listed."""
        self._venue = venue
        self._pairs = pairs
        self._base = f"{rest_url}/0/public"

    def instruments(self) -> tuple[WeightedRequest, ...]:
        return (self._get("AssetPairs", ""),)

    def decode_instruments(self, reply: HttpReply) -> tuple[tuple[Instrument, ...], WeightedRequest | None]:
        entries = read(reply, _PAIRS)
        try:
            found = symbols.instruments(self._venue, entries)
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error
        self._pairs.learn(found)
        return found, None

    def time(self) -> WeightedRequest | None:
        """None: ``Time`` tells whole seconds, which is worse than what quotes and trades tell of the clock."""
        return None

    def decode_time(self, reply: HttpReply) -> Nanos:
        raise Unsupported(f"{self._venue} tells its time in whole seconds: nobody asks")

    def snapshot(self, instrument: Instrument) -> WeightedRequest | None:
        """As deep as the stream. It has no checksum and cannot be continued: good to compare with, no beginning."""
        return self._get("Depth", f"pair={quote(symbols.pair(instrument.symbol))}&count={DEPTH}")

    def decode_snapshot(self, instrument: Instrument, reply: HttpReply) -> BookSnapshot:
        """Its place is the second of its newest level: not before the changes of that second."""
        books = list(read(reply, _DEPTH).values())
        if len(books) != 1:
            raise MalformedReply(f"asked for one book, got {len(books)}")
        book = books[0]
        newest = max((level.time for side in (book.asks, book.bids) for level in side), default=0)
        at = Nanos(newest * SECOND)
        return BookSnapshot(
            instrument=instrument.instrument,
            bids=[(level.price, level.size) for level in book.bids],
            asks=[(level.price, level.size) for level in book.asks],
            last_sequence=at,
            resume_from=at + 1,
            order=at,
            venue_time=at,
            received_at=reply.received_at,
            window=DEPTH,
        )

    def _get(self, endpoint: str, query: str) -> WeightedRequest:
        request = HttpRequest(method="GET", url=f"{self._base}/{endpoint}", query=query)
        return WeightedRequest(request, ((PUBLIC, 1),))
