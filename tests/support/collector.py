"""A ref that remembers what it was told."""

from typing import Any, TypeVar

T = TypeVar("T")


class Collector:
    """Stands where an actor's ref would stand; keeps every message in order."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def tell(self, message: Any, /) -> None:
        self.messages.append(message)

    def of(self, kind: type[T]) -> list[T]:
        """Only the messages of this type."""
        return [message for message in self.messages if type(message) is kind]

    def take(self) -> list[Any]:
        """Everything so far, and start afresh."""
        messages, self.messages = self.messages, []
        return messages
