"""What can go wrong on the way, one fault at a time."""

from itertools import pairwise

import pytest

from integrated_trading_system.domain.effects import Effect
from integrated_trading_system.domain.http import HttpCall, HttpFailed, HttpReply, HttpRequest
from integrated_trading_system.domain.ids import ActorName, CallId, LinkId, VenueId
from integrated_trading_system.domain.inputs import Input
from integrated_trading_system.domain.link import (
    FrameReceived,
    LinkClosed,
    LinkOpened,
    OpenLink,
    PongReceived,
    SendFrame,
    Tag,
)
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.risk.kill_switch import KillGate
from integrated_trading_system.simulation.exchange.dialect import Outgoing, ServerReply, ServerRequest
from integrated_trading_system.simulation.faults import TIMED, Fault, Faults, Way
from integrated_trading_system.simulation.latency import Latency
from integrated_trading_system.simulation.world import World

HERE, THERE = VenueId("toy:spot"), VenueId("toy:perp")
MARKET, USER = LinkId("toy:spot#market-0.1"), LinkId("toy:spot#user.1")
END = Nanos(60 * SECOND)
PING_EVERY = OpenLink(MARKET, HERE, "wss://toy/ws", 1_000).ping_every


class Echo:
    """Answers every request with its number and every frame with itself."""

    def __init__(self) -> None:
        self.requests = 0
        self._outgoing: list[Outgoing] = []

    def http(self, request: ServerRequest, now: Nanos) -> ServerReply:
        self.requests += 1
        return ServerReply(status=200, body=b"%d" % self.requests)

    def connect(self, link: LinkId, path: str, query: str, now: Nanos) -> bool:
        return True

    def receive(self, link: LinkId, frame: bytes, now: Nanos) -> None:
        self._outgoing.append(Outgoing(link, frame))

    def disconnect(self, link: LinkId, now: Nanos) -> None:
        """Nothing to forget."""

    def run(self, now: Nanos) -> None:
        """Nothing happens by itself."""

    def deadline(self) -> Nanos | None:
        return None

    def take(self) -> list[Outgoing]:
        outgoing, self._outgoing = self._outgoing, []
        return outgoing


class Rig:
    """A world with one kind of fault."""

    def __init__(self, fault: Fault | None = None, rate: float = 1.0) -> None:
        self.echo = Echo()
        self.faults = Faults(1, {fault: rate} if fault else {}, until=END)
        self.heard: list[tuple[Nanos, Input]] = []
        self.now = Nanos(0)
        self.world = World({HERE: self.echo, THERE: Echo()}, {}, KillGate(), Latency(), 1, self.faults)
        self.world.connect_core(self.hear)

    def hear(self, actor: ActorName, message: Input) -> None:
        at = getattr(message, "received_at", self.now)
        self.heard.append((at, message))

    def perform(self, *effects: Effect) -> None:
        for effect in effects:
            self.world.perform(effect, self.now)

    def wait(self, seconds: float) -> None:
        self.now = Nanos(self.now + int(seconds * SECOND))
        self.world.run(self.now)

    def of(self, kind: type) -> list[Input]:
        return [message for _, message in self.heard if type(message) is kind]


def call(tag: Tag = Tag.QUERY) -> HttpCall:
    request = HttpRequest(method="GET", url="https://toy/x")
    deadline = Nanos(20 * SECOND)
    return HttpCall(call=CallId("c"), venue=HERE, purpose="query", request=request, tag=tag, deadline=deadline)


def linked(rig: Rig) -> Rig:
    """Both links stand, and each has sent a frame."""
    for link in (MARKET, USER):
        rig.perform(OpenLink(link, HERE, "wss://toy/ws", 1_000))
    rig.wait(0.1)
    for link in (MARKET, USER):
        rig.perform(SendFrame(link, link.encode(), Tag.DATA))
    return rig


