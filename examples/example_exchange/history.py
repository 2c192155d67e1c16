"""Candles that were. `start` belongs to a page and `end` does not, here as there."""

from typing import Final

from msgspec.json import Decoder

from examples.example_exchange import wire
from examples.example_exchange.codec import candle
from examples.example_exchange.endpoints import REQUESTS
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.intervals import next_opened_at
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import Nanos, from_millis, to_millis
from integrated_trading_system.venues.history import CandlePrice
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

MINUTES: Final = {"1m": 1, "5m": 5, "1h": 60}
"""Ours -> theirs."""

_BARS: Final = Decoder(list[wire.Bar])


class ExampleHistory:
    """The past."""

    def __init__(self, rest_url: str) -> None:
        """`rest_url` is scheme and host."""
        self._url = f"{rest_url}/v1/bars"

    @property
    def intervals(self) -> tuple[str, ...]:
        """Those that the venue has."""
        return tuple(MINUTES)

    @property
    def candles_per_page(self) -> int:
        """The venue gives "not more than 500 bars"."""
        return 500

    def candles(
        self, instrument: Instrument, interval: str, start: Nanos, end: Nanos, price: CandlePrice
    ) -> WeightedRequest | None:
        """One page."""
        if price is not CandlePrice.TRADES or interval not in MINUTES:
            return None
        query = f"market={instrument.symbol}&minutes={MINUTES[interval]}&from={to_millis(start)}&until={to_millis(end)}"
        return WeightedRequest(HttpRequest(method="GET", url=self._url, query=query), ((REQUESTS, 1),))

    def decode_candles(self, instrument: Instrument, interval: str, reply: HttpReply) -> tuple[Candle, ...]:
        """Closed is what was over when we asked."""
        name, asked, at = instrument.instrument, reply.sent_at, reply.received_at
        try:
            return tuple(
                candle(bar, name, interval, at, closed=next_opened_at(interval, from_millis(bar[0])) <= asked)
                for bar in sorted(wire.read(reply, _BARS))
            )
        except (ValueError, OverflowError) as error:
            raise MalformedReply(str(error)) from error

    @property
    def funding_per_page(self) -> int:
        """Nothing here pays funding."""
        return 0

    def funding(self, instrument: Instrument, start: Nanos, end: Nanos) -> WeightedRequest | None:
        """None."""
        return None

    def decode_funding(self, instrument: Instrument, reply: HttpReply) -> tuple[FundingRate, ...]:
        """Nothing asks for it."""
        raise MalformedReply(f"{instrument.symbol} pays no funding")
