"""What is wrong with a quote, a trade or a book, as one named reason; None when nothing is.

Each check is a pure function of the message and of what is ordinary for its instrument, and has one name. The
feeder's hot lane does not call them for every message: it compares with a band inside which none of them can
fail, and only what leaves the band is judged here. Three reasons are not found here: whether a message came too
late or from the future is the business of the venue's clock (`clock.py`), and what comes out of its order is
found where the order is known (`judge.py`).
"""

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from itertools import pairwise
from math import inf
from typing import Final, TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.market import Level, Quote, Trade
from integrated_trading_system.feed.outliers import UNKNOWN, Typical

OFF_TICK_MAX = 1e-2
"""Part of a tick that a price may be off it: the error of a float, and less than anybody quotes by mistake."""
STEPS_MAX = 2.0**45
"""Of more steps than this a float cannot tell the hundredth part."""


class Reason(StrEnum):
    """Why a message is not believed. Short fixed words, usable as labels."""

    PRICE = "price"
    """Not a positive, finite number."""
    SIZE = "size"
    """The same of a quantity."""
    CROSSED = "crossed"
    """The bid is above the ask."""
    LOCKED = "locked"
    """The bid equals the ask."""
    SPREAD = "spread"
    """Bid and ask are further apart than is allowed."""
    SEQUENCE = "sequence"
    """Older than what the same stream said before."""
    AGE = "age"
    """Longer on its way than is allowed."""
    FUTURE = "future"
    """Its time lies far ahead of everything else that the venue stamps."""
    JUMP = "jump"
    """Too far from the price before."""
    OUTLIER = "outlier"
    """Too far from the median of the newest prices, and not by walking there."""
    VOLUME = "volume"
    """An absurd multiple of the sizes before."""
    TICK = "tick"
    """The venue's prices are multiples of the tick, this one is not."""
    LOT = "lot"
    """The same of a quantity."""
    UNSORTED = "unsorted"
    """The levels of a book are not in order, or one is there twice."""


class Bounds(Struct, frozen=True):
    """What is ordinary for an instrument at this moment. The defaults hold nothing against anybody."""

    price_before: float = 0.0
    """The last believed mid price (for a trade also: the last trade's); 0: there was none."""
    jump_max: float = inf
    """Part of the price before: 0.1 is ten per cent."""
    step_max: float = inf
    """Part of the price before: whatever is nearer to it is no outlier, because markets walk away from medians."""
    spread_max: float = inf
    """Part of the mid price."""
    ticks_per_unit: float = 0.0
    """0 where the tick is not known."""
    lots_per_unit: float = 0.0
    typical: Typical = UNKNOWN


# -- numbers -------------------------------------------------------------------------------------


def usable(number: float) -> bool:
    """Positive and finite. False for NaN."""
    return 0.0 < number < inf


def on_tick(price: float, ticks_per_unit: float) -> bool:
    """Whether the price is a multiple of the tick; True where the tick is not known (0)."""
    over = price * ticks_per_unit % 1.0
    return over <= OFF_TICK_MAX or over >= 1.0 - OFF_TICK_MAX


def on_lot(quantity: float, lots_per_unit: float) -> bool:
    """The same of a quantity; True also where there are too many lots for a float to tell."""
    return quantity * lots_per_unit > STEPS_MAX or on_tick(quantity, lots_per_unit)


def far_from(price: float, before: float, jump_max: float) -> bool:
    """Whether the price is more than the part `jump_max` away from the one before; `before` 0: there was none."""
    return before > 0.0 and abs(price - before) > before * jump_max


def is_outlier(price: float, bounds: Bounds) -> bool:
    """Far from the median of the newest prices, and not near to the last one either."""
    usual = bounds.typical
    return not usual.low <= price <= usual.high and far_from(price, bounds.price_before, bounds.step_max)


def mid_of(quote: Quote) -> float:
    """Half way between bid and ask."""
    return (quote.bid + quote.ask) / 2


# -- quotes --------------------------------------------------------------------------------------


def quote_without_prices(quote: Quote, _: Bounds) -> bool:
    """A bid or ask that is no price."""
    return not (usable(quote.bid) and usable(quote.ask))


def quote_without_sizes(quote: Quote, _: Bounds) -> bool:
    """A bid or ask that nothing stands behind."""
    return not (usable(quote.bid_size) and usable(quote.ask_size))


def quote_locked(quote: Quote, _: Bounds) -> bool:
    """Bid and ask are the same."""
    return quote.bid == quote.ask


def quote_crossed(quote: Quote, _: Bounds) -> bool:
    """The bid is above the ask."""
    return quote.bid > quote.ask


def quote_off_tick(quote: Quote, bounds: Bounds) -> bool:
    """A price between two ticks."""
    return not (on_tick(quote.bid, bounds.ticks_per_unit) and on_tick(quote.ask, bounds.ticks_per_unit))


