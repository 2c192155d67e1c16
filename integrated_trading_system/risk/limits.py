"""What every plan is held against, one question a function: pure, in a fixed order, the first "no" is the answer.

Every refusal has a code from `DENIAL_CODES`; people, dashboards and tests know it by that name.
"""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.balances import Purse, spending
from integrated_trading_system.domain.health import BookState, TradingState
from integrated_trading_system.domain.ids import venue_of
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import BPS, ONE, ZERO, from_float, plain
from integrated_trading_system.domain.order import OrderType, Side
from integrated_trading_system.domain.plan import Leg, Plan
from integrated_trading_system.domain.time import MILLISECOND
from integrated_trading_system.risk.rates import messages_of, orders_of
from integrated_trading_system.risk.state import RiskState

LEGS_MAX: Final = 8
_DIGITS_MAX: Final = 24


class Code(StrEnum):
    """Why a plan was denied."""

    SHUTTING_DOWN = "shutting-down"
    HALTED = "halted"
    NOT_STARTED = "not-started"
    REDUCING = "reducing"
    MALFORMED = "malformed"
    DUPLICATE = "duplicate-plan"
    EXPIRED = "expired"
    PLANS_IN_FLIGHT = "plans-in-flight-max"
    UNKNOWN_INSTRUMENT = "unknown-instrument"
    NO_RATE = "no-rate"
    VENUE_DOWN = "venue-down"
    CLOCK_SKEW = "clock-skew"
    BOOK_NOT_VALID = "book-not-valid"
    FEED_UNRELIABLE = "feed-unreliable"
    NO_QUOTE = "no-quote"
    QUOTE_STALE = "quote-stale"
    FILTER = "venue-filter"
    REDUCE_ONLY = "reduce-only"
    COLLAR = "price-collar"
    ENVELOPE = "envelope-collar"
    ORDER_NOTIONAL = "order-notional-max"
    IMPACT = "market-impact"
    BALANCE = "balance"
    POSITION = "position-notional-max"
    VENUE = "venue-notional-max"
    STRATEGY = "strategy-notional-max"
    EXPOSURE = "exposure-max"
    DAILY_LOSS = "daily-loss-max"
    DRAWDOWN = "drawdown-max"
    ORDER_RATE = "order-rate"
    MESSAGE_RATE = "message-rate"


DENIAL_CODES: Final[dict[str, str]] = {
    Code.SHUTTING_DOWN: "The platform is stopping; no new plans are taken.",
    Code.HALTED: "Trading is halted until an operator resumes it.",
    Code.NOT_STARTED: "Orders and balances have not been reconciled with the venues yet.",
    Code.REDUCING: "Only plans of which every leg brings a position nearer to nothing are taken.",
    Code.MALFORMED: "The plan contradicts itself: no legs, the same instrument twice, numbers that are none.",
    Code.DUPLICATE: "A plan with this id was approved before.",
    Code.EXPIRED: "The plan came after the time by which its orders should have left.",
    Code.PLANS_IN_FLIGHT: "Too many plans are approved and not finished.",
    Code.UNKNOWN_INSTRUMENT: "No venue has listed the instrument.",
    Code.NO_RATE: "The instrument's quote currency has no stated rate in the reporting currency.",
    Code.VENUE_DOWN: "None of the venue's links is live.",
    Code.CLOCK_SKEW: "The venue's clock is too far from ours; reducing plans pass.",
    Code.BOOK_NOT_VALID: "The instrument's book is syncing, suspect or stale.",
    Code.FEED_UNRELIABLE: "The instrument's circuit is open; reducing plans pass.",
    Code.NO_QUOTE: "The instrument has had no quote yet.",
    Code.QUOTE_STALE: "The instrument's newest quote is too old.",
    Code.FILTER: "The venue would refuse the order: suspended, tick, lot, smallest or largest order.",
    Code.REDUCE_ONLY: "A leg marked as reduce-only could make a position grow or turn.",
    Code.COLLAR: "A leg is priced too far on the wrong side of the current quote.",
    Code.ENVELOPE: "A leg's worst or unwind price is too far on the wrong side of the current quote.",
    Code.ORDER_NOTIONAL: "One leg is worth more than an order may be.",
    Code.IMPACT: "An order that trades at once is too large for what is shown at the touch.",
    Code.BALANCE: "The account does not have enough free to pay for the leg, by the venue's own report.",
    Code.POSITION: "The position could come to more than the instrument's limit.",
    Code.VENUE: "Positions on the venue could come to more than its limit.",
    Code.STRATEGY: "The strategy's positions could come to more than its limit.",
    Code.EXPOSURE: "All positions together could come to more than the limit.",
    Code.DAILY_LOSS: "Too much was lost today; only reducing plans are taken until midnight UTC.",
    Code.DRAWDOWN: "Too much was lost since the best moment; only reducing plans are taken.",
    Code.ORDER_RATE: "With this plan, too many orders could be sent within the window.",
    Code.MESSAGE_RATE: "With this plan, too many orders and cancels could be sent within the window.",
}
"""Every code, and what it means."""


