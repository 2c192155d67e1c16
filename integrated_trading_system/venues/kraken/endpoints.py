"""Where Kraken's spot market is reached, and how much it takes from us. It has no testnet."""

from typing import Final

from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import RateLimit

FLAVOURS: Final = {
    "spot": Endpoints(
        rest_url="https://api.kraken.com",
        ws_url="wss://ws.kraken.com/v2",
        ws_user_url="wss://ws-auth.kraken.com/v2",
    ),
}

RECEIVE_WINDOW: Final = Nanos(10 * SECOND)
"""Orders carry a `deadline` this long after their timestamp, "after which the matching engine should reject" them:
"min now() + 2 seconds" (5 in older copies), "max now() + 60 seconds". Other requests know no window."""

DEPTH: Final = 100
"""Levels per side of the book that we subscribe to; 10, 25, 100, 500 and 1000 are offered."""

PUBLIC: Final = "PUBLIC"
PRIVATE: Final = "PRIVATE"
ENGINE: Final = "ENGINE"

RATE_LIMITS: Final = (
    # About one public request a second from one address.
    RateLimit(PUBLIC, 10, Nanos(10 * SECOND), 0),
    # The Starter tier: a counter of 15 that falls by 0.33 a second. Orders and cancels do not count in it.
    RateLimit(PRIVATE, 15, Nanos(45 * SECOND), 4),
    # Starter, per pair: a counter of 60 that falls by 1 a second. Counted here for all pairs together.
    RateLimit(ENGINE, 60, Nanos(60 * SECOND), 16),
)

PLACE_WEIGHT: Final = 1
CANCEL_WEIGHT: Final = 8
"""An order younger than 5 s; an older one costs less."""
