"""Bybit's public links: who listens to which topic, and the frames by which that is changed.

A topic lives while somebody listens. Whoever subscribes is greeted with its present state, where it has one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

import msgspec

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialects.bybit.rows import Product

SPOT_ARGS_MAX: Final = 10
ARGS_CHARACTERS_MAX: Final = 21_000


class Topic(ABC):
    """One topic that somebody listens to."""

    def __init__(self, name: str, publish: Callable[[str, Any], None]) -> None:
        self.name = name
        self.alive = True
        """False once nobody listens any more: its timers then stop."""
        self._publish = publish

    def publish(self, message: Any) -> None:
        """Send to all who listen."""
        self._publish(self.name, message)

    @abstractmethod
    def greeting(self, now: Nanos) -> Any:
        """What a new listener is sent at once; None where there is nothing to say."""


class Frame:
    """A control frame, as far as it could be read."""

    def __init__(self, data: bytes) -> None:
        try:
            message = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            message = None
        self.broken = not isinstance(message, dict)
        self.message: dict[str, Any] = message if isinstance(message, dict) else {}
        self.op: Any = self.message.get("op", "")
        request = self.message.get("req_id", "")
        self.request: str = request if isinstance(request, str) else str(request)
        args = self.message.get("args", [])
        self.args: list[Any] = args if isinstance(args, list) else []

    @property
    def topics(self) -> list[str] | None:
        """The arguments, when they are names of topics."""
        return self.args if self.args and all(isinstance(name, str) for name in self.args) else None


class PublicLinks:
    """All clients of the public streams."""

    def __init__(
        self, product: Product, send: Callable[[LinkId, bytes], None], build: Callable[[str, Nanos], Topic | None]
    ) -> None:
        """`build` makes the topic of a name; None where there is no such topic."""
        self._product = product
        self._send = send
        self._build = build
        self._links: dict[LinkId, dict[str, None]] = {}
        self._topics: dict[str, Topic] = {}
        self._listeners: dict[str, dict[LinkId, None]] = {}

    def __contains__(self, link: LinkId) -> bool:
        """Whether the link is one of ours."""
        return link in self._links

    def topic(self, name: str) -> Topic | None:
        """A topic that somebody listens to."""
        return self._topics.get(name)

    def publish(self, name: str, message: Any) -> None:
        """Send to all who listen."""
        listeners = self._listeners.get(name)
        if listeners:
            data = msgspec.json.encode(message)
            for link in listeners:
                self._send(link, data)

    def open(self, link: LinkId) -> None:
        """A client connects."""
        self._links[link] = {}

    def close(self, link: LinkId) -> None:
        """The client is gone."""
        for name in self._links.pop(link, {}):
            self._leave(link, name)

    def receive(self, link: LinkId, data: bytes, now: Nanos) -> None:
        """A control frame."""
        frame = Frame(data)
        match frame.op:
            case _ if frame.broken:
                self._reply(link, frame, "Failed to decode incoming data", ok=False)
            case "ping":
                self._reply(link, frame, "pong")
            case "subscribe":
                self._subscribe(link, frame, now)
            case "unsubscribe":
                self._unsubscribe(link, frame)
            case _:
                self._reply(link, frame, "error:invalid op", ok=False)

    def _subscribe(self, link: LinkId, frame: Frame, now: Nanos) -> None:
        """One bad topic fails the whole request."""
        names, mine = frame.topics, self._links[link]
        if names is None:
            self._reply(link, frame, "error:invalid args", ok=False)
            return
        if self._product.spot and len(names) > SPOT_ARGS_MAX:
            self._reply(link, frame, f"args size >{SPOT_ARGS_MAX}", ok=False)
            return
        if sum(len(name) for name in (*mine, *names)) > ARGS_CHARACTERS_MAX:
            self._reply(link, frame, f"args length >{ARGS_CHARACTERS_MAX}", ok=False)
            return
        new: dict[str, Topic] = {}
        for name in names:
            topic = self._topics.get(name) or new.get(name) or self._build(name, now)
            if topic is None or name in mine:
                wrong = "already subscribed" if topic else "handler not found"
                self._reply(link, frame, f"error:{wrong},topic:{name}", ok=False)
                for unused in new.values():
                    unused.alive = unused.name in self._topics
                return
            new[name] = topic
        self._reply(link, frame, "subscribe" if self._product.spot else "")
        for name, topic in new.items():
            mine[name] = None
            self._topics[name] = topic
            self._listeners.setdefault(name, {})[link] = None
            greeting = topic.greeting(now)
            if greeting is not None:
                self._send(link, msgspec.json.encode(greeting))

    def _unsubscribe(self, link: LinkId, frame: Frame) -> None:
        for name in frame.topics or ():
            if name in self._links[link]:
                del self._links[link][name]
                self._leave(link, name)
        self._reply(link, frame, "unsubscribe" if self._product.spot else "")

    def _leave(self, link: LinkId, name: str) -> None:
        listeners = self._listeners[name]
        del listeners[link]
        if not listeners:
            del self._listeners[name]
            self._topics.pop(name).alive = False

    def _reply(self, link: LinkId, frame: Frame, text: str, *, ok: bool = True) -> None:
        op = frame.op if isinstance(frame.op, str) else ""
        body = {"success": ok, "ret_msg": text, "conn_id": connection_id(link), "req_id": frame.request, "op": op}
        self._send(link, msgspec.json.encode(body))


def connection_id(link: LinkId) -> str:
    """How the venue calls a connection."""
    return f"conn-{link}"
