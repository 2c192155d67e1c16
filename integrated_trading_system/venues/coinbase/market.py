"""Public REST: what is listed, the venue's clock, and a book to audit with."""

from typing import Annotated, Final
from urllib.parse import quote

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot, Level
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.coinbase import symbols
from integrated_trading_system.venues.coinbase.endpoints import IP, Rules
from integrated_trading_system.venues.coinbase.streams.numbers import AFTER_QUOTES
from integrated_trading_system.venues.coinbase.wire import BROKEN, ITEMS_MAX, Price, Size, moment, read
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

BOOK_LEVELS: Final = 500
"""Of each side, from Advanced Trade. Exchange gives all there are."""


class Iso(Struct):
    """Exchange's ``/time``."""

    iso: str


class Millis(Struct, rename={"millis": "epochMillis"}):
    """Advanced Trade's ``/time``."""

    millis: Annotated[int, Meta(ge=0, le=9_000_000_000_000)]


class Products(Struct):
    """Advanced Trade's ``/market/products``, each entry still raw: a strange one must not hide the others."""

    products: list[Raw]


class Book(Struct):
    """Exchange's ``/products/{id}/book``: price, size, and how many orders."""

    bids: Annotated[list[tuple[Price, Size, int]], Meta(max_length=ITEMS_MAX)]
    asks: Annotated[list[tuple[Price, Size, int]], Meta(max_length=ITEMS_MAX)]
    time: str = ""


class Row(Struct):
    """One level."""

    price: Price
    size: Size


class PriceBook(Struct):
    """The book itself."""

    product_id: str
    bids: Annotated[list[Row], Meta(max_length=ITEMS_MAX)]
    asks: Annotated[list[Row], Meta(max_length=ITEMS_MAX)]
    time: str


class AdvancedBook(Struct):
    """Advanced Trade's ``/market/product_book``."""

    pricebook: PriceBook


_ISO: Final = Decoder(Iso)
_MILLIS: Final = Decoder(Millis, strict=False)
_LIST: Final = Decoder(list[Raw])
_PRODUCTS: Final = Decoder(Products)
_BOOK: Final = Decoder(Book, strict=False)
_ADVANCED_BOOK: Final = Decoder(AdvancedBook, strict=False)


class CoinbaseMarket:
    """The public endpoints of one flavour."""

    def __init__(self, venue: VenueId, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme, host and base path."""
        self._venue = venue
        self._base = rest_url
        self._advanced = rules.advanced

    def instruments(self) -> tuple[WeightedRequest, ...]:
        """Everything in one reply."""
        return (self._get("/market/products" if self._advanced else "/products"),)

    def decode_instruments(self, reply: HttpReply) -> tuple[tuple[Instrument, ...], WeightedRequest | None]:
        entries = read(reply, _PRODUCTS).products if self._advanced else read(reply, _LIST)
        try:
            return symbols.instruments(self._venue, entries, advanced=self._advanced), None
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error

    def time(self) -> WeightedRequest | None:
        return self._get("/time")

    def decode_time(self, reply: HttpReply) -> Nanos:
        return from_millis(read(reply, _MILLIS).millis) if self._advanced else _moment(read(reply, _ISO).iso)

    def snapshot(self, instrument: Instrument) -> WeightedRequest | None:
        """To audit with: the streams begin with a snapshot of their own. Advanced Trade's is up to a second old."""
        name = quote(instrument.symbol)
        if self._advanced:
            return self._get("/market/product_book", f"product_id={name}&limit={BOOK_LEVELS}")
        return self._get(f"/products/{name}/book", "level=2")

    def decode_snapshot(self, instrument: Instrument, reply: HttpReply) -> BookSnapshot:
        """Its number is its time, as in the stream. Captures of before 2022 have none: 0."""
        if self._advanced:
            raw = read(reply, _ADVANCED_BOOK).pricebook
            if raw.product_id not in (instrument.symbol, symbols.data_symbol(instrument.symbol)):
                raise MalformedReply(f"asked about {instrument.symbol}, answered about {raw.product_id[:40]}")
            bids = [(row.price, row.size) for row in raw.bids]
            asks = [(row.price, row.size) for row in raw.asks]
            return _snapshot(instrument, bids, asks, _moment(raw.time), reply)
        book = read(reply, _BOOK)
        levels = [[(price, size) for price, size, _ in side] for side in (book.bids, book.asks)]
        return _snapshot(instrument, levels[0], levels[1], _moment(book.time) if book.time else Nanos(0), reply)

    def _get(self, path: str, query: str = "") -> WeightedRequest:
        return WeightedRequest(HttpRequest(method="GET", url=self._base + path, query=query), ((IP, 1),))


def _snapshot(
    instrument: Instrument, bids: list[Level], asks: list[Level], at: Nanos, reply: HttpReply
) -> BookSnapshot:
    number = at + AFTER_QUOTES
    return BookSnapshot(
        instrument=instrument.instrument,
        bids=bids,
        asks=asks,
        last_sequence=number,
        resume_from=number + 1,
        order=number,
        venue_time=at,
        received_at=reply.received_at,
    )


def _moment(text: str) -> Nanos:
    try:
        return moment(text)
    except BROKEN as error:
        raise MalformedReply(str(error)[:200]) from error
