"""One order book: a dict of sizes and a sorted list of prices for each side.

Measured against four other structures (ARCHITECTURE 10): dict + bisect is the fastest in pure
Python for real diffs, because changes cluster near the best price. A compiled book can take this
place behind the same methods.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Protocol, TypeAlias

from integrated_trading_system.domain.health import BookState
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import Level, Quote
from integrated_trading_system.domain.order import Side

Top: TypeAlias = tuple[float, float, float, float]
"""Best bid, its size, best ask, its size."""


class BookReader(Protocol):
    """Where books are read. Only books that are VALID have depth."""

    def depth(self, instrument: InstrumentId, side: Side, limit: int) -> tuple[Level, ...]:
        """At most `limit` levels that an order of this side would hit, best first: asks for BUY, bids for SELL."""

    def state(self, instrument: InstrumentId) -> BookState:
        """Whether the book may be believed; SYNCING for an instrument that was never heard of."""


class QuoteReader(Protocol):
    """Where the newest best prices are read. Whoever looks now and then is not told every quote."""

    def top(self, instrument: InstrumentId) -> Quote | None:
        """The newest best prices, while the book is VALID."""


class Book:
    """Prices and sizes of one instrument. Bids are kept negated, so that best is always last."""

    __slots__ = ("_ask_keys", "_asks", "_bid_keys", "_bids")

    def __init__(self) -> None:
        """Empty."""
        self._bids: dict[float, float] = {}
        self._asks: dict[float, float] = {}
        self._bid_keys: list[float] = []
        """Ascending: the best bid is last."""
        self._ask_keys: list[float] = []
        """Negated, ascending: the best ask is last."""

    def replace(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Forget everything and take these levels."""
        self._bids = {price: size for price, size in bids if size > 0.0}
        self._asks = {price: size for price, size in asks if size > 0.0}
        self._bid_keys = sorted(self._bids)
        self._ask_keys = sorted(-price for price in self._asks)

    def clear(self) -> None:
        """Forget everything."""
        self.replace((), ())

    def apply(self, bids: Sequence[Level], asks: Sequence[Level]) -> None:
        """Set each level to its size; size 0 removes it. Removing an absent level is normal."""
        sizes = self._bids
        keys = self._bid_keys
        for price, size in bids:
            if size == 0.0:
                if sizes.pop(price, None) is not None:
                    del keys[bisect_left(keys, price)]
            else:
                if price not in sizes:
                    insort(keys, price)
                sizes[price] = size
        sizes = self._asks
        keys = self._ask_keys
        for price, size in asks:
            if size == 0.0:
                if sizes.pop(price, None) is not None:
                    del keys[bisect_left(keys, -price)]
            else:
                if price not in sizes:
                    insort(keys, -price)
                sizes[price] = size

    @property
    def best_bid(self) -> Level | None:
        """Highest bid and its size."""
        if not self._bid_keys:
            return None
        price = self._bid_keys[-1]
        return price, self._bids[price]

    @property
    def best_ask(self) -> Level | None:
        """Lowest ask and its size."""
        if not self._ask_keys:
            return None
        price = -self._ask_keys[-1]
        return price, self._asks[price]

    @property
    def top(self) -> Top | None:
        """Both best levels; None while one side is empty."""
        bids = self._bid_keys
        asks = self._ask_keys
        if not bids or not asks:
            return None
        bid = bids[-1]
        ask = -asks[-1]
        return bid, self._bids[bid], ask, self._asks[ask]

    @property
    def crossed(self) -> bool:
        """True when the best bid is not below the best ask."""
        return bool(self._bid_keys and self._ask_keys) and self._bid_keys[-1] >= -self._ask_keys[-1]

    def bids(self, limit: int) -> tuple[Level, ...]:
        """The best `limit` bids, best first."""
        sizes = self._bids
        return tuple((price, sizes[price]) for price in self._bid_keys[: -limit - 1 : -1])

    def asks(self, limit: int) -> tuple[Level, ...]:
        """The best `limit` asks, best first."""
        sizes = self._asks
        return tuple((-key, sizes[-key]) for key in self._ask_keys[: -limit - 1 : -1])

    def __len__(self) -> int:
        """Number of levels on both sides."""
        return len(self._bids) + len(self._asks)

    @property
    def depth(self) -> tuple[int, int]:
        """Number of bid and of ask levels."""
        return len(self._bids), len(self._asks)

    def trim(self, levels: int) -> None:
        """Keep only the best `levels` of each side (for venues that send a window of the book)."""
        for key in self._bid_keys[:-levels]:
            del self._bids[key]
        del self._bid_keys[:-levels]
        for key in self._ask_keys[:-levels]:
            del self._asks[-key]
        del self._ask_keys[:-levels]
