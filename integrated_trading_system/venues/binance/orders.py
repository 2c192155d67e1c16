"""What an order endpoint's answer says of an order, on every flavour."""

from typing import Final

from integrated_trading_system.domain.execution import OrderDone, OrderReport
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import ClientOrderId, VenueOrderId
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.binance import wire
from integrated_trading_system.venues.binance.market import number
from integrated_trading_system.venues.rest import MalformedReply

SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}


def status_of(state: wire.OrderState) -> OrderStatus:
    """Raises MalformedReply for a word that we do not know."""
    status = wire.STATUS.get(state.status)
    if status is None:
        raise MalformedReply(f"unknown order status {state.status[:40]}")
    return status


def time_of(state: wire.OrderState) -> Nanos:
    """When the venue did what it tells."""
    return from_millis(state.transact_time or state.update_time)


def report(state: wire.OrderState, reply: HttpReply) -> OrderReport:
    """How the order stands."""
    return OrderReport(
        client_order_id=ClientOrderId(state.client_order_id),
        venue_order_id=VenueOrderId(str(state.order_id)),
        status=status_of(state),
        venue_filled=number(state.executed_qty),
        asked_at=reply.sent_at,
        received_at=reply.received_at,
        side=SIDES.get(state.side),
        price=number(state.price or "0"),
        quantity=number(state.orig_qty or "0"),
    )


def done(client: ClientOrderId, state: wire.OrderState, reply: HttpReply) -> OrderDone:
    """How it ended."""
    return OrderDone(
        client_order_id=client,
        venue_order_id=VenueOrderId(str(state.order_id)),
        status=status_of(state),
        venue_filled=number(state.executed_qty),
        reason=state.status,
        venue_time=time_of(state),
        received_at=reply.received_at,
    )
