"""What a capture without instrument data still tells: which symbols, and how fine prices and sizes are.

The result is marked `inferred`: good enough to replay and to trade on paper, never live.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import msgspec

from integrated_trading_system.domain.ids import Asset, VenueId, instrument_id
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ONE

FRAMES_MAX: Final = 5_000
"""Frames looked at in each file."""

QUOTES: Final = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "DAI", "USD", "EUR", "GBP", "JPY", "TRY", "BTC", "ETH", "BNB")
_LEVELS_SEEN: Final = 10


class _Seen:
    """The finest step of each kind seen so far, as a number of decimals."""

    def __init__(self) -> None:
        self.price = 0
        self.size = 0


def infer_instruments(venue: VenueId, frames: Iterable[bytes]) -> tuple[Instrument, ...]:
    """One instrument for each symbol that the frames speak of, in order of appearance."""
    seen: dict[str, _Seen] = {}
    for count, frame in enumerate(frames):
        if count >= FRAMES_MAX:
            break
        try:
            message = msgspec.json.decode(frame)
        except (msgspec.DecodeError, RecursionError):
            continue
        _look(message, seen)
    return tuple(_instrument(venue, symbol, steps) for symbol, steps in seen.items())


def symbols_in(frames: Iterable[bytes]) -> tuple[str, ...]:
    """The symbols that the frames speak of, in order of appearance."""
    return tuple(instrument.symbol for instrument in infer_instruments(VenueId("any:any"), frames))


def _look(message: Any, seen: dict[str, _Seen]) -> None:
    """Take note of one decoded message. All three native venues spell symbol, bids and asks `s`, `b`, `a`."""
    data = message.get("data", message) if isinstance(message, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("s"), str):
        return
    steps = seen.setdefault(data["s"], _Seen())
    for key, sizes in (("b", "B"), ("a", "A"), ("p", "q")):
        price = data.get(key)
        if isinstance(price, str):
            steps.price = max(steps.price, _decimals(price))
            steps.size = max(steps.size, _decimals(data.get(sizes)))
        elif isinstance(price, list):
            for level in price[:_LEVELS_SEEN]:
                steps.price = max(steps.price, _decimals(level[0]))
                steps.size = max(steps.size, _decimals(level[1]))


def _decimals(text: Any) -> int:
    """Digits behind the point that are not trailing zeros."""
    return len(text.partition(".")[2].rstrip("0")) if isinstance(text, str) else 0


def _instrument(venue: VenueId, symbol: str, steps: _Seen) -> Instrument:
    base, quote = _assets(symbol)
    flavour = venue.partition(":")[2]
    kind = {"usdm": Kind.LINEAR, "linear": Kind.LINEAR, "perp": Kind.LINEAR, "coinm": Kind.INVERSE}.get(
        flavour, Kind.SPOT
    )
    return Instrument(
        instrument=instrument_id(venue, symbol),
        venue=venue,
        symbol=symbol,
        base=Asset(base),
        quote=Asset(quote),
        settle=Asset(base if kind is Kind.INVERSE else quote),
        kind=kind,
        tick=Decimal(1).scaleb(-steps.price),
        lot=Decimal(1).scaleb(-steps.size),
        multiplier=_contract_size(base) if kind is Kind.INVERSE else ONE,
        inferred=True,
    )


def _assets(symbol: str) -> tuple[str, str]:
    """Base and quote by the symbol's ending; the whole symbol against an unnamed quote where none fits."""
    parts = symbol.removesuffix("_PERP").split("_")
    if len(parts) > 1:
        return parts[0], parts[1]
    for quote in QUOTES:
        if parts[0].endswith(quote) and len(parts[0]) > len(quote):
            return parts[0].removesuffix(quote), quote
    return parts[0], "UNKNOWN"


def _contract_size(base: str) -> Decimal:
    """Binance COIN-M: one contract is 100 USD for BTC and 10 USD for every other coin."""
    return Decimal(100) if base == "BTC" else Decimal(10)
