"""HTTP calls of the core, as a simulated venue sees them and as they fail."""

from urllib.parse import urlsplit

from integrated_trading_system.domain.http import HttpCall, HttpFailed, HttpRequest
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialect import ServerRequest


def server_request(request: HttpRequest) -> ServerRequest:
    """What arrives of a (signed) request."""
    return ServerRequest(
        method=request.method,
        path=urlsplit(request.url).path,
        query=request.query,
        headers={name.lower(): value for name, value in request.headers},
        body=request.body.encode(),
    )


def failed(call: HttpCall, now: Nanos, reason: str, *, maybe_sent: bool) -> HttpFailed:
    """Why there is no answer."""
    return HttpFailed(call=call.call, reason=reason, maybe_sent=maybe_sent, received_at=now)
