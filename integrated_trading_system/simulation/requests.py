"""HTTP calls of the core, as a simulated venue sees them and as they fail."""

from urllib.parse import urlsplit

from integrated_trading_system.domain.http import HttpCall, HttpFailed, HttpReply, HttpRequest
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest


def server_request(request: HttpRequest) -> ServerRequest:
    """What arrives of a (signed) request."""
    return ServerRequest(
        method=request.method,
        path=urlsplit(request.url).path,
        query=request.query,
        headers={name.lower(): value for name, value in request.headers},
        body=request.body.encode(),
    )


def answered(call: HttpCall, reply: ServerReply, sent_at: Nanos, now: Nanos) -> HttpReply:
    """The venue's answer, as it arrives."""
    return HttpReply(
        call=call.call,
        status=reply.status,
        headers={name.lower(): value for name, value in reply.headers},
        body=reply.body,
        sent_at=sent_at,
        received_at=now,
    )


def failed(call: HttpCall, now: Nanos, reason: str, *, maybe_sent: bool) -> HttpFailed:
    """Why there is no answer."""
    return HttpFailed(call=call.call, reason=reason, maybe_sent=maybe_sent, received_at=now)
