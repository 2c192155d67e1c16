"""A strategy in a real system: books in a dict, plans and publications collected."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Generic, TypeVar, cast

from integrated_trading_system.domain.comparison import Comparison, PegChanged
from integrated_trading_system.domain.health import BookState, TradingState, TradingStateChanged
from integrated_trading_system.domain.ids import ActorName, InstrumentId, StrategyId, VenueId, venue_of
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed
from integrated_trading_system.domain.market import Level, Quote
from integrated_trading_system.domain.opportunity import Opportunity, OpportunityMissed, RebalanceAdvised
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.runtime.system import System
from integrated_trading_system.strategies.holdings import Holdings
from integrated_trading_system.strategies.strategy import Fees, PlanIds, Strategy, StrategySetup
from tests.support.collector import Collector
from tests.support.trading import ACCOUNT, START, balances

S = TypeVar("S", bound=Strategy)

NAME = ActorName("strategy-arb")


class Books:
    """Levels as a test puts them; VALID unless it says otherwise."""

    def __init__(self) -> None:
        self.levels: dict[tuple[InstrumentId, Side], tuple[Level, ...]] = {}
        self.states: dict[InstrumentId, BookState] = {}

    def depth(self, instrument: InstrumentId, side: Side, limit: int) -> tuple[Level, ...]:
        return self.levels.get((instrument, side), ())[:limit]

    def state(self, instrument: InstrumentId) -> BookState:
        return self.states.get(instrument, BookState.VALID)


class StrategyRig(Generic[S]):
    """Tells messages one by one; time moves only when asked."""

    def __init__(
        self,
        kind: type[S],
        comparison: Comparison,
        settings: Any = None,
        fees_bps: Mapping[str, str | Fees] | str = "0",
        only_watched: tuple[str, ...] = (),
    ) -> None:
        venues = dict.fromkeys(venue_of(one) for one in comparison.instruments)
        fees = {venue: _fees(fees_bps if isinstance(fees_bps, str) else fees_bps[venue]) for venue in venues}
        self.system = System()
        self.books = Books()
        self.plans = Collector()
        self.cancels = Collector()
        self.holdings = Holdings((), {})
        self.published = Collector()
        self.comparison = comparison
        self.now = START
        self.setup = StrategySetup(
            name=StrategyId("arb"),
            comparison=comparison,
            books=self.books,
            plans=self.plans,
            cancels=self.cancels,
            holdings=self.holdings,
            plan_ids=PlanIds("r1"),
            accounts={venue: ACCOUNT for venue in venues if venue not in only_watched},
            fees=fees,
            settings=settings,
        )
        self.cell = self.system.spawn(NAME, lambda: kind(self.setup))
        self.inline = self.system.inline(self.cell)
        for message in (Opportunity, OpportunityMissed, PegChanged, RebalanceAdvised):
            self.system.bus.subscribe(message, self.published)
        self.system.start(self.now)

    def listed(self, *instruments: Instrument) -> None:
        for one in instruments:
            self.tell(InstrumentsListed(VenueId(one.venue), (one,)))

    def trade(self, state: TradingState = TradingState.ACTIVE) -> None:
        self.tell(TradingStateChanged(state, "", self.now))

    def fund(self, *instruments: Instrument, **free: str) -> None:
        for one in instruments:
            self.tell(balances(one.instrument, free, at=self.now))

    def tell(self, *messages: Any) -> None:
        for message in messages:
            self.system.tell(NAME, message)
        self.run()

    def run(self, nanos: float = 0) -> None:
        self.now = Nanos(self.now + int(nanos))
        while self.system.run(self.now):
            pass
        assert self.system.restarts()[NAME] == 0, "the strategy failed"

    def see(self, *quotes: Quote, changed: int = 0, bound_ms: float = 0) -> None:
        """One snapshot, inline as the synchronizer would tell it."""
        self.inline.tell(
            SynchronizedSnapshot(self.comparison.name, quotes, changed, Nanos(int(bound_ms * MILLISECOND)), self.now)
        )
        assert self.system.restarts()[NAME] == 0, "the strategy failed"

    @property
    def proposed(self) -> list[Plan]:
        return self.plans.of(Plan)

    @property
    def opportunities(self) -> list[Opportunity]:
        return self.published.of(Opportunity)

    @property
    def reasons(self) -> list[str]:
        return [missed.reason for missed in self.published.of(OpportunityMissed)]

    @property
    def actor(self) -> S:
        return cast("S", self.cell.actor)


def _fees(stated: str | Fees) -> Fees:
    return Fees(Decimal(0), Decimal(stated)) if isinstance(stated, str) else stated
