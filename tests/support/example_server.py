"""A small Example Exchange on this machine, which speaks the wire of `examples/example_exchange`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from examples.example_exchange_traffic import BOOK, MARKET, said


class ExampleServer:
    """One market. Whoever follows its book is told all of it and then the changes, but for `lost` of them."""

    def __init__(self, *, lose_one: bool = False) -> None:
        """`lose_one`: of the first connection to the book, a change."""
        self.port = 0
        self.heard: list[Any] = []
        """What clients said, in order."""
        self._lose_one = lose_one
        self._sockets: set[web.WebSocketResponse] = set()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["ExampleServer"]:
        """On a port of its own, until the block ends."""
        app = web.Application()
        app.router.add_get("/v1/markets", self._markets)
        app.router.add_get("/v1/clock", self._clock)
        app.router.add_get("/live", self._stream)
        app.router.add_get("/bars", self._stream)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            for socket in tuple(self._sockets):
                await socket.close()
            await runner.cleanup()

    async def _markets(self, _: web.Request) -> web.Response:
        return web.json_response([MARKET])

    async def _clock(self, _: web.Request) -> web.Response:
        return web.json_response({"at": 1_700_000_000_000})

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.add(socket)
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            asked = message.json()
            self.heard.append((request.path, asked))
            for frame in self._answers(asked):
                await socket.send_str(frame.decode())
        self._sockets.discard(socket)
        return socket

    def _answers(self, asked: dict[str, Any]) -> list[bytes]:
        if asked["do"] == "ping":
            return [b'{"pong":true}']
        found = [b'{"id":"%s"}' % asked["id"].encode()]
        if asked["do"] == "follow" and "book:BTC-USD" in asked["what"]:
            found += [frame for number, frame in enumerate(BOOK) if not (self._lose_one and number == 2)]
            self._lose_one = False
        if asked["do"] == "follow" and "trade:BTC-USD" in asked["what"]:
            found.append(said("trade", number=7, price=101.5, size=0.25, taker="sell"))
        return found
