"""Instruments, frames and replies of a venue by way of the library, for tests that do not have the library."""

from decimal import Decimal
from typing import Any

import msgspec

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, Asset, CallId, InstrumentId, VenueId, instrument_id
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues import catalog
from integrated_trading_system.venues.venue import Venue

KUCOIN = VenueId("ccxt:kucoin")
BTC = InstrumentId("ccxt:kucoin:BTC/USDT")
SENT = Nanos(1_700_000_000_000_000_000)
RECEIVED = Nanos(SENT + 1_000_000)


def venue() -> Venue:
    """All parts, as the catalog makes them."""
    return catalog.build(KUCOIN, catalog.endpoints_of(KUCOIN), AccountId("main"))


def instrument(symbol: str = "BTC/USDT", kind: Kind = Kind.SPOT) -> Instrument:
    """A listed symbol."""
    base, _, quote = symbol.partition(":")[0].partition("/")
    return Instrument(
        instrument=instrument_id(KUCOIN, symbol),
        venue=KUCOIN,
        symbol=symbol,
        base=Asset(base),
        quote=Asset(quote),
        settle=Asset(quote),
        kind=kind,
        tick=Decimal("0.1"),
        lot=Decimal("0.00001"),
    )


def frame(stream: str, data: Any, symbol: str = "BTC/USDT") -> bytes:
    """As the driver writes it."""
    return msgspec.json.encode({"stream": stream, "symbol": symbol, "data": data})


def reply(body: Any, status: int = 200) -> HttpReply:
    """An answer to a call that was made at SENT and answered at RECEIVED."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return HttpReply(call=CallId("call"), status=status, headers={}, body=raw, sent_at=SENT, received_at=RECEIVED)
