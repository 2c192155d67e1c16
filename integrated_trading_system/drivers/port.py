"""What every driver needs of the loop: somewhere to tell inputs to, the time, and leave to send."""

from typing import Protocol

from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.inputs import Input
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.time import Nanos


class Port(Protocol):
    """The loop, as drivers see it. Only called on the loop's own thread."""

    def tell(self, actor: ActorName, message: Input) -> None:
        """Hand an input to an actor, and let the system run soon."""

    def now(self) -> Nanos:
        """Wall time at start + monotonic elapsed: never jumps."""


class Gate(Protocol):
    """The kill gate, as drivers see it: asked once the connection is held, immediately before the first byte."""

    def allows(self, tag: Tag) -> bool:
        """Whether a request of this kind may leave now."""
