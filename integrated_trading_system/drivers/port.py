"""What every driver needs of the loop: somewhere to tell inputs to, and the time."""

from typing import Protocol

from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.inputs import Input
from integrated_trading_system.domain.time import Nanos


class Port(Protocol):
    """The loop, as drivers see it. Only called on the loop's own thread."""

    def tell(self, actor: ActorName, message: Input) -> None:
        """Hand an input to an actor, and let the system run soon."""

    def now(self) -> Nanos:
        """Wall time at start + monotonic elapsed: never jumps."""
