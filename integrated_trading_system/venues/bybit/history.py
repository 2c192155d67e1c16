"""Candles, mark prices and funding rates of the past: ``kline``, ``mark-price-kline`` and ``funding/history``.

The venue lists the newest first; a window that fits into one page makes that the same as oldest first.
"""

from typing import Annotated, Final
from urllib.parse import quote

from msgspec import Meta, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.intervals import next_opened_at
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import MILLISECOND, Nanos, from_millis
from integrated_trading_system.venues.bybit.endpoints import IP, Rules
from integrated_trading_system.venues.bybit.symbols import INTERVALS
from integrated_trading_system.venues.bybit.wire import Millis, Price, Ratio, Size, answer, read
from integrated_trading_system.venues.history import CandlePrice
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

CANDLES_MAX: Final = 1_000
FUNDING_MAX: Final = 200
_PATHS: Final = {CandlePrice.TRADES: "kline", CandlePrice.MARK: "mark-price-kline"}


class Kline(Struct, array_like=True, gc=False):
    """One row. That of a mark price ends after `close`."""

    start: Millis
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Size = 0.0
    turnover: Size = 0.0


class Klines(Struct):
    """``kline`` and ``mark-price-kline``."""

    symbol: str
    list: Annotated[list[Kline], Meta(max_length=CANDLES_MAX)]


class Funding(Struct, rename={"rate": "fundingRate", "paid_at": "fundingRateTimestamp"}):
    """One payment."""

    symbol: str
    rate: Ratio
    paid_at: Millis


class FundingPage(Struct):
    """``funding/history``."""

    list: Annotated[list[Funding], Meta(max_length=FUNDING_MAX)]


_KLINES: Final = Decoder(Klines, strict=False)
_FUNDING: Final = Decoder(FundingPage, strict=False)


class BybitHistory:
    """The history of one flavour."""

    def __init__(self, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme and host."""
        self._base = f"{rest_url}/v5/market"
        self._rules = rules

    @property
    def intervals(self) -> tuple[str, ...]:
        """All but 8h and 3d."""
        return tuple(INTERVALS)

    @property
    def candles_per_page(self) -> int:
        return CANDLES_MAX

    def candles(
        self, instrument: Instrument, interval: str, start: Nanos, end: Nanos, price: CandlePrice
    ) -> WeightedRequest | None:
        """Of mark prices only contracts have any."""
        spot = self._rules.kind is Kind.SPOT
        if interval not in INTERVALS or (spot and price is CandlePrice.MARK):
            return None
        first, last = _span(start, end)
        query = f"interval={INTERVALS[interval]}&start={first}&end={last}&limit={CANDLES_MAX}"
        return self._ask(_PATHS[price], instrument, query)

    def decode_candles(self, instrument: Instrument, interval: str, reply: HttpReply) -> tuple[Candle, ...]:
        """Closed is a candle that had ended when the venue wrote its answer. Trades are not counted: 0."""
        page = read(reply, _KLINES)
        if page.symbol != instrument.symbol:
            raise MalformedReply(f"asked about {instrument.symbol}, answered about {page.symbol[:40]}")
        answered_at = from_millis(answer(reply).time)
        return tuple(
            Candle(
                instrument=instrument.instrument,
                interval=interval,
                opened_at=from_millis(row.start),
                open=row.open,
                high=row.high,
                low=row.low,
                close=row.close,
                volume=row.volume,
                trades=0,
                closed=next_opened_at(interval, from_millis(row.start)) <= answered_at,
                received_at=reply.received_at,
                quote_volume=row.turnover,
            )
            for row in sorted(page.list, key=lambda row: row.start)
        )

    @property
    def funding_per_page(self) -> int:
        return 0 if self._rules.kind is Kind.SPOT else FUNDING_MAX

    def funding(self, instrument: Instrument, start: Nanos, end: Nanos) -> WeightedRequest | None:
        if self._rules.kind is Kind.SPOT:
            return None
        first, last = _span(start, end)
        return self._ask("funding/history", instrument, f"startTime={first}&endTime={last}&limit={FUNDING_MAX}")

    def decode_funding(self, instrument: Instrument, reply: HttpReply) -> tuple[FundingRate, ...]:
        rows = sorted(read(reply, _FUNDING).list, key=lambda row: row.paid_at)
        other = next((row.symbol for row in rows if row.symbol != instrument.symbol), None)
        if other is not None:
            raise MalformedReply(f"asked about {instrument.symbol}, answered about {other[:40]}")
        return tuple(
            FundingRate(
                instrument=instrument.instrument,
                rate=row.rate,
                funding_at=from_millis(row.paid_at),
                venue_time=from_millis(row.paid_at),
                received_at=reply.received_at,
            )
            for row in rows
        )

    def _ask(self, endpoint: str, instrument: Instrument, query: str) -> WeightedRequest:
        whose = f"category={self._rules.category}&symbol={quote(instrument.symbol)}"
        request = HttpRequest(method="GET", url=f"{self._base}/{endpoint}", query=f"{whose}&{query}")
        return WeightedRequest(request, ((IP, 1),))


def _span(start: Nanos, end: Nanos) -> tuple[int, int]:
    """Both ends belong to it, in milliseconds: what begins before `end` begins no later than the one before it."""
    return -(-start // MILLISECOND), -(-end // MILLISECOND) - 1
