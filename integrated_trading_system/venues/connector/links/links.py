"""All connections of one venue: opened as planned, brought back when lost, replaced before the venue cuts them.

A replacement is made before the break: the old link is read until the new one is LIVE, so no event
is lost; whoever reads drops what comes twice. An instrument is cut off when its last link is gone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Final

from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.execution import UserStreamChanged
from integrated_trading_system.domain.health import LinkChanged, LinkState
from integrated_trading_system.domain.ids import AccountId, InstrumentId, LinkId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.link import CloseLink, LinkClosed, LinkOpened, PongReceived
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.runtime.actor import Context, Ref
from integrated_trading_system.venues.connector.backoff import Backoff
from integrated_trading_system.venues.connector.calls import REFUSED_FOR_GOOD, Calls
from integrated_trading_system.venues.connector.links.changes import Changes
from integrated_trading_system.venues.connector.links.life import LinkDue, Patience, Task
from integrated_trading_system.venues.connector.links.line import Line, RetryDue
from integrated_trading_system.venues.connector.links.link import Link
from integrated_trading_system.venues.connector.links.tokens import keep_alive, resolve
from integrated_trading_system.venues.connector.voice import Voice
from integrated_trading_system.venues.venue import Acknowledged, LinkPlan, Venue

STABLE_AFTER: Final = Nanos(30 * SECOND)
"""A link that was LIVE for so long worked: its next failure is retried at once again."""


class Links:
    """Opens, replaces and closes the links of one connector."""

    def __init__(
        self,
        context: Context,
        venue: Venue,
        settings: VenueSettings,
        calls: Calls,
        random: Random,
        voice: Voice,
        executions: Ref[UserStreamChanged],
        instruments: Mapping[InstrumentId, Instrument],
    ) -> None:
        """None is open. `executions` hears when an account's stream comes and goes.

        `instruments`: all that were ever wanted.
        """
        self._context = context
        self._venue = venue
        self._settings = settings
        self._calls = calls
        self._random = random
        self._voice = voice
        self._executions = executions
        self._changes = Changes(venue.session, instruments)
        self._refused: Callable[[tuple[Stream, ...], str], None] = _nobody
        self._lines: dict[str, Line] = {}
        self._line_of: dict[InstrumentId, Line] | None = None
        """None: to be made anew."""
        self._reconnect_free_at = Nanos(0)
        self._unreachable = False
        """The last connection that was tried never stood."""
        self._stopping = False
        self._patience = Patience(
            answer=Nanos(settings.acknowledge_timeout_ms * MILLISECOND),
            connect=Nanos(settings.connect_timeout_ms * MILLISECOND),
            ping_every=Nanos(int(settings.ping_every_s * SECOND)),
            pong_within=Nanos(int(settings.pong_timeout_s * SECOND)),
        )
        self._quiet_max = Nanos(int(settings.link_quiet_s * SECOND))
        self._idle_max = Nanos(int(settings.link_idle_s * SECOND))
        self.by_id: dict[LinkId, Link] = {}
        """Every link that may be believed."""
        self.reconnects = 0
        self.rollovers = 0
        self.resyncs = 0
        self.events_before = 0
        """What links that are gone have brought."""

    # -- what is wanted --------------------------------------------------------------------------

    def on_refused(self, refused: Callable[[tuple[Stream, ...], str], None]) -> None:
        """Whom to tell of streams that the venue does not add to a LIVE link, with its words."""
        self._refused = refused

    def carry(self, plans: Sequence[LinkPlan], *, at_once: bool) -> None:
        """From now on, and until `stop`. Lines that are new are connected: all `at_once`, or one after the other."""
        for plan in plans:
            line = self._lines.get(plan.name)
            if line is None:
                line = self._lines[plan.name] = Line(plan, self._backoff(), self._context.now)
            line.plan = plan
            line.left = False
        self._line_of = None
        for plan in plans:
            line = self._lines[plan.name]
            if line.live is not None:
                self._catch_up(line, line.live)
            if line.live is None and line.coming is None and line.retry is None:
                if at_once:
                    self._connect(line)
                else:
                    self._retry_after(line, Nanos(0))

    def leave(self, name: str) -> None:
        """Nothing is to be carried on this line any more."""
        line = self._lines[name]
        line.left = True
        self._line_of = None
        self._close(line, "nothing wanted")
        line.live = None

    def carrier(self, instrument: InstrumentId) -> Link | None:
        """The LIVE link with the instrument's book, or with its other data where no line carries that."""
        if self._line_of is None:
            lines = [line for line in self._lines.values() if not line.left]
            streams = [(stream, line) for line in lines for stream in line.plan.streams]
            streams.sort(key=lambda each: each[0].data_type is DataType.DEPTH)
            self._line_of = {stream.instrument: line for stream, line in streams}
        line = self._line_of.get(instrument)
        return line.live if line is not None else None

    def down(self) -> Iterator[Line]:
        """The lines of market data that are wanted and not LIVE."""
        return (line for line in self._lines.values() if line.live is None and not line.left and line.plan.streams)

    def stop(self, reason: str) -> None:
        """Close every link, in order; open none any more."""
        self._stopping = True
        for line in self._lines.values():
            self._close(line, reason)

    # -- what happened ---------------------------------------------------------------------------

    def told(self, message: LinkOpened | LinkClosed | PongReceived) -> None:
        """The driver says what became of a connection. One that nobody waits for any more is closed."""
        link = self.by_id.get(message.link)
        match message:
            case LinkOpened():
                if link is None:
                    self._context.emit(CloseLink(message.link, "not wanted"))
                else:
                    self._reached()
                    link.opened(acknowledged=message.acknowledged)
            case PongReceived():
                if link is not None:
                    link.pong(message.received_at)
            case LinkClosed():
                if link is not None:
                    self._closed(link, message.reason)

    def _closed(self, link: Link, reason: str) -> None:
        if reason in REFUSED_FOR_GOOD:
            self._voice.blocked(reason)
        if link.state is not LinkState.DOWN:
            link.closed(reason)

    def acknowledged(self, link: Link, answer: Acknowledged) -> None:
        """The venue answered a control frame."""
        link.control += 1
        change = self._changes.answered(link.link, answer)
        if change is not None and link.state is LinkState.LIVE:
            if not answer.ok:
                self._ask_one_by_one(link, change, answer.detail)
        elif link.state is not LinkState.DOWN:
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
        elif link is line.live and line.coming is None and line.retry is None:
            self._forget_failures_of(line, link)
            self._retry_after(line, line.backoff.delay())

    def due(self, message: LinkDue) -> None:
        """One of a link's timers."""
        link = self.by_id.get(message.link)
        if link is None or not link.due(message.task):
            return
        match message.task:
            case Task.ROLLOVER:
                self.replace(link, "lifetime")
            case Task.KEEP_ALIVE:
                keep_alive(link, self._calls, lambda reason: self.replace(link, reason))
            case _:
                self._look_at(link)

    def retry(self, message: RetryDue) -> None:
        """Connect, unless another plan of this venue has just done so: then a little later."""
        line = self._lines.get(message.plan)
        if self._stopping or line is None:  # None: meant for the incarnation before, which failed while this waited
            return
        if line.left:
            line.retry = None
            return
        wait = self._reconnect_free_at - self._context.now
        if wait > 0:
            self._retry_after(line, Nanos(wait))
            return
        self._reconnect_free_at = Nanos(self._context.now + self._settings.reconnect_gap_ms * MILLISECOND)
        line.retry = None
        self._connect(line)

    # -- connecting ------------------------------------------------------------------------------

    def _connect(self, line: Line) -> None:
        venue, plan = self._venue, line.plan
        line.connections += 1
        life = f"r{self._context.incarnation}." if self._context.incarnation else ""
        link = Link(
            link=LinkId(f"{venue.venue}#{plan.name}.{life}{line.connections}"),
            plan=plan,
            codec=venue.codec_of(plan.account),
            context=self._context,
            venue=venue.venue,
            patience=self._patience,
            changed=self._changed,
        )
        line.coming = self.by_id[link.link] = link
        if plan.resolve is None:
            link.connect()
        else:
            resolve(link, self._calls, venue.session)

    def _retry_after(self, line: Line, delay: Nanos) -> None:
        line.retry = self._context.after(delay, RetryDue(line.plan.name))

    def _reached(self) -> None:
        """The venue can be reached, perhaps again: then who waits for that has waited long enough."""
        if not self._unreachable:
            return
        self._unreachable = False
        for line in self._lines.values():
            if line.retry is not None and line.live is None:
                line.retry.cancel()
                self._retry_after(line, Nanos(0))

    def _backoff(self) -> Backoff:
        first, longest = self._settings.backoff_first_s, self._settings.backoff_max_s
        return Backoff(Nanos(int(first * SECOND)), Nanos(int(longest * SECOND)), self._random)

    def _close(self, line: Line, reason: str) -> None:
        if line.coming is not None:
            line.coming.lose(reason)
        if line.live is not None:
            line.live.drain(reason, close_now=True)

    # -- what LIVE links carry -------------------------------------------------------------------

    def _catch_up(self, line: Line, link: Link) -> None:
        """What is wanted has changed since this link was subscribed."""
        frames = self._changes.frames(link.link, link.plan.streams, line.plan.streams)
        link.plan = line.plan
        link.send(frames)
        self._tell_state(link, "streams changed")

    def _ask_one_by_one(self, link: Link, streams: tuple[Stream, ...], detail: str) -> None:
        """The venue refused these streams together: not all of them need be at fault."""
        frames = self._changes.one_by_one(link.link, link.plan.streams, streams)
        if frames is None:
            self._refused(streams, detail)
        else:
            link.send(frames)

    def _look_at(self, link: Link) -> None:
        """Every second. A LIVE link on which nothing comes is read on until it is replaced: it may only be late."""
        line = self._lines[link.plan.name]
        reason = line.tired_of(link, self._context.now, self._quiet_max, self._idle_max)
        if reason:
            self.replace(link, reason)

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
        if link.plan is not line.plan:
            self._catch_up(line, link)
        if before is not None:
            self.rollovers += 1
            before.drain("replaced")
        elif line.plan.account is not None:
            self._tell_user_stream(line.plan.account, up=True)

    def _went_down(self, line: Line, link: Link, reason: str) -> None:
        self.by_id.pop(link.link)
        self._unreachable = link.heard_at == 0
        self.events_before += link.events
        self._changes.forget(link.link)
        self._tell_state(link, reason)
        if link is line.coming:
            line.coming = None
        elif link is line.live:
            line.live = None
            line.down_since = self._context.now
            self._forget_failures_of(line, link)
            if line.plan.account is not None:
                self._tell_user_stream(line.plan.account, up=False)
        else:
            return
        if line.coming is None and line.retry is None and not self._stopping and not line.left:
            self.reconnects += 1
            self._retry_after(line, line.backoff.delay())

    def _forget_failures_of(self, line: Line, link: Link) -> None:
        if self._context.now - link.live_since >= STABLE_AFTER:
            line.backoff.reset()

    def _tell_state(self, link: Link, reason: str) -> None:
        plan, now = link.plan, self._context.now
        instruments = plan.instruments
        wanted = self._lines[plan.name].plan
        if plan is not wanted:  # what was dropped since it was subscribed is nobody's business any more
            kept = set(wanted.instruments)
            instruments = tuple(instrument for instrument in instruments if instrument in kept)
        self._voice.announce(LinkChanged(self._venue.venue, link.link, plan.name, link.state, reason, now, instruments))

    def _tell_user_stream(self, account: AccountId, *, up: bool) -> None:
        now = self._context.now
        changed = UserStreamChanged(venue=self._venue.venue, account=account, up=up, received_at=now)
        self._executions.tell(changed)


def _nobody(streams: tuple[Stream, ...], detail: str) -> None:
    """Nobody asked for changes yet."""
