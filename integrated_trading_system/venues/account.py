"""What a venue itself says of the key that it is asked with: whose it is, and what it may do.

Asked once before anything is traded. What the venue does not say stays unknown; nothing is inferred.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from integrated_trading_system.domain.http import HttpReply, HttpRequest


class KeyFacts(Struct, frozen=True, kw_only=True):
    """None, or an empty account: the venue does not say."""

    account: str = ""
    """The venue's own id of the account, as its pages show it."""
    trades: bool | None = None
    """Whether it may place orders in this flavour's products."""
    moves_money: tuple[str, ...] | None = None
    """Permissions by which money can leave the account, in the venue's words; empty: it has none of them."""
    addresses: bool | None = None
    """Whether it works from named network addresses only."""


class AccountCheck(Protocol):
    """Asks a venue about the key. Requests are unsigned, as those of `Trading`; nothing of it changes anything."""

    def requests(self) -> tuple[HttpRequest, ...]:
        """Every one is to be answered before `decode`."""

    def decode(self, replies: Sequence[HttpReply]) -> KeyFacts:
        """Of the replies, in the order of the requests; raises MalformedReply, with the venue's words of refusal."""
