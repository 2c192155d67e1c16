"""The simulated driver: a heap instead of a clock. The same core, thousands of times faster than real time.

A crash is a sequence of inputs that stops: `on_boundary` is called before and after every journal
commit and every send, and may raise `Crashed`; the core is then simply dropped.
"""

from collections.abc import Callable
from typing import Protocol

from integrated_trading_system.domain.http import HttpCall
from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.journal import JournalAppend, JournalCommitted, JournalFailed
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.time import MICROSECOND, Nanos
from integrated_trading_system.runtime.system import System
from integrated_trading_system.simulation.world import World

COMMIT_DELAY = Nanos(250 * MICROSECOND)
"""As measured for a durable append."""

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


class VirtualDriver:
    """Runs one System against one World and one store until a given virtual time."""

    def __init__(
        self,
        system: System,
        world: World,
        store: Store,
        on_boundary: Callable[[str], None] = no_boundary,
    ) -> None:
        """The system has been started; its time is where this begins."""
        self._system = system
        self._world = world
        self._store = store
        self._on_boundary = on_boundary
        self._commits: list[tuple[Nanos, JournalCommitted | JournalFailed]] = []
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
            while self._commits and self._commits[0][0] <= self.now:
                self._system.tell(OMS, self._commits.pop(0)[1])
            self._system.run(self.now)
            self._perform()
        else:
            return
        self.now = max(self.now, until)

    def _next(self) -> Nanos | None:
        due = [at for at in (self._system.deadline(), self._world.deadline()) if at is not None]
        if self._commits:
            due.append(self._commits[0][0])
        return min(due, default=None)

    def _perform(self) -> None:
        for effect in self._system.take_effects():
            if isinstance(effect, JournalAppend):
                self._commit(effect)
            elif isinstance(effect, HttpCall) and effect.tag in (Tag.ORDER, Tag.CANCEL):
                self._on_boundary(f"before {effect.purpose}")
                self._world.perform(effect, self.now)
                self._on_boundary(f"after {effect.purpose}")
            else:
                self._world.perform(effect, self.now)

    def _commit(self, effect: JournalAppend) -> None:
        self._on_boundary("before commit")
        answer: JournalCommitted | JournalFailed = JournalCommitted(effect.sequence)
        if not self._store_failed:
            try:
                self._store.append(effect.record)
            except OSError as error:
                self._store_failed = error.strerror or "cannot be written"
        if self._store_failed:
            answer = JournalFailed(effect.sequence, self._store_failed)
        self._on_boundary("after commit")
        self._commits.append((Nanos(self.now + COMMIT_DELAY), answer))
