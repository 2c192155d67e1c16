"""Public REST: what is listed, and the clock. The book comes by the stream alone."""

from typing import Final

from msgspec.json import Decoder

from examples.example_exchange import wire
from examples.example_exchange.endpoints import REQUESTS
from examples.example_exchange.symbols import instrument
from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

_MARKETS: Final = Decoder(list[wire.Listing])
_CLOCK: Final = Decoder(wire.Clock)


class ExampleMarket:
    """The public endpoints."""

    def __init__(self, venue: VenueId, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._venue = venue
        self._url = f"{rest_url}/v1"

    def instruments(self) -> tuple[WeightedRequest, ...]:
        """One page."""
        return (self._get("markets"),)

    def decode_instruments(self, reply: HttpReply) -> tuple[tuple[Instrument, ...], WeightedRequest | None]:
        """All of them."""
        try:
            return tuple(instrument(self._venue, listed) for listed in wire.read(reply, _MARKETS)), None
        except ValueError as error:
            raise MalformedReply(str(error)) from error

    def time(self) -> WeightedRequest | None:
        """The clock."""
        return self._get("clock")

    def decode_time(self, reply: HttpReply) -> Nanos:
        """In nanoseconds."""
        return from_millis(wire.read(reply, _CLOCK).at)

    def snapshot(self, instrument: Instrument) -> WeightedRequest | None:
        """None: the venue has no book by REST."""
        return None

    def decode_snapshot(self, instrument: Instrument, reply: HttpReply) -> BookSnapshot:
        """Nothing asks for it."""
        raise Unsupported("Example Exchange has no book by REST")

    def _get(self, endpoint: str) -> WeightedRequest:
        return WeightedRequest(HttpRequest(method="GET", url=f"{self._url}/{endpoint}"), ((REQUESTS, 1),))
