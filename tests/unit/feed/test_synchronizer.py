"""What was true at the same time is put together; what was not is left out and counted."""

from typing import Any

import pytest

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.comparison import Comparison, Member
from integrated_trading_system.domain.health import BookState, BookStateChanged, ClockEstimated
from integrated_trading_system.domain.ids import ActorName, Asset, InstrumentId, venue_of
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.feed.synchronizer import Synchronizer, SyncView
from integrated_trading_system.runtime.system import System
from tests.support.collector import Collector
from tests.support.feed_rig import START, ms, quote

A, B, C = (InstrumentId(f"{venue}:spot:BTC") for venue in "abc")


class Rig:
    """A synchronizer whose venues' clocks are exact; `at` is in milliseconds after the start."""

    def __init__(self, *instruments: InstrumentId, **settings: Any) -> None:
        self.settings = FeedSettings(path_delay_ms_max=0, **settings)
        self.clocks = Clocks(self.settings)
        self.strategy = Collector()
        self.system = System()
        members = tuple(Member(instrument=instrument) for instrument in instruments)
        comparison = Comparison(name="BTC", currency=Asset("USDT"), members=members)
        cell = self.system.spawn(
            ActorName("sync"), lambda: Synchronizer(self.settings, comparison, self.clocks, (self.strategy,))
        )
        self.tell = self.system.inline(cell).tell
        self.system.start(START)

    def reach(self, instrument: InstrumentId, at: float) -> None:
        """Something was heard of the instrument's venue."""
        self.clocks.of(venue_of(instrument)).reach = ms(at)

    def quote(self, instrument: InstrumentId, at: float) -> Quote:
        """A quote comes, and moves its venue's reach as the feeder does."""
        self.reach(instrument, at)
        message = quote(int(at), at, instrument=instrument)
        self.tell(message)
        return message

    def state(self, instrument: InstrumentId, state: BookState) -> None:
        self.tell(BookStateChanged(instrument, state, "test", START))

    @property
    def view(self) -> SyncView:
        found: SyncView = self.system.view(ActorName("sync"))
        return found

    @property
    def snapshots(self) -> list[SynchronizedSnapshot]:
        return self.strategy.of(SynchronizedSnapshot)


@pytest.fixture
def rig() -> Rig:
    return Rig(A, B)


def test_two_quotes_within_the_tolerance_make_a_set(rig: Rig) -> None:
    first = rig.quote(A, 0)
    second = rig.quote(B, 60)
    assert rig.snapshots == [SynchronizedSnapshot("BTC", (first, second), 1, Nanos(60 * MILLISECOND), ms(60))]


def test_the_set_is_in_the_order_of_the_comparison_and_says_what_changed(rig: Rig) -> None:
    rig.quote(B, 0)
    rig.quote(A, 1)
    rig.quote(B, 2)
    assert [[quoted.instrument for quoted in found.quotes] for found in rig.snapshots] == [[A, B], [A, B]]
    assert [found.changed for found in rig.snapshots] == [0, 1]


def test_the_tolerance_itself_is_still_within_and_one_nanosecond_more_is_not(rig: Rig) -> None:
    rig.quote(A, 0)
    rig.quote(B, 100)
    assert len(rig.snapshots) == 1
    rig.clocks.of(venue_of(A)).reach = Nanos(ms(0) - 1)
    rig.tell(quote(2, 100, instrument=B))
    assert len(rig.snapshots) == 1
    assert rig.view.rejected == {"alone": 1, "skew": 1}


def test_a_late_venue_leaves_the_set_and_the_others_go_on() -> None:
    rig = Rig(A, B, C)
    rig.quote(A, 0)
    rig.quote(B, 10)
    rig.quote(C, 200)
    assert len(rig.snapshots) == 1
    rig.quote(B, 210)
    assert [quoted.instrument for quoted in rig.snapshots[-1].quotes] == [B, C]
    assert rig.snapshots[-1].changed == 0
    rig.quote(A, 150)
    assert [quoted.instrument for quoted in rig.snapshots[-1].quotes] == [A, B, C]


