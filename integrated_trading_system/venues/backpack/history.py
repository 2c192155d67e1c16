"""Candles, mark prices and funding rates of the past: ``klines`` and ``fundingRates``.

Candles are asked for in seconds and told in text; a candle in which nothing traded has no prices, and is left
out. Funding rates cannot be asked for by time: always the newest are told, as many as one wants.
"""

from typing import Annotated, Final
from urllib.parse import quote

from msgspec import Meta, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.intervals import INTERVALS
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.backpack.endpoints import HISTORICAL, REQUESTS, Rules
from integrated_trading_system.venues.backpack.wire import Price, Ratio, Sequence, Size, parse_time, read
from integrated_trading_system.venues.history import CandlePrice
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

CANDLES_MAX: Final = 1_000
"""Of one page. No limit is documented: this one is ours, and a longer reply is still read."""
FUNDING_MAX: Final = 10_000
_ROWS_MAX: Final = 20_000
_MONTH: Final = {"1M": "1month"}
"""The one interval that the venue spells in another way."""
_PRICES: Final = {CandlePrice.TRADES: "Last", CandlePrice.MARK: "Mark"}


class Kline(Struct, rename="camel", gc=False):
    """One candle; `end` is where the next one starts."""

    start: str
    end: str
    open: Price | None = None
    high: Price | None = None
    low: Price | None = None
    close: Price | None = None
    volume: Size = 0.0
    quote_volume: Size = 0.0
    trades: Sequence = 0


class FundingInterval(Struct, rename="camel"):
    """One payment, or the next one to come."""

    symbol: str
    interval_end_timestamp: str
    funding_rate: Ratio


_KLINES: Final = Decoder(Annotated[list[Kline], Meta(max_length=_ROWS_MAX)], strict=False)
_FUNDING: Final = Decoder(Annotated[list[FundingInterval], Meta(max_length=_ROWS_MAX)], strict=False)


class BackpackHistory:
    """The history of one flavour."""

    def __init__(self, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme and host."""
        self._base = f"{rest_url}/api/v1"
        self._rules = rules

    @property
    def intervals(self) -> tuple[str, ...]:
        return INTERVALS

    @property
    def candles_per_page(self) -> int:
        return CANDLES_MAX

    def candles(
        self, instrument: Instrument, interval: str, start: Nanos, end: Nanos, price: CandlePrice
    ) -> WeightedRequest | None:
        """Of mark prices only perpetuals have any."""
        spot = self._rules.kind is Kind.SPOT
        if interval not in INTERVALS or (spot and price is CandlePrice.MARK):
            return None
        first, last = -(-start // SECOND), -(-end // SECOND) - 1
        query = f"interval={_MONTH.get(interval, interval)}&startTime={first}&endTime={last}"
        return self._ask("klines", instrument, query if spot else f"{query}&priceType={_PRICES[price]}")

    def decode_candles(self, instrument: Instrument, interval: str, reply: HttpReply) -> tuple[Candle, ...]:
        """Closed is a candle that ended before it was asked for."""
        try:
            candles = [
                Candle(
                    instrument=instrument.instrument,
                    interval=interval,
                    opened_at=parse_time(row.start),
                    open=row.open,
                    high=row.high,
                    low=row.low,
                    close=row.close,
                    volume=row.volume,
                    trades=row.trades,
                    closed=parse_time(row.end) <= reply.sent_at,
                    received_at=reply.received_at,
                    quote_volume=row.quote_volume,
                )
                for row in read(reply, _KLINES)
                if row.open is not None and row.high is not None and row.low is not None and row.close is not None
            ]
        except (ValueError, OverflowError) as error:
            raise MalformedReply(str(error)[:200]) from error
        return tuple(sorted(candles, key=lambda candle: candle.opened_at))

    @property
    def funding_per_page(self) -> int:
        return 0 if self._rules.kind is Kind.SPOT else FUNDING_MAX

    def funding(self, instrument: Instrument, start: Nanos, end: Nanos) -> WeightedRequest | None:
        """All there are, whatever the time: the one page that holds it."""
        if self._rules.kind is Kind.SPOT:
            return None
        return self._ask("fundingRates", instrument, f"limit={FUNDING_MAX}")

    def decode_funding(self, instrument: Instrument, reply: HttpReply) -> tuple[FundingRate, ...]:
        """Without the interval that is not over: its rate is still an estimate."""
        rates = []
        try:
            for row in read(reply, _FUNDING):
                if row.symbol != instrument.symbol:
                    raise MalformedReply(f"asked about {instrument.symbol}, answered about {row.symbol[:40]}")
                at = parse_time(row.interval_end_timestamp)
                if at <= reply.sent_at:
                    rates.append(FundingRate(instrument.instrument, row.funding_rate, at, at, reply.received_at))
        except (ValueError, OverflowError) as error:
            raise MalformedReply(str(error)[:200]) from error
        return tuple(sorted(rates, key=lambda rate: rate.funding_at))

    def _ask(self, endpoint: str, instrument: Instrument, query: str) -> WeightedRequest:
        request = HttpRequest(
            method="GET", url=f"{self._base}/{endpoint}", query=f"symbol={quote(instrument.symbol)}&{query}"
        )
        return WeightedRequest(request, ((REQUESTS, 1), (HISTORICAL, 1)))
