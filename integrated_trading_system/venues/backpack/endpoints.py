"""The flavours of Backpack: where each is reached, and the rules in which they differ.

One account, one set of paths and one WebSocket serve all products; the market's type tells them apart.
"""

from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import RateLimit

_DOORS: Final = Endpoints(rest_url="https://api.backpack.exchange", ws_url="wss://ws.backpack.exchange")
"""The account's stream comes through the public door."""

FLAVOURS: Final = {"spot": _DOORS, "perp": _DOORS}

RECEIVE_WINDOW: Final = Nanos(5 * SECOND)
"""``X-Window``, sent with every signed request; 5000 ms is also the venue's default."""

CLIENT_ORDER_ID_MAX: Final = 2**32 - 1
"""A client order id is a 32-bit number."""

REQUESTS: Final = "REQUESTS"

HISTORICAL: Final = "HISTORICAL"
"""What asks for a time in the past."""

RATE_LIMITS: Final = (RateLimit(REQUESTS, 2000, MINUTE, 200), RateLimit(HISTORICAL, 30, MINUTE, 0))
"""Of one sub-account. There are no headers that tell what was used."""


class Rules(Struct, frozen=True, kw_only=True):
    """In what a flavour differs from the other."""

    market_type: str
    kind: Kind


RULES: Final = {
    "spot": Rules(market_type="SPOT", kind=Kind.SPOT),
    "perp": Rules(market_type="PERP", kind=Kind.LINEAR),
}
