"""What the venue lists: ``instruments-info`` -> instruments, and the topics of an instrument.

Symbols are never taken apart: `baseCoin`, `quoteCoin` and `settleCoin` say what they stand for.
"""

from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.ids import Asset, VenueId, instrument_id
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.money import parse_decimal
from integrated_trading_system.venues.bybit.endpoints import DEPTH, SETTLE, Rules

TRADING: Final = "Trading"
"""The one status in which orders are taken; every other one, known or new, is not."""

TOPICS: Final = {
    DataType.QUOTES: "orderbook.1",
    DataType.DEPTH: f"orderbook.{DEPTH}",
    DataType.TRADES: "publicTrade",
    DataType.STATISTICS: "tickers",
    DataType.CANDLES: "kline.1",
    DataType.MARK_PRICE: "tickers",
    DataType.FUNDING: "tickers",
}

OF_CONTRACTS: Final = (DataType.MARK_PRICE, DataType.FUNDING)
"""Kinds of data that spot has not."""

INTERVALS: Final = {
    "1m": "1",
    "3m": "3",
    "5m": "5",
    "15m": "15",
    "30m": "30",
    "1h": "60",
    "2h": "120",
    "4h": "240",
    "6h": "360",
    "12h": "720",
    "1d": "D",
    "1w": "W",
    "1M": "M",
}
"""Our words for candle intervals, and the venue's."""

_CONTRACTS: Final = ("LinearPerpetual", "LinearFutures")

Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,48}\Z")]
"""Becomes part of topics, addresses and pages: no other characters than these."""


class PriceFilter(Struct, rename="camel"):
    """Rules for prices."""

    tick_size: str


class LotSizeFilter(Struct, rename="camel"):
    """Rules for quantities in one shape: each category fills its own fields."""

    qty_step: str = ""
    base_precision: str = ""
    max_order_qty: str = ""
    max_limit_order_qty: str = ""
    min_notional_value: str = ""
    min_order_amt: str = ""
    min_order_qty: str = ""
    """Spot's is "deprecated and no longer checked"."""


class Listing(Struct, rename="camel"):
    """One spot entry of ``instruments-info``."""

    symbol: Name
    base_coin: Name
    quote_coin: Name
    status: str
    price_filter: PriceFilter
    lot_size_filter: LotSizeFilter


class LinearListing(Listing):
    """One linear entry of ``instruments-info``."""

    contract_type: str
    settle_coin: Name


_LISTING: Final = Decoder(Listing)
_LINEAR_LISTING: Final = Decoder(LinearListing)


def instruments(venue: VenueId, rules: Rules, entries: Sequence[Raw]) -> tuple[Instrument, ...]:
    """Everything listed that can be understood; raises ValueError where nothing can.

    An entry whose shape or numbers are not as promised is left out: nobody can subscribe to it.
    """
    build = _spot if rules.kind is Kind.SPOT else _linear
    found = []
    for entry in entries:
        try:
            found.append(build(venue, entry))
        except (ValueError, RecursionError):
            continue
    if entries and not found:
        raise ValueError(f"none of {len(entries)} entries has the promised shape")
    return tuple(found)


def topic(data_type: DataType, symbol: str) -> str:
    """Where this data comes from."""
    return f"{TOPICS[data_type]}.{symbol}"


def _spot(venue: VenueId, entry: Raw) -> Instrument:
    raw = _LISTING.decode(entry)
    lot = raw.lot_size_filter
    return Instrument(
        instrument=instrument_id(venue, raw.symbol),
        venue=venue,
        symbol=raw.symbol,
        base=Asset(raw.base_coin),
        quote=Asset(raw.quote_coin),
        settle=Asset(raw.quote_coin),
        kind=Kind.SPOT,
        tick=parse_decimal(raw.price_filter.tick_size),
        lot=parse_decimal(lot.base_precision),
        quantity_max=parse_decimal(lot.max_limit_order_qty or lot.max_order_qty or "0"),
        notional_min=parse_decimal(lot.min_order_amt or "0"),
        tradable=raw.status == TRADING,
    )


def _linear(venue: VenueId, entry: Raw) -> Instrument:
    raw = _LINEAR_LISTING.decode(entry)
    if raw.contract_type not in _CONTRACTS:
        raise ValueError(f"contract type {raw.contract_type[:40]}")
    lot = raw.lot_size_filter
    return Instrument(
        instrument=instrument_id(venue, raw.symbol),
        venue=venue,
        symbol=raw.symbol,
        base=Asset(raw.base_coin),
        quote=Asset(raw.quote_coin),
        settle=Asset(raw.settle_coin),
        kind=Kind.LINEAR,
        tick=parse_decimal(raw.price_filter.tick_size),
        lot=parse_decimal(lot.qty_step),
        quantity_min=parse_decimal(lot.min_order_qty or "0"),
        quantity_max=parse_decimal(lot.max_order_qty or "0"),
        notional_min=parse_decimal(lot.min_notional_value or "0"),
        tradable=raw.status == TRADING and raw.settle_coin == SETTLE,
    )
