"""Whether there is room for it: money, margin, exposure, balance of legs, losses, rates.

A limit of exposure that is already exceeded still lets through what does not exceed it more.
"""

from decimal import Decimal

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.balances import Purse
from integrated_trading_system.domain.money import ZERO, plain
from integrated_trading_system.risk.case import Case, above
from integrated_trading_system.risk.codes import Code, Denial
from integrated_trading_system.risk.reduction import STRATEGY
from integrated_trading_system.risk.state import RiskState


def balance(case: Case) -> Denial | None:
    """Spot: only what is free can be spent, and what the plan itself brings before."""
    return _short(case, Code.BALANCE, case.needs)


def initial_margin(case: Case) -> Denial | None:
    """Derivatives: only what is free can be bound."""
    return _short(case, Code.MARGIN, case.binds)


def _short(case: Case, code: Code, amounts: list[tuple[Purse, Decimal]]) -> Denial | None:
    needed: dict[Purse, Decimal] = {}
    for purse, amount in amounts:
        needed[purse] = needed.get(purse, ZERO) + amount
    for purse, amount in needed.items():
        free = case.state.balances.free(purse)
        if free is not None and amount > free:
            venue, _, asset = purse
            return Denial(code, f"{venue}: {plain(amount)} {asset} needed, {plain(free)} free")
    return None


def position(case: Case) -> Denial | None:
    """One instrument, over all accounts."""
    limits, lines = case.limits, case.state.worths.lines
    for name, grown in case.growth.instruments.items():
        after = lines[name].unit * lines[name].size + grown
        limit = limits.position_notional_max_of.get(name, limits.position_notional_max)
        if grown > 0 and after > limit:
            return Denial(Code.POSITION, above(name, after, limit))
    return None


def asset(case: Case) -> Denial | None:
    """One asset, net over venues, spot and derivatives: what is left when the legs that hedge are gone."""
    limits, worths = case.limits, case.state.worths
    for name, (high, low) in case.growth.assets.items():
        after = worths.asset(name, high, low)
        limit = limits.asset_notional_max_of.get(name, limits.asset_notional_max)
        if after > limit and after > worths.asset(name):
            return Denial(Code.ASSET, above(name, after, limit))
    return None


def venue(case: Case) -> Denial | None:
    """All instruments of a venue."""
    limits, worths = case.limits, case.state.worths
    for name, grown in case.growth.venues.items():
        after = worths.venues.get(name, ZERO) + grown
        limit = limits.venue_notional_max_of.get(name, limits.venue_notional_max)
        if grown > 0 and after > limit:
            return Denial(Code.VENUE, above(name, after, limit))
    return None


def strategy(case: Case) -> Denial | None:
    """All instruments of the strategy. Who closes what others opened grows his own part, except for risk itself."""
    limits, name = case.limits, case.plan.strategy
    if name == STRATEGY:
        return None
    after = case.state.worths.strategies.get(name, ZERO) + case.growth.own
    limit = limits.strategy_notional_max_of.get(name, limits.strategy_notional_max)
    return Denial(Code.STRATEGY, above(name, after, limit)) if case.growth.own > 0 and after > limit else None


def total(case: Case) -> Denial | None:
    """Everything."""
    after = case.state.worths.total + case.growth.total
    limit = case.limits.exposure_max
    return Denial(Code.EXPOSURE, above("all", after, limit)) if case.growth.total > 0 and after > limit else None


def unhedged(case: Case) -> Denial | None:
    """Legs out of balance: worth times seconds."""
    found = case.state.unhedged.area(case.plan.strategy)
    limit = case.limits.unhedged_max
    return Denial(Code.UNHEDGED, above(f"{case.plan.strategy}, times seconds", found, limit)) if found > limit else None


def daily_loss(case: Case) -> Denial | None:
    """What was lost since midnight UTC. Resuming after a halt does not lift it: midnight does, or a new limit."""
    return lost_today(case.state, case.limits)


def drawdown(case: Case) -> Denial | None:
    """What was lost since the best moment."""
    return drawn_down(case.state, case.limits)


def lost_today(state: RiskState, limits: RiskSettings) -> Denial | None:
    """The daily loss, exceeded now."""
    today = state.losses.today(state.now)
    if today <= limits.daily_loss_max:
        return None
    return Denial(Code.DAILY_LOSS, above("lost today", today, limits.daily_loss_max))


def drawn_down(state: RiskState, limits: RiskSettings) -> Denial | None:
    """The drawdown, exceeded now."""
    found = state.losses.drawdown
    return (
        None if found <= limits.drawdown_max else Denial(Code.DRAWDOWN, above("drawdown", found, limits.drawdown_max))
    )


def order_rate(case: Case) -> Denial | None:
    """Orders in any window."""
    count, orders = case.orders, case.state.throttle.orders
    if count <= orders.room(case.state.now):
        return None
    return Denial(Code.ORDER_RATE, f"{count} more, {orders.used(case.state.now)} of {case.limits.orders_max}")


def message_rate(case: Case) -> Denial | None:
    """Orders and cancels in any window."""
    count, messages = case.messages, case.state.throttle.messages
    if count <= messages.room(case.state.now):
        return None
    return Denial(Code.MESSAGE_RATE, f"{count} more, {messages.used(case.state.now)} of {case.limits.messages_max}")
