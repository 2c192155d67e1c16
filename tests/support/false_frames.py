"""Frames of a simulated venue that are readable and wrong: one value of them is not what it was.

Works on any venue's JSON: what is a price is known by its size. Only best prices are changed, for a wrong level
deep in a book cannot be told from a right one.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from integrated_trading_system.domain.ids import LinkId, VenueId
from integrated_trading_system.simulation.exchange.dialect import Outgoing
from tests.support.watched_market import SYMBOLS, WatchedMarket

Place: TypeAlias = tuple[Any, Any]
"""A list or dictionary, and the place in it."""
Alter: TypeAlias = Callable[[bytes], bytes | None]
"""None: this frame is not one to be changed."""

QUOTES: Final = {
    "binance": b"bookTicker",
    "bybit": b'"orderbook.1.',
    "okx": b'"bbo-tbt"',
    "kraken": b'"channel":"ticker"',
    "backpack": b"bookTicker",
}
"""What a frame with best prices contains, by venue."""


def prices(node: Any, middle: float) -> Iterator[Place]:
    """Every price near the middle."""
    places = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(places):
        if isinstance(value, dict | list):
            yield from prices(value, middle)
        elif isinstance(value, float) or (isinstance(value, str) and value.count(".") == 1):
            try:
                number = float(value)
            except ValueError:
                continue
            if middle / 2 < number < middle * 2:
                yield node, key


def first_price(change: Callable[[str], Any]) -> Callable[[Any, list[Place], str], None]:
    """Put something else in the place of the first price; what is no text is put in as it is."""

    def apply(_: Any, places: list[Place], __: str) -> None:
        node, key = places[0]
        text = node[key]
        changed = change(str(text))
        node[key] = float(changed) if isinstance(text, float) and isinstance(changed, str) else changed

    return apply


def swapped(_: Any, places: list[Place], __: str) -> None:
    (one, here), (two, there) = places[:2]
    one[here], two[there] = two[there], one[here]


def without_price(_: Any, places: list[Place], __: str) -> None:
    node, key = places[0]
    del node[key]


CHANGES: Final[dict[str, Callable[[Any, list[Place], str], None]]] = {
    "NaN": first_price(lambda _: "NaN"),
    "infinite": first_price(lambda _: "1e999"),
    "negative": first_price(lambda text: f"-{text}"),
    "zero": first_price(lambda _: "0.0"),
    "a billion times": first_price(lambda text: repr(float(text) * 1e9)),
    "off the tick": first_price(lambda text: repr(float(text) + 0.0037)),
    "null": first_price(lambda _: None),
    "a list": first_price(lambda _: []),
    "true": first_price(lambda _: True),
    "missing": without_price,
    "crossed": swapped,
}
"""By name: what is done to a frame with best prices."""


def changed(kind: str, venue: str, middle: float) -> Alter:
    """A frame of the venue's best prices with this change."""
    mark = QUOTES[venue.partition(":")[0]]

    def alter(frame: bytes) -> bytes | None:
        if mark not in frame:
            return None
        tree = json.loads(frame)
        found = list(prices(tree, middle))
        if len(found) < 2:
            return None
        CHANGES[kind](tree, found, venue)
        return json.dumps(tree, separators=(",", ":")).encode()

    return alter


def of_another_symbol(venue: str) -> Alter:
    """A frame of the venue's best prices, for a symbol that it does not list."""
    mark, symbol = QUOTES[venue.partition(":")[0]], SYMBOLS[venue].encode()

    def alter(frame: bytes) -> bytes | None:
        found = mark in frame and symbol in frame
        other = symbol.replace(b"BTC", b"XQZ")
        return frame.replace(symbol, other).replace(symbol.lower(), other.lower()) if found else None

    return alter


class Liar:
    """Stands on the way of one venue's market data; changes one frame when it is told to."""

    def __init__(self, market: WatchedMarket, venue: str) -> None:
        self.told: list[bytes] = []
        self.instead: Alter | None = None
        dialect: Any = market.world._dialects[VenueId(venue)]

        def take(honest: Callable[[], list[Outgoing]] = dialect.take) -> list[Outgoing]:
            return [Outgoing(one.link, self._pass(one.link, one.frame)) for one in honest()]

        dialect.take = take

    def _pass(self, link: LinkId, frame: bytes | None) -> bytes | None:
        if self.instead is None or frame is None or "#user." in link:
            return frame
        told = self.instead(frame)
        if told is None:
            return frame
        self.told.append(told)
        self.instead = None
        return told
