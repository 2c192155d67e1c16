"""A real system on the live loop with real drivers: an actor that connects, asks, and makes the answer durable."""

import asyncio
from pathlib import Path
from typing import TypeAlias

from integrated_trading_system.domain.http import HttpCall, HttpReply, HttpRequest
from integrated_trading_system.domain.ids import ActorName, CallId, LinkId, VenueId
from integrated_trading_system.domain.inputs import ClockReading
from integrated_trading_system.domain.journal import JournalAppend, JournalCommitted
from integrated_trading_system.domain.link import (
    CloseLink,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    OpenLink,
    SendFrame,
    Tag,
)
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers.exchange_server import ExchangeServer
from integrated_trading_system.drivers.http import HttpDriver
from integrated_trading_system.drivers.journal import OMS, Journal, JournalDriver
from integrated_trading_system.drivers.loop import Clock, LiveLoop
from integrated_trading_system.drivers.websocket import WebSocketDriver
from integrated_trading_system.runtime.actor import Actor
from integrated_trading_system.runtime.system import System
from integrated_trading_system.simulation.exchange.dialect import Outgoing, ServerReply, ServerRequest
from tests.support.port import PATIENCE, TestGate

VENUE = VenueId("binance:spot")
LINK = LinkId("link-1")


class Venue:
    """Answers "hello" with "welcome", and any request with its path."""

    def __init__(self) -> None:
        self.out: list[Outgoing] = []

    def http(self, request: ServerRequest, now: Nanos) -> ServerReply:
        return ServerReply(status=200, body=request.path.encode())

    def connect(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        return True

    def receive(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        assert frame == b"hello"
        self.out.append(Outgoing(link, b"welcome"))

    def disconnect(self, link: LinkId, now: Nanos) -> None: ...

    def run(self, now: Nanos) -> None: ...

    def deadline(self) -> Nanos | None:
        return None

    def take(self) -> list[Outgoing]:
        out, self.out = self.out, []
        return out


Inbox: TypeAlias = LinkOpened | FrameReceived | HttpReply | LinkClosed


class Visitor(Actor[Inbox]):
    """Connects, says hello, asks, writes down the answer, leaves."""

    def __init__(self, port: int, done: asyncio.Event) -> None:
        self._port = port
        self._done = done

    def start(self) -> None:
        self.context.emit(OpenLink(LINK, VENUE, f"ws://127.0.0.1:{self._port}/ws", 1000))

    def receive(self, message: Inbox) -> None:
        match message:
            case LinkOpened():
                self.context.emit(SendFrame(LINK, b"hello", Tag.DATA))
            case FrameReceived():
                assert message.frame == b"welcome"
                self.context.emit(
                    HttpCall(
                        call=CallId("call-1"),
                        venue=VENUE,
                        purpose="test",
                        request=HttpRequest(method="GET", url=f"http://127.0.0.1:{self._port}/answer"),
                        tag=Tag.DATA,
                        deadline=Nanos(self.context.now + 5 * SECOND),
                    )
                )
            case HttpReply():
                self.context.emit(JournalAppend(1, message.body))
                self.context.emit(CloseLink(LINK, "done"))
            case LinkClosed():
                assert message.reason == "done"
                self._done.set()


class Feed(Actor[ClockReading]):
    """Hears the clock, and does nothing about it."""

    def receive(self, message: ClockReading) -> None: ...


class Oms(Actor[JournalCommitted]):
    """Hears what is durable."""

    def __init__(self, committed: list[int]) -> None:
        self._committed = committed

    def receive(self, message: JournalCommitted) -> None:
        self._committed.append(message.sequence)


async def test_a_system_connects_asks_and_writes_through_the_real_world(tmp_path: Path) -> None:
    clock, system, done, committed = Clock(), System(), asyncio.Event(), list[int]()
    exchange = ExchangeServer(Venue(), ServerRequest, clock.now)
    port = await exchange.start()
    system.spawn(ActorName(f"connector.{VENUE}"), lambda: Visitor(port, done))
    system.spawn(OMS, lambda: Oms(committed))
    system.spawn(ActorName("feed"), Feed)
    loop, gate = LiveLoop(system, clock), TestGate()
    websocket, http = WebSocketDriver(loop, {}, gate), HttpDriver(loop, {}, gate, "its/test")
    journal = JournalDriver(loop, Journal.open(tmp_path / "journal", "1.0", "config", 1))
    loop.attach(
        {
            OpenLink: websocket.open,
            SendFrame: websocket.send,
            CloseLink: websocket.close,
            HttpCall: http.call,
            JournalAppend: journal.append,
        }
    )
    loop.start(loop.now())
    async with asyncio.timeout(PATIENCE):
        await done.wait()
    await asyncio.gather(journal.stop(), http.stop(), websocket.stop(), exchange.stop())
    system.run(clock.now())
    loop.end()
    assert Journal.read(tmp_path / "journal") == (b"/answer",)
    assert committed == [1]
