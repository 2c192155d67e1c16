"""Bybit's order book topics: ``orderbook.<depth>.<symbol>``.

A topic looks at the book on its own beat and tells what changed in its window of `depth` levels: a
level that falls out of the window is deleted, one that enters it is inserted. `u` grows by one with
every message of a (symbol, depth); `seq` is the exchange's sequence, comparable between depths.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.bybit.http import fixed
from integrated_trading_system.simulation.exchange.dialects.bybit.rows import OrderRows
from integrated_trading_system.simulation.exchange.dialects.bybit.topics import Topic
from integrated_trading_system.simulation.exchange.events import PriceLevel
from integrated_trading_system.simulation.exchange.exchange import DepthView
from integrated_trading_system.simulation.exchange.floor import SymbolState

PERIODS: Final = {
    1: Nanos(10 * MILLISECOND),
    50: Nanos(20 * MILLISECOND),
    200: Nanos(100 * MILLISECOND),
    1000: Nanos(200 * MILLISECOND),
}
"""How often a depth speaks at most."""

RESEND: Final = Nanos(3 * SECOND)
"""The venue's rule for depth 1: without a change, the snapshot "is pushed again after 3 seconds", `u` the same."""

CallAt = Callable[[Nanos, Callable[[Nanos], None]], None]


class Updates:
    """The last `u` of one (symbol, depth): it goes on where it was, whoever listens."""

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last = 1
        """1 is only told after a restart of the service, where it means "forget everything"."""

    def next(self) -> int:
        """Of one more message."""
        self.last += 1
        return self.last


class BookTopic(Topic):
    """One depth of one symbol."""

    def __init__(
        self,
        state: SymbolState,
        depth: int,
        rows: OrderRows,
        updates: Updates,
        call_at: CallAt,
        publish: Callable[[str, Any], None],
        now: Nanos,
    ) -> None:
        """Begins with the book as it is."""
        super().__init__(f"orderbook.{depth}.{state.listing.symbol}", publish)
        self._state = state
        self._depth = depth
        self._rows = rows
        self._updates = updates
        self._call_at = call_at
        self._due = False
        """Whether it is going to look at the book."""
        self._told = self._look()
        self._told_at = now
        updates.next()
        if depth == 1:
            call_at(Nanos(now + RESEND), self._again)

    def greeting(self, now: Nanos) -> Any:
        """What all others have been told so far."""
        return self._message("snapshot", self._told, self._told.bids, self._told.asks, now)

    def changed(self, now: Nanos) -> None:
        """Something in the book changed: look at it on the next beat."""
        if not self._due:
            self._due = True
            period = PERIODS[self._depth]
            self._call_at(Nanos(now - now % period + period), self._speak)

    def restart(self, now: Nanos) -> None:
        """A fault: the venue's service starts anew, and says so by a snapshot with `u` 1."""
        self._told = self._look()
        self._updates.last = 1
        self.publish(self.greeting(now))

    def _speak(self, now: Nanos) -> None:
        self._due = False
        if not self.alive:
            return
        view, told = self._look(), self._told
        bids = sorted(_difference(told.bids, view.bids), reverse=True)
        asks = sorted(_difference(told.asks, view.asks))
        if not bids and not asks:
            return
        self._updates.next()
        self._told, self._told_at = view, now
        if self._depth == 1:
            self.publish(self.greeting(now))
        else:
            self.publish(self._message("delta", view, bids, asks, now))

    def _again(self, now: Nanos) -> None:
        """Depth 1: repeat what has not changed for a while."""
        if not self.alive:
            return
        if now - self._told_at >= RESEND:
            self._told_at = now
            self.publish(self.greeting(now))
        self._call_at(Nanos(self._told_at + RESEND), self._again)

    def _look(self) -> DepthView:
        return self._rows.exchange.depth(self._state.listing.symbol, self._depth)

    def _message(
        self, kind: str, view: DepthView, bids: Sequence[PriceLevel], asks: Sequence[PriceLevel], now: Nanos
    ) -> Any:
        at = self._rows.millis(now)
        early = self._depth == 1 or self._rows.product.spot
        return {
            "topic": self.name,
            # The order of these two is the venue's; a parser that relies on it should find out here.
            **({"ts": at, "type": kind} if early else {"type": kind, "ts": at}),
            "data": {
                "s": self._state.listing.symbol,
                "b": self._levels(bids),
                "a": self._levels(asks),
                "u": self._updates.last,
                "seq": view.sequence,
            },
            "cts": self._rows.millis(view.time),
        }

    def _levels(self, levels: Sequence[PriceLevel]) -> list[list[str]]:
        listing = self._state.listing
        price, quantity = listing.price_decimals, listing.quantity_decimals
        return [[fixed(at, price), fixed(size, quantity) if size else "0"] for at, size in levels]


def _difference(before: Sequence[PriceLevel], after: Sequence[PriceLevel]) -> list[PriceLevel]:
    """What turns one window into the other."""
    if before == after:
        return []
    old: dict[Decimal, Decimal] = dict(before)
    new = [level for level in after if old.pop(level[0], None) != level[1]]
    return [*new, *((price, ZERO) for price in old)]
