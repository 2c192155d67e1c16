"""The bytes behind what is being told: whoever disbelieves a message finds what the venue really sent."""

from typing import Final

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.link import FrameReceived
from integrated_trading_system.domain.time import Nanos

NO_FRAME: Final = FrameReceived(LinkId(""), b"", Nanos(-1))


class Evidence:
    """Connectors note the frame that they decode; its events are received within the same turn."""

    __slots__ = ("frame",)

    def __init__(self) -> None:
        """Nothing was received."""
        self.frame = NO_FRAME

    def of(self, received_at: Nanos) -> bytes | None:
        """The frame that brought what was received then; None for what came another way."""
        return self.frame.frame if self.frame.received_at == received_at else None
