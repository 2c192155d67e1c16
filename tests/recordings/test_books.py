"""Real Binance markets through the whole feed: books, clocks and synchronisation agree with independent figures."""

import gzip
from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.comparison import Comparison, Member
from integrated_trading_system.domain.health import BookState, Quarantined, SnapshotWanted
from integrated_trading_system.domain.ids import ActorName, Asset, InstrumentId, venue_of
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, DataType, Quote, Trade
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.feed.books import Books
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.feed.feeder import MarketDataFeeder
from integrated_trading_system.feed.report import FeedView
from integrated_trading_system.feed.synchronizer import Synchronizer
from integrated_trading_system.runtime.system import System
from tests.support import binance
from tests.support.collector import Collector

HFT = [
    ("spot", "BTCUSDT", "spot BTCUSDT", "spot/btcusdt_20240808.gz"),
    ("usdm", "BTCUSDT", "usdm BTCUSDT", "usdm/btcusdt_20240808.gz"),
    ("coinm", "BTCUSD_PERP", "cm BTCUSD_PERP", "cm/btcusd_perp_20240808.gz"),
]
STREAMS = (DataType.QUOTES, DataType.TRADES, DataType.DEPTH)
Event = Quote | Trade | BookDelta | BookSnapshot


@pytest.fixture(scope="module")
def facts(recordings: Path) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode((recordings / "FACTS.json").read_bytes())
    return found


def events(recordings: Path, flavour: str, symbol: str, path: str) -> Iterator[Event]:
    """Each line: when it was received, and what."""
    venue, instrument = binance.venue(flavour), binance.instrument(flavour, symbol)
    venue.codec.list([instrument])
    with gzip.open(recordings / "hft_binance_20240808" / path) as lines:
        for line in lines:
            received, frame = line.rstrip().split(b" ", 1)
            at = Nanos(int(received))
            if frame.startswith(b'{"lastUpdateId"'):
                snapshot = venue.market.decode_snapshot(instrument, binance.reply(frame))
                yield msgspec.structs.replace(snapshot, received_at=at)
                continue
            for event in venue.codec.decode(frame, at):
                assert isinstance(event, Quote | Trade | BookDelta)
                yield event


class Run:
    """The feed and one synchronizer over recorded events, with timers at their time."""

    def __init__(self, *instruments: InstrumentId) -> None:
        settings = FeedSettings()
        self.instruments = instruments
        self.system, self.books, self.clocks = System(), Books(), Clocks(settings)
        self.connector, self.strategy, self.bus = Collector(), Collector(), Collector()
        self.system.bus.subscribe(Quarantined, self.bus)
        comparison = Comparison(
            name="BTC", currency=Asset("USD"), members=tuple(Member(instrument=name) for name in instruments)
        )
        sync = self.system.spawn(
            ActorName("sync"), lambda: Synchronizer(settings, comparison, self.clocks, (self.strategy,))
        )
        self.feed = self.system.spawn(
            ActorName("feed"),
            lambda: MarketDataFeeder(
                settings,
                self.books,
                self.clocks,
                Buffers(settings.buffer_size),
                connectors={venue_of(name): self.connector for name in instruments},
                synchronizers=dict.fromkeys(instruments, (self.system.inline(sync),)),
                streams=dict.fromkeys(instruments, STREAMS),
            ),
        )

    def play(self, found: Iterator[Event]) -> FeedView:
        tell = self.system.inline(self.feed).tell
        started = False
        for event in found:
            if not started:
                self.system.start(event.received_at)
                started = True
            deadline = self.system.deadline()
            if deadline is not None and deadline <= event.received_at:
                self.system.run(event.received_at)
            tell(event)
        assert self.system.escalated is None
        view: FeedView = self.system.view(ActorName("feed"))
        return view


@pytest.mark.parametrize(("flavour", "symbol", "name", "path"), HFT)
def test_a_recorded_market_is_followed_exactly(
    recordings: Path, facts: dict[str, Any], flavour: str, symbol: str, name: str, path: str
) -> None:
    fact = facts["hft"][name]
    instrument = binance.instrument(flavour, symbol).instrument
    run = Run(instrument)
    view = run.play(events(recordings, flavour, symbol, path))
    book, venue = view.books[instrument], view.venues[venue_of(instrument)]
    assert (book.state, book.stale_dropped, book.updates) == (BookState.VALID, fact["stale_dropped"], fact["applied"])
    assert (book.gaps, book.crossed, book.last_sequence) == (fact["gaps"], fact["crossed"], fact["last_u"])
    assert [*(book.best_bid or ()), *(book.best_ask or ())] == [float(number) for number in fact["final_bbo"]]
    assert list(book.levels) == fact["final_levels"]
    assert (book.compared, book.equal) == (fact["bbo_same_u_checked"], fact["bbo_same_u_equal"])
    assert run.connector.of(SnapshotWanted) == [SnapshotWanted(instrument)]
    assert run.bus.of(Quarantined) == []
    assert venue.events == sum(fact["messages"].values())
    assert venue.quarantined == 0
    least = fact["clock_local_minus_E_ms"]["min"]
    assert abs(run.clocks.of(venue_of(instrument)).envelope / MILLISECOND - least) < 5
    assert abs(venue.clock_offset_ms + least) < 5


def test_three_recorded_markets_are_put_together_within_the_tolerance(recordings: Path) -> None:
    run = Run(*(binance.instrument(flavour, symbol).instrument for flavour, symbol, _, _ in HFT))
    streams = [events(recordings, flavour, symbol, path) for flavour, symbol, _, path in HFT]
    run.play(merge(*streams, key=lambda event: event.received_at))
    view = run.system.view(ActorName("sync"))
    snapshots = run.strategy.of(SynchronizedSnapshot)
    assert len(snapshots) == view.snapshots > 0.99 * view.quotes
    assert view.skew_ms.max <= 100
    assert max(snapshot.bound for snapshot in snapshots) <= (100 + 2 * 31) * MILLISECOND
    assert min(snapshot.bound for snapshot in snapshots) >= 2 * 20 * MILLISECOND
    assert all(quote.received_at <= snapshot.at for snapshot in snapshots for quote in snapshot.quotes)
