"""The flavours of Bybit: where each is reached, and the rules in which they differ.

One unified account and one set of paths serve all products; `category` tells them apart in every
request, and symbols are only unique within it (BTCUSDT is both a spot pair and a perpetual).
"""

from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import RateLimit

FLAVOURS: Final = {
    "linear": Endpoints(
        rest_url="https://api.bybit.com",
        ws_url="wss://stream.bybit.com/v5/public/linear",
        ws_user_url="wss://stream.bybit.com/v5/private",
    ),
    "spot": Endpoints(
        rest_url="https://api.bybit.com",
        ws_url="wss://stream.bybit.com/v5/public/spot",
        ws_user_url="wss://stream.bybit.com/v5/private",
    ),
}

RECEIVE_WINDOW: Final = Nanos(5 * SECOND)
"""``X-BAPI-RECV-WINDOW``, sent with every signed request; 5000 ms is also the venue's default."""

DEPTH: Final = 50
"""Levels per side of the book that we follow: snapshot in the stream, then a change every 20 ms."""

SETTLE: Final = "USDT"
"""Linear: orders and positions are listed per settle coin. What settles in another coin is not traded."""

IP: Final = "IP"
CREATE: Final = "CREATE"
CANCEL: Final = "CANCEL"
CANCEL_ALL: Final = "CANCEL_ALL"
CANCEL_BATCH: Final = "CANCEL_BATCH"
"""Counted by the orders in it."""
QUERY: Final = "QUERY"


class Rules(Struct, frozen=True, kw_only=True):
    """In what a flavour differs from the other, apart from its addresses."""

    category: str
    kind: Kind
    rate_limits: tuple[RateLimit, ...]


def _limits(orders_per_second: int) -> tuple[RateLimit, ...]:
    """600 requests in 5 s from one address; for each account so many a second of each kind (no VIP level)."""
    return (
        RateLimit(IP, 600, Nanos(5 * SECOND), 60),
        RateLimit(CREATE, orders_per_second, SECOND, 0),
        RateLimit(CANCEL, orders_per_second, SECOND, 0),
        RateLimit(CANCEL_ALL, orders_per_second, SECOND, 0),
        RateLimit(CANCEL_BATCH, orders_per_second, SECOND, 0),
        RateLimit(QUERY, 50, SECOND, 0),
    )


RULES: Final = {
    "linear": Rules(category="linear", kind=Kind.LINEAR, rate_limits=_limits(10)),
    "spot": Rules(category="spot", kind=Kind.SPOT, rate_limits=_limits(20)),
}
