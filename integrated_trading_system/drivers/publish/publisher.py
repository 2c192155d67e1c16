"""Empties a box into a server or a file, for as long as it takes: connect, send, and begin again after a failure.

A server that is absent, slow, restarted or refuses us costs one warning and what its box drops while it
is away, which is counted; whatever a client library raises stays here. A batch that may not have arrived
is sent again, so an event can arrive twice, under the same number.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random
from typing import Final, Generic, Protocol, TypeVar

from loguru import logger
from msgspec.structs import replace

from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.drivers.publish.statistics import OutputStatistics
from integrated_trading_system.venues.connector.backoff import Backoff

T = TypeVar("T")

CLOSE_SECONDS: Final = 1.0
ERROR_CHARACTERS_MAX: Final = 200


class Box(Protocol[T]):
    """What waits to be sent."""

    name: str
    wake: Callable[[], None]

    def __len__(self) -> int: ...

    def pause(self) -> float:
        """Seconds to wait before the next batch is taken."""

    def idle(self) -> float | None:
        """Seconds after which an empty box wants to be looked at; None: only when it wakes somebody."""

    def take(self, limit: int) -> list[T]:
        """The next batch, which may be empty; then `settle` or `put_back`."""

    def settle(self, lost: tuple[int, ...] = ()) -> None:
        """It arrived, but for these places, which the other side will never take."""

    def put_back(self) -> None:
        """It did not arrive."""

    def statistics(self) -> OutputStatistics:
        """The counters now."""


class Broker(Protocol[T]):
    """The other side. Any exception means: not connected any more."""

    batch: int
    """As many at a time as keep the loop from others for less than a millisecond."""

    async def connect(self) -> None:
        """Returns when it can be sent to."""

    async def send(self, batch: list[T]) -> Mapping[int, str]:
        """Returns when the other side has it; the places of what it refused for good, and why."""

    async def close(self) -> None:
        """Let go. Harmless when not connected."""


class Refusal(Exception):
    """The other side takes nothing at all."""


class Publisher(Generic[T]):
    """One output: `start`, then `stop`."""

    def __init__(
        self,
        box: Box[T],
        broker: Broker[T],
        *,
        timeout_s: float,
        retry_first_s: float = 1.0,
        retry_max_s: float = 30.0,
        seed: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`timeout_s` for a connection and for an answer. After a failure at once, then from first to max seconds."""
        self.box = box
        self._broker = broker
        self._timeout = timeout_s
        first = Nanos(int(retry_first_s * SECOND))
        self._backoff = Backoff(first, max(first, Nanos(int(retry_max_s * SECOND))), Random(seed))
        self._clock = clock
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._away_since: float | None = None
        self._complaint = ""
        self.failures = 0
        self.connected = False
        self.error = ""
        box.wake = self._news.set

    def start(self) -> None:
        """Begin, on the running loop. The other side need not be there."""
        self._task = asyncio.create_task(self._run(), name=f"output {self.box.name}")

    async def stop(self, seconds: float) -> None:
        """Send what waits, for so long at most, and let go."""
        self._stopping.set()
        self._news.set()
        if self._task is None:
            return
        _, late = await asyncio.wait({self._task}, timeout=seconds)
        if late:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
        if len(self.box):
            logger.warning("{}: {} did not get out before the end", self.box.name, len(self.box))

    def statistics(self) -> OutputStatistics:
        """The counters now."""
        return replace(self.box.statistics(), failures=self.failures, connected=self.connected, error=self.error)

    async def _run(self) -> None:
        try:
            while True:
                try:
                    await self._connect()
                    await self._serve()
                    return
                except (Exception, asyncio.CancelledError) as error:
                    if _asked_to_end(error):
                        raise
                    self.box.put_back()
                    self._failed(error)
                await self._close()
                if self._stopping.is_set():
                    return
                await _unless(self._stopping, self._backoff.delay() / SECOND)
        finally:
            self.box.put_back()
            await self._close()

    async def _connect(self) -> None:
        async with asyncio.timeout(self._timeout):
            await self._broker.connect()
        self.connected = True

    async def _serve(self) -> None:
        """Until asked to stop, and nothing waits."""
        while True:
            if len(self.box):
                await asyncio.sleep(self.box.pause())
            elif self._stopping.is_set():
                return
            else:
                self._news.clear()
                await _unless(self._news, self.box.idle())
            while batch := self.box.take(self._broker.batch):
                await self._send(batch)

    async def _send(self, batch: list[T]) -> None:
        async with asyncio.timeout(self._timeout):
            refused = await self._broker.send(batch)
        if len(refused) == len(batch):
            raise Refusal(next(iter(refused.values())))
        self.box.settle(tuple(refused))
        self._works()
        if refused:
            self._complain(f"{len(refused)} of {len(batch)} refused: {next(iter(refused.values()))}")
        else:
            self._complaint = ""

    async def _close(self) -> None:
        self.connected = False
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._broker.close()
        except (Exception, asyncio.CancelledError) as error:
            if _asked_to_end(error):
                raise

    # -- what is said ----------------------------------------------------------------------------

    def _failed(self, error: BaseException) -> None:
        self.failures += 1
        text = str(error) or ("no answer in time" if isinstance(error, TimeoutError) else "")
        self.error = f"{type(error).__name__}: {text}"[:ERROR_CHARACTERS_MAX]
        if self._away_since is None:
            self._away_since = self._clock()
            logger.warning(
                "{}: {}; trying again and again, meanwhile what finds no room is dropped and counted",
                self.box.name,
                self.error,
            )

    def _works(self) -> None:
        self._backoff.reset()
        self.error = ""
        if self._away_since is not None:
            away, self._away_since = self._clock() - self._away_since, None
            logger.info("{}: works again after {:.1f} s; {} wait", self.box.name, away, len(self.box))

    def _complain(self, text: str) -> None:
        """Once, until a batch goes through whole."""
        if not self._complaint:
            logger.warning("{}: {}", self.box.name, text)
        self._complaint = text
        self.error = text[:ERROR_CHARACTERS_MAX]


def _asked_to_end(error: BaseException) -> bool:
    """Whether somebody cancelled this task.

    A time limit that ends together with one inside it leaves a cancellation behind that nobody asked for
    (until Python 3.13); it must not end an output.
    """
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


async def _unless(event: asyncio.Event, seconds: float | None) -> None:
    """Wait so long, or until the event."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