class Denial(Struct, frozen=True):
    """Why not. `detail` says what was found and what is allowed."""

    code: Code
    detail: str


Check: TypeAlias = Callable[[Plan, RiskState, RiskSettings], Denial | None]


def review(plan: Plan, state: RiskState, limits: RiskSettings) -> Denial | None:
    """The first denial of all checks, or None: then the plan may be approved."""
    for check in CHECKS:
        denial = check(plan, state, limits)
        if denial is not None:
            return denial
    return None


# -- may anything be sent, and does the plan make sense ---------------------------------------------


def _trading(plan: Plan, state: RiskState, _limits: RiskSettings) -> Denial | None:
    if state.stopping:
        return Denial(Code.SHUTTING_DOWN, "")
    match state.trading:
        case TradingState.HALTED:
            return Denial(Code.HALTED, state.halted or "")
        case TradingState.STARTING:
            return Denial(Code.NOT_STARTED, "")
        case TradingState.REDUCING if not state.exposure.reduces(plan.legs):
            return Denial(Code.REDUCING, state.reducing or "")
        case _:
            return None


def _shape(plan: Plan, _state: RiskState, _limits: RiskSettings) -> Denial | None:
    if not 1 <= len(plan.legs) <= LEGS_MAX:
        return Denial(Code.MALFORMED, f"{len(plan.legs)} legs")
    if len({(leg.instrument, leg.account) for leg in plan.legs}) < len(plan.legs):
        return Denial(Code.MALFORMED, "two legs in one instrument")
    if plan.hedge_by < plan.submit_by or plan.hedge_orders_max < 0:
        return Denial(Code.MALFORMED, "the hedge envelope ends before it begins")
    for leg in plan.legs:
        amounts = (leg.price, leg.quantity, leg.worst_price, leg.unwind_price)
        if not all(one.is_finite() and one > 0 and abs(one.adjusted()) <= _DIGITS_MAX for one in amounts):
            return Denial(Code.MALFORMED, f"{leg.instrument}: prices and quantity are not plain positive numbers")
    return None


def _identity(plan: Plan, state: RiskState, limits: RiskSettings) -> Denial | None:
    if state.seen(plan.plan_id):
        return Denial(Code.DUPLICATE, plan.plan_id)
    if state.now > plan.submit_by:
        return Denial(Code.EXPIRED, f"{(state.now - plan.submit_by) // MILLISECOND} ms late")
    if len(state.exposure.plans) >= limits.plans_in_flight_max:
        return Denial(Code.PLANS_IN_FLIGHT, f"{limits.plans_in_flight_max} are under way")
    return None


# -- do we know what we are doing -------------------------------------------------------------------


def _knowledge(plan: Plan, state: RiskState, limits: RiskSettings) -> Denial | None:
    for leg in plan.legs:
        instrument = state.instruments.get(leg.instrument)
        if instrument is None:
            return Denial(Code.UNKNOWN_INSTRUMENT, leg.instrument)
        if state.rate(instrument.quote) is None:
            return Denial(Code.NO_RATE, f"{instrument.quote} in {limits.currency}")
    return None


