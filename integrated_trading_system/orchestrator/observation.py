"""What is noted of a run's inputs: their hash, and the recording where one was asked for."""

from typing import Any

from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.link import FrameReceived
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.runtime.fingerprint import Fingerprint
from integrated_trading_system.runtime.system import Observer


class Observation:
    """An Observer that hashes every input and hands it on."""

    def __init__(self, inputs: Fingerprint, recorder: Observer | None = None) -> None:
        """`inputs` is brought up to date with each; `recorder` sees them too, where there is one."""
        self._inputs = inputs
        self._recorder = recorder

    def told(self, name: ActorName, message: Any) -> None:
        """An input. Frames, which are nearly all of them, are hashed as they are."""
        if type(message) is FrameReceived:
            self._inputs.add(b"%b%d%b" % (message.link.encode(), message.received_at, message.frame))
        else:
            self._inputs.tell((name, message))
        if self._recorder is not None:
            self._recorder.told(name, message)

    def ran(self, now: Nanos, budget: int) -> None:
        """The system got time. When it runs is part of the run, but not of its inputs' identity."""
        if self._recorder is not None:
            self._recorder.ran(now, budget)
