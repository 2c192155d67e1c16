"""What the venue lists: ``exchangeInfo`` -> instruments, and the names of an instrument's streams."""

from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.ids import Asset, VenueId, instrument_id
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.money import ONE, ZERO, parse_decimal
from integrated_trading_system.venues.binance.endpoints import Rules

TRADING: Final = "TRADING"
"""The one status in which orders are taken; every other one, known or new, is not."""

Name = Annotated[str, Meta(pattern=r'\A[^\x00-\x20"\\@/?&#%:]{1,40}\Z')]
"""A symbol becomes part of addresses, stream names and JSON. (Not all of them are ASCII.)"""


class Filter(Struct, rename="camel"):
    """A symbol's filters in one shape: only some fields belong to each `filter_type`."""

    filter_type: str
    tick_size: str = "0"
    step_size: str = "0"
    min_qty: str = "0"
    max_qty: str = "0"
    min_notional: str = "0"
    notional: str = "0"


class Symbol(Struct, rename="camel"):
    """One entry of ``exchangeInfo``."""

    symbol: Name
    base_asset: str
    quote_asset: str
    margin_asset: str = ""
    status: str = ""
    contract_status: str = ""
    """COIN-M's name of `status`."""
    contract_size: Annotated[int, Meta(gt=0)] = 1
    """COIN-M only: USD in one contract."""
    is_spot_trading_allowed: bool = True
    filters: list[Filter] = []


class ExchangeInfo(Struct):
    """Symbols stay raw until they are read one by one: a strange one must not hide the others."""

    symbols: list[Raw]


_EXCHANGE_INFO: Final = Decoder(ExchangeInfo)
_SYMBOL: Final = Decoder(Symbol)


def instruments(venue: VenueId, kind: Kind, body: bytes) -> tuple[Instrument, ...]:
    """Everything listed that can be understood; raises ValueError where nothing can.

    A symbol whose shape or numbers are not as promised is left out: nobody can subscribe to it.
    """
    found = []
    entries = _EXCHANGE_INFO.decode(body).symbols
    for entry in entries:
        try:
            found.append(_instrument(venue, kind, _SYMBOL.decode(entry)))
        except (ValueError, RecursionError):
            continue
    if entries and not found:
        raise ValueError(f"none of {len(entries)} symbols has the promised shape")
    return tuple(found)


def _instrument(venue: VenueId, kind: Kind, raw: Symbol) -> Instrument:
    filters = {entry.filter_type: entry for entry in raw.filters}
    price = filters.get("PRICE_FILTER", Filter("PRICE_FILTER"))
    lot = filters.get("LOT_SIZE", Filter("LOT_SIZE"))
    settle = raw.margin_asset or (raw.base_asset if kind is Kind.INVERSE else raw.quote_asset)
    return Instrument(
        instrument=instrument_id(venue, raw.symbol),
        venue=venue,
        symbol=raw.symbol,
        base=Asset(raw.base_asset),
        quote=Asset(raw.quote_asset),
        settle=Asset(settle),
        kind=kind,
        tick=parse_decimal(price.tick_size),
        lot=parse_decimal(lot.step_size),
        quantity_min=parse_decimal(lot.min_qty),
        quantity_max=parse_decimal(lot.max_qty),
        notional_min=_notional_min(filters),
        multiplier=Decimal(raw.contract_size) if kind is Kind.INVERSE else ONE,
        tradable=(raw.status or raw.contract_status) == TRADING and raw.is_spot_trading_allowed,
    )


def _notional_min(filters: dict[str, Filter]) -> Decimal:
    """NOTIONAL replaced MIN_NOTIONAL on spot; futures call MIN_NOTIONAL's field `notional`."""
    amounts = [
        parse_decimal(amount)
        for name in ("NOTIONAL", "MIN_NOTIONAL")
        if name in filters
        for amount in (filters[name].min_notional, filters[name].notional)
    ]
    return max(amounts, default=ZERO)


def stream_name(rules: Rules, symbol: str, data_type: DataType) -> str:
    """Where this data comes from: "all symbols for streams are lowercase"."""
    return f"{symbol.lower()}@{rules.streams[data_type]}"
