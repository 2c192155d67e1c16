"""Public REST, which is not public here: what is listed, the venue's clock, and books of crypto."""

from typing import Final
from urllib.parse import quote

from msgspec import Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot, DataType
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.alpaca import symbols
from integrated_trading_system.venues.alpaca.codec import book
from integrated_trading_system.venues.alpaca.endpoints import DATA, TRADING, Rules
from integrated_trading_system.venues.alpaca.wire import Levels, Stamp, nanos, read
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest


class Clock(Struct):
    """``/v2/clock``."""

    timestamp: Stamp


class Book(Struct):
    """One of ``latest/orderbooks``."""

    t: Stamp
    b: Levels
    a: Levels


class Books(Struct):
    """``latest/orderbooks``, by symbol."""

    orderbooks: dict[str, Book]


_CLOCK: Final = Decoder(Clock)
_ASSETS: Final = Decoder(list[Raw])
_BOOKS: Final = Decoder(Books)


class AlpacaMarket:
    """What one flavour tells whoever has a key."""

    def __init__(self, venue: VenueId, endpoints: Endpoints, rules: Rules) -> None:
        """Assets and clock stand on the trading host, books on the data host."""
        self._venue = venue
        self._base = endpoints.rest_url
        self._data = endpoints.rest_data_url
        self._rules = rules

    def instruments(self) -> tuple[WeightedRequest, ...]:
        """One reply holds all of them."""
        query = f"status=active&asset_class={self._rules.asset_class}"
        request = HttpRequest(method="GET", url=f"{self._base}/v2/assets", query=query)
        return (WeightedRequest(request, ((TRADING, 1),)),)

    def decode_instruments(self, reply: HttpReply) -> tuple[tuple[Instrument, ...], WeightedRequest | None]:
        try:
            entries = read(reply, _ASSETS)
            return symbols.instruments(self._venue, self._rules, entries), None
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error

    def time(self) -> WeightedRequest | None:
        return WeightedRequest(HttpRequest(method="GET", url=f"{self._base}/v2/clock"), ((TRADING, 1),))

    def decode_time(self, reply: HttpReply) -> Nanos:
        return _instant(read(reply, _CLOCK).timestamp)

    def snapshot(self, instrument: Instrument) -> WeightedRequest | None:
        """None for stocks: of them the venue shows no book."""
        if DataType.DEPTH not in self._rules.channels:
            return None
        url = f"{self._data}/v1beta3/crypto/us/latest/orderbooks"
        request = HttpRequest(method="GET", url=url, query=f"symbols={quote(instrument.symbol, safe='')}")
        return WeightedRequest(request, ((DATA, 1),))

    def decode_snapshot(self, instrument: Instrument, reply: HttpReply) -> BookSnapshot:
        if DataType.DEPTH not in self._rules.channels:
            raise Unsupported(f"{self._venue} shows no book of {instrument.symbol}")
        found = read(reply, _BOOKS).orderbooks.get(instrument.symbol)
        if found is None:
            raise MalformedReply(f"no book of {instrument.symbol}")
        at = _instant(found.t)
        return book(instrument.instrument, found.b, found.a, at, reply.received_at, in_stream=False)


def _instant(stamp: str) -> Nanos:
    try:
        return nanos(stamp)
    except ValueError as error:
        raise MalformedReply(str(error)[:200]) from error
