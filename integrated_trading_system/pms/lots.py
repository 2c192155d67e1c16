"""First in, first out: the lots of which a position consists, and what closing the oldest first brought.

It stands beside the average cost of the ledger: the same fills, the same exact sums, another question. Which lots a
closing takes decides how much profit counts as realised today and how much still waits in the position; together
they are the same, and when the position is flat, so is what was realised.

Fees are kept apart, as everywhere in the ledger: a lot costs what was traded, and the profit of a lot is before fees.
"""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.pms.shares import part

LOTS_MAX: Final = 10_000
"""A position of more lots has its two oldest made one: nothing is lost but where the line between them was."""


class Lot(Struct, frozen=True):
    """What is left of one fill that opened or added to a position."""

    quantity: Decimal
    """Never negative: all lots of a position are on its side."""
    cost: Decimal
    """What this much was worth when it was traded, in the asset of the ledger's `worth`."""
    opened_at: Nanos


class Lots:
    """The open lots of one holding, oldest first, and what the closed ones gained in worth."""

    __slots__ = ("_lots", "gained", "long", "merged")

    def __init__(self) -> None:
        """Flat."""
        self._lots: deque[Lot] = deque()
        self.long = True
        """On which side the open lots are; means nothing while there are none."""
        self.gained = ZERO
        """Of all closed lots: what the sold side was worth less what the bought side was, whichever came first."""
        self.merged = 0
        """How often two lots had to become one."""

    def __iter__(self) -> Iterator[Lot]:
        """Oldest first."""
        return iter(self._lots)

    def trade(self, signed: Decimal, value: Decimal, at: Nanos) -> None:
        """A signed quantity and its worth: closes the oldest lots of the other side, and opens one with the rest."""
        left, long = abs(signed), signed > 0
        if self._lots and self.long is not long:
            while left and self._lots:
                left, value = self._close(left, value)
        if left:
            self.long = long
            self._lots.append(Lot(left, value, at))
            if len(self._lots) > LOTS_MAX:
                self._merge()

    @property
    def quantity(self) -> Decimal:
        """Signed."""
        size = sum((lot.quantity for lot in self._lots), ZERO)
        return size if self.long else -size

    @property
    def cost(self) -> Decimal:
        """Of all open lots; never negative."""
        return sum((lot.cost for lot in self._lots), ZERO)

    def copy(self) -> "Lots":
        """Independent of this one."""
        other = Lots()
        other._lots = self._lots.copy()
        other.long, other.gained, other.merged = self.long, self.gained, self.merged
        return other

    def _close(self, quantity: Decimal, value: Decimal) -> tuple[Decimal, Decimal]:
        """Close of the oldest lot what `quantity` can; what is left of both."""
        lot = self._lots[0]
        closed = min(lot.quantity, quantity)
        out, into = part(value, closed, quantity), part(lot.cost, closed, lot.quantity)
        if closed == lot.quantity:
            self._lots.popleft()
        else:
            self._lots[0] = Lot(lot.quantity - closed, lot.cost - into, lot.opened_at)
        self.gained += out - into if self.long else into - out
        return quantity - closed, value - out

    def _merge(self) -> None:
        first, second = self._lots.popleft(), self._lots.popleft()
        self._lots.appendleft(Lot(first.quantity + second.quantity, first.cost + second.cost, first.opened_at))
        self.merged += 1
