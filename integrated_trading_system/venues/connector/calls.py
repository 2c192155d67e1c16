"""HTTP calls of one venue: sent within the rate limits, each answered once.

Data waits in a queue until it fits; orders, queries and cancels that do not fit fail at once, because
a late order is worse than none and the asker decides anew. Cancels have their own share of the
limits and pass a 429's pause.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

from msgspec import Struct

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.http import HttpCall, HttpFailed, HttpReply
from integrated_trading_system.domain.ids import AccountId, CallId
from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.time import DAY, MINUTE, SECOND, Nanos
from integrated_trading_system.runtime.actor import Context, Timer
from integrated_trading_system.venues.connector.rate_limit import NEVER, RateLimiter
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest
from integrated_trading_system.venues.venue import Venue

T = TypeVar("T")

_TAGS: Final = {
    "place": Tag.ORDER,
    "cancel": Tag.CANCEL,
    "dead_man": Tag.CANCEL,
    "cancel_batch": Tag.CANCEL,
    "cancel_all": Tag.CANCEL,
    "query": Tag.QUERY,
    "fills": Tag.QUERY,
    "open_orders": Tag.QUERY,
    "balances": Tag.QUERY,
    "instruments": Tag.DATA,
    "snapshot": Tag.DATA,
    "time": Tag.DATA,
    "audit": Tag.DATA,
    "fallback": Tag.DATA,
    "history": Tag.DATA,
    "resolve": Tag.QUERY,
    "keep_alive": Tag.QUERY,
}
"""By purpose."""

QUEUE_MAX: Final = 1_000
RATE_LIMIT: Final = "rate-limit"
"""Why nothing was sent that may be sent later: our own count of the venue's limits,"""
PAUSED: Final = "blocked"
"""and its wish to be left alone."""
BODY_KEPT_MAX: Final = 65_536
"""Bytes of a malformed reply that go into its Quarantined."""

# How long to stop where the venue does not say. Binance: an IP ban lasts "from 2 minutes to 3 days".
_PAUSES: Final = {429: Nanos(10 * SECOND), 418: Nanos(2 * MINUTE), 403: Nanos(2 * MINUTE)}
_PAUSE_MAX: Final = Nanos(3 * DAY)


