"""No set holds two quotes further apart than its tolerance, and its bound is the truth."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.comparison import Comparison, Member
from integrated_trading_system.domain.ids import ActorName, Asset, InstrumentId, venue_of
from integrated_trading_system.domain.market import DataType, Quote, Trade
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.feed.books import Books
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.feed.feeder import MarketDataFeeder
from integrated_trading_system.feed.synchronizer import Synchronizer
from integrated_trading_system.runtime.system import System
from tests.support.feed_rig import START, ms, quote, trade

PATH_DELAY = 20
INSTRUMENTS = tuple(InstrumentId(f"{venue}:spot:BTC") for venue in "abc")
AHEAD = dict(zip(INSTRUMENTS, (-9_000, 0, 1_272), strict=True))
"""Milliseconds that each venue's clock runs ahead of ours."""


@dataclass
class Truth:
    """Checks each set, when it is told, against the moments at which things really happened (milliseconds)."""

    by_quote: bool
    latest: dict[InstrumentId, float] = field(default_factory=dict)
    quoted: dict[InstrumentId, float] = field(default_factory=dict)
    snapshots: int = 0

    def tell(self, message: SynchronizedSnapshot, /) -> None:
        self.snapshots += 1
        moments = self.quoted if self.by_quote else self.latest
        true_until = [moments[member.instrument] for member in message.quotes]
        assert (max(true_until) - min(true_until)) * MILLISECOND <= message.bound
        assert message.bound <= (100 + 2 * PATH_DELAY) * MILLISECOND
        assert len(message.quotes) >= 2
        assert message.quotes[message.changed].received_at == message.at


events = st.lists(
    st.tuples(
        st.sampled_from(INSTRUMENTS),
        st.integers(0, 120),  # milliseconds since the event before
        st.integers(0, 300),  # milliseconds on the way
        st.booleans(),  # a trade, not a quote
    ),
    max_size=60,
)


@given(events, st.sampled_from(["stream", "quote"]))
def test_the_bound_of_every_set_holds(made: list[tuple[InstrumentId, int, int, bool]], by: str) -> None:
    settings = FeedSettings.model_validate({"sync_by": by, "path_delay_ms_max": PATH_DELAY, "sync_tolerance_ms": 100})
    truth = Truth(by == "quote")
    system, clocks = System(), Clocks(settings)
    comparison = Comparison(
        name="BTC", currency=Asset("USDT"), members=tuple(Member(instrument=name) for name in INSTRUMENTS)
    )
    sync = system.spawn(ActorName("sync"), lambda: Synchronizer(settings, comparison, clocks, (truth,)))
    feed = system.spawn(
        ActorName("feed"),
        lambda: MarketDataFeeder(
            settings,
            Books(),
            clocks,
            Buffers(100),
            connectors={},
            synchronizers=dict.fromkeys(INSTRUMENTS, (system.inline(sync),)),
            streams=dict.fromkeys(INSTRUMENTS, (DataType.QUOTES, DataType.TRADES)),
        ),
    )
    system.start(START)
    happened, arrivals = 0, []
    first = [(instrument, 0, 5, False) for instrument in INSTRUMENTS]  # a fast message tells each venue's clock
    for number, (instrument, pause, delay, traded) in enumerate(first + made, start=1):
        happened += pause
        arrivals.append((happened + delay, number, happened, instrument, traded))
    for arrived, number, moment, instrument, traded in sorted(arrivals):
        system.run(ms(arrived))
        stamp = ms(moment + AHEAD[instrument])
        message: Quote | Trade = (
            trade(str(number), arrived, instrument=instrument, venue_time=stamp)
            if traded
            else quote(number, arrived, instrument=instrument, venue_time=stamp)
        )
        newest = truth.quoted.get(instrument, -1)
        truth.latest[instrument] = max(truth.latest.get(instrument, -1), moment)
        if not traded and moment >= newest:
            truth.quoted[instrument] = moment
        system.inline(feed).tell(message)
        assert system.escalated is None
    view = system.view(ActorName("sync"))
    assert view.snapshots == truth.snapshots
    assert view.quotes == view.snapshots + sum(view.rejected.values())
    assert {venue_of(name) for name in INSTRUMENTS} == {clock.venue for clock in clocks.all()}
    assert Nanos(0) < min(clock.reach for clock in clocks.all())
