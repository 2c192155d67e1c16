"""OKX's public links: who listens to which channel of which instrument, and the frames by which that is changed.

A channel lives while somebody listens. Whoever subscribes is greeted with its present state, where it has one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import SECOND, Nanos

CallAt: TypeAlias = Callable[[Nanos, Callable[[Nanos], None]], None]
Key: TypeAlias = tuple[str, str]
"""Channel and symbol."""

IDLE_MAX: Final = Nanos(30 * SECOND)
"""The venue's rule: a connection on which nothing was said for so long is cut."""
MOVED: Final = "This channel has been migrated to the '/business' URL. Please subscribe using the new URL."
CLOSING: Final = "The connection will soon be closed for a service upgrade. Please reconnect."
UNKNOWN: Final = "Wrong URL or channel:{channel},instId:{symbol} doesn't exist. Please use the correct URL, channel"


class Channel(ABC):
    """One channel of one instrument that somebody listens to."""

    def __init__(self, key: Key, publish: Callable[[Key, Any], None]) -> None:
        self.key = key
        self.alive = True
        """False once nobody listens any more: its timers then stop."""
        self._publish = publish

    def publish(self, *data: Any, **fields: Any) -> None:
        """Send to all who listen."""
        self._publish(self.key, self.message(*data, **fields))

    def message(self, *data: Any, **fields: Any) -> Any:
        """These entries as a message of this channel; `fields` stand beside its argument."""
        return {"arg": {"channel": self.key[0], "instId": self.key[1]}, **fields, "data": list(data)}

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
        self.text = data[:200].decode("utf-8", "replace")
        self.message: dict[str, Any] = message if isinstance(message, dict) else {}
        self.op: Any = self.message.get("op", "")
        request = self.message.get("id", "")
        self.request: str = request if isinstance(request, str) else str(request)
        args = self.message.get("args", [])
        self.args: list[dict[str, Any]] = (
            [arg for arg in args if isinstance(arg, dict)] if isinstance(args, list) else []
        )


class Replies:
    """What every link is answered, and how long it may be silent."""

    def __init__(
        self, send: Callable[[LinkId, bytes], None], call_at: CallAt, cut: Callable[[LinkId, Nanos], None]
    ) -> None:
        self._send = send
        self._call_at = call_at
        self._cut = cut
        self._spoke_at: dict[LinkId, Nanos] = {}

    def watch(self, link: LinkId, now: Nanos) -> None:
        """A link opened."""
        self._spoke_at[link] = now
        self._call_at(Nanos(now + IDLE_MAX), lambda due: self._look(link, due))

    def forget(self, link: LinkId) -> None:
        """A link is gone."""
        self._spoke_at.pop(link, None)

    def heard(self, link: LinkId, now: Nanos) -> None:
        """Something was said on it, by either side."""
        if link in self._spoke_at:
            self._spoke_at[link] = now

    def pong(self, link: LinkId) -> None:
        """The answer to ``ping``: both are texts, not JSON."""
        self._send(link, b"pong")

    def event(self, link: LinkId, frame: Frame, event: str, **fields: Any) -> None:
        """What became of a control frame, or of one argument of it."""
        request = {"id": frame.request} if frame.request else {}
        self._send(link, msgspec.json.encode({**request, "event": event, **fields, "connId": connection_id(link)}))

    def error(self, link: LinkId, frame: Frame, code: str, text: str) -> None:
        """A refusal."""
        self.event(link, frame, "error", code=code, msg=text)

    def announce_closing(self) -> None:
        """Tell every link that it will be closed."""
        notice = {"event": "notice", "code": "64008", "msg": CLOSING}
        for link in self._spoke_at:
            self._send(link, msgspec.json.encode({**notice, "connId": connection_id(link)}))

    def _look(self, link: LinkId, due: Nanos) -> None:
        spoke_at = self._spoke_at.get(link)
        if spoke_at is None:
            return
        if due - spoke_at >= IDLE_MAX:
            self._cut(link, due)
        else:
            self._call_at(Nanos(spoke_at + IDLE_MAX), lambda at: self._look(link, at))


