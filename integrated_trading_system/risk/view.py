"""What risk shows of itself between two turns."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import Asset, InstrumentId, PlanId, StrategyId
from integrated_trading_system.risk.codes import Code
from integrated_trading_system.risk.state import RiskState
from integrated_trading_system.risk.worth import Totals


class RiskView(Struct, frozen=True, kw_only=True):
    """What is allowed now, and what was."""

    trading: TradingState
    reason: str
    """Of a halt or of reducing; empty otherwise."""
    worst: Totals
    """Held, and what plans in flight and other people's open orders may still add."""
    exposure_max: Decimal
    in_flight: tuple[PlanId, ...]
    approved: int
    denied: dict[str, int]
    """By code."""
    latched: dict[str, str]
    """Why, by strategy and instrument: these wait for an operator."""
    external_fills: int
    """Fills of orders that no plan in flight made."""
    external_orders: dict[InstrumentId, tuple[Decimal, Decimal]]
    """How far other people's open orders on our accounts may move each instrument up and down."""
    external_unsized: tuple[InstrumentId, ...]
    """Instruments of such orders whose size the venue does not say: these are in no sum."""
    net: Decimal
    """Realised less fees, since the journal began."""
    unrealised: Decimal
    """What closing every position at its mark would add, at the last look."""
    lost_today: Decimal
    """Open positions included."""
    drawdown: Decimal
    """Open positions included."""
    unhedged: dict[StrategyId, Decimal]
    """Worth of what is out of balance, of strategies that trade in legs, at the last look."""
    unpriced: dict[Asset, int]
    """Fills whose profit or fee has no rate, by asset: they are not in the sums."""
    orders_used: int
    messages_used: int


def view_of(state: RiskState, settings: RiskSettings, approved: int, denied: Mapping[Code, int]) -> RiskView:
    """Everything, as of `state.now`; plans approved so far, and denied by code."""
    others = state.exposure.others
    return RiskView(
        trading=state.trading,
        reason=state.halted or state.reducing or "",
        worst=state.worths.totals(),
        exposure_max=settings.exposure_max,
        in_flight=tuple(state.exposure.plans),
        approved=approved,
        denied={code.value: count for code, count in denied.items()},
        latched={f"{strategy} {name}": why for (strategy, name), why in state.repetition.latched.items()},
        external_fills=state.exposure.external,
        external_orders=others.by_instrument(),
        external_unsized=others.unsized(),
        net=state.losses.net,
        unrealised=state.losses.unrealised,
        lost_today=state.losses.today(state.now),
        drawdown=state.losses.drawdown,
        unhedged={strategy: one.worth for strategy, one in state.unhedged.of.items()},
        unpriced=dict(state.losses.unpriced),
        orders_used=state.throttle.orders.used(state.now),
        messages_used=state.throttle.messages.used(state.now),
    )
