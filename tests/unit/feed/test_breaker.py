"""When an instrument's circuit opens, and when it closes again."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.config.reliability import BreakerSettings
from integrated_trading_system.domain.health import (
    ActorFailed,
    BookState,
    BookStateChanged,
    FeedReliable,
    FeedUnreliable,
)
from integrated_trading_system.domain.ids import ActorName, InstrumentId
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.feed.breaker import Circuit, CircuitBreaker
from integrated_trading_system.runtime.system import System
from tests.support.collector import Collector

BTC = InstrumentId("toy:spot:BTC")
ETH = InstrumentId("toy:spot:ETH")
START = Nanos(1_700_000_000 * SECOND)
BREAKER = ActorName("breaker")


class Rig:
    """A breaker in a real system; times in seconds after the start."""

    def __init__(self, **settings: Any) -> None:
        self.now = START
        self.heard = Collector()
        self.circuits: dict[InstrumentId, Circuit] = {}
        self.system = System()
        for kind in (FeedUnreliable, FeedReliable):
            self.system.bus.subscribe(kind, self.heard)
        chosen = BreakerSettings(**settings)
        self.system.spawn(BREAKER, lambda: CircuitBreaker(chosen, self.circuits))
        self.system.start(self.now)

    def to(self, seconds: float) -> None:
        until = Nanos(START + round(seconds * SECOND))
        while (due := self.system.deadline()) is not None and due <= until:
            self.system.run(Nanos(max(due, self.now)))
        self.now = until
        self.system.run(until)

    def book(self, seconds: float, state: BookState, instrument: InstrumentId = BTC) -> None:
        self.to(seconds)
        self.system.tell(BREAKER, BookStateChanged(instrument, state, "because", self.now))
        self.to(seconds)

    def events(self) -> list[tuple[str, float]]:
        """What was told since the last time, and when."""
        return [(type(one).__name__, (one.at - START) / SECOND) for one in self.heard.take()]


def test_a_book_that_is_lost_for_too_long_opens_the_circuit_and_the_reason_says_so() -> None:
    rig = Rig(down_after_ms=2000)
    rig.book(0, BookState.VALID)
    rig.book(1, BookState.STALE)
    rig.to(2.9)
    assert rig.heard.messages == []
    rig.to(3)
    (opened,) = rig.heard.of(FeedUnreliable)
    assert (opened.instrument, opened.at - START) == (BTC, 3 * SECOND)
    assert "2000 ms" in opened.reason


def test_a_book_that_comes_back_soon_opens_nothing() -> None:
    rig = Rig(down_after_ms=2000)
    rig.book(0, BookState.VALID)
    rig.book(1, BookState.SUSPECT)
    rig.book(2.5, BookState.VALID)
    rig.to(60)
    assert rig.heard.messages == []


def test_losing_a_book_over_and_over_opens_the_circuit_at_once() -> None:
    rig = Rig(doubts_max=3, doubts_window_ms=10_000)
    for number in range(3):
        rig.book(2 * number, BookState.VALID)
        rig.book(2 * number + 1, BookState.SUSPECT)
    assert rig.events() == [("FeedUnreliable", 5.0)]


def test_losses_far_apart_do_not_add_up() -> None:
    rig = Rig(doubts_max=3, doubts_window_ms=10_000)
    for number in range(6):
        rig.book(20 * number, BookState.VALID)
        rig.book(20 * number + 1, BookState.SUSPECT)
        rig.book(20 * number + 2, BookState.VALID)
    assert rig.heard.messages == []


def test_it_closes_after_the_calm_time_without_a_break() -> None:
    rig = Rig(down_after_ms=1000, calm_ms=5000)
    rig.book(0, BookState.STALE)
    rig.book(2, BookState.VALID)
    rig.book(5, BookState.SUSPECT)
    rig.book(5.5, BookState.VALID)
    rig.to(60)
    assert rig.events() == [("FeedUnreliable", 1.0), ("FeedReliable", 10.5)]


def test_openings_that_follow_one_another_ask_for_ever_longer_calm() -> None:
    rig = Rig(down_after_ms=1000, calm_ms=5000, calm_ms_max=12_000)
    calms, at = [], 0.0
    for _ in range(4):
        rig.book(at, BookState.STALE)
        rig.book(at + 2, BookState.VALID)
        rig.to(at + 16)
        closed = dict(rig.events())["FeedReliable"]
        calms.append(closed - at - 2)
        at += 16
    assert calms == [5.0, 10.0, 12.0, 12.0]


def test_after_a_long_good_time_the_first_calm_is_enough_again() -> None:
    rig = Rig(down_after_ms=1000, calm_ms=5000, calm_ms_max=10_000)
    for at in (0, 10, 1000):
        rig.book(at, BookState.STALE)
        rig.book(at + 2, BookState.VALID)
        rig.to(at + 9)
    rig.to(1100)
    assert [at for name, at in rig.events() if name == "FeedReliable"][-1] == 1007.0


def test_instruments_have_circuits_of_their_own() -> None:
    rig = Rig(down_after_ms=1000)
    rig.book(0, BookState.VALID, ETH)
    rig.book(0, BookState.STALE, BTC)
    rig.to(60)
    assert [one.instrument for one in rig.heard.of(FeedUnreliable)] == [BTC]
    assert {name: view.open for name, view in rig.system.view(BREAKER).items()} == {ETH: False, BTC: True}


def test_whoever_was_restarted_is_told_again_what_is_open() -> None:
    rig = Rig(down_after_ms=1000)
    rig.book(0, BookState.STALE)
    rig.to(2)
    rig.heard.take()
    rig.system.tell(BREAKER, ActorFailed(ActorName("strategy"), "x", True, rig.now))
    rig.to(3)
    assert [one.instrument for one in rig.heard.of(FeedUnreliable)] == [BTC]


def test_a_restart_of_the_breaker_forgets_nothing_and_still_closes() -> None:
    rig = Rig(down_after_ms=1000, calm_ms=5000)
    rig.book(0, BookState.STALE)
    rig.book(2, BookState.VALID)
    rig.system.tell(BREAKER, object())
    rig.to(3)
    assert rig.system.restarts()[BREAKER] == 1
    rig.to(60)
    assert [name for name, _ in rig.events()] == ["FeedUnreliable", "FeedReliable"]


@given(
    steps=st.lists(
        st.tuples(st.integers(min_value=0, max_value=8_000), st.sampled_from(list(BookState))), min_size=1, max_size=40
    )
)
def test_openings_and_closings_alternate_and_a_closed_circuit_means_a_believed_book(
    steps: list[tuple[int, BookState]],
) -> None:
    rig = Rig(down_after_ms=2000, calm_ms=3000)
    at, valid_since = 0.0, None
    for wait, state in steps:
        at += wait / 1000
        rig.book(at, state)
        valid_since = (valid_since if valid_since is not None else at) if state is BookState.VALID else None
        told = rig.heard.messages
        kinds = [type(one) for one in told]
        assert kinds == [FeedUnreliable, FeedReliable] * (len(kinds) // 2) + [FeedUnreliable] * (len(kinds) % 2)
        open_now = len(kinds) % 2 == 1
        if valid_since is not None and at - valid_since > 60:
            assert not open_now
    for opened, closed in zip(rig.heard.of(FeedUnreliable), rig.heard.of(FeedReliable), strict=False):
        assert closed.at - opened.at >= 3000 * MILLISECOND
    rig.book(at, BookState.SUSPECT)
    rig.to(at + 2.1)
    assert rig.circuits[BTC].reason is not None


def test_a_book_that_nobody_wants_any_more_is_not_missed() -> None:
    rig = Rig(down_after_ms=2000)
    rig.book(0, BookState.VALID)
    rig.system.tell(BREAKER, BookStateChanged(BTC, BookState.STALE, "unsubscribed", rig.now))
    rig.to(10)
    assert rig.events() == []
    assert rig.system.view(BREAKER) == {}
    rig.book(11, BookState.SYNCING)  # subscribed to again: missed like any other
    rig.to(20)
    assert rig.events() == [("FeedUnreliable", 13.0)]


def test_a_circuit_that_is_open_stays_open_without_its_book_and_closes_with_it() -> None:
    rig = Rig(down_after_ms=2000, calm_ms=5000)
    rig.book(0, BookState.SYNCING)
    rig.to(3)
    rig.system.tell(BREAKER, BookStateChanged(BTC, BookState.STALE, "unsubscribed", rig.now))
    rig.book(10, BookState.VALID)
    rig.to(20)
    assert rig.events() == [("FeedUnreliable", 2.0), ("FeedReliable", 15.0)]
