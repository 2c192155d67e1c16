"""Whether a Bybit request may be carried out: address, key, clock, signature, limits; and carrying it out."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import ServerReply, ServerRequest
from integrated_trading_system.simulation.exchange.dialects.bybit.http import (
    TOO_MANY,
    Call,
    Failure,
    Limit,
    Route,
    envelope,
    failed,
    invalid,
    millis,
    parse_params,
)
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.limits import SlidingWindow

RECEIVE_WINDOW_MS: Final = 5_000
AHEAD_MS_MAX: Final = 1_000
ADDRESS_MAX: Final = 600
"""Requests in `ADDRESS_WINDOW` from one address; here all clients share one."""
ADDRESS_WINDOW: Final = Nanos(5 * SECOND)
BAN: Final = Nanos(10 * MINUTE)
"""After breaking that."""


class Guard:
    """Decides whether a request may be carried out."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._address = SlidingWindow(ADDRESS_MAX, ADDRESS_WINDOW)
        self._windows: dict[tuple[str, str], SlidingWindow] = {}
        self._banned_until = Nanos(0)

    def admits(self, now: Nanos) -> bool:
        """Count one request of the address; False when it is banned."""
        if now < self._banned_until:
            return False
        if self._address.spend(now):
            return True
        self._banned_until = Nanos(now + BAN)
        return False

    def identify(self, api_key: str) -> Account:
        """Who holds this key."""
        account = self._exchange.account_of_key(api_key)
        if account is None:
            raise Failure(10003, "API key is invalid.")
        return account

    def verify(self, request: ServerRequest, venue_now: Nanos) -> Account:
        """Key, clock, signature, in that order.

        The payload is "timestamp + api_key + recv_window + (queryString | jsonBodyString)", as sent.
        """
        headers = request.headers
        key, sign = headers.get("x-bapi-api-key", ""), headers.get("x-bapi-sign", "")
        timestamp, window = headers.get("x-bapi-timestamp", ""), headers.get("x-bapi-recv-window", "")
        if not key or not sign or not timestamp:
            raise invalid("Request parameter error.")
        account = self.identify(key)
        check_clock(timestamp, window, venue_now)
        said = request.query.encode() if request.method == "GET" else request.body
        payload = f"{timestamp}{key}{window}".encode() + said
        if not is_signed(account.secret, payload, sign):
            raise Failure(10004, f"error sign! origin_string[{payload.decode('utf-8', 'replace')}]")
        return account

    def window(self, account: Account, limit: Limit) -> SlidingWindow:
        """The account's requests of one kind."""
        key = (account.name, limit.name)
        if key not in self._windows:
            self._windows[key] = SlidingWindow(limit.per_second, SECOND)
        return self._windows[key]


class Router:
    """Carries out REST requests by a table of routes."""

    def __init__(self, guard: Guard, routes: Mapping[tuple[str, str], Route]) -> None:
        """`routes` by method and path."""
        self._guard = guard
        self._routes = routes

    def answer(self, request: ServerRequest, now: Nanos, venue_now: Nanos) -> ServerReply:
        """The reply, whatever becomes of it."""
        # "A GET with a body is answered by 403", even an empty JSON one.
        if not self._guard.admits(now) or (request.method == "GET" and request.body):
            return ServerReply(status=403, body=b"access too frequent", content_type="text/plain")
        route = self._routes.get((request.method, request.path))
        if route is None:
            return ServerReply(status=404, body=b"404 page not found", content_type="text/plain")
        headers: tuple[tuple[str, str], ...] = ()
        allowed = 1
        try:
            account = self._guard.verify(request, venue_now) if route.limit is not None else None
            if account is not None and route.limit is not None:
                window = self._guard.window(account, route.limit)
                allowed = spend_each(window, orders_in(request), now)
                headers = limit_headers(window, now, venue_now)
                if not allowed:
                    raise TOO_MANY
            reply = envelope(
                route.handle(Call(params=parse_params(request), account=account, now=now, allowed=allowed)),
                millis(venue_now),
            )
        except Failure as failure:
            reply = failed(failure, millis(venue_now))
        return ServerReply(status=reply.status, body=reply.body, headers=headers)


def orders_in(request: ServerRequest) -> int:
    """How many a batch names; every other request counts once."""
    named = parse_params(request).get("request") if request.path.endswith("-batch") else None
    return max(1, len(named)) if isinstance(named, list) else 1


def spend_each(window: SlidingWindow, orders: int, now: Nanos) -> int:
    """How many of them were admitted: "each contained order counts", and the head of a batch succeeds."""
    return sum(1 for _ in range(orders) if window.spend(now))


def limit_headers(window: SlidingWindow, now: Nanos, venue_now: Nanos) -> tuple[tuple[str, str], ...]:
    """The venue's rule: the reset time is the current time, unless the limit is exceeded."""
    reset = venue_now + (window.opens_at(now) - now)
    return (
        ("X-Bapi-Limit", str(window.limit)),
        ("X-Bapi-Limit-Status", str(max(0, window.left(now)))),
        ("X-Bapi-Limit-Reset-Timestamp", str(millis(reset))),
    )


def check_clock(timestamp: str, window: str, venue_now: Nanos) -> None:
    """The venue's rule: "server_time - recv_window <= timestamp < server_time + 1000"."""
    if not all(text.isascii() and text.isdigit() and len(text) <= 19 for text in (timestamp, window or "0")):
        raise invalid("Request parameter error.")
    sent, allowed, server = int(timestamp), int(window or RECEIVE_WINDOW_MS), millis(venue_now)
    if not server - allowed <= sent < server + AHEAD_MS_MAX:
        text = "invalid request, please check your server timestamp or recv_window param."
        raise Failure(10002, f"{text} req_timestamp[{sent}],server_timestamp[{server}],recv_window[{allowed}]")


def is_signed(secret: str, payload: bytes, signature: str) -> bool:
    """HMAC-SHA256 in hex."""
    expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())
