"""What the venue lists -> instruments, the channels of an instrument, and under which id its data comes.

Symbols are taken apart in one place only: the ids of Advanced Trade that end in ``-USDC``.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.ids import Asset, VenueId, instrument_id
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.money import ONE, parse_decimal
from integrated_trading_system.venues.coinbase.wire import Name

ONLINE: Final = "online"

EXCHANGE_CHANNELS: Final = {
    DataType.QUOTES: "ticker",
    DataType.TRADES: "matches",
    DataType.DEPTH: "level2_batch",
    DataType.STATISTICS: "ticker_batch",
}
"""Candles, mark prices and funding are not streamed. ``level2`` itself is for those who log on."""

ADVANCED_CHANNELS: Final = {
    DataType.QUOTES: "ticker",
    DataType.TRADES: "market_trades",
    DataType.DEPTH: "level2",
    DataType.STATISTICS: "ticker_batch",
    DataType.CANDLES: "candles",
}

HEARTBEAT: Final = "heartbeat"
"""Exchange: of each product."""
HEARTBEATS: Final = "heartbeats"
"""Advanced Trade: of the connection."""

_OWN_USDC_BOOKS: Final = ("USDT-USDC", "EURC-USDC")


class Product(Struct):
    """One entry of Exchange's ``/products``. The sizes are no longer told; captures of 2021 have them."""

    id: Name
    base_currency: Name
    quote_currency: Name
    quote_increment: str
    base_increment: str
    status: str
    min_market_funds: str = ""
    base_min_size: str = ""
    base_max_size: str = ""
    trading_disabled: bool = False
    cancel_only: bool = False
    post_only: bool = False
    auction_mode: bool = False


class FutureDetails(Struct):
    """What a contract is worth: `contract_size` units of `contract_root_unit`."""

    contract_size: str
    contract_root_unit: Name


class AdvancedProduct(Struct):
    """One entry of Advanced Trade's products. `price_increment` is the tick; `quote_increment` may be finer."""

    product_id: Name
    product_type: str
    quote_currency_id: Name
    base_increment: str
    price_increment: str
    base_currency_id: str = ""
    base_min_size: str = ""
    base_max_size: str = ""
    quote_min_size: str = ""
    status: str = ""
    is_disabled: bool = False
    trading_disabled: bool = False
    cancel_only: bool = False
    post_only: bool = False
    auction_mode: bool = False
    view_only: bool = False
    future_product_details: FutureDetails | None = None


_PRODUCT: Final = Decoder(Product)
_ADVANCED_PRODUCT: Final = Decoder(AdvancedProduct)


def instruments(venue: VenueId, entries: Sequence[Raw], *, advanced: bool) -> tuple[Instrument, ...]:
    """Everything listed that can be understood; raises ValueError where nothing can.

    An entry whose shape or numbers are not as promised is left out: nobody can subscribe to it.
    """
    build = _advanced if advanced else _exchange
    found = []
    for entry in entries:
        try:
            found.append(build(venue, entry))
        except (ValueError, RecursionError):
            continue
    if entries and not found:
        raise ValueError(f"none of {len(entries)} entries has the promised shape")
    return tuple(found)


def data_symbol(symbol: str) -> str:
    """Under which id Advanced Trade's market channels tell of this symbol.

    USD and USDC share one book: "other channels will return the same data as the corresponding -USD product".
    """
    if symbol.endswith("-USDC") and symbol not in _OWN_USDC_BOOKS:
        return symbol.removesuffix("C")
    return symbol


def _exchange(venue: VenueId, entry: Raw) -> Instrument:
    raw = _PRODUCT.decode(entry)
    shut = raw.trading_disabled or raw.cancel_only or raw.post_only or raw.auction_mode
    return Instrument(
        instrument=instrument_id(venue, raw.id),
        venue=venue,
        symbol=raw.id,
        base=Asset(raw.base_currency),
        quote=Asset(raw.quote_currency),
        settle=Asset(raw.quote_currency),
        kind=Kind.SPOT,
        tick=parse_decimal(raw.quote_increment),
        lot=parse_decimal(raw.base_increment),
        quantity_min=parse_decimal(raw.base_min_size or "0"),
        quantity_max=parse_decimal(raw.base_max_size or "0"),
        notional_min=parse_decimal(raw.min_market_funds or "0"),
        tradable=raw.status == ONLINE and not shut,
    )


def _advanced(venue: VenueId, entry: Raw) -> Instrument:
    """Futures are shown and not traded: their margin account is another one, with endpoints of its own."""
    raw = _ADVANCED_PRODUCT.decode(entry)
    future = raw.future_product_details
    if (raw.product_type != "SPOT") is (future is None):
        raise ValueError(f"product type {raw.product_type[:40]}")
    base = future.contract_root_unit if future is not None else raw.base_currency_id
    if not base:
        raise ValueError("no base currency")
    shut = raw.trading_disabled or raw.is_disabled or raw.view_only
    shut = shut or raw.cancel_only or raw.post_only or raw.auction_mode
    return Instrument(
        instrument=instrument_id(venue, raw.product_id),
        venue=venue,
        symbol=raw.product_id,
        base=Asset(base),
        quote=Asset(raw.quote_currency_id),
        settle=Asset(raw.quote_currency_id),
        kind=Kind.SPOT if future is None else Kind.LINEAR,
        tick=parse_decimal(raw.price_increment),
        lot=parse_decimal(raw.base_increment),
        quantity_min=parse_decimal(raw.base_min_size or "0"),
        quantity_max=parse_decimal(raw.base_max_size or "0"),
        notional_min=parse_decimal(raw.quote_min_size or "0"),
        multiplier=ONE if future is None else parse_decimal(future.contract_size),
        tradable=future is None and raw.status == ONLINE and not shut,
    )
