"""Risk as users ask for it: exposure, its limit, and cutting a position back."""

from decimal import Decimal

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.health import Halt, Resume, TradingState
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.facade.desk import OrderOutcome, exact
from integrated_trading_system.facade.names import instruments_named
from integrated_trading_system.facade.platform import Orchestrator
from integrated_trading_system.orchestrator.platform import RISK


class RiskManager:
    """Limits of a running platform. They are enforced before every order, whether or not anybody asks here."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        """Of this platform."""
        self._orchestrator = orchestrator

    @property
    def max_exposure_limit(self) -> Decimal:
        """Sum over everything, long and short both counted; in the reporting currency."""
        return self._orchestrator.settings.risk.exposure_max

    @property
    def trading_state(self) -> TradingState:
        """What may be sent now."""
        state: TradingState = self._orchestrator.platform.system.view(RISK).trading
        return state

    def calculate_exposure(self, symbol: str, price: Decimal | float | str) -> Decimal:
        """The whole portfolio's worst case, with `symbol` valued at this price on every venue.

        What is held, and what plans in flight may still add; in the reporting currency.
        """
        system = self._orchestrator.platform.system
        worst = system.view(RISK).worst
        exposure: Decimal = worst.total
        for instrument in instruments_named(self._orchestrator.platform, symbol):
            revalued = system.actor(RISK).calculate_exposure(instrument, exact(price))
            exposure += (revalued or ZERO) - worst.instruments.get(instrument, ZERO)
        return exposure

    async def trigger_position_reduction(self, symbol: str, venue: str | None = None) -> tuple[OrderOutcome, ...]:
        """Close the position in this symbol, on every venue or on one: reduce-only orders a little beyond the touch.

        Empty where there is nothing that can be closed. Each outcome may be a denial, or partly filled.
        """
        instruments = instruments_named(self._orchestrator.platform, symbol, venue)
        if not instruments:
            raise ConfigurationError(f"no instrument {symbol!r} on {venue or 'any venue'}")
        desk, system = self._orchestrator.desk, self._orchestrator.platform.system
        outcomes = []
        for instrument in instruments:
            plan = system.actor(RISK).trigger_position_reduction(instrument, desk.next_plan_id())
            if plan is not None:
                outcomes.append(await desk.carry_out(plan))
        return tuple(outcomes)

    def halt(self, reason: str) -> None:
        """Stop trading now; open orders are cancelled. Only `resume` lifts it, over restarts too."""
        self._orchestrator.tell(RISK, Halt(reason, "library user"))

    def resume(self) -> None:
        """Lift a halt."""
        self._orchestrator.tell(RISK, Resume("library user"))
