"""Any venue of the right shape, on a real port: requests, links, time, and clients that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from msgspec import Struct
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.drivers import exchange_server as module
from integrated_trading_system.drivers.exchange_server import Dialect, ExchangeServer
from integrated_trading_system.simulation.exchange import dialect as simulated
from tests.support.port import PATIENCE, RecordingPort
from tests.support.raw_server import free_port


class Request(Struct, kw_only=True):
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Reply(Struct):
    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"


class Outgoing(Struct):
    link: LinkId
    frame: bytes | None


class Echo:
    """A venue that echoes, ticks when its timer is due, and remembers what happened to it."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.reply = Reply()
        self.happened: list[tuple[str, str]] = []
        self.times: list[Nanos] = []
        self.links: dict[LinkId, str] = {}
        self.out: list[Outgoing] = []
        self.due: Nanos | None = None
        self.refuses = False

    def http(self, request: Request, now: Nanos) -> Reply:
        self.times.append(now)
        self.requests.append(request)
        return self.reply

    def connect(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        self.times.append(now)
        self.happened.append(("connect", f"{path}?{query}"))
        if not self.refuses:
            self.links[link] = path
            self.out.append(Outgoing(link, b"hello"))
        return not self.refuses

    def receive(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        self.times.append(now)
        self.happened.append(("receive", frame.decode()))
        match frame:
            case b"flood":
                self.out += [Outgoing(link, b"x" * 100_000) for _ in range(module.FRAMES_WAITING_MAX * 2)]
            case b"bye":
                self.out += [Outgoing(link, b"last"), Outgoing(link, None), Outgoing(link, b"after the end")]
            case b"later":
                self.due = Nanos(now + 10 * MILLISECOND)
            case b"broken":
                raise RuntimeError("a bug of the venue")
            case _:
                self.out.append(Outgoing(link, b"echo " + frame))

    def disconnect(self, link: LinkId, now: Nanos) -> None:
        self.times.append(now)
        self.happened.append(("disconnect", self.links.pop(link)))

    def run(self, now: Nanos) -> None:
        self.times.append(now)
        if self.due is not None and self.due <= now:
            self.due = None
            self.out += [Outgoing(link, b"tick") for link in self.links]

    def deadline(self) -> Nanos | None:
        return self.due

    def take(self) -> list[Outgoing]:
        out, self.out = self.out, []
        return out

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not holds():
                await asyncio.sleep(0.001)


class Market:
    """A running server."""

    def __init__(self) -> None:
        self.venue = Echo()
        self.server = ExchangeServer(self.venue, Request, RecordingPort().now)
        self.port = 0

    async def get(self, path: str, method: str = "GET", **fields: Any) -> tuple[int, dict[str, str], bytes]:
        async with (
            aiohttp.ClientSession() as client,
            client.request(method, f"http://127.0.0.1:{self.port}{path}", **fields) as response,
        ):
            return response.status, dict(response.headers), await response.read()

    def link(self, path: str = "/ws") -> connect:
        return connect(f"ws://127.0.0.1:{self.port}{path}", proxy=None, close_timeout=1)


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    made = Market()
    made.port = await made.server.start()
    yield made
    await made.server.stop()


async def code_of(client: ClientConnection) -> int | None:
    """Read to the end; the code with which it came."""
    try:
        while True:
            await client.recv()
    except ConnectionClosed:
        return client.close_code


def test_the_simulated_exchanges_have_the_shape_that_is_served() -> None:
    """Checked by the type checker; the two folders do not know each other."""

    def serve(dialect: simulated.Dialect) -> Dialect[simulated.ServerRequest]:
        return dialect

    assert callable(serve)


# -- requests -------------------------------------------------------------------------------------


async def test_a_request_reaches_the_venue_as_it_was_sent(market: Market) -> None:
    await market.get(
        "/api/v3/order%20x?symbol=BTCUSDT&x=%5Ba%5D&signature=1", "POST", data=b"a=1", headers={"X-MBX-APIKEY": "key"}
    )
    (request,) = market.venue.requests
    assert (request.method, request.path) == ("POST", "/api/v3/order x")
    assert request.query.endswith("signature=1")
    assert request.body == b"a=1"
    assert request.headers["x-mbx-apikey"] == "key"


async def test_the_raw_query_is_kept_for_the_signature(market: Market) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", market.port)
    writer.write(b"GET /x?b=%2f&a=%5Bx+y%5D&&c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    await reader.read()
    writer.close()
    await writer.wait_closed()
    assert market.venue.requests[0].query == "b=%2f&a=%5Bx+y%5D&&c"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
async def test_the_venues_answer_is_sent_as_it_is(market: Market, method: str) -> None:
    market.venue.reply = Reply(
        status=418,
        body=b'{"code":-1003}',
        headers=(("Retry-After", "7"),),
        content_type="application/json;charset=UTF-8",
    )
    status, headers, body = await market.get("/any/path", method)
    assert (status, body) == (418, b'{"code":-1003}')
    assert headers["Retry-After"] == "7"
    assert headers["Content-Type"] == "application/json;charset=UTF-8"


# -- links ----------------------------------------------------------------------------------------


async def test_frames_go_both_ways_in_order(market: Market) -> None:
    async with market.link("/stream?streams=btcusdt@trade") as client:
        for number in range(3):
            await client.send(f"{number}")
        assert [await client.recv() for _ in range(4)] == ["hello", "echo 0", "echo 1", "echo 2"]
    await market.venue.until(lambda: market.venue.happened[-1][0] == "disconnect")
    assert market.venue.happened == [
        ("connect", "/stream?streams=btcusdt@trade"),
        ("receive", "0"),
        ("receive", "1"),
        ("receive", "2"),
        ("disconnect", "/stream"),
    ]


async def test_each_client_gets_its_own_frames(market: Market) -> None:
    async with market.link("/a") as first, market.link("/b") as second:
        await first.send("one")
        await second.send("two")
        assert [await first.recv(), await first.recv()] == ["hello", "echo one"]
        assert [await second.recv(), await second.recv()] == ["hello", "echo two"]


async def test_a_venue_may_refuse_a_link(market: Market) -> None:
    market.venue.refuses = True
    with pytest.raises(InvalidStatus, match="403"):
        await market.link()
    assert [what for what, _ in market.venue.happened] == ["connect"]


async def test_a_venue_closes_a_link_after_what_it_sent_before(market: Market) -> None:
    async with market.link() as client:
        await client.send("bye")
        assert [await client.recv(), await client.recv()] == ["hello", "last"]
        assert await code_of(client) == 1000
    await market.venue.until(lambda: ("disconnect", "/ws") in market.venue.happened)


async def test_pings_are_answered(market: Market) -> None:
    async with market.link() as client:
        async with asyncio.timeout(PATIENCE):
            await (await client.ping(b"payload"))
    assert ("receive", "payload") not in market.venue.happened


async def test_a_vanished_client_is_told_to_the_venue_once(market: Market) -> None:
    client = await market.link()
    client.transport.abort()
    await market.venue.until(lambda: market.venue.happened[-1] == ("disconnect", "/ws"))
    await client.wait_closed()
    assert [what for what, _ in market.venue.happened].count("disconnect") == 1


async def test_a_client_that_does_not_read_is_disconnected_and_others_are_served(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRAMES_WAITING_MAX", 100)
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)
    async with market.link() as well_behaved, market.link("/slow") as client:
        client.transport.pause_reading()
        await client.send("flood")
        await market.venue.until(lambda: ("disconnect", "/slow") in market.venue.happened)
        await well_behaved.send("still there?")
        assert [await well_behaved.recv(), await well_behaved.recv()] == ["hello", "echo still there?"]
        client.transport.abort()


async def test_a_client_that_reads_too_slowly_learns_why_it_is_disconnected(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRAMES_WAITING_MAX", 100)
    async with market.link() as client:
        await client.send("flood")
        assert await code_of(client) == 1013


async def test_a_frame_above_the_limit_disconnects_the_client(market: Market) -> None:
    async with market.link() as client:
        await client.send("x" * (module.FRAME_BYTES_MAX + 1))
        assert await code_of(client) == 1009


async def test_a_bug_of_the_venue_ends_that_link_and_no_other(market: Market) -> None:
    async with market.link() as other, market.link("/broken") as client:
        await client.send("broken")
        await code_of(client)
        await other.send("still there?")
        assert [await other.recv(), await other.recv()] == ["hello", "echo still there?"]
    assert ("disconnect", "/broken") in market.venue.happened


# -- time -----------------------------------------------------------------------------------------


async def test_the_venue_gets_time_when_it_wants_it(market: Market) -> None:
    async with market.link() as client:
        await client.send("later")
        async with asyncio.timeout(PATIENCE):
            assert [await client.recv(), await client.recv()] == ["hello", "tick"]


async def test_time_never_goes_back_and_passes_before_whatever_comes_in(market: Market) -> None:
    async with market.link() as client:
        await client.send("later")
        await client.recv()
        await market.venue.until(lambda: market.venue.due is not None)
        await client.send("after the deadline")
        while market.venue.due is not None and RecordingPort().now() <= market.venue.due:
            pass  # blocks the loop: the deadline passes while the frame already waits
        assert [await client.recv(), await client.recv()] == ["tick", "echo after the deadline"]
    assert market.venue.times == sorted(market.venue.times)


# -- start and stop -------------------------------------------------------------------------------


async def test_stopping_tells_clients_that_we_go_away(market: Market) -> None:
    async with market.link() as client:
        await client.recv()
        _, code = await asyncio.gather(market.server.stop(), code_of(client))
        assert code == 1001
    with pytest.raises(ConnectionRefusedError):
        await market.link()


async def test_stopping_does_not_wait_for_a_client_that_does_not_read(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)
    async with market.link() as client:
        client.transport.pause_reading()
        async with asyncio.timeout(PATIENCE):
            await market.server.stop()
        client.transport.abort()


async def test_a_port_that_is_taken_is_an_error(market: Market) -> None:
    second = ExchangeServer(Echo(), Request, RecordingPort().now, port=market.port)
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.stop()


async def test_the_port_that_was_asked_for_is_taken() -> None:
    port = free_port()
    server = ExchangeServer(Echo(), Request, RecordingPort().now, port=port)
    assert await server.start() == port
    await server.stop()
