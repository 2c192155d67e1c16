"""Where our own orders rest: depth that is ours is none that we could trade with."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeAlias

from integrated_trading_system.domain.ids import ClientOrderId, InstrumentId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import TERMINAL, Order, OrderStatus, OrderType, Side, TimeInForce

_Place: TypeAlias = tuple[InstrumentId, Side, Decimal]
_NOWHERE: Final = TERMINAL | {OrderStatus.INTENDED}


class Resting:
    """Open quantities of all our limit orders that stay, whichever strategy sent them."""

    def __init__(self) -> None:
        """Nothing rests."""
        self._orders: dict[ClientOrderId, tuple[_Place, Decimal]] = {}
        self._levels: dict[tuple[InstrumentId, Side], dict[Decimal, Decimal]] = {}

    def order(self, order: Order) -> None:
        """An order of ours changed. What is on its way, or UNKNOWN, counts: it may stand there."""
        request = order.request
        if request.time_in_force is not TimeInForce.GTC or request.order_type is not OrderType.LIMIT:
            return
        before = self._orders.pop(request.client_order_id, None)
        if before is not None:
            self._move(before[0], -before[1])
        if order.status not in _NOWHERE and order.open_quantity > 0:
            place = (request.instrument, request.side, request.price)
            self._orders[request.client_order_id] = place, order.open_quantity
            self._move(place, order.open_quantity)

    def against(self, instrument: InstrumentId, side: Side) -> Mapping[Decimal, Decimal]:
        """By price: what of the levels that an order of this side would hit is our own."""
        return self._levels.get((instrument, side.opposite), {})

    def _move(self, place: _Place, change: Decimal) -> None:
        instrument, side, price = place
        levels = self._levels.setdefault((instrument, side), {})
        left = levels.get(price, ZERO) + change
        if left:
            levels[price] = left
        else:
            del levels[price]
