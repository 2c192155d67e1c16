"""What each fault must have caused somewhere in a campaign: a counter that went up proves nothing by itself.

A reaction counts for a fault when both were seen in the same seed.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from integrated_trading_system.simulation.faults import Fault


class Reaction(StrEnum):
    """Something that the platform, or its other side, was seen to do."""

    TIMED_OUT = "a request was answered by nobody"
    REFUSED = "a gateway answered in the venue's place"
    DOUBTED = "an order was UNKNOWN"
    PROVEN_ABSENT = "an order that was UNKNOWN was proven never to have arrived"
    PROVEN_PRESENT = "an order that was UNKNOWN turned out to be at the venue"
    TAKEN_LATE = "an exchange took an order that was UNKNOWN here"
    ASKED_FILL = "a fill was learned by a question"
    DUPLICATE = "a fill was told again and not booked again"
    LATE_FILL = "a fill was told late"
    GAP = "a gap discarded a book"
    SUSPECT = "a book was no longer believed"
    QUARANTINED = "a frame was not believed"
    LINK_LOST = "a link was lost"
    UNREACHABLE = "a link or a request was refused"
    RECOVERED = "the next life began from the journal with orders under way"
    RESTARTED = "an actor was restarted"
    ESCALATED = "the failure of an actor that holds money ended the life"
    WAITED = "a venue was asked nothing until the Retry-After of its 429, and then it was asked again"
    SAT_OUT = "a venue was sent nothing at all until the Retry-After of its 418, and then it was asked again"
    TURNED_AWAY = "a venue in maintenance refused an order, and the order was over"
    OUT_OF_TIME = "a venue refused a request for its time"
    TIME_LEARNED = "an order was taken by a venue whose clock was wrong"
    RACED = "an order traded after its cancel was asked for"
    PARTLY = "an order of which a part had traded was cancelled"
    CANCELLED = "what was open was cancelled within 50 ms of a halt"
    STOPPED = "the gate stopped an order, or nothing was approved, until it was resumed"


R = Reaction
CAUSES: Final[Mapping[str, tuple[Reaction, ...]]] = {
    Fault.REQUEST_LOST: (R.TIMED_OUT, R.PROVEN_ABSENT),
    Fault.REQUEST_LATE: (R.TIMED_OUT, R.TAKEN_LATE),
    Fault.REPLY_LOST: (R.TIMED_OUT, R.PROVEN_PRESENT),
    Fault.REPLY_LATE: (R.TIMED_OUT, R.PROVEN_PRESENT),
    Fault.GATEWAY_REFUSES: (R.REFUSED, R.PROVEN_ABSENT),
    Fault.GATEWAY_GIVES_UP: (R.REFUSED, R.PROVEN_PRESENT),
    Fault.EVENT_LOST: (R.ASKED_FILL,),
    Fault.EVENT_TWICE: (R.DUPLICATE,),
    Fault.EVENT_LATE: (R.LATE_FILL,),
    Fault.DATA_LOST: (R.GAP,),
    Fault.DATA_LATE: (R.SUSPECT,),
    Fault.DATA_TWICE: (R.SUSPECT,),
    Fault.DATA_SWAPPED: (R.GAP,),
    Fault.DATA_GARBLED: (R.QUARANTINED,),
    Fault.BOOK_STALE: (R.SUSPECT,),
    Fault.LINKS_CUT: (R.LINK_LOST,),
    Fault.ALL_CUT: (R.LINK_LOST,),
    Fault.SILENCE: (R.LINK_LOST,),
    Fault.OUTAGE: (R.UNREACHABLE,),
    Fault.SLOW: (R.DOUBTED,),
    Fault.CLOG: (R.DOUBTED,),
    Fault.SWIZZLE: (R.DOUBTED,),
    Fault.TOO_MANY: (R.WAITED,),
    Fault.BANNED: (R.SAT_OUT,),
    Fault.MAINTENANCE: (R.TURNED_AWAY,),
    Fault.CLOCK_STEP: (R.OUT_OF_TIME, R.TIME_LEARNED),
    "cancel": (R.RACED, R.PARTLY),
    "crash": (R.RECOVERED,),
    "failure": (R.RESTARTED, R.ESCALATED),
    "halt": (R.STOPPED, R.CANCELLED),
    "reduce": (R.STOPPED,),
}
"""A fault without an entry only has to have happened."""
ALWAYS: Final = (*(fault.value for fault in Fault), "cancel", "crash", "failure", "halt", "reduce")
"""What every campaign has to show."""


def shown(fired: Mapping[str, int], seen: Mapping[Reaction, int]) -> dict[str, list[Reaction]]:
    """Of one seed: the faults that happened, and which of what they must cause was seen with them."""
    return {name: [each for each in CAUSES.get(name, ()) if seen.get(each)] for name, count in fired.items() if count}


def missing(shown_by_fault: Mapping[str, set[Reaction]]) -> list[str]:
    """Of a whole campaign: what never happened, or never had its effect."""
    problems = []
    for name in ALWAYS:
        if name not in shown_by_fault:
            problems.append(f"{name}: it never happened")
        else:
            unseen = [each for each in CAUSES.get(name, ()) if each not in shown_by_fault[name]]
            problems += [f"{name}: never seen with it that {each}" for each in unseen]
    return problems
