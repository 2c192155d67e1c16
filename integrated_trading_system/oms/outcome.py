"""What became of a plan: per leg what it traded, at what price, for what fees."""

from collections.abc import Sequence
from decimal import Decimal

from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ZERO, Money
from integrated_trading_system.domain.plan import Leg, LegOutcome, Plan, PlanFinished
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.holding import residuals
from integrated_trading_system.oms.progress import Instruments, net
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.oms.state import Tracked


def finished(plan: Plan, orders: Sequence[Tracked], instruments: Instruments, reason: str, at: Nanos) -> PlanFinished:
    """The plan's last word. `instruments` knows the instruments in which it traded."""
    return PlanFinished(
        plan_id=plan.plan_id,
        strategy=plan.strategy,
        legs=tuple(_outcome(index, leg, orders, instruments) for index, leg in enumerate(plan.legs)),
        hedge_orders=sum(1 for tracked in orders if tracked.purpose is not Purpose.FIRST),
        residuals=residuals(plan, orders, instruments),
        reason=reason,
        at=at,
        expected_edge=plan.expected_edge,
    )


def _outcome(index: int, leg: Leg, orders: Sequence[Tracked], instruments: Instruments) -> LegOutcome:
    traded = [tracked for tracked in orders if tracked.order.request.leg == index and tracked.order.filled > ZERO]
    forward = [tracked for tracked in traded if tracked.purpose is not Purpose.UNWIND]
    quantity = sum((tracked.order.filled for tracked in forward), ZERO)
    value = sum((tracked.value for tracked in forward), ZERO)
    fees: dict[str, Money] = {}
    for tracked in traded:
        for asset, amount in tracked.fees.items():
            fees[asset] = Money(fees[asset].amount + amount if asset in fees else amount, asset)
    return LegOutcome(
        instrument=leg.instrument,
        side=leg.side,
        planned=leg.quantity,
        filled=net(orders, index),
        average_price=value / quantity if quantity else ZERO,
        fees=sum((_fees_in_quote(tracked, instruments[leg.instrument]) for tracked in traded), ZERO),
        flow=sum((_flow(tracked, instruments[leg.instrument]) for tracked in traded), ZERO),
        fees_paid=tuple(fees.values()),
        multiplier=leg.multiplier,
    )


def _flow(tracked: Tracked, instrument: Instrument) -> Decimal:
    """Quote units that came in (positive) or went out, before fees."""
    traded = tracked.order.filled if instrument.kind is Kind.INVERSE else tracked.value
    return -tracked.order.request.side.sign * traded * instrument.multiplier


def _fees_in_quote(tracked: Tracked, instrument: Instrument) -> Decimal:
    """Fees in quote, and those in base at the order's average price. Fees in a third asset are in `fees_paid` only."""
    average_price = tracked.value / tracked.order.filled
    in_base = tracked.fees.get(instrument.base, ZERO)
    return tracked.fees.get(instrument.quote, ZERO) + in_base * average_price
