"""What the venue lists: ``markets`` -> instruments, and the streams of an instrument.

Symbols are never taken apart: `baseSymbol` and `quoteSymbol` say what they stand for.
"""

from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.ids import Asset, VenueId, instrument_id
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.money import parse_decimal
from integrated_trading_system.venues.backpack.endpoints import Rules

OPEN: Final = "Open"
"""The one state of an order book in which every order is taken; any other one, known or new, is not."""

STREAMS: Final = {
    DataType.QUOTES: "bookTicker",
    DataType.DEPTH: "depth",
    DataType.TRADES: "trade",
    DataType.STATISTICS: "ticker",
    DataType.CANDLES: "kline.1m",
    DataType.MARK_PRICE: "markPrice",
    DataType.FUNDING: "markPrice",
}

OF_PERPETUALS: Final = (DataType.MARK_PRICE, DataType.FUNDING)
"""Kinds of data that spot has not."""

_PERPETUAL: Final = "_PERP"

Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,48}\Z")]
"""Becomes part of streams, addresses and pages: no other characters than these."""


class PriceFilter(Struct, rename="camel"):
    """Rules for prices."""

    tick_size: str


class QuantityFilter(Struct, rename="camel"):
    """Rules for quantities. There is no least notional."""

    min_quantity: str
    step_size: str
    max_quantity: str | None = None


class Filters(Struct):
    """Rules for orders."""

    price: PriceFilter
    quantity: QuantityFilter


class Listing(Struct, rename="camel"):
    """One entry of ``markets``."""

    symbol: Name
    base_symbol: Name
    quote_symbol: Name
    market_type: str
    filters: Filters
    order_book_state: str = OPEN
    """Told since 2026."""


class MarketType(Struct, rename="camel"):
    """As much of an entry as says whose it is."""

    market_type: str


_LISTING: Final = Decoder(Listing)
_MARKET_TYPE: Final = Decoder(MarketType)


def instruments(venue: VenueId, rules: Rules, entries: Sequence[Raw]) -> tuple[Instrument, ...]:
    """Everything of this flavour that can be understood; raises ValueError where nothing can.

    An entry whose shape or numbers are not as promised is left out: nobody can subscribe to it.
    """
    found, strange = [], 0
    for entry in entries:
        try:
            if _MARKET_TYPE.decode(entry).market_type == rules.market_type:
                found.append(_instrument(venue, rules, _LISTING.decode(entry)))
        except (ValueError, RecursionError):
            strange += 1
    if strange and not found:
        raise ValueError(f"{strange} of {len(entries)} entries have not the promised shape, and none is left")
    return tuple(found)


def stream(data_type: DataType, symbol: str) -> str:
    """Where this data comes from."""
    return f"{STREAMS[data_type]}.{symbol}"


def belongs(symbol: str, rules: Rules) -> bool:
    """Whether an account's event in this symbol is this flavour's: only perpetuals end in ``_PERP``."""
    return symbol.endswith(_PERPETUAL) == (rules.kind is not Kind.SPOT)


def _instrument(venue: VenueId, rules: Rules, raw: Listing) -> Instrument:
    quantity = raw.filters.quantity
    return Instrument(
        instrument=instrument_id(venue, raw.symbol),
        venue=venue,
        symbol=raw.symbol,
        base=Asset(raw.base_symbol),
        quote=Asset(raw.quote_symbol),
        settle=Asset(raw.quote_symbol),
        kind=rules.kind,
        tick=parse_decimal(raw.filters.price.tick_size),
        lot=parse_decimal(quantity.step_size),
        quantity_min=parse_decimal(quantity.min_quantity),
        quantity_max=parse_decimal(quantity.max_quantity or "0"),
        tradable=raw.order_book_state == OPEN,
    )
