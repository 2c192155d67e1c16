"""A candle maker in a real system, fed with trades."""

from collections.abc import Iterable, Sequence

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.health import LinkChanged, LinkState
from integrated_trading_system.domain.ids import ActorName, InstrumentId, LinkId, venue_of
from integrated_trading_system.domain.market import Candle, Trade
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.feed.candles import CandleMaker, CandlesView
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.runtime.system import System
from tests.support.collector import Collector

MAKER = ActorName("candles")


class CandleRig:
    """What is told is delivered at its time of receipt."""

    def __init__(self, *intervals: str, start: Nanos) -> None:
        self.system = System()
        self.published = Collector()
        self.system.bus.subscribe(Candle, self.published)
        clocks = Clocks(FeedSettings())
        self.cell = self.system.spawn(MAKER, lambda: CandleMaker(intervals, Nanos(SECOND), clocks))
        self.system.start(start)

    def run(self, now: int) -> None:
        """Let this time come, one turn of the clock after the other."""
        while (due := self.system.deadline()) is not None and due <= now:
            self.system.run(due, 1_000)
        self.system.run(Nanos(now), 1_000)

    def trades(self, trades: Iterable[Trade]) -> None:
        for trade in trades:
            self.run(trade.received_at)
            self.system.tell(MAKER, trade)
            self.run(trade.received_at)

    def link(self, state: LinkState, instrument: InstrumentId, at: Nanos, link: str = "market-0.1") -> None:
        self.run(at)
        changed = LinkChanged(venue_of(instrument), LinkId(link), "market-0", state, "", at, (instrument,))
        self.system.tell(MAKER, changed)
        self.run(at)

    def view(self) -> CandlesView:
        view: CandlesView = self.system.view(MAKER)
        return view

    def closed(self, interval: str) -> Sequence[Candle]:
        return [candle for candle in self.published.of(Candle) if candle.interval == interval and candle.closed]

    def running(self, interval: str) -> Sequence[Candle]:
        return [candle for candle in self.published.of(Candle) if candle.interval == interval and not candle.closed]
