"""Instruments and replies of Binance for tests."""

from decimal import Decimal
from typing import Any

import msgspec

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import AccountId, Asset, CallId, VenueId, instrument_id
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues import binance
from integrated_trading_system.venues.venue import Venue

ACCOUNT = AccountId("main")
KINDS = {"usdm": Kind.LINEAR, "coinm": Kind.INVERSE}


def venue(flavour: str) -> Venue:
    """All parts of a flavour, at its own addresses."""
    return binance.build(flavour, binance.FLAVOURS[flavour], ACCOUNT)


def instrument(flavour: str, symbol: str = "BTCUSDT", base: str = "BTC", quote: str = "USDT") -> Instrument:
    """A listed symbol; a contract of COIN-M is worth 100 USD."""
    name = VenueId(f"binance:{flavour}")
    kind = KINDS.get(flavour, Kind.SPOT)
    inverse = kind is Kind.INVERSE
    return Instrument(
        instrument=instrument_id(name, symbol),
        venue=name,
        symbol=symbol,
        base=Asset(base),
        quote=Asset(quote),
        settle=Asset(base if inverse else quote),
        kind=kind,
        tick=Decimal("0.01"),
        lot=Decimal("0.00001"),
        multiplier=Decimal(100) if inverse else Decimal(1),
    )


def reply(body: Any, status: int = 200, **headers: str) -> HttpReply:
    """An answer to a call that was sent at 1000 and answered at 2000."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpReply(
        call=CallId("call"), status=status, headers=named, body=raw, sent_at=Nanos(1000), received_at=Nanos(2000)
    )
