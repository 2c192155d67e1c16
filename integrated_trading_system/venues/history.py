"""What a venue's folder offers of the past: candles and funding rates, page by page."""

from enum import StrEnum
from typing import Protocol

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Candle, FundingRate
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.rest import WeightedRequest


class CandlePrice(StrEnum):
    """What a candle is made of."""

    TRADES = "trades"
    MARK = "mark"


class History(Protocol):
    """What was, by public REST, page by page. `start` belongs to a page, `end` does not."""

    @property
    def intervals(self) -> tuple[str, ...]:
        """Those that the venue offers, in our spelling: 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M."""

    @property
    def candles_per_page(self) -> int:
        """Whoever asks for no more intervals at once than this gets all of them."""

    def candles(
        self, instrument: Instrument, interval: str, start: Nanos, end: Nanos, price: CandlePrice
    ) -> WeightedRequest | None:
        """The candles that open in this time; None where the venue has none of this kind."""

    def decode_candles(self, instrument: Instrument, interval: str, reply: HttpReply) -> tuple[Candle, ...]:
        """Oldest first; `closed` where the reply or its time proves it; raises MalformedReply."""

    @property
    def funding_per_page(self) -> int:
        """At most so many rates are in one page; 0 where there are none."""

    def funding(self, instrument: Instrument, start: Nanos, end: Nanos) -> WeightedRequest | None:
        """The rates that were paid in this time; None for what pays no funding."""

    def decode_funding(self, instrument: Instrument, reply: HttpReply) -> tuple[FundingRate, ...]:
        """Oldest first; raises MalformedReply."""
