"""Public REST by way of the library: each request names one of its unified methods, and carries the arguments."""

from typing import Any, Final

from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.ccxt import symbols, wire
from integrated_trading_system.venues.ccxt.codec import book
from integrated_trading_system.venues.ccxt.endpoints import REQUESTS
from integrated_trading_system.venues.ccxt.wire import encode, read
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

_MARKETS: Final = Decoder(wire.Markets)
_MILLIS: Final = Decoder(wire.Millis, strict=False)
_BOOK: Final = Decoder(wire.Book, strict=False)


def ask(rest_url: str, method: str, *arguments: Any) -> WeightedRequest:
    """A call of one of the library's methods."""
    request = HttpRequest(method="POST", url=f"{rest_url}/{method}", body=encode(arguments).decode())
    return WeightedRequest(request, ((REQUESTS, 1),))


class CcxtMarket:
    """What one exchange tells everybody."""

    def __init__(self, venue: VenueId, rest_url: str) -> None:
        """`rest_url` names the exchange."""
        self._venue = venue
        self._url = rest_url

    def instruments(self) -> tuple[WeightedRequest, ...]:
        return (ask(self._url, "load_markets"),)

    def decode_instruments(self, reply: HttpReply) -> tuple[tuple[Instrument, ...], WeightedRequest | None]:
        listed = read(reply, _MARKETS)
        try:
            return symbols.instruments(self._venue, listed.precision_mode, listed.markets), None
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error

    def time(self) -> WeightedRequest | None:
        """An exchange without a clock refuses it: then the clock is not known."""
        return ask(self._url, "fetch_time")

    def decode_time(self, reply: HttpReply) -> Nanos:
        return from_millis(read(reply, _MILLIS))

    def snapshot(self, instrument: Instrument) -> WeightedRequest | None:
        return ask(self._url, "fetch_order_book", instrument.symbol)

    def decode_snapshot(self, instrument: Instrument, reply: HttpReply) -> BookSnapshot:
        return book(read(reply, _BOOK), instrument.instrument, reply.received_at)