def test_a_quote_that_comes_late_is_not_compared(rig: Rig) -> None:
    rig.quote(A, 500)
    rig.quote(B, 300)
    assert rig.snapshots == []
    assert rig.view.rejected["skew"] == 1


def test_a_quiet_quote_stays_true_while_its_venue_says_other_things(rig: Rig) -> None:
    quiet = rig.quote(A, 0)
    rig.reach(A, 950)
    rig.quote(B, 1_000)
    assert rig.snapshots[-1].quotes[0] == quiet
    assert rig.snapshots[-1].bound == 50 * MILLISECOND


def test_a_quiet_quote_of_a_silent_venue_is_not_compared(rig: Rig) -> None:
    rig.quote(A, 0)
    rig.quote(B, 1_000)
    assert rig.snapshots == []


def test_by_quote_only_its_own_time_counts() -> None:
    rig = Rig(A, B, sync_by="quote")
    rig.quote(A, 0)
    rig.reach(A, 950)
    rig.quote(B, 1_000)
    assert rig.snapshots == []
    rig.quote(A, 1_050)
    assert rig.snapshots[0].bound == 50 * MILLISECOND


def test_by_quote_a_quote_without_time_is_placed_by_its_arrival() -> None:
    rig = Rig(A, B, sync_by="quote")
    rig.clocks.of(venue_of(B)).delay = 5 * MILLISECOND
    rig.quote(A, 0)
    rig.tell(quote(1, 20, instrument=B, venue_time=Nanos(0)))
    assert rig.snapshots[0].bound == 15 * MILLISECOND


@pytest.mark.parametrize(
    ("state", "reason"),
    [(BookState.STALE, "stale"), (BookState.SUSPECT, "not-valid"), (BookState.SYNCING, "not-valid")],
)
def test_a_doubted_quote_is_withdrawn_until_the_next_one(rig: Rig, state: BookState, reason: str) -> None:
    rig.quote(A, 0)
    rig.state(A, state)
    rig.quote(B, 1)
    assert rig.snapshots == []
    assert rig.view.rejected == {"alone": 1, reason: 1}
    rig.state(A, BookState.VALID)
    rig.quote(B, 2)
    assert rig.snapshots == []
    rig.quote(A, 3)
    assert len(rig.snapshots) == 1


def test_the_bound_holds_the_two_largest_uncertainties() -> None:
    rig = Rig(A, B, C)
    for instrument, uncertainty in ((A, 5), (B, 9), (C, 7)):
        rig.clocks.of(venue_of(instrument)).uncertainty = uncertainty * MILLISECOND
        rig.quote(instrument, 0)
    assert rig.snapshots[-1].bound == 16 * MILLISECOND
    rig.clocks.of(venue_of(A)).uncertainty = 20 * MILLISECOND
    rig.tell(ClockEstimated(venue_of(A), Nanos(0), Nanos(20 * MILLISECOND), START))
    rig.quote(A, 0)
    assert rig.snapshots[-1].bound == 29 * MILLISECOND


def test_two_instruments_of_one_venue_share_its_clock() -> None:
    other = InstrumentId("a:spot:BTCUSDC")
    rig = Rig(A, other)
    rig.clocks.of(venue_of(A)).uncertainty = 20 * MILLISECOND
    rig.quote(A, 0)
    rig.quote(other, 1)
    assert rig.snapshots[0].bound == 0


def test_every_quote_is_counted_once(rig: Rig) -> None:
    for at in range(0, 1_000, 30):
        rig.quote(A if at % 4 else B, at)
        if at == 480:
            rig.state(A, BookState.STALE)
    view = rig.view
    assert view.quotes == 34
    assert view.snapshots == len(rig.snapshots)
    assert view.quotes == view.snapshots + sum(view.rejected.values())
    assert 0 < view.skew_ms.p50 <= view.skew_ms.p99 <= view.skew_ms.max <= 100
