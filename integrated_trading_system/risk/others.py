"""How far orders that somebody else has open on our accounts may still move our holdings.

They stand beside what is ours, like a holding of another account: neither do they hedge it, nor do they keep
us from reducing it. What an order may do counts on its own side; on both where nobody told its side.
"""

from collections.abc import Iterator
from decimal import Decimal

from integrated_trading_system.domain.execution import ExternalOrder, ExternalOrders
from integrated_trading_system.domain.ids import AccountId, InstrumentId, StrategyId, VenueId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Side
from integrated_trading_system.risk.worth import Change, Worths

EXTERNAL = StrategyId("external")
"""Owner of what nobody's strategy did: of orders that are not ours."""

Room = tuple[Decimal, Decimal]
"""How far up and how far down."""

NONE: Room = (ZERO, ZERO)


class Others:
    """By account, as of its last report: each replaces the one before."""

    def __init__(self, worths: Worths) -> None:
        """Nothing was reported; `worths` is told of every change."""
        self._worths = worths
        self._open: dict[tuple[VenueId, AccountId], tuple[ExternalOrder, ...]] = {}

    def report(self, news: ExternalOrders) -> None:
        """From now on these, and none of those before."""
        account = (news.venue, news.account)
        before, after = _rooms(self._open.get(account, ())), _rooms(news.orders)
        self._open[account] = news.orders
        for name in before | after:
            new, old = after.get(name, NONE), before.get(name, NONE)
            size, up, down = max(new) - max(old), new[0] - old[0], new[1] - old[1]
            self._worths.change(name, EXTERNAL, Change(size, ZERO, up, -down, ZERO))

    def worst(self, instrument: InstrumentId) -> Decimal:
        """The largest size that they may come to, over all accounts."""
        return sum((max(rooms.get(instrument, NONE)) for rooms in self._by_account()), ZERO)

    def by_instrument(self) -> dict[InstrumentId, Room]:
        """How far they may move each, over all accounts."""
        found: dict[InstrumentId, Room] = {}
        for rooms in self._by_account():
            for name, (up, down) in rooms.items():
                high, low = found.get(name, NONE)
                found[name] = (high + up, low + down)
        return found

    def unsized(self) -> tuple[InstrumentId, ...]:
        """Instruments of orders whose quantity nobody told: what they may do cannot be counted."""
        names = (order.instrument for orders in self._open.values() for order in orders if not order.quantity)
        return tuple(dict.fromkeys(names))

    def _by_account(self) -> Iterator[dict[InstrumentId, Room]]:
        return (_rooms(orders) for orders in self._open.values())


def _rooms(orders: tuple[ExternalOrder, ...]) -> dict[InstrumentId, Room]:
    rooms: dict[InstrumentId, Room] = {}
    for order in orders:
        up, down = rooms.get(order.instrument, NONE)
        rooms[order.instrument] = (
            up if order.side is Side.SELL else up + order.remaining,
            down if order.side is Side.BUY else down + order.remaining,
        )
    return rooms
