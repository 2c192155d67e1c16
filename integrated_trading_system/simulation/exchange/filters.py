"""A listing's rules for a new order, in the order in which venues check them: price, quantity, value."""

from decimal import Decimal

from integrated_trading_system.domain.order import OrderType
from integrated_trading_system.simulation.exchange.listing import Listing
from integrated_trading_system.simulation.exchange.orders import NewOrder, Refusal


def refusal(listing: Listing, order: NewOrder, mark: Decimal) -> Refusal | None:
    """The first rule that the order breaks, or None. `mark` values market orders and centres the price band."""
    limit = order.order_type is OrderType.LIMIT
    if limit:
        if order.price <= 0 or order.price % listing.tick:
            return Refusal.PRICE_TICK
        if listing.price_band and abs(order.price - mark) > mark * listing.price_band:
            return Refusal.PRICE_BAND
    if order.quote_quantity:
        return Refusal.NOTIONAL_MIN if order.quote_quantity < listing.notional_min else None
    if order.quantity <= 0 or order.quantity < listing.quantity_min:
        return Refusal.QUANTITY_MIN
    if listing.quantity_max and order.quantity > listing.quantity_max:
        return Refusal.QUANTITY_MAX
    if order.quantity % listing.lot:
        return Refusal.QUANTITY_LOT
    value = listing.notional(order.price if limit else mark, order.quantity)
    if value < listing.notional_min and not order.reduce_only:
        return Refusal.NOTIONAL_MIN
    return None
