"""Instruments, requests and replies of Backpack for tests."""

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
from integrated_trading_system.venues import backpack
from integrated_trading_system.venues.venue import Venue

ACCOUNT = AccountId("main")
SENT = Nanos(1_700_000_000_000_000_000)
RECEIVED = Nanos(SENT + 1_000_000)

CLIENT = ClientOrderId("1001")
SOL = InstrumentId("backpack:spot:SOL_USDC")
CANCEL = CancelOrder(CLIENT, SOL, ACCOUNT)
QUERY = QueryOrder(CLIENT, SOL, ACCOUNT)
FILLS = QueryFills(SOL, ACCOUNT, Nanos(SENT - MINUTE))


def venue(flavour: str) -> Venue:
    """All parts of a flavour, at its own addresses."""
    return backpack.build(flavour, backpack.FLAVOURS[flavour], ACCOUNT)


def instrument(flavour: str, symbol: str = "SOL_USDC", base: str = "SOL", quote: str = "USDC") -> Instrument:
    """A listed symbol."""
    name = VenueId(f"backpack:{flavour}")
    return Instrument(
        instrument=instrument_id(name, symbol),
        venue=name,
        symbol=symbol,
        base=Asset(base),
        quote=Asset(quote),
        settle=Asset(quote),
        kind=Kind.SPOT if flavour == "spot" else Kind.LINEAR,
        tick=Decimal("0.01"),
        lot=Decimal("0.01"),
    )


def reply(body: Any, status: int = 200, **headers: str) -> HttpReply:
    """An answer to a call that was sent at SENT and answered at RECEIVED."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpReply(call=CallId("call"), status=status, headers=named, body=raw, sent_at=SENT, received_at=RECEIVED)


def problem(code: str, status: int = 400, text: str = "no") -> HttpReply:
    """An error in the venue's own form."""
    return reply({"code": code, "message": text}, status)


def submit(**fields: Any) -> SubmitOrder:
    """Buy 0.10 SOL at 18.50 at once, or not at all; `fields` say otherwise."""
    request = OrderRequest(
        client_order_id=CLIENT,
        instrument=SOL,
        account=ACCOUNT,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        price=Decimal("18.50"),
        quantity=Decimal("0.10"),
        time_in_force=TimeInForce.IOC,
        strategy=StrategyId("s"),
        plan_id=PlanId("p"),
        leg=0,
    )
    return SubmitOrder(msgspec.structs.replace(request, **fields), Nanos(0))
