"""Nothing is signed here: the library does that itself, in the driver, and public data needs no key."""

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.venues.venue import Credentials


def sign_request(request: HttpRequest, credentials: Credentials, timestamp_ms: int) -> HttpRequest:  # noqa: ARG001 - every venue signs alike
    """Raises Refused."""
    raise Refused("requests by way of ccxt are not signed")


def sign_frame(frame: bytes, credentials: Credentials, timestamp_ms: int) -> bytes:  # noqa: ARG001 - every venue signs alike
    """Raises Refused."""
    raise Refused("frames by way of ccxt are not signed")