def _market(plan: Plan, state: RiskState, limits: RiskSettings) -> Denial | None:
    for leg in plan.legs:
        if state.venue_down(venue_of(leg.instrument)):
            return Denial(Code.VENUE_DOWN, venue_of(leg.instrument))
        if venue_of(leg.instrument) in state.skewed and not state.exposure.reduces(plan.legs):
            return Denial(Code.CLOCK_SKEW, state.skewed[venue_of(leg.instrument)])
        book = state.books.get(leg.instrument, BookState.SYNCING)
        if book is not BookState.VALID:
            return Denial(Code.BOOK_NOT_VALID, f"{leg.instrument} is {book}")
        if leg.instrument in state.unreliable and not state.exposure.reduces(plan.legs):
            return Denial(Code.FEED_UNRELIABLE, f"{leg.instrument}: {state.unreliable[leg.instrument]}")
        quote = state.quotes.top(leg.instrument)
        if quote is None:
            return Denial(Code.NO_QUOTE, leg.instrument)
        age = state.now - quote.received_at
        if age > limits.quote_age_ms_max * MILLISECOND:
            return Denial(Code.QUOTE_STALE, f"{leg.instrument}: {age // MILLISECOND} ms")
    return None


# -- is each order sensible by itself ---------------------------------------------------------------


def _filters(plan: Plan, state: RiskState, _limits: RiskSettings) -> Denial | None:
    for leg in plan.legs:
        instrument = state.instruments[leg.instrument]
        market = leg.order_type is OrderType.MARKET  # its price is a reference, on no tick
        price = instrument.round_price(leg.price, leg.side) if market else leg.price
        if reason := instrument.refusal(price, leg.quantity):
            return Denial(Code.FILTER, f"{leg.instrument}: {reason}")
        if leg.reduce_only and not state.exposure.reduces((leg,)):
            return Denial(Code.REDUCE_ONLY, leg.instrument)
    return None


def _collars(plan: Plan, state: RiskState, limits: RiskSettings) -> Denial | None:
    for leg in plan.legs:
        quote = _quote(leg, state)
        collar, envelope = limits.collar_bps_max, limits.envelope_bps_max
        if _beyond(leg.side, leg.price, quote, collar) or (
            leg.order_type is OrderType.MARKET and _beyond(leg.side.opposite, leg.price, quote, collar)
        ):
            return Denial(Code.COLLAR, f"{leg.instrument}: {leg.side} {plain(leg.price)} at {quote.bid}/{quote.ask}")
        if plan.hedge_orders_max and (
            _beyond(leg.side, leg.worst_price, quote, envelope)
            or _beyond(leg.side.opposite, leg.unwind_price, quote, envelope)
        ):
            worst, unwind = plain(leg.worst_price), plain(leg.unwind_price)
            return Denial(Code.ENVELOPE, f"{leg.instrument}: {worst}, {unwind} at {quote.bid}/{quote.ask}")
    return None


def _order_size(plan: Plan, state: RiskState, limits: RiskSettings) -> Denial | None:
    for leg in plan.legs:
        worth = state.worth(leg.instrument, leg.quantity, leg.price)
        assert worth is not None, "instrument and rate are known"
        if worth > limits.order_notional_max:
            return Denial(Code.ORDER_NOTIONAL, _above(leg.instrument, worth, limits.order_notional_max))
        if limits.touch_multiple_max is not None:
            shown = _touch(leg, _quote(leg, state))
            if shown is not None and leg.quantity > shown * limits.touch_multiple_max:
                return Denial(Code.IMPACT, f"{leg.instrument}: {plain(leg.quantity)} where {plain(shown)} is shown")
    return None


# -- is there room for it ---------------------------------------------------------------------------


def _funds(plan: Plan, state: RiskState, _limits: RiskSettings) -> Denial | None:
    needed: dict[Purse, Decimal] = {}
    for leg in plan.legs:
        spent = spending(state.instruments[leg.instrument], leg.account, leg.side, leg.price, leg.quantity)
        if spent is not None:
            needed[spent[0]] = needed.get(spent[0], ZERO) + spent[1]
    for purse, amount in needed.items():
        free = state.balances.free(purse)
        if free is not None and amount > free:
            venue, _, asset = purse
            return Denial(Code.BALANCE, f"{venue}: {plain(amount)} {asset} needed, {plain(free)} free")
    return None


