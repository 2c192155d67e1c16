"""The WebSocket driver against real sockets on this machine: every way a link can live and end."""

import asyncio
import json
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.utils import accept_key

from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.ids import AccountId, ActorName, LinkId, VenueId
from integrated_trading_system.domain.link import (
    CloseLink,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    OpenLink,
    PongReceived,
    SendFrame,
    Tag,
)
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers import dial as dial_module
from integrated_trading_system.drivers.dial import FRAGMENTS_MAX
from integrated_trading_system.drivers.websocket import FRAMES_PER_TURN, SEND_BYTES_MAX, WebSocketDriver
from integrated_trading_system.venues.connector.calls import REFUSED_FOR_GOOD
from integrated_trading_system.venues.signer import Signer
from integrated_trading_system.venues.venue import Credentials
from tests.support.certificate import untrusted_server
from tests.support.port import PATIENCE, RecordingPort, TestGate
from tests.support.raw_server import frame, free_port, raw_server, read_head, reset, shake_hands, until_closed

VENUE = VenueId("binance:spot")
ACTOR = ActorName("connector.binance:spot")
LINK = LinkId("link-1")
ACCOUNT = AccountId("main")
TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


class Signing:
    """A venue whose signature can be read by a test."""

    def sign_request(self, request: HttpRequest, credentials: Credentials, venue_millis: int) -> HttpRequest:
        raise NotImplementedError

    def sign_frame(self, frame: bytes, credentials: Credentials, venue_millis: int) -> bytes:
        if credentials.api_secret == "not a key":
            raise ValueError(f"bad key {credentials.api_secret}")
        return json.dumps([frame.decode(), credentials.api_key, venue_millis]).encode()


class Bench:
    """A driver, its port and its gate."""

    def __init__(self) -> None:
        self.port = RecordingPort()
        self.gate = TestGate()
        keys = {ACCOUNT: Credentials("key", "secret"), AccountId("broken"): Credentials("key", "not a key")}
        self.driver = WebSocketDriver(self.port, {VENUE: Signer(Signing(), keys)}, self.gate, user_agent="its/test")
        self.stack = AsyncExitStack()

    async def serve(self, handler: Callable[[ServerConnection], Awaitable[None]]) -> str:
        """A well-behaved server; its address."""
        server = await self.stack.enter_async_context(serve(handler, "127.0.0.1", 0))
        return f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ws"

    async def serve_raw(self, handler: Callable[..., Awaitable[None]], tls: ssl.SSLContext | None = None) -> int:
        return await self.stack.enter_async_context(raw_server(handler, tls))

    def open(self, url: str, frame_bytes_max: int = 100_000, ping_s: float = 10, pong_s: float = 20) -> None:
        ping, pong = Nanos(int(ping_s * SECOND)), Nanos(int(pong_s * SECOND))
        self.driver.open(OpenLink(LINK, VENUE, url, frame_bytes_max, ping, pong))

    async def ended(self) -> LinkClosed:
        """The one LinkClosed, after which nothing more is told."""
        (closed,) = await self.port.until(LinkClosed)
        assert self.port.messages.index(closed) == len(self.port.messages) - 1
        assert {actor for actor, _ in self.port.told} == {ACTOR}
        return closed


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.driver.stop()
    await made.stack.aclose()


async def idle(websocket: ServerConnection) -> None:
    await websocket.wait_closed()


# -- frames ---------------------------------------------------------------------------------------


async def test_frames_arrive_whole_in_order_and_as_they_came(bench: Bench) -> None:
    sent = [b'{"a":1}', b"\xff\x00binary", "é".encode(), b"", b"x" * 90_000]

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(frame(TEXT, sent[0]) + frame(BINARY, sent[1]))
        writer.write(frame(TEXT, sent[2][:1], fin=False) + frame(CONTINUATION, sent[2][1:]))
        for byte in frame(TEXT, sent[3]):
            writer.write(bytes([byte]))
            await writer.drain()
        writer.write(frame(TEXT, sent[4]))
        await until_closed(reader)

    before = bench.port.now()
    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    frames = await bench.port.until(FrameReceived, 5)
    assert [message.frame for message in frames] == sent
    assert all(type(message.frame) is bytes for message in frames)
    assert bench.port.messages[0] == LinkOpened(LINK, bench.port.messages[0].received_at)
    times = [message.received_at for message in bench.port.messages]
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= bench.port.now()


async def test_invalid_text_is_not_judged_here(bench: Bench) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(frame(TEXT, b"\xff\xfe"))
        await until_closed(reader)

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    assert (await bench.port.until(FrameReceived))[0].frame == b"\xff\xfe"


