"""One of every so many events in the log, to be looked at."""

from collections.abc import Iterable
from typing import Any

from loguru import logger

from integrated_trading_system.drivers.publish.events import Event, Kind


class Sample:
    """A ref. Never raises: the log takes lines without waiting, and drops what it cannot write."""

    def __init__(self, kinds: Iterable[Kind], every: int) -> None:
        """The first event, and then one of `every`."""
        self._kinds = {kind.type: kind for kind in kinds}
        self._every = every
        self.told = 0

    def tell(self, message: Any, /) -> None:
        """Show it, if it is its turn."""
        kind = self._kinds.get(type(message))
        if kind is None:
            return
        if self.told % self._every == 0:
            event = Event(self.told + 1, kind, message)
            logger.bind(source="sample").info("{}", event.written().decode())
        self.told += 1
