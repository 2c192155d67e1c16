"""All connections of one venue: opened as planned, brought back when lost, replaced before the venue cuts them.

A replacement is made before the break: the old link is read until the new one is LIVE, so no event
is lost; whoever reads drops what comes twice. An instrument is cut off when its last link is gone.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from msgspec import Struct

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.execution import UserStreamChanged
from integrated_trading_system.domain.health import LinkChanged, LinkState
from integrated_trading_system.domain.ids import AccountId, InstrumentId, LinkId
from integrated_trading_system.domain.link import CloseLink, LinkClosed, LinkOpened
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.runtime.actor import Context, Ref
from integrated_trading_system.venues.backoff import Backoff
from integrated_trading_system.venues.calls import Calls
from integrated_trading_system.venues.link import Link, LinkDue, Task
from integrated_trading_system.venues.rest import WeightedRequest
from integrated_trading_system.venues.venue import Acknowledged, LinkPlan, Venue

STABLE_AFTER: Final = Nanos(30 * SECOND)
"""A link that was LIVE for so long worked: its next failure is retried at once again."""


class RetryDue(Struct, frozen=True):
    """Timer: connect this plan (again)."""

    plan: str


class Line:
    """One plan over all its connections: at most one LIVE, and at most one on the way to be."""

    __slots__ = ("backoff", "coming", "connections", "live", "plan", "retrying")

    def __init__(self, plan: LinkPlan, backoff: Backoff) -> None:
        """Never connected."""
        self.plan = plan
        self.backoff = backoff
        self.connections = 0
        self.live: Link | None = None
        self.coming: Link | None = None
        self.retrying = False
        """A RetryDue is on its way."""


class Links:
    """Opens, replaces and closes the links of one connector."""

    def __init__(
        self,
        context: Context,
        venue: Venue,
        settings: VenueSettings,
        calls: Calls,
        random: Random,
        announce: Callable[[LinkChanged], None],
        executions: Ref[UserStreamChanged],
    ) -> None:
        """None is open. `executions` hears when an account's stream comes and goes."""
        self._context = context
        self._venue = venue
        self._settings = settings
        self._calls = calls
        self._random = random
        self._announce = announce
        self._executions = executions
        self._lines: dict[str, Line] = {}
        self._line_of: dict[InstrumentId, Line] = {}
        self._reconnect_free_at = Nanos(0)
        self._stopping = False
        self.by_id: dict[LinkId, Link] = {}
        """Every link that may be believed."""
        self.reconnects = 0
        self.rollovers = 0
        self.resyncs = 0

    # -- what is wanted --------------------------------------------------------------------------

    def open(self, plans: Sequence[LinkPlan]) -> None:
        """Connect them all, now and until `stop`."""
        settings = self._settings
        first, longest = int(settings.backoff_first_s * SECOND), int(settings.backoff_max_s * SECOND)
        for plan in plans:
            assert plan.name not in self._lines, f"two link plans are named {plan.name}"
            line = Line(plan, Backoff(Nanos(first), Nanos(longest), self._random))
            self._lines[plan.name] = line
            for instrument in plan.instruments:
                self._line_of.setdefault(instrument, line)
        for plan in plans:
            self._connect(self._lines[plan.name])

    def carrier(self, instrument: InstrumentId) -> Link | None:
        """The LIVE link with the instrument's market data."""
        line = self._line_of.get(instrument)
        return line.live if line is not None else None

    def stop(self) -> None:
        """Close every link, in order; open none any more."""
        self._stopping = True
        for line in self._lines.values():
            if line.coming is not None:
                line.coming.lose("shutdown")
            if line.live is not None:
                line.live.drain("shutdown", close_now=True)

    # -- what happened ---------------------------------------------------------------------------

    def opened(self, message: LinkOpened) -> None:
        """A connection stands. One that nobody waits for any more is closed."""
        link = self.by_id.get(message.link)
        if link is None:
            self._context.emit(CloseLink(message.link, "not wanted"))
        else:
            link.opened(acknowledged=message.acknowledged)

    def closed(self, message: LinkClosed) -> None:
        """A connection is gone, or did not come to be."""
        link = self.by_id.get(message.link)
        if link is not None:
            link.closed(message.reason)

    def acknowledged(self, link: Link, answer: Acknowledged) -> None:
        """The venue answered a control frame."""
        if link.state is not LinkState.DOWN:
            link.acknowledged(answer)

    def quarantined(self, link: Link) -> None:
        """A message of the link could not be believed; too many in a minute, and the link starts anew."""
        too_many = link.quarantined_too_often(self._settings.quarantine_per_minute_max)
        if too_many and link.state is not LinkState.DOWN:
            self.resyncs += 1
            link.lose("quarantine")

    def replace(self, link: Link, reason: str) -> None:
        """The link will end soon: open its successor now. One that is not LIVE yet starts anew."""
        line = self._lines[link.plan.name]
        if link is line.coming:
            link.lose(reason)
        elif link is line.live and line.coming is None and not line.retrying:
            self._forget_failures_of(line, link)
            self._retry_after(line, line.backoff.delay())

    def due(self, message: LinkDue) -> None:
        """One of a link's timers."""
        link = self.by_id.get(message.link)
        if link is None or not link.due(message.task):
            return
        if message.task is Task.ROLLOVER:
            self.replace(link, "lifetime")
        else:
            self._keep_alive(link)

    def retry(self, message: RetryDue) -> None:
        """Connect, unless another plan of this venue has just done so: then a little later."""
        if self._stopping:
            return
        line = self._lines[message.plan]
        wait = self._reconnect_free_at - self._context.now
        if wait > 0:
            self._context.after(wait, message)
            return
        self._reconnect_free_at = Nanos(self._context.now + self._settings.reconnect_gap_ms * MILLISECOND)
        line.retrying = False
        self._connect(line)

    # -- connecting ------------------------------------------------------------------------------

    def _connect(self, line: Line) -> None:
        venue, plan = self._venue, line.plan
        line.connections += 1
        life = f"r{self._context.incarnation}." if self._context.incarnation else ""
        link = Link(
            link=LinkId(f"{venue.venue}#{plan.name}.{life}{line.connections}"),
            plan=plan,
            codec=venue.codec if plan.account is None else venue.user_codec or venue.codec,
            context=self._context,
            venue=venue.venue,
            answer_timeout=Nanos(self._settings.acknowledge_timeout_ms * MILLISECOND),
            changed=self._changed,
        )
        line.coming = self.by_id[link.link] = link
        if plan.resolve is None:
            link.connect()
        else:
            link.resolve()
            self._resolve(link, WeightedRequest(plan.resolve, ()))

    def _resolve(self, link: Link, weighted: WeightedRequest) -> None:
        def resolved(token: str, _: object) -> None:
            if link.state is LinkState.RESOLVE:
                link.connect(token)

        def failed(reason: str) -> None:
            if link.state is LinkState.RESOLVE:
                link.lose(reason)

        decode = self._venue.session.resolve_token
        self._calls.fetch("resolve", weighted, decode, resolved, failed, link.plan.account)

    def _keep_alive(self, link: Link) -> None:
        def prolonged(*_: object) -> None:
            if link.state is LinkState.LIVE:
                link.keep_alive_later()

        def failed(reason: str) -> None:
            if link.state is LinkState.LIVE:
                self.replace(link, f"keep alive: {reason}")

        weighted = WeightedRequest(link.keep_alive(), ())
        self._calls.fetch("keep_alive", weighted, lambda reply: reply.status, prolonged, failed, link.plan.account)

    def _retry_after(self, line: Line, delay: Nanos) -> None:
        line.retrying = True
        self._context.after(delay, RetryDue(line.plan.name))

    # -- steps of a link -------------------------------------------------------------------------

    def _changed(self, link: Link, reason: str) -> None:
        """Every link calls this after each of its steps."""
        line = self._lines[link.plan.name]
        match link.state:
            case LinkState.LIVE:
                self._came_live(line, link, reason)
            case LinkState.DOWN:
                self._went_down(line, link, reason)
            case _:
                self._tell_state(link, reason)

    def _came_live(self, line: Line, link: Link, reason: str) -> None:
        before, line.live, line.coming = line.live, link, None
        self._tell_state(link, reason)
        if before is not None:
            self.rollovers += 1
            before.drain("replaced")
        elif line.plan.account is not None:
            self._tell_user_stream(line.plan.account, up=True)

    def _went_down(self, line: Line, link: Link, reason: str) -> None:
        self.by_id.pop(link.link)
        self._tell_state(link, reason)
        if link is line.coming:
            line.coming = None
        elif link is line.live:
            line.live = None
            self._forget_failures_of(line, link)
            if line.plan.account is not None:
                self._tell_user_stream(line.plan.account, up=False)
        else:
            return
        if line.coming is None and not line.retrying and not self._stopping:
            self.reconnects += 1
            self._retry_after(line, line.backoff.delay())

    def _forget_failures_of(self, line: Line, link: Link) -> None:
        if self._context.now - link.live_since >= STABLE_AFTER:
            line.backoff.reset()

    def _tell_state(self, link: Link, reason: str) -> None:
        plan, now = link.plan, self._context.now
        self._announce(LinkChanged(self._venue.venue, link.link, plan.name, link.state, reason, now, plan.instruments))

    def _tell_user_stream(self, account: AccountId, *, up: bool) -> None:
        now = self._context.now
        changed = UserStreamChanged(venue=self._venue.venue, account=account, up=up, received_at=now)
        self._executions.tell(changed)
