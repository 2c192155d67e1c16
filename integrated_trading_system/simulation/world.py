"""The network between the core and simulated exchanges: latency, order, deadlines, and the kill gate.

A World is driven like the core: `perform` takes its effects, `run(now)` lets time pass and tells it
inputs. Under the virtual driver its time is a number; under the live loop it is the real one, so dev
mode runs the same code that the tests run.

Bytes of one link never overtake each other: delivery times on a link strictly increase.
"""

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from random import Random
from typing import Any, Protocol
from urllib.parse import urlsplit

from integrated_trading_system.domain.effects import Effect
from integrated_trading_system.domain.http import HttpCall
from integrated_trading_system.domain.ids import ActorName, LinkId, VenueId
from integrated_trading_system.domain.inputs import Input
from integrated_trading_system.domain.link import (
    CloseLink,
    FrameReceived,
    LinkClosed,
    LinkOpened,
    OpenLink,
    PongReceived,
    SendFrame,
    Tag,
)
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.edge import LIMITS, Edge
from integrated_trading_system.simulation.exchange.dialect import Dialect, ServerReply, ServerRequest
from integrated_trading_system.simulation.faults import Fault, Faults, Happening, Way
from integrated_trading_system.simulation.latency import Latency
from integrated_trading_system.simulation.passage import Passage, arrived
from integrated_trading_system.simulation.requests import answered, failed, server_request
from integrated_trading_system.simulation.tampering import Tampering
from integrated_trading_system.venues.signer import Signer

Tell = Callable[[ActorName, Input], None]


class Gate(Protocol):
    """The kill gate, asked immediately before the first byte leaves."""

    def allows(self, tag: Tag) -> bool:
        """Whether a request of this kind may still be sent."""


