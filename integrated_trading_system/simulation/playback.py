"""Play foreign captures to the core, as if their venues were there now.

Every frame reaches the venue's connector at its recorded receive time. A recorded REST answer is
held until its recorded time and answers the call that waits for it; connecting, logging on and
subscribing are acknowledged for the venue. Orders never come here: a replay trades on paper.
"""

from collections import deque
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from integrated_trading_system.domain.cointegration import CointegrationAsked, answer
from integrated_trading_system.domain.http import HttpCall, HttpFailed, HttpReply, HttpRequest
from integrated_trading_system.domain.ids import ActorName, CallId, LinkId, VenueId
from integrated_trading_system.domain.journal import JournalAppend, JournalCommitted
from integrated_trading_system.domain.link import (
    CloseLink,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    OpenLink,
    PongReceived,
)
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.runtime.system import System
from integrated_trading_system.simulation.capture import Kind, Line

PROOF_OF_LIFE_EVERY = Nanos(10 * SECOND)
OMS = ActorName("oms")

_NAMING = ("symbol", "instType", "instId")
"""Parameters that say what a question is about."""


class Track(Struct, frozen=True):
    """The lines of one venue, in order of their receive time."""

    venue: VenueId
    lines: Iterable[Line]


class _Stage:
    """What one venue's connector has open, and what the capture can still answer it."""

    def __init__(self, venue: VenueId) -> None:
        self.actor = ActorName(f"connector.{venue}")
        self.links: list[LinkId] = []
        self.calls: dict[CallId, HttpCall] = {}
        self.answers: deque[Line] = deque()
        self.proof_due = Nanos(0)
        self.messages = 0


class Playback:
    """Drives one system through the tracks' time."""

    def __init__(self, system: System, tracks: Iterable[Track]) -> None:
        """The system is wired for the tracks' venues and not started yet."""
        self._system = system
        tracks = tuple(tracks)
        self._stages = {track.venue: _Stage(track.venue) for track in tracks}
        lines = [(self._stages[track.venue], line) for track in tracks for line in track.lines]
        lines.sort(key=lambda item: item[1].at)  # stable, and made for runs that are in order already
        self._lines = iter(lines)

    @property
    def messages(self) -> dict[VenueId, int]:
        """Frames and REST answers played, by venue."""
        return {venue: stage.messages for venue, stage in self._stages.items()}

    def run(self, wait_until: Callable[[Nanos], None] | None = None, stop: Callable[[], bool] = lambda: False) -> None:
        """Play to the end, or until `stop()`. `wait_until` is asked before each line: it sets the pace."""
        system = self._system
        first = next(self._lines, None)
        if first is None:
            return
        system.start(first[1].at)
        self._settle(first[1].at)
        self._play(*first)
        for stage, line in self._lines:
            at = line.at
            if wait_until is not None:
                wait_until(at)
            if stop() or system.escalated is not None:
                return
            while (due := system.deadline()) is not None and due <= at:
                self._settle(max(due, system.now))
            self._play(stage, line)

    def finish(self, grace: Nanos) -> None:
        """After the last line: let what is on its way arrive."""
        until = Nanos(self._system.now + grace)
        while (due := self._system.deadline()) is not None and due <= until:
            self._settle(max(due, self._system.now))

    def _play(self, stage: _Stage, line: Line) -> None:
        system = self._system
        now = max(line.at, system.now)
        if line.kind is Kind.FRAME:
            stage.messages += 1
            if stage.links:
                frame = FrameReceived(stage.links[0], line.payload, now)
                if now < stage.proof_due or len(stage.links) == 1:
                    if not system.step(stage.actor, frame, now) and not system.effects:
                        return
                else:
                    system.tell(stage.actor, frame)
                    self._prove_life(stage, now)
        elif line.kind is Kind.ANSWER:
            stage.messages += 1
            stage.answers.append(line)
            self._answer(stage, now)
        self._settle(now)

    def _settle(self, now: Nanos) -> None:
        """Let the core work, and do what it asks."""
        system = self._system
        while system.run(now):
            pass
        while effects := system.take_effects():
            for effect in effects:
                match effect:
                    case OpenLink(link, venue):
                        self._stages[venue].links.append(link)
                        system.tell(self._stages[venue].actor, LinkOpened(link, now, acknowledged=True))
                    case CloseLink(link, reason):
                        self._close(link, reason, now)
                    case HttpCall(venue=venue):
                        self._stages[venue].calls[effect.call] = effect
                        self._answer(self._stages[venue], now)
                    case JournalAppend(sequence):
                        system.tell(OMS, JournalCommitted(sequence))
                    case CointegrationAsked():
                        system.tell(effect.actor, answer(effect))
                    case _:
                        pass  # subscribe frames: acknowledged when the link was opened
            while system.run(now):
                pass

    def _close(self, link: LinkId, reason: str, now: Nanos) -> None:
        for stage in self._stages.values():
            if link in stage.links:
                stage.links.remove(link)
                self._system.tell(stage.actor, LinkClosed(link, reason, now))

    def _prove_life(self, stage: _Stage, now: Nanos) -> None:
        """All links of a capture are one: what is heard on it keeps the others alive."""
        stage.proof_due = Nanos(now + PROOF_OF_LIFE_EVERY)
        for link in stage.links[1:]:
            self._system.tell(stage.actor, PongReceived(link, now))

    def _answer(self, stage: _Stage, now: Nanos) -> None:
        """Match waiting calls with recorded answers; refuse what no capture can answer."""
        for call in list(stage.calls.values()):
            if call.purpose not in ("snapshot", "instruments"):
                del stage.calls[call.call]
                failed = HttpFailed(call=call.call, reason="not-in-capture", maybe_sent=False, received_at=now)
                self._system.tell(stage.actor, failed)
                continue
            for line in stage.answers:
                if _answers(line, call):
                    stage.answers.remove(line)
                    del stage.calls[call.call]
                    reply = HttpReply(
                        call=call.call, status=200, headers={}, body=line.payload, sent_at=line.at, received_at=now
                    )
                    self._system.tell(stage.actor, reply)
                    break


def _answers(line: Line, call: HttpCall) -> bool:
    """An answer whose address was not kept fits any snapshot."""
    return is_answer_to(line.url, call.request) if line.url else call.purpose == "snapshot"


def is_answer_to(url: str, request: HttpRequest) -> bool:
    """Whether what was recorded at this address answers the request: same path, same symbol and product."""
    recorded, asked = urlsplit(url), urlsplit(request.url)
    if recorded.path != asked.path:
        return False
    wanted, told = parse_qs(request.query), parse_qs(recorded.query)
    return all(wanted[name] == told.get(name) for name in _NAMING if name in wanted)
