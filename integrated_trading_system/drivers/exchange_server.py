"""Puts a simulated venue on a real port, so that any client can talk to it in the venue's own wire format.

The shell knows nothing of venues: it carries bytes and the time in, and frames out. Each link has one
task that writes, behind a bounded buffer; a client that does not read its frames is disconnected (1013).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Generic, Protocol, TypeVar

from aiohttp import WSCloseCode, WSMsgType, web
from loguru import logger

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import SECOND, Nanos

FRAMES_WAITING_MAX: Final = 10_000
"""Frames that wait for one client; one more and it is disconnected."""

BODY_BYTES_MAX: Final = 1 << 20
FRAME_BYTES_MAX: Final = 1 << 20
"""Of a client's frame; a larger one disconnects it (1009)."""

CLOSE_SECONDS: Final = 2.0
"""For a client to answer our close."""

STOP_SECONDS: Final = 1.0
"""For requests under way when the server stops."""


class Reply(Protocol):
    """What the venue answers to a request."""

    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    @property
    def headers(self) -> Sequence[tuple[str, str]]: ...
    @property
    def content_type(self) -> str: ...


class Outgoing(Protocol):
    """A text frame for a client; ``None`` closes the connection."""

    @property
    def link(self) -> LinkId: ...
    @property
    def frame(self) -> bytes | None: ...


Request_co = TypeVar("Request_co", covariant=True)
Request_contra = TypeVar("Request_contra", contravariant=True)
Request = TypeVar("Request")


class MakeRequest(Protocol[Request_co]):
    """The type in which the venue takes a request: `query` raw, names of `headers` in lower case."""

    def __call__(self, *, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> Request_co: ...


class Dialect(Protocol[Request_contra]):
    """A simulated venue (`simulation/exchange/dialect.py` is the same, with its own types)."""

    def http(self, request: Request_contra, now: Nanos) -> Reply: ...
    def connect(self, link: LinkId, path: str, query: str, now: Nanos) -> bool: ...
    def receive(self, link: LinkId, frame: bytes, now: Nanos) -> None: ...
    def disconnect(self, link: LinkId, now: Nanos) -> None: ...
    def run(self, now: Nanos) -> None: ...
    def deadline(self) -> Nanos | None: ...
    def take(self) -> Sequence[Outgoing]: ...


class ExchangeServer(Generic[Request]):
    """One venue on one port."""

    def __init__(
        self,
        dialect: Dialect[Request],
        make_request: MakeRequest[Request],
        now: Callable[[], Nanos],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """`now` never goes back. Port 0 takes any that is free."""
        self._dialect = dialect
        self._make_request = make_request
        self._now = now
        self._address = (host, port)
        self._links: dict[LinkId, _Writer] = {}
        self._link_count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen; the port. Raises OSError where it is taken."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=STOP_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, *self._address).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._pump()
        port: int = runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """Disconnect every client (1001) and stop listening."""
        if self._timer is not None:
            self._timer.cancel()
        runner, self._runner = self._runner, None
        await asyncio.gather(*(writer.end(WSCloseCode.GOING_AWAY) for writer in self._links.values()))
        if runner is not None:
            await runner.cleanup()

    # -- requests ------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._serve_link(request)
        asked = self._make_request(
            method=request.method,
            path=request.path,
            query=request.rel_url.raw_query_string,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
        )
        now = self._time_passes()
        reply = self._dialect.http(asked, now)
        self._pump()
        headers: Mapping[str, str] = {"Content-Type": reply.content_type, **dict(reply.headers)}
        return web.Response(status=reply.status, body=reply.body, headers=headers)

    async def _serve_link(self, request: web.Request) -> web.StreamResponse:
        """A client's connection, from its handshake to its end."""
        self._link_count += 1
        link = LinkId(f"client-{self._link_count}")
        now = self._time_passes()
        if self._runner is None or not self._dialect.connect(link, request.path, request.rel_url.raw_query_string, now):
            self._pump()
            return web.Response(status=403)
        websocket = web.WebSocketResponse(
            autoping=True, heartbeat=None, compress=False, max_msg_size=FRAME_BYTES_MAX, timeout=CLOSE_SECONDS
        )
        writer = self._links[link] = _Writer(websocket)
        try:
            await websocket.prepare(request)
            writer.start(request.transport)
            self._pump()
            async for message in websocket:
                if message.type is WSMsgType.TEXT:
                    self._dialect.receive(link, message.data.encode(), self._time_passes())
                    self._pump()
        finally:
            del self._links[link]
            self._dialect.disconnect(link, self._time_passes())
            self._pump()
            await writer.end(WSCloseCode.OK)
        return websocket

    # -- time and frames -----------------------------------------------------------------------

    def _time_passes(self) -> Nanos:
        """Whatever was due before now happens before what comes in now."""
        now = self._now()
        self._dialect.run(now)
        return now

    def _pump(self) -> None:
        """Let due things happen, hand frames to their links, and sleep until the next deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self._time_passes()
        for outgoing in self._dialect.take():
            writer = self._links.get(outgoing.link)
            if writer is not None:
                writer.put(outgoing.frame)
        due = self._dialect.deadline()
        if due is not None and self._runner is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, (due - now) / SECOND), self._pump)


class _Writer:
    """Sends one client's frames in order, and then the close."""

    def __init__(self, websocket: web.WebSocketResponse) -> None:
        self._websocket = websocket
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(FRAMES_WAITING_MAX)
        self._code = WSCloseCode.OK
        self._ended = False
        self._sending = False
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, transport: asyncio.Transport | None) -> None:
        """Once the handshake is done."""
        self._transport = transport
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def put(self, frame: bytes | None) -> None:
        """Queue a frame; None is the last thing, after which the connection closes."""
        if self._ended:
            return
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            logger.warning("a client does not read its frames: disconnected")
            self._end(WSCloseCode.TRY_AGAIN_LATER)
        else:
            self._ended = frame is None

    async def end(self, code: WSCloseCode) -> None:
        """Close now, without what waits (unless it closes already), and wait for it."""
        if not self._ended:
            self._end(code)
        if self._task is not None:
            await asyncio.wait([self._task])

    def _end(self, code: WSCloseCode) -> None:
        self._ended = True
        self._code = code
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)
        if self._sending and self._task is not None:
            self._task.cancel()

    async def _serve(self) -> None:
        with suppress(ConnectionError, asyncio.CancelledError):
            while (frame := await self._queue.get()) is not None:
                self._sending = True
                await self._websocket.send_frame(frame, WSMsgType.TEXT)
                self._sending = False
        self._sending = False
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._websocket.close(code=self._code, drain=False)
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._transport.abort()  # what this client does not read would keep its connection for ever
