"""One book as the venue wrote it: price and size stay text, so that a checksum over them is exact to the character.

A float would lose what is summed: ``0.00100000`` and ``0.001`` are one number and two checksums. The number is used
only to sort.
"""

from bisect import bisect_left
from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

TextLevel: TypeAlias = tuple[str, str]
"""Price and size, as the venue wrote them."""


class Checksums(Struct):
    """How often the venue's checksum of one book was compared with that of ours."""

    checked: int = 0
    failed: int = 0

    def count(self, equal: bool) -> bool:
        """One more comparison; whether it was equal."""
        self.checked += 1
        self.failed += not equal
        return equal


class TextBook:
    """The levels of one instrument.

    Texts must be decimal numbers: whoever calls has proved them, a text that is none raises ValueError.
    """

    __slots__ = ("_asks", "_bids")

    def __init__(self) -> None:
        self._bids = _Side(-1.0)
        self._asks = _Side(1.0)

    def replace(self, bids: Iterable[TextLevel], asks: Iterable[TextLevel]) -> None:
        """Forget what was known: these are the levels, in any order."""
        self._bids.clear()
        self._asks.clear()
        self.apply(bids, asks)

    def apply(self, bids: Iterable[TextLevel], asks: Iterable[TextLevel]) -> None:
        """Change levels, in the order given; a size of zero removes the level."""
        self._bids.apply(bids)
        self._asks.apply(asks)

    def trim(self, levels: int) -> None:
        """Keep the best `levels` of each side."""
        self._bids.trim(levels)
        self._asks.trim(levels)

    def bids(self, levels: int) -> list[TextLevel]:
        """At most so many, the highest price first."""
        return self._bids.best(levels)

    def asks(self, levels: int) -> list[TextLevel]:
        """At most so many, the lowest price first."""
        return self._asks.best(levels)


class _Side:
    """The levels of one side, the best first: `keys` are the prices, for bids with the sign turned."""

    __slots__ = ("_keys", "_levels", "_sign")

    def __init__(self, sign: float) -> None:
        self._sign = sign
        self._keys: list[float] = []
        self._levels: dict[float, TextLevel] = {}

    def clear(self) -> None:
        self._keys.clear()
        self._levels.clear()

    def apply(self, levels: Iterable[TextLevel]) -> None:
        known, keys = self._levels, self._keys
        for price, size in levels:
            key = self._sign * float(price)
            if float(size) == 0.0:
                if known.pop(key, None) is not None:
                    del keys[bisect_left(keys, key)]
                continue
            if key not in known:
                keys.insert(bisect_left(keys, key), key)
            known[key] = (price, size)

    def trim(self, levels: int) -> None:
        for key in self._keys[levels:]:
            del self._levels[key]
        del self._keys[levels:]

    def best(self, levels: int) -> list[TextLevel]:
        known = self._levels
        return [known[key] for key in self._keys[:levels]]
