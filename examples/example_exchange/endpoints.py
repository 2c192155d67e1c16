"""Where Example Exchange is reached, and how much it takes from us."""

from typing import Final

from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import RateLimit

FLAVOURS: Final = {"spot": Endpoints(rest_url="https://api.exchange.example", ws_url="wss://stream.exchange.example")}
RECEIVE_WINDOW: Final = Nanos(5 * SECOND)

REQUESTS: Final = "REQUESTS"
RATE_LIMITS: Final = (RateLimit(REQUESTS, 120, MINUTE, 0),)
