"""Whether anything may be sent, the plan makes sense, and we know what we are doing."""

from typing import Final

from integrated_trading_system.domain.health import BookState, TradingState
from integrated_trading_system.domain.money import BPS, ONE, plain
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.time import MILLISECOND
from integrated_trading_system.risk.case import Case
from integrated_trading_system.risk.codes import Code, Denial

LEGS_MAX: Final = 8
_DIGITS_MAX: Final = 24


def shape(plan: Plan) -> Denial | None:
    """Whether the plan can be reasoned about at all: the first question of all."""
    if not 1 <= len(plan.legs) <= LEGS_MAX:
        return Denial(Code.MALFORMED, f"{len(plan.legs)} legs")
    if plan.hedge_by < plan.submit_by or plan.hedge_orders_max < 0:
        return Denial(Code.MALFORMED, "the hedge envelope ends before it begins")
    for index, leg in enumerate(plan.legs):
        if leg.follows is not None and not 0 <= leg.follows < index:
            return Denial(Code.MALFORMED, f"leg {index} follows leg {leg.follows}, which is not an earlier one")
        for amount in (leg.price, leg.quantity, leg.worst_price, leg.unwind_price):
            if not (amount.is_finite() and amount > 0 and -_DIGITS_MAX <= amount.adjusted() <= _DIGITS_MAX):
                return Denial(Code.MALFORMED, f"{leg.instrument}: prices and quantity are not plain positive numbers")
    return None


def stopping(case: Case) -> Denial | None:
    """The end of the run."""
    return Denial(Code.SHUTTING_DOWN, "") if case.state.stopping else None


def trading(case: Case) -> Denial | None:
    """The trading state."""
    match case.state.trading:
        case TradingState.HALTED:
            return Denial(Code.HALTED, case.state.halted or "")
        case TradingState.STARTING:
            return Denial(Code.NOT_STARTED, "")
        case TradingState.REDUCING if not case.reducing:
            return Denial(Code.REDUCING, case.state.reducing or "")
        case _:
            return None


def duplicate(case: Case) -> Denial | None:
    """A plan is approved once."""
    return Denial(Code.DUPLICATE, case.plan.plan_id) if case.state.seen(case.plan.plan_id) else None


def expired(case: Case) -> Denial | None:
    """A plan that comes too late is about a market that is no more."""
    late = case.state.now - case.plan.submit_by
    return Denial(Code.EXPIRED, f"{late // MILLISECOND} ms late") if late > 0 else None


def in_flight(case: Case) -> Denial | None:
    """Plans under way at the same time."""
    most = case.limits.plans_in_flight_max
    return Denial(Code.PLANS_IN_FLIGHT, f"{most} are under way") if len(case.state.exposure.plans) >= most else None


def latched(case: Case) -> Denial | None:
    """Strategies that an operator has to resume."""
    if not case.state.repetition.latched:
        return None
    for leg in case.plan.legs:
        reason = case.state.repetition.latched.get((case.plan.strategy, leg.instrument))
        if reason is not None:
            return Denial(Code.LATCHED, f"{leg.instrument}: {reason}")
    return None


def repeated(case: Case) -> Denial | None:
    """The same legs again and again, at whatever prices: `repeats_max` within `repeat_window_ms`. Latches."""
    count = case.state.repetition.repeats(case.shape, case.state.now)
    if count < case.limits.repeats_max:
        return None
    return Denial(Code.REPEATED, f"{count} times within {case.limits.repeat_window_ms} ms")


def duplicate_order(case: Case) -> Denial | None:
    """The very same legs, prices and quantities under a new id: `duplicates_max` within `duplicate_window_ms`."""
    count = case.state.repetition.duplicates(case.content, case.state.now)
    if count < case.limits.duplicates_max:
        return None
    return Denial(Code.DUPLICATE_ORDER, f"{count} times within {case.limits.duplicate_window_ms} ms")


