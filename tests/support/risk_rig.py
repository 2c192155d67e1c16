"""A risk manager in a real system, with two instruments whose books are valid and quoted."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, cast

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.comparison import Conversion
from integrated_trading_system.domain.health import (
    BookState,
    BookStateChanged,
    Latched,
    Reconciled,
    TradingStateChanged,
)
from integrated_trading_system.domain.ids import AccountId, ActorName, InstrumentId
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed
from integrated_trading_system.domain.market import Level, Quote
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import ApprovedPlan, Plan, PlanDenied
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.risk.manager import RiskManager
from integrated_trading_system.risk.past import Past
from integrated_trading_system.risk.view import RiskView
from integrated_trading_system.runtime.supervisor import NEVER
from integrated_trading_system.runtime.system import System
from tests.support.collector import Collector
from tests.support.trading import START, instrument, quote

RISK = ActorName("risk")
A = instrument("a:spot")
B = instrument("b:spot")
BID, ASK = 99.99, 100.0


class Quotes(dict[InstrumentId, Quote]):
    """Books that are VALID as long as they are in it, with what is below the touch in `deeper`."""

    def __init__(self) -> None:
        super().__init__()
        self.deeper: dict[tuple[InstrumentId, Side], tuple[Level, ...]] = {}

    def top(self, instrument: InstrumentId) -> Quote | None:
        return self.get(instrument)

    def state(self, instrument: InstrumentId) -> BookState:
        return BookState.VALID if instrument in self else BookState.SYNCING

    def depth(self, instrument: InstrumentId, side: Side, limit: int) -> tuple[Level, ...]:
        top = self.get(instrument)
        if top is None:
            return ()
        best = (top.ask, top.ask_size) if side is Side.BUY else (top.bid, top.bid_size)
        return (best, *self.deeper.get((instrument, side), ()))[:limit]


class RiskRig:
    """Tells messages one by one and collects what comes out."""

    def __init__(
        self,
        *,
        ready: bool = True,
        instruments: Sequence[Instrument] = (A, B),
        past: Past | None = None,
        conversions: Sequence[Conversion] = (),
        fees: Mapping[AccountId, Decimal] = MappingProxyType({}),
        **settings: Any,
    ) -> None:
        self.system = System()
        self.approved = Collector()
        self.published = Collector()
        self.quotes = Quotes()
        self.now = START
        self.settings = RiskSettings.model_validate(settings)
        self.cell = self.system.spawn(
            RISK,
            lambda: RiskManager(
                self.settings,
                self.approved,
                self.quotes,
                run="1",
                past=past or Past(),
                conversions=conversions,
                fees=fees,
            ),
            policy=NEVER,
        )
        for kind in (PlanDenied, TradingStateChanged, Latched):
            self.system.bus.subscribe(kind, self.published)
        self.system.start(self.now)
        if ready:
            self.list(*instruments)
            self.tell(Reconciled(self.now))

    def list(self, *instruments: Instrument) -> None:
        for one in instruments:
            self.tell(
                InstrumentsListed(one.venue, (one,)),
                BookStateChanged(one.instrument, BookState.VALID, "", self.now),
            )
            self.quote(one.instrument)

    def quote(self, name: InstrumentId, bid: float = BID, ask: float = ASK, size: float = 10.0) -> None:
        self.quotes[name] = quote(name, bid, ask, self.now, size)

    def tell(self, *messages: Any) -> None:
        for message in messages:
            self.system.tell(RISK, message)
        self.run()

    def run(self, nanos: int = 0) -> None:
        self.now = Nanos(self.now + nanos)
        while self.system.run(self.now):
            pass
        assert self.system.escalated is None, self.system.escalated

    def ask(self, plan: Plan) -> str:
        """The code of the denial, or ``approved``."""
        before = len(self.approved.messages)
        self.published.take()
        self.tell(plan)
        if len(self.approved.messages) > before:
            assert self.approved.messages[-1] == ApprovedPlan(plan=plan, approved_at=self.now)
            assert self.published.of(PlanDenied) == []
            return "approved"
        (denied,) = self.published.of(PlanDenied)
        assert (denied.plan_id, denied.strategy) == (plan.plan_id, plan.strategy)
        return denied.code

    @property
    def view(self) -> RiskView:
        return cast("RiskView", self.system.view(RISK))

    @property
    def actor(self) -> RiskManager:
        return cast("RiskManager", self.cell.actor)