async def test_what_is_sent_arrives_as_text_in_order(bench: Bench) -> None:
    received: list[str | bytes] = []

    async def handler(websocket: ServerConnection) -> None:
        received.extend([await websocket.recv() for _ in range(3)])

    bench.open(await bench.serve(handler))
    await bench.port.until(LinkOpened)
    for number in range(3):
        bench.driver.send(SendFrame(LINK, b"frame %d" % number, Tag.DATA))
    await bench.ended()
    assert received == ["frame 0", "frame 1", "frame 2"]


async def test_the_request_names_us_and_asks_for_no_compression(bench: Bench) -> None:
    heads: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await shake_hands(reader, writer))
        await until_closed(reader)

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/ws/btcusdt@trade?x=1")
    await bench.port.until(LinkOpened)
    assert heads[0].startswith(b"GET /ws/btcusdt@trade?x=1 HTTP/1.1\r\n")
    assert b"User-Agent: its/test\r\n" in heads[0]
    assert b"permessage-deflate" not in heads[0]


async def test_a_burst_leaves_the_loop_its_turns(bench: Bench) -> None:
    frames = FRAMES_PER_TURN * 20

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(frame(TEXT, b"{}") * frames)
        await until_closed(reader)

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    await bench.port.until(LinkOpened)
    told, most = len(bench.port.of(FrameReceived)), 0
    while told < frames:
        await asyncio.sleep(0)
        before, told = told, len(bench.port.of(FrameReceived))
        most = max(most, told - before)
    assert most <= FRAMES_PER_TURN


# -- signing and the gate -------------------------------------------------------------------------


async def test_a_frame_with_an_account_is_signed_with_its_key_at_the_time_of_sending(bench: Bench) -> None:
    received: list[str | bytes] = []

    async def handler(websocket: ServerConnection) -> None:
        received.append(await websocket.recv())

    bench.open(await bench.serve(handler))
    await bench.port.until(LinkOpened)
    before = bench.port.now()
    bench.driver.send(SendFrame(LINK, b"login", Tag.DATA, ACCOUNT))
    await bench.ended()
    text, key, millis = json.loads(received[0])
    assert (text, key) == ("login", "key")
    assert before // 1_000_000 <= millis <= bench.port.now() // 1_000_000


@pytest.mark.parametrize(("account", "reason"), [("nobody", "no-key"), ("broken", "signing")])
async def test_a_frame_that_cannot_be_signed_ends_the_link(bench: Bench, account: str, reason: str) -> None:
    bench.open(await bench.serve(idle))
    await bench.port.until(LinkOpened)
    bench.driver.send(SendFrame(LINK, b"login", Tag.DATA, AccountId(account)))
    assert (await bench.ended()).reason == reason


async def test_a_venue_without_any_key_cannot_log_on(bench: Bench) -> None:
    bench.driver._signers = {}
    bench.open(await bench.serve(idle))
    await bench.port.until(LinkOpened)
    bench.driver.send(SendFrame(LINK, b"login", Tag.DATA, ACCOUNT))
    assert (await bench.ended()).reason == "no-key"


async def test_a_closed_gate_holds_orders_back_and_lets_cancels_through(bench: Bench) -> None:
    received: list[str | bytes] = []

    async def handler(websocket: ServerConnection) -> None:
        received.append(await websocket.recv())

    bench.open(await bench.serve(handler))
    await bench.port.until(LinkOpened)
    bench.gate.closed = (Tag.ORDER,)
    bench.driver.send(SendFrame(LINK, b"order", Tag.ORDER))
    bench.driver.send(SendFrame(LINK, b"cancel", Tag.CANCEL))
    await bench.ended()
    assert received == ["cancel"]
    assert bench.gate.asked == [Tag.ORDER, Tag.CANCEL]


# -- ends -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1013, 4001])
async def test_the_venues_close_code_is_the_reason(bench: Bench, code: int) -> None:
    async def handler(websocket: ServerConnection) -> None:
        await websocket.close(code, "a text of the venue's")

    bench.open(await bench.serve(handler))
    assert (await bench.ended()).reason == f"closed-{code}"


