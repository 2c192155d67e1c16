"""The HTTP driver against real sockets on this machine: one answer each, and the truth about what was sent."""

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.http import HttpCall, HttpFailed, HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId, ActorName, CallId, VenueId
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.drivers import http as http_module
from integrated_trading_system.drivers.http import HttpDriver
from integrated_trading_system.venues.signer import Signer
from integrated_trading_system.venues.venue import Credentials
from tests.support.certificate import untrusted_server
from tests.support.port import PATIENCE, RecordingPort, TestGate
from tests.support.raw_server import Serve, free_port, raw_server, read_head, reset
from tests.support.served import until

VENUE = VenueId("binance:spot")
ACCOUNT = AccountId("main")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
SECRET = "cAnArY-secret-in-query"


class Signing:
    """A venue whose signature can be read by a test: it goes into query, body and a header."""

    def sign_request(self, request: HttpRequest, credentials: Credentials, venue_millis: int) -> HttpRequest:
        if credentials.api_secret == "not a key":
            raise ValueError(f"bad key {credentials.api_secret}")
        return replace(
            request,
            query=f"{request.query}&timestamp={venue_millis}&signature={SECRET}",
            body=request.body and f"{request.body}&signature={SECRET}",
            headers=(*request.headers, ("X-MBX-APIKEY", credentials.api_key)),
        )

    def sign_frame(self, frame: bytes, credentials: Credentials, venue_millis: int) -> bytes:
        raise NotImplementedError


class Bench:
    """A driver, its port and its gate."""

    def __init__(self) -> None:
        self.port = RecordingPort()
        self.gate = TestGate()
        keys = {ACCOUNT: Credentials("key", "secret"), AccountId("broken"): Credentials("key", "not a key")}
        self.driver = HttpDriver(self.port, {VENUE: Signer(Signing(), keys)}, self.gate, "its/test")
        self.stack = AsyncExitStack()
        self.calls = 0

    async def serve(self, handler: Serve, tls: ssl.SSLContext | None = None) -> str:
        """A server; its address."""
        port = await self.stack.enter_async_context(raw_server(handler, tls))
        return f"{'https' if tls else 'http'}://127.0.0.1:{port}"

    def call(self, url: str, method: str = "GET", seconds: float = PATIENCE, **fields: object) -> CallId:
        self.calls += 1
        call = CallId(f"call-{self.calls}")
        of_request = {name: fields.pop(name) for name in ("query", "body", "headers") if name in fields}
        effect = HttpCall(
            call=call,
            venue=VENUE,
            purpose="test",
            request=HttpRequest(method=method, url=url, **of_request),  # type: ignore[arg-type]  # named by the test
            tag=Tag.ORDER if method == "POST" else Tag.DATA,
            deadline=Nanos(self.port.now() + int(seconds * SECOND)),
        )
        self.driver.call(replace(effect, **fields))
        return call

    async def answer(self, call: CallId) -> HttpReply | HttpFailed:
        """The one answer to the call."""
        async with asyncio.timeout(PATIENCE):
            while not (found := [message for message in self.port.messages if message.call == call]):
                await asyncio.sleep(0.001)
        (answer,) = found
        assert isinstance(answer, (HttpReply, HttpFailed))
        assert {actor for actor, _ in self.port.told} == {ActorName("connector.binance:spot")}
        return answer

    async def reply(self, call: CallId) -> HttpReply:
        answer = await self.answer(call)
        assert isinstance(answer, HttpReply), answer
        return answer

    async def failed(self, call: CallId) -> tuple[str, bool]:
        answer = await self.answer(call)
        assert isinstance(answer, HttpFailed), answer
        return answer.reason, answer.maybe_sent


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.driver.stop()
    await made.stack.aclose()


