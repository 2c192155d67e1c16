"""What each strategy holds: the sum of its own orders' fills, over all runs and all lives of the strategy.

One object serves all strategies. It is told orders (whose fills will be whose) and fills, and begins
with those of the journal: a strategy that carries a position across plans finds it here after a restart.
"""

from collections.abc import Iterable, Mapping

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import ClientOrderId, InstrumentId, StrategyId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import TERMINAL, Order
from integrated_trading_system.domain.time import Nanos

OWNERS_MAX = 100_000
"""Orders that are over are forgotten beyond so many; a fill that comes later still is nobody's here."""


class Held:
    """One strategy's part of one instrument."""

    __slots__ = ("paid", "quantity", "since")

    def __init__(self) -> None:
        """Nothing."""
        self.quantity = ZERO
        """Signed, in the instrument's own units, before fees."""
        self.paid = ZERO
        """Price times quantity of what it holds: `paid / quantity` is the average entry price."""
        self.since: Nanos | None = None
        """When it was opened."""


class Holdings:
    """A ref on the bus. Subscribe it before the strategies."""

    def __init__(self, fills: Iterable[Fill], owners: Mapping[ClientOrderId, StrategyId]) -> None:
        """Of earlier runs."""
        self._owners = dict(owners)
        self._held: dict[tuple[StrategyId, InstrumentId], Held] = {}
        self._over: dict[ClientOrderId, None] = {}
        for fill in fills:
            self._book(fill)

    def tell(self, message: Order | Fill, /) -> None:
        """Whose it is, or what it moved."""
        if isinstance(message, Fill):
            self._book(message)
            return
        request = message.request
        self._owners[request.client_order_id] = request.strategy
        if message.status in TERMINAL:
            self._over[request.client_order_id] = None
            if len(self._over) > OWNERS_MAX:
                oldest = next(iter(self._over))
                del self._over[oldest]
                del self._owners[oldest]

    def of(self, strategy: StrategyId, instrument: InstrumentId) -> Held:
        """What it holds now."""
        return self._held.get((strategy, instrument)) or Held()

    def _book(self, fill: Fill) -> None:
        owner = self._owners.get(fill.client_order_id)
        if owner is None:
            return
        held = self._held.setdefault((owner, fill.instrument), Held())
        signed = fill.side.sign * fill.quantity
        before, after = held.quantity, held.quantity + signed
        if before * signed >= 0:
            held.paid += signed * fill.price
        elif before * after > 0:
            held.paid = held.paid * after / before
        else:
            held.paid = after * fill.price
        if after == 0:
            held.since = None
        elif held.since is None or before * after < 0:
            held.since = fill.venue_time or fill.received_at
        held.quantity = after
