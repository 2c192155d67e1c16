"""What a capture without instrument data still tells: which symbols, and how fine prices and sizes are.

The result is marked `inferred`: good enough to replay and to trade on paper, never live.
"""

from collections.abc import Iterable, Iterator
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
_NUMBERS_AS_TEXT: Final = msgspec.json.Decoder(float_hook=str)


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
            message = _NUMBERS_AS_TEXT.decode(frame)
        except (msgspec.DecodeError, RecursionError):
            continue
        _look(message, seen)
    return tuple(_instrument(venue, symbol, steps) for symbol, steps in seen.items())


def symbols_in(frames: Iterable[bytes]) -> tuple[str, ...]:
    """The symbols that the frames speak of, in order of appearance."""
    return tuple(instrument.symbol for instrument in infer_instruments(VenueId("any:any"), frames))


def _look(message: Any, seen: dict[str, _Seen]) -> None:
    """Take note of one decoded message. All three native venues spell symbol, bids and asks `s`, `b`, `a`."""
    for product, levels in (*_of_coinbase(message), *_of_kraken(message), *_of_okx(message)):
        _take_note(seen.setdefault(product, _Seen()), levels)
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


def _of_coinbase(message: Any) -> Iterator[tuple[str, list[Any]]]:
    """Product, prices and sizes of both of Coinbase's protocols; of one about no product nothing."""
    rows = [message]
    for event in _some(message, "events"):
        rows += [event, *_some(event, "tickers"), *_some(event, "trades")]
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("product_id"), str):
            continue
        levels = [(row.get("price"), row.get("size")), (row.get("best_bid"), row.get("best_bid_size"))]
        for key in ("bids", "asks", "changes"):  # a change has its side before price and size
            levels += [tuple(level[-2:]) for level in _some(row, key) if isinstance(level, list) and len(level) > 1]
        updates = [each for each in _some(row, "updates") if isinstance(each, dict)]
        levels += [(each.get("price_level"), each.get("new_quantity")) for each in updates]
        yield row["product_id"], levels


def _some(row: Any, key: str) -> list[Any]:
    """The first entries of a list in it; none where it is no list."""
    found = row.get(key) if isinstance(row, dict) else None
    return found[:_LEVELS_SEEN] if isinstance(found, list) else []


def _of_kraken(message: Any) -> Iterator[tuple[str, list[Any]]]:
    """Symbol, prices and sizes; these are numbers, here in the text that they were printed in."""
    rows = message.get("data") if isinstance(message, dict) and "channel" in message else None
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict) or not isinstance(row.get("symbol"), str):
            continue
        levels = [(row.get("price"), row.get("qty")), (row.get("bid"), row.get("bid_qty"))]
        for side in ("bids", "asks"):
            book = row.get(side)
            of_side = book[:_LEVELS_SEEN] if isinstance(book, list) else ()
            levels += [(level.get("price"), level.get("qty")) for level in of_side if isinstance(level, dict)]
        yield row["symbol"], levels


def _of_okx(message: Any) -> Iterator[tuple[str, list[Any]]]:
    """Symbol, prices and sizes; the symbol is in the argument that was subscribed to."""
    argument = message.get("arg") if isinstance(message, dict) else None
    symbol = argument.get("instId") if isinstance(argument, dict) else None
    if not isinstance(symbol, str):
        return
    rows = message.get("data")
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict):
            continue
        levels = [(row.get("px"), row.get("sz")), (row.get("bidPx"), row.get("bidSz"))]
        for side in ("bids", "asks"):
            book = row.get(side)
            of_side = book[:_LEVELS_SEEN] if isinstance(book, list) else ()
            levels += [(level[0], level[1]) for level in of_side if isinstance(level, list) and len(level) > 1]
        yield symbol, levels


def _take_note(steps: _Seen, levels: list[Any]) -> None:
    for price, size in levels:
        steps.price = max(steps.price, _decimals(price))
        steps.size = max(steps.size, _decimals(size))


def _decimals(text: Any) -> int:
    """Digits behind the point that are not trailing zeros."""
    return len(text.partition(".")[2].rstrip("0")) if isinstance(text, str) else 0


def _instrument(venue: VenueId, symbol: str, steps: _Seen) -> Instrument:
    base, quote = _assets(symbol)
    flavour = venue.partition(":")[2]
    kind = {"usdm": Kind.LINEAR, "linear": Kind.LINEAR, "perp": Kind.LINEAR, "coinm": Kind.INVERSE}.get(
        flavour, Kind.SPOT
    )
    if flavour in ("swap", "linear"):
        kind = Kind.INVERSE if quote == "USD" else Kind.LINEAR
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
        multiplier=_contract_size(flavour, base) if kind is Kind.INVERSE else ONE,
        inferred=True,
    )


def _assets(symbol: str) -> tuple[str, str]:
    """Base and quote by the symbol's ending; the whole symbol against an unnamed quote where none fits."""
    parts = symbol.removesuffix("_PERP").replace("-", "_").replace("/", "_").split("_")
    if len(parts) > 1:
        return parts[0], parts[1]
    for quote in QUOTES:
        if parts[0].endswith(quote) and len(parts[0]) > len(quote):
            return parts[0].removesuffix(quote), quote
    return parts[0], "UNKNOWN"


def _contract_size(flavour: str, base: str) -> Decimal:
    """Binance COIN-M, and OKX: one contract is 100 USD for BTC and 10 USD for every other coin. Bybit: 1 USD."""
    if flavour == "linear":
        return ONE
    return Decimal(100) if base == "BTC" else Decimal(10)
