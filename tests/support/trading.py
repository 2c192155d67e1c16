"""Instruments, quotes, plans, orders and fills in few words, for tests of strategies and risk."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from integrated_trading_system.domain.execution import Balance, BalancesReported, ExternalOrder, Fill, Liquidity
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    TradeId,
    VenueId,
    VenueOrderId,
    instrument_id,
    venue_of,
)
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import Order, OrderRequest, OrderStatus, OrderType, Side, TimeInForce
from integrated_trading_system.domain.plan import HedgePolicy, Leg, Plan, PlanFinished
from integrated_trading_system.domain.time import SECOND, Nanos

ACCOUNT = AccountId("main")
START = Nanos(1_700_000_000 * SECOND)


def instrument(venue: str = "a:spot", symbol: str = "BTCUSDT", **changes: Any) -> Instrument:
    """BTC in USDT, with small steps and no minimum."""
    fields: dict[str, Any] = {
        "instrument": instrument_id(VenueId(venue), symbol),
        "venue": VenueId(venue),
        "symbol": symbol,
        "base": Asset("BTC"),
        "quote": Asset("USDT"),
        "settle": Asset("USDT"),
        "kind": Kind.SPOT,
        "tick": Decimal("0.01"),
        "lot": Decimal("0.001"),
    }
    return Instrument(**(fields | changes))


def quote(name: InstrumentId, bid: float, ask: float, at: int = START, size: float = 10.0) -> Quote:
    """The same size on both sides."""
    return Quote(name, bid, size, ask, size, 1, Nanos(at), Nanos(at))


def leg(name: InstrumentId, side: Side, quantity: str, price: str, **changes: Any) -> Leg:
    """IOC, with an envelope that ends at its limit."""
    fields: dict[str, Any] = {
        "instrument": name,
        "account": ACCOUNT,
        "side": side,
        "quantity": Decimal(quantity),
        "price": Decimal(price),
        "worst_price": Decimal(price),
        "unwind_price": Decimal(price),
    }
    return Leg(**(fields | changes))


def plan(*legs: Leg, name: str = "p-1", at: int = START, **changes: Any) -> Plan:
    """To be sent within a second, with two repairs."""
    fields: dict[str, Any] = {
        "plan_id": PlanId(name),
        "strategy": StrategyId("arb"),
        "legs": legs,
        "policy": HedgePolicy.PROCEED,
        "hedge_orders_max": 2,
        "created_at": Nanos(at),
        "submit_by": Nanos(at + SECOND),
        "hedge_by": Nanos(at + 5 * SECOND),
    }
    return Plan(**(fields | changes))


def order(of: Plan, index: int, name: str, status: OrderStatus, *, undo: bool = False, **changes: Any) -> Order:
    """An order of a plan's leg; with `undo`, one that trades it back."""
    made = of.legs[index]
    request = OrderRequest(
        client_order_id=ClientOrderId(name),
        instrument=made.instrument,
        account=made.account,
        side=made.side.opposite if undo else made.side,
        order_type=OrderType.LIMIT,
        price=made.price,
        quantity=made.quantity,
        time_in_force=TimeInForce.IOC if undo else made.time_in_force,
        strategy=of.strategy,
        plan_id=of.plan_id,
        leg=index,
    )
    return Order(request=request, status=status, **changes)


def fill(name: InstrumentId, side: Side, quantity: str | Decimal, price: str, **changes: Any) -> Fill:
    """Without a fee."""
    fields: dict[str, Any] = {
        "client_order_id": ClientOrderId("nobody"),
        "venue_order_id": VenueOrderId("v"),
        "trade_id": TradeId("t"),
        "instrument": name,
        "account": ACCOUNT,
        "side": side,
        "price": Decimal(price),
        "quantity": Decimal(quantity),
        "fee": Money(Decimal(0), Asset("USDT")),
        "liquidity": Liquidity.TAKER,
        "venue_time": START,
        "received_at": START,
    }
    return Fill(**(fields | changes))


def fill_of(made: Order, quantity: str | Decimal, **changes: Any) -> Fill:
    """Part of this order traded at its limit."""
    request = made.request
    return fill(
        request.instrument,
        request.side,
        quantity,
        str(request.price),
        client_order_id=request.client_order_id,
        **changes,
    )


def external(name: InstrumentId, side: Side | None, remaining: str | Decimal, number: int = 1) -> ExternalOrder:
    """An open order that somebody else placed."""
    return ExternalOrder(
        instrument=name,
        account=ACCOUNT,
        client_order_id=ClientOrderId(""),
        venue_order_id=VenueOrderId(f"x-{number}"),
        side=side,
        price=Decimal(100),
        quantity=Decimal(remaining),
        remaining=Decimal(remaining),
    )


def finished(of: Plan) -> PlanFinished:
    """The plan is over."""
    return PlanFinished(plan_id=of.plan_id, strategy=of.strategy, legs=(), hedge_orders=0, reason="", at=START)


def balances(
    name: InstrumentId, free: Mapping[str, str] | None = None, *, at: int = START, complete: bool = True
) -> BalancesReported:
    """What is free on the instrument's venue, by asset."""
    return BalancesReported(
        venue=venue_of(name),
        account=ACCOUNT,
        balances=tuple(Balance(Asset(asset), Decimal(amount), Decimal(0)) for asset, amount in (free or {}).items()),
        positions=(),
        complete=complete,
        venue_time=Nanos(at),
        received_at=Nanos(at),
    )
