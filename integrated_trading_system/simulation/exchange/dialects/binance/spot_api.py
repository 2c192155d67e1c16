"""Binance spot's WebSocket API: the REST requests as frames, and the user data stream.

Signatures differ from REST: all parameters, sorted by name, not percent-encoded. The user data stream
lives here only (listenKeys of spot were retired on 2026-02-20); every event is wrapped in
``{"subscriptionId":…,"event":…}``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialects.binance.guard import (
    ED25519,
    Guard,
    check_clock,
    interval,
    signed_message,
)
from integrated_trading_system.simulation.exchange.dialects.binance.http import Call, Failure, Route, Security, millis

PATH: Final = "/ws-api/v3"


class ApiLink:
    """One client."""

    def __init__(self, now: Nanos, *, returns_limits: bool) -> None:
        self.connected_at = now
        self.returns_limits = returns_limits
        self.account: Account | None = None
        """Logged on."""
        self.authorized_at = now
        self.subscriptions: dict[int, tuple[str, bool]] = {}
        """Account, and whether it hangs on the logon, by subscription id."""
        self.subscribed = 0


class SpotApi:
    """All clients of the WebSocket API."""

    def __init__(
        self,
        guard: Guard,
        routes: Mapping[str, Route],
        send: Callable[[LinkId, bytes], None],
        venue_time: Callable[[Nanos], Nanos],
    ) -> None:
        """`routes` by method."""
        self._guard = guard
        self._routes = routes
        self._send = send
        self._venue_time = venue_time
        self._links: dict[LinkId, ApiLink] = {}
        self._sessions: dict[str, Callable[[ApiLink, dict[str, str], Nanos], Any]] = {
            "session.logon": self._logon,
            "session.status": self._status,
            "session.logout": self._logout,
            "session.subscriptions": self._list,
            "userDataStream.subscribe": self._subscribe,
            "userDataStream.subscribe.signature": self._subscribe_signed,
            "userDataStream.unsubscribe": self._unsubscribe,
        }

    def __contains__(self, link: LinkId) -> bool:
        """Whether the link is one of ours."""
        return link in self._links

    def open(self, link: LinkId, query: str, now: Nanos) -> bool:
        """A client connects; that costs weight 2."""
        try:
            self._guard.spend(2, now)
        except Failure:
            return False
        returns_limits = parse_qs(query).get("returnRateLimits") != ["false"]
        self._links[link] = ApiLink(now, returns_limits=returns_limits)
        return True

    def close(self, link: LinkId) -> None:
        """The client is gone, and its subscriptions with it."""
        self._links.pop(link, None)

    def tell(self, account: str, event: Any) -> None:
        """An event of this account, to all who subscribed to it."""
        for link, state in self._links.items():
            for subscription, (name, _) in state.subscriptions.items():
                if name == account:
                    self._send(link, msgspec.json.encode({"subscriptionId": subscription, "event": event}))

    def receive(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        """One request; exactly one reply."""
        state = self._links[link]
        reply: dict[str, Any] = {"id": None}
        order = False
        try:
            message = _decode(frame)
            reply["id"] = message.get("id")
            method = message.get("method")
            route = self._routes.get(method) if isinstance(method, str) else None
            order = route is not None and route.is_order
            params = _texts(message.get("params") or {})
            result = self._carry_out(state, method, route, params, now)
            reply |= {"status": 200, "result": result}
        except Failure as failure:
            error: dict[str, Any] = {"code": failure.code, "msg": failure.text}
            if failure.retry_after is not None:
                server = self._venue_time(now)
                error["data"] = {"serverTime": millis(server), "retryAfter": millis(server + failure.retry_after)}
            reply |= {"status": failure.status, "error": error}
        if state.returns_limits:
            reply["rateLimits"] = self._limits(state, now, order=order)
        self._send(link, msgspec.json.encode(reply))

    # -- requests -------------------------------------------------------------------------------

    def _carry_out(self, link: ApiLink, method: Any, route: Route | None, params: dict[str, str], now: Nanos) -> Any:
        session = self._sessions.get(method) if isinstance(method, str) else None
        if session is not None:
            self._guard.spend(2, now)
            return session(link, params, now)
        if route is None:
            raise Failure(-1020, "This operation is not supported.")
        weight = route.cost(params)
        self._guard.spend(0 if route.free_when_done else weight, now)
        account = None
        if route.security is not Security.NONE:
            account = self._identify(link, params, now)
        try:
            return self._guard.carry_out(route, Call(params=params, account=account, now=now))
        except Failure:
            if route.free_when_done:
                self._guard.spend(weight, now)
            raise

    def _identify(self, link: ApiLink, params: dict[str, str], now: Nanos) -> Account:
        """By its key and signature, or because it is logged on."""
        if link.account is not None and "apiKey" not in params:
            check_clock(params, self._venue_time(now))
            return link.account
        account = self._guard.identify(params.get("apiKey", ""))
        self._guard.verify(account, signed_message(params), params, self._venue_time(now))
        return account

    # -- session and user data stream -----------------------------------------------------------

    def _logon(self, link: ApiLink, params: dict[str, str], now: Nanos) -> Any:
        account = self._guard.identify(params.get("apiKey", ""))
        if not account.secret.startswith(ED25519):
            raise Failure(-4056, "HMAC_SHA256 API key is not supported.")
        self._guard.verify(account, signed_message(params), params, self._venue_time(now))
        link.account, link.authorized_at = account, now
        return self._status(link, params, now)

    def _status(self, link: ApiLink, params: dict[str, str], now: Nanos) -> Any:
        account = link.account
        return {
            "apiKey": account.api_key if account else None,
            "authorizedSince": millis(self._venue_time(link.authorized_at)) if account else None,
            "connectedSince": millis(self._venue_time(link.connected_at)),
            "returnRateLimits": link.returns_limits,
            "serverTime": millis(self._venue_time(now)),
            "userDataStream": bool(link.subscriptions),
        }

    def _logout(self, link: ApiLink, params: dict[str, str], now: Nanos) -> Any:
        link.account = None
        link.subscriptions = {key: value for key, value in link.subscriptions.items() if not value[1]}
        return self._status(link, params, now)

    def _list(self, link: ApiLink, params: dict[str, str], now: Nanos) -> Any:
        return [{"subscriptionId": subscription} for subscription in link.subscriptions]

    def _subscribe(self, link: ApiLink, params: dict[str, str], now: Nanos) -> Any:
        if link.account is None:
            raise Failure(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return self._add(link, link.account, by_logon=True)

    def _subscribe_signed(self, link: ApiLink, params: dict[str, str], now: Nanos) -> Any:
        account = self._guard.identify(params.get("apiKey", ""))
        self._guard.verify(account, signed_message(params), params, self._venue_time(now))
        return self._add(link, account, by_logon=False)

    def _add(self, link: ApiLink, account: Account, *, by_logon: bool) -> Any:
        """The venue's rule: one subscription per account and connection."""
        if any(name == account.name for name, _ in link.subscriptions.values()):
            raise Failure(-2035, "Subscription already active.")
        subscription = link.subscribed
        link.subscribed += 1
        link.subscriptions[subscription] = (account.name, by_logon)
        return {"subscriptionId": subscription}

    def _unsubscribe(self, link: ApiLink, params: dict[str, str], now: Nanos) -> Any:
        wanted = params.get("subscriptionId")
        if wanted is None:
            link.subscriptions.clear()
        elif not wanted.isdigit() or link.subscriptions.pop(int(wanted), None) is None:
            raise Failure(-2036, "Subscription not active.")
        return {}

    def _limits(self, link: ApiLink, now: Nanos, *, order: bool) -> list[dict[str, Any]]:
        counted = [("REQUEST_WEIGHT", self._guard.weight)]
        if order and link.account is not None:
            counted = [("ORDERS", window) for window in self._guard.windows(link.account)]
        rows = []
        for kind, window in counted:
            name, count = interval(window.length)
            row = {"rateLimitType": kind, "interval": name, "intervalNum": count, "limit": window.limit}
            rows.append(row | {"count": window.used(now)})
        return rows


def _decode(frame: bytes) -> dict[str, Any]:
    try:
        message = msgspec.json.decode(frame)
    except msgspec.DecodeError:
        raise Failure(-1135, "Invalid JSON Request") from None
    if not isinstance(message, dict) or not isinstance(message.get("params") or {}, dict):
        raise Failure(-1135, "Invalid JSON Request")
    return message


def _texts(params: dict[str, Any]) -> dict[str, str]:
    """Parameters as they were signed: strings as they are, numbers and booleans as JSON writes them."""
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in params.items()
        if value is not None
    }
