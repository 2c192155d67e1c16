"""The flavours of Coinbase: where each is reached, and the rules in which they differ.

One matching engine has two doors. `exchange` shows its market data to everybody and takes orders of
institutional accounts only; `advanced` (Advanced Trade) shows the same books and trades for everybody else.
"""

from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.time import DAY, MINUTE, SECOND, Nanos
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import RateLimit

FLAVOURS: Final = {
    "exchange": Endpoints(
        rest_url="https://api.exchange.coinbase.com",
        ws_url="wss://ws-feed.exchange.coinbase.com",
    ),
    "advanced": Endpoints(
        rest_url="https://api.coinbase.com/api/v3/brokerage",
        ws_url="wss://advanced-trade-ws.coinbase.com",
        ws_user_url="wss://advanced-trade-ws-user.coinbase.com",
    ),
}

RECEIVE_WINDOW: Final = Nanos(2 * MINUTE)
"""A request carries a token that expires 120 seconds after it was made; until then the venue may still accept it."""

LIFETIME: Final = Nanos(365 * DAY)
"""Of a connection: the venue announces no end of it, and nothing in a message tells two connections apart. So
none is replaced while it works."""

SILENCE_MAX: Final = Nanos(10 * SECOND)
"""Every connection has a heartbeat a second."""

FRAME_BYTES_MAX: Final = 32 * 1024 * 1024
"""A snapshot is the whole book, tens of thousands of levels."""

NO_TRADING: Final = (
    "Coinbase Exchange takes orders of institutional accounts only; trade the same books through coinbase:advanced"
)

IP: Final = "IP"
PRIVATE: Final = "PRIVATE"


class Rules(Struct, frozen=True, kw_only=True):
    """In what a flavour differs from the other, apart from its addresses."""

    advanced: bool
    rate_limits: tuple[RateLimit, ...]
    candles_per_page: int


RULES: Final = {
    "exchange": Rules(
        advanced=False,
        rate_limits=(RateLimit(IP, 10, SECOND, 1),),
        candles_per_page=300,
    ),
    "advanced": Rules(
        advanced=True,
        rate_limits=(RateLimit(IP, 10, SECOND, 1), RateLimit(PRIVATE, 30, SECOND, 10)),
        candles_per_page=350,
    ),
}
"""Requests a second: of one address to public data, of one account to its own."""
