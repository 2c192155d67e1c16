"""A port that remembers what drivers told it, and lets a test wait for the next thing."""

import asyncio
import time
from typing import Any, TypeVar

from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.inputs import Input
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.time import Nanos

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds until a wait for something that never comes fails, instead of hanging the run."""


class RecordingPort:
    """Stands where the live loop would stand."""

    def __init__(self) -> None:
        self.told: list[tuple[ActorName, Any]] = []
        self._news = asyncio.Event()

    def tell(self, actor: ActorName, message: Input) -> None:
        self.told.append((actor, message))
        self._news.set()

    def now(self) -> Nanos:
        return Nanos(time.time_ns())

    @property
    def messages(self) -> list[Any]:
        return [message for _, message in self.told]

    def of(self, kind: type[T]) -> list[T]:
        """Only the messages of this type."""
        return [message for message in self.messages if type(message) is kind]

    async def until(self, kind: type[T], count: int = 1) -> list[T]:
        """The messages of this type, once there are so many."""
        async with asyncio.timeout(PATIENCE):
            while len(self.of(kind)) < count:
                self._news.clear()
                await self._news.wait()
        return self.of(kind)


class TestGate:
    """A kill gate that a test closes by hand."""

    __test__ = False

    def __init__(self) -> None:
        self.closed: tuple[Tag, ...] = ()
        self.asked: list[Tag] = []

    def allows(self, tag: Tag) -> bool:
        self.asked.append(tag)
        return tag not in self.closed
