"""Sockets, as the core sees them: effects that ask for them and inputs that tell of them.

A `LinkId` belongs to one connection and is never used again, so a late frame of a dead link is
recognised by its id alone.
"""

from enum import StrEnum
from typing import TypeAlias, final

from msgspec import Struct

from integrated_trading_system.domain.ids import AccountId, LinkId, VenueId
from integrated_trading_system.domain.time import SECOND, Nanos


class Tag(StrEnum):
    """What an outgoing request is for: decides what a closed kill gate still lets through."""

    ORDER = "order"
    CANCEL = "cancel"
    QUERY = "query"
    DATA = "data"


class OpenLink(Struct, frozen=True, tag=True):
    """Effect: connect. Answered by LinkOpened or LinkClosed, whichever comes first."""

    link: LinkId
    venue: VenueId
    url: str
    frame_bytes_max: int
    """A larger incoming frame closes the link with reason ``oversized``."""
    ping_every: Nanos = Nanos(2 * SECOND)
    """Below the frames."""
    pong_within: Nanos = Nanos(20 * SECOND)
    """A ping not answered by then closes the link with reason ``ping-timeout``."""


class SendFrame(Struct, frozen=True, tag=True):
    """Effect: send one text frame. With `account`, the driver first has the venue sign it for that account's key."""

    link: LinkId
    frame: bytes
    tag: Tag
    account: AccountId | None = None


class CloseLink(Struct, frozen=True, tag=True):
    """Effect: close. Answered by LinkClosed."""

    link: LinkId
    reason: str


class LinkOpened(Struct, frozen=True, tag=True):
    """Input: the connection stands. `acknowledged`: logon and subscriptions already hold (a replayed capture)."""

    link: LinkId
    received_at: Nanos
    acknowledged: bool = False


@final
class FrameReceived(Struct, frozen=True, gc=False, tag=True):
    """Input: one whole frame, as it came."""

    link: LinkId
    frame: bytes
    received_at: Nanos


class PongReceived(Struct, frozen=True, tag=True):
    """Input: a sign of life below the frames (a ping or pong of the WebSocket protocol)."""

    link: LinkId
    received_at: Nanos


class LinkClosed(Struct, frozen=True, tag=True):
    """Input: the connection is gone, or never came to be. No more inputs of this link follow."""

    link: LinkId
    reason: str
    received_at: Nanos


LinkEffect: TypeAlias = OpenLink | SendFrame | CloseLink
LinkInput: TypeAlias = LinkOpened | FrameReceived | PongReceived | LinkClosed
