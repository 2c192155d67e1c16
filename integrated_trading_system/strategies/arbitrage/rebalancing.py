"""Where capital lies: which venue runs dry next, what to move there from where, and whether that pays.

Advice, never an order: transfers leave the platform's sight for minutes or hours, and a person makes them.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.ids import Asset, VenueId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import HOUR, Nanos

HORIZON: Nanos = Nanos(24 * HOUR)
"""A venue that lasts longer than this needs nothing."""

Place: TypeAlias = tuple[VenueId, Asset]


class Stock(Struct, frozen=True):
    """One asset on one venue."""

    venue: VenueId
    free: Decimal
    flow: Decimal
    """Units per hour that come in on average; negative drains it."""
    missed: Decimal
    """Edge missed for want of it, in the Comparison's currency."""


class Move(Struct, frozen=True):
    """From where to where, and how much."""

    source: VenueId
    target: VenueId
    quantity: Decimal
    dry_in: Nanos | None
    """How long the target lasts; None where nothing flows out of it."""
    missed: Decimal


def advise(stocks: Sequence[Stock], cost: Decimal) -> Move | None:
    """What to move of one asset; None where nobody needs it or nobody has it. `cost`: of the transfer, in the asset.

    To the venue that runs dry first (one that already made us miss edge goes before all others), from the one that
    has most left by then: so much that both then have the same.
    """
    needy = [stock for stock in stocks if stock.missed > 0 or _lasts(stock) < HORIZON]
    if not needy:
        return None
    target = min(needy, key=lambda stock: (not stock.missed, -stock.missed, _lasts(stock), stock.venue))
    others = [stock for stock in stocks if stock.venue != target.venue and not stock.missed]
    if not others:
        return None
    source = max(others, key=lambda stock: (_after(stock), stock.venue))
    quantity = (_after(source) - _after(target)) / 2
    quantity = min(quantity, source.free)
    if quantity <= cost:
        return None
    lasts = _lasts(target)
    return Move(source.venue, target.venue, quantity, None if target.flow >= 0 else Nanos(int(lasts)), target.missed)


class Flows:
    """What was missed, and what came in and went out, by venue and asset."""

    def __init__(self, since: Nanos) -> None:
        """Nothing yet."""
        self._since = since
        self._moved: dict[Place, Decimal] = {}
        self._missed: dict[Place, Decimal] = {}

    def move(self, place: Place, quantity: Decimal) -> None:
        """A fill brought (or took) this much."""
        self._moved[place] = self._moved.get(place, ZERO) + quantity

    def miss(self, place: Place, edge: Decimal) -> None:
        """An opportunity was missed for want of it."""
        self._missed[place] = self._missed.get(place, ZERO) + edge

    def stock(self, place: Place, free: Decimal, now: Nanos) -> Stock:
        """As it stands now."""
        hours = Decimal(max(now - self._since, 1)) / HOUR
        return Stock(place[0], free, self._moved.get(place, ZERO) / hours, self._missed.get(place, ZERO))

    def advised(self, places: Iterable[Place]) -> None:
        """What was missed there has been told."""
        for place in places:
            self._missed.pop(place, None)


def _lasts(stock: Stock) -> Decimal:
    """Nanoseconds until it is used up."""
    return stock.free / -stock.flow * HOUR if stock.flow < 0 else Decimal("Infinity")


def _after(stock: Stock) -> Decimal:
    """What it has left after an hour more of the same."""
    return max(stock.free + min(stock.flow, ZERO), ZERO)
