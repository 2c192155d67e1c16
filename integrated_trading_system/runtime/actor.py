"""Actors: synchronous logic behind a mailbox.

An actor never awaits, never reads a clock and never opens a socket. It is told one message at a
time, together with the time, and answers by telling others, publishing facts, emitting effects
for the drivers, or setting a timer to itself.
"""

from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from integrated_trading_system.domain.effects import Effect
from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.time import Nanos

M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)


class Ref(Protocol[M_contra]):
    """The only handle to an actor. It survives restarts."""

    def tell(self, message: M_contra, /) -> None:
        """Hand the message over. Returns before (queued) or after (inline) it is received."""


class Timer(Struct, eq=False):
    """A message that an actor will get later, unless it is cancelled."""

    due: Nanos
    cancelled: bool = False

    def cancel(self) -> None:
        """Make it never fire. Harmless when it already has."""
        self.cancelled = True


class Context(Protocol):
    """What an actor may ask of the runtime."""

    @property
    def now(self) -> Nanos:
        """The time of this turn."""

    @property
    def name(self) -> ActorName:
        """The actor's own name."""

    @property
    def incarnation(self) -> int:
        """How often this actor was restarted: makes names unique over its lives."""

    def after(self, delay: int, message: Any) -> Timer:
        """Tell myself `message` once `delay` nanoseconds have passed."""

    def publish(self, message: Any) -> None:
        """Tell everyone who subscribed to this type of message."""

    def listeners(self, kind: type[M], key: str) -> list[Ref[M]]:
        """Whom `publish` would tell of such a message of this instrument or venue; the list keeps itself up to date."""

    def emit(self, effect: Effect) -> None:
        """Ask the driver for something."""


class Actor(Generic[M]):
    """Override `receive`. State lives in ordinary attributes; a restart makes a new object."""

    context: Context

    def start(self) -> None:
        """Called once, before the first message."""

    def receive(self, message: M) -> None:
        """One message, one turn."""
        raise NotImplementedError

    def stop(self) -> None:
        """Called once, in reverse order of start, when the system stops. Not called after a failure."""

    def view(self) -> Any:
        """A frozen picture of the state for readers outside; called between turns."""
        return None
