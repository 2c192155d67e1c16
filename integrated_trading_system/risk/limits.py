"""What every plan is held against: pure questions in a fixed order, one a limit; the first "no" is the answer.

A plan *reduces* when every leg brings its position nearer to nothing, whatever becomes of everything in
flight. What makes a book dangerous to grow does not make it dangerous to shrink: a reducing plan is
not asked the questions that are only about growing.
"""

from typing import Final

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.risk import admission, orders, room
from integrated_trading_system.risk.case import Case, Check
from integrated_trading_system.risk.codes import Code, Denial
from integrated_trading_system.risk.state import RiskState

CHECKS: Final[tuple[tuple[Check, bool], ...]] = (
    (admission.stopping, True),
    (admission.trading, True),
    (admission.duplicate, True),
    (admission.expired, True),
    (admission.in_flight, False),
    (admission.latched, False),
    (admission.duplicate_order, False),
    (admission.repeated, False),
    (admission.listed, True),
    (admission.rate, True),
    (admission.peg, False),
    (admission.venue_blocked, True),
    (admission.venue_down, True),
    (admission.user_stream, False),
    (admission.venue_errors, False),
    (admission.clock, False),
    (admission.book, True),
    (admission.circuit, False),
    (admission.quote, True),
    (admission.quote_age, True),
    (orders.filters, True),
    (orders.reduce_only, True),
    (orders.collar, True),
    (orders.envelope, True),
    (orders.notional, True),
    (orders.touch, False),
    (orders.impact, False),
    (room.balance, True),
    (room.initial_margin, False),
    (room.position, False),
    (room.asset, False),
    (room.venue, False),
    (room.strategy, True),
    (room.total, False),
    (room.unhedged, False),
    (room.daily_loss, False),
    (room.drawdown, False),
    (room.order_rate, True),
    (room.message_rate, True),
)
"""In this order: a later check may rely on what an earlier one made sure of. True: asked of reducing plans, too."""

_OF_REDUCING: Final = tuple(check for check, of_reducing in CHECKS if of_reducing)
_OF_GROWING: Final = tuple(check for check, _ in CHECKS)

GROWING_ONLY: Final = frozenset(
    {
        *(Code.PLANS_IN_FLIGHT, Code.LATCHED, Code.DUPLICATE_ORDER, Code.REPEATED, Code.DEPEG, Code.USER_STREAM),
        *(Code.VENUE_ERRORS, Code.CLOCK_SKEW, Code.FEED_UNRELIABLE, Code.TOUCH, Code.IMPACT, Code.MARGIN),
        *(Code.POSITION, Code.ASSET, Code.VENUE, Code.EXPOSURE, Code.UNHEDGED),
        *(Code.DAILY_LOSS, Code.DRAWDOWN, Code.REDUCING),
    }
)
"""What a reducing plan is never denied for."""

ADMITTED: Final[dict[TradingState, tuple[Code | None, Code | None]]] = {
    TradingState.STARTING: (Code.NOT_STARTED, Code.NOT_STARTED),
    TradingState.ACTIVE: (None, None),
    TradingState.REDUCING: (None, Code.REDUCING),
    TradingState.HALTED: (Code.HALTED, Code.HALTED),
}
"""By trading state: why a reducing and why a growing plan is denied, None where it may pass. Resting or immediate is
no difference to it: a resting order is reserved in full, and an operator's halt cancels it."""


def review(plan: Plan, state: RiskState, limits: RiskSettings) -> Case | Denial:
    """The first denial of all checks; or the case, of a plan that may be approved."""
    denial = admission.shape(plan)
    if denial is not None:
        return denial
    case = Case(plan, state, limits)
    for check in _OF_REDUCING if case.reducing else _OF_GROWING:
        denial = check(case)
        if denial is not None:
            return denial
    return case
