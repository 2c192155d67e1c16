"""A small Alpaca on this machine: it wants a key for everything, and has one market with a book."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

KEY, SECRET = "PKTEST", "a secret that nobody else has"

ASSET = {
    "class": "crypto",
    "symbol": "BTC/USD",
    "status": "active",
    "tradable": True,
    "price_increment": "1",
    "min_trade_increment": "0.0001",
}


def now() -> str:
    """As the venue stamps."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"


class AlpacaExchange:
    """Assets, clock and one stream. A second connection is refused while the first one lives."""

    def __init__(self) -> None:
        """Nobody is connected."""
        self.port = 0
        self.connected = 0
        self.said: list[Any] = []
        """What clients sent over the stream, without keys."""
        self._sockets: set[web.WebSocketResponse] = set()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["AlpacaExchange"]:
        """On a port of its own, until the block ends."""
        app = web.Application(middlewares=[self._only_customers])
        app.router.add_get("/v2/assets", self._assets)
        app.router.add_get("/v2/clock", self._clock)
        app.router.add_get("/v1beta3/crypto/us", self._stream)
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            for socket in tuple(self._sockets):
                await socket.close()
            await runner.cleanup()

    @web.middleware
    async def _only_customers(self, request: web.Request, handler: Any) -> web.StreamResponse:
        keys = request.headers.get("APCA-API-KEY-ID"), request.headers.get("APCA-API-SECRET-KEY")
        if request.path.startswith("/v2/") and keys != (KEY, SECRET):
            return web.json_response({"code": 40110000, "message": "request is not authorized"}, status=401)
        response: web.StreamResponse = await handler(request)
        return response

    async def _assets(self, _: web.Request) -> web.Response:
        return web.json_response([ASSET])

    async def _clock(self, _: web.Request) -> web.Response:
        return web.json_response({"timestamp": now(), "is_open": True})

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json([{"T": "success", "msg": "connected"}])
        logon = await socket.receive_json()
        if self._sockets:
            await socket.send_json([{"T": "error", "code": 406, "msg": "connection limit exceeded"}])
        elif (logon.pop("key", ""), logon.pop("secret", "")) != (KEY, SECRET):
            await socket.send_json([{"T": "error", "code": 402, "msg": "auth failed"}])
        else:
            self._sockets.add(socket)
            self.said.append(logon)
            self.connected += 1
            await socket.send_json([{"T": "success", "msg": "authenticated"}])
            await self._converse(socket)
            self._sockets.discard(socket)
        await socket.close()
        return socket

    async def _converse(self, socket: web.WebSocketResponse) -> None:
        """Every subscription is answered with all of it, and with a whole book and what follows."""
        async for message in socket:
            command = message.json()
            self.said.append(command)
            await socket.send_json([{"T": "subscription", "trades": ["BTC/USD"], "orderbooks": ["BTC/USD"]}])
            if command["action"] != "subscribe":
                continue
            side = {"b": [{"p": 64_000, "s": 0.5}], "a": [{"p": 64_002, "s": 0.25}]}
            await socket.send_json([{"T": "o", "S": "BTC/USD", "t": now(), "r": True, **side}])
            change = {"b": [{"p": 64_001, "s": 1}, {"p": 64_000, "s": 0}], "a": []}
            trade = {"T": "t", "S": "BTC/USD", "p": 64_001, "s": 0.1, "t": now(), "i": 1, "tks": "S"}
            await socket.send_json([{"T": "o", "S": "BTC/USD", "t": now(), **change}, trade])
