"""The flavours of OKX: where each is reached, and the rules in which they differ.

One account and one set of paths serve all products; `instType` tells them apart in lists, and in every
other request the symbol alone does (BTC-USDT is a spot pair, BTC-USDT-SWAP a perpetual).
"""

from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import RateLimit

_GLOBAL: Final = Endpoints(
    rest_url="https://www.okx.com",  # without "www" one is redirected, and the signature is lost on the way
    ws_url="wss://ws.okx.com:8443/ws/v5",
    ws_user_url="wss://ws.okx.com:8443/ws/v5/private",
)
FLAVOURS: Final = {"spot": _GLOBAL, "swap": _GLOBAL}
"""`ws_url` is what its doors have in common: ``/public`` and ``/business`` follow it."""

PUBLIC: Final = "/public"
BUSINESS: Final = "/business"
"""The door of candles; "wrong URL" is the answer to whoever asks for them at the other one."""

RECEIVE_WINDOW: Final = Nanos(5 * SECOND)
"""Sent with every order as `expTime`: "the request will not be processed if the current system time of the
server is after the expTime". (A timestamp alone is accepted for 30 seconds.)"""

BOOK_LEVELS: Final = 400
"""Levels per side of the channel ``books``, and of the book by REST."""

INSTRUMENTS: Final = "INSTRUMENTS"
TIME: Final = "TIME"
BOOKS: Final = "BOOKS"
CANDLES: Final = "CANDLES"
FUNDING: Final = "FUNDING"
CREATE: Final = "CREATE"
CANCEL: Final = "CANCEL"
CANCEL_BATCH: Final = "CANCEL_BATCH"
"""Counted by the orders in it."""
DEAD_MAN: Final = "DEAD_MAN"
QUERY: Final = "QUERY"
ACCOUNT: Final = "ACCOUNT"

_WINDOW: Final = Nanos(2 * SECOND)

RATE_LIMITS: Final = (
    RateLimit(INSTRUMENTS, 20, _WINDOW, 0),
    RateLimit(TIME, 10, _WINDOW, 0),
    RateLimit(BOOKS, 40, _WINDOW, 0),
    RateLimit(CANDLES, 20, _WINDOW, 0),
    RateLimit(FUNDING, 10, _WINDOW, 0),
    RateLimit(CREATE, 60, _WINDOW, 0),
    RateLimit(CANCEL, 60, _WINDOW, 0),
    RateLimit(CANCEL_BATCH, 300, _WINDOW, 0),
    RateLimit(DEAD_MAN, 2, _WINDOW, 0),
    RateLimit(QUERY, 60, _WINDOW, 0),
    RateLimit(ACCOUNT, 10, _WINDOW, 0),
)
"""Requests in two seconds: public ones by address, the others by account. The venue counts orders and cancels
for each instrument by itself; here they are counted together."""


class Rules(Struct, frozen=True, kw_only=True):
    """In what a flavour differs from the other."""

    product: str
    """`instType`."""
    spot: bool
    trade_mode: str
    """`tdMode` of our orders."""


RULES: Final = {
    "spot": Rules(product="SPOT", spot=True, trade_mode="cash"),
    "swap": Rules(product="SWAP", spot=False, trade_mode="cross"),
}
