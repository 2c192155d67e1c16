"""An actor's place in the machine: mailbox, incarnation, context, and the handles that others hold.

A `Cell` is at once the actor's `Context` and a `Ref` to it, so a hop costs one call and no lookup.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from integrated_trading_system.domain.effects import Effect
from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.runtime.actor import Actor, Ref, Timer
from integrated_trading_system.runtime.bus import Bus
from integrated_trading_system.runtime.mailbox import Mailbox, MailboxLimits
from integrated_trading_system.runtime.supervisor import RestartCounter, RestartPolicy

M = TypeVar("M")
T = TypeVar("T")


class Host(Protocol):
    """What a cell needs of the system around it."""

    now: Nanos
    bus: Bus
    ready: deque["Cell[Any]"]
    effects: list[Effect]

    def schedule(self, due: Nanos, cell: "Cell[Any]", incarnation: int, message: Any) -> Timer:
        """Remember a timer of this incarnation."""

    def failed(self, cell: "Cell[Any]", error: Exception) -> None:
        """The cell's actor raised."""


class Cell(Generic[M]):
    """One actor's place in the system: its mailbox, its incarnation, its context, and the ref others hold."""

    __slots__ = (
        "_factory",
        "_incarnation",
        "_ready",
        "_scheduled",
        "_system",
        "actor",
        "counter",
        "mailbox",
        "name",
        "receive",
        "running",
    )

    def __init__(
        self,
        system: Host,
        name: ActorName,
        factory: Callable[[], Actor[M]],
        limits: MailboxLimits,
        policy: RestartPolicy,
    ) -> None:
        """Make the first incarnation."""
        self._system = system
        self._factory = factory
        self._ready = system.ready
        self._scheduled = False
        self._incarnation = 0
        self.name = name
        self.mailbox = Mailbox(name, limits)
        self.counter = RestartCounter(policy)
        self.running = False
        self.receive: Callable[[M], None]
        """The actor's own, kept at hand."""
        self.take(factory())

    # -- the ref -------------------------------------------------------------------------------

    def tell(self, message: M, /) -> None:
        """Queue the message."""
        self.mailbox.put(message)
        if not self._scheduled:
            self._scheduled = True
            self._ready.append(self)

    # -- the context ---------------------------------------------------------------------------

    @property
    def now(self) -> Nanos:
        """The time of this turn."""
        return self._system.now

    @property
    def incarnation(self) -> int:
        """How often the actor was restarted."""
        return self._incarnation

    def after(self, delay: int, message: Any) -> Timer:
        """A timer of this incarnation: a restart drops it."""
        return self._system.schedule(Nanos(self._system.now + delay), self, self._incarnation, message)

    def publish(self, message: Any) -> None:
        """Through the bus."""
        self._system.bus.publish(message)

    def listeners(self, kind: type[T], key: str) -> list[Ref[T]]:
        """Of the bus."""
        return self._system.bus.listeners(kind, key)

    def emit(self, effect: Effect) -> None:
        """To the driver."""
        self._system.effects.append(effect)

    # -- the runtime's side --------------------------------------------------------------------

    def drain(self, budget: int) -> int:
        """It is this cell's turn: deliver waiting messages, at most `budget`; how many."""
        self._scheduled = False
        return self.deliver(budget)

    def deliver(self, budget: int) -> int:
        """Within a turn: deliver waiting messages, at most `budget`; how many."""
        get = self.mailbox.get
        waiting = self.mailbox.waiting
        done = 0
        while waiting and done < budget:
            done += 1
            message = get()
            try:
                self.receive(message)
            except Exception as error:  # noqa: BLE001 - the supervisor's boundary; the failure is this actor's own
                self._system.failed(self, error)
        if waiting and not self._scheduled:
            self._scheduled = True
            self._ready.append(self)
        return done

    def fire(self, incarnation: int, message: M) -> None:
        """A timer is due."""
        if incarnation == self._incarnation:
            self.tell(message)

    def restart(self) -> None:
        """A new incarnation behind the same ref. Waiting messages stay; the old one's timers do not."""
        self._incarnation += 1
        self.take(self._factory())
        self.actor.start()

    def take(self, actor: Actor[M]) -> None:
        """Put this actor into the place."""
        self.actor = actor
        self.receive = actor.receive
        actor.context = self


class Stopped(Actor[Any]):
    """Stands where an actor failed for good: hears nothing, and still shows the last state."""

    def __init__(self, failed: Actor[Any]) -> None:
        self.failed: Actor[Any] = failed.failed if isinstance(failed, Stopped) else failed
        """As it was when it failed."""

    def receive(self, message: Any) -> None:
        """Too late."""

    def view(self) -> Any:
        return self.failed.view()


class InlineRef(Generic[M]):
    """A ref that calls instead of queueing: same types, downstream only, never re-entrant."""

    __slots__ = ("_cell", "_mailbox")

    def __init__(self, cell: Cell[M]) -> None:
        """Of this actor."""
        self._cell = cell
        self._mailbox = cell.mailbox

    def tell(self, message: M, /) -> None:
        """Have it received now."""
        cell = self._cell
        assert not cell.running, f"{cell.name} was told inline while in its own inline turn"
        cell.running = True
        self._mailbox.delivered += 1
        try:
            cell.receive(message)
        except Exception as error:  # noqa: BLE001 - attributes the failure to the callee, not the caller
            cell.running = False
            cell._system.failed(cell, error)  # noqa: SLF001 - the two halves of one mechanism
        else:
            cell.running = False


class NamedRef:
    """A ref to an actor that may not be there yet: looked up by name at each message."""

    __slots__ = ("_cells", "_name")

    def __init__(self, cells: "dict[ActorName, Cell[Any]]", name: ActorName) -> None:
        """Of the actor with this name."""
        self._cells = cells
        self._name = name

    def tell(self, message: Any, /) -> None:
        """Queue the message."""
        self._cells[self._name].tell(message)