async def test_our_close_is_answered_with_our_reason_and_the_venue_sees_an_orderly_end(bench: Bench) -> None:
    code: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    async def handler(websocket: ServerConnection) -> None:
        await websocket.wait_closed()
        code.set_result(websocket.close_code)

    bench.open(await bench.serve(handler))
    await bench.port.until(LinkOpened)
    bench.driver.close(CloseLink(LINK, "rollover"))
    bench.driver.close(CloseLink(LINK, "twice"))
    bench.driver.send(SendFrame(LINK, b"too late", Tag.DATA))
    assert (await bench.ended()).reason == "rollover"
    assert await code == 1000


async def test_frames_that_come_while_we_close_are_not_told(bench: Bench) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        await reader.readexactly(8)  # our close frame
        writer.write(frame(TEXT, b"late") + frame(CLOSE, b"\x03\xe8"))

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    await bench.port.until(LinkOpened)
    bench.driver.close(CloseLink(LINK, "rollover"))
    await bench.ended()
    assert bench.port.of(FrameReceived) == []


async def test_a_venue_that_never_answers_our_close_is_cut(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial_module, "CLOSE_SECONDS", 0.05)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        await asyncio.Event().wait()

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    await bench.port.until(LinkOpened)
    bench.driver.close(CloseLink(LINK, "rollover"))
    assert (await bench.ended()).reason == "rollover"


