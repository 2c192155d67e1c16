"""Market data as users get it: their names for kinds of data, and the values that callbacks receive."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain import market
from integrated_trading_system.domain.health import BookStateChanged
from integrated_trading_system.domain.market import (
    BookDelta,
    Candle,
    FundingRate,
    Level,
    MarkPrice,
    PolledQuote,
    Quote,
    Statistics,
    Trade,
)


class DataType(StrEnum):
    """What a callback can be registered for, and what it then gets."""

    TICKER = "ticker"
    """`Ticker`, at every change of the best prices; while a stream is down those fetched by REST, marked `polled`."""
    QUOTE = "quote"
    """`Quote`: the top of the book alone, only from the stream."""
    ORDERBOOK = "orderbook"
    """`OrderBook`: the best levels at the time of the call."""
    TRADES = "trades"
    """`Trade`: every single public trade."""
    KLINES = "klines"
    """`Candle` of one minute, at every change."""
    STATISTICS = "statistics"
    """`Statistics`: the venue's rolling 24 hours."""
    MARK_PRICE = "mark_price"
    """`MarkPrice` of a derivative: what margin and liquidation go by."""
    FUNDING = "funding"
    """`FundingRate` of a perpetual: the rate expected next."""


class Ticker(Struct, frozen=True):
    """Best prices, last price and 24 hours in one."""

    exchange: str
    """``binance`` for the venue's default flavour, ``binance:usdm`` for others."""
    symbol: str
    """In the venue's spelling."""
    price: float
    """Of the last trade; before the first the middle of the best prices."""
    bid: float
    ask: float
    volume_24h: float
    """Base units; 0 until the venue has told."""
    timestamp: float
    """Seconds since the epoch, when it reached us."""
    polled: bool = False
    """Fetched by REST because the stream is down: to be shown, not to be decided on."""


class OrderBook(Struct, frozen=True):
    """The best levels of a book that may be believed, best first."""

    exchange: str
    symbol: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    timestamp: float
    """Seconds since the epoch, when its newest quote reached us."""


MESSAGES: Final[dict[DataType, tuple[type, ...]]] = {
    DataType.TICKER: (Quote, PolledQuote),
    DataType.QUOTE: (Quote,),
    DataType.ORDERBOOK: (BookDelta, BookStateChanged),
    DataType.TRADES: (Trade,),
    DataType.KLINES: (Candle,),
    DataType.STATISTICS: (Statistics,),
    DataType.MARK_PRICE: (MarkPrice,),
    DataType.FUNDING: (FundingRate,),
}
"""Which messages of the core make a call."""

BUFFERS: Final[dict[DataType, market.DataType]] = {
    DataType.TICKER: market.DataType.QUOTES,
    DataType.QUOTE: market.DataType.QUOTES,
    DataType.ORDERBOOK: market.DataType.QUOTES,
    DataType.TRADES: market.DataType.TRADES,
    DataType.KLINES: market.DataType.CANDLES,
    DataType.STATISTICS: market.DataType.STATISTICS,
    DataType.MARK_PRICE: market.DataType.MARK_PRICE,
    DataType.FUNDING: market.DataType.FUNDING,
}
"""Which of the core's buffers holds the latest."""
