"""Whether a Binance request may be carried out: key, signature, clock, limits; and carrying it out.

Rules from "Request security" and "Limits" of the venue's REST documentation.
"""

import hashlib
import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.dialects.binance.http import (
    Call,
    Failure,
    Route,
    Security,
    failure_reply,
    json_reply,
    millis,
    parse_params,
)
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.limits import FixedWindow

RECEIVE_WINDOW_MS: Final = 5_000
RECEIVE_WINDOW_MS_MAX: Final = 60_000
AHEAD_MS_MAX: Final = 1_000
BAN_AFTER: Final = 50
"""Requests sent in spite of 429, until the address is banned."""
BAN_LENGTH: Final = Nanos(2 * MINUTE)
ED25519: Final = "ed25519:"
"""An account whose `secret` begins so holds a base64 public key; any other secret is HMAC's."""


class Router:
    """Carries out REST requests by a table of routes."""

    def __init__(self, guard: "Guard", routes: Mapping[tuple[str, str], Route]) -> None:
        """`routes` by method and path."""
        self._guard = guard
        self._routes = routes

    def answer(self, request: ServerRequest, now: Nanos, venue_now: Nanos) -> ServerReply:
        """The reply, whatever becomes of it."""
        route = self._routes.get((request.method, request.path))
        if route is None:
            return ServerReply(
                status=404, body=b"<html><body><h2>404 Not found</h2></body></html>", content_type="text/html"
            )
        account: Account | None = None
        guard = self._guard
        try:
            params = parse_params(request)
            weight = route.cost(params)
            guard.spend(0 if route.free_when_done else weight, now)
            if route.security is not Security.NONE:
                account = guard.identify(request.headers.get("x-mbx-apikey", ""))
            if account is not None and route.security is Security.SIGNED:
                guard.verify(account, signed_payload(request), params, venue_now)
            call = Call(params=params, account=account, now=now)
            try:
                result = guard.carry_out(route, call)
            except Failure:
                if route.free_when_done:
                    guard.spend(weight, now)
                raise
        except Failure as failure:
            reply = failure_reply(failure)
        else:
            reply = json_reply(result)
        used = guard.headers(account, now, order=route.is_order and reply.status == 200)
        return ServerReply(status=reply.status, body=reply.body, headers=(*reply.headers, *used))


