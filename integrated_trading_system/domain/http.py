"""HTTP, as the core sees it: one call, exactly one answer. Signing happens in the driver."""

from typing import TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.ids import AccountId, CallId, VenueId
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.time import Nanos

BODY_BYTES_MAX = 32 * 1024 * 1024
"""Of a reply; exchangeInfo of a large venue has about 15 MB."""


class HttpRequest(Struct, frozen=True, kw_only=True):
    """One unsigned request. `query` and `body` are exactly the bytes to be signed and sent."""

    method: str
    url: str
    """Scheme, host and path, without query."""
    query: str = ""
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def target(self) -> str:
        """The whole address."""
        return f"{self.url}?{self.query}" if self.query else self.url


class HttpCall(Struct, frozen=True, kw_only=True, tag=True):
    """Effect: perform the request. Answered by exactly one HttpReply or HttpFailed with this `call`."""

    call: CallId
    venue: VenueId
    purpose: str
    """For logs and metrics: ``instruments``, ``snapshot``, ``place``, ``cancel`` …"""
    request: HttpRequest
    tag: Tag
    deadline: Nanos
    """No answer by then is answered by HttpFailed."""
    account: AccountId | None = None
    """Whose key signs; None leaves the request unsigned."""
    latest_send: Nanos | None = None
    """The driver refuses to send the first byte after this instant."""
    clock_offset: Nanos = Nanos(0)
    """Venue clock minus ours, for the timestamp that is signed."""


class HttpReply(Struct, frozen=True, kw_only=True, tag=True):
    """Input: the answer, whatever its status. Header names are lower case."""

    call: CallId
    status: int
    headers: dict[str, str]
    body: bytes
    sent_at: Nanos
    received_at: Nanos


class HttpFailed(Struct, frozen=True, kw_only=True, tag=True):
    """Input: no answer. `maybe_sent` is False only when certainly not one byte left."""

    call: CallId
    reason: str
    maybe_sent: bool
    received_at: Nanos


HttpInput: TypeAlias = HttpReply | HttpFailed
