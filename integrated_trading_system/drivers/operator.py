"""The operator's door: a Unix socket in the state directory that nobody but its owner can open.

One connection is one request and one answer, each a line of JSON. Who asks is what the kernel says
(SO_PEERCRED), not what the request says. Everything has a limit, so that a peer which sends garbage,
much or nothing at all takes one of eight places for five seconds, and nothing else.
"""

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec
from loguru import logger
from msgspec import Struct

from integrated_trading_system.domain.errors import Refused

SOCKET: Final = "operator.sock"
REQUEST_BYTES_MAX: Final = 4096
CONNECTIONS_MAX: Final = 8
PEER_SECONDS: Final = 5.0
"""How long a peer may take to say its request, and again to take its answer."""
REASON_CHARACTERS_MAX: Final = 200
PATH_BYTES_MAX: Final = 107
"""Of a Unix socket's address."""

_CREDENTIALS = struct.Struct("3i")


class Command(StrEnum):
    """What can be asked."""

    STATUS = "status"
    HALT = "halt"
    RESUME = "resume"
    REDUCE = "reduce"
    CANCEL_ALL = "cancel-all"
    ORDERS = "orders"
    POSITIONS = "positions"


READS: Final = frozenset({Command.STATUS, Command.ORDERS, Command.POSITIONS})
"""They change nothing."""


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of JSON."""

    command: Command
    reason: str = ""
    external: bool = False
    """Of `cancel-all`: orders on our accounts that are not ours, too."""


class Peer(Struct, frozen=True):
    """Who asks, by the kernel's word."""

    uid: int
    pid: int


class Problem(StrEnum):
    """Why there is an error instead of an answer."""

    REQUEST = "request"
    """It is not one."""
    REFUSED = "refused"
    """Somebody else's, or not now."""
    BUSY = "busy"
    """Too many ask at once; ask again."""
    FAILED = "failed"
    """Ours."""


Answer = dict[str, Any]
Answering = Callable[[Request, Peer], Awaitable[Answer]]


def problem(kind: Problem, text: str) -> Answer:
    """An answer that says what is wrong."""
    return {"ok": False, "problem": kind.value, "error": text}


def parse(raw: bytes) -> Request | str:
    """The request, or what is wrong with it."""
    try:
        request = msgspec.json.decode(raw, type=Request)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"not a request: {error}"
    if len(request.reason) > REASON_CHARACTERS_MAX or not request.reason.isprintable():
        return f"a reason is one line of at most {REASON_CHARACTERS_MAX} printable characters"
    if request.command is Command.HALT and not request.reason.strip():
        return "a halt needs a reason: somebody will ask for it"
    return request


@contextmanager
def address(path: Path) -> Iterator[str]:
    """The path as the kernel takes it: one that is too long for it goes by the descriptor of its folder."""
    if len(os.fsencode(path)) <= PATH_BYTES_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class OperatorServer:
    """Listens from `start` to `close`; answers whatever `answering` says."""

    def __init__(
        self, path: Path, answering: Answering, *, owner: int | None = None, peer_seconds: float = PEER_SECONDS
    ) -> None:
        """`owner`: the only user who is answered; ourselves unless told otherwise."""
        self._path = path
        self._answering = answering
        self._owner = os.geteuid() if owner is None else owner
        self._peer_seconds = peer_seconds
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen, in the place of a dead one's socket. Raises Refused where that cannot be."""
        if not hasattr(socket, "SO_PEERCRED"):
            raise Refused(f"{self._path}: this system does not tell who connects, so nobody may")
        ours = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            with address(self._path) as place:
                _clear(self._path, place)
                os.fchmod(ours.fileno(), 0o600)  # before it has a name: at no time can others connect
                ours.bind(place)
            self._inode = self._path.lstat().st_ino
            self._server = await asyncio.start_unix_server(
                self._connected, sock=ours, limit=REQUEST_BYTES_MAX, backlog=CONNECTIONS_MAX
            )
        except OSError as error:
            ours.close()
            raise Refused(f"{self._path}: cannot be listened on: {error.strerror}") from None
        except Refused:
            ours.close()
            raise

    def close(self) -> None:
        """Nobody is answered any more; the socket's file goes. Harmless when called again."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for task in self._tasks:
            task.cancel()
        with suppress(OSError):
            if self._path.lstat().st_ino == self._inode:
                self._path.unlink()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            answer = await self._answer(reader, writer)
            if answer is not None:
                async with asyncio.timeout(self._peer_seconds):
                    writer.write(msgspec.json.encode(answer, enc_hook=str) + b"\n")
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # gone, or too slow, or we are: nothing is left to tell it
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer | None:
        """What to answer; None where nobody asked anything."""
        peer = _peer(writer)
        if peer.uid != self._owner:
            logger.warning("operator: refused uid {}, pid {}", peer.uid, peer.pid)
            return problem(Problem.REFUSED, f"user {peer.uid} may not command what belongs to user {self._owner}")
        if len(self._tasks) > CONNECTIONS_MAX:
            return problem(Problem.BUSY, f"{CONNECTIONS_MAX} others are asking")
        try:
            async with asyncio.timeout(self._peer_seconds):
                line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            return problem(Problem.REQUEST, f"a request has at most {REQUEST_BYTES_MAX} bytes")
        except (asyncio.IncompleteReadError, TimeoutError):
            return None
        request = parse(line) if len(line) <= REQUEST_BYTES_MAX else f"a request has at most {REQUEST_BYTES_MAX} bytes"
        if isinstance(request, str):
            return problem(Problem.REQUEST, request)
        try:
            return await self._answering(request, peer)
        except Exception as error:  # noqa: BLE001 - a command that fails must not take anything with it
            logger.error("operator: {} failed: {}: {}", request.command, type(error).__name__, error)
            return problem(Problem.FAILED, f"{request.command} failed: {type(error).__name__}: {error}")


def _peer(writer: asyncio.StreamWriter) -> Peer:
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    return Peer(uid, pid)


def _clear(path: Path, place: str) -> None:
    """Remove a dead one's socket; raises Refused for a living one's, and for what is none of ours to remove."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise Refused(f"{path}: is in the way of the operator's socket; move it away")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(place)
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except BlockingIOError:
            pass  # somebody is there, and has much to do
    raise Refused(f"{path}: another process answers there")