class Guard:
    """Decides whether a request may be carried out: key, signature, clock, limits."""

    def __init__(self, exchange: Exchange, weight_max: int, order_windows: tuple[FixedWindow, ...]) -> None:
        """`order_windows` are templates: every account has windows of its own."""
        self._exchange = exchange
        self.weight = FixedWindow(weight_max, MINUTE)
        """Of all clients together: here they share one address."""
        self.order_windows = order_windows
        self._orders: dict[str, tuple[FixedWindow, ...]] = {}
        self._banned_until = Nanos(0)

    def identify(self, api_key: str) -> Account:
        """Who holds this key."""
        if not api_key.isascii() or not api_key.isalnum():
            raise Failure(-2014, "API-key format invalid.", 401)
        account = self._exchange.account_of_key(api_key)
        if account is None:
            raise Failure(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return account

    def verify(self, account: Account, payload: bytes, params: Mapping[str, str], venue_now: Nanos) -> None:
        """Signature, then clock."""
        for name in ("timestamp", "signature"):
            if not params.get(name):
                raise Failure(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        if not is_signed(account.secret, payload, params["signature"]):
            raise Failure(-1022, "Signature for this request is not valid.")
        check_clock(params, venue_now)

    def spend(self, weight: int, now: Nanos) -> None:
        """Count request weight; too much is answered by 429, and going on in spite of it by 418."""
        if now < self._banned_until:
            until = millis(self._banned_until)
            text = (
                f"Way too much request weight used; IP banned until {until}. "
                "Please use WebSocket Streams for live updates to avoid bans."
            )
            raise Failure(-1003, text, 418, Nanos(self._banned_until - now))
        if self.weight.spend(weight, now):
            return
        if self.weight.used(now) > self.weight.limit + BAN_AFTER:
            self._banned_until = Nanos(now + BAN_LENGTH)
        text = f"Too much request weight used; current limit is {self.weight.limit} request weight per 1 MINUTE."
        raise Failure(-1003, text, 429, self.weight.ends_in(now))

    def carry_out(self, route: Route, call: Call) -> Any:
        """Do what a request that was checked asks for; an order is counted first."""
        if route.is_order:
            self.spend_order(call.customer, call.now)
        return route.handle(call)

    def windows(self, account: Account) -> tuple[FixedWindow, ...]:
        """The account's order counts."""
        if account.name not in self._orders:
            self._orders[account.name] = tuple(FixedWindow(w.limit, w.length) for w in self.order_windows)
        return self._orders[account.name]

    def spend_order(self, account: Account, now: Nanos) -> None:
        """Count one new order in every window of the account."""
        for window in self.windows(account):
            if not window.spend(1, now):
                text = (
                    f"Too many new orders; current limit is {window.limit} orders per {interval_words(window.length)}."
                )
                raise Failure(-1015, text, 429, window.ends_in(now))

    def forgive_order(self, account: Account, now: Nanos) -> None:
        """The first fill of an order takes it out of every count."""
        for window in self.windows(account):
            window.give_back(1, now)

    def headers(self, account: Account | None, now: Nanos, *, order: bool) -> tuple[tuple[str, str], ...]:
        """What is used so far."""
        headers = [
            ("X-MBX-USED-WEIGHT", str(self.weight.used(now))),
            ("X-MBX-USED-WEIGHT-1M", str(self.weight.used(now))),
        ]
        if order and account is not None:
            headers += [
                (f"X-MBX-ORDER-COUNT-{interval_name(window.length)}", str(window.used(now)))
                for window in self.windows(account)
            ]
        return tuple(headers)


def signed_payload(request: ServerRequest) -> bytes:
    """What was signed: "the query string concatenated with the request body", without the signature itself."""
    return (_unsigned(request.query) + _unsigned(request.body.decode("utf-8", "replace"))).encode()


def signed_message(params: Mapping[str, str]) -> bytes:
    """What was signed on the WebSocket API: all parameters but the signature, sorted by name, not percent-encoded."""
    return "&".join(f"{name}={value}" for name, value in sorted(params.items()) if name != "signature").encode()


def _unsigned(text: str) -> str:
    return "&".join(part for part in text.split("&") if part and not part.startswith("signature="))


def check_clock(params: Mapping[str, str], venue_now: Nanos) -> None:
    """The venue's rule: "timestamp < serverTime + 1000 && serverTime - timestamp <= recvWindow"."""
    try:
        timestamp = float(params["timestamp"])
        window = float(params.get("recvWindow") or RECEIVE_WINDOW_MS)
    except (KeyError, ValueError):
        raise Failure(-1102, "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.") from None
    if window > RECEIVE_WINDOW_MS_MAX:
        raise Failure(-1131, f"recvWindow must be less than {RECEIVE_WINDOW_MS_MAX}.")
    if timestamp > 1e14:  # microseconds are allowed
        timestamp /= 1000
    server = millis(venue_now)
    if timestamp >= server + AHEAD_MS_MAX:
        raise Failure(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if server - timestamp > window:
        raise Failure(-1021, "Timestamp for this request is outside of the recvWindow.")


def is_signed(secret: str, payload: bytes, signature: str) -> bool:
    """HMAC-SHA256 in hex of either case, or Ed25519 in base64."""
    if secret.startswith(ED25519):
        try:
            key = Ed25519PublicKey.from_public_bytes(b64decode(secret.removeprefix(ED25519)))
            key.verify(b64decode(signature, validate=True), payload)
        except (InvalidSignature, Base64Error):
            return False
        return True
    expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, signature.lower())


def interval(length: Nanos) -> tuple[str, int]:
    """As exchangeInfo's rateLimits say it: (``SECOND``, 10)."""
    for name, unit in (("DAY", 24 * 60 * MINUTE), ("MINUTE", MINUTE), ("SECOND", SECOND)):
        if length % unit == 0:
            return name, length // unit
    raise ValueError(f"no interval of the venue is {length} ns long")


def interval_name(length: Nanos) -> str:
    """As headers say it: ``10S``."""
    name, count = interval(length)
    return f"{count}{name[0]}"


def interval_words(length: Nanos) -> str:
    """As messages say it: ``10 SECOND``."""
    name, count = interval(length)
    return f"{count} {name}"
