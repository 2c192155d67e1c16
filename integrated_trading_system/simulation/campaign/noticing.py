"""What an input or a fact shows by itself: the reactions that need no memory to be recognised."""

from typing import Any, Final

from integrated_trading_system.domain.health import (
    BookState,
    BookStateChanged,
    Gap,
    LinkChanged,
    LinkState,
    Quarantined,
)
from integrated_trading_system.domain.http import HttpFailed, HttpReply
from integrated_trading_system.domain.link import LinkClosed
from integrated_trading_system.simulation.campaign.reactions import Reaction

CONDITIONS: Final = (Gap, BookStateChanged, Quarantined, LinkChanged)
"""Facts of market data and links."""
SHORT: Final = 400
"""A refusal has no longer body."""
OUT_OF_TIME: Final = (b'"code":-1021,', b'"retCode":10002,', b'"50102"', b"Request has expired")
"""What Binance, Bybit, OKX and Backpack say of a timestamp out of their window."""


def of_input(message: Any, *, clock_is_wrong: bool) -> Reaction | None:
    """What the core is told from outside; `clock_is_wrong`: that of the venue that tells it."""
    match message:
        case HttpFailed(maybe_sent=maybe_sent):
            return Reaction.TIMED_OUT if maybe_sent else Reaction.UNREACHABLE
        case HttpReply(status=status) if status >= 500:
            return Reaction.REFUSED
        case HttpReply(body=body) if clock_is_wrong and len(body) < SHORT:
            return Reaction.OUT_OF_TIME if any(words in body for words in OUT_OF_TIME) else None
        case LinkClosed(reason="refused"):
            return Reaction.UNREACHABLE
        case _:
            return None


def of_condition(fact: Any) -> Reaction | None:
    """What the core tells of market data and links."""
    match fact:
        case Gap():
            return Reaction.GAP
        case BookStateChanged(state=state) if state is not BookState.VALID:
            return Reaction.SUSPECT
        case Quarantined():
            return Reaction.QUARANTINED
        case LinkChanged(state=LinkState.DOWN):
            return Reaction.LINK_LOST
        case _:
            return None
