"""Messages that others wrote by hand for tests of theirs, as far as they have the shape of a venue's public stream.

Their values are invented and the symbol is left open: here it is filled in. What is no message of a public stream (an
answer, a request, something without a topic) is held against our decoders by the real samples instead.
"""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from integrated_trading_system.domain.market import BookDelta, BookSnapshot, MarketEvent, Trade
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.venue import Codec
from tests.support import backpack, binance, bybit, coinbase, okx

AT: Final = Nanos(7)
SYMBOLS: Final = {
    "binance": "COINALPHAHBOT",
    "bybit": "COINALPHAHBOT",
    "okx": "COINALPHA-HBOT",
    "coinbase_advanced_trade": "COINALPHA-HBOT",
    "backpack": "COINALPHA_HBOT",
}
READ: Final = {
    "binance": {"Trade": 2, "BookDelta": 2},
    "bybit": {"Trade": 1},
    "okx": {"Trade": 1, "BookDelta": 2},
    "coinbase_advanced_trade": {"Trade": 3},
    "backpack": {"Trade": 4, "BookDelta": 4},
}
"""By venue: what comes of its messages."""
REFUSED: Final = {
    "binance": 0,
    "bybit": 3,  # of a type that the venue does not have (order_book_diff), or with levels written as an ellipsis
    "okx": 4,  # without data, or with a checksum of another book
    "coinbase_advanced_trade": 2,  # with a side named `ask`, which the venue calls `offer`
    "backpack": 0,
}
"""Messages of which nothing comes, because no venue would send them."""


def literals(recordings: Path, venue: str) -> Iterator[Any]:
    """The order book tests' messages of a public stream, with a symbol in place of an expression."""
    if venue == "backpack":
        text = (recordings / "backpack" / "hummingbot_backpack_spot_test_literals.json").read_text()
        files = json.loads(_filled(text, SYMBOLS[venue]))
    else:
        raw = gzip.decompress(
            (recordings / "fixtures_hummingbot" / "spot_connectors_test_literals.json.gz").read_bytes()
        )
        files = json.loads(_filled(raw.decode(), SYMBOLS[venue]))[f"exchange/{venue}"]
    for name, found in files.items():
        if "order_book" in name:
            yield from (one["value"] for one in found if _is_streamed(one["value"]))


def _filled(text: str, symbol: str) -> str:
    inner = re.sub(r"<expr:f'([a-zA-Z0-9.]*)\{self\.(?:ex_)?trading_pair\}'>", rf"\g<1>{symbol}", text)
    return re.sub(r"<expr:self\.(?:ex_)?trading_pair>", symbol, inner)


def _is_streamed(value: Any) -> bool:
    if not isinstance(value, dict) or value.get("event") in ("subscribe", "sub"):
        return False
    return bool({"e", "stream", "topic", "channel"} & value.keys() or ("arg" in value))


def codec_of(venue: str, symbol: str) -> Codec:
    modules: dict[str, Any] = {"binance": binance, "bybit": bybit, "okx": okx, "backpack": backpack}
    module = modules.get(venue, coinbase)
    flavour = "advanced" if module is coinbase else "spot"
    codec: Codec = module.venue(flavour).codec
    codec.list([module.instrument(flavour, symbol)])
    return codec


def symbol_of(value: Any) -> str:
    """That of the message, wherever it is."""
    found = re.search(r'"(?:s|product_id|instId)": "([^"]+)"', json.dumps(value))
    return found[1] if found else ""


def numbers_in(value: Any) -> set[float]:
    return {float(text) for text in re.findall(r'"(-?[0-9]+(?:\.[0-9]+)?)"', json.dumps(value))}


def prices_and_sizes(event: MarketEvent) -> set[float]:
    match event:
        case Trade():
            return {event.price, event.quantity}
        case BookDelta() | BookSnapshot():
            return {number for level in event.bids + event.asks for number in level}
        case _:
            raise AssertionError(event)


@pytest.mark.parametrize("venue", READ)
def test_a_message_of_somebody_elses_tests_says_to_us_what_is_written_in_it(recordings: Path, venue: str) -> None:
    counted: dict[str, int] = {}
    refused = 0
    for value in literals(recordings, venue):
        codec = codec_of(venue, symbol_of(value) or SYMBOLS[venue])
        events = codec.decode(json.dumps(value).encode(), AT)
        told = [event for event in events if isinstance(event, Trade | BookDelta | BookSnapshot)]
        refused += not told
        for event in told:
            counted[type(event).__name__] = counted.get(type(event).__name__, 0) + 1
            assert prices_and_sizes(event) <= numbers_in(value)
    assert (counted, refused) == (READ[venue], REFUSED[venue])
