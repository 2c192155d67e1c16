"""Why a plan is denied: every reason has a name by which people, dashboards and tests know it."""

from enum import StrEnum
from typing import Final

from msgspec import Struct


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
    LATCHED = "latched"
    REPEATED = "repeats-max"
    DUPLICATE_ORDER = "duplicate-order"
    UNKNOWN_INSTRUMENT = "unknown-instrument"
    NO_RATE = "no-rate"
    DEPEG = "depeg"
    VENUE_DOWN = "venue-down"
    VENUE_BLOCKED = "venue-blocked"
    USER_STREAM = "user-stream-down"
    VENUE_ERRORS = "venue-errors-max"
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
    TOUCH = "touch-multiple-max"
    IMPACT = "market-impact"
    BALANCE = "balance"
    MARGIN = "margin"
    POSITION = "position-notional-max"
    ASSET = "asset-notional-max"
    VENUE = "venue-notional-max"
    STRATEGY = "strategy-notional-max"
    EXPOSURE = "exposure-max"
    UNHEDGED = "unhedged-max"
    DAILY_LOSS = "daily-loss-max"
    DRAWDOWN = "drawdown-max"
    ORDER_RATE = "order-rate"
    MESSAGE_RATE = "message-rate"


DENIAL_CODES: Final[dict[Code, str]] = {
    Code.SHUTTING_DOWN: "The platform is stopping; no new plans are taken.",
    Code.HALTED: "Trading is halted until an operator resumes it.",
    Code.NOT_STARTED: "Orders and balances have not been reconciled with the venues yet.",
    Code.REDUCING: "Only plans of which every leg brings a position nearer to nothing are taken.",
    Code.MALFORMED: "The plan contradicts itself: no legs, a leg that follows no earlier one, numbers that are none.",
    Code.DUPLICATE: "A plan with this id was approved before.",
    Code.EXPIRED: "The plan came after the time by which its orders should have left.",
    Code.PLANS_IN_FLIGHT: "Too many plans are approved and not finished.",
    Code.LATCHED: "The strategy repeated itself too often in one of the instruments; an operator has to resume it.",
    Code.REPEATED: "The strategy has traded the same legs too often within the window; it is latched.",
    Code.DUPLICATE_ORDER: "The strategy has just asked for the very same legs, prices and quantities too often.",
    Code.UNKNOWN_INSTRUMENT: "No venue has listed the instrument.",
    Code.NO_RATE: "The instrument's quote currency has neither a stated rate nor a book in the reporting currency.",
    Code.DEPEG: "The stated rate of the quote currency and its book do not agree, or the book is not valid.",
    Code.VENUE_DOWN: "None of the venue's links is live.",
    Code.VENUE_BLOCKED: "The venue refuses us for good.",
    Code.USER_STREAM: "The account's event stream is down: fills would be heard of late.",
    Code.VENUE_ERRORS: "Too many requests to the venue got no usable answer within the window.",
    Code.CLOCK_SKEW: "The venue's clock is too far from ours.",
    Code.BOOK_NOT_VALID: "The instrument's book is syncing, suspect or stale.",
    Code.FEED_UNRELIABLE: "The instrument's circuit is open.",
    Code.NO_QUOTE: "The instrument has had no quote yet.",
    Code.QUOTE_STALE: "The instrument's newest quote is too old.",
    Code.FILTER: "The venue would refuse the order: suspended, tick, lot, smallest or largest order.",
    Code.REDUCE_ONLY: "A leg marked as reduce-only could make a position grow or turn.",
    Code.COLLAR: "A leg is priced too far on the wrong side of the current quote.",
    Code.ENVELOPE: "A leg's worst or unwind price is too far on the wrong side of the current quote.",
    Code.ORDER_NOTIONAL: "One leg is worth more than an order may be.",
    Code.TOUCH: "An order that trades at once is too large for what is shown at the touch.",
    Code.IMPACT: "An order that trades at once would pay too much beyond the touch, walking the book.",
    Code.BALANCE: "The account does not have enough free to pay for the leg, by the venue's own report"
    " and by what the leg that it follows brings there.",
    Code.MARGIN: "The account does not have enough free of the settle asset for the leg's initial margin.",
    Code.POSITION: "The position could come to more than the instrument's limit.",
    Code.ASSET: "Positions in the asset, net over all venues and products, could come to more than its limit.",
    Code.VENUE: "Positions on the venue could come to more than its limit.",
    Code.STRATEGY: "The strategy's own part of all positions could come to more than its limit.",
    Code.EXPOSURE: "All positions together could come to more than the limit.",
    Code.UNHEDGED: "The strategy's legs have been out of balance for too long, weighed by how much.",
    Code.DAILY_LOSS: "Too much was lost today, open positions included.",
    Code.DRAWDOWN: "Too much was lost since the best moment, open positions included.",
    Code.ORDER_RATE: "With this plan, too many orders could be sent within the window.",
    Code.MESSAGE_RATE: "With this plan, too many orders and cancels could be sent within the window.",
}
"""Every code, and what it means."""


class Denial(Struct, frozen=True):
    """Why not. `detail` says what was found and what is allowed."""

    code: Code
    detail: str
