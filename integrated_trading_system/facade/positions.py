"""Positions, and what they would bring."""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import InstrumentId, symbol_of, venue_of
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.position import Equity
from integrated_trading_system.facade.desk import exact
from integrated_trading_system.facade.names import exchange_name, instrument_named
from integrated_trading_system.facade.platform import Orchestrator
from integrated_trading_system.orchestrator.platform import PMS
from integrated_trading_system.pms.lots import Lot
from integrated_trading_system.pms.performance import Performance


class PositionMetrics(Struct, frozen=True):
    """A user's own valuation of a position over time."""

    pnl: Decimal
    highest: Decimal
    lowest: Decimal
    updates: int


class UserPosition:
    """What is held of one instrument, as it is at every look."""

    def __init__(self, orchestrator: Orchestrator, instrument: InstrumentId) -> None:
        """Reads from the platform; changes nothing."""
        self._orchestrator = orchestrator
        self.id = str(instrument)
        """The instrument's full name, ``venue:flavour:SYMBOL``."""
        self.exchange = exchange_name(venue_of(instrument))
        self.symbol = symbol_of(instrument)
        self._instrument = instrument

    @property
    def quantity(self) -> Decimal:
        """Signed, in the instrument's own units."""
        return sum((one.quantity for one in self._parts()), ZERO)

    @property
    def average_price(self) -> Decimal:
        """What one unit cost; 0 when flat."""
        held = [one for one in self._parts() if one.quantity]
        quantity = sum((abs(one.quantity) for one in held), ZERO)
        return sum((one.average_price * abs(one.quantity) for one in held), ZERO) / quantity if quantity else ZERO

    @property
    def realized_pnl(self) -> Decimal:
        """In the quote (or settle) asset, before fees."""
        return sum((one.realised for one in self._parts()), ZERO)

    @property
    def realized_pnl_fifo(self) -> Decimal:
        """As `realized_pnl`, but closing the oldest lots first; the two are the same when the position is flat."""
        return sum((one.realised_fifo for one in self._parts()), ZERO)

    def open_lots(self) -> tuple[Lot, ...]:
        """What is left of the fills that built the position, oldest first on each account."""
        lots: tuple[Lot, ...] = self._orchestrator.platform.system.actor(PMS).lots(self._instrument)
        return lots

    def calculate_unrealized_pnl(self, price: Decimal | float | str) -> Decimal:
        """What closing all of it at this price would bring, in the quote (or settle) asset, before fees."""
        pnl: Decimal = self._orchestrator.platform.system.actor(PMS).unrealised(self._instrument, exact(price))
        return pnl

    def _parts(self) -> tuple[Any, ...]:
        parts: tuple[Any, ...] = self._orchestrator.platform.system.actor(PMS).position(self._instrument)
        return parts


class PositionManagementSystem:
    """Positions of a running platform, kept from its own fills."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        """Of this platform."""
        self._orchestrator = orchestrator
        self._metrics: dict[str, PositionMetrics] = {}

    def get_position(self, symbol: str, venue: str | None = None) -> UserPosition | None:
        """The position, flat ones too; None where nothing was ever traded.

        Without a `venue`, on the first configured one that lists the symbol: the same rule as for orders.
        """
        instrument = instrument_named(self._orchestrator.platform, symbol, venue)
        found = self._orchestrator.platform.system.actor(PMS).position(instrument)
        return UserPosition(self._orchestrator, instrument) if found else None

    def positions(self) -> tuple[UserPosition, ...]:
        """Every instrument that was ever traded."""
        view = self._orchestrator.platform.system.view(PMS)
        instruments = dict.fromkeys(one.instrument for one in view.positions)
        return tuple(UserPosition(self._orchestrator, instrument) for instrument in instruments)

    async def update_position_metrics(self, position_id: str, pnl: Decimal | float | str) -> PositionMetrics:
        """Note what the caller makes of a position: newest, highest and lowest. Ours (`equity`) stays apart from it."""
        if position_id not in (position.id for position in self.positions()):
            raise ConfigurationError(f"no position {position_id!r}")
        value, before = exact(pnl), self._metrics.get(position_id)
        metrics = PositionMetrics(
            pnl=value,
            highest=value if before is None else max(value, before.highest),
            lowest=value if before is None else min(value, before.lowest),
            updates=1 if before is None else before.updates + 1,
        )
        self._metrics[position_id] = metrics
        return metrics

    def get_position_metrics(self, position_id: str) -> PositionMetrics | None:
        """What was noted last."""
        return self._metrics.get(position_id)

    def equity(self) -> Equity:
        """Realised, unrealised and fees of everything, at the middle of the market now."""
        equity: Equity = self._orchestrator.platform.system.view(PMS).equity
        return equity

    def performance(self) -> Performance:
        """How well it went: equity curve, drawdown, Sharpe, closed plans, turnover, and whose the profit is."""
        performance: Performance = self._orchestrator.platform.system.actor(PMS).performance()
        return performance
