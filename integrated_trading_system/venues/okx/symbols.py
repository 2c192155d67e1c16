"""What the venue lists: ``public/instruments`` -> instruments, and the channels of an instrument."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.ids import Asset, VenueId, instrument_id
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.money import ONE, parse_decimal
from integrated_trading_system.venues.okx.endpoints import BUSINESS, PUBLIC, Rules

LIVE: Final = "live"
"""The one state in which orders are taken; every other one, known or new, is not."""

CHANNELS: Final = {
    DataType.QUOTES: "bbo-tbt",
    DataType.DEPTH: "books",
    DataType.TRADES: "trades",
    DataType.STATISTICS: "tickers",
    DataType.CANDLES: "candle1m",
    DataType.MARK_PRICE: "mark-price",
    DataType.FUNDING: "funding-rate",
}
_DERIVATIVES_ONLY: Final = (DataType.MARK_PRICE, DataType.FUNDING)

Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,48}\Z")]
"""Becomes part of arguments, addresses and pages: no other characters than these."""


class Listing(Struct, rename="camel"):
    """One entry of ``public/instruments``. What a product does not have is empty."""

    inst_id: Name
    state: str
    tick_sz: str
    lot_sz: str
    min_sz: str = ""
    max_lmt_sz: str = ""
    base_ccy: str = ""
    quote_ccy: str = ""
    settle_ccy: str = ""
    ct_type: str = ""
    ct_val: str = ""
    ct_mult: str = ""
    uly: str = ""
    """What a contract is about: ``BTC-USDT``."""


_LISTING: Final = Decoder(Listing)
_KINDS: Final = {"linear": Kind.LINEAR, "inverse": Kind.INVERSE}


def instruments(venue: VenueId, rules: Rules, entries: Sequence[Raw]) -> tuple[Instrument, ...]:
    """Everything listed that can be understood; raises ValueError where nothing can.

    An entry whose shape or numbers are not as promised is left out: nobody can subscribe to it.
    """
    build = _spot if rules.spot else _swap
    found = []
    for entry in entries:
        try:
            found.append(build(venue, _LISTING.decode(entry)))
        except (ValueError, RecursionError):
            continue
    if entries and not found:
        raise ValueError(f"none of {len(entries)} entries has the promised shape")
    return tuple(found)


def door(data_type: DataType, instrument: Instrument) -> str | None:
    """Behind which of the venue's addresses this data is; None where the instrument has none of it."""
    if instrument.kind is Kind.SPOT and data_type in _DERIVATIVES_ONLY:
        return None
    return BUSINESS if data_type is DataType.CANDLES else PUBLIC


def _spot(venue: VenueId, raw: Listing) -> Instrument:
    return _instrument(venue, raw, Kind.SPOT, raw.base_ccy, raw.quote_ccy, raw.quote_ccy, ONE)


def _swap(venue: VenueId, raw: Listing) -> Instrument:
    """`ctVal` is what one contract is worth: in base (linear) or in quote (inverse)."""
    kind = _KINDS.get(raw.ct_type)
    base, dash, quote = raw.uly.partition("-")
    if kind is None or not dash:
        raise ValueError(f"contract type {raw.ct_type[:40]} of {raw.uly[:40]}")
    multiplier = parse_decimal(raw.ct_val) * parse_decimal(raw.ct_mult or "1")
    return _instrument(venue, raw, kind, base, quote, raw.settle_ccy, multiplier)


def _instrument(
    venue: VenueId, raw: Listing, kind: Kind, base: str, quote: str, settle: str, multiplier: Decimal
) -> Instrument:
    for asset in (base, quote, settle):
        if not asset.isalnum():
            raise ValueError(f"not an asset: {asset[:40]!r}")
    tick, lot = parse_decimal(raw.tick_sz), parse_decimal(raw.lot_sz)
    if tick <= 0 or lot <= 0 or multiplier <= 0:
        raise ValueError("steps and contracts are above zero")
    return Instrument(
        instrument=instrument_id(venue, raw.inst_id),
        venue=venue,
        symbol=raw.inst_id,
        base=Asset(base),
        quote=Asset(quote),
        settle=Asset(settle),
        kind=kind,
        tick=tick,
        lot=lot,
        quantity_min=parse_decimal(raw.min_sz or "0"),
        quantity_max=parse_decimal(raw.max_lmt_sz or "0"),
        multiplier=multiplier,
        tradable=raw.state == LIVE,
    )
