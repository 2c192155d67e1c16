"""What profit is made with: what the accounts held at first and were given since, each at the rate when it was told."""

from collections.abc import Callable
from decimal import Decimal

from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.money import ZERO


class Capital:
    """A sum in the reporting currency, and what waits for a rate."""

    def __init__(self) -> None:
        """Nothing was told."""
        self._worth: Decimal | None = None
        self._waiting: dict[Asset, Decimal] = {}

    def add(self, asset: Asset, amount: Decimal) -> None:
        """An opening balance, or a flow from outside."""
        if amount:
            self._waiting[asset] = self._waiting.get(asset, ZERO) + amount

    def value(self, rate: Callable[[Asset], Decimal | None]) -> Decimal | None:
        """At today's rates what waited for one, at its own rate what did not; None before anything has one."""
        for asset in list(self._waiting):
            if (price := rate(asset)) is not None:
                self._worth = (self._worth or ZERO) + self._waiting.pop(asset) * price
        return self._worth

    def waiting(self) -> dict[Asset, Decimal]:
        """What no rate is known for."""
        return dict(self._waiting)
