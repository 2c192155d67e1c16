"""Nothing is signed: everything that is asked for is public."""

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.venues.venue import Credentials


def sign_request(request: HttpRequest, credentials: Credentials, timestamp_ms: int) -> HttpRequest:  # noqa: ARG001 - every venue signs alike
    """Raises Unsupported."""
    raise Unsupported("Example Exchange takes no signed requests")


def sign_frame(frame: bytes, credentials: Credentials, timestamp_ms: int) -> bytes:  # noqa: ARG001 - every venue signs alike
    """Raises Unsupported."""
    raise Unsupported("Example Exchange takes no signed frames")
