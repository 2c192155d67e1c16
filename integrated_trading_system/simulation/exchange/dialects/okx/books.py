"""OKX's order book channels: ``books`` (changes of 400 levels) and ``bbo-tbt`` (the best level).

A channel looks at the book on its own beat and tells what changed in its window: a level that falls out
of it is deleted, one that enters it is inserted. `seqId` grows by no fixed step, and is the same in the
book by REST; `prevSeqId` is that of the channel's message before.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import MILLISECOND, MINUTE, Nanos
from integrated_trading_system.simulation.exchange.dialects.okx.channels import CallAt, Channel, Key
from integrated_trading_system.simulation.exchange.dialects.okx.http import fixed
from integrated_trading_system.simulation.exchange.dialects.okx.rows import OrderRows
from integrated_trading_system.simulation.exchange.events import PriceLevel
from integrated_trading_system.simulation.exchange.exchange import DepthView
from integrated_trading_system.simulation.exchange.floor import SymbolState

LEVELS: Final = 400
BEAT: Final = Nanos(100 * MILLISECOND)
BEST_BEAT: Final = Nanos(10 * MILLISECOND)
IDLE: Final = Nanos(MINUTE)
"""Where nothing changed for so long, an empty change with equal numbers says that the channel is alive."""


class Numbers:
    """`seqId` of one symbol: the number of its changes since it was last reset."""

    __slots__ = ("_base",)

    def __init__(self) -> None:
        self._base = 0

    def of(self, view: DepthView) -> int:
        """Of a book."""
        return view.last_update - self._base

    def reset(self, view: DepthView) -> None:
        """After maintenance: the next one is 1."""
        self._base = view.last_update - 1


def level_rows(state: SymbolState, levels: Sequence[PriceLevel]) -> list[list[str]]:
    """Price, size, "0", and a number of orders, which is 1 here as long as there is any."""
    price, quantity = state.listing.price_decimals, state.listing.quantity_decimals
    return [
        [fixed(at, price), fixed(size, quantity) if size else "0", "0", "1" if size else "0"] for at, size in levels
    ]


class BestChannel(Channel):
    """``bbo-tbt`` of one symbol."""

    def __init__(
        self,
        key: Key,
        publish: Callable[[Key, Any], None],
        state: SymbolState,
        rows: OrderRows,
        numbers: Numbers,
        call_at: CallAt,
    ) -> None:
        super().__init__(key, publish)
        self._state = state
        self._rows = rows
        self._numbers = numbers
        self._call_at = call_at
        self._due = False
        self._told: tuple[tuple[PriceLevel, ...], tuple[PriceLevel, ...]] | None = None

    def greeting(self, now: Nanos) -> Any:
        view = self._rows.exchange.depth(self._state.listing.symbol, 1)
        self._told = (view.bids, view.asks)
        return self.message(self._row(view, now))

    def changed(self, now: Nanos) -> None:
        """Something in the book changed: look at it on the next beat."""
        if not self._due:
            self._due = True
            self._call_at(Nanos(now - now % BEST_BEAT + BEST_BEAT), self._speak)

    def _speak(self, now: Nanos) -> None:
        self._due = False
        view = self._rows.exchange.depth(self._state.listing.symbol, 1)
        if self.alive and (view.bids, view.asks) != self._told:
            self._told = (view.bids, view.asks)
            self.publish(self._row(view, now))

    def _row(self, view: DepthView, now: Nanos) -> Any:
        asks, bids = level_rows(self._state, view.asks), level_rows(self._state, view.bids)
        return {"asks": asks, "bids": bids, "ts": self._rows.time(now), "seqId": self._numbers.of(view)}


class BookChannel(Channel):
    """``books`` of one symbol."""

    def __init__(
        self,
        key: Key,
        publish: Callable[[Key, Any], None],
        state: SymbolState,
        rows: OrderRows,
        numbers: Numbers,
        call_at: CallAt,
    ) -> None:
        """Begins with the book as it is."""
        super().__init__(key, publish)
        self._state = state
        self._rows = rows
        self._numbers = numbers
        self._call_at = call_at
        self.snapshots = True
        """False: new listeners are sent no snapshot, as the venue has announced for the future."""
        self._due = False
        self._told = self._look()
        self._number = numbers.of(self._told)
        self._told_at = rows.exchange.now
        call_at(Nanos(self._told_at + IDLE), self._idle)

    def greeting(self, now: Nanos) -> Any:
        """What all others have been told so far."""
        if not self.snapshots:
            return None
        row = self._row(self._told.bids, self._told.asks, -1, self._number, now)
        return self.message(row, action="snapshot")

    def changed(self, now: Nanos) -> None:
        """Something in the book changed: look at it on the next beat."""
        if not self._due:
            self._due = True
            self._call_at(Nanos(now - now % BEAT + BEAT), self._speak)

    def restart(self, now: Nanos) -> None:
        """A fault: after maintenance the numbers begin anew; the message that says so continues the last one."""
        self._tell(now)

    def _speak(self, now: Nanos) -> None:
        self._due = False
        if self.alive and (self._look().bids, self._look().asks) != (self._told.bids, self._told.asks):
            self._tell(now)

    def _tell(self, now: Nanos) -> None:
        view, told, before = self._look(), self._told, self._number
        bids = sorted(difference(told.bids, view.bids), reverse=True)
        asks = sorted(difference(told.asks, view.asks))
        self._told, self._told_at, self._number = view, now, self._numbers.of(view)
        self.publish(self._row(bids, asks, before, self._number, now), action="update")

    def _idle(self, now: Nanos) -> None:
        if not self.alive:
            return
        if now - self._told_at >= IDLE:
            self._told_at = now
            self.publish(self._row((), (), self._number, self._number, now), action="update")
        self._call_at(Nanos(self._told_at + IDLE), self._idle)

    def _look(self) -> DepthView:
        return self._rows.exchange.depth(self._state.listing.symbol, LEVELS)

    def _row(self, bids: Sequence[PriceLevel], asks: Sequence[PriceLevel], before: int, number: int, now: Nanos) -> Any:
        """`checksum` is always 0: the venue no longer computes it."""
        return {
            "asks": level_rows(self._state, asks),
            "bids": level_rows(self._state, bids),
            "ts": self._rows.time(now),
            "checksum": 0,
            "prevSeqId": before,
            "seqId": number,
        }


def difference(before: Sequence[PriceLevel], after: Sequence[PriceLevel]) -> list[PriceLevel]:
    """What turns one window into the other."""
    if before == after:
        return []
    old: dict[Decimal, Decimal] = dict(before)
    new = [level for level in after if old.pop(level[0], None) != level[1]]
    return [*new, *((price, ZERO) for price in old)]
