"""HTTP calls of one venue: sent within the rate limits, each answered once.

Data waits in a queue until it fits; orders, queries and cancels that do not fit fail at once, because
a late order is worse than none and the asker decides anew. Cancels have their own share of the
limits and pass a 429's pause.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from msgspec import Struct

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.http import HttpCall, HttpFailed, HttpReply
from integrated_trading_system.domain.ids import AccountId, CallId
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.time import DAY, MINUTE, SECOND, Nanos
from integrated_trading_system.runtime.actor import Context, Timer
from integrated_trading_system.venues.rate_limit import NEVER, RateLimiter
from integrated_trading_system.venues.venue import TAG_OF_PURPOSE, MalformedReply, Venue, WeightedRequest

T = TypeVar("T")

QUEUE_MAX: Final = 1_000
BODY_KEPT_MAX: Final = 65_536
"""Bytes of a malformed reply that go into its Quarantined."""

# How long to stop where the venue does not say. Binance: an IP ban lasts "from 2 minutes to 3 days".
_PAUSES: Final = {429: Nanos(10 * SECOND), 418: Nanos(2 * MINUTE), 403: Nanos(2 * MINUTE)}
_PAUSE_MAX: Final = Nanos(3 * DAY)


class QueueDue(Struct, frozen=True):
    """Timer: data that waits may fit now."""


class Question(Struct, frozen=True, kw_only=True):
    """A request and what to do with its one answer. A call that is not sent at all fails with maybe_sent False."""

    purpose: str
    weighted: WeightedRequest
    answered: Callable[[HttpReply], None]
    failed: Callable[[HttpFailed], None]
    account: AccountId | None = None
    latest_send: Nanos | None = None


class Calls:
    """Every HTTP call that is on its way or waits."""

    def __init__(
        self,
        context: Context,
        venue: Venue,
        request_timeout: Nanos,
        order_timeout: Nanos,
        quarantine: Callable[[Quarantined], None],
    ) -> None:
        """Nothing is on its way. `order_timeout` holds for placing and cancelling."""
        self._context = context
        self._venue = venue
        self._timeouts = {
            Tag.ORDER: order_timeout,
            Tag.CANCEL: order_timeout,
            Tag.QUERY: request_timeout,
            Tag.DATA: request_timeout,
        }
        self._quarantine = quarantine
        self._limiter = RateLimiter(venue.rate_limits)
        self._pending: dict[CallId, Question] = {}
        self._queue: deque[Question] = deque()
        self._queue_timer: Timer | None = None
        self._life = f"r{context.incarnation}." if context.incarnation else ""
        self._stopping = False
        self._cancels_blocked = False
        self.blocked_until = Nanos(0)
        """The venue wants nothing from us before."""
        self.clock_offset = Nanos(0)
        """Venue clock minus ours, as last estimated."""
        self.sent: dict[str, int] = {}
        """By purpose."""
        self.late = 0
        """Answers to calls that nobody of this incarnation made."""

    def ask(self, question: Question) -> None:
        """Send it now, or (data) when it fits; or fail it now."""
        tag = TAG_OF_PURPOSE[question.purpose]
        if self._stopping and tag in (Tag.ORDER, Tag.DATA):
            self._refuse(question, "shutdown")
        elif tag is Tag.DATA and self._queue:
            self._wait_in_line(question)
        else:
            self._try(question, tag)

    def believe(
        self, purpose: str, weighted: WeightedRequest, decode: Callable[[HttpReply], T], done: Callable[[T], None]
    ) -> Callable[[Callable[[str], None]], None]:
        """Ask a public question and decode a good answer; the returned function starts it, given what to do else."""
        raise NotImplementedError

    def _try(self, question: Question, tag: Tag) -> None:
        raise NotImplementedError


_ = partial
