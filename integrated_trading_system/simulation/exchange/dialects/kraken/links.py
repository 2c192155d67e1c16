"""Kraken's stream links: subscriptions of many symbols, each answered by itself; heartbeats in silence.

Public and private channels are spoken for at one path; the latter need a token. Whoever subscribes is greeted with a
snapshot, unless it does not want one.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.kraken.http import stamp

HEARTBEAT: Final = Nanos(SECOND)
"""In silence, once something is subscribed to."""

Key = tuple[str, str, int]
"""Channel, symbol, and depth, interval or trigger: what names a subscription. Private channels: symbol empty."""


class Channels(Protocol):
    """What can be subscribed to."""

    def open(self, key: Key, now: Nanos, *, snapshot: bool) -> list[Any]:
        """Somebody more listens to it; what to greet with."""

    def shut(self, key: Key) -> None:
        """Nobody listens to it any more."""


class Wish:
    """A subscribe or unsubscribe frame, as far as it can be understood."""

    def __init__(self, data: bytes) -> None:
        try:
            body = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = None
        self.broken = not isinstance(body, dict)
        body = body if isinstance(body, dict) else {}
        self.method = body.get("method")
        self.request = body.get("req_id")
        params = body.get("params")
        self.params: dict[str, Any] = params if isinstance(params, dict) else {}
        symbols = self.params.get("symbol")
        known = isinstance(symbols, list) and all(isinstance(symbol, str) for symbol in symbols)
        self.symbols: list[str] = symbols if known and isinstance(symbols, list) else []
        self.channel = self.params.get("channel")
        self.snapshot = self.params.get("snapshot", self.channel != "trade") is True


class Links:
    """All clients."""

    def __init__(
        self,
        send: Callable[[LinkId, bytes], None],
        call_at: Callable[[Nanos, Callable[[Nanos], None]], None],
        key_of: Callable[[str, dict[str, Any], str, Nanos], Key | str],
        venue_time: Callable[[Nanos], Nanos],
    ) -> None:
        """`key_of` says what a subscription is called, or, with an ``E`` before it, why there is none."""
        self._send = send
        self._call_at = call_at
        self._key_of = key_of
        self._venue_time = venue_time
        self._links: dict[LinkId, dict[Key, None]] = {}
        self._told_at: dict[LinkId, Nanos] = {}
        self.listeners: dict[Key, dict[LinkId, None]] = {}

    def __contains__(self, link: LinkId) -> bool:
        """Whether the client is connected."""
        return link in self._links

    def open(self, link: LinkId, now: Nanos) -> None:
        """A client connects: it is told how the market is."""
        self._links[link] = {}
        data = [{"version": "2.0.0", "system": "online", "api_version": "v2", "connection_id": len(self._told_at) + 1}]
        self._tell(link, {"channel": "status", "type": "update", "data": data}, now)
        self._call_at(Nanos(now + HEARTBEAT), lambda due: self._beat(link, due))

    def close(self, link: LinkId, channels: Channels) -> None:
        """The client is gone."""
        self._told_at.pop(link, None)
        for key in self._links.pop(link, {}):
            self._leave(link, key, channels)

    def receive(self, link: LinkId, frame: bytes, now: Nanos, channels: Channels) -> None:
        """A frame of a client."""
        wish = Wish(frame)
        if wish.broken or wish.method not in ("ping", "subscribe", "unsubscribe"):
            error = "Malformed request" if wish.broken else f"Method not supported {wish.method}"
            self._answer(link, wish, {"success": False, "error": error}, now)
        elif wish.method == "ping":
            self._answer(link, wish, {}, now, method="pong")
        else:
            self._change(link, wish, now, channels)

    def publish(self, key: Key, message: Any, now: Nanos) -> None:
        """To everybody who listens."""
        listeners = self.listeners.get(key)
        if listeners:
            data = msgspec.json.encode(message)
            for link in listeners:
                self._told_at[link] = now
                self._send(link, data)

    def _change(self, link: LinkId, wish: Wish, now: Nanos, channels: Channels) -> None:
        """One answer for each symbol."""
        mine = self._links[link]
        private = wish.channel in ("executions", "balances")
        if not isinstance(wish.channel, str) or (not wish.symbols and not private):
            self._answer(link, wish, {"success": False, "error": "Symbol(s) not found"}, now)
            return
        for symbol in [""] if private else wish.symbols:
            key = self._key_of(wish.channel, wish.params, symbol, now)
            named = {"symbol": symbol} if symbol else {}
            if isinstance(key, str):
                self._answer(link, wish, {"success": False, "error": key, **named}, now)
            elif wish.method == "unsubscribe":
                if key not in mine:
                    self._answer(link, wish, {"success": False, "error": "Subscription Not Found", **named}, now)
                    continue
                del mine[key]
                self._leave(link, key, channels)
                self._answer(link, wish, {"success": True, "result": _result(key, wish, named)}, now)
            elif any(each[:2] == key[:2] for each in mine):
                self._answer(link, wish, {"success": False, "error": "Already subscribed", **named}, now)
            else:
                mine[key] = None
                self.listeners.setdefault(key, {})[link] = None
                self._answer(link, wish, {"success": True, "result": _result(key, wish, named)}, now)
                for message in channels.open(key, now, snapshot=wish.snapshot):
                    self._tell(link, message, now)

    def _leave(self, link: LinkId, key: Key, channels: Channels) -> None:
        listeners = self.listeners[key]
        del listeners[link]
        if not listeners:
            del self.listeners[key]
            channels.shut(key)

    def _beat(self, link: LinkId, due: Nanos) -> None:
        """About a second after the last message, if anything is subscribed to."""
        mine = self._links.get(link)
        if mine is None:
            return
        if not mine:
            again = due
        else:
            if due - self._told_at[link] >= HEARTBEAT:
                self._tell(link, {"channel": "heartbeat"}, due)
            again = self._told_at[link]
        self._call_at(Nanos(again + HEARTBEAT), lambda at: self._beat(link, at))

    def _answer(self, link: LinkId, wish: Wish, body: dict[str, Any], now: Nanos, method: str = "") -> None:
        at = stamp(self._venue_time(now))
        head = {"method": method or (wish.method if isinstance(wish.method, str) else "")}
        request = {"req_id": wish.request} if isinstance(wish.request, int) else {}
        self._tell(link, head | body | {"time_in": at, "time_out": at} | request, now)

    def _tell(self, link: LinkId, message: Any, now: Nanos) -> None:
        self._told_at[link] = now
        self._send(link, msgspec.json.encode(message))


def _result(key: Key, wish: Wish, named: dict[str, str]) -> dict[str, Any]:
    """What was subscribed to."""
    channel = key[0]
    details: dict[str, Any] = {"book": {"depth": key[2]}, "ohlc": {"interval": key[2]}}.get(channel, {})
    if channel == "ticker":
        details = {"event_trigger": "trades" if key[2] else "bbo"}
    return {"channel": channel, **details, "snapshot": wish.snapshot, **named}
