"""Whether an OKX request may be carried out: limits, key, passphrase, clock, signature; and carrying it out."""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.dialects.okx.http import (
    WINDOW,
    Call,
    Failure,
    Route,
    envelope,
    failed,
    json_reply,
    millis,
    parse_params,
)
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.limits import SlidingWindow

TIMESTAMP_MS_MAX: Final = 30_000
"""How far a timestamp may be from the venue's clock."""
TOO_MANY: Final = Failure("50011", "Too Many Requests", 429)
EXPIRED: Final = Failure("51149", "Order timed out. Please try again later.")

_HEADERS: Final = (
    ("ok-access-key", "50103", "OK-ACCESS-KEY"),
    ("ok-access-passphrase", "50104", "OK-ACCESS-PASSPHRASE"),
    ("ok-access-sign", "50106", "OK-ACCESS-SIGN"),
    ("ok-access-timestamp", "50107", "OK-ACCESS-TIMESTAMP"),
)


class Guard:
    """Decides whether a request may be carried out."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._windows: dict[tuple[str, str], SlidingWindow] = {}

    def identify(self, api_key: str, passphrase: str) -> Account:
        """Who holds this key."""
        account = self._exchange.account_of_key(api_key)
        if account is None:
            raise Failure("50111", "Invalid OK-ACCESS-KEY", 401)
        if not hmac.compare_digest(account.passphrase.encode(), passphrase.encode()):
            raise Failure("50105", "Request header OK-ACCESS-PASSPHRASE incorrect.", 401)
        return account

    def verify(self, request: ServerRequest, venue_now: Nanos) -> Account:
        """Key, clock, signature, in that order.

        The payload is "timestamp + method + requestPath + body", the path with its query.
        """
        headers = request.headers
        for name, code, written in _HEADERS:
            if not headers.get(name):
                raise Failure(code, f'Request header "{written}" can not be empty.', 401)
        timestamp = headers["ok-access-timestamp"]
        account = self.identify(headers["ok-access-key"], headers["ok-access-passphrase"])
        if abs(parse_time(timestamp) - millis(venue_now)) > TIMESTAMP_MS_MAX:
            raise Failure("50102", "Timestamp request expired", 401)
        target = f"{request.path}?{request.query}" if request.query else request.path
        payload = f"{timestamp}{request.method}{target}".encode() + request.body
        if not is_signed(account.secret, payload, headers["ok-access-sign"]):
            raise Failure("50113", "Invalid Sign", 401)
        return account

    def count(self, who: str, route: Route, now: Nanos, orders: int = 1) -> None:
        """Count one request of this kind; a batch counts as the orders in it."""
        key = (who, route.limit.name)
        if key not in self._windows:
            self._windows[key] = SlidingWindow(route.limit.most, WINDOW)
        if not self._windows[key].spend(now, orders):
            raise TOO_MANY


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
            return json_reply({"code": "404", "msg": "Not Found", "data": {}}, 404)
        try:
            account = self._guard.verify(request, venue_now) if route.signed else None
            params = parse_params(request)
            items = params.get("items")
            orders = max(1, len(items)) if isinstance(items, list) else 1
            self._guard.count("" if account is None else account.name, route, now, orders)
            deadline = request.headers.get("exptime", "")
            if deadline and request.method == "POST" and _is_past(deadline, venue_now):
                raise EXPIRED
            return envelope(route.handle(Call(params=params, account=account, now=now)))
        except Failure as failure:
            return failed(failure)


def parse_time(text: str) -> int:
    """Milliseconds of ``2020-12-08T09:08:57.715Z``."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not text.endswith("Z"):
        raise Failure("50112", "Invalid OK-ACCESS-TIMESTAMP", 401)
    return round(moment.timestamp() * 1000)


def is_signed(secret: str, payload: bytes, signature: str) -> bool:
    """HMAC-SHA256 in base64."""
    expected = b64encode(hmac.new(secret.encode(), payload, hashlib.sha256).digest())
    return hmac.compare_digest(expected, signature.encode())


def _is_past(deadline: str, venue_now: Nanos) -> bool:
    """The venue's rule: "not processed if the current system time of the server is after the expTime"."""
    if not deadline.isascii() or not deadline.isdigit() or len(deadline) > 19:
        raise Failure("51000", "Parameter expTime error")
    return millis(venue_now) > int(deadline)