FORBIDDEN: Final = (451,)
"""Unavailable for legal reasons: asking again changes nothing."""
BAD_CERTIFICATE: Final = "certificate"
"""The drivers' word for a server that cannot prove who it is."""
REFUSED_FOR_GOOD: Final = (*(f"http-{status}" for status in FORBIDDEN), BAD_CERTIFICATE)
"""Reasons for which a connection does not come to be, and never will."""


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
        blocked: Callable[[str], None],
    ) -> None:
        """Nothing is on its way. `order_timeout` holds for placing and cancelling.

        `blocked` is told why the venue refuses us for good: from then on nothing at all is sent.
        """
        self._context = context
        self._venue = venue
        self._timeouts = {
            Tag.ORDER: order_timeout,
            Tag.CANCEL: order_timeout,
            Tag.QUERY: request_timeout,
            Tag.DATA: request_timeout,
        }
        self._quarantine = quarantine
        self._blocked = blocked
        self._limiter = RateLimiter(venue.rate_limits)
        self._pending: dict[CallId, Question] = {}
        self._queue: deque[Question] = deque()
        self._queue_timer: Timer | None = None
        self._life = f"r{context.incarnation}." if context.incarnation else ""
        self._stopped = ""
        """Why only cancels and queries are sent."""
        self._forbidden = False
        self._cancels_blocked = False
        self.blocked_until = Nanos(0)
        """The venue wants nothing from us before."""
        self.clock_offset = Nanos(0)
        """Venue clock minus ours, as last estimated."""
        self._serial = 0
        self.sent: dict[str, int] = {}
        """By purpose."""
        self.late = 0
        """Answers to calls that nobody of this incarnation made."""

    def ask(self, question: Question) -> None:
        """Send it now, or (data) when it fits; or fail it now."""
        tag = _TAGS[question.purpose]
        if self._forbidden:
            self._refuse(question, "blocked")
        elif self._stopped and tag in (Tag.ORDER, Tag.DATA):
            self._refuse(question, self._stopped)
        elif tag is Tag.DATA and self._queue:
            self._line_up(question)
        elif (wait := self._blocked_for(tag)) > 0:
            self._hold_back(question, tag, wait, PAUSED)
        elif (wait := self._limiter.take(question.weighted.weights, tag, self._context.now)) != 0:
            self._hold_back(question, tag, wait, RATE_LIMIT)
        else:
            self._send(question, tag)

    def fetch(
        self,
        purpose: str,
        weighted: WeightedRequest,
        decode: Callable[[HttpReply], T],
        done: Callable[[T, HttpReply], None],
        failed: Callable[[str], None],
        account: AccountId | None = None,
    ) -> None:
        """Ask: a good answer goes to `done`, decoded; `failed` is told anything else, in words."""

        def answered(reply: HttpReply) -> None:
            if not 200 <= reply.status < 300:
                failed(f"status {reply.status}")
                return
            value = self.decode(purpose, decode, reply)
            if value is None:
                failed("malformed reply")
            else:
                done(value, reply)

        self.ask(
            Question(
                purpose=purpose,
                weighted=weighted,
                answered=answered,
                failed=lambda failure: failed(failure.reason),
                account=account,
            )
        )

    def decode(self, purpose: str, decode: Callable[[HttpReply], T], reply: HttpReply) -> T | None:
        """What the reply says; None, and the reply quarantined, where it has not the promised shape."""
        try:
            return decode(reply)
        except MalformedReply as error:
            detail = f"{purpose}: {error}"
            body = reply.body[:BODY_KEPT_MAX]
            self._quarantine(Quarantined(self._venue.venue, "reply", detail, body, self._context.now))
            return None

    def told(self, answer: HttpReply | HttpFailed) -> None:
        """The driver's answer to a call."""
        if isinstance(answer, HttpReply):
            self._reply(answer)
        else:
            self._failure(answer)

    def _reply(self, reply: HttpReply) -> None:
        self._limiter.observe(reply.headers, self._context.now)
        question = self._pending.pop(reply.call, None)
        if question is None:
            self.late += 1
            return
        self._heed(reply, signed=question.account is not None)
        if reply.status in FORBIDDEN:
            self._forbid(f"http-{reply.status}")
        question.answered(reply)

    def _failure(self, failure: HttpFailed) -> None:
        question = self._pending.pop(failure.call, None)
        if question is None:
            self.late += 1
            return
        if failure.reason == BAD_CERTIFICATE:
            self._forbid(failure.reason)
        question.failed(failure)

    def due(self) -> None:
        """Send what fits by now, in order."""
        self._queue_timer = None
        while self._queue:
            question = self._queue[0]
            wait = self._blocked_for(Tag.DATA) or self._limiter.take(
                question.weighted.weights, Tag.DATA, self._context.now
            )
            if wait > 0:
                self._wake_after(wait)
                return
            self._queue.popleft()
            if wait == 0:
                self._send(question, Tag.DATA)
            else:
                self._refuse(question, "rate-limit")

    def room(self, weighted: WeightedRequest) -> float:
        """What part of the data's share of the rate limits were left after this request; 0 while none may be sent."""
        if self._stopped or self._forbidden or self._blocked_for(Tag.DATA) > 0:
            return 0.0
        return self._limiter.room(weighted.weights, self._context.now)

    def give_back(self, weighted: WeightedRequest, taken_at: Nanos) -> None:
        """This was paid for with what was sent then, and is not needed."""
        self._limiter.give_back(weighted.weights, taken_at)

    def stop(self, reason: str) -> None:
        """From now on only cancels and queries are sent."""
        self._stopped = reason
        while self._queue:
            self._refuse(self._queue.popleft(), reason)

    def _forbid(self, reason: str) -> None:
        self._forbidden = True
        self._blocked(reason)

    # -- sending ---------------------------------------------------------------------------------

    def _send(self, question: Question, tag: Tag) -> None:
        purpose = question.purpose
        self._serial += 1
        self.sent[purpose] = self.sent.get(purpose, 0) + 1
        call = CallId(f"{self._venue.venue}#{purpose}.{self._life}{self._serial}")
        self._pending[call] = question
        self._context.emit(
            HttpCall(
                call=call,
                venue=self._venue.venue,
                purpose=purpose,
                request=question.weighted.request,
                tag=tag,
                deadline=Nanos(self._context.now + self._timeouts[tag]),
                account=question.account or self._venue.data_account,
                latest_send=question.latest_send,
                clock_offset=self.clock_offset,
            )
        )

    def _hold_back(self, question: Question, tag: Tag, wait: Nanos, reason: str) -> None:
        """It may not be sent now: data waits, everything else is told at once."""
        if tag is Tag.DATA and wait != NEVER:
            self._line_up(question)
            self._wake_after(wait)
        else:
            self._refuse(question, reason)

    def _refuse(self, question: Question, reason: str) -> None:
        failure = HttpFailed(call=CallId(""), reason=reason, maybe_sent=False, received_at=self._context.now)
        question.failed(failure)

    def _line_up(self, question: Question) -> None:
        if len(self._queue) >= QUEUE_MAX:
            self._refuse(question, "rate-limit")
        else:
            self._queue.append(question)

    def _wake_after(self, wait: Nanos) -> None:
        if self._queue_timer is None:
            self._queue_timer = self._context.after(wait, QueueDue())

    # -- what the venue wants --------------------------------------------------------------------

    def _blocked_for(self, tag: Tag) -> Nanos:
        """How much longer nothing may be sent; a pause for too many requests lets cancels through."""
        if tag is Tag.CANCEL and not self._cancels_blocked:
            return Nanos(0)
        return Nanos(max(0, self.blocked_until - self._context.now))

    def _heed(self, reply: HttpReply, *, signed: bool) -> None:
        """Stop for as long as the venue says."""
        if reply.status not in _PAUSES and not signed:
            return
        pause = self._pause(reply)
        if pause == 0:
            return
        now = self._context.now
        still_blocked = self._cancels_blocked and now < self.blocked_until
        self._cancels_blocked = still_blocked or reply.status in (418, 403)
        self.blocked_until = Nanos(max(self.blocked_until, now + min(pause, _PAUSE_MAX)))

    def _pause(self, reply: HttpReply) -> Nanos:
        """The venue's wish by its own rules, else by the header, else ours."""
        trading = self._venue.trading
        wish = trading.retry_after(reply) if trading is not None else Nanos(0)
        # A 403 can also be one account's missing permission: where the venue's rules know, they decide.
        if wish > 0 or reply.status not in _PAUSES or (reply.status == 403 and trading is not None):
            return wish
        text = reply.headers.get("retry-after", "")
        if text.isascii() and text.isdigit() and len(text) <= 9:
            return Nanos(int(text) * SECOND)
        return _PAUSES[reply.status]
