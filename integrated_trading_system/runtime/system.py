"""The machine: every actor, mailbox and timer, driven from outside.

A driver tells it messages and the time; it delivers due timers and waiting messages in one fixed
order and collects the effects. It reads no clock, so the same inputs give the same effects.
"""

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, Protocol, TypeVar

from integrated_trading_system.domain.effects import Effect
from integrated_trading_system.domain.errors import MailboxOverflow
from integrated_trading_system.domain.health import ActorFailed
from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.money import use_money_context
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.runtime.actor import Actor, Ref, Timer
from integrated_trading_system.runtime.bus import Bus
from integrated_trading_system.runtime.cell import Cell, InlineRef, NamedRef, Stopped
from integrated_trading_system.runtime.fingerprint import Fingerprint
from integrated_trading_system.runtime.mailbox import MailboxLimits, MailboxStatistics
from integrated_trading_system.runtime.supervisor import RestartPolicy

M = TypeVar("M")

BUDGET = 4096


class Observer(Protocol):
    """Sees every input, in order: the recorder, or a hash of the inputs."""

    def told(self, name: ActorName, message: Any) -> None:
        """A driver told an actor something."""

    def ran(self, now: Nanos, budget: int) -> None:
        """A driver gave the system time."""


class System:
    """Sans-I/O: `tell`, `run`, `deadline`, `take_effects`. Nothing else moves it."""

    def __init__(self) -> None:
        """Empty, at time 0."""
        use_money_context()
        self.now = Nanos(0)
        self.bus = Bus()
        self.ready: deque[Cell[Any]] = deque()
        self.effects: list[Effect] = []
        self.observer: Observer | None = None
        self.outputs: Fingerprint | None = None
        """Where there is one, every effect is added to it."""
        self.escalated: ActorFailed | None = None
        """Set once a failure was passed on; the driver then stops the process through the halt path."""
        self._cells: dict[ActorName, Cell[Any]] = {}
        self._timers: list[tuple[Nanos, int, Timer, Cell[Any], int, Any]] = []
        self._timer_count = 0

    # -- building ------------------------------------------------------------------------------

    def spawn(
        self,
        name: ActorName,
        factory: Callable[[], Actor[M]],
        *,
        limits: MailboxLimits = MailboxLimits(),  # noqa: B008 - frozen
        policy: RestartPolicy = RestartPolicy(),  # noqa: B008 - frozen
    ) -> Cell[M]:
        """Add an actor; its `start` runs with the system's. Restarts call `factory` again."""
        assert name not in self._cells, f"actor {name} exists"
        cell = self._cells[name] = Cell(self, name, factory, limits, policy)
        return cell

    def ref(self, name: ActorName) -> NamedRef:
        """A ref by name, for wiring a circle; the actor has to be there when it is first told something."""
        return NamedRef(self._cells, name)

    def inline(self, ref: Cell[M]) -> Ref[M]:
        """A ref to the same actor that calls instead of queueing."""
        return InlineRef(ref)

    def start(self, now: Nanos) -> None:
        """Start every actor, in order of spawning."""
        use_money_context()
        self.now = now
        for cell in self._cells.values():
            try:
                cell.actor.start()
            except Exception as error:  # noqa: BLE001 - a start is a turn like any other
                self.failed(cell, error)

    def stop(self) -> None:
        """Stop every actor, in reverse order."""
        for cell in reversed(self._cells.values()):
            cell.actor.stop()

    # -- being driven --------------------------------------------------------------------------

    def tell(self, name: ActorName, message: Any) -> None:
        """An input from outside. Recorded, where there is an observer."""
        if self.observer is not None:
            self.observer.told(name, message)
        cell = self._cells[name]
        try:
            cell.tell(message)
        except MailboxOverflow as error:
            self.failed(cell, error)

    def run(self, now: Nanos, budget: int = BUDGET) -> bool:
        """Deliver due timers, then waiting messages, at most `budget`. True while there is more to do now."""
        assert now >= self.now, "time goes forward"
        use_money_context()
        if self.observer is not None:
            self.observer.ran(now, budget)
        self.now = now
        timers = self._timers
        while timers and timers[0][0] <= now:
            _, _, timer, cell, incarnation, message = heappop(timers)
            if not timer.cancelled:
                cell.fire(incarnation, message)
        return self._drain(budget)

    def step(self, name: ActorName, message: Any, now: Nanos) -> bool:
        """`tell` and `run` in one call, the commonest step of a driver.

        What nothing waits before is received without being queued; to the actors, the observer and the counters
        it is the same.
        """
        timers = self._timers
        if self.ready or (timers and timers[0][0] <= now):
            self.tell(name, message)
            return self.run(now)
        assert now >= self.now, "time goes forward"
        use_money_context()
        if self.observer is not None:
            self.observer.told(name, message)
            self.observer.ran(now, BUDGET)
        self.now = now
        cell = self._cells[name]
        mailbox = cell.mailbox
        mailbox.delivered += 1
        if not mailbox.high_water:
            mailbox.high_water = 1
        try:
            cell.receive(message)
        except Exception as error:  # noqa: BLE001 - as in the cell, whose turn this is
            self.failed(cell, error)
        return bool(self.ready) and self._drain(BUDGET - 1 - cell.deliver(BUDGET - 1))

    def deadline(self) -> Nanos | None:
        """When `run` has to be called again, if nothing is told before."""
        timers = self._timers
        while timers and timers[0][2].cancelled:
            heappop(timers)
        if self.ready:
            return self.now
        return timers[0][0] if timers else None

    def take_effects(self) -> list[Effect]:
        """What the core wants done since the last call."""
        if not self.effects:
            return []
        effects, self.effects = self.effects, []
        if self.outputs is not None:
            for effect in effects:
                self.outputs.tell(effect)
        return effects

    # -- reading -------------------------------------------------------------------------------

    def view(self, name: ActorName) -> Any:
        """The actor's frozen picture of itself."""
        use_money_context()
        return self._cells[name].actor.view()

    def actor(self, name: ActorName) -> Any:
        """The actor itself, for questions to which its view has no answer. Between turns; nothing that changes it."""
        actor = self._cells[name].actor
        return actor.failed if isinstance(actor, Stopped) else actor

    def cell(self, name: ActorName) -> Cell[Any]:
        """The actor's place in the machine, for those who put a failure into it on purpose."""
        return self._cells[name]

    @property
    def names(self) -> tuple[ActorName, ...]:
        """Every actor, in order of start."""
        return tuple(self._cells)

    def mailboxes(self) -> dict[ActorName, MailboxStatistics]:
        """Counters of every mailbox."""
        return {name: cell.mailbox.statistics() for name, cell in self._cells.items()}

    def restarts(self) -> dict[ActorName, int]:
        """How often each actor was restarted."""
        return {name: cell.counter.total for name, cell in self._cells.items()}

    # -- inside --------------------------------------------------------------------------------

    def _drain(self, budget: int) -> bool:
        ready = self.ready
        while ready and budget > 0:
            budget -= ready.popleft().drain(budget)
        return bool(ready)

    def schedule(self, due: Nanos, cell: Cell[Any], incarnation: int, message: Any) -> Timer:
        """Remember a timer; equal deadlines fire in order of setting."""
        timer = Timer(due)
        self._timer_count += 1
        heappush(self._timers, (due, self._timer_count, timer, cell, incarnation, message))
        return timer

    def failed(self, cell: Cell[Any], error: Exception) -> None:
        """Restart the actor, or pass the failure on. A mailbox that overflows is always passed on."""
        restart = not isinstance(error, MailboxOverflow) and cell.counter.allows(self.now)
        if restart:
            try:
                cell.restart()
            except Exception as again:  # noqa: BLE001 - a start is a turn like any other
                self.failed(cell, again)
                restart = not isinstance(cell.actor, Stopped)
        else:
            cell.take(Stopped(cell.actor))
        fact = ActorFailed(cell.name, f"{type(error).__name__}: {error}", restart, self.now)
        if not restart and self.escalated is None:
            self.escalated = fact
        self.bus.publish(fact)
