"""Who listens to which market stream, and the frames by which that is changed.

The control plane is the same on spot and futures: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS,
SET_PROPERTY, GET_PROPERTY; payloads go out as they are on ``/ws``, and as
``{"stream":…,"data":…}`` on ``/stream``.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import msgspec

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.simulation.exchange.limits import SlidingWindow

STREAMS_MAX: Final = 1024
_WELL_FORMED: Final = re.compile(r"[^\s@,]+@[A-Za-z0-9_@:+]+|![A-Za-z]+(@[A-Za-z0-9_@]+)?|[A-Za-z0-9]{40,80}")
"""A name the server takes, whether or not there is such a stream; the last form is a listenKey."""


class StreamLink:
    """One client of the market streams."""

    __slots__ = ("combined", "inbound", "names", "serves")

    def __init__(self, inbound: SlidingWindow, serves: Callable[[str], bool] | None, *, combined: bool) -> None:
        self.combined = combined
        self.names: dict[str, None] = {}
        self.inbound = inbound
        self.serves = serves
        """Which streams this path carries; on others nothing ever comes."""


class Streams:
    """All clients of the market streams, and what they listen to."""

    def __init__(
        self,
        send: Callable[[LinkId, bytes], None],
        wanted: Callable[[str], None],
        messages_per_second: int,
    ) -> None:
        """`wanted(name)` is called when a stream has its first listener."""
        self._send = send
        self._wanted = wanted
        self._messages_per_second = messages_per_second
        self._links: dict[LinkId, StreamLink] = {}
        self._listeners: dict[str, dict[LinkId, bool]] = {}
        """By stream; True where the link wants envelopes."""

    def __contains__(self, link: LinkId) -> bool:
        """Whether the link is one of ours."""
        return link in self._links

    # -- data -----------------------------------------------------------------------------------

    def heard(self, name: str) -> bool:
        """Whether anybody listens."""
        return name in self._listeners

    def publish(self, name: str, payload: Any) -> None:
        """Send to all who listen."""
        listeners = self._listeners.get(name)
        if not listeners:
            return
        body = msgspec.json.encode(payload)
        wrapped = b""
        for link, combined in listeners.items():
            if combined and not wrapped:
                wrapped = b'{"stream":%b,"data":%b}' % (msgspec.json.encode(name), body)
            self._send(link, wrapped if combined else body)

    # -- links ----------------------------------------------------------------------------------

    def open(self, link: LinkId, path: str, query: str, serves: Callable[[str], bool] | None = None) -> bool:
        """A client connects to ``/ws``, ``/ws/<stream>…`` or ``/stream?streams=<stream>/…``; False for other paths.

        Names are not checked here (clients connect to ``/ws/0``); streams that do not exist, or that this
        path does not serve, stay silent.
        """
        head, _, tail = path.strip("/").partition("/")
        if head not in ("ws", "stream"):
            return False
        names = [unquote(name) for name in tail.split("/") if name] if head == "ws" else []
        for key, value in parse_qsl(query):
            if key in ("streams", "listenKey"):
                names += [name for name in value.split("/") if name]
        if len(names) > STREAMS_MAX:
            return False
        inbound = SlidingWindow(self._messages_per_second, SECOND)
        self._links[link] = StreamLink(inbound, serves, combined=head == "stream")
        self._subscribe(link, names)
        return True

    def close(self, link: LinkId) -> None:
        """The client is gone."""
        state = self._links.pop(link, None)
        if state is not None:
            self._unsubscribe(link, state, list(state.names))

    def receive(self, link: LinkId, frame: bytes, now: Nanos) -> bool:
        """A control frame; False when the client sends too much and is to be cut off."""
        state = self._links[link]
        if not state.inbound.spend(now):
            return False
        try:
            message = msgspec.json.decode(frame)
        except msgspec.DecodeError as error:
            self._answer(link, {"code": 3, "msg": f"Invalid JSON: {error}"})
            return True
        reply = self._control(link, state, message) if isinstance(message, dict) else _invalid("expected an object")
        if isinstance(message, dict) and "id" in message:
            reply["id"] = message["id"]
        self._answer(link, reply)
        return True

    def names(self, link: LinkId) -> list[str]:
        """What a link has subscribed to."""
        return list(self._links[link].names)

    # -- control frames -------------------------------------------------------------------------

    def _control(self, link: LinkId, state: StreamLink, message: dict[str, Any]) -> dict[str, Any]:
        method, params = message.get("method"), message.get("params", [])
        identity = message.get("id")
        if not isinstance(identity, int | str | None) or isinstance(identity, bool):
            return _invalid("request ID must be an unsigned integer, a string, or null")
        match method:
            case "SUBSCRIBE" | "UNSUBSCRIBE":
                return self._change(link, state, method, params)
            case "LIST_SUBSCRIPTIONS":
                return {"result": list(state.names)}
            case "SET_PROPERTY" | "GET_PROPERTY":
                return self._property(link, state, method, params)
            case str():
                variants = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"
                return _invalid(f"unknown variant `{method}`, expected one of {variants}")
            case _:
                return _invalid("missing field `method`")

    def _change(self, link: LinkId, state: StreamLink, method: str, params: Any) -> dict[str, Any]:
        if not isinstance(params, list) or not params:
            return _invalid("params must be a non-empty array of stream names")
        if not all(isinstance(name, str) and _WELL_FORMED.fullmatch(name) for name in params):
            return _invalid("stream name is not valid")
        if method == "UNSUBSCRIBE":
            self._unsubscribe(link, state, params)
        elif len(state.names) + len(params) > STREAMS_MAX:
            return _invalid(f"too many streams; at most {STREAMS_MAX} on one connection")
        else:
            self._subscribe(link, params)
        return {"result": None}

    def _property(self, link: LinkId, state: StreamLink, method: str, params: Any) -> dict[str, Any]:
        if not isinstance(params, list) or not params or params[0] != "combined":
            return {"code": 0, "msg": "Unknown property"}
        if method == "GET_PROPERTY":
            return {"result": state.combined}
        if len(params) != 2 or not isinstance(params[1], bool):
            return {"code": 1, "msg": "Invalid value type: expected Boolean"}
        state.combined = params[1]
        for name in state.names:
            if link in self._listeners.get(name, {}):
                self._listeners[name][link] = state.combined
        return {"result": None}

    def _subscribe(self, link: LinkId, names: Iterable[str]) -> None:
        state = self._links[link]
        for name in names:
            state.names[name] = None
            if state.serves is not None and not state.serves(name):
                continue
            first = name not in self._listeners
            self._listeners.setdefault(name, {})[link] = state.combined
            if first:
                self._wanted(name)

    def _unsubscribe(self, link: LinkId, state: StreamLink, names: Iterable[str]) -> None:
        for name in names:
            state.names.pop(name, None)
            listeners = self._listeners.get(name)
            if listeners is not None and listeners.pop(link, None) is not None and not listeners:
                del self._listeners[name]

    def _answer(self, link: LinkId, body: dict[str, Any]) -> None:
        self._send(link, msgspec.json.encode(body))


def _invalid(text: str) -> dict[str, Any]:
    return {"code": 2, "msg": f"Invalid request: {text}"}
