"""How much of a price difference can be taken: both books walked together, in exact numbers.

The newest quote says what the best price and its size are; the book, which may lag behind it, only
says what lies beyond. Every unit taken clears the hurdle by itself, so the average does too.
"""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.market import Level, Quote
from integrated_trading_system.domain.money import BPS, ONE, ZERO, from_float
from integrated_trading_system.domain.order import Side
from integrated_trading_system.strategies.arbitrage.conversion import Unit

NOTHING: Final[Mapping[Decimal, Decimal]] = MappingProxyType({})


class Rung(Struct, frozen=True):
    """One level of a book, in the Comparison's terms."""

    price: Decimal
    """In the instrument's own quote currency."""
    value: Decimal
    """Per base unit of the Comparison, in its currency."""
    quantity: Decimal
    """Base units of the Comparison."""


class Costs(Struct, frozen=True):
    """What a trade must bear, as fractions of the value bought, or sold where it says so."""

    buy_fee: Decimal
    sell_fee: Decimal
    """Of the value sold."""
    decay: Decimal
    edge_min: Decimal
    funding: Decimal = ZERO
    """Expected until the position is closed; negative is received."""
    conversion: Decimal = ZERO

    @property
    def wanted(self) -> Decimal:
        """What a unit must bring after fees, as a part of the value bought."""
        return self.decay + self.edge_min + self.funding + self.conversion

    def clears(self, buy: Decimal, sell: Decimal) -> bool:
        """Whether a unit bought and sold at these values leaves the least edge that is wanted."""
        return sell * (ONE - self.sell_fee) >= buy * (ONE + self.buy_fee + self.wanted)


class Priced(Struct, frozen=True):
    """A quantity bought and sold, and what is left of it. Amounts in the Comparison's currency."""

    quantity: Decimal
    """Base units of the Comparison."""
    buy_limit: Decimal
    """The worst price used, in the instrument's own quote currency."""
    sell_limit: Decimal
    buy_average: Decimal
    sell_average: Decimal
    gross: Decimal
    """At the best prices."""
    fees: Decimal
    slippage: Decimal
    decay: Decimal
    funding: Decimal
    conversion: Decimal
    edge: Decimal
    """gross - fees - slippage - decay - funding - conversion, exactly."""
    edge_bps: float


def ladder(
    quote: Quote, side: Side, levels: Sequence[Level], unit: Unit, own: Mapping[Decimal, Decimal] = NOTHING
) -> list[Rung]:
    """What an order of this side would hit, best first: the quote's own level, then the book's that are worse.

    `own`: what rests there of our own orders, by price. Nobody trades with himself, so it is no depth of ours.
    """
    if side is Side.BUY:
        best = (quote.ask, quote.ask_size)
        beyond = [level for level in levels if level[0] > quote.ask]
    else:
        best = (quote.bid, quote.bid_size)
        beyond = [level for level in levels if level[0] < quote.bid]
    rungs = []
    for price, size in (best, *beyond):
        exact = from_float(price)
        there = from_float(size) - own.get(exact, ZERO) if own else from_float(size)
        if there > 0:
            rungs.append(Rung(exact, exact * unit.rate, there * unit.base))
    return rungs


def matched(buys: Sequence[Rung], sells: Sequence[Rung], costs: Costs) -> Decimal:
    """The most that can be bought and sold with every unit of it clearing the hurdle."""
    total = ZERO
    i = j = 0
    to_buy, to_sell = buys[0].quantity, sells[0].quantity
    while costs.clears(buys[i].value, sells[j].value):
        step = min(to_buy, to_sell)
        total += step
        to_buy -= step
        to_sell -= step
        if not to_buy:
            i += 1
            if i == len(buys):
                break
            to_buy = buys[i].quantity
        if not to_sell:
            j += 1
            if j == len(sells):
                break
            to_sell = sells[j].quantity
    return total


def priced(buys: Sequence[Rung], sells: Sequence[Rung], quantity: Decimal, costs: Costs) -> Priced:
    """What `quantity`, which both ladders hold, brings."""
    bought, buy_cash, buy_limit = _take(buys, quantity)
    sold, sell_cash, sell_limit = _take(sells, quantity)
    gross = (sells[0].value - buys[0].value) * quantity
    slippage = gross - (sold - bought)
    fees = bought * costs.buy_fee + sold * costs.sell_fee
    decay, funding, conversion = bought * costs.decay, bought * costs.funding, bought * costs.conversion
    edge = gross - fees - slippage - decay - funding - conversion
    return Priced(
        quantity=quantity,
        buy_limit=buy_limit,
        sell_limit=sell_limit,
        buy_average=buy_cash / quantity,
        sell_average=sell_cash / quantity,
        gross=gross,
        fees=fees,
        slippage=slippage,
        decay=decay,
        funding=funding,
        conversion=conversion,
        edge=edge,
        edge_bps=float(edge / bought * BPS),
    )


def common_lot(first: Unit, second: Unit) -> Decimal:
    """The smallest quantity, in base units of the Comparison, that is a whole number of lots of both."""
    lots = [lot for lot in (first.instrument.lot * first.base, second.instrument.lot * second.base) if lot]
    if len(lots) < 2:
        return lots[0] if lots else ZERO
    exponent = min(lot.as_tuple().exponent for lot in lots)
    assert isinstance(exponent, int), "lots are finite"
    whole = [int(lot.scaleb(-exponent)) for lot in lots]
    return Decimal(math.lcm(*whole)).scaleb(exponent)


def _take(rungs: Sequence[Rung], quantity: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Value, price times quantity, and the worst price of the first `quantity` of a ladder."""
    value = cash = ZERO
    left = quantity
    worst = rungs[0].price
    for rung in rungs:
        if left <= 0:
            break
        step = min(left, rung.quantity)
        value += step * rung.value
        cash += step * rung.price
        worst = rung.price
        left -= step
    assert left <= 0, "the ladders hold what is taken from them"
    return value, cash, worst
