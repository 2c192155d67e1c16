"""What Advanced Trade's public streams carry, in the venue's own field names. What surrounds it is `wire.Envelope`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from integrated_trading_system.venues.coinbase.wire import ITEMS_MAX, CandleRow, Price, Ratio, Size


class L2Row(Struct, gc=False):
    """One level. The asks are called "offer"."""

    side: Literal["bid", "offer"]
    price_level: Price
    new_quantity: Size


class L2Event(Struct, gc=False):
    """Of ``l2_data``: a whole book, or absolute sizes of changed levels."""

    type: Literal["snapshot", "update"]
    product_id: str
    updates: Annotated[list[L2Row], Meta(max_length=ITEMS_MAX)]


class MarketTrade(Struct, gc=False):
    """One public trade. `side` is the maker's here, too."""

    trade_id: str
    product_id: str
    price: Price
    size: Size
    side: Literal["BUY", "SELL"]
    time: str


class TradesEvent(Struct, gc=False):
    """Of ``market_trades``: those of the last 250 ms, or on subscribing those of the past."""

    type: Literal["snapshot", "update"]
    trades: Annotated[list[MarketTrade], Meta(max_length=ITEMS_MAX)]


class AdvancedTicker(Struct, gc=False):
    """One product. ``ticker_batch`` leaves the best prices out."""

    product_id: str
    price: Price
    volume: Size = field(name="volume_24_h", default=0.0)
    change: Ratio = field(name="price_percent_chg_24_h", default=0.0)
    best_bid: Size = 0.0
    best_bid_quantity: Size = 0.0
    best_ask: Size = 0.0
    best_ask_quantity: Size = 0.0


class TickerEvent(Struct, gc=False):
    """Of ``ticker`` and ``ticker_batch``."""

    tickers: Annotated[list[AdvancedTicker], Meta(max_length=ITEMS_MAX)]


class CandlesEvent(Struct, gc=False):
    """Of ``candles``."""

    candles: Annotated[list[CandleRow], Meta(max_length=ITEMS_MAX)]
