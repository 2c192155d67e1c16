"""In a whole run every message is in exactly one place: counted by what the wire brought, not by who counts it.

What connectors were told is decoded a second time by codecs of the test's own; what mailboxes and
inline refs were told is counted by wrapping them.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import ActorName, LinkId, VenueId, venue_of
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.link import FrameReceived, LinkClosed
from integrated_trading_system.domain.market import (
    BookDelta,
    BookSnapshot,
    Candle,
    DataType,
    FundingRate,
    MarkPrice,
    Quote,
    Statistics,
    Trade,
)
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.platform import FEED, OMS, RISK, Platform, connector_name
from integrated_trading_system.orchestrator.shown.summary import picture
from integrated_trading_system.runtime.cell import InlineRef
from integrated_trading_system.runtime.mailbox import Mailbox
from integrated_trading_system.venues import catalog
from tests.support.virtual_platform import VirtualPlatform, dev_settings

STREAM: dict[type, DataType] = {
    Quote: DataType.QUOTES,
    Trade: DataType.TRADES,
    BookDelta: DataType.DEPTH,
    BookSnapshot: DataType.DEPTH,
    Statistics: DataType.STATISTICS,
    Candle: DataType.CANDLES,
    MarkPrice: DataType.MARK_PRICE,
    FundingRate: DataType.FUNDING,
}
CASES = [(seed, cuts) for seed in (1, 2) for cuts in (0, 3)]


class Wire:
    """An observer that keeps what connectors are told."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._gone: set[LinkId] = set()
        self._frames: dict[VenueId, list[FrameReceived]] = {venue: [] for venue in platform.venues}
        self.snapshots: Counter[VenueId] = Counter()
        self.late: Counter[VenueId] = Counter()

    def told(self, name: ActorName, message: Any) -> None:
        venue = VenueId(name.removeprefix("connector."))
        if type(message) is FrameReceived:
            if message.link in self._gone:
                self.late[venue] += 1
            elif "#user" not in message.link:
                self._frames[venue].append(message)
        elif type(message) is LinkClosed:
            self._gone.add(message.link)
        elif type(message) is HttpReply and "#snapshot." in message.call and message.status == 200:
            self.snapshots[venue] += 1

    def ran(self, now: Nanos, budget: int) -> None: ...

    def received(self, venue: VenueId) -> Counter[DataType]:
        """Market events by stream."""
        codec = catalog.build(venue, catalog.endpoints_of(venue), self._platform.accounts[venue]).codec
        codec.list([one for one in self._platform.listing if one.venue == venue])
        counted = Counter({DataType.DEPTH: self.snapshots[venue]})
        for frame in self._frames[venue]:
            for event in codec.decode(frame.frame, frame.received_at):
                if type(event) in STREAM:
                    counted[STREAM[type(event)]] += 1
        return +counted


class Run:
    """A dev run of some seconds, in which the venues' links break now and then."""

    def __init__(self, folder: Path, seed: int, cuts: int) -> None:
        settings = dev_settings(folder, seed=seed)
        self.virtual = VirtualPlatform(settings)
        self.platform = self.virtual.platform
        self.wire = self.platform.system.observer = Wire(self.platform)
        for cut in range(cuts):
            self.virtual.run(4.0)
            self.virtual.world.cut(tuple(self.platform.venues)[cut % 2], self.virtual.now)
        self.virtual.run(8.0)
        assert self.platform.system.escalated is None


@pytest.fixture(params=CASES, ids=[f"seed{seed}-cuts{cuts}" for seed, cuts in CASES], scope="module")
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("run"), *request.param)


def test_received_is_delivered_conflated_dropped_quarantined_or_waiting(run: Run) -> None:
    instruments = run.platform.system.view(FEED).instruments
    for venue in run.platform.venues:
        counted: Counter[DataType] = Counter()
        for instrument, view in instruments.items():
            if venue_of(instrument) == venue:
                for kind, of in view.streams.items():
                    counted[kind] += of.delivered + of.conflated + of.dropped + of.quarantined + of.waiting
        received = run.wire.received(venue)
        assert counted == received
        assert min(received[kind] for kind in (DataType.QUOTES, DataType.TRADES, DataType.DEPTH)) > 0


def test_no_trade_is_dropped_and_what_came_too_late_is_counted(run: Run) -> None:
    shown = picture(run.platform)
    for venue in run.platform.venues:
        assert shown["streams"][f"{venue}:trade"]["dropped"] == 0
        assert run.platform.system.view(connector_name(venue)).late_frames == run.wire.late[venue]


@pytest.mark.parametrize(("seed", "cuts"), CASES)
def test_every_execution_of_ours_is_owned_once(seed: int, cuts: int, tmp_path: Path) -> None:
    """Fills come with answers and as events, and lost ones are asked for: none is dropped, none counts twice."""
    run = Run(tmp_path, seed, cuts)
    for actor in (RISK, OMS):
        run.platform.system.tell(actor, Shutdown("nothing new"))
    run.virtual.run(20.0)
    executed = [
        one
        for venue, exchange in run.virtual.world.exchanges.items()
        for one in exchange.executions(exchange.bank.accounts[str(run.platform.accounts[venue])])
    ]
    view = run.platform.system.view(OMS)
    mailbox = run.platform.system.mailboxes()[OMS]
    assert mailbox.dropped == mailbox.conflated == 0
    assert view.fills == len(executed) > 0
    assert view.open == 0


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """By actor: messages put into its mailbox, and told it inline."""
    counted: Counter[str] = Counter()
    put, tell = Mailbox.put, InlineRef.tell

    def counting_put(self: Mailbox, message: Any) -> None:
        counted[self.name] += 1
        put(self, message)

    def counting_tell(self: InlineRef[Any], message: Any, /) -> None:
        counted[self._cell.name] += 1
        tell(self, message)

    monkeypatch.setattr(Mailbox, "put", counting_put)
    monkeypatch.setattr(InlineRef, "tell", counting_tell)
    return counted


def test_told_is_delivered_conflated_dropped_or_waiting(told: Counter[str], tmp_path: Path) -> None:
    platform = Run(tmp_path, 3, 1).platform
    boxes = platform.system.mailboxes()
    assert {name: box.delivered + box.conflated + box.dropped + box.waiting for name, box in boxes.items()} == {
        name: told[name] for name in boxes
    }
    assert min(told[name] for name in boxes) > 0
    assert sum(box.dropped for box in boxes.values()) == 0
