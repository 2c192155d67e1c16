"""Instruments, requests and replies of OKX for tests."""

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
from integrated_trading_system.venues import okx
from integrated_trading_system.venues.okx.trading import OkxTrading
from integrated_trading_system.venues.venue import Venue

ACCOUNT = AccountId("main")
SENT = Nanos(1_700_000_000_000_000_000)
RECEIVED = Nanos(SENT + 1_000_000)

CLIENT = ClientOrderId("its1z1")
BTC = InstrumentId("okx:swap:BTC-USDT-SWAP")
CANCEL = CancelOrder(CLIENT, BTC, ACCOUNT)
QUERY = QueryOrder(CLIENT, BTC, ACCOUNT)
FILLS = QueryFills(BTC, ACCOUNT, Nanos(SENT - MINUTE))

SYMBOLS = {"spot": "BTC-USDT", "swap": "BTC-USDT-SWAP"}


def venue(flavour: str) -> Venue:
    """All parts of a flavour, at its own addresses."""
    return okx.build(flavour, okx.FLAVOURS[flavour], ACCOUNT)


def trading(flavour: str) -> OkxTrading:
    """Its private endpoints."""
    found = venue(flavour).trading
    assert isinstance(found, OkxTrading)
    return found


def instrument(flavour: str, symbol: str = "") -> Instrument:
    """A listed symbol; of swaps one contract is worth a hundredth of a coin."""
    name, symbol = VenueId(f"okx:{flavour}"), symbol or SYMBOLS[flavour]
    base, quote = symbol.split("-")[:2]
    return Instrument(
        instrument=instrument_id(name, symbol),
        venue=name,
        symbol=symbol,
        base=Asset(base),
        quote=Asset(quote),
        settle=Asset(quote),
        kind=Kind.SPOT if flavour == "spot" else Kind.LINEAR,
        tick=Decimal("0.1"),
        lot=Decimal("0.01"),
        multiplier=Decimal(1) if flavour == "spot" else Decimal("0.01"),
    )


def reply(body: Any, status: int = 200) -> HttpReply:
    """An answer to a call that was sent at SENT and answered at RECEIVED."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return HttpReply(call=CallId("call"), status=status, headers={}, body=raw, sent_at=SENT, received_at=RECEIVED)


def answered(*data: Any) -> HttpReply:
    """A good answer with these entries."""
    return reply({"code": "0", "msg": "", "data": list(data)})


def refused(code: str, text: str = "no", status: int = 200) -> HttpReply:
    """An answer with an error code of the whole request."""
    return reply({"code": code, "msg": text, "data": []}, status)


def item_refused(code: str, text: str = "no") -> HttpReply:
    """An answer in which the one order says why it failed."""
    item = {"clOrdId": CLIENT, "ordId": "", "tag": "", "ts": "1700000000005", "sCode": code, "sMsg": text}
    return reply({"code": "1", "msg": "All operations failed", "data": [item]})


def submit(**fields: Any) -> SubmitOrder:
    """Buy 0.10 at 20000.10 at once, or not at all; `fields` say otherwise."""
    request = OrderRequest(
        client_order_id=CLIENT,
        instrument=BTC,
        account=ACCOUNT,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        price=Decimal("20000.10"),
        quantity=Decimal("0.10"),
        time_in_force=TimeInForce.IOC,
        strategy=StrategyId("s"),
        plan_id=PlanId("p"),
        leg=0,
    )
    return SubmitOrder(msgspec.structs.replace(request, **fields), Nanos(0))
