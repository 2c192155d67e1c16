"""Whether a Kraken request may be carried out: key, nonce, signature, the key's counter; and tokens for streams."""

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.dialects.kraken.http import (
    Call,
    Failure,
    Route,
    answered,
    failed,
    parse_params,
)
from integrated_trading_system.simulation.exchange.exchange import Exchange

COUNTER_MAX: Final = 15
DECAY: Final = Decimal("0.33")
"""A second. Both are of the lowest tier."""
NONCE_WINDOW: Final = 10_000
"""As the key is set up: requests that overtake one another are taken within it, each nonce once."""
TOKEN_LIFE: Final = Nanos(15 * MINUTE)


class Guard:
    """Decides whether a request may be carried out."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._nonces: dict[str, dict[int, None]] = {}
        """By key: those that still count, in the order in which they came."""
        self._counters: dict[str, tuple[Decimal, Nanos]] = {}
        self._tokens: dict[str, tuple[str, Nanos]] = {}

    def verify(self, request: ServerRequest, params: Mapping[str, str]) -> Account:
        """Key, signature, nonce. ``SHA256(nonce + POST data)``, with the path, signed with the decoded secret."""
        account = self._exchange.account_of_key(request.headers.get("api-key", ""))
        if account is None:
            raise Failure("EAPI:Invalid key")
        nonce = params.get("nonce", "")
        if not nonce.isascii() or not nonce.isdigit() or len(nonce) > 20:
            raise Failure("EAPI:Invalid nonce")
        payload = request.path.encode() + hashlib.sha256(nonce.encode() + request.body).digest()
        if not _is_signed(account.secret, payload, request.headers.get("api-sign", "")):
            raise Failure("EAPI:Invalid signature")
        self._use(account.api_key, int(nonce))
        return account

    def _use(self, key: str, nonce: int) -> None:
        used = self._nonces.setdefault(key, {})
        highest = max(used, default=0)
        if nonce in used or nonce < highest - NONCE_WINDOW:
            raise Failure("EAPI:Invalid nonce")
        used[nonce] = None
        for old in [old for old in used if old < max(highest, nonce) - NONCE_WINDOW]:
            del used[old]

    def count(self, account: Account, cost: int, now: Nanos) -> None:
        """The counter falls with time; what is above its limit is refused."""
        used, at = self._counters.get(account.name, (ZERO, now))
        used = max(ZERO, used - DECAY * (now - at) / SECOND)
        if used + cost > COUNTER_MAX:
            raise Failure("EAPI:Rate limit exceeded")
        self._counters[account.name] = (used + cost, now)

    def issue(self, account: Account, now: Nanos) -> str:
        """A token, "to be used within 15 minutes"."""
        text = f"{self._exchange.seed}:{account.name}:{now}".encode()
        token = b64encode(hashlib.sha256(text).digest()).decode().rstrip("=").replace("/", "_")
        self._tokens[token] = (account.name, Nanos(now + TOKEN_LIFE))
        return token

    def owner(self, token: object, now: Nanos) -> str | None:
        """Whose token that is; None for one that is not, or no longer, good."""
        name, until = self._tokens.get(token, ("", now)) if isinstance(token, str) else ("", now)
        return name if now < until else None


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
            unknown = failed(Failure("EGeneral:Unknown method"))
            return ServerReply(status=404, body=unknown.body)
        try:
            params = parse_params(request)
            account = None
            if route.cost is not None:
                account = self._guard.verify(request, params)
                self._guard.count(account, route.cost, now)
            return answered(route.handle(Call(params=params, account=account, now=now, venue_now=venue_now)))
        except Failure as failure:
            return failed(failure)


def _is_signed(secret: str, payload: bytes, signature: str) -> bool:
    try:
        key = b64decode(secret, validate=True)
    except binascii.Error:
        return False
    expected = b64encode(hmac.new(key, payload, hashlib.sha512).digest())
    return hmac.compare_digest(expected, signature.encode())
