"""Which of several sources is followed, and what is told of it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.config.reliability import FailoverSettings
from integrated_trading_system.domain.health import BookState, BookStateChanged, FeedReliable, FeedUnreliable
from integrated_trading_system.domain.ids import ActorName, InstrumentId
from integrated_trading_system.domain.market import Quote, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.preferred import PreferredQuote, PreferredTrade, SourceChanged
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.feed.failover import Failover
from integrated_trading_system.runtime.system import System
from tests.support.collector import Collector

ONE = InstrumentId("one:spot:BTC")
TWO = InstrumentId("two:spot:BTC")
THREE = InstrumentId("three:spot:BTC")
ALL = (ONE, TWO, THREE)
START = Nanos(1_700_000_000 * SECOND)
NAME = ActorName("failover.btc")


class Rig:
    """A group in a real system; the test says which books are VALID."""

    def __init__(self) -> None:
        self.now = START
        self.tops: dict[InstrumentId, Quote] = {}
        self.told = Collector()
        self.system = System()
        for kind in (PreferredQuote, PreferredTrade, SourceChanged):
            self.system.bus.subscribe(kind, self.told)
        settings = FailoverSettings(name="btc", sources=ALL, return_after_ms=10_000)
        self.system.spawn(NAME, lambda: Failover(settings, self))
        self.system.start(self.now)

    def top(self, instrument: InstrumentId) -> Quote | None:
        return self.tops.get(instrument)

    def to(self, seconds: float) -> None:
        until = Nanos(START + round(seconds * SECOND))
        while (due := self.system.deadline()) is not None and due <= until:
            self.system.run(Nanos(max(due, self.now)))
        self.now = until
        self.system.run(until)

    def tell(self, message: Any) -> None:
        self.system.tell(NAME, message)
        self.system.run(self.now)

    def quote(self, instrument: InstrumentId, bid: float = 100.0) -> None:
        quote = Quote(instrument, bid, 1.0, bid + 1, 1.0, 1, self.now, self.now)
        if instrument in self.tops:
            self.tops[instrument] = quote
        self.tell(quote)

    def book(self, instrument: InstrumentId, state: BookState) -> None:
        if state is BookState.VALID:
            self.tops[instrument] = Quote(instrument, 1.0, 1.0, 2.0, 1.0, 1, self.now, self.now)
        else:
            self.tops.pop(instrument, None)
        self.tell(BookStateChanged(instrument, state, "", self.now))

    def valid(self, *instruments: InstrumentId) -> None:
        for instrument in instruments:
            self.book(instrument, BookState.VALID)

    @property
    def followed(self) -> InstrumentId | None:
        followed: InstrumentId | None = self.system.view(NAME).followed
        return followed


def test_the_first_healthy_source_is_followed() -> None:
    rig = Rig()
    assert rig.followed is None
    rig.valid(TWO)
    assert rig.followed == TWO


def test_only_the_followed_source_is_told_on() -> None:
    rig = Rig()
    rig.valid(ONE, TWO)
    rig.told.take()
    rig.quote(ONE, 100)
    rig.quote(TWO, 200)
    rig.tell(Trade(ONE, "1", 100.0, 1.0, Side.BUY, rig.now, rig.now))
    rig.tell(Trade(TWO, "2", 200.0, 1.0, Side.BUY, rig.now, rig.now))
    assert [told.quote.bid for told in rig.told.of(PreferredQuote)] == [100]
    assert [told.trade.price for told in rig.told.of(PreferredTrade)] == [100]


def test_a_source_that_fails_is_left_in_the_same_moment_and_the_other_s_price_is_told() -> None:
    rig = Rig()
    rig.valid(ONE, TWO)
    rig.told.take()
    rig.book(ONE, BookState.STALE)
    changed, quote = rig.told.messages
    assert (changed.source, changed.previous, changed.at) == (TWO, ONE, START)
    assert "one:spot:BTC: stale" in changed.reason
    assert quote.quote.instrument == TWO


def test_without_any_healthy_source_nothing_is_followed_or_told() -> None:
    rig = Rig()
    rig.valid(ONE)
    rig.book(ONE, BookState.SUSPECT)
    rig.told.take()
    rig.quote(ONE)
    assert rig.followed is None
    assert rig.told.messages == []


def test_the_preferred_source_is_returned_to_only_after_it_has_been_healthy_for_a_while() -> None:
    rig = Rig()
    rig.valid(ONE, TWO)
    rig.book(ONE, BookState.STALE)
    rig.to(5)
    rig.valid(ONE)
    rig.to(12)
    rig.book(ONE, BookState.SUSPECT)
    rig.valid(ONE)
    rig.to(21.9)
    assert rig.followed == TWO
    rig.to(22)
    assert rig.followed == ONE


def test_a_less_preferred_source_is_never_switched_to_while_the_other_is_healthy() -> None:
    rig = Rig()
    rig.valid(ONE)
    rig.valid(TWO, THREE)
    rig.to(100)
    assert rig.followed == ONE
    assert rig.system.view(NAME).switches == 0


def test_an_open_circuit_is_as_bad_as_a_lost_book() -> None:
    rig = Rig()
    rig.valid(ONE, TWO)
    rig.tell(FeedUnreliable(ONE, "flapping", rig.now))
    assert rig.followed == TWO
    rig.tell(FeedReliable(ONE, rig.now))
    rig.to(10)
    assert rig.followed == ONE


def test_a_restart_follows_what_is_valid_now() -> None:
    rig = Rig()
    rig.valid(TWO)
    rig.tell(object())
    assert rig.system.restarts()[NAME] == 1
    assert rig.followed == TWO


@given(
    steps=st.lists(
        st.tuples(
            st.integers(min_value=0, max_value=12_000),
            st.sampled_from(ALL),
            st.sampled_from(["valid", "stale", "open", "close", "quote"]),
        ),
        max_size=60,
    )
)
def test_whatever_happens_nothing_of_an_unhealthy_source_is_told(steps: list[tuple[int, InstrumentId, str]]) -> None:
    """And while any source is healthy, one is followed."""
    rig = Rig()
    valid, reliable = dict.fromkeys(ALL, False), dict.fromkeys(ALL, True)
    at = 0.0
    for wait, source, what in steps:
        at += wait / 1000
        rig.to(at)
        match what:
            case "valid" | "stale":
                valid[source] = what == "valid"
                rig.book(source, BookState.VALID if valid[source] else BookState.STALE)
            case "open":
                reliable[source] = False
                rig.tell(FeedUnreliable(source, "", rig.now))
            case "close":
                reliable[source] = True
                rig.tell(FeedReliable(source, rig.now))
            case _:
                rig.quote(source)
        healthy = [one for one in ALL if valid[one] and reliable[one]]
        assert all(told.quote.instrument in healthy for told in rig.told.of(PreferredQuote)[-1:] if what == "quote")
        assert (rig.followed in healthy) if healthy else rig.followed is None
        rig.told.take()
