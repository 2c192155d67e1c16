"""Candles and funding rates that were, by way of the library. What an exchange does not have, it refuses."""

from typing import Final

from msgspec import Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.intervals import INTERVALS, next_opened_at
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import Nanos, from_millis, to_millis
from integrated_trading_system.venues.ccxt import wire
from integrated_trading_system.venues.ccxt.codec import candle
from integrated_trading_system.venues.ccxt.market import ask
from integrated_trading_system.venues.ccxt.wire import read
from integrated_trading_system.venues.history import CandlePrice
from integrated_trading_system.venues.rest import WeightedRequest

PER_PAGE: Final = 100
"""Few exchanges give fewer rows at once."""


class Rate(Struct, rename={"rate": "fundingRate"}):
    """A funding rate that was paid."""

    rate: wire.Ratio
    timestamp: wire.Millis


_BARS: Final = Decoder(wire.Bars, strict=False)
_RATES: Final = Decoder(list[Rate], strict=False)


class CcxtHistory:
    """The past of one exchange."""

    def __init__(self, rest_url: str) -> None:
        """`rest_url` names the exchange."""
        self._url = rest_url

    @property
    def intervals(self) -> tuple[str, ...]:
        """All of them: which of these the exchange has, only its answer says."""
        return INTERVALS

    @property
    def candles_per_page(self) -> int:
        return PER_PAGE

    def candles(
        self, instrument: Instrument, interval: str, start: Nanos, end: Nanos, price: CandlePrice
    ) -> WeightedRequest | None:
        """The library has no end of a page: rows beyond it come along, and are true as well."""
        if price is not CandlePrice.TRADES:
            return None
        return ask(self._url, "fetch_ohlcv", instrument.symbol, interval, to_millis(start), PER_PAGE)

    def decode_candles(self, instrument: Instrument, interval: str, reply: HttpReply) -> tuple[Candle, ...]:
        """Over when we asked, hence closed."""
        bars = read(reply, _BARS)
        name, asked, at = instrument.instrument, reply.sent_at, reply.received_at
        return tuple(
            candle(bar, name, interval, at, closed=next_opened_at(interval, from_millis(bar[0])) <= asked)
            for bar in sorted(bars)
        )

    @property
    def funding_per_page(self) -> int:
        return PER_PAGE

    def funding(self, instrument: Instrument, start: Nanos, end: Nanos) -> WeightedRequest | None:
        if instrument.kind is Kind.SPOT:
            return None
        return ask(self._url, "fetch_funding_rate_history", instrument.symbol, to_millis(start), PER_PAGE)

    def decode_funding(self, instrument: Instrument, reply: HttpReply) -> tuple[FundingRate, ...]:
        rates = read(reply, _RATES)
        rows = sorted(rates, key=lambda rate: rate.timestamp)
        return tuple(
            FundingRate(instrument.instrument, row.rate, at, at, reply.received_at)
            for row in rows
            for at in (from_millis(row.timestamp),)
        )
