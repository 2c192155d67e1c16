"""What the exchange lists: the library's markets -> instruments, by their unified symbols (``BTC/USDT:USDT``)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from msgspec import Raw
from msgspec.json import Decoder

from integrated_trading_system.domain.ids import Asset, VenueId, instrument_id
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ONE, ZERO, parse_decimal
from integrated_trading_system.venues.ccxt.wire import Listed

DECIMAL_PLACES: Final = 2
SIGNIFICANT_DIGITS: Final = 3
TICK_SIZE: Final = 4
"""What the numbers of a market's precision count."""

_LISTED: Final = Decoder(Listed, strict=False)


def instruments(venue: VenueId, precision_mode: int, entries: Sequence[Raw]) -> tuple[Instrument, ...]:
    """Everything listed that can be understood; raises ValueError where nothing can.

    Options, and entries whose shape is not as promised, are left out: nobody can subscribe to them.
    """
    found = []
    for entry in entries:
        try:
            found.append(_instrument(venue, precision_mode, _LISTED.decode(entry)))
        except (ValueError, ArithmeticError, RecursionError):
            continue
    if entries and not found:
        raise ValueError(f"none of {len(entries)} entries has the promised shape")
    return tuple(found)


def _instrument(venue: VenueId, mode: int, raw: Listed) -> Instrument:
    kind = _kind(raw)
    return Instrument(
        instrument=instrument_id(venue, raw.symbol),
        venue=venue,
        symbol=raw.symbol,
        base=Asset(raw.base),
        quote=Asset(raw.quote),
        settle=Asset(raw.settle or raw.quote),
        kind=kind,
        tick=_step(raw.precision.price, mode),
        lot=_step(raw.precision.amount, mode),
        quantity_min=_exact(raw.limits.amount.min),
        quantity_max=_exact(raw.limits.amount.max),
        notional_min=_exact(raw.limits.cost.min),
        multiplier=ONE if kind is Kind.SPOT else _exact(raw.contract_size) or ONE,
        tradable=raw.active is not False,
    )


def _kind(raw: Listed) -> Kind:
    if raw.option or not (raw.spot or raw.contract) or not (raw.symbol and raw.base and raw.quote):
        raise ValueError("neither spot nor a contract that we know")
    if not raw.contract:
        return Kind.SPOT
    return Kind.INVERSE if raw.inverse else Kind.LINEAR


def _step(figure: float | None, mode: int) -> Decimal:
    """The step that a precision stands for; 0 where it names none."""
    if figure is None or mode == SIGNIFICANT_DIGITS:
        return ZERO
    if mode == DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(figure))
    return _exact(figure)


def _exact(figure: float | None) -> Decimal:
    """As many digits as were written: up to fifteen survive the library's binary numbers."""
    return ZERO if figure is None else parse_decimal(f"{Decimal(repr(float(figure))):f}")
