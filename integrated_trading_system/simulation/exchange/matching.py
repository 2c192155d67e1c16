"""One order book with price-time priority, and what changed in it since it was last asked.

Prices are kept in one sorted list per side (best last), orders per price in arrival order.
"""

from bisect import bisect_left
from collections.abc import Iterator
from decimal import Decimal

from integrated_trading_system.domain.money import ZERO, round_down
from integrated_trading_system.domain.order import Side
from integrated_trading_system.simulation.exchange.events import PriceLevel, Top
from integrated_trading_system.simulation.exchange.orders import Order


class Level:
    """The orders at one price, oldest first."""

    __slots__ = ("orders", "price", "quantity")

    def __init__(self, price: Decimal) -> None:
        self.price = price
        self.quantity = ZERO
        self.orders: dict[int, Order] = {}


class BookSide:
    """All bids, or all asks."""

    __slots__ = ("_buy", "_keys", "_levels", "_touched")

    def __init__(self, side: Side) -> None:
        self._buy = side is Side.BUY
        self._keys: list[Decimal] = []
        """Ascending, best last: bids as they are, asks negated."""
        self._levels: dict[Decimal, Level] = {}
        self._touched: dict[Decimal, None] = {}

    @property
    def best(self) -> Level | None:
        """The level that trades first."""
        if not self._keys:
            return None
        key = self._keys[-1]
        return self._levels[key if self._buy else -key]

    def __iter__(self) -> Iterator[Level]:
        """Levels, best first."""
        for key in reversed(self._keys):
            yield self._levels[key if self._buy else -key]

    def __len__(self) -> int:
        """Number of levels."""
        return len(self._keys)

    def within(self, limit: Decimal | None) -> Iterator[Level]:
        """Levels that an order of the other side with this limit would meet; None meets all."""
        for level in self:
            if limit is not None and (level.price < limit if self._buy else level.price > limit):
                return
            yield level

    def add(self, order: Order) -> None:
        """At the end of its price's queue."""
        price = order.price
        level = self._levels.get(price)
        if level is None:
            level = self._levels[price] = Level(price)
            key = price if self._buy else -price
            self._keys.insert(bisect_left(self._keys, key), key)
        level.orders[order.order_id] = order
        level.quantity += order.quantity - order.filled
        self._touched[price] = None

    def take_from(self, order: Order, quantity: Decimal) -> None:
        """Part of a resting order traded, or is taken away; an order with nothing left leaves the queue.

        Called before `order.filled` changes.
        """
        level = self._levels[order.price]
        level.quantity -= quantity
        self._touched[order.price] = None
        if quantity == order.quantity - order.filled:
            del level.orders[order.order_id]
            if not level.orders:
                del self._levels[order.price]
                key = order.price if self._buy else -order.price
                del self._keys[bisect_left(self._keys, key)]

    def depth(self, limit: int) -> tuple[PriceLevel, ...]:
        """The best `limit` levels, best first."""
        levels = self._levels
        if self._buy:
            return tuple((key, levels[key].quantity) for key in self._keys[: -limit - 1 : -1])
        return tuple((-key, levels[-key].quantity) for key in self._keys[: -limit - 1 : -1])

    def take_touched(self) -> tuple[PriceLevel, ...]:
        """Levels touched since the last call, with what they hold now."""
        if not self._touched:
            return ()
        levels = self._levels
        touched, self._touched = self._touched, {}
        return tuple((price, levels[price].quantity if price in levels else ZERO) for price in touched)


class OrderBook:
    """Both sides of one symbol."""

    __slots__ = ("asks", "bids", "last_top", "last_update")

    def __init__(self) -> None:
        """Empty."""
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)
        self.last_update = 0
        """Grows by one for every level reported as changed."""
        self.last_top = Top(ZERO, ZERO, ZERO, ZERO)
        """As last reported."""

    def side(self, side: Side) -> BookSide:
        """Where orders of this side rest."""
        return self.bids if side is Side.BUY else self.asks

    @property
    def top(self) -> Top:
        """As it is now."""
        bid = self.bids.best
        ask = self.asks.best
        return Top(
            bid.price if bid else ZERO,
            bid.quantity if bid else ZERO,
            ask.price if ask else ZERO,
            ask.quantity if ask else ZERO,
        )

    def crosses(self, side: Side, limit: Decimal) -> bool:
        """Whether an order with this limit would trade at once."""
        best = self.side(side.opposite).best
        return best is not None and (limit >= best.price if side is Side.BUY else limit <= best.price)

    def available(self, side: Side, limit: Decimal | None, wanted: Decimal) -> Decimal:
        """How much of `wanted` could trade at once."""
        found = ZERO
        for level in self.side(side.opposite).within(limit):
            found += level.quantity
            if found >= wanted:
                return wanted
        return found

    def value_of(self, side: Side, quantity: Decimal) -> Decimal:
        """Sum of price x quantity when this much traded at once (or what there is)."""
        value = ZERO
        for level in self.side(side.opposite):
            traded = min(quantity, level.quantity)
            value += traded * level.price
            quantity -= traded
            if not quantity:
                break
        return value

    def quantity_for(self, side: Side, value: Decimal, lot: Decimal) -> Decimal:
        """How much, in whole lots, trades at once for at most this sum of price x quantity."""
        quantity = ZERO
        for level in self.side(side.opposite):
            traded = min(level.quantity, round_down(value / level.price, lot))
            quantity += traded
            value -= traded * level.price
            if traded < level.quantity:
                break
        return quantity