def test_by_default_nothing_goes_wrong() -> None:
    rig = linked(Rig())
    rig.perform(call())
    rig.wait(100)
    assert [message.body for message in rig.of(HttpReply) if isinstance(message, HttpReply)] == [b"1"]
    assert len(rig.of(FrameReceived)) == 2
    pongs = [message.link for message in rig.of(PongReceived) if isinstance(message, PongReceived)]
    assert {link: pongs.count(link) for link in pongs} == dict.fromkeys((MARKET, USER), 100 * SECOND // PING_EVERY)
    assert not any(rig.faults.counts.values())
    assert World({}, {}, KillGate(), Latency(), 1).faults.copies(Way.DATA, Nanos(0)) == (0,)


@pytest.mark.parametrize(
    ("fault", "served", "outcome"),
    [
        (Fault.REQUEST_LOST, 0, "timeout"),
        (Fault.REQUEST_TWICE, 2, b"1"),
        (Fault.REPLY_LOST, 1, "timeout"),
        (Fault.GATEWAY_REFUSES, 0, 503),
        (Fault.GATEWAY_GIVES_UP, 1, 504),
    ],
)
def test_a_call_has_one_outcome_whatever_the_venue_did(fault: Fault, served: int, outcome: object) -> None:
    rig = Rig(fault)
    rig.perform(call())
    rig.wait(40)
    ((_, message),) = rig.heard
    assert rig.echo.requests == served
    if isinstance(message, HttpFailed):
        assert (message.reason, message.maybe_sent, message.received_at) == (outcome, True, 20 * SECOND)
    else:
        assert isinstance(message, HttpReply)
        assert outcome in (message.status, message.body)
    assert rig.faults.counts[fault] >= 1


@pytest.mark.parametrize("fault", [Fault.REQUEST_LATE, Fault.REPLY_LATE])
def test_what_is_late_still_arrives(fault: Fault) -> None:
    rig = Rig(fault)
    rig.perform(call())
    rig.wait(70)
    ((at, _),) = rig.heard
    assert rig.echo.requests == 1
    assert at > SECOND // 10


def test_nothing_is_later_than_the_end_of_the_faults() -> None:
    faults = Faults(3, {Fault.DATA_LATE: 1.0}, until=END)
    delays = [faults.copies(Way.DATA, Nanos(END - 2 * SECOND))[0] for _ in range(200)]
    assert max(delays) == 2 * SECOND
    assert min(delays) < SECOND // 10


def test_an_order_is_never_delivered_twice() -> None:
    faults = Faults(1, {Fault.REQUEST_TWICE: 1.0}, until=END)
    assert [len(faults.copies(way, Nanos(0))) for way in (Way.ORDER, Way.REQUEST)] == [1, 2]


@pytest.mark.parametrize(
    ("fault", "links"),
    [
        (Fault.EVENT_LOST, [MARKET]),
        (Fault.EVENT_TWICE, [MARKET, USER, USER]),
        (Fault.DATA_LOST, [USER]),
    ],
)
def test_frames_of_accounts_and_of_the_market_have_faults_of_their_own(fault: Fault, links: list[LinkId]) -> None:
    rig = linked(Rig(fault))
    rig.wait(50)
    assert sorted(message.link for message in rig.of(FrameReceived) if isinstance(message, FrameReceived)) == links


def test_a_late_frame_holds_up_all_that_follow_it() -> None:
    rig = linked(Rig(Fault.DATA_LATE, rate=0.2))
    for number in range(30):
        rig.perform(SendFrame(MARKET, b"%02d" % number, Tag.DATA))
    rig.wait(70)
    frames = [message.frame for message in rig.of(FrameReceived) if isinstance(message, FrameReceived)]
    numbered = [frame for frame in frames if frame.isdigit()]
    assert numbered == sorted(numbered)
    assert len(numbered) == 30
    assert rig.faults.counts[Fault.DATA_LATE] > 0


def test_a_silent_link_is_given_up_when_no_pong_comes() -> None:
    rig = linked(Rig(Fault.SILENCE, rate=0.5))
    rig.wait(50)
    assert {message.reason for message in rig.of(LinkClosed) if isinstance(message, LinkClosed)} == {"ping-timeout"}
    assert len(rig.of(LinkClosed)) == 2


def test_a_new_core_has_new_links_though_it_calls_them_the_same() -> None:
    rig = linked(Rig(Fault.SILENCE, rate=5.0))
    rig.wait(1)
    rig.world.drop_core(rig.now)
    rig.faults = rig.world.faults = Faults()
    rig.world.connect_core(rig.hear)
    rig.heard.clear()
    linked(rig)
    rig.wait(1)
    assert len(rig.of(FrameReceived)) == 2


@pytest.mark.parametrize("fault", [Fault.LINKS_CUT, Fault.ALL_CUT])
def test_a_cut_closes_every_link(fault: Fault) -> None:
    rig = linked(Rig(fault, rate=0.5))
    rig.wait(50)
    assert len(rig.of(LinkClosed)) == 2


@pytest.mark.parametrize(("fault", "status"), [(Fault.TOO_MANY, 429), (Fault.BANNED, 418)])
def test_a_venue_that_wants_no_more_requests_says_until_when_and_serves_none(fault: Fault, status: int) -> None:
    rig = Rig(fault, rate=50.0)
    rig.wait(0.5)
    rig.perform(call())
    rig.wait(1)
    (reply,) = rig.of(HttpReply)
    assert isinstance(reply, HttpReply)
    assert reply.status == status
    assert 1 <= int(reply.headers["retry-after"]) <= 10
    assert rig.echo.requests == 0
    rig.wait(100)
    rig.perform(call())
    rig.wait(1)
    assert rig.echo.requests == 1


def test_before_they_begin_there_are_no_faults() -> None:
    faults = Faults(1, dict.fromkeys(Fault, 1.0), begin=Nanos(SECOND), until=END)
    before, after = Nanos(SECOND - 1), Nanos(SECOND)
    assert faults.copies(Way.ORDER, before) == (0,)
    assert faults.gateway(before) is faults.tampers(before) is None
    assert not faults.stale_book(before)
    assert not any(faults.counts.values())
    assert faults.copies(Way.ORDER, after) == ()


def test_during_an_outage_the_venue_cannot_be_reached() -> None:
    rig = linked(Rig(Fault.OUTAGE, rate=5.0))
    rig.wait(20)
    assert len(rig.of(LinkClosed)) == 2
    rig.heard.clear()
    rig.perform(call(), OpenLink(LinkId("toy:spot#market-0.2"), HERE, "wss://toy/ws", 1_000))
    rig.wait(1)
    (failed,) = rig.of(HttpFailed)
    assert isinstance(failed, HttpFailed)
    assert (failed.reason, failed.maybe_sent) == ("refused", False)
    (closed,) = rig.of(LinkClosed)
    assert isinstance(closed, LinkClosed)
    assert closed.reason == "refused"
    rig.wait(60)
    rig.heard.clear()
    rig.perform(OpenLink(LinkId("toy:spot#market-0.3"), HERE, "wss://toy/ws", 1_000))
    rig.wait(1)
    assert len(rig.of(LinkOpened)) == 1


@pytest.mark.parametrize("fault", [Fault.CLOG, Fault.SWIZZLE])
def test_what_is_clogged_arrives_later_and_in_its_order(fault: Fault) -> None:
    rig = linked(Rig())
    rig.faults = rig.world.faults = Faults(1, {fault: 1.0}, begin=rig.now, until=END)
    for number in range(40):
        rig.perform(SendFrame(MARKET, b"%02d" % number, Tag.DATA))
        rig.wait(1)
    rig.wait(40)
    frames = [message for message in rig.of(FrameReceived) if isinstance(message, FrameReceived)]
    numbered = [message.frame for message in frames if message.frame.isdigit()]
    assert numbered == sorted(numbered)
    assert len(numbered) == 40
    times = [message.received_at for message in frames if message.frame.isdigit()]
    assert max(later - at for at, later in pairwise(times)) > 1.5 * SECOND
    assert rig.faults.counts[fault] > 0


def test_a_slow_way_holds_up_a_call_there_and_back() -> None:
    rig = Rig()
    rig.world.passage.slow(HERE, Nanos(0), Nanos(9 * SECOND), there=Nanos(2 * SECOND), back=Nanos(3 * SECOND))
    rig.perform(call())
    rig.wait(10)
    ((at, answer),) = rig.heard
    assert isinstance(answer, HttpReply)
    assert 5 * SECOND <= at < 5.1 * SECOND


def test_pings_that_a_clog_swallows_end_the_link() -> None:
    rig = linked(Rig())
    rig.world.passage.clog(HERE, rig.now, Nanos(30 * SECOND))
    rig.wait(29)
    assert [message.reason for message in rig.of(LinkClosed) if isinstance(message, LinkClosed)] == ["ping-timeout"] * 2


def test_the_same_seed_gives_the_same_faults() -> None:
    def drawn(seed: int) -> list[object]:
        faults = Faults(seed, dict.fromkeys(Fault, 0.2), until=END)
        found: list[object] = [faults.copies(way, Nanos(SECOND)) for way in Way for _ in range(20)]
        found += [faults.gateway(Nanos(SECOND)) for _ in range(20)]
        while (due := faults.deadline()) is not None:
            found += faults.take(due, (HERE, THERE))
        return [*found, faults.counts]

    assert drawn(1) == drawn(1) != drawn(2)
    assert all(Faults(1, dict.fromkeys(Fault, 5.0), until=END).deadline() for _ in TIMED)
