"""The newest messages of every instrument, per type of data, for readers on any thread.

A buffer is a deque with a limit: appending is one call in C and evicts the oldest. Readers copy it
whole (also one call in C), so they never see a half-written state and never hold the writer up.
"""

from collections import deque
from itertools import islice
from typing import Any

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import DataType


class Buffers:
    """Written by the feeder, read by anyone. Lives outside the actor, so a restart keeps what was heard."""

    def __init__(self, capacity: int) -> None:
        """Each buffer keeps the newest `capacity` messages."""
        self._capacity = capacity
        self._buffers: dict[tuple[InstrumentId, DataType], deque[Any]] = {}
        self.changes = 0
        """Grows whenever there is a buffer more or less."""

    def of(self, instrument: InstrumentId, data_type: DataType) -> deque[Any]:
        """This buffer; always the same one, so that the feeder keeps it and looks nothing up per message."""
        key = instrument, data_type
        if key not in self._buffers:
            self._buffers[key] = deque(maxlen=self._capacity)
            self.changes += 1
        return self._buffers[key]

    def latest(self, instrument: InstrumentId, data_type: DataType, limit: int = 1) -> tuple[Any, ...]:
        """At most `limit` messages, oldest first. Empty for what was never heard."""
        buffer = self._buffers.get((instrument, data_type))
        if buffer is None or limit < 1:
            return ()
        if limit == 1:  # what is shown again and again, of every instrument
            return (buffer[-1],) if buffer else ()
        copy = buffer.copy()
        return tuple(islice(copy, max(0, len(copy) - limit), None))

    def drop(self, instrument: InstrumentId) -> None:
        """Forget what was heard of this instrument."""
        for key in [key for key in self._buffers if key[0] == instrument]:
            del self._buffers[key]
            self.changes += 1

    def all(self) -> dict[tuple[InstrumentId, DataType], deque[Any]]:
        """Every buffer itself: only for the thread that writes."""
        return dict(self._buffers)

    def sizes(self) -> dict[tuple[InstrumentId, DataType], int]:
        """How many messages each buffer holds."""
        return {key: len(buffer) for key, buffer in list(self._buffers.items())}
