"""What the venue lists: ``AssetPairs`` -> instruments, and the names that REST has for what the stream calls otherwise.

The stream says BTC/USD. REST says XBTUSD for the same pair in orders, XXBTZUSD in some of its answers, and XXBT or
XBT for the asset.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.ids import Asset, VenueId, instrument_id
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import parse_decimal
from integrated_trading_system.domain.time import DAY, HOUR, MINUTE

TRADING: Final = "online"
"""The one status in which every order is taken; cancel_only, post_only, limit_only and reduce_only are not."""

RENAMED: Final = {"XBT": "BTC", "XDG": "DOGE"}
"""Codes of the REST API that the stream spells otherwise."""

_OLD_CODES: Final = {code: name for name, code in RENAMED.items()}
_CRYPTO: Final = ("ETC", "ETH", "ICN", "LTC", "MLN", "REP", "XBT", "XDG", "XLM", "XMR", "XRP", "ZEC")
_FIAT: Final = ("AUD", "CAD", "EUR", "GBP", "JPY", "USD")
_LEGACY: Final = {code: f"X{code}" for code in _CRYPTO} | {code: f"Z{code}" for code in _FIAT}
"""Assets of the venue's first years have a letter before their code; no newer one has."""
_MODERN: Final = {legacy: code for code, legacy in _LEGACY.items()}

INTERVALS: Final = {
    "1m": MINUTE,
    "5m": 5 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "1h": HOUR,
    "4h": 4 * HOUR,
    "1d": DAY,
}
"""Candles that the venue makes. Those of 7 and 15 days begin on days of their own, not on Mondays: left out."""

Decimals = Annotated[int, Meta(ge=0, le=18)]
Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,24}/[A-Za-z0-9._-]{1,24}\Z")]
"""Becomes part of addresses and pages: no other characters than these."""


class Pair(Struct):
    """One entry of ``AssetPairs``. Older copies know neither status nor tick size."""

    altname: str
    wsname: Name
    pair_decimals: Decimals
    lot_decimals: Decimals
    tick_size: str = ""
    ordermin: str = "0"
    costmin: str = "0"
    status: str = TRADING


_PAIR: Final = Decoder(Pair)


class Pairs:
    """What pairs are called in answers that do not say where the base ends, as far as the venue has listed them."""

    def __init__(self) -> None:
        """None is known."""
        self.symbols: dict[str, str] = {}
        """By any name that REST has for the pair."""

    def learn(self, instruments: Sequence[Instrument]) -> None:
        """These are listed."""
        self.symbols.update({name: one.symbol for one in instruments for name in names(one.symbol)})


def instruments(venue: VenueId, entries: Mapping[str, Raw]) -> tuple[Instrument, ...]:
    """Everything listed that can be understood; raises ValueError where nothing can.

    An entry whose shape or numbers are not as promised is left out (dark pools have no name in the stream): nobody
    can subscribe to it.
    """
    found = []
    for entry in entries.values():
        try:
            found.append(_instrument(venue, _PAIR.decode(entry)))
        except (ValueError, RecursionError):
            continue
    if entries and not found:
        raise ValueError(f"none of {len(entries)} entries has the promised shape")
    return tuple(found)


def modern(asset: str) -> str:
    """The stream's name of an asset that REST calls XXBT, XBT, ZUSD … Earning balances (USDT.F) keep theirs."""
    code = _MODERN.get(asset, asset)
    return RENAMED.get(code, code)


def pair(symbol: str) -> str:
    """What REST calls the pair in requests: BTC/USD is XBTUSD."""
    return "".join(_OLD_CODES.get(part, part) for part in symbol.split("/"))


def names(symbol: str) -> tuple[str, str]:
    """All that REST calls the pair in answers: XBTUSD and XXBTZUSD."""
    codes = [_OLD_CODES.get(part, part) for part in symbol.split("/")]
    return "".join(codes), "".join(_LEGACY.get(code, code) for code in codes)


def decimals(step: Decimal) -> int:
    """Digits after the point that a multiple of the step is printed with; 0 for no step."""
    exponent = step.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _instrument(venue: VenueId, raw: Pair) -> Instrument:
    base, quote = (RENAMED.get(part, part) for part in raw.wsname.split("/"))
    symbol = f"{base}/{quote}"
    if raw.altname != pair(symbol):
        raise ValueError(f"{raw.altname} is not called as its symbol {symbol} says")
    return Instrument(
        instrument=instrument_id(venue, symbol),
        venue=venue,
        symbol=symbol,
        base=Asset(base),
        quote=Asset(quote),
        settle=Asset(quote),
        kind=Kind.SPOT,
        tick=_tick(raw),
        lot=Decimal(1).scaleb(-raw.lot_decimals),
        quantity_min=parse_decimal(raw.ordermin),
        notional_min=parse_decimal(raw.costmin),
        tradable=raw.status == TRADING,
    )


def _tick(raw: Pair) -> Decimal:
    """With as many digits as prices are printed with: `decimals` asks it for them."""
    if not raw.tick_size:
        return Decimal(1).scaleb(-raw.pair_decimals)
    return parse_decimal(raw.tick_size) + Decimal(0).scaleb(-raw.pair_decimals)
