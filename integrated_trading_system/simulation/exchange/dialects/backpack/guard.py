"""Whether a Backpack request may be carried out: key, clock, ED25519 signature, limits; and carrying it out.

The signed text: "instruction=<name>, then the parameters sorted by name, then timestamp and window".
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from integrated_trading_system.domain.time import MINUTE, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.dialects.backpack.http import (
    Call,
    Failure,
    Route,
    Said,
    failure_reply,
    invalid,
    millis,
    read_params,
    reply,
)
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.limits import SlidingWindow

WINDOW_MS: Final = 5_000
WINDOW_MS_MAX: Final = 60_000
REQUESTS_MAX: Final = 2_000
HISTORICAL_MAX: Final = 30
"""Both per minute, of all clients together: here they share one address."""


class Proof(Struct, frozen=True):
    """What a client shows: key, signature, and the times that it signed."""

    api_key: str
    signature: str
    timestamp: str
    window: str


class Guard:
    """Decides whether a request may be carried out."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._requests = SlidingWindow(REQUESTS_MAX, MINUTE)
        self._historical = SlidingWindow(HISTORICAL_MAX, MINUTE)

    def count(self, now: Nanos, *, historical: bool) -> None:
        """One more request."""
        if not self._requests.spend(now) or (historical and not self._historical.spend(now)):
            raise Failure("TOO_MANY_REQUESTS", "You have exceeded the rate limit", 429)

    def verify(self, proof: Proof, instruction: str, said: Sequence[Said], venue_now: Nanos) -> Account:
        """Key, clock, signature. Several orders in one request are each signed with the instruction's name."""
        account = self._exchange.account_of_key(proof.api_key)
        if account is None:
            raise Failure("UNAUTHORIZED", "Unauthorized", 401)
        check_clock(proof, venue_now)
        parts = [part for each in said for part in (("instruction", instruction), *each.written)]
        parts += [("timestamp", proof.timestamp), ("window", proof.window or str(WINDOW_MS))]
        text = "&".join(f"{name}={value}" for name, value in parts)
        if not is_signed(proof, text.encode()):
            raise invalid("Invalid signature")
        return account


class Router:
    """Carries out REST requests by a table of routes."""

    def __init__(self, guard: Guard, routes: Mapping[tuple[str, str], Route]) -> None:
        """`routes` by method and path."""
        self._guard = guard
        self._routes = routes

    def answer(self, request: ServerRequest, now: Nanos, venue_now: Nanos) -> ServerReply:
        """The reply, whatever becomes of it."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return ServerReply(status=404, body=b"not found", content_type="text/plain; charset=utf-8")
        try:
            self._guard.count(now, historical=route.historical)
            said, batch = read_params(request)
            account: Account | None = None
            if route.instruction:
                proof = _proof(request.headers)
                account = self._guard.verify(proof, route.instruction, batch or (said,), venue_now)
            several = tuple(each.params for each in batch)
            return reply(route.handle(Call(params=said.params, batch=several, account=account, now=now)))
        except Failure as failure:
            return failure_reply(failure)


def _proof(headers: Mapping[str, str]) -> Proof:
    names = ("X-API-Key", "X-Signature", "X-Timestamp", "X-Window")
    values = [headers.get(name.lower(), "") for name in names]
    for name, value in zip(names[:3], values[:3], strict=True):
        if not value:
            raise invalid(f"Missing {name} header")
    return Proof(*values)


def check_clock(proof: Proof, venue_now: Nanos) -> None:
    """The window is how long a request is good for, at most 60 s; it reaches as far into the future."""
    window = proof.window or str(WINDOW_MS)
    if not all(text.isascii() and text.isdigit() and len(text) <= 19 for text in (proof.timestamp, window)):
        raise invalid("Invalid X-Timestamp or X-Window header")
    if not 0 < int(window) <= WINDOW_MS_MAX:
        raise invalid(f"Invalid X-Window header: at most {WINDOW_MS_MAX}")
    if abs(millis(venue_now) - int(proof.timestamp)) > int(window):
        raise invalid("Request has expired")


def is_signed(proof: Proof, text: bytes) -> bool:
    """The API key is the verifying key itself."""
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(proof.api_key, validate=True))
        key.verify(b64decode(proof.signature, validate=True), text)
    except (InvalidSignature, Base64Error, ValueError):
        return False
    return True
