"""What is wrong with a quote or a trade, as one named reason; None when nothing is.

The checks are pure and complete. The feeder's hot lane does not call them for every message: it
compares with the quote before, and only what differs in an unusual way is judged here. Whether a
message came too late or from the future is the business of the venue's clock (`clock.py`).
"""

from enum import StrEnum
from math import inf

from integrated_trading_system.domain.market import Quote, Trade

OFF_TICK_MAX = 1e-2
"""Part of a tick that a price may be off it: the error of a float, and less than anybody quotes by mistake."""


class Reason(StrEnum):
    """Why a message is not believed. Short fixed words, usable as labels."""

    PRICE = "price"
    """Not a positive, finite number."""
    SIZE = "size"
    CROSSED = "crossed"
    """The bid is above the ask."""
    LOCKED = "locked"
    """The bid equals the ask."""
    SEQUENCE = "sequence"
    """Older than what the same stream said before."""
    AGE = "age"
    """Longer on its way than is allowed."""
    FUTURE = "future"
    """Its time lies far ahead of everything else that the venue stamps."""
    JUMP = "jump"
    """Too far from the price before."""
    TICK = "tick"
    """The venue's prices are multiples of the tick, this one is not."""


def usable(number: float) -> bool:
    """Positive and finite. False for NaN."""
    return 0.0 < number < inf


def on_tick(price: float, ticks_per_unit: float) -> bool:
    """Whether the price is a multiple of the tick; True where the tick is not known (0)."""
    over = price * ticks_per_unit % 1.0
    return over <= OFF_TICK_MAX or over >= 1.0 - OFF_TICK_MAX


def far_from(price: float, before: float, jump_max: float) -> bool:
    """Whether the price is more than the part `jump_max` away from the one before; `before` 0: there was none."""
    return before > 0.0 and abs(price - before) > before * jump_max


def quote_reason(quote: Quote, mid_before: float, jump_max: float, ticks_per_unit: float) -> Reason | None:
    """Judge a top of book. `mid_before` 0: there was none; `jump_max` is a part of it (0.1: ten per cent)."""
    bid, ask = quote.bid, quote.ask
    if not (usable(bid) and usable(ask)):
        return Reason.PRICE
    if not (usable(quote.bid_size) and usable(quote.ask_size)):
        return Reason.SIZE
    if bid >= ask:
        return Reason.LOCKED if bid == ask else Reason.CROSSED
    if not (on_tick(bid, ticks_per_unit) and on_tick(ask, ticks_per_unit)):
        return Reason.TICK
    return Reason.JUMP if far_from((bid + ask) / 2, mid_before, jump_max) else None


def trade_reason(trade: Trade, price_before: float, jump_max: float, ticks_per_unit: float) -> Reason | None:
    """Judge a public print; the arguments as in `quote_reason`."""
    if not usable(trade.price):
        return Reason.PRICE
    if not usable(trade.quantity):
        return Reason.SIZE
    if not on_tick(trade.price, ticks_per_unit):
        return Reason.TICK
    return Reason.JUMP if far_from(trade.price, price_before, jump_max) else None
