"""Publish by type of message, and optionally by instrument or venue; subscribers are told in order of subscription."""

from typing import Any, TypeVar

from integrated_trading_system.runtime.actor import Ref

M = TypeVar("M")


class Bus:
    """Who wants to hear what."""

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._all: dict[type, list[Ref[Any]]] = {}
        self._keyed: dict[type, dict[str, list[Ref[Any]]]] = {}
        self._key_field: dict[type, str] = {}

    def subscribe(self, kind: type[M], ref: Ref[M], key: str | None = None) -> None:
        """`ref` is told every message of exactly this type; with `key`, only those of that instrument or venue."""
        self.listeners(kind, key).append(ref)

    def unsubscribe(self, kind: type[M], ref: Ref[M], key: str | None = None) -> None:
        """Undo one subscribe. Unknown subscriptions are ignored."""
        refs = self._all.get(kind, []) if key is None else self._keyed.get(kind, {}).get(key, [])
        if ref in refs:
            refs.remove(ref)

    def listeners(self, kind: type[M], key: str | None = None) -> list[Ref[M]]:
        """Who is told of this kind (with `key`: of that key alone). The list stays the same one and up to date.

        A publisher on the hot lane keeps it and tells its members, first those without a key: what `publish`
        does, without asking each time who listens.
        """
        if key is None:
            return self._all.setdefault(kind, [])
        self._key_field[kind] = "instrument" if "instrument" in kind.__struct_fields__ else "venue"  # type: ignore[attr-defined]  # messages are msgspec structs
        return self._keyed.setdefault(kind, {}).setdefault(key, [])

    def publish(self, message: Any) -> None:
        """Tell the subscribers of the message's type."""
        kind = type(message)
        for ref in self._all.get(kind, ()):
            ref.tell(message)
        if kind in self._keyed:
            for ref in self._keyed[kind].get(getattr(message, self._key_field[kind]), ()):
                ref.tell(message)
