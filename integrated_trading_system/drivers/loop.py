"""The live driver: pumps the system when something came in or a deadline is due. All of it on one asyncio loop.

Inputs that arrive together are delivered in one turn; when there is more to do than one budget
allows, sockets get their share of the loop between two turns.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.inputs import ClockReading, Input
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.runtime.system import BUDGET, System

CLOCK_READING_EVERY = 10.0
FEEDER = ActorName("feed")

Performer = Callable[[Any], None]


class Pumped(Protocol):
    """Something beside the system that lives in the same time: a simulated world."""

    def run(self, now: Nanos) -> None:
        """Let time pass."""

    def deadline(self) -> Nanos | None:
        """When to be called next."""


class Clock:
    """Wall time at start + monotonic elapsed: never jumps, whatever happens to the wall clock."""

    def __init__(self) -> None:
        """Starts now."""
        self._wall = time.time_ns()
        self._monotonic = time.monotonic_ns()

    def now(self) -> Nanos:
        """Nanoseconds since the epoch, by the wall clock of the start."""
        return Nanos(self._wall + time.monotonic_ns() - self._monotonic)

    def reading(self) -> ClockReading:
        """The wall clock beside ours."""
        return ClockReading(wall=Nanos(time.time_ns()), now=self.now())


class LiveLoop:
    """Port of the drivers on one side, driver of the system on the other."""

    def __init__(self, system: System, clock: Clock) -> None:
        """`attach` performers before `start`."""
        self._system = system
        self._clock = clock
        self._performers: dict[type, Performer] = {}
        self._pumped: Sequence[Pumped] = ()
        self._soon = False
        self._held: tuple[ActorName, Input] | None = None
        """The only input since the system ran."""
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ended = asyncio.Event()
        """Set when the system passed a failure on, or `end` was called."""

    def attach(self, performers: Mapping[type, Performer], pumped: Sequence[Pumped] = ()) -> None:
        """Who performs which type of effect, and what else lives in this time."""
        self._performers.update(performers)
        self._pumped = pumped

    def start(self, now: Nanos) -> None:
        """Start every actor as of `now`, and begin to pump. Called on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._system.start(now)
        self._wake()
        self._read_clock()

    def now(self) -> Nanos:
        """The time of the run."""
        return self._clock.now()

    def tell(self, actor: ActorName, message: Input) -> None:
        """An input from a driver. The first is held until the system runs: alone it needs no queue."""
        if self._held is None and not self._soon and self._loop is not None:
            self._held = (actor, message)
        else:
            self._release()
            self._system.tell(actor, message)
        self._wake()

    def _release(self) -> None:
        if self._held is not None:
            (actor, message), self._held = self._held, None
            self._system.tell(actor, message)

    def end(self) -> None:
        """Stop pumping; what is still on its way is dropped."""
        self._release()
        self.ended.set()
        if self._timer is not None:
            self._timer.cancel()
        self._loop = None

    def _wake(self) -> None:
        if not self._soon and self._loop is not None:
            self._soon = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._soon = False
        loop = self._loop
        if loop is None:
            return
        now = self.now()
        for pumped in self._pumped:
            pumped.run(now)
        if self._held is not None:
            (actor, message), self._held = self._held, None
            more = self._system.step(actor, message, now)
        else:
            more = self._system.run(now, BUDGET)
        for effect in self._system.take_effects():
            self._performers[type(effect)](effect)
        if self._system.escalated is not None:
            self.ended.set()
        if more:
            self._wake()
        else:
            self._sleep(loop)

    def _sleep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Until the next deadline, unless an input comes first."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = [at for at in (self._system.deadline(), *(p.deadline() for p in self._pumped)) if at is not None]
        if due:
            self._timer = loop.call_later(max(0.0, (min(due) - self.now()) / SECOND), self._pump)

    def _read_clock(self) -> None:
        if self._loop is not None:
            self.tell(FEEDER, self._clock.reading())
            self._loop.call_later(CLOCK_READING_EVERY, self._read_clock)
