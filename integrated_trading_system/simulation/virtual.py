"""The simulated driver: a heap instead of a clock. The same core, thousands of times faster than real time.

A crash is a sequence of inputs that stops: `on_boundary` is called before and after every journal
commit and every send, and may raise `Crashed`; the core is then simply dropped.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Protocol

from integrated_trading_system.domain.cointegration import CointegrationAsked, answer
from integrated_trading_system.domain.http import HttpCall
from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.inputs import Input
from integrated_trading_system.domain.journal import JournalAppend, JournalCommitted, JournalFailed
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.time import MICROSECOND, MILLISECOND, Nanos
from integrated_trading_system.runtime.system import System
from integrated_trading_system.simulation.world import World

COMMIT_DELAY = Nanos(250 * MICROSECOND)
"""As measured for a durable append."""
TEST_DELAY = Nanos(10 * MILLISECOND)
"""Of the worker, with a few hundred samples."""

OMS = ActorName("oms")


class Crashed(BaseException):
    """The process died here. Derives from BaseException so that nothing in the core can survive it."""


class Store(Protocol):
    """Where records are kept; raises OSError when they cannot be."""

    def append(self, record: bytes) -> None:
        """Make one record durable."""


class MemoryStore:
    """A disk in memory; survives the core that writes to it."""

    def __init__(self) -> None:
        """Empty."""
        self.records: list[bytes] = []

    def append(self, record: bytes) -> None:
        """Keep it."""
        self.records.append(record)


def no_boundary(place: str) -> None:
    """Nothing happens at any boundary."""


def no_call(call: HttpCall, now: Nanos) -> None:
    """Nobody wants to know what is asked."""


class VirtualDriver:
    """Runs one System against one World and one store until a given virtual time."""

    def __init__(
        self,
        system: System,
        world: World,
        store: Store,
        on_boundary: Callable[[str], None] = no_boundary,
        on_call: Callable[[HttpCall, Nanos], None] = no_call,
    ) -> None:
        """The system has been started; its time is where this begins. `on_call` hears of each request that leaves."""
        self._system = system
        self._world = world
        self._store = store
        self._on_boundary = on_boundary
        self._on_call = on_call
        self._answers: list[tuple[Nanos, int, ActorName, Input]] = []
        """A heap: what is due is told in the order in which it was asked for."""
        self._asked = 0
        self._store_failed = ""
        self.now = system.now

    def run(self, until: Nanos, stop: Callable[[], bool] = lambda: False) -> None:
        """Let time pass up to `until`, or until `stop()` holds between two turns."""
        self._perform()
        while not stop() and self._system.escalated is None:
            due = self._next()
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            self._world.run(self.now)
            while self._answers and self._answers[0][0] <= self.now:
                _, _, actor, told = heappop(self._answers)
                self._system.tell(actor, told)
            self._system.run(self.now)
            self._perform()
        else:
            return
        self.now = max(self.now, until)

    def _next(self) -> Nanos | None:
        due = [at for at in (self._system.deadline(), self._world.deadline()) if at is not None]
        if self._answers:
            due.append(self._answers[0][0])
        return min(due, default=None)

    def _perform(self) -> None:
        for effect in self._system.take_effects():
            if isinstance(effect, JournalAppend):
                self._commit(effect)
            elif isinstance(effect, HttpCall):
                self._send(effect)
            elif isinstance(effect, CointegrationAsked):
                self._answer(TEST_DELAY, effect.actor, answer(effect))
            else:
                self._world.perform(effect, self.now)

    def _send(self, call: HttpCall) -> None:
        counts = call.tag in (Tag.ORDER, Tag.CANCEL)
        if counts:
            self._on_boundary(f"before {call.purpose}")
        self._on_call(call, self.now)
        self._world.perform(call, self.now)
        if counts:
            self._on_boundary(f"after {call.purpose}")

    def _commit(self, effect: JournalAppend) -> None:
        self._on_boundary("before commit")
        told: JournalCommitted | JournalFailed = JournalCommitted(effect.sequence)
        if not self._store_failed:
            try:
                self._store.append(effect.record)
            except OSError as error:
                self._store_failed = error.strerror or "cannot be written"
        if self._store_failed:
            told = JournalFailed(effect.sequence, self._store_failed)
        self._on_boundary("after commit")
        self._answer(COMMIT_DELAY, OMS, told)

    def _answer(self, delay: Nanos, actor: ActorName, told: Input) -> None:
        self._asked += 1
        heappush(self._answers, (Nanos(self.now + delay), self._asked, actor, told))
