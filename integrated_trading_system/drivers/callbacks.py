"""Functions of users: told what the core publishes, outside its turns, each in a task of its own.

A callback that is slow or raises harms only itself. It sees every message; of messages that may be
conflated (quotes, books) the newest per key replaces an older one that still waits, but only while
the callback lags behind by more than `lag_s`. At `capacity` the oldest that waits is dropped. Both are
counted. One that fails many times in a row is suspended, and told as CallbackSuspended.
"""

import asyncio
import inspect
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, Final

from loguru import logger
from msgspec import Struct

from integrated_trading_system.domain.health import CallbackSuspended

FAILURES_MAX: Final = 100
SLICE_SECONDS: Final = 0.005
"""A callback with much to do lets others have the loop this often."""
ENDED_KEPT_MAX: Final = 1_000
"""Callbacks that were removed, whose statistics are still shown."""

Convert = Callable[[Any], Any]
KeyOf = Callable[[Any], Hashable]


class CallbackStatistics(Struct, frozen=True, kw_only=True):
    """One callback: told = delivered + conflated + dropped + waiting, until it is suspended."""

    name: str
    delivered: int
    conflated: int
    dropped: int
    waiting: int
    failures: int
    suspended: bool
    seconds_max: float
    """The longest call."""
    seconds_total: float


class Callback:
    """A ref: queues what it is told; `run` makes the calls."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        convert: Convert | None = None,
        conflate: KeyOf | None = None,
        lag_s: float = 0.1,
        capacity: int = 100_000,
        failures_max: int = FAILURES_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`convert` makes of a message what the function gets, at the time of the call; None of it: no call."""
        self.function = function
        self.name = getattr(function, "__qualname__", repr(function))
        self._convert = convert
        self._conflate = conflate
        self._lag = lag_s
        self._capacity = capacity
        self._failures_max = failures_max
        self._clock = clock
        self._cells: deque[tuple[float, list[Any]]] = deque()
        self._latest: dict[Hashable, list[Any]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._consecutive = 0
        self._counts = {"delivered": 0, "conflated": 0, "dropped": 0, "failures": 0}
        self._seconds_max = 0.0
        self._seconds_total = 0.0
        self.suspended = False
        """It failed too often in a row."""
        self.ended = False
        """It was stopped, or suspended: no more calls."""
        self.on_suspended: Callable[[CallbackSuspended], None] | None = None

    # -- the ref -------------------------------------------------------------------------------

    def tell(self, message: Any, /) -> None:
        """Queue it. Never waits, never raises."""
        if self.ended:
            return
        now = self._clock()
        key = None if self._conflate is None else self._conflate(message)
        if key is not None:
            waiting = self._latest.get(key)
            if waiting is not None and now - self._cells[0][0] > self._lag:
                waiting[0] = message
                self._counts["conflated"] += 1
                return
        if len(self._cells) >= self._capacity:
            self._take()
            self._counts["dropped"] += 1
        cell = [message]
        self._cells.append((now, cell))
        if key is not None:
            self._latest[key] = cell
        self._wake.set()

    # -- the driver's side ---------------------------------------------------------------------

    def start(self) -> None:
        """Begin to make calls, on the running loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"callback {self.name}")

    def stop(self) -> None:
        """Make no more calls; what waits is forgotten. A coroutine under way is cancelled."""
        self.ended = True
        if self._task is not None:
            self._task.cancel()

    def statistics(self) -> CallbackStatistics:
        """The counters now."""
        return CallbackStatistics(
            name=self.name,
            waiting=len(self._cells),
            suspended=self.suspended,
            seconds_max=self._seconds_max,
            seconds_total=self._seconds_total,
            **self._counts,
        )

    async def _run(self) -> None:
        try:
            while not self.ended:
                await self._wake.wait()
                self._wake.clear()
                begun = self._clock()
                while self._cells and not self.ended:
                    self._counts["delivered"] += 1
                    await self._call(self._take())
                    if self._clock() - begun > SLICE_SECONDS:
                        await asyncio.sleep(0)
                        begun = self._clock()
        finally:
            self._cells.clear()
            self._latest.clear()

    async def _call(self, message: Any) -> None:
        """One call, timed. Whatever it raises is its own business, and told by name."""
        begun = self._clock()
        try:
            value = message if self._convert is None else self._convert(message)
            if value is not None:
                result = self.function(value)
                if inspect.isawaitable(result):
                    await result
            self._consecutive = 0
        except Exception as error:  # noqa: BLE001 - a user's function must not take the platform with it
            self._failed(error)
        elapsed = self._clock() - begun
        self._seconds_total += elapsed
        self._seconds_max = max(self._seconds_max, elapsed)

    def _failed(self, error: Exception) -> None:
        self._counts["failures"] += 1
        self._consecutive += 1
        if self._consecutive == 1:
            logger.opt(exception=error).error("callback {} failed", self.name)
        if self._consecutive >= self._failures_max:
            self.suspended = self.ended = True
            logger.error("callback {} is suspended: it failed {} times in a row", self.name, self._consecutive)
            if self.on_suspended is not None:
                self.on_suspended(CallbackSuspended(self.name, self._consecutive, type(error).__name__))

    def _take(self) -> Any:
        """The oldest; from now on it can no longer be replaced."""
        _, cell = self._cells.popleft()
        message = cell[0]
        if self._conflate is not None:
            key = self._conflate(message)
            if self._latest.get(key) is cell:
                del self._latest[key]
        return message


class Callbacks:
    """All callbacks of one platform, those that are gone as well."""

    def __init__(self) -> None:
        """None yet."""
        self._all: dict[int, Callback] = {}
        self.publish: Callable[[CallbackSuspended], None] = _to_nobody
        """Whom a suspension is told."""

    def add(self, callback: Callback) -> None:
        """From now on it is shown, and its suspension told."""
        self._all[id(callback)] = callback
        callback.on_suspended = self._on_suspended
        ended = [key for key, one in self._all.items() if one.ended]
        for key in ended[: max(0, len(ended) - ENDED_KEPT_MAX)]:
            del self._all[key]

    def statistics(self) -> list[CallbackStatistics]:
        """In order of registration."""
        return [callback.statistics() for callback in self._all.values()]

    def _on_suspended(self, suspended: CallbackSuspended) -> None:
        self.publish(suspended)


def _to_nobody(_: CallbackSuspended) -> None:
    """Nobody asked to be told."""
