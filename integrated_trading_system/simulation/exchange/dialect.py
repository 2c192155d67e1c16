"""What every simulated venue offers to whoever carries its bytes: the virtual world, or a real server.

Sans-I/O like the core: calls bring bytes and the time in; frames to send are taken out. One object
serves all links of one venue (``binance:spot``).
"""

from typing import Protocol

from msgspec import Struct

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import Nanos


class ServerRequest(Struct, frozen=True, kw_only=True):
    """An HTTP request as a server sees it."""

    method: str
    path: str
    query: str
    """Raw, still percent-encoded, without the question mark."""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


class ServerReply(Struct, frozen=True, kw_only=True):
    """What the server answers."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"


class Outgoing(Struct, frozen=True):
    """A text frame for a client; ``None`` closes the connection."""

    link: LinkId
    frame: bytes | None


class Dialect(Protocol):
    """A simulated venue, spoken to in its own wire format."""

    def http(self, request: ServerRequest, now: Nanos) -> ServerReply:
        """Answer one request."""

    def connect(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        """A WebSocket client asks for this path; False refuses the handshake."""

    def receive(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        """A text frame came from a client."""

    def disconnect(self, link: LinkId, now: Nanos) -> None:
        """A client is gone."""

    def run(self, now: Nanos) -> None:
        """Let time pass: market flow, timers, heartbeats."""

    def deadline(self) -> Nanos | None:
        """When `run` wants to be called next."""

    def take(self) -> list[Outgoing]:
        """Frames to send, in order, since the last call."""
