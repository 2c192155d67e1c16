"""One WebSocket, from address to last frame, on the `websockets` library.

`Socket` and `Dial` are all that the driver knows of it, so another library can take its place.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any, Final, Protocol

from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import broadcast
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import Frame, Opcode
from websockets.protocol import Event
from websockets.uri import parse_uri

OPEN_SECONDS: Final = 10.0
"""From the name look-up to the end of the handshake."""

ADDRESS_SECONDS: Final = 2.0
"""For one address of a host; then one of the other family is tried, so that a dead IPv6 route only delays."""

CLOSE_SECONDS: Final = 2.0
"""For the closing handshake; then the connection is cut."""

FRAGMENTS_MAX: Final = 1_000
"""Of one message; beyond, the link closes with reason ``oversized``."""

QUEUE_FRAMES: Final = (256, 64)
"""Frames that wait to be read: above the first number the socket is not read, below the second it is again."""

# Signed frames and listen keys pass through here, and the library's DEBUG log shows all of them.
_LOGGER: Final = logging.getLogger("integrated_trading_system.websocket")
_LOGGER.setLevel(logging.INFO)


class LinkFailed(Exception):
    """The connection is gone, or never came to be. `reason` is a short fixed word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Manner(Struct, frozen=True):
    """How a connection is to be kept, as its effect says."""

    frame_bytes_max: int
    ping_seconds: float
    """Between two pings of ours."""
    pong_seconds: float
    """For the answer to a ping; then the link closes with reason ``ping-timeout``."""


class Socket(Protocol):
    """An open WebSocket."""

    async def receive(self) -> bytes:
        """The next whole frame, text and binary alike; raises LinkFailed once there is none."""

    def send(self, frame: bytes) -> None:
        """Hand over one text frame, in order, without waiting. Does nothing once the connection closes."""

    def waiting(self) -> int:
        """Bytes handed over that have not left yet."""

    async def close(self) -> None:
        """The closing handshake, and at the latest after CLOSE_SECONDS the end. `receive` then raises."""

    def abort(self) -> None:
        """The end, at once."""


Dial = Callable[[str, Manner, Callable[[], None]], Awaitable[Socket]]
"""Address, manner, and whom to tell of each ping and pong -> the open socket; raises LinkFailed."""


async def dial(url: str, manner: Manner, alive: Callable[[], None], *, user_agent: str) -> Socket:
    """Connect and shake hands. Certificates are verified, redirects and proxies are not followed."""
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            address = parse_uri(url)
            tcp = await _reach(address.host, address.port)
            connection = await _Connect(
                url,
                sock=tcp,
                create_connection=_Connection,
                compression=None,
                user_agent_header=user_agent,
                proxy=None,
                open_timeout=None,
                ping_interval=manner.ping_seconds,
                ping_timeout=manner.pong_seconds,
                close_timeout=CLOSE_SECONDS,
                max_size=manner.frame_bytes_max,
                max_queue=QUEUE_FRAMES,
                logger=_LOGGER,
            )
    except (OSError, InvalidHandshake, InvalidURI) as error:
        raise LinkFailed(_reason_not_opened(error)) from None
    assert isinstance(connection, _Connection)
    connection.alive = alive
    return _WebSocket(connection)


_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
"""As getaddrinfo tells it."""


class _Connect(connect):
    """Without redirects: where a venue is reached is for the configuration to say."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class _Connection(ClientConnection):
    """Tells of pings and pongs, which the library keeps to itself; does not wait for a peer that broke the rules."""

    alive: Callable[[], None] = staticmethod(lambda: None)
    fragments = 0
    """Of the message that is coming."""
    overrun = False
    """It has too many."""

    def process_event(self, event: Event) -> None:
        super().process_event(event)
        if not isinstance(event, Frame):
            return
        if event.opcode in (Opcode.PING, Opcode.PONG):
            self.alive()
        elif event.fin:
            self.fragments = 0
        else:
            self.fragments += 1
            if self.fragments > FRAGMENTS_MAX:  # empty ones would never reach the limit in bytes
                self.overrun = True
                self.transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.protocol.parser_exc is not None:
            # The library has sent its close frame (1002, 1009) and would now wait for the peer to close.
            self.transport.abort()


class _WebSocket:
    """`Socket` on a connection of the library."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    async def receive(self) -> bytes:
        try:
            return await self._connection.recv(decode=False)
        except ConnectionClosed as error:
            raise LinkFailed("oversized" if self._connection.overrun else _reason_closed(error)) from None

    def send(self, frame: bytes) -> None:
        broadcast((self._connection,), frame, text=True)

    def waiting(self) -> int:
        return self._connection.transport.get_write_buffer_size()

    async def close(self) -> None:
        await self._connection.close()

    def abort(self) -> None:
        self._connection.transport.abort()


async def _reach(host: str, port: int) -> socket.socket:
    """A TCP connection to the first address of the host that answers in time; raises OSError."""
    loop = asyncio.get_running_loop()
    failure = OSError("no address")
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in _by_turns(found):
        tcp = socket.socket(family, kind, protocol)
        try:
            tcp.setblocking(False)
            with suppress(OSError):
                tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(ADDRESS_SECONDS):
                await loop.sock_connect(tcp, address)
        except OSError as error:
            tcp.close()
            failure = error
        except BaseException:
            tcp.close()
            raise
        else:
            return tcp
    raise failure


def _by_turns(addresses: Sequence[_Address]) -> list[_Address]:
    """One family after the other, beginning with that of the first: a dead one costs one wait, not one per address."""
    families: dict[int, list[_Address]] = {}
    for address in addresses:
        families.setdefault(address[0], []).append(address)
    return [address for turn in zip_longest(*families.values()) for address in turn if address is not None]


def _reason_not_opened(error: Exception) -> str:
    """Why a connection did not come to be. Never the error's own text: it may show the address with its token."""
    match error:
        case InvalidStatus():
            return f"http-{error.response.status_code}"
        case InvalidURI():
            return "url"
        case InvalidHandshake():
            return "handshake"
        case ssl.SSLCertVerificationError():
            return "certificate"
        case ssl.SSLError():
            return "tls"
        case socket.gaierror():
            return "dns"
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "refused"
        case ConnectionError():
            return "reset"
        case _:
            return "unreachable"


_OURS: Final = {1002: "protocol", 1009: "oversized", 1011: "ping-timeout"}
"""Why the library closed a connection by itself, by the code it sent."""


def _reason_closed(error: ConnectionClosed) -> str:
    """Why an open connection ended."""
    if error.sent is not None and not error.rcvd_then_sent and error.sent.code in _OURS:
        return _OURS[error.sent.code]
    if error.rcvd is not None:
        return f"closed-{int(error.rcvd.code)}"
    return "reset" if isinstance(error.__cause__, OSError) else "eof"
