"""Candles of the past. There are none of mark prices, and spot pays no funding."""

from typing import Annotated, Final
from urllib.parse import quote

from msgspec import Meta, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.intervals import LENGTHS, next_opened_at
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.coinbase.endpoints import IP, Rules
from integrated_trading_system.venues.coinbase.wire import CandleRow, Price, Size, read, written
from integrated_trading_system.venues.history import CandlePrice
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

EXCHANGE_INTERVALS: Final = {"1m": "60", "5m": "300", "15m": "900", "1h": "3600", "6h": "21600", "1d": "86400"}
ADVANCED_INTERVALS: Final = {
    "1m": "ONE_MINUTE",
    "5m": "FIVE_MINUTE",
    "15m": "FIFTEEN_MINUTE",
    "30m": "THIRTY_MINUTE",
    "1h": "ONE_HOUR",
    "2h": "TWO_HOUR",
    "6h": "SIX_HOUR",
    "1d": "ONE_DAY",
}


class ExchangeRow(Struct, array_like=True, gc=False):
    """Time in seconds, then low, high, open and close in this order."""

    start: Annotated[int, Meta(ge=0, le=10_000_000_000)]
    low: Price
    high: Price
    open: Price
    close: Price
    volume: Size


class AdvancedPage(Struct):
    """Of ``/market/products/{id}/candles``."""

    candles: Annotated[list[CandleRow], Meta(max_length=1000)]


_EXCHANGE: Final = Decoder(Annotated[list[ExchangeRow], Meta(max_length=1000)], strict=False)
_ADVANCED: Final = Decoder(AdvancedPage, strict=False)


class CoinbaseHistory:
    """The history of one flavour."""

    def __init__(self, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme, host and base path."""
        self._base = rest_url
        self._rules = rules
        self._intervals = ADVANCED_INTERVALS if rules.advanced else EXCHANGE_INTERVALS

    @property
    def intervals(self) -> tuple[str, ...]:
        return tuple(self._intervals)

    @property
    def candles_per_page(self) -> int:
        return self._rules.candles_per_page

    def candles(
        self, instrument: Instrument, interval: str, start: Nanos, end: Nanos, price: CandlePrice
    ) -> WeightedRequest | None:
        """Both ends belong to what is asked for, so the last is that of the last candle that opens before `end`."""
        if interval not in self._intervals or price is not CandlePrice.TRADES:
            return None
        length = LENGTHS[interval]
        first, last = -(-start // length) * length, (end - 1) // length * length
        last = max(first, last)
        name = quote(instrument.symbol)
        if self._rules.advanced:
            query = f"start={first // SECOND}&end={last // SECOND}&granularity={self._intervals[interval]}"
            query = f"{query}&limit={self._rules.candles_per_page}"
            return self._get(f"/market/products/{name}/candles", query)
        times = f"start={quote(written(Nanos(first)))}&end={quote(written(Nanos(last)))}"
        return self._get(f"/products/{name}/candles", f"granularity={self._intervals[interval]}&{times}")

    def decode_candles(self, instrument: Instrument, interval: str, reply: HttpReply) -> tuple[Candle, ...]:
        """Closed is a candle that had ended when it was asked for. A bucket without trades is missing.

        Trades are not counted, turnover is not told: 0.
        """
        if interval not in self._intervals:
            raise MalformedReply(f"no candles of {interval[:10]}")
        rows = read(reply, _ADVANCED).candles if self._rules.advanced else read(reply, _EXCHANGE)
        return tuple(_candle(instrument, interval, row, reply) for row in sorted(rows, key=lambda row: row.start))

    @property
    def funding_per_page(self) -> int:
        return 0

    def funding(self, instrument: Instrument, start: Nanos, end: Nanos) -> WeightedRequest | None:
        return None

    def decode_funding(self, instrument: Instrument, reply: HttpReply) -> tuple[FundingRate, ...]:
        raise MalformedReply(f"{instrument.symbol} pays no funding that could be listed")

    def _get(self, path: str, query: str) -> WeightedRequest:
        return WeightedRequest(HttpRequest(method="GET", url=self._base + path, query=query), ((IP, 1),))


def _candle(instrument: Instrument, interval: str, row: CandleRow | ExchangeRow, reply: HttpReply) -> Candle:
    opened = Nanos(row.start * SECOND)
    return Candle(
        instrument=instrument.instrument,
        interval=interval,
        opened_at=opened,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=row.volume,
        trades=0,
        closed=next_opened_at(interval, opened) <= reply.sent_at,
        received_at=reply.received_at,
    )
