"""Instruments, requests and replies of Alpaca for tests."""

from decimal import Decimal
from typing import Any

import msgspec

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    CallId,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    VenueId,
    VenueOrderId,
    instrument_id,
)
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.order import (
    CancelOrder,
    OrderRequest,
    OrderType,
    QueryFills,
    QueryOrder,
    Side,
    SubmitOrder,
    TimeInForce,
)
from integrated_trading_system.domain.time import MINUTE, Nanos
from integrated_trading_system.venues import alpaca
from integrated_trading_system.venues.venue import Trading, Venue

ACCOUNT = AccountId("main")
SENT = Nanos(1_700_000_000_000_000_000)
RECEIVED = Nanos(SENT + 1_000_000)

CLIENT = ClientOrderId("its1z1")
ORDER_ID = VenueOrderId("cbaf12d7-69b8-49c0-a31b-b46af35c755c")
BTC = InstrumentId("alpaca:crypto:BTC/USD")
CANCEL = CancelOrder(CLIENT, BTC, ACCOUNT, ORDER_ID)
QUERY = QueryOrder(CLIENT, BTC, ACCOUNT)
FILLS = QueryFills(BTC, ACCOUNT, Nanos(SENT - MINUTE))


def venue(flavour: str = "crypto") -> Venue:
    """All parts of a flavour, at its own addresses."""
    return alpaca.build(flavour, alpaca.FLAVOURS[flavour], ACCOUNT)


def trading(flavour: str = "crypto") -> Trading:
    """Its orders."""
    offered = venue(flavour).trading
    assert offered is not None
    return offered


def instrument(symbol: str = "BTC/USD", flavour: str = "crypto") -> Instrument:
    """A listed symbol."""
    name = VenueId(f"alpaca:{flavour}")
    base, _, quote = symbol.partition("/")
    return Instrument(
        instrument=instrument_id(name, symbol),
        venue=name,
        symbol=symbol,
        base=Asset(base),
        quote=Asset(quote or "USD"),
        settle=Asset(quote or "USD"),
        kind=Kind.SPOT,
        tick=Decimal("0.01"),
        lot=Decimal("0.0001"),
    )


def reply(body: Any, status: int = 200, **headers: str) -> HttpReply:
    """An answer to a call that was sent at SENT and answered at RECEIVED."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpReply(call=CallId("call"), status=status, headers=named, body=raw, sent_at=SENT, received_at=RECEIVED)


def refused(status: int, code: int, text: str = "no") -> HttpReply:
    """An answer with an error code."""
    return reply({"code": code, "message": text}, status)


def submit(**fields: Any) -> SubmitOrder:
    """Buy 0.0010 BTC at 20000.10 at once, or not at all; `fields` say otherwise."""
    request = OrderRequest(
        client_order_id=CLIENT,
        instrument=BTC,
        account=ACCOUNT,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        price=Decimal("20000.10"),
        quantity=Decimal("0.0010"),
        time_in_force=TimeInForce.IOC,
        strategy=StrategyId("s"),
        plan_id=PlanId("p"),
        leg=0,
    )
    return SubmitOrder(msgspec.structs.replace(request, **fields), Nanos(0))


def order(**fields: Any) -> dict[str, Any]:
    """An order, as the venue describes it."""
    return {
        "id": ORDER_ID,
        "client_order_id": CLIENT,
        "symbol": "BTC/USD",
        "asset_class": "crypto",
        "qty": "0.001",
        "filled_qty": "0",
        "status": "new",
        "updated_at": "2023-11-17T04:22:34.442765Z",
    } | fields