class Server:
    """Answers every request of every connection alike, and remembers the requests."""

    def __init__(self, answer: bytes = OK) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.connections = 0
        self.hold: asyncio.Event | None = None

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            head = await read_head(reader)
            length = next(
                (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
            )
            self.requests.append(head + await reader.readexactly(length))
            if self.hold is not None:
                await self.hold.wait()
            writer.write(self.answer)


# -- replies --------------------------------------------------------------------------------------


async def test_a_reply_is_told_as_it_came_with_lower_case_header_names(bench: Bench) -> None:
    server = Server(
        b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nX-MBX-USED-WEIGHT-1M: 1200\r\nContent-Length: 3\r\n\r\n\xff{}"
    )
    before = bench.port.now()
    reply = await bench.reply(bench.call(await bench.serve(server) + "/api"))
    assert (reply.status, reply.body) == (429, b"\xff{}")
    assert reply.headers == {"retry-after": "7", "x-mbx-used-weight-1m": "1200", "content-length": "3"}
    assert before < reply.sent_at < reply.received_at < bench.port.now()


async def test_the_request_leaves_byte_for_byte_as_the_core_wrote_it(bench: Bench) -> None:
    server = Server()
    url = await bench.serve(server)
    query, body = "symbol=%5Ba%20b+c%5D&x=%E2%82%AC&y=a%2fb", '{"a": 1, "b": "é"}'
    headers = (("Content-Type", "application/json"), ("X-Window", "5000"))
    await bench.reply(bench.call(f"{url}/a%2Fb/c", "POST", query=query, body=body, headers=headers))
    (request,) = server.requests
    head, _, sent = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == f"POST /a%2Fb/c?{query} HTTP/1.1"
    assert sent == body.encode()
    assert {"Content-Type: application/json", "X-Window: 5000", "User-Agent: its/test"} <= set(lines)
    assert f"Content-Length: {len(body.encode())}" in lines


async def test_no_content_type_is_invented(bench: Bench) -> None:
    server = Server()
    url = await bench.serve(server)
    await bench.reply(bench.call(url, "POST"))
    await bench.reply(bench.call(url, "POST", body="a=1"))
    assert all(b"content-type" not in request.lower() for request in server.requests)
    assert b"Content-Length: 0" in server.requests[0]


async def test_connections_are_kept_and_used_again(bench: Bench) -> None:
    server = Server()
    url = await bench.serve(server)
    for _ in range(3):
        await bench.reply(bench.call(url))
    assert (server.connections, len(server.requests)) == (1, 3)


async def test_orders_never_wait_for_data(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "CONNECTIONS_MAX", 1)
    server = Server()
    server.hold = asyncio.Event()
    url = await bench.serve(server)
    data = bench.call(url)
    while not server.requests:
        await asyncio.sleep(0.001)
    order = bench.call(url, "POST")
    while len(server.requests) < 2:
        await asyncio.sleep(0.001)
    server.hold.set()
    await bench.reply(order)
    await bench.reply(data)


async def test_a_redirect_is_an_answer_and_not_followed(bench: Bench) -> None:
    elsewhere = Server()
    target = await bench.serve(elsewhere)
    for status in (301, 302, 307, 308):
        url = await bench.serve(
            Server(f"HTTP/1.1 {status} Go\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode())
        )
        reply = await bench.reply(bench.call(url, "POST", account=ACCOUNT))
        assert (reply.status, reply.headers["location"]) == (status, target)
    assert elsewhere.connections == 0


async def test_a_proxy_in_the_environment_is_ignored(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert (await bench.reply(bench.call(await bench.serve(Server())))).status == 200


async def test_cookies_are_not_kept(bench: Bench) -> None:
    server = Server(b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1; Path=/\r\nContent-Length: 0\r\n\r\n")
    url = await bench.serve(server)
    await bench.reply(bench.call(url))
    await bench.reply(bench.call(url))
    assert b"cookie" not in server.requests[1].lower()


@pytest.mark.parametrize("answer", [b"x" * 1001, gzip.compress(bytes(10_000_000))], ids=["plain", "bomb"])
async def test_a_body_above_the_limit_is_not_read(bench: Bench, monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    monkeypatch.setattr(http_module, "BODY_BYTES_MAX", 1000)
    encoding = b"Content-Encoding: gzip\r\n" if answer[:1] == b"\x1f" else b""
    server = Server(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (encoding, len(answer), answer))
    assert await bench.failed(bench.call(await bench.serve(server))) == ("oversized", True)


# -- signing --------------------------------------------------------------------------------------


async def test_a_call_with_an_account_is_signed_by_the_venues_clock_when_its_connection_is_held(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "CONNECTIONS_MAX", 1)
    server = Server()
    server.hold = asyncio.Event()
    url = await bench.serve(server)
    first = bench.call(url, "POST")
    second = bench.call(url, "POST", query="a=1", body="b=2", account=ACCOUNT, clock_offset=Nanos(-SECOND))
    while not server.requests:
        await asyncio.sleep(0.001)
    freed = bench.port.now()
    server.hold.set()
    await bench.reply(first)
    reply = await bench.reply(second)
    head, _, body = server.requests[1].decode().partition("\r\n\r\n")
    timestamp = int(head.split("timestamp=")[1].split("&")[0])
    assert timestamp >= (freed - SECOND) // MILLISECOND
    assert timestamp <= (reply.sent_at - SECOND) // MILLISECOND
    assert head.startswith(f"POST /?a=1&timestamp={timestamp}&signature={SECRET} HTTP/1.1")
    assert "\r\nX-MBX-APIKEY: key" in head
    assert body == f"b=2&signature={SECRET}"


@pytest.mark.parametrize(("account", "reason"), [("nobody", "no-key"), ("broken", "signing")])
async def test_a_call_that_cannot_be_signed_does_not_leave(bench: Bench, account: str, reason: str) -> None:
    server = Server()
    call = bench.call(await bench.serve(server), account=AccountId(account))
    assert await bench.failed(call) == (reason, False)
    assert server.requests == []


async def test_a_venue_without_any_key_signs_nothing(bench: Bench) -> None:
    bench.driver._signers = {}
    call = bench.call(await bench.serve(Server()), account=ACCOUNT)
    assert await bench.failed(call) == ("no-key", False)


# -- the gate and the last moment -----------------------------------------------------------------


@pytest.mark.parametrize("body", ["", "a=1"])
async def test_a_closed_gate_lets_no_byte_of_an_order_out_and_cancels_pass(bench: Bench, body: str) -> None:
    server = Server()
    url = await bench.serve(server)
    bench.gate.closed = (Tag.ORDER,)
    assert await bench.failed(bench.call(url, "POST", body=body)) == ("gate", False)
    assert server.requests == []
    assert (await bench.reply(bench.call(url, "POST", body=body, tag=Tag.CANCEL))).status == 200


async def test_a_gate_that_closes_while_the_call_waits_for_a_connection_still_holds_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "CONNECTIONS_MAX", 1)
    server = Server()
    server.hold = asyncio.Event()
    url = await bench.serve(server)
    first, second = bench.call(url, "POST"), bench.call(url, "POST")
    while not server.requests:
        await asyncio.sleep(0.001)
    bench.gate.closed = (Tag.ORDER,)
    server.hold.set()
    await bench.reply(first)
    assert await bench.failed(second) == ("gate", False)
    assert len(server.requests) == 1


async def test_a_gate_that_closes_in_the_very_turn_before_the_first_byte_still_holds_it(bench: Bench) -> None:
    received: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read())

    class Closing(TestGate):
        """Closes as soon as it was asked once."""

        def allows(self, tag: Tag) -> bool:
            self.asked.append(tag)
            return len(self.asked) == 1

    bench.driver._gate = Closing()
    assert await bench.failed(bench.call(await bench.serve(handler), "POST", body="order=1")) == ("gate", False)
    await bench.driver.stop()
    await until(lambda: bool(received), "the server to see the end of the connection")
    assert received == [b""]


@pytest.mark.parametrize("body", ["", "a=1"])
async def test_nothing_leaves_after_its_latest_instant(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(http_module, "CONNECTIONS_MAX", 1)
    server = Server()
    server.hold = asyncio.Event()
    url = await bench.serve(server)
    latest = Nanos(bench.port.now() + 20 * MILLISECOND)
    first = bench.call(url, "POST")
    second = bench.call(url, "POST", body=body, latest_send=latest)
    while bench.port.now() <= latest or not server.requests:
        await asyncio.sleep(0.001)
    server.hold.set()
    await bench.reply(first)
    assert await bench.failed(second) == ("late", False)
    assert len(server.requests) == 1
    third = bench.call(url, "POST", body=body, latest_send=Nanos(bench.port.now() + SECOND))
    assert (await bench.reply(third)).status == 200


# -- the truth about what was sent ----------------------------------------------------------------


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def read_then_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_head(reader)


async def read_then_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_head(reader)
    reset(writer)


async def answer_half_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_head(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")


async def answer_half_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_head(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")


async def answer_half_body_then_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await answer_half_body(reader, writer)
    await writer.drain()
    reset(writer)


async def answer_half_chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_head(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")


async def answer_no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_head(reader)
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


SENT = [
    (read_then_close, "disconnected"),
    (read_then_reset, "disconnected"),
    (answer_half_head, "disconnected"),
    (answer_half_body, "truncated"),
    (answer_half_chunks, "truncated"),
    (answer_no_http, "malformed"),
]


@pytest.mark.parametrize(("handler", "reason"), SENT, ids=lambda value: getattr(value, "__name__", value))
@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
async def test_once_a_byte_may_have_left_every_failure_says_so_and_nothing_is_sent_again(
    bench: Bench, method: str, handler: Serve, reason: str
) -> None:
    connections = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await handler(reader, writer)

    call = bench.call(await bench.serve(counted), method, query="a=1", body="" if method == "GET" else "b=2")
    assert await bench.failed(call) == (reason, True)
    assert connections == 1


async def test_a_body_cut_by_a_reset_may_have_been_sent(bench: Bench) -> None:
    reason, maybe_sent = await bench.failed(bench.call(await bench.serve(answer_half_body_then_reset)))
    assert reason in ("truncated", "disconnected")  # as the kernel delivers the last bytes, or does not
    assert maybe_sent


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_kept_connection_that_dies_at_the_next_request_is_no_reason_to_send_it_twice(
    bench: Bench, method: str
) -> None:
    requests: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in (OK, b""):
            requests.append(await read_head(reader))
            writer.write(answer)

    url = await bench.serve(handler)
    await bench.reply(bench.call(url))
    assert await bench.failed(bench.call(url, method)) == ("disconnected", True)
    assert len(requests) == 2


async def test_no_answer_by_the_deadline_after_sending(bench: Bench) -> None:
    call = bench.call(await bench.serve(hang), "POST", seconds=0.05, body="a=1")
    assert await bench.failed(call) == ("timeout", True)


async def test_half_an_answer_by_the_deadline(bench: Bench) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answer_half_body(reader, writer)
        await reader.read()

    assert await bench.failed(bench.call(await bench.serve(handler), seconds=0.05)) == ("timeout", True)


async def test_a_deadline_while_the_connection_is_still_being_made(bench: Bench) -> None:
    url = (await bench.serve(hang)).replace("http:", "https:")  # the TLS handshake is never answered
    assert await bench.failed(bench.call(url, "POST", seconds=0.05)) == ("timeout", False)


async def test_a_deadline_while_waiting_for_a_free_connection(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "CONNECTIONS_MAX", 1)
    url = await bench.serve(hang)
    bench.call(url, "POST")
    assert await bench.failed(bench.call(url, "POST", seconds=0.05)) == ("timeout", False)


async def test_a_deadline_that_has_passed_already(bench: Bench) -> None:
    server = Server()
    url = await bench.serve(server)
    await bench.reply(bench.call(url))
    assert await bench.failed(bench.call(url, seconds=0)) == ("timeout", False)
    assert len(server.requests) == 1


async def test_a_port_where_nobody_listens(bench: Bench) -> None:
    assert await bench.failed(bench.call(f"http://127.0.0.1:{free_port()}", "POST")) == ("refused", False)


async def test_a_name_that_does_not_exist(bench: Bench) -> None:
    assert await bench.failed(bench.call("http://nothing.invalid", "POST")) == ("dns", False)


@pytest.mark.parametrize("url", ["nonsense", "http://", "ftp://127.0.0.1/"])
async def test_an_address_that_is_none(bench: Bench, url: str) -> None:
    assert await bench.failed(bench.call(url)) == ("url", False)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_certificate_that_nobody_vouches_for_gets_no_byte(bench: Bench, tmp_path: Path, host: str) -> None:
    server = Server()
    url = (await bench.serve(server, untrusted_server(tmp_path))).replace("127.0.0.1", host)
    assert await bench.failed(bench.call(url, "POST", account=ACCOUNT)) == ("certificate", False)
    assert server.requests == []


async def test_a_server_without_tls_behind_a_tls_address(bench: Bench) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await reader.read()

    url = (await bench.serve(handler)).replace("http:", "https:")
    assert await bench.failed(bench.call(url)) == ("tls", False)


async def test_a_header_that_would_break_the_request_does_not_leave(bench: Bench) -> None:
    server = Server()
    call = bench.call(await bench.serve(server), headers=(("X-Note", "a\r\nX-Forged: 1"),))
    reason, _ = await bench.failed(call)
    assert reason == "request"
    assert server.requests == []


# -- limits and the end ---------------------------------------------------------------------------


async def test_more_calls_than_the_limit_fail_unsent(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "CALLS_MAX", 2)
    url = await bench.serve(hang)
    bench.call(url)
    bench.call(url)
    assert await bench.failed(bench.call(url)) == ("busy", False)


async def test_stopping_answers_every_open_call_with_the_truth(bench: Bench) -> None:
    server = Server()
    server.hold = asyncio.Event()
    url = await bench.serve(server)
    sent = bench.call(url)
    while not server.requests:
        await asyncio.sleep(0.001)
    not_even_begun = bench.call(url)
    await bench.driver.stop()
    assert await bench.failed(sent) == ("stopped", True)
    assert await bench.failed(not_even_begun) == ("stopped", False)


async def test_a_bug_below_is_an_answer_too(bench: Bench) -> None:
    async def broken(*_: object) -> HttpReply:
        raise RuntimeError("with a secret in its text")

    bench.driver._exchange = broken  # type: ignore[assignment]  # stands for any bug
    assert await bench.failed(bench.call("http://127.0.0.1")) == ("failed", False)


async def test_no_failure_shows_an_address_with_its_signature(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    handlers: list[Callable[..., Awaitable[None]]] = [handler for handler, _ in SENT]
    for handler in handlers:
        for method in ("GET", "POST"):
            await bench.failed(bench.call(await bench.serve(handler), method, body="b=2", account=ACCOUNT))
    everything = json.dumps([repr(message) for message in bench.port.messages]) + caplog.text
    assert SECRET not in everything
