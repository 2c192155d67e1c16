"""Candles that were, by REST. Nothing here pays funding, and there are no mark prices.

"Crypto daily bars start at US Central midnight": days and longer say themselves when they opened.
"""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from msgspec import Struct
from msgspec.json import Decoder
from msgspec.structs import replace

from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.intervals import next_opened_at
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.alpaca.codec import candle
from integrated_trading_system.venues.alpaca.endpoints import DATA, Rules
from integrated_trading_system.venues.alpaca.wire import Bar, read
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.history import CandlePrice
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

LIMIT: Final = 10_000
"""The most of one reply. We ask for fewer intervals at once, so that one page holds them all."""
PER_PAGE: Final = 1_000

TIMEFRAMES: Final = {
    "1m": "1Min",
    "3m": "3Min",
    "5m": "5Min",
    "15m": "15Min",
    "30m": "30Min",
    "1h": "1Hour",
    "2h": "2Hour",
    "4h": "4Hour",
    "6h": "6Hour",
    "8h": "8Hour",
    "12h": "12Hour",
    "1d": "1Day",
    "1w": "1Week",
    "1M": "1Month",
}
"""Ours -> theirs. There is no three-day candle."""


class Bars(Struct):
    """``bars``: by symbol, oldest first."""

    bars: dict[str, list[Bar]] | None
    next_page_token: str | None = None


_BARS: Final = Decoder(Bars)


class AlpacaHistory:
    """The candles of one flavour."""

    def __init__(self, endpoints: Endpoints, rules: Rules) -> None:
        """They stand on the data host."""
        self._url = endpoints.rest_data_url + rules.bars
        self._more = rules.bars_query

    @property
    def intervals(self) -> tuple[str, ...]:
        return tuple(TIMEFRAMES)

    @property
    def candles_per_page(self) -> int:
        return PER_PAGE

    def candles(
        self, instrument: Instrument, interval: str, start: Nanos, end: Nanos, price: CandlePrice
    ) -> WeightedRequest | None:
        """The venue's `end` belongs to the page, ours does not."""
        if price is not CandlePrice.TRADES or interval not in TIMEFRAMES:
            return None
        query = (
            f"symbols={quote(instrument.symbol, safe='')}&timeframe={TIMEFRAMES[interval]}"
            f"&start={stamp(start)}&end={stamp(Nanos(end - 1))}&limit={LIMIT}&sort=asc{self._more}"
        )
        return WeightedRequest(HttpRequest(method="GET", url=self._url, query=query), ((DATA, 1),))

    def decode_candles(self, instrument: Instrument, interval: str, reply: HttpReply) -> tuple[Candle, ...]:
        page = read(reply, _BARS)
        if page.next_page_token:
            raise MalformedReply("the venue divided a page that should have fitted into one reply")
        try:
            found = [
                candle(bar, instrument.instrument, interval, reply.received_at, closed=False)
                for bar in (page.bars or {}).get(instrument.symbol, ())
            ]
            return tuple(_closed(each, reply.sent_at) for each in found)
        except (ValueError, OverflowError) as error:
            raise MalformedReply(str(error)[:200]) from error

    @property
    def funding_per_page(self) -> int:
        return 0

    def funding(self, instrument: Instrument, start: Nanos, end: Nanos) -> WeightedRequest | None:
        return None

    def decode_funding(self, instrument: Instrument, reply: HttpReply) -> tuple[FundingRate, ...]:
        raise MalformedReply(f"{instrument.symbol} pays no funding")


def stamp(at: Nanos) -> str:
    """RFC 3339 with nine digits of the second."""
    whole, rest = divmod(at, SECOND)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _closed(found: Candle, asked_at: Nanos) -> Candle:
    """Over when we asked, hence told whole."""
    if next_opened_at(found.interval, found.opened_at) > asked_at:
        return found
    return replace(found, closed=True)