def _exposures(plan: Plan, state: RiskState, limits: RiskSettings) -> Denial | None:
    """A limit that is already exceeded still lets through what does not exceed it more."""
    before, after = state.totals(), state.totals(plan)
    for leg in plan.legs:
        name, venue = leg.instrument, venue_of(leg.instrument)
        limit = limits.position_notional_max_of.get(name, limits.position_notional_max)
        if limit < after.instruments[name] > before.instruments.get(name, ZERO):
            return Denial(Code.POSITION, _above(name, after.instruments[name], limit))
        limit = limits.venue_notional_max_of.get(venue, limits.venue_notional_max)
        if limit < after.venues[venue] > before.venues.get(venue, ZERO):
            return Denial(Code.VENUE, _above(venue, after.venues[venue], limit))
    own = after.strategies[plan.strategy]
    limit = limits.strategy_notional_max_of.get(plan.strategy, limits.strategy_notional_max)
    if limit < own > before.strategies.get(plan.strategy, ZERO):
        return Denial(Code.STRATEGY, _above(plan.strategy, own, limit))
    if limits.exposure_max < after.total > before.total:
        return Denial(Code.EXPOSURE, _above("all", after.total, limits.exposure_max))
    return None


def _losses(plan: Plan, state: RiskState, limits: RiskSettings) -> Denial | None:
    breach = loss_breach(state, limits)
    return None if breach is None or state.exposure.reduces(plan.legs) else breach


def loss_breach(state: RiskState, limits: RiskSettings) -> Denial | None:
    """Which loss limit is exceeded now. Resuming after a halt does not lift it: midnight, or a new limit, does."""
    today = state.losses.today(state.now)
    if today > limits.daily_loss_max:
        return Denial(Code.DAILY_LOSS, _above("lost today", today, limits.daily_loss_max))
    if state.losses.drawdown > limits.drawdown_max:
        return Denial(Code.DRAWDOWN, _above("drawdown", state.losses.drawdown, limits.drawdown_max))
    return None


def _rates(plan: Plan, state: RiskState, limits: RiskSettings) -> Denial | None:
    orders, messages = state.throttle.orders, state.throttle.messages
    if orders_of(plan) > orders.room(state.now):
        return Denial(Code.ORDER_RATE, f"{orders_of(plan)} more, {orders.used(state.now)} of {limits.orders_max}")
    if messages_of(plan) > messages.room(state.now):
        used = messages.used(state.now)
        return Denial(Code.MESSAGE_RATE, f"{messages_of(plan)} more, {used} of {limits.messages_max}")
    return None


CHECKS: Final[tuple[Check, ...]] = (
    _shape,
    _trading,
    _identity,
    _knowledge,
    _market,
    _filters,
    _collars,
    _order_size,
    _funds,
    _exposures,
    _losses,
    _rates,
)
"""In this order. A later check may rely on what an earlier one made sure of."""


# -- arithmetic -------------------------------------------------------------------------------------


def _beyond(side: Side, price: Decimal, quote: Quote, bps: Decimal) -> bool:
    """Whether an order of this side would pay more than `bps` beyond the best price it could hit."""
    if side is Side.BUY:
        return price > from_float(quote.ask) * (ONE + bps / BPS)
    return price < from_float(quote.bid) * (ONE - bps / BPS)


def _quote(leg: Leg, state: RiskState) -> Quote:
    quote = state.quotes.top(leg.instrument)
    assert quote is not None, "checked with the market, in this same turn"
    return quote


def _touch(leg: Leg, quote: Quote) -> Decimal | None:
    """The size that an order hits first; None when it would rest."""
    if leg.side is Side.BUY:
        crosses, size = leg.price >= from_float(quote.ask), quote.ask_size
    else:
        crosses, size = leg.price <= from_float(quote.bid), quote.bid_size
    return from_float(size) if crosses or leg.order_type is OrderType.MARKET else None


def _above(what: str, found: Decimal, limit: Decimal) -> str:
    return f"{what}: {plain(found)} is more than {plain(limit)}"
