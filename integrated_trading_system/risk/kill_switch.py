"""The kill gate: what a trading state lets through, asked right before the first byte leaves.

It is a table without any I/O. The driver holds one gate, sets it whenever the trading state changes,
and asks it for every tagged output; what is refused is answered as refused, never queued.
"""

from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.link import Tag

REFUSED: Final[dict[TradingState, frozenset[Tag]]] = {
    TradingState.STARTING: frozenset({Tag.ORDER}),
    TradingState.ACTIVE: frozenset(),
    # Plans that do not reduce were denied by risk; what still comes is the rest of approved ones.
    TradingState.REDUCING: frozenset(),
    TradingState.HALTED: frozenset({Tag.ORDER}),
}
"""Cancels, queries and data always pass: stopping must never stop the stopping."""


def allows(state: TradingState, tag: Tag) -> bool:
    """Whether an output with this tag may leave."""
    return tag not in REFUSED[state]


class KillGateView(Struct, frozen=True):
    """The gate's state, and what it did so far."""

    state: TradingState
    passed: dict[str, int]
    refused: dict[str, int]


class KillGate:
    """Holds the trading state for whoever sends. Closed for orders until it is told otherwise."""

    __slots__ = ("_passed", "_refused", "_silent", "_state")

    def __init__(self, *, silent: bool = False) -> None:
        """STARTING. `silent`: no order and no cancel passes, in whatever state (a shadow run)."""
        self._silent = silent
        self._state = TradingState.STARTING
        self._passed = dict.fromkeys(Tag, 0)
        self._refused = dict.fromkeys(Tag, 0)

    @property
    def state(self) -> TradingState:
        """What was set last."""
        return self._state

    def set(self, state: TradingState) -> None:
        """From now on."""
        self._state = state

    def allows(self, tag: Tag) -> bool:
        """Ask for one output, and count the answer."""
        allowed = allows(self._state, tag) and not (self._silent and tag in (Tag.ORDER, Tag.CANCEL))
        counts = self._passed if allowed else self._refused
        counts[tag] += 1
        return allowed

    def view(self) -> KillGateView:
        """Counters since the start."""
        return KillGateView(
            self._state,
            {tag.value: count for tag, count in self._passed.items()},
            {tag.value: count for tag, count in self._refused.items()},
        )
