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
        self._kept: dict[type, dict[str, list[Ref[Any]]]] = {}

    def subscribe(self, kind: type[M], ref: Ref[M], key: str | None = None) -> None:
        """`ref` is told every message of exactly this type; with `key`, only those of that instrument or venue."""
        if key is None:
            self._all.setdefault(kind, []).append(ref)
        else:
            self._key_field[kind] = "instrument" if "instrument" in kind.__struct_fields__ else "venue"  # type: ignore[attr-defined]  # messages are msgspec structs
            self._keyed.setdefault(kind, {}).setdefault(key, []).append(ref)
        self._refresh(kind)

    def unsubscribe(self, kind: type[M], ref: Ref[M], key: str | None = None) -> None:
        """Undo one subscribe. Unknown subscriptions are ignored."""
        refs = self._all.get(kind, []) if key is None else self._keyed.get(kind, {}).get(key, [])
        if ref in refs:
            refs.remove(ref)
            self._refresh(kind)

    def publish(self, message: Any) -> None:
        """Tell the subscribers of the message's type."""
        kind = type(message)
        for ref in self._all.get(kind, ()):
            ref.tell(message)
        if kind in self._keyed:
            for ref in self._keyed[kind].get(getattr(message, self._key_field[kind]), ()):
                ref.tell(message)

    def listeners(self, kind: type[M], key: str) -> list[Ref[M]]:
        """Whom `publish` would tell of such a message of this key. The list stays the same one and up to date.

        For publishers on the hot lane: they keep it and tell its members, instead of asking per message who listens.
        """
        kept = self._kept.setdefault(kind, {}).setdefault(key, [])
        self._refresh(kind)
        return kept

    def _refresh(self, kind: type) -> None:
        """Bring the kept lists up to date."""
        for key, kept in self._kept.get(kind, {}).items():
            kept[:] = [*self._all.get(kind, ()), *self._keyed.get(kind, {}).get(key, ())]
