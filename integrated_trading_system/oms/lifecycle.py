"""An order's life as a table: what we know now, and what a piece of evidence makes of it.

Evidence never ends an order by itself. An order is over when one of three things is proven:

* it never left (`UNSENT`);
* it is nowhere at the venue, asked when no copy of it could be accepted any more (`ABSENT`);
* the venue said how much it executed, and we own fills that add up to exactly that (`settled`).

So a silent venue, a late answer and even a reject leave it UNKNOWN, with its exposure reserved.
"""

from enum import StrEnum
from typing import Final

from integrated_trading_system.domain.order import TERMINAL, Order, OrderStatus

INTENDED, SUBMITTED, WORKING, UNKNOWN = (
    OrderStatus.INTENDED,
    OrderStatus.SUBMITTED,
    OrderStatus.WORKING,
    OrderStatus.UNKNOWN,
)
FILLED, CANCELLED, REJECTED = OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED


class Evidence(StrEnum):
    """What can be learned about an order."""

    SENT = "sent"
    """It is durable and was handed to the venue's connector."""
    UNSENT = "unsent"
    """Not one byte of it has left, and none will."""
    PRESENT = "present"
    """The venue has it, or had it."""
    TRADED = "traded"
    """A fill of it was booked."""
    REFUSED = "refused"
    """The venue said no to a copy of it; another copy may be on its way."""
    UNCERTAIN = "uncertain"
    """No answer, or one that says nothing."""
    ABSENT = "absent"
    """Proven: the venue has no such order, and none of its fills is missing."""
    RESTARTED = "restarted"
    """We crashed or stopped since; what we sent last is not known."""


NEXT: Final = {
    (INTENDED, Evidence.SENT): SUBMITTED,
    (INTENDED, Evidence.UNSENT): REJECTED,
    (INTENDED, Evidence.RESTARTED): UNKNOWN,
    # What follows is impossible unless somebody else uses our ids; then it is not sent once more.
    (INTENDED, Evidence.PRESENT): WORKING,
    (INTENDED, Evidence.TRADED): WORKING,
    (SUBMITTED, Evidence.UNSENT): REJECTED,
    (SUBMITTED, Evidence.PRESENT): WORKING,
    (SUBMITTED, Evidence.TRADED): WORKING,  # fills may overtake the acknowledgement
    (SUBMITTED, Evidence.REFUSED): UNKNOWN,
    (SUBMITTED, Evidence.UNCERTAIN): UNKNOWN,
    (SUBMITTED, Evidence.ABSENT): REJECTED,
    (SUBMITTED, Evidence.RESTARTED): UNKNOWN,
    (UNKNOWN, Evidence.PRESENT): WORKING,
    (UNKNOWN, Evidence.TRADED): WORKING,
    (UNKNOWN, Evidence.ABSENT): REJECTED,
    # Some venues forget an order once it is over; its fills are owned, so what is left of it is dead.
    (WORKING, Evidence.ABSENT): CANCELLED,
}
"""Every other pair leaves the status as it is."""

CONTRADICTIONS: Final = frozenset(
    {
        (INTENDED, Evidence.PRESENT),
        (INTENDED, Evidence.TRADED),
        (REJECTED, Evidence.PRESENT),
        *((status, Evidence.TRADED) for status in TERMINAL),
    }
)
"""Evidence that refutes what was proven, or shows that our ids are used by others: trading must stop."""


def after(status: OrderStatus, evidence: Evidence) -> OrderStatus:
    """The status once the evidence is known."""
    return NEXT.get((status, evidence), status)


def contradicts(order: Order, evidence: Evidence) -> bool:
    """Whether the evidence cannot be, given what we know of the order.

    A late acknowledgement of an order that the venue took and then rejected is no contradiction.
    """
    if order.status is REJECTED and evidence is Evidence.PRESENT and order.venue_order_id is not None:
        return False
    return (order.status, evidence) in CONTRADICTIONS


def settled(order: Order, done: OrderStatus | None) -> OrderStatus:
    """The status, given the fills that we own and `done`, how the venue says the order ended (None: it has not said).

    Terminal only if what we own is exactly what the venue executed.
    """
    if order.status in TERMINAL:
        return order.status
    if order.filled >= order.request.quantity:
        return FILLED
    if done is None or done is FILLED or order.filled != order.venue_filled:
        return order.status
    return done