def quote_too_wide(quote: Quote, bounds: Bounds) -> bool:
    """Further apart than the instrument may be."""
    return quote.ask - quote.bid > mid_of(quote) * bounds.spread_max


def quote_jumps(quote: Quote, bounds: Bounds) -> bool:
    """Too far from the price before."""
    return far_from(mid_of(quote), bounds.price_before, bounds.jump_max)


def quote_is_outlier(quote: Quote, bounds: Bounds) -> bool:
    """Too far from the median of the mid prices."""
    return is_outlier(mid_of(quote), bounds)


def quote_too_large(quote: Quote, bounds: Bounds) -> bool:
    """More than anybody has ever shown."""
    return max(quote.bid_size, quote.ask_size) > bounds.typical.size_max


QuoteCheck: TypeAlias = Callable[[Quote, Bounds], bool]
QUOTE_CHECKS: Final[dict[Reason, QuoteCheck]] = {
    Reason.PRICE: quote_without_prices,
    Reason.SIZE: quote_without_sizes,
    Reason.LOCKED: quote_locked,
    Reason.CROSSED: quote_crossed,
    Reason.TICK: quote_off_tick,
    Reason.SPREAD: quote_too_wide,
    Reason.JUMP: quote_jumps,
    Reason.OUTLIER: quote_is_outlier,
    Reason.VOLUME: quote_too_large,
}
"""In this order; True: the quote is not believed."""


def quote_reason(quote: Quote, bounds: Bounds) -> Reason | None:
    """Judge a top of book."""
    return next((reason for reason, fails in QUOTE_CHECKS.items() if fails(quote, bounds)), None)


# -- trades --------------------------------------------------------------------------------------


def trade_without_price(trade: Trade, _: Bounds) -> bool:
    """No price."""
    return not usable(trade.price)


def trade_without_quantity(trade: Trade, _: Bounds) -> bool:
    """Nothing was traded."""
    return not usable(trade.quantity)


def trade_off_tick(trade: Trade, bounds: Bounds) -> bool:
    """A price between two ticks."""
    return not on_tick(trade.price, bounds.ticks_per_unit)


def trade_off_lot(trade: Trade, bounds: Bounds) -> bool:
    """A quantity between two lots."""
    return not on_lot(trade.quantity, bounds.lots_per_unit)


def trade_jumps(trade: Trade, bounds: Bounds) -> bool:
    """Too far from the price before."""
    return far_from(trade.price, bounds.price_before, bounds.jump_max)


def trade_is_outlier(trade: Trade, bounds: Bounds) -> bool:
    """Too far from the median of the trades."""
    return is_outlier(trade.price, bounds)


def trade_too_large(trade: Trade, bounds: Bounds) -> bool:
    """An absurd multiple of the trades before."""
    return trade.quantity > bounds.typical.size_max


TradeCheck: TypeAlias = Callable[[Trade, Bounds], bool]
TRADE_CHECKS: Final[dict[Reason, TradeCheck]] = {
    Reason.PRICE: trade_without_price,
    Reason.SIZE: trade_without_quantity,
    Reason.TICK: trade_off_tick,
    Reason.LOT: trade_off_lot,
    Reason.JUMP: trade_jumps,
    Reason.OUTLIER: trade_is_outlier,
    Reason.VOLUME: trade_too_large,
}


def trade_reason(trade: Trade, bounds: Bounds) -> Reason | None:
    """Judge a public print."""
    return next((reason for reason, fails in TRADE_CHECKS.items() if fails(trade, bounds)), None)


# -- books ---------------------------------------------------------------------------------------


def levels_reason(levels: Iterable[Level]) -> Reason | None:
    """What is wrong with levels, in whatever order. A size of 0 says that there is nothing at this price.

    Prices off the tick and sizes off the lot are not held against a book: orders from before a change of the rules
    stay in it (recorded on Binance). Best prices have to be on the tick: `quote_reason`.
    """
    for price, size in levels:
        if not usable(price):
            return Reason.PRICE
        if not 0.0 <= size < inf:
            return Reason.SIZE
    return None


def book_reason(bids: Sequence[Level], asks: Sequence[Level], ticks_per_unit: float = 0.0) -> Reason | None:
    """What is wrong with a whole book, best levels first: sorted, positive, uncrossed, its best prices on the tick."""
    if any(one[0] <= two[0] for one, two in pairwise(bids)) or any(one[0] >= two[0] for one, two in pairwise(asks)):
        return Reason.UNSORTED
    for levels in (bids, asks):
        if reason := levels_reason(levels):
            return reason
        if any(size == 0.0 for _, size in levels):
            return Reason.SIZE
        if levels and not on_tick(levels[0][0], ticks_per_unit):
            return Reason.TICK
    if bids and asks and bids[0][0] >= asks[0][0]:
        return Reason.LOCKED if bids[0][0] == asks[0][0] else Reason.CROSSED
    return None