@pytest.mark.parametrize(
    ("cut", "reason"), [("reset", "reset"), ("end", "eof"), ("mid-frame reset", "reset"), ("mid-frame end", "eof")]
)
async def test_a_connection_cut_at_any_byte_is_told_at_once(bench: Bench, cut: str, reason: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(frame(TEXT, b"whole"))
        if cut.startswith("mid-frame"):
            writer.write(frame(TEXT, b"x" * 1000)[:500])
        await writer.drain()
        await reader.readexactly(1)  # the client has read the whole frame, and says so
        if cut.endswith("reset"):
            reset(writer)

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    await bench.port.until(FrameReceived)
    bench.driver.send(SendFrame(LINK, b"seen", Tag.DATA))
    assert (await bench.ended()).reason == reason
    assert len(bench.port.of(FrameReceived)) == 1


@pytest.mark.parametrize("fragments", [1, 10])
async def test_a_frame_above_the_limit_ends_the_link_and_is_not_told(bench: Bench, fragments: int) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(frame(TEXT, b"x" * 1000))
        part = b"y" * (1001 // fragments + 1)
        for number in range(fragments):
            writer.write(frame(CONTINUATION if number else TEXT, part, fin=number == fragments - 1))
        await until_closed(reader)

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/", frame_bytes_max=1000)
    assert (await bench.ended()).reason == "oversized"
    assert [message.frame for message in bench.port.of(FrameReceived)] == [b"x" * 1000]


@pytest.mark.parametrize("part", [b"", b"y"])
async def test_a_message_of_fragments_without_end_is_not_collected(bench: Bench, part: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(frame(TEXT, part, fin=False))
        while True:
            writer.write(frame(CONTINUATION, part, fin=False) * 100)
            await writer.drain()

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    assert (await bench.ended()).reason == "oversized"
    assert bench.port.of(FrameReceived) == []


async def test_messages_of_as_many_fragments_as_are_allowed_arrive_one_after_the_other(bench: Bench) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        for _ in range(3):
            writer.write(frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b", fin=False) * (FRAGMENTS_MAX - 1))
            writer.write(frame(PING, b"between"))
            writer.write(frame(CONTINUATION, b"c"))
        await until_closed(reader)

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    assert [len(one.frame) for one in await bench.port.until(FrameReceived, 3)] == [FRAGMENTS_MAX + 1] * 3


async def test_a_compressed_message_is_refused_unopened_since_none_was_asked_for(bench: Bench) -> None:
    bomb = zlib.compress(b"0" * 50_000_000, 9)[2:-4]

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(frame(0x40 | TEXT, bomb))
        await until_closed(reader)

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    assert (await bench.ended()).reason == "protocol"
    assert bench.port.of(FrameReceived) == []


async def test_a_venue_that_compresses_unasked_is_not_connected_to(bench: Bench) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        key = accept_key(head.decode().partition("Sec-WebSocket-Key: ")[2].partition("\r")[0])
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {key}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n".encode()
        )
        await until_closed(reader)

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    assert (await bench.ended()).reason == "handshake"


async def test_a_frame_against_the_protocol_ends_the_link(bench: Bench) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(frame(3, b"no such opcode"))
        await until_closed(reader)

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    assert (await bench.ended()).reason == "protocol"


async def test_a_venue_that_does_not_read_us_is_cut_before_our_buffer_grows(bench: Bench) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport has it
        await asyncio.Event().wait()

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    await bench.port.until(LinkOpened)
    chunk = b"x" * 100_000
    sent = 0
    while bench.driver._links and not bench.driver._links[LINK].reason:
        bench.driver.send(SendFrame(LINK, chunk, Tag.DATA))
        sent += len(chunk)
        assert sent < 100_000_000
        await asyncio.sleep(0)
    assert sent > SEND_BYTES_MAX
    assert (await bench.ended()).reason == "slow"


# -- connections that never come to be ------------------------------------------------------------


async def test_a_port_where_nobody_listens(bench: Bench) -> None:
    bench.open(f"ws://127.0.0.1:{free_port()}/")
    assert (await bench.ended()).reason == "refused"


async def test_a_name_that_does_not_exist(bench: Bench) -> None:
    bench.open("ws://nothing.invalid/")
    assert (await bench.ended()).reason == "dns"


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "ws://", "nonsense"])
async def test_an_address_that_is_none(bench: Bench, url: str) -> None:
    bench.open(url)
    assert (await bench.ended()).reason == "url"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_certificate_that_nobody_vouches_for_is_never_accepted(bench: Bench, tmp_path: Path, host: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        pytest.fail("the client spoke to a server that it cannot know")

    port = await bench.serve_raw(handler, untrusted_server(tmp_path))
    bench.open(f"wss://{host}:{port}/")
    assert (await bench.ended()).reason == "certificate"
    assert "certificate" in REFUSED_FOR_GOOD


async def test_a_server_without_tls_behind_a_tls_address(bench: Bench) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await until_closed(reader)

    bench.open(f"wss://127.0.0.1:{await bench.serve_raw(handler)}/")
    assert (await bench.ended()).reason == "tls"


@pytest.mark.parametrize("status", [403, 418, 429, 451, 503])
async def test_a_refused_handshake_tells_the_status(bench: Bench, status: int) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    reason = (await bench.ended()).reason
    assert reason == f"http-{status}"
    assert (reason in REFUSED_FOR_GOOD) == (status == 451)


async def test_a_redirect_is_not_followed(bench: Bench) -> None:
    target = await bench.serve(idle)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    assert (await bench.ended()).reason == "http-302"


async def test_an_answer_that_is_not_http(bench: Bench) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    assert (await bench.ended()).reason == "handshake"


async def test_a_server_that_never_answers_the_handshake(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial_module, "OPEN_SECONDS", 0.05)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await until_closed(reader)

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    assert (await bench.ended()).reason == "timeout"


async def test_an_address_that_does_not_answer_is_passed_over(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    port = int((await bench.serve(idle)).split(":")[2].split("/")[0])
    loop = asyncio.get_running_loop()
    resolve, connect = loop.getaddrinfo, loop.sock_connect
    tried: list[object] = []

    async def resolve_or_invent(host: str, *arguments: int, **named: int) -> list[Any]:
        if host != "venue.example":
            return await resolve(host, *arguments, **named)
        (found,) = await resolve("127.0.0.1", port, type=socket.SOCK_STREAM)
        return [(*found[:4], ("127.0.0.1", free_port())), (*found[:4], ("127.0.0.9", 9)), found]

    async def connect_or_hang(tcp: socket.socket, address: tuple[str, int]) -> None:
        tried.append(address[0])
        if address[0] == "127.0.0.9":
            await asyncio.Event().wait()
        await connect(tcp, address)

    monkeypatch.setattr(dial_module, "ADDRESS_SECONDS", 0.05)
    monkeypatch.setattr(loop, "getaddrinfo", resolve_or_invent)
    monkeypatch.setattr(loop, "sock_connect", connect_or_hang)
    bench.open(f"ws://venue.example:{port}/")
    await bench.port.until(LinkOpened)
    assert tried == ["127.0.0.1", "127.0.0.9", "127.0.0.1"]


async def test_a_dead_family_of_addresses_costs_one_wait(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    port = int((await bench.serve(idle)).split(":")[2].split("/")[0])
    loop = asyncio.get_running_loop()
    resolve, connect = loop.getaddrinfo, loop.sock_connect
    tried: list[str] = []

    async def resolve_or_invent(host: str, *arguments: int, **named: int) -> list[Any]:
        if host != "venue.example":
            return await resolve(host, *arguments, **named)
        (found,) = await resolve("127.0.0.1", port, type=socket.SOCK_STREAM)
        dead = [(socket.AF_INET6, *found[1:4], (f"2001:db8::{number}", port, 0, 0)) for number in range(1, 5)]
        return [*dead, found]

    async def connect_or_hang(tcp: socket.socket, address: tuple[str, int]) -> None:
        tried.append(address[0])
        if address[0].startswith("2001"):
            await asyncio.Event().wait()
        await connect(tcp, address)

    monkeypatch.setattr(dial_module, "ADDRESS_SECONDS", 0.05)
    monkeypatch.setattr(loop, "getaddrinfo", resolve_or_invent)
    monkeypatch.setattr(loop, "sock_connect", connect_or_hang)
    bench.open(f"ws://venue.example:{port}/")
    await bench.port.until(LinkOpened)
    assert tried == ["2001:db8::1", "127.0.0.1"]


@pytest.mark.parametrize("turns", [0, 1, 3])
async def test_closing_a_link_that_is_still_connecting_is_its_one_answer(bench: Bench, turns: int) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await until_closed(reader)

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    for _ in range(turns):
        await asyncio.sleep(0)
    bench.driver.send(SendFrame(LINK, b"too early", Tag.DATA))
    bench.driver.close(CloseLink(LINK, "no longer wanted"))
    assert (await bench.ended()).reason == "no longer wanted"
    assert len(bench.port.told) == 1


async def test_an_unknown_link_takes_nothing_and_answers_nothing(bench: Bench) -> None:
    bench.driver.send(SendFrame(LinkId("long gone"), b"x", Tag.DATA))
    bench.driver.close(CloseLink(LinkId("long gone"), "x"))
    await bench.driver.stop()
    assert bench.port.told == []


async def test_stopping_ends_every_link_open_and_opening(bench: Bench) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await until_closed(reader)

    bench.open(await bench.serve(idle))
    await bench.port.until(LinkOpened)
    port = await bench.serve_raw(handler)
    bench.driver.open(OpenLink(LinkId("link-2"), VENUE, f"ws://127.0.0.1:{port}/", 1000))
    await asyncio.sleep(0)
    await bench.driver.stop()
    closed = bench.port.of(LinkClosed)
    assert sorted((message.link, message.reason) for message in closed) == [(LINK, "stopped"), ("link-2", "stopped")]


async def test_a_bug_in_what_is_told_ends_the_link_and_is_told_too(bench: Bench) -> None:
    async def broken(*_: object) -> object:
        raise RuntimeError("with a secret in its text")

    bench.driver._dial = broken  # type: ignore[assignment]  # it never returns a socket
    bench.open("ws://127.0.0.1/")
    assert (await bench.ended()).reason == "failed"


# -- signs of life --------------------------------------------------------------------------------


async def test_the_venues_pings_are_answered_with_their_payload_and_told_at_most_once_a_second(bench: Bench) -> None:
    pongs = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        await asyncio.sleep(0.05)  # until the driver has taken the connection over
        writer.write(frame(PING, b"1") + frame(PING, b"2"))
        for payload in (b"1", b"2"):
            head = await reader.readexactly(2)
            mask = await reader.readexactly(4)
            assert head[0] & 0x0F == PONG
            assert bytes([(await reader.readexactly(1))[0] ^ mask[0]]) == payload
        pongs.set()
        await until_closed(reader)

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    async with asyncio.timeout(PATIENCE):
        await pongs.wait()
    assert len(await bench.port.until(PongReceived)) == 1


async def test_a_silent_venue_is_pinged_as_often_as_asked_and_its_pong_told(bench: Bench) -> None:
    bench.open(await bench.serve(idle), ping_s=0.02)
    assert (await bench.port.until(PongReceived))[0].link == LINK


async def test_a_half_open_connection_is_found_by_its_missing_pong(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial_module, "CLOSE_SECONDS", 0.02)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        await asyncio.Event().wait()

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/", ping_s=0.02, pong_s=0.02)
    assert (await bench.ended()).reason == "ping-timeout"


async def test_a_pong_that_answers_no_ping_of_ours_does_not_keep_a_connection(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial_module, "CLOSE_SECONDS", 0.02)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        while await reader.read(100):
            writer.write(frame(PONG, b"not yours"))

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/", ping_s=0.02, pong_s=0.2)
    assert (await bench.ended()).reason == "ping-timeout"


async def test_a_flood_of_pings_from_a_venue_that_never_reads_is_cut(bench: Bench) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport has it
        flood = frame(PING, b"x" * 125) * 1000
        while True:
            writer.write(flood)
            await writer.drain()

    bench.open(f"ws://127.0.0.1:{await bench.serve_raw(handler)}/")
    assert (await bench.ended()).reason == "slow"
