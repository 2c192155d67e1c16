"""Instruments, frames, requests and replies of Kraken for tests."""

from collections.abc import Sequence
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
from integrated_trading_system.venues import kraken
from integrated_trading_system.venues.kraken.wire import checksum
from integrated_trading_system.venues.venue import Venue

ACCOUNT = AccountId("main")
VENUE = VenueId("kraken:spot")
SENT = Nanos(1_700_000_000_000_000_000)
RECEIVED = Nanos(SENT + 1_000_000)

CLIENT = ClientOrderId("its1z1")
BTC = InstrumentId("kraken:spot:BTC/USD")
CANCEL = CancelOrder(CLIENT, BTC, ACCOUNT)
QUERY = QueryOrder(CLIENT, BTC, ACCOUNT)
FILLS = QueryFills(BTC, ACCOUNT, Nanos(SENT - MINUTE))

Levels = Sequence[tuple[str, str]]


def venue() -> Venue:
    """All parts, at the venue's own addresses."""
    return kraken.build("spot", kraken.FLAVOURS["spot"], ACCOUNT)


def instrument(symbol: str = "BTC/USD", tick: str = "0.1", lot: str = "0.00000001") -> Instrument:
    """A listed pair."""
    base, quote = symbol.split("/")
    return Instrument(
        instrument=instrument_id(VENUE, symbol),
        venue=VENUE,
        symbol=symbol,
        base=Asset(base),
        quote=Asset(quote),
        settle=Asset(quote),
        kind=Kind.SPOT,
        tick=Decimal(tick),
        lot=Decimal(lot),
    )


def message(channel: str, kind: str, *rows: str) -> bytes:
    """A frame of a channel; its rows are JSON already, so that numbers keep their text."""
    return f'{{"channel":"{channel}","type":"{kind}","data":[{",".join(rows)}]}}'.encode()


def book(
    kind: str,
    bids: Levels,
    asks: Levels,
    summed: int,
    at: str | None = "2023-10-06T17:35:55.440295Z",
    symbol: str = "BTC/USD",
) -> bytes:
    """A frame about a book."""
    sides = [",".join(f'{{"price":{price},"qty":{size}}}' for price, size in side) for side in (bids, asks)]
    time = f',"timestamp":"{at}"' if at else ""
    row = f'{{"symbol":"{symbol}","bids":[{sides[0]}],"asks":[{sides[1]}],"checksum":{summed}{time}}}'
    return message("book", kind, row)


def summed(bids: Levels, asks: Levels) -> int:
    """The checksum of these levels, best first."""
    return checksum(list(asks), list(bids))


def reply(body: Any, status: int = 200) -> HttpReply:
    """An answer to a call that was sent at SENT and answered at RECEIVED."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return HttpReply(call=CallId("call"), status=status, headers={}, body=raw, sent_at=SENT, received_at=RECEIVED)


def answered(result: Any) -> HttpReply:
    """A good answer."""
    return reply({"error": [], "result": result})


def refused(error: str, status: int = 200) -> HttpReply:
    """An answer with an error."""
    return reply({"error": [error]}, status)


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
