"""One connection, from the wish to connect to its end. Its life is the table `link_life.NEXT`.

A link sends what its plan says, waits for the acknowledgements, keeps itself alive, and notices
when nothing is heard. It decides nothing beyond itself: `changed` tells its owner of every step,
and whether to connect again is the owner's business (`links`).
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from integrated_trading_system.domain.health import LinkState
from integrated_trading_system.domain.http import HttpRequest
from integrated_trading_system.domain.ids import LinkId, VenueId
from integrated_trading_system.domain.link import CloseLink, OpenLink, SendFrame, Tag
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.runtime.actor import Context, Timer
from integrated_trading_system.venues.connector.links.life import NEXT, LinkDue, Patience, Step, Task
from integrated_trading_system.venues.venue import Acknowledged, Codec, ControlFrame, LinkPlan

DRAIN_FOR: Final = Nanos(SECOND)
"""A replaced link is read for so long before it is closed: what was on its way still arrives."""
LOOK_EVERY: Final = Nanos(SECOND)
PLACEHOLDER: Final = "{token}"
"""Stands in a plan's address, frames and keep-alive call where the token goes."""
_DETAIL_MAX: Final = 200


class Link:
    """One connection of one plan."""

    __slots__ = (
        "_awaited",
        "_changed",
        "_context",
        "_logons",
        "_outbox",
        "_patience",
        "_quarantined",
        "_quarantined_since",
        "_seen",
        "_timers",
        "_venue",
        "answers_pings",
        "brought_at",
        "control",
        "decode",
        "events",
        "heard_at",
        "link",
        "live_since",
        "plan",
        "state",
        "token",
    )

    def __init__(
        self,
        link: LinkId,
        plan: LinkPlan,
        codec: Codec,
        context: Context,
        venue: VenueId,
        patience: Patience,
        changed: Callable[["Link", str], None],
    ) -> None:
        """DOWN. `changed` is called after every step, with the reason for it."""
        self.link = link
        self.plan = plan
        self.decode = codec.decode
        self.state = LinkState.DOWN
        self.heard_at = Nanos(0)
        """When any byte last came."""
        self.answers_pings = False
        """It has answered one, so it is expected to go on."""
        self.events = 0
        """What its frames held,"""
        self.control = 0
        """and how much of it was no data."""
        self.brought_at = Nanos(0)
        """When it was last seen that data had come."""
        self.live_since = Nanos(0)
        self.token = ""
        """What `resolve` yielded."""
        self._context = context
        self._venue = venue
        self._patience = patience
        self._seen = 0
        self._changed = changed
        self._logons = deque(plan.logon)
        self._outbox: deque[ControlFrame] = deque()
        self._awaited: dict[str, None] = {}
        """Requests not yet acknowledged, oldest first."""
        self._timers: dict[Task, Timer] = {}
        self._quarantined = 0
        self._quarantined_since = Nanos(0)

    # -- towards LIVE ----------------------------------------------------------------------------

    def resolve(self) -> None:
        """The address is being asked for; `connect` follows."""
        self._step(Step.RESOLVING)

    def connect(self, token: str = "") -> None:
        """Ask the driver for a connection."""
        self.token = token
        self._step(Step.CONNECTING)
        self._set(Task.ANSWER, self._patience.connect)
        url = self.plan.url.replace(PLACEHOLDER, token) if token else self.plan.url
        patience = self._patience
        self._context.emit(
            OpenLink(self.link, self._venue, url, self.plan.frame_bytes_max, patience.ping_every, patience.pong_within)
        )

    def opened(self, *, acknowledged: bool) -> None:
        """The connection stands: log on and subscribe, unless that already holds."""
        self.heard_at = self._context.now
        self._set(Task.SILENCE, self.plan.silence_max)
        self._set(Task.ROLLOVER, self.plan.lifetime)
        if acknowledged:
            self._go_live(Step.PROVEN)
        else:
            self._cancel(Task.ANSWER)
            self._step(Step.OPENED)
            self._progress()

    def acknowledged(self, answer: Acknowledged) -> None:
        """The venue accepted or refused a control frame."""
        if not answer.ok:
            self.lose(f"refused: {answer.detail[:_DETAIL_MAX]}")
            return
        request = answer.request or next(iter(self._awaited), "")
        if request in self._awaited:
            del self._awaited[request]
            self._progress()

    def send(self, frames: Sequence[ControlFrame]) -> None:
        """More control frames on a living link, `frame_gap` apart."""
        self._outbox.extend(frames)
        if Task.FRAME not in self._timers:
            self._send_next()

    def _progress(self) -> None:
        """Take every step that nothing holds up."""
        if self.state is LinkState.LOGON:
            while self._logons and not self._awaited:
                self._put_out(self._logons.popleft())
            if not self._awaited:
                self._step(Step.LOGGED_ON)
                self.send(self.plan.subscribe)
        if self.state is LinkState.SUBSCRIBE and not self._awaited and not self._outbox:
            self._go_live(Step.SUBSCRIBED)

    def _send_next(self) -> None:
        if self._outbox:
            self._put_out(self._outbox.popleft())
        if self._outbox:
            self._set(Task.FRAME, self.plan.frame_gap)
        else:
            self._progress()

    def _put_out(self, frame: ControlFrame) -> None:
        if self.state is not LinkState.LIVE:
            self._set(Task.ANSWER, self._patience.answer)
            if frame.request:
                self._awaited[frame.request] = None
        plan = self.plan
        tag = Tag.DATA if plan.account is None else Tag.QUERY
        signer = (plan.account or plan.signs_with) if frame.signed else None
        data = frame.data.replace(PLACEHOLDER.encode(), self.token.encode()) if self.token else frame.data
        self._context.emit(SendFrame(self.link, data, tag, signer))

    def _go_live(self, step: Step) -> None:
        self._cancel(Task.ANSWER)
        self.live_since = self.brought_at = self._context.now
        if step is not Step.PROVEN:  # a capture has the silences of its day
            self._set(Task.LOOK, LOOK_EVERY)
        if self.plan.ping is not None:
            self._set(Task.PING, self.plan.ping_every)
        if self.plan.keep_alive is not None:
            self._set(Task.KEEP_ALIVE, self.plan.keep_alive_every)
        self._step(step)

    # -- its tasks -------------------------------------------------------------------------------

    def due(self, task: Task) -> bool:
        """Do the task, if it is still to be done; True for one that is due and its owner's."""
        timer = self._timers.get(task)
        if timer is None or timer.due > self._context.now:
            return False  # cancelled, or set anew, while its message waited behind others
        del self._timers[task]
        match task:
            case Task.ROLLOVER | Task.KEEP_ALIVE:
                return True
            case Task.LOOK:
                self._set(Task.LOOK, LOOK_EVERY)
                return True
            case Task.ANSWER:
                self.lose(f"no answer in {self.state}")
            case Task.FRAME:
                self._send_next()
            case Task.PING:
                assert self.plan.ping is not None
                self._context.emit(SendFrame(self.link, self.plan.ping, Tag.DATA))
                self._set(Task.PING, self.plan.ping_every)
            case Task.SILENCE:
                left = self.heard_at + self.plan.silence_max - self._context.now
                if left > 0:
                    self._set(Task.SILENCE, Nanos(left))
                else:
                    self.lose("silence")
            case Task.DRAINED:
                self.lose("replaced")
        return False

    def pong(self, at: Nanos) -> None:
        """A sign of life below the frames."""
        self.heard_at = at
        self.answers_pings = True

    def brought_something(self, now: Nanos) -> bool:
        """Whether data has come since this was last asked."""
        data = self.events - self.control
        if data == self._seen:
            return False
        self._seen = data
        self.brought_at = now
        return True

    def keep_alive(self) -> HttpRequest:
        """The call that keeps the token valid."""
        request = self.plan.keep_alive
        assert request is not None
        url = request.url.replace(PLACEHOLDER, self.token)
        return replace(request, url=url, query=request.query.replace(PLACEHOLDER, self.token))

    def keep_alive_later(self) -> None:
        """The token was prolonged: again after the plan's interval."""
        self._set(Task.KEEP_ALIVE, self.plan.keep_alive_every)

    def quarantined_too_often(self, per_minute_max: int) -> bool:
        """Count one message that could not be believed; True once a minute has seen more than allowed."""
        now = self._context.now
        if now - self._quarantined_since >= MINUTE:
            self._quarantined_since = now
            self._quarantined = 0
        self._quarantined += 1
        return self._quarantined > per_minute_max

    # -- the end ---------------------------------------------------------------------------------

    def drain(self, reason: str, *, close_now: bool = False) -> None:
        """Another link carries on: read what still comes, then close."""
        self._cancel_all()
        self._step(Step.REPLACED, reason)
        if close_now:
            self._context.emit(CloseLink(self.link, reason))
        else:
            self._set(Task.DRAINED, DRAIN_FOR)

    def lose(self, reason: str) -> None:
        """Close it and be DOWN at once: whatever still comes is not believed."""
        if self.state is not LinkState.RESOLVE:
            self._context.emit(CloseLink(self.link, reason))
        self.closed(reason)

    def closed(self, reason: str) -> None:
        """The driver says that the connection is gone."""
        self._cancel_all()
        self._step(Step.LOST, reason)

    # -- inside ----------------------------------------------------------------------------------

    def _step(self, step: Step, reason: str = "") -> None:
        self.state = NEXT[self.state, step]
        self._changed(self, reason or step.value)

    def _set(self, task: Task, delay: Nanos) -> None:
        self._cancel(task)
        self._timers[task] = self._context.after(delay, LinkDue(self.link, task))

    def _cancel(self, task: Task) -> None:
        timer = self._timers.pop(task, None)
        if timer is not None:
            timer.cancel()

    def _cancel_all(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
