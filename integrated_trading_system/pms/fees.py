"""What fees cost: each at the rate of its asset when it was paid, and apart from them those whose rate nobody knows.

A fee in a third asset is paid in kind: the asset was worth something then and is worth something else today. What it
was worth then is the fee. The difference since is a gain or loss of holding less of that asset, not of trading.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.money import ZERO


class Paid:
    """Fees in one asset."""

    __slots__ = ("apart", "valued", "worth")

    def __init__(self) -> None:
        """None yet."""
        self.valued = ZERO
        """Units whose worth at the time is known."""
        self.worth = ZERO
        """Of those units, then, in the reporting currency."""
        self.apart = ZERO
        """Units whose worth at the time nobody knows."""


class Fees:
    """Fees by asset: paid is positive, a rebate negative."""

    def __init__(self) -> None:
        """None yet."""
        self._paid: dict[Asset, Paid] = {}

    def __iter__(self) -> Iterator[tuple[Asset, Paid]]:
        """In order of the first fee of each asset."""
        return iter(self._paid.items())

    def pay(self, asset: Asset, amount: Decimal, rate: Decimal | None) -> None:
        """One fee; `rate`: what a unit of the asset was worth then, None where nobody can say."""
        paid = self._paid.setdefault(asset, Paid())
        if rate is None:
            paid.apart += amount
        else:
            paid.valued += amount
            paid.worth += amount * rate

    def add(self, others: Iterable[tuple[Asset, Paid]]) -> None:
        """Those of another as well."""
        for asset, other in others:
            paid = self._paid.setdefault(asset, Paid())
            paid.valued += other.valued
            paid.worth += other.worth
            paid.apart += other.apart

    def amounts(self) -> dict[Asset, Decimal]:
        """Units, whether their worth is known or not."""
        return {asset: paid.valued + paid.apart for asset, paid in self}

    def apart(self) -> dict[Asset, Decimal]:
        """Units whose worth at the time nobody knows."""
        return {asset: paid.apart for asset, paid in self if paid.apart}

    def worth(self) -> Decimal:
        """What the others cost when they were paid."""
        return sum((paid.worth for _, paid in self), ZERO)

    def cost_now(self, rate: Callable[[Asset], Decimal | None]) -> Decimal:
        """What having paid them costs at today's rates; without one, what it cost then."""
        cost = ZERO
        for asset, paid in self:
            today = rate(asset)
            cost += paid.worth if today is None else (paid.valued + paid.apart) * today
        return cost
