"""Whether each order is sensible by itself: the venue's rules, its price, its size, what it does to the book."""

from collections.abc import Sequence
from decimal import Decimal
from math import inf
from typing import Final

from integrated_trading_system.domain.market import Level
from integrated_trading_system.domain.money import BPS, from_float, plain
from integrated_trading_system.domain.order import OrderType, Side, TimeInForce
from integrated_trading_system.risk.case import Case, Priced, above
from integrated_trading_system.risk.codes import Code, Denial
from integrated_trading_system.risk.worth import Prices

NEAR: Final = 8
"""Levels that nearly every order makes do with."""


def filters(case: Case) -> Denial | None:
    """What the venue would refuse."""
    for priced in case.legs:
        leg, instrument = priced.leg, priced.instrument
        market = leg.order_type is OrderType.MARKET  # its price is a reference, on no tick
        price = instrument.round_price(leg.price, leg.side) if market else leg.price
        if reason := instrument.refusal(price, leg.quantity):
            return Denial(Code.FILTER, f"{leg.instrument}: {reason}")
    return None


def reduce_only(case: Case) -> Denial | None:
    """Legs that say they reduce do, together with the plan's other legs there."""
    for priced in case.legs:
        leg = priced.leg
        if not leg.reduce_only:
            continue
        same = [one for one in case.plan.legs if (one.instrument, one.account) == (leg.instrument, leg.account)]
        if not case.state.exposure.reduces([one for one in same if one.side is leg.side]):
            return Denial(Code.REDUCE_ONLY, leg.instrument)
    return None


def collar(case: Case) -> Denial | None:
    """First orders close to the quote. A follower has none: its orders are repairs."""
    bps = case.limits.collar_bps_max
    for priced in case.legs:
        leg = priced.leg
        if leg.follows is not None:
            continue
        if _beyond(leg.side, leg.price, priced, bps) or (
            leg.order_type is OrderType.MARKET and _beyond(leg.side.opposite, leg.price, priced, bps)
        ):
            at = f"{plain(priced.bid)}/{plain(priced.ask)}"
            return Denial(Code.COLLAR, f"{leg.instrument}: {leg.side} {plain(leg.price)} at {at}")
    return None


def envelope(case: Case) -> Denial | None:
    """Repairs, and what rests and may be moved, not too far from the quote."""
    bps = case.limits.envelope_bps_max
    for priced in case.legs:
        leg = priced.leg
        repaired = case.plan.hedge_orders_max > 0 or leg.follows is not None
        moved = repaired or leg.time_in_force is TimeInForce.GTC  # what rests may be moved as far as its worst price
        forth = moved and _beyond(leg.side, leg.worst_price, priced, bps)
        if forth or (repaired and _beyond(leg.side.opposite, leg.unwind_price, priced, bps)):
            worst, unwind = plain(leg.worst_price), plain(leg.unwind_price)
            at = f"{plain(priced.bid)}/{plain(priced.ask)}"
            return Denial(Code.ENVELOPE, f"{leg.instrument}: {worst}, {unwind} at {at}")
    return None


def notional(case: Case) -> Denial | None:
    """The worth of one order, at the worst price at which it trades."""
    limit = case.limits.order_notional_max
    for priced in case.legs:
        assert priced.rate is not None, "checked before"
        worth = priced.instrument.notional(priced.limit, priced.leg.quantity) * priced.rate
        if worth > limit:
            return Denial(Code.ORDER_NOTIONAL, above(priced.leg.instrument, worth, limit))
    return None


def touch(case: Case) -> Denial | None:
    """Market impact, seen from the touch alone: a multiple of the size shown there."""
    multiple = case.limits.touch_multiple_max
    if multiple is None:
        return None
    for priced in case.legs:
        shown = _shown(priced)
        if shown is not None and priced.leg.quantity > shown * multiple:
            found = f"{plain(priced.leg.quantity)} where {plain(shown)} is shown"
            return Denial(Code.TOUCH, f"{priced.leg.instrument}: {found}")
    return None


def impact(case: Case) -> Denial | None:
    """Market impact, by walking the book: the average price of the whole quantity against the touch."""
    bps_max = float(case.limits.impact_bps_max)
    for priced in case.legs:
        if not priced.crosses:
            continue
        bps = impact_bps(priced, case.state.prices, case.limits.impact_levels_max)
        if bps > bps_max:
            return Denial(
                Code.IMPACT, f"{priced.leg.instrument}: {bps:.2f} bps beyond the touch, {bps_max} are allowed"
            )
    return None


def impact_bps(priced: Priced, books: Prices, levels_max: int) -> float:
    """How much worse than the touch the leg trades on average, in basis points.

    Levels beyond its limit are not touched; what the book does not show is taken to trade at the limit. A signal,
    so it is float; no better than the 15 digits of the book itself.
    """
    leg, quote = priced.leg, priced.quote
    assert quote is not None, "checked before"
    best, size = (quote.ask, quote.ask_size) if leg.side is Side.BUY else (quote.bid, quote.bid_size)
    quantity = float(leg.quantity)
    if quantity <= size:
        return 0.0
    sign = leg.side.sign
    # A market order trades at any price; its limit is a reference, which may even be better than the touch.
    limit = sign * inf if leg.order_type is OrderType.MARKET else float(priced.limit)
    paid, left, more = _walk(books.depth(leg.instrument, leg.side, NEAR), quantity, limit, sign)
    if more:
        paid, left, _ = _walk(books.depth(leg.instrument, leg.side, levels_max), quantity, limit, sign)
    beyond = max(float(priced.limit) * sign, best * sign) * sign
    return ((paid + left * beyond) / quantity / best - 1.0) * sign * float(BPS)


def _walk(levels: Sequence[Level], quantity: float, limit: float, sign: int) -> tuple[float, float, bool]:
    """What is paid, what is left, and whether deeper levels would be hit, too."""
    paid, left = 0.0, quantity
    for price, shown in levels:
        if (price - limit) * sign > 0:
            return paid, left, False
        taken = min(shown, left)
        paid += taken * price
        left -= taken
        if not left:
            return paid, left, False
    return paid, left, True


def _beyond(side: Side, price: Decimal, priced: Priced, bps: Decimal) -> bool:
    """Whether an order of this side would pay more than `bps` beyond the best price it could hit."""
    if side is Side.BUY:
        return price > priced.ask and (price - priced.ask) * BPS > priced.ask * bps
    return price < priced.bid and (priced.bid - price) * BPS > priced.bid * bps


def _shown(priced: Priced) -> Decimal | None:
    """The size that an order hits first; None when it would rest."""
    if not priced.crosses:
        return None
    assert priced.quote is not None, "checked before"
    return from_float(priced.quote.ask_size if priced.leg.side is Side.BUY else priced.quote.bid_size)
