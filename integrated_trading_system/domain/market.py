"""Public market data. Prices and sizes are float here: 15 significant digits survive the trip exactly.

Every event carries `venue_time` (theirs, 0 when the stream has none) and `received_at` (ours).
"""

from enum import StrEnum
from typing import TypeAlias, final

from msgspec import Struct

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos

Level: TypeAlias = tuple[float, float]
"""Price and size."""


class DataType(StrEnum):
    """What can be subscribed to."""

    QUOTES = "quotes"
    TRADES = "trades"
    DEPTH = "depth"
    STATISTICS = "statistics"
    CANDLES = "candles"
    MARK_PRICE = "mark_price"
    FUNDING = "funding"


@final
class Quote(Struct, frozen=True, gc=False, tag=True):
    """Best bid and ask with their sizes."""

    instrument: InstrumentId
    bid: float
    bid_size: float
    ask: float
    ask_size: float
    sequence: int
    """Grows with the venue's book; comparable with `BookDelta.order` of the same instrument."""
    venue_time: Nanos
    received_at: Nanos

    @property
    def polled(self) -> bool:
        """Whether it was fetched by REST because the stream is down: no stream's sequence is negative."""
        return self.sequence < 0


@final
class Trade(Struct, frozen=True, gc=False, tag=True):
    """A public print. `side` is the aggressor's."""

    instrument: InstrumentId
    trade_id: str
    price: float
    quantity: float
    side: Side
    venue_time: Nanos
    received_at: Nanos


class BookSnapshot(Struct, frozen=True, gc=False, tag=True):
    """A whole book (as deep as the venue gives it). Replaces what was known."""

    instrument: InstrumentId
    bids: list[Level]
    asks: list[Level]
    last_sequence: int
    resume_from: int
    """The first delta to apply covers this number: ``first_sequence <= resume_from <= last_sequence``;
    deltas that end before it are stale. (Binance spot and Backpack: last + 1; Binance futures: last.)"""
    order: int
    venue_time: Nanos
    received_at: Nanos
    in_stream: bool = False
    """The stream of changes carried it, so it is true at once. One by REST is true once a change covers it."""
    window: int = 0
    """The venue keeps only so many levels of each side up to date; deeper ones are forgotten. 0: all of them."""


@final
class BookDelta(Struct, frozen=True, gc=False, tag=True):
    """Changed levels of a book; size 0 removes the level.

    Normalised so that gap detection is blind to the venue: the first delta after a snapshot covers
    its `resume_from`; every later one continues the book at sequence N when ``previous_sequence == N``.
    """

    instrument: InstrumentId
    bids: list[Level]
    asks: list[Level]
    first_sequence: int
    last_sequence: int
    previous_sequence: int
    order: int
    """Comparable with `Quote.sequence`: the venue's own cross-stream sequence."""
    venue_time: Nanos
    received_at: Nanos


class Statistics(Struct, frozen=True, gc=False, tag=True):
    """The venue's rolling 24-hour figures."""

    instrument: InstrumentId
    last_price: float
    volume: float
    """Base units."""
    quote_volume: float
    change_pct: float
    venue_time: Nanos
    received_at: Nanos


class Candle(Struct, frozen=True, gc=False, tag=True):
    """Open, high, low, close and volume of one interval."""

    instrument: InstrumentId
    interval: str
    opened_at: Nanos
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int
    closed: bool
    received_at: Nanos
    quote_volume: float = 0.0
    """0 where the venue does not tell it."""
    made: bool = False
    """Made here, from trades. Otherwise the venue told it."""
    complete: bool = True
    """False: trades of it may be missing, because the stream began or was cut within it."""


class MarkPrice(Struct, frozen=True, gc=False, tag=True):
    """The price at which a venue values a derivative: margin and liquidation go by it."""

    instrument: InstrumentId
    mark_price: float
    index_price: float
    """Of the underlying on several venues; 0 where it is not told along."""
    venue_time: Nanos
    received_at: Nanos


class FundingRate(Struct, frozen=True, gc=False, tag=True):
    """What longs pay to shorts of a perpetual at `funding_at`, as a part of the notional (0.0001: one basis point)."""

    instrument: InstrumentId
    rate: float
    funding_at: Nanos
    """When it is paid: in the future for the rate expected next, in the past for one of the history."""
    venue_time: Nanos
    received_at: Nanos


MarketEvent: TypeAlias = Quote | Trade | BookSnapshot | BookDelta | Statistics | Candle | MarkPrice | FundingRate


class PolledQuote(Struct, frozen=True, tag=True):
    """Best prices fetched by REST because the stream is down: to be shown, never to be decided on."""

    instrument: InstrumentId
    quote: Quote