def listed(case: Case) -> Denial | None:
    """The venue's rules are known."""
    for leg in case.plan.legs:
        if leg.instrument not in case.state.instruments:
            return Denial(Code.UNKNOWN_INSTRUMENT, leg.instrument)
    return None


def rate(case: Case) -> Denial | None:
    """What it is quoted in has a value in the reporting currency."""
    for priced in case.legs:
        if priced.rate is None:
            return Denial(Code.NO_RATE, f"{priced.instrument.quote} in {case.limits.currency}")
    return None


def peg(case: Case) -> Denial | None:
    """A stated rate with a book holds only while the two agree."""
    for priced in case.legs:
        guard = case.state.guard(priced.instrument.quote)
        if guard is None:
            continue
        stated, mid, bps = guard
        if mid is None:
            return Denial(Code.DEPEG, f"{priced.instrument.quote}: its book is not valid")
        if abs(mid / stated - ONE) * BPS > bps:
            found = f"{plain(stated)} is stated, its book says {mid:.6g}, {plain(bps)} bps are allowed"
            return Denial(Code.DEPEG, f"{priced.instrument.quote}: {found}")
    return None


def venue_blocked(case: Case) -> Denial | None:
    """Venues that refuse us for good."""
    for priced in case.legs:
        reason = case.state.venues.blocked.get(priced.venue)
        if reason is not None:
            return Denial(Code.VENUE_BLOCKED, f"{priced.venue}: {reason}")
    return None


def venue_down(case: Case) -> Denial | None:
    """Venues without a live link."""
    for priced in case.legs:
        if case.state.venues.down(priced.venue):
            return Denial(Code.VENUE_DOWN, priced.venue)
    return None


def user_stream(case: Case) -> Denial | None:
    """Accounts of which we would hear late."""
    for priced in case.legs:
        if (priced.venue, priced.leg.account) in case.state.venues.deaf:
            return Denial(Code.USER_STREAM, f"{priced.venue} {priced.leg.account}")
    return None


def venue_errors(case: Case) -> Denial | None:
    """Venues that leave too much without a usable answer."""
    for priced in case.legs:
        count = case.state.venues.errors(priced.venue, case.state.now)
        if count > case.limits.venue_errors_max:
            return Denial(Code.VENUE_ERRORS, f"{priced.venue}: {count} within {case.limits.venue_error_window_ms} ms")
    return None


def clock(case: Case) -> Denial | None:
    """Venues whose clock is not ours."""
    for priced in case.legs:
        reason = case.state.venues.skewed.get(priced.venue)
        if reason is not None:
            return Denial(Code.CLOCK_SKEW, reason)
    return None


def book(case: Case) -> Denial | None:
    """Books that are proven."""
    for leg in case.plan.legs:
        state = case.state.books.get(leg.instrument, BookState.SYNCING)
        if state is not BookState.VALID:
            return Denial(Code.BOOK_NOT_VALID, f"{leg.instrument} is {state}")
    return None


def circuit(case: Case) -> Denial | None:
    """Feeds that have been good for long enough."""
    for leg in case.plan.legs:
        reason = case.state.unreliable.get(leg.instrument)
        if reason is not None:
            return Denial(Code.FEED_UNRELIABLE, f"{leg.instrument}: {reason}")
    return None


def quote(case: Case) -> Denial | None:
    """Best prices that are there."""
    for priced in case.legs:
        if priced.quote is None:
            return Denial(Code.NO_QUOTE, priced.leg.instrument)
    return None


def quote_age(case: Case) -> Denial | None:
    """Best prices that are new."""
    for priced in case.legs:
        assert priced.quote is not None, "checked before"
        age = case.state.now - priced.quote.received_at
        if age > case.limits.quote_age_ms_max * MILLISECOND:
            return Denial(Code.QUOTE_STALE, f"{priced.leg.instrument}: {age // MILLISECOND} ms")
    return None
