"""What the venue lists: ``/v2/assets`` -> instruments.

A crypto symbol is ``BASE/QUOTE``; a stock's is its own base, and its prices are US dollars.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.ids import Asset, VenueId, instrument_id
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ONE, ZERO, parse_decimal
from integrated_trading_system.venues.alpaca.endpoints import Rules

USD: Final = Asset("USD")
CENT: Final = Decimal("0.01")
"""Stocks below one dollar also have prices between the cents; whole cents are good for all of them."""
CRYPTO_NOTIONAL_MIN: Final = Decimal(10)
""" "Cost basis must be >= minimal amount of order 10": of what is quoted in dollars. Sells are not floored."""

Name = Annotated[str, Meta(pattern=r"\A[A-Z0-9][A-Z0-9._-]{0,23}(/[A-Z0-9]{1,24})?\Z")]
"""Becomes part of addresses and pages: no other characters than these."""


class Listing(Struct, rename={"asset_class": "class"}):
    """One entry of ``/v2/assets``. Stocks have no steps of their own."""

    asset_class: str
    symbol: Name
    status: str
    tradable: bool
    price_increment: str | None = None
    min_trade_increment: str | None = None
    min_order_size: str | None = None


_LISTING: Final = Decoder(Listing)


def instruments(venue: VenueId, rules: Rules, entries: Sequence[Raw]) -> tuple[Instrument, ...]:
    """Everything listed that can be understood; raises ValueError where nothing can.

    An entry whose shape or numbers are not as promised is left out: nobody can subscribe to it.
    """
    found = []
    for entry in entries:
        try:
            found.append(_instrument(venue, rules, _LISTING.decode(entry)))
        except (ValueError, RecursionError):
            continue
    if entries and not found:
        raise ValueError(f"none of {len(entries)} entries has the promised shape")
    return tuple(found)


def _instrument(venue: VenueId, rules: Rules, raw: Listing) -> Instrument:
    if raw.asset_class != rules.asset_class:
        raise ValueError(f"asset class {raw.asset_class[:40]}")
    base, quote = (raw.symbol, rules.quotes[0]) if rules.quotes else _pair(raw.symbol)
    return Instrument(
        instrument=instrument_id(venue, raw.symbol),
        venue=venue,
        symbol=raw.symbol,
        base=Asset(base),
        quote=quote,
        settle=quote,
        kind=Kind.SPOT,
        tick=parse_decimal(raw.price_increment) if raw.price_increment else CENT,
        lot=parse_decimal(raw.min_trade_increment) if raw.min_trade_increment else ONE,
        quantity_min=parse_decimal(raw.min_order_size) if raw.min_order_size else ZERO,
        notional_min=CRYPTO_NOTIONAL_MIN if quote == USD and not rules.quotes else ZERO,
        tradable=raw.tradable and raw.status == "active",
    )


def _pair(symbol: str) -> tuple[str, Asset]:
    base, slash, quote = symbol.partition("/")
    if not slash:
        raise ValueError(f"no pair: {symbol[:40]}")
    return base, Asset(quote)
