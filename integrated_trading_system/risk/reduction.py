"""Cut a position back: one reduce-only IOC order a holding, priced a little beyond the touch."""

from decimal import Decimal

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.ids import InstrumentId, PlanId, StrategyId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import BPS, ONE, from_float
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import HedgePolicy, Leg, Plan
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.risk.state import RiskState

STRATEGY = StrategyId("risk")


def reduction(
    state: RiskState, settings: RiskSettings, instrument: InstrumentId, plan_id: PlanId, keep: Decimal = Decimal(0)
) -> Plan | None:
    """The plan that brings each account's position in the instrument down to `keep`; None where nothing can be done.

    Nothing is done for what plans in flight may still change, without a VALID book, or below the venue's minimum.
    """
    known, quote = state.instruments.get(instrument), state.prices.top(instrument)
    if known is None or quote is None:
        return None
    legs = []
    for account, holding in state.exposure.of(instrument):
        side = Side.SELL if holding.position > 0 else Side.BUY
        quantity = known.round_quantity(holding.reducible(side) - keep)
        price = _price(known, quote, side, settings.reduce_collar_bps)
        if known.refusal(price, quantity) is None:
            legs.append(
                Leg(
                    instrument=instrument,
                    account=account,
                    side=side,
                    quantity=quantity,
                    price=price,
                    worst_price=price,
                    unwind_price=price,
                    reduce_only=True,
                )
            )
    if not legs:
        return None
    by = Nanos(state.now + SECOND)
    return Plan(
        plan_id=plan_id,
        strategy=STRATEGY,
        legs=tuple(legs),
        policy=HedgePolicy.CANCEL,
        hedge_orders_max=0,
        created_at=state.now,
        submit_by=by,
        hedge_by=by,
    )


def outgrown(state: RiskState, settings: RiskSettings) -> tuple[tuple[InstrumentId, Decimal], ...]:
    """Instruments whose position is worth more than its limit, and the quantity that would be within it."""
    found = []
    for instrument, account in state.exposure.holdings:
        mark = state.mark(instrument)
        size = abs(state.exposure.holding(instrument, account).position)
        worth = state.worth(instrument, size, mark)
        limit = settings.position_notional_max_of.get(instrument, settings.position_notional_max)
        if worth is not None and worth > limit:
            found.append((instrument, size * limit / worth))
    return tuple(found)


def _price(instrument: Instrument, quote: Quote, side: Side, bps: Decimal) -> Decimal:
    """Beyond the touch by the collar, so that a move of that much does not leave the order unfilled."""
    touch = from_float(quote.ask if side is Side.BUY else quote.bid)
    return instrument.round_price(touch * (ONE + bps / BPS * side.sign), side)
