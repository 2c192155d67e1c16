"""Instruments, requests, messages and replies of Coinbase for tests."""

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
from integrated_trading_system.venues import coinbase
from integrated_trading_system.venues.venue import Venue

ACCOUNT = AccountId("main")
SENT = Nanos(1_700_000_000_000_000_000)
RECEIVED = Nanos(SENT + 1_000_000)

CLIENT = ClientOrderId("its1z1")
ORDER = VenueOrderId("0000-000000-000001")
BTC = InstrumentId("coinbase:advanced:BTC-USD")
CANCEL = CancelOrder(CLIENT, BTC, ACCOUNT, ORDER)
QUERY = QueryOrder(CLIENT, BTC, ACCOUNT, ORDER)
FILLS = QueryFills(BTC, ACCOUNT, Nanos(SENT - MINUTE))


def venue(flavour: str) -> Venue:
    """All parts of a flavour, at its own addresses."""
    return coinbase.build(flavour, coinbase.FLAVOURS[flavour], ACCOUNT)


def instrument(flavour: str, symbol: str = "BTC-USD") -> Instrument:
    """A listed symbol."""
    name = VenueId(f"coinbase:{flavour}")
    base, quote = symbol.split("-")[:2]
    return Instrument(
        instrument=instrument_id(name, symbol),
        venue=name,
        symbol=symbol,
        base=Asset(base),
        quote=Asset(quote),
        settle=Asset(quote),
        kind=Kind.SPOT,
        tick=Decimal("0.01"),
        lot=Decimal("0.00000001"),
    )


def reply(body: Any, status: int = 200, **headers: str) -> HttpReply:
    """An answer to a call that was sent at SENT and answered at RECEIVED."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpReply(call=CallId("call"), status=status, headers=named, body=raw, sent_at=SENT, received_at=RECEIVED)


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


def message(content: dict[str, Any]) -> bytes:
    """A frame as the venue writes it: without blanks."""
    return msgspec.json.encode(content)


def advanced(channel: str, number: int, *events: dict[str, Any], at: str = "2026-04-07T14:30:01.456789Z") -> bytes:
    """A message of Advanced Trade."""
    return message({"channel": channel, "timestamp": at, "sequence_num": number, "events": events})


def books(kind: str, product: str, *rows: tuple[str, str, str]) -> dict[str, Any]:
    """An event of ``l2_data``: side, price, quantity."""
    updates = [{"side": side, "price_level": price, "new_quantity": size} for side, price, size in rows]
    return {"type": kind, "product_id": product, "updates": updates}
