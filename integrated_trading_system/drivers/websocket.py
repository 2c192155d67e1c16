"""Performs OpenLink, SendFrame and CloseLink on real sockets, and tells the connector what comes of it.

Each link gets exactly one LinkOpened or LinkClosed as its answer, and exactly one LinkClosed as its
end. Nothing here is unbounded: a frame is limited by the effect, what waits to be read by not reading
the socket, what waits to be sent by closing the link.
"""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Final, NoReturn

from loguru import logger

from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.ids import ActorName, LinkId, VenueId
from integrated_trading_system.domain.link import (
    CloseLink,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    OpenLink,
    PongReceived,
    SendFrame,
)
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers.dial import CLOSE_SECONDS, Dial, LinkFailed, Manner, Socket, dial
from integrated_trading_system.drivers.port import Gate, Port
from integrated_trading_system.venues.signer import Signer

FRAMES_PER_TURN: Final = 64
"""After so many frames of one link the loop gets its turn: the core runs, other links are read."""

SEND_BYTES_MAX: Final = 256 * 1024
"""What may wait to be sent on one link; beyond, it closes with reason ``slow``."""

PONG_EVERY: Final = SECOND
"""Signs of life closer together than this are told once."""


class _Link:
    """One connection, from its effect to its end."""

    def __init__(self, effect: OpenLink) -> None:
        self.name = effect.link
        self.venue = effect.venue
        self.actor = ActorName(f"connector.{effect.venue}")
        self.task: asyncio.Task[str] | None = None
        self.socket: Socket | None = None
        self.reason = ""
        """Why we close it; empty as long as we do not."""
        self.alive_at = Nanos(0)


class WebSocketDriver:
    """All links of this process. Called on the loop's thread; never waits in `open`, `send` and `close`."""

    def __init__(
        self,
        port: Port,
        signers: Mapping[VenueId, Signer],
        gate: Gate,
        *,
        user_agent: str = "integrated-trading-system",
        dial: Dial | None = None,
    ) -> None:
        """`dial` opens one WebSocket; the default uses the `websockets` library."""
        self._port = port
        self._signers = signers
        self._gate = gate
        self._dial = dial if dial is not None else _default_dial(user_agent)
        self._links: dict[LinkId, _Link] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def open(self, effect: OpenLink) -> None:
        """Connect. The link's id must never have been used before."""
        assert effect.link not in self._links, f"link {effect.link} is open"
        link = self._links[effect.link] = _Link(effect)
        link.task = asyncio.get_running_loop().create_task(self._run(link, effect), name=f"link {effect.link}")
        # Not at the end of the task's own code: a task cancelled before its first step never gets there.
        link.task.add_done_callback(partial(self._ended, link))

    def send(self, effect: SendFrame) -> None:
        """Send one text frame, now or never: where the link is not open, or the gate refuses, nothing is sent."""
        link = self._links.get(effect.link)
        if link is None or link.socket is None or link.reason:
            return  # its LinkClosed is on the way to the core, or was told already
        frame = effect.frame
        if effect.account is not None:
            try:
                frame = self._signers[link.venue].frame(frame, effect.account, self._port.now())
            except Exception as error:  # noqa: BLE001 - keys of any shape; the error's text could show one
                self._cut(link, "no-key" if isinstance(error, (KeyError, Refused)) else "signing")
                return
        if link.socket.waiting() + len(frame) > SEND_BYTES_MAX:
            self._cut(link, "slow")
            return
        if not self._gate.allows(effect.tag):
            logger.warning("{} frame to {} held back by the kill gate", effect.tag, link.venue)
            return
        link.socket.send(frame)

    def close(self, effect: CloseLink) -> None:
        """Close the link in order. LinkClosed carries the effect's reason."""
        link = self._links.get(effect.link)
        if link is not None:
            self._close(link, effect.reason)

    async def stop(self) -> None:
        """Close every link and wait until all are told."""
        for link in tuple(self._links.values()):
            self._close(link, "stopped")
        tasks = [link.task for link in self._links.values() if link.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CLOSE_SECONDS + 1)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, *self._closing, return_exceptions=True)

    def _close(self, link: _Link, reason: str) -> None:
        if link.reason:
            return
        link.reason = reason
        if link.socket is not None:
            closing = asyncio.get_running_loop().create_task(link.socket.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        elif link.task is not None:
            link.task.cancel()

    def _cut(self, link: _Link, reason: str) -> None:
        """End a link that cannot even be closed in order."""
        if not link.reason and link.socket is not None:
            link.reason = reason
            link.socket.abort()

    async def _run(self, link: _Link, effect: OpenLink) -> str:
        """The life of a link; why it ended."""
        try:
            manner = Manner(effect.frame_bytes_max, effect.ping_every / SECOND, effect.pong_within / SECOND)
            link.socket = await self._dial(effect.url, manner, partial(self._alive, link))
            self._port.tell(link.actor, LinkOpened(link.name, self._port.now()))
            await self._read(link, link.socket)
        except LinkFailed as failure:
            return failure.reason
        except Exception as error:  # noqa: BLE001 - whatever it is, the core must hear that the link is gone
            logger.error("link {} failed: {}", link.name, type(error).__name__)
            return "failed"

    def _ended(self, link: _Link, task: asyncio.Task[str]) -> None:
        if link.socket is not None:
            link.socket.abort()
        del self._links[link.name]
        reason = link.reason or ("stopped" if task.cancelled() else task.result())
        self._port.tell(link.actor, LinkClosed(link.name, reason, self._port.now()))

    async def _read(self, link: _Link, socket: Socket) -> NoReturn:
        """Until LinkFailed. Frames that still come while we close are not told."""
        told = 0
        while True:
            frame = await socket.receive()
            if not link.reason:
                self._port.tell(link.actor, FrameReceived(link.name, frame, self._port.now()))
            told += 1
            if told % FRAMES_PER_TURN == 0:
                await asyncio.sleep(0)

    def _alive(self, link: _Link) -> None:
        """A ping or pong came. The library answers pings: to a peer that only pings and never reads, too much."""
        if link.socket is None or link.reason:
            return
        if link.socket.waiting() > SEND_BYTES_MAX:
            self._cut(link, "slow")
            return
        now = self._port.now()
        if now - link.alive_at >= PONG_EVERY:
            link.alive_at = now
            self._port.tell(link.actor, PongReceived(link.name, now))


def _default_dial(user_agent: str) -> Dial:
    return partial(dial, user_agent=user_agent)
