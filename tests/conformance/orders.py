"""The orders that the suite has a folder place."""

from decimal import Decimal

from msgspec.structs import replace

from integrated_trading_system.domain.ids import AccountId, ClientOrderId, PlanId, StrategyId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import OrderRequest, OrderType, Side, SubmitOrder, TimeInForce
from integrated_trading_system.domain.time import Nanos

ACCOUNT = AccountId("main")


def submit(
    market: Instrument,
    name: ClientOrderId,
    price: Decimal,
    quantity: Decimal,
    time_in_force: TimeInForce = TimeInForce.GTC,
) -> SubmitOrder:
    """Buy so much, at most at this price."""
    request = OrderRequest(
        client_order_id=name,
        instrument=market.instrument,
        account=ACCOUNT,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        price=market.round_price(price, Side.BUY) if market.tick else price,
        quantity=market.round_quantity(quantity) if market.lot else quantity,
        time_in_force=time_in_force,
        strategy=StrategyId("s"),
        plan_id=PlanId("p"),
        leg=0,
    )
    return SubmitOrder(request, Nanos(0))


def far_too_much(order: SubmitOrder) -> SubmitOrder:
    """More than anybody has."""
    return SubmitOrder(replace(order.request, quantity=order.request.quantity * 1_000_000_000), order.latest_send)
