"""Instruments, requests and replies of Bybit for tests."""

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
from integrated_trading_system.venues import bybit
from integrated_trading_system.venues.venue import Venue

ACCOUNT = AccountId("main")
SENT = Nanos(1_700_000_000_000_000_000)
RECEIVED = Nanos(SENT + 1_000_000)

CLIENT = ClientOrderId("its1z1")
BTC = InstrumentId("bybit:linear:BTCUSDT")
CANCEL = CancelOrder(CLIENT, BTC, ACCOUNT)
QUERY = QueryOrder(CLIENT, BTC, ACCOUNT)
FILLS = QueryFills(BTC, ACCOUNT, Nanos(SENT - MINUTE))


def venue(flavour: str) -> Venue:
    """All parts of a flavour, at its own addresses."""
    return bybit.build(flavour, bybit.FLAVOURS[flavour], ACCOUNT)


def instrument(flavour: str, symbol: str = "BTCUSDT", base: str = "BTC", quote: str = "USDT") -> Instrument:
    """A listed symbol."""
    name = VenueId(f"bybit:{flavour}")
    return Instrument(
        instrument=instrument_id(name, symbol),
        venue=name,
        symbol=symbol,
        base=Asset(base),
        quote=Asset(quote),
        settle=Asset(quote),
        kind=Kind.SPOT if flavour == "spot" else Kind.LINEAR,
        tick=Decimal("0.01"),
        lot=Decimal("0.001"),
    )


def reply(body: Any, status: int = 200, **headers: str) -> HttpReply:
    """An answer to a call that was sent at SENT and answered at RECEIVED."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpReply(call=CallId("call"), status=status, headers=named, body=raw, sent_at=SENT, received_at=RECEIVED)


def answered(result: Any) -> HttpReply:
    """A good answer with this result, made by the venue at 1700000000005 ms."""
    return reply({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1700000000005})


def refused(code: int, text: str = "no", status: int = 200) -> HttpReply:
    """An answer with an error code."""
    return reply({"retCode": code, "retMsg": text, "result": {}, "retExtInfo": {}, "time": 1700000000005}, status)


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
