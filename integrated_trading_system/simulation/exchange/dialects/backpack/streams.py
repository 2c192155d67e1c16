"""Backpack's links: who listens to which stream, and the frames by which that is changed.

The venue acknowledges nothing: data simply begins, and only a refusal is told. A frame for private
streams brings its proof along: ``"signature": [key, signature, timestamp, window]``.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialects.backpack.guard import Guard, Proof
from integrated_trading_system.simulation.exchange.dialects.backpack.http import Failure, Said

PRIVATE: Final = "account."
INVALID_STREAM: Final = (4006, "Invalid stream")
INVALID_FRAME: Final = (4000, "Invalid request")
NOT_AUTHORISED: Final = 4003
_NOTHING: Final = Said({}, ())


class Streams:
    """All clients and what they listen to. Private streams are kept apart by account."""

    def __init__(
        self,
        guard: Guard,
        send: Callable[[LinkId, bytes], None],
        known: Callable[[str], bool],
        wanted: Callable[[str, Nanos], None],
        venue_time: Callable[[Nanos], Nanos],
    ) -> None:
        """`known(name)`: there is such a stream; `wanted(name, now)` is called when one has its first listener."""
        self._guard = guard
        self._send = send
        self._known = known
        self._wanted = wanted
        self._venue_time = venue_time
        self._links: dict[LinkId, dict[tuple[str, str], None]] = {}
        self._listeners: dict[tuple[str, str], dict[LinkId, None]] = {}
        """By account (empty for market data) and stream."""

    def __contains__(self, link: LinkId) -> bool:
        """Whether the link is open."""
        return link in self._links

    def heard(self, name: str, account: str = "") -> bool:
        """Whether anybody listens."""
        return (account, name) in self._listeners

    def publish(self, name: str, payload: dict[str, Any], account: str = "") -> None:
        """Send to all who listen, members in order of the alphabet, as the venue does."""
        listeners = self._listeners.get((account, name))
        if listeners:
            frame = msgspec.json.encode({"data": payload, "stream": name}, order="sorted")
            for link in listeners:
                self._send(link, frame)

    def open(self, link: LinkId) -> None:
        """A client connects."""
        self._links[link] = {}

    def close(self, link: LinkId) -> None:
        """The client is gone."""
        for key in self._links.pop(link, {}):
            self._leave(link, key)

    def receive(self, link: LinkId, data: bytes, now: Nanos) -> None:
        """A control frame."""
        try:
            frame = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            frame = None
        names = frame.get("params") if isinstance(frame, dict) else None
        if (
            not isinstance(names, list)
            or not all(isinstance(name, str) for name in names)
            or frame.get("method") not in ("SUBSCRIBE", "UNSUBSCRIBE")
        ):
            self._refuse(link, *INVALID_FRAME)
            return
        if frame["method"] == "UNSUBSCRIBE":
            self._unsubscribe(link, names)
            return
        account = ""
        if any(name.startswith(PRIVATE) for name in names):
            try:
                account = self._identify(frame.get("signature"), now)
            except Failure as failure:
                self._refuse(link, NOT_AUTHORISED, failure.text)
                return
        for name in names:
            if self._known(name):
                self._join(link, (account if name.startswith(PRIVATE) else "", name), now)
            else:
                self._refuse(link, *INVALID_STREAM)

    def _unsubscribe(self, link: LinkId, names: list[str]) -> None:
        """Needs no proof."""
        for key in [key for key in self._links[link] if key[1] in names]:
            del self._links[link][key]
            self._leave(link, key)

    def _join(self, link: LinkId, key: tuple[str, str], now: Nanos) -> None:
        first = key not in self._listeners
        self._links[link][key] = None
        self._listeners.setdefault(key, {})[link] = None
        if first:
            self._wanted(key[1], now)

    def _leave(self, link: LinkId, key: tuple[str, str]) -> None:
        listeners = self._listeners[key]
        del listeners[link]
        if not listeners:
            del self._listeners[key]

    def _identify(self, proof: Any, now: Nanos) -> str:
        """Whose private streams they are. Stream names are not signed."""
        if not isinstance(proof, list) or len(proof) != 4 or not all(isinstance(part, str) for part in proof):
            raise Failure("UNAUTHORIZED", "Expected signature: [key, signature, timestamp, window]", 401)
        return self._guard.verify(Proof(*proof), "subscribe", (_NOTHING,), self._venue_time(now)).name

    def _refuse(self, link: LinkId, code: int, text: str) -> None:
        self._send(link, msgspec.json.encode({"id": None, "error": {"code": code, "message": text}}))
