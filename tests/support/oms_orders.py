"""Orders and plans made by hand, for the pure parts of the order management."""

from decimal import Decimal

from integrated_trading_system.domain.ids import ClientOrderId, InstrumentId, PlanId, StrategyId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import (
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.oms.state import Tracked
from tests.support.hostile import VENUES, account_of, instrument_of, listing

INSTRUMENTS: dict[InstrumentId, Instrument] = {instrument_of(venue): listing(venue) for venue in VENUES}


def request(name: str = "its1z1", *, quantity: int = 5, leg: int = 0, side: Side = Side.BUY) -> OrderRequest:
    venue = VENUES[leg]
    return OrderRequest(
        client_order_id=ClientOrderId(name),
        instrument=instrument_of(venue),
        account=account_of(venue),
        side=side,
        order_type=OrderType.LIMIT,
        price=Decimal(100),
        quantity=Decimal(quantity),
        time_in_force=TimeInForce.IOC,
        strategy=StrategyId("test"),
        plan_id=PlanId("plan"),
        leg=leg,
    )


def tracked(
    request_: OrderRequest, status: OrderStatus, filled: int, purpose: Purpose = Purpose.FIRST, at: int = 0
) -> Tracked:
    order = Order(request=request_, status=status, filled=Decimal(filled), changed_at=Nanos(at))
    return Tracked(order, purpose, value=order.filled * request_.price)