class World:
    """All simulated venues of a run, and the wires to them."""

    def __init__(
        self,
        dialects: Mapping[VenueId, Dialect],
        signers: Mapping[VenueId, Signer],
        gate: Gate,
        latency: Latency,
        seed: int,
        faults: Faults | None = None,
    ) -> None:
        """Nobody is connected; `connect_core` says who is told. Without `faults` nothing goes wrong."""
        self._dialects = dict(dialects)
        self._due = {venue: dialect.deadline() for venue, dialect in dialects.items()}
        """When each venue wants to run next; asked again after everything that it was told."""
        self._signers = dict(signers)
        self._gate = gate
        self._latency = latency
        self._random = Random(f"world-{seed}")
        self._tell: Tell = _nobody
        self._epoch = 0
        self._queue: list[tuple[Nanos, int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0
        self._links: dict[LinkId, VenueId] = {}
        self._silent: dict[LinkId, None] = {}
        self._down: dict[VenueId, Nanos] = {}
        self._last: dict[tuple[LinkId, bool], Nanos] = {}
        self._tampering = Tampering(seed)
        self.passage = Passage()
        self.edge = Edge()
        self.faults = faults or Faults()

    def connect_core(self, tell: Tell, gate: Gate | None = None) -> None:
        """A (new) core takes the inputs. What was on its way to the one before is lost with it."""
        self._tell = tell
        self._gate = gate or self._gate
        self._epoch += 1

    def drop_core(self, now: Nanos) -> None:
        """The core died: its links break, its requests that have left still arrive."""
        self._tell = _nobody
        self._epoch += 1
        for link, venue in self._links.items():
            self._disconnect(link, venue, now)
        self._links.clear()
        self._silent.clear()  # the next core counts its links from 1 again
        self._last.clear()
        self._tampering.forget()

    # -- being driven --------------------------------------------------------------------------

    def deadline(self) -> Nanos | None:
        """When `run` has to be called next."""
        due = self._queue[0][0] if self._queue else None
        for at in (*self._due.values(), self.faults.deadline()):
            if at is not None and (due is None or at < due):
                due = at
        return due

    def run(self, now: Nanos) -> None:
        """Everything that happens up to now, in order of time."""
        while True:
            at = self.deadline()
            if at is None or at > now:
                return
            for happening in self.faults.take(at, tuple(self._due)):
                self._strike(happening, at)
            for venue, due in self._due.items():
                if due is not None and due <= at:
                    self._dialects[venue].run(at)
                    self._collect(venue, at)
            while self._queue and self._queue[0][0] <= at:
                _, _, epoch, action, arguments = heappop(self._queue)
                if epoch in (0, self._epoch):
                    action(at, *arguments)

    def perform(self, effect: Effect, now: Nanos) -> None:
        """Do what the core asks; raises TypeError for what is not the network's."""
        match effect:
            case OpenLink():
                due = self.passage.arrival(effect.venue, Nanos(now + self._latency.draw(self._random)), inbound=False)
                self._schedule(due, self._epoch, self._open, effect)
            case SendFrame():
                self._send(effect, now)
            case CloseLink():
                self._close(effect, now)
            case HttpCall():
                self._call(effect, now)
            case _:
                message = f"the network does not perform {type(effect).__name__}"
                raise TypeError(message)

    def cut(self, venue: VenueId, now: Nanos, reason: str = "reset") -> None:
        """Break every link of a venue (a fault)."""
        for link in [link for link, of in self._links.items() if of == venue]:
            self._break(now, link, reason)

    def outage(self, venue: VenueId, now: Nanos, lasts: Nanos) -> None:
        """Break every link of a venue, and let nobody in for so long (a fault)."""
        self.cut(venue, now)
        self._down[venue] = Nanos(now + lasts)

    def _break(self, now: Nanos, link: LinkId, reason: str) -> None:
        venue = self._links.pop(link, None)
        if venue is not None:
            self._disconnect(link, venue, now)
            self._tell(_connector(venue), LinkClosed(link, reason, now))

    def _strike(self, happening: Happening, now: Nanos) -> None:
        venue, until = happening.venue, Nanos(now + happening.lasts)
        match happening.fault:
            case Fault.SILENCE:
                self._silent.update(dict.fromkeys(link for link, of in self._links.items() if of == venue))
            case Fault.ALL_CUT:
                for each in self._dialects:
                    self.cut(each, now)
            case Fault.OUTAGE:
                self.outage(venue, now, happening.lasts)
            case Fault.CLOG:
                self.passage.clog(venue, Nanos(now + happening.after), happening.lasts)
            case Fault.SLOW:
                self.passage.slow(venue, now, happening.lasts, there=happening.there, back=happening.back)
            case Fault.TOO_MANY | Fault.BANNED:
                self.edge.limit(venue, LIMITS[happening.fault], until)
            case Fault.MAINTENANCE:
                self.edge.close(venue, until)
                self._schedule(until, 0, self.edge.reopen, venue)
            case Fault.CLOCK_STEP:
                self.edge.set_clock(now, venue, happening.clock)
                self._schedule(until, 0, self.edge.set_clock, venue, Nanos(0))
            case _:
                self.cut(venue, now)

    def _unreachable(self, venue: VenueId, now: Nanos) -> bool:
        return now < self._down.get(venue, 0)

    # -- links ---------------------------------------------------------------------------------

    def _open(self, now: Nanos, effect: OpenLink) -> None:
        parts = urlsplit(effect.url)
        reachable = not self._unreachable(effect.venue, now)
        accepted = reachable and self._dialects[effect.venue].connect(effect.link, parts.path, parts.query, now)
        if accepted:
            self._links[effect.link] = effect.venue
            self._inbound(effect.link, effect.venue, now, LinkOpened(effect.link, Nanos(0)))
            self._schedule(Nanos(now + effect.ping_every), self._epoch, self._pong, effect)
        else:
            self._inbound(effect.link, effect.venue, now, LinkClosed(effect.link, "refused", Nanos(0)))
        self._collect(effect.venue, now)

    def _pong(self, now: Nanos, effect: OpenLink) -> None:
        """Below the frames, client and server ping each other: a quiet link shows that it lives."""
        link = effect.link
        venue = self._links.get(link)
        if venue is None:
            return
        arrives = self.passage.arrival(venue, self.passage.arrival(venue, now, inbound=False), inbound=True)
        if link in self._silent or arrives - now >= effect.pong_within:
            self._schedule(Nanos(now + effect.pong_within), self._epoch, self._break, link, "ping-timeout")
            return
        self._schedule(arrives, self._epoch, self._deliver, _connector(venue), PongReceived(link, arrives))
        self._schedule(Nanos(now + effect.ping_every), self._epoch, self._pong, effect)

    def _send(self, effect: SendFrame, now: Nanos) -> None:
        venue = self._links.get(effect.link)
        if venue is None or (effect.tag is Tag.ORDER and not self._gate.allows(effect.tag)):
            return
        frame = effect.frame
        if effect.account is not None:
            frame = self._signers[venue].frame(frame, effect.account, now)
        due = self._ordered(effect.link, venue, now, inbound=False)
        self._schedule(due, 0, self._arrive, effect.link, frame)

    def _arrive(self, now: Nanos, link: LinkId, frame: bytes) -> None:
        venue = self._links.get(link)
        if venue is not None and link not in self._silent:
            self._dialects[venue].receive(link, frame, now)
            self._collect(venue, now)

    def _close(self, effect: CloseLink, now: Nanos) -> None:
        venue = self._links.pop(effect.link, None)
        if venue is not None:
            self._disconnect(effect.link, venue, now)
            self._inbound(effect.link, venue, now, LinkClosed(effect.link, effect.reason, Nanos(0)))

    def _disconnect(self, link: LinkId, venue: VenueId, now: Nanos) -> None:
        dialect = self._dialects[venue]
        dialect.disconnect(link, now)
        self._due[venue] = dialect.deadline()

    def _collect(self, venue: VenueId, now: Nanos) -> None:
        """What the venue has to say, after it was told something or let run."""
        dialect = self._dialects[venue]
        self._due[venue] = dialect.deadline()
        for outgoing in dialect.take():
            if outgoing.link not in self._links:
                continue
            if outgoing.frame is None:
                self._links.pop(outgoing.link)
                self._inbound(outgoing.link, venue, now, LinkClosed(outgoing.link, "closed", Nanos(0)))
            else:
                self._frame(outgoing.link, venue, now, outgoing.frame)

    def _frame(self, link: LinkId, venue: VenueId, now: Nanos, sent: bytes) -> None:
        if link in self._silent:
            return
        way = Way.EVENT if "#user." in link else Way.DATA
        frames = self._tampering.frames(self.faults, link, sent, now) if way is Way.DATA else (sent,)
        for frame in frames:
            for delay in self.faults.copies(way, now):
                self._inbound(link, venue, Nanos(now + delay), FrameReceived(link, frame, Nanos(0)))

    def _inbound(self, link: LinkId, venue: VenueId, now: Nanos, message: Input) -> None:
        due = self._ordered(link, venue, now, inbound=True)
        self._schedule(due, self._epoch, self._deliver, _connector(venue), message)

    def _deliver(self, now: Nanos, actor: ActorName, message: Input) -> None:
        self._tell(actor, arrived(message, now))

    # -- calls ---------------------------------------------------------------------------------

    def _call(self, effect: HttpCall, now: Nanos) -> None:
        if not self._gate.allows(effect.tag):
            self._fail(effect, now, "gate", maybe_sent=False)
            return
        if effect.latest_send is not None and now > effect.latest_send:
            self._fail(effect, now, "late", maybe_sent=False)
            return
        request = effect.request
        if effect.account is not None:
            venue_now = Nanos(now + effect.clock_offset)
            request = self._signers[effect.venue].request(request, effect.account, venue_now)
        self._post(effect, server_request(request), now)

    def _post(self, effect: HttpCall, request: ServerRequest, now: Nanos) -> None:
        """Every copy that arrives is served; only the first is answered, and only if it arrives in time."""
        if self._unreachable(effect.venue, now):
            self._fail(effect, now, "refused", maybe_sent=False)
            return
        answered = False
        for delay in self.faults.copies(Way.ORDER if effect.tag is Tag.ORDER else Way.REQUEST, now):
            due = Nanos(now + self._latency.draw(self._random) + delay)
            due = self.passage.arrival(effect.venue, due, inbound=False)
            epoch = 0 if answered or due > effect.deadline else self._epoch
            self._schedule(due, 0, self._serve, epoch, effect, request, now)
            answered = answered or bool(epoch)
        if not answered:
            self._schedule(effect.deadline, self._epoch, self._time_out, effect)

    def _serve(self, now: Nanos, epoch: int, effect: HttpCall, request: ServerRequest, sent_at: Nanos) -> None:
        """`epoch` 0: nobody waits for the answer."""
        dialect = self._dialects[effect.venue]
        gateway, limited = self.faults.gateway(now), self.edge.refuses(effect.venue, now)
        reply = limited or ServerReply(status=503 if gateway is Fault.GATEWAY_REFUSES else 504, body=b"")
        reached = not self._unreachable(effect.venue, now)
        if reached and limited is None and gateway is not Fault.GATEWAY_REFUSES:
            done = self._tampering.reply(self.faults, effect, dialect.http(request, now), now)
            self._collect(effect.venue, now)
            reply = reply if gateway is Fault.GATEWAY_GIVES_UP else done
        if epoch != self._epoch:
            return
        due = self.passage.arrival(effect.venue, Nanos(now + self._latency.draw(self._random)), inbound=True)
        late = self.faults.copies(Way.REPLY, now)
        if not reached or not late or due + late[0] > effect.deadline:
            self._schedule(max(effect.deadline, now), epoch, self._time_out, effect)
        else:
            self._schedule(Nanos(due + late[0]), epoch, self._answer, effect, reply, sent_at)

    def _answer(self, now: Nanos, effect: HttpCall, reply: ServerReply, sent_at: Nanos) -> None:
        self._tell(_connector(effect.venue), answered(effect, reply, sent_at, now))

    def _time_out(self, now: Nanos, effect: HttpCall) -> None:
        self._tell(_connector(effect.venue), failed(effect, now, "timeout", maybe_sent=True))

    def _fail(self, effect: HttpCall, now: Nanos, reason: str, *, maybe_sent: bool) -> None:
        """Answer from our side of the wire; in a later turn, as every answer."""
        message = failed(effect, now, reason, maybe_sent=maybe_sent)
        self._schedule(now, self._epoch, self._deliver, _connector(effect.venue), message)

    # -- time ----------------------------------------------------------------------------------

    def _ordered(self, link: LinkId, venue: VenueId, now: Nanos, *, inbound: bool) -> Nanos:
        """When bytes that leave now arrive: later than everything before them on this link."""
        key = (link, inbound)
        due = self.passage.arrival(venue, Nanos(now + self._latency.draw(self._random)), inbound=inbound)
        due = Nanos(max(due, self._last.get(key, 0) + 1))
        self._last[key] = due
        return due

    def _schedule(self, due: Nanos, epoch: int, action: Callable[..., None], *arguments: Any) -> None:
        self._count += 1
        heappush(self._queue, (due, self._count, epoch, action, arguments))


def _connector(venue: VenueId) -> ActorName:
    return ActorName(f"connector.{venue}")


def _nobody(actor: ActorName, message: Input) -> None:
    """Inputs for a core that is not there."""
