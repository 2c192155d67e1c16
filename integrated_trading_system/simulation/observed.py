"""A book that is only watched: what we have taken of a level stays taken until the venue changes that level."""

from decimal import Decimal
from typing import Protocol

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import Level
from integrated_trading_system.domain.money import ZERO, from_float, round_down
from integrated_trading_system.domain.order import OrderRequest, Side, TimeInForce

LEVELS = 50


class DepthReader(Protocol):
    """Where the observed books can be read."""

    def depth(self, instrument: InstrumentId, side: Side, limit: int) -> tuple[Level, ...]:
        """The levels that an order of this side would hit, best first."""


class ObservedBooks:
    """Trades against observed books."""

    def __init__(self, books: DepthReader) -> None:
        """Nothing is taken yet."""
        self._books = books
        self._taken: dict[tuple[InstrumentId, Side, float], tuple[float, Decimal]] = {}
        """By level: the size that it showed then, and how much of it we took."""

    def take(self, request: OrderRequest, lot: Decimal) -> list[tuple[Decimal, Decimal]]:
        """Price and quantity of each level that the order trades with now, within its limit; best first."""
        buying = request.side is Side.BUY
        wanted = request.quantity
        found: list[tuple[float, float, Decimal]] = []
        for price, size in self._books.depth(request.instrument, request.side, LEVELS):
            limit = from_float(price)
            if wanted <= 0 or (limit > request.price if buying else limit < request.price):
                break
            available = from_float(size) - self._already(request, price, size)
            quantity = min(wanted, round_down(available, lot))
            if quantity > 0:
                found.append((price, size, quantity))
                wanted -= quantity
        if request.time_in_force is TimeInForce.FOK and wanted > 0:
            return []
        for price, size, quantity in found:
            key = (request.instrument, request.side, price)
            self._taken[key] = (size, self._already(request, price, size) + quantity)
        return [(from_float(price), quantity) for price, _, quantity in found]

    def _already(self, request: OrderRequest, price: float, size: float) -> Decimal:
        """What we took of this level since the venue last changed it."""
        shown, taken = self._taken.get((request.instrument, request.side, price), (size, ZERO))
        return taken if shown == size else ZERO
