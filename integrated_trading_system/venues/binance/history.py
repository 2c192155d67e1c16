"""Candles, mark prices and funding rates of the past: ``klines``, ``markPriceKlines`` and ``fundingRate``."""

from typing import Annotated, Final
from urllib.parse import quote

from msgspec import Meta, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.intervals import INTERVALS
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import MILLISECOND, Nanos, from_millis
from integrated_trading_system.venues.binance.endpoints import WEIGHT, Rules
from integrated_trading_system.venues.binance.market import read
from integrated_trading_system.venues.binance.wire import Millis, Percent, Price, Sequence, Size
from integrated_trading_system.venues.history import CandlePrice
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

CANDLES_MAX: Final = 1_500
"""In one reply; spot gives 1,000."""
FUNDING_MAX: Final = 1_000
_PATHS: Final = {CandlePrice.TRADES: "klines", CandlePrice.MARK: "markPriceKlines"}


class Kline(Struct, array_like=True, gc=False):
    """One row. `amount` is in quote units. On COIN-M `volume` is in contracts, and `amount` in base units."""

    opened_at: Millis
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Size
    closes_at: Millis
    """The last millisecond that belongs to it."""
    amount: Size
    trades: Sequence


class Funding(Struct, rename="camel"):
    """One payment; contracts that are delivered have none."""

    symbol: str
    funding_rate: Percent
    funding_time: Millis


_KLINES: Final = Decoder(Annotated[list[Kline], Meta(max_length=CANDLES_MAX)], strict=False)
_FUNDING: Final = Decoder(Annotated[list[Funding], Meta(max_length=FUNDING_MAX)], strict=False)


class BinanceHistory:
    """The history of one flavour."""

    def __init__(self, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme and host."""
        self._base = rest_url + rules.prefix
        self._rules = rules

    @property
    def intervals(self) -> tuple[str, ...]:
        """The venue's words are ours. COIN-M: none of which a page would reach over more than 200 days."""
        return INTERVALS[: INTERVALS.index("1d") + 1] if self._rules.kind is Kind.INVERSE else INTERVALS

    @property
    def candles_per_page(self) -> int:
        return self._rules.candles_per_page

    def candles(
        self, instrument: Instrument, interval: str, start: Nanos, end: Nanos, price: CandlePrice
    ) -> WeightedRequest | None:
        """Of mark prices only futures have any."""
        spot = self._rules.kind is Kind.SPOT
        if interval not in self.intervals or (spot and price is CandlePrice.MARK):
            return None
        query = f"symbol={quote(instrument.symbol)}&interval={interval}&{_span(start, end)}"
        url = f"{self._base}/{_PATHS[price]}"
        request = HttpRequest(method="GET", url=url, query=f"{query}&limit={self.candles_per_page}")
        return WeightedRequest(request, ((WEIGHT, self._rules.weights.candles),))

    def decode_candles(self, instrument: Instrument, interval: str, reply: HttpReply) -> tuple[Candle, ...]:
        """Closed is a candle that ended before it was asked for. Of a mark price, nothing is counted but updates."""
        inverse = self._rules.kind is Kind.INVERSE
        multiplier = float(instrument.multiplier)
        return tuple(
            Candle(
                instrument=instrument.instrument,
                interval=interval,
                opened_at=from_millis(row.opened_at),
                open=row.open,
                high=row.high,
                low=row.low,
                close=row.close,
                volume=row.amount if inverse else row.volume,
                trades=row.trades if row.volume else 0,
                closed=from_millis(row.closes_at) < reply.sent_at,
                received_at=reply.received_at,
                quote_volume=row.volume * multiplier if inverse else row.amount,
            )
            for row in sorted(read(reply, _KLINES), key=lambda row: row.opened_at)
        )

    @property
    def funding_per_page(self) -> int:
        return 0 if self._rules.kind is Kind.SPOT else FUNDING_MAX

    def funding(self, instrument: Instrument, start: Nanos, end: Nanos) -> WeightedRequest | None:
        if self._rules.kind is Kind.SPOT:
            return None
        query = f"symbol={quote(instrument.symbol)}&{_span(start, end)}&limit={FUNDING_MAX}"
        request = HttpRequest(method="GET", url=f"{self._base}/fundingRate", query=query)
        return WeightedRequest(request, ((self._rules.funding_limit, 1),))

    def decode_funding(self, instrument: Instrument, reply: HttpReply) -> tuple[FundingRate, ...]:
        rows = sorted(read(reply, _FUNDING), key=lambda row: row.funding_time)
        other = next((row.symbol for row in rows if row.symbol != instrument.symbol), None)
        if other is not None:
            raise MalformedReply(f"asked about {instrument.symbol}, answered about {other[:40]}")
        return tuple(
            FundingRate(
                instrument=instrument.instrument,
                rate=row.funding_rate,
                funding_at=from_millis(row.funding_time),
                venue_time=from_millis(row.funding_time),
                received_at=reply.received_at,
            )
            for row in rows
        )


def _span(start: Nanos, end: Nanos) -> str:
    """Both ends belong to it, in milliseconds: what begins before `end` begins no later than the one before it."""
    return f"startTime={-(-start // MILLISECOND)}&endTime={-(-end // MILLISECOND) - 1}"
