"""What plans take from accounts: spot legs spend, derivative legs bind initial margin by the stated leverage.

All that a plan's legs spend is held until it is over, but not all of it has to be there when it begins: the
orders of a leg that follows are sent only after fills of its leader, for no larger share of their quantity. What
the leader brings to the same purse, at its worst price and less the fee, the follower may spend. Both grow evenly
with the share, so what suffices for all of it suffices for every part.
"""

from decimal import Decimal

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.balances import Purse, spending
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ONE, ZERO
from integrated_trading_system.domain.order import OrderType, Side
from integrated_trading_system.domain.plan import Leg, Plan
from integrated_trading_system.risk.state import RiskState


def spends(plan: Plan, state: RiskState) -> list[tuple[Purse, Decimal]]:
    """What spot legs take from which purse, at the worst price at which their orders trade."""
    return [spent for leg in plan.legs if (spent := _spends(leg, state)) is not None]


def needs(plan: Plan, state: RiskState) -> list[tuple[Purse, Decimal]]:
    """What has to be there when the plan begins: the same, but of followers what their leaders do not bring."""
    brought = [_brings(leg, state) for leg in plan.legs]
    found = []
    for leg in plan.legs:
        spent = _spends(leg, state)
        if spent is None:
            continue
        purse, amount = spent
        coming = None if leg.follows is None else brought[leg.follows]
        if leg.follows is not None and coming is not None and coming[0] == purse:
            paid = min(amount, coming[1])
            brought[leg.follows] = (purse, coming[1] - paid)  # the next follower has what is left
            amount -= paid
        found.append((purse, amount))
    return found


def _spends(leg: Leg, state: RiskState) -> tuple[Purse, Decimal] | None:
    instrument = state.instruments.get(leg.instrument)
    if instrument is None:
        return None
    price = leg.price if leg.follows is None else leg.worst_price
    return spending(instrument, leg.account, leg.side, price, leg.quantity)


def _brings(leg: Leg, state: RiskState) -> tuple[Purse, Decimal] | None:
    """What a spot leg surely brings once all of it traded; None where nobody knows.

    A sale may be moved or repaired down to its worst price; at the market it has none.
    """
    instrument = state.instruments.get(leg.instrument)
    if instrument is None or instrument.kind is not Kind.SPOT or leg.account not in state.fees:
        return None
    kept = ONE - state.fees[leg.account]
    if leg.side is Side.BUY:
        return (instrument.venue, leg.account, instrument.base), leg.quantity * instrument.multiplier * kept
    if leg.order_type is OrderType.MARKET:
        return None
    worst = min(leg.price, leg.worst_price)
    return (instrument.venue, leg.account, instrument.quote), instrument.notional(worst, leg.quantity) * kept


def margins(plan: Plan, state: RiskState, limits: RiskSettings) -> list[tuple[Purse, Decimal]]:
    """What derivative legs bind of which purse: initial margin of what they may add to a position."""
    closable: dict[tuple[InstrumentId, AccountId, Side], Decimal] = {}
    found = []
    for leg in plan.legs:
        instrument = state.instruments.get(leg.instrument)
        if instrument is None or instrument.kind is Kind.SPOT:
            continue
        key = (leg.instrument, leg.account, leg.side)
        room = closable.get(key)
        if room is None:
            room = state.exposure.holding(leg.instrument, leg.account).reducible(leg.side)
        closable[key] = max(room - leg.quantity, ZERO)
        opened = max(leg.quantity - room, ZERO)
        price = leg.price if leg.follows is None else leg.worst_price
        bound = margin(instrument, leg.account, price, opened, limits)
        if bound is not None and opened:
            found.append(bound)
    return found


def margin(
    instrument: Instrument, account: AccountId, price: Decimal, quantity: Decimal, limits: RiskSettings
) -> tuple[Purse, Decimal] | None:
    """The initial margin of `quantity` at `price`, and the purse it is taken from; None for spot."""
    if instrument.kind is Kind.SPOT:
        return None
    leverage = limits.leverage_of.get(instrument.venue, limits.leverage)
    worth = instrument.notional(price, quantity)
    if instrument.kind is Kind.INVERSE:
        worth /= price
    return (instrument.venue, account, instrument.settle), worth / leverage
