"""How much goes round, and what comes back: all books of a round trip walked together, in exact numbers.

Fees are taken from what each leg brings. Every unit put in clears the hurdle by itself, so the whole does too.
Lots make each leg a little smaller than what the one before brought; what stays behind is counted at what it cost.
Where legs are paid with what the one before brings, each is as small as that pays it for even at the worst prices.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.market import Level
from integrated_trading_system.domain.money import BPS, ONE, ZERO, from_float, round_down
from integrated_trading_system.domain.order import Side
from integrated_trading_system.strategies.triangular.cycles import Cycle, Hop

_CRUMB: Final = Decimal("1e-12")
"""The parts of the edge are rounded to it, so that they add up exactly."""


class Step(Struct, frozen=True):
    """One level of one leg: what it takes in at most, and what a unit put in brings before the fee."""

    price: Decimal
    room: Decimal
    rate: Decimal


Worst: TypeAlias = Callable[[Hop, Decimal], Decimal]
"""The worst price at which a leg with this limit may trade."""


class Leg(Struct, frozen=True):
    """One order of a round trip."""

    quantity: Decimal
    """In the instrument's units, whole lots."""
    limit: Decimal
    """The worst price used."""
    given: Decimal
    """Of the asset that is paid with."""


class Round(Struct, frozen=True):
    """A round trip, sized. Amounts in the currency in which it begins and ends."""

    legs: tuple[Leg, ...]
    put_in: Decimal
    gross: Decimal
    """At the best prices and without fees."""
    fees: Decimal
    slippage: Decimal
    decay: Decimal
    edge: Decimal
    """gross - fees - slippage - decay, exactly."""


def ladder(hop: Hop, levels: Sequence[Level], own: dict[Decimal, Decimal] | None = None) -> list[Step]:
    """The levels that a leg would hit, best first, without what rests there of ours."""
    steps = []
    for raw_price, raw_size in levels:
        price = from_float(raw_price)
        size = (from_float(raw_size) - (own or {}).get(price, ZERO)) * hop.instrument.multiplier
        if size > 0:
            room, rate = (size * price, ONE / price) if hop.side is Side.BUY else (size, price)
            steps.append(Step(price, room, rate))
    return steps


def depth(ladders: Sequence[Sequence[Step]], keep: Decimal, wanted: Decimal, limit: Decimal) -> Decimal:
    """How much may be put in, at most `limit`, so that every unit of it comes back `wanted` times.

    `keep`: what one fee leaves of what a leg brings.
    """
    at = [0] * len(ladders)
    left = [ladder[0].room for ladder in ladders]
    total = ZERO
    while total < limit:
        rate, room = ONE, limit - total
        for index, ladder in enumerate(ladders):
            room = min(room, left[index] / rate)
            rate *= ladder[at[index]].rate * keep
        if rate < wanted:
            break
        total += room
        rate = ONE
        for index, ladder in enumerate(ladders):
            left[index] -= room * rate
            rate *= ladder[at[index]].rate * keep
            if left[index] <= ladder[at[index]].room / 10**30:  # divisions leave crumbs
                at[index] += 1
                if at[index] == len(ladder):
                    return total
                left[index] = ladder[at[index]].room
    return total


def walk(
    cycle: Cycle,
    ladders: Sequence[Sequence[Step]],
    put_in: Decimal,
    keep: Decimal,
    decay: Decimal,
    paid: tuple[Worst, Sequence[Decimal]] | None = None,
) -> Round | None:
    """The orders that take this much round, in whole lots; None where a leg comes to less than one.

    `decay`: the part of what is put in that is expected to be lost while the orders are on their way.
    `paid`: of a round trip whose legs are traded one after the other, what there is of each leg's asset beforehand.
    """
    legs: list[Leg] = []
    have, worth = put_in, ONE
    """`worth`: of a unit of what we have, at what it cost."""
    fees = stays = spent = sure = ZERO
    """`sure`: what the leg before brings at least."""
    for index, (hop, ladder) in enumerate(zip(cycle, ladders, strict=True)):
        quantity, given, brought, limit = _order(hop, ladder, have)
        if paid is not None:
            worst, free = paid
            if index and quantity and (cost := _cost(hop, quantity, worst(hop, limit))) > sure + free[index]:
                quantity, given, brought, limit = _lots(hop, ladder, quantity * (sure + free[index]) / cost)
            sure = _cost(hop, quantity, worst(hop, limit), hop.side.opposite) * keep
        if not quantity:
            return None
        if index == 0:
            spent = given
        else:
            stays += (have - given) * worth
        value = given * worth
        legs.append(Leg(quantity, limit, given))
        fees += value * (ONE - keep)
        have = brought * keep
        worth = (value - value * (ONE - keep)) / have
    back = have
    best = ONE
    for ladder in ladders:
        best *= ladder[0].rate
    gross = (spent * (best - ONE)).quantize(_CRUMB)
    lost, fees = (spent * decay).quantize(_CRUMB), fees.quantize(_CRUMB)
    edge = (back + stays - spent).quantize(_CRUMB) - lost
    return Round(tuple(legs), spent, gross, fees, gross - fees - lost - edge, lost, edge)


def edge_bps(found: Round) -> float:
    """What is left, of what is put in."""
    return float(found.edge / found.put_in * BPS)


def _order(hop: Hop, ladder: Sequence[Step], have: Decimal) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Quantity in lots, what it takes, what it brings before the fee, and the worst price."""
    base, left = ZERO, have
    for step in ladder:
        part = min(left, step.room)
        base += part * step.rate if hop.side is Side.BUY else part
        left -= part
        if left <= 0:
            break
    return _lots(hop, ladder, base / hop.instrument.multiplier)


def _lots(hop: Hop, ladder: Sequence[Step], wanted: Decimal) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """The same of a quantity that the ladder holds."""
    quantity = round_down(wanted, hop.instrument.lot)
    base, cash = quantity * hop.instrument.multiplier, ZERO
    left, limit = base, ladder[0].price
    for step in ladder:
        if left <= 0:
            break
        part = min(left, step.room / step.price if hop.side is Side.BUY else step.room)
        cash += part * step.price
        limit = step.price
        left -= part
    return (quantity, cash, base, limit) if hop.side is Side.BUY else (quantity, base, cash, limit)


def _cost(hop: Hop, quantity: Decimal, price: Decimal, side: Side | None = None) -> Decimal:
    """What an order takes at this price; or what one of the other side takes, which is what it brings."""
    base = quantity * hop.instrument.multiplier
    return base * price if (side or hop.side) is Side.BUY else base