class PublicLinks:
    """All clients of the two public doors."""

    def __init__(
        self,
        replies: Replies,
        send: Callable[[LinkId, bytes], None],
        build: Callable[[Key, Nanos], Channel | None],
        is_business: Callable[[str], bool],
    ) -> None:
        """`build` makes a channel of a symbol; None where there is none. `is_business` says behind which door it is."""
        self._replies = replies
        self._send = send
        self._build = build
        self._is_business = is_business
        self._links: dict[LinkId, tuple[bool, dict[Key, None]]] = {}
        self._channels: dict[Key, Channel] = {}
        self._listeners: dict[Key, dict[LinkId, None]] = {}

    def __contains__(self, link: LinkId) -> bool:
        """Whether the link is one of ours."""
        return link in self._links

    def channel(self, key: Key) -> Channel | None:
        """One that somebody listens to."""
        return self._channels.get(key)

    def publish(self, key: Key, message: Any) -> None:
        """Send to all who listen."""
        listeners = self._listeners.get(key)
        if listeners:
            data = msgspec.json.encode(message)
            for link in listeners:
                self._send(link, data)

    def open(self, link: LinkId, now: Nanos, *, business: bool) -> None:
        """A client connects to one of the doors."""
        self._links[link] = (business, {})
        self._replies.watch(link, now)

    def close(self, link: LinkId) -> None:
        """The client is gone."""
        self._replies.forget(link)
        for key in self._links.pop(link, (False, {}))[1]:
            self._leave(link, key)

    def receive(self, link: LinkId, data: bytes, now: Nanos) -> None:
        """A control frame."""
        self._replies.heard(link, now)
        if data == b"ping":
            self._replies.pong(link)
            return
        frame = Frame(data)
        if frame.op not in ("subscribe", "unsubscribe") or not frame.args:
            self._replies.error(link, frame, "60012", f"Invalid request: {frame.text}")
            return
        for argument in frame.args:
            if frame.op == "subscribe":
                self._subscribe(link, frame, argument, now)
            else:
                self._unsubscribe(link, frame, argument)

    def _subscribe(self, link: LinkId, frame: Frame, argument: dict[str, Any], now: Nanos) -> None:
        """Each argument stands and falls by itself."""
        name, symbol = str(argument.get("channel", "")), str(argument.get("instId", ""))
        key = (name, symbol)
        business, mine = self._links[link]
        if self._is_business(name) and not business:
            self._replies.error(link, frame, "64001", MOVED)
            return
        known = key in self._channels
        channel = self._channels.get(key) or self._build(key, now)
        if channel is None or self._is_business(name) != business:
            self._replies.error(link, frame, "60018", UNKNOWN.format(channel=name, symbol=symbol))
            if channel is not None:
                channel.alive = known
            return
        self._replies.event(link, frame, "subscribe", arg=argument)
        mine[key] = None
        self._channels[key] = channel
        self._listeners.setdefault(key, {})[link] = None
        greeting = channel.greeting(now)
        if greeting is not None:
            self._send(link, msgspec.json.encode(greeting))

    def _unsubscribe(self, link: LinkId, frame: Frame, argument: dict[str, Any]) -> None:
        key = (str(argument.get("channel", "")), str(argument.get("instId", "")))
        _, mine = self._links[link]
        if key in mine:
            del mine[key]
            self._leave(link, key)
        self._replies.event(link, frame, "unsubscribe", arg=argument)

    def _leave(self, link: LinkId, key: Key) -> None:
        listeners = self._listeners[key]
        del listeners[link]
        if not listeners:
            del self._listeners[key]
            self._channels.pop(key).alive = False


def connection_id(link: LinkId) -> str:
    """How the venue calls a connection."""
    return f"conn-{link}"
