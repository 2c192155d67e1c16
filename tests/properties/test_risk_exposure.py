"""Whatever plans, fills, repairs and ends come in whatever order, the worst case stays within every limit.

The model is an exchange that fills as it likes: any part of any order that the OMS may have sent,
while it keeps the promise that is the hedge envelope (a leg stands between nothing and its quantity).
"""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, consumes, invariant, multiple, rule

from integrated_trading_system.domain.ids import InstrumentId, PlanId, StrategyId, VenueId, venue_of
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Order, OrderStatus, Side
from integrated_trading_system.domain.plan import Plan
from tests.support.risk_rig import A, B, RiskRig
from tests.support.trading import fill_of, finished, instrument, leg, order, plan

C = instrument("b:spot", "BTCUSDC-LIKE")
INSTRUMENTS = (A, B, C)
POSITION, VENUE, STRATEGY, TOTAL = (Decimal(n) for n in (500, 800, 700, 1_000))
PRICE = Decimal(100)

quantities = st.integers(1, 40).map(lambda tenths: Decimal(tenths) / 10)
sides = st.sampled_from(Side)


class Legs:
    """What a plan's legs traded so far, and the newest order of each, as the model sees it."""

    def __init__(self, made: Plan) -> None:
        self.plan = made
        self.net = [ZERO for _ in made.legs]
        self.orders = 0

    def order(self, index: int, *, undo: bool) -> Order:
        self.orders += 1
        name = f"{self.plan.plan_id}/{self.orders}"
        return order(self.plan, index, name, OrderStatus.WORKING, undo=undo)


class RiskMachine(RuleBasedStateMachine):
    """Approved plans are traded by the model; the manager and the model's positions must agree."""

    plans = Bundle("plans")

    def __init__(self) -> None:
        super().__init__()
        self.rig = RiskRig(
            instruments=(),
            order_notional_max=400,
            position_notional_max=str(POSITION),
            venue_notional_max=str(VENUE),
            strategy_notional_max=str(STRATEGY),
            exposure_max=str(TOTAL),
            orders_max=10_000,
            messages_max=10_000,
            quote_age_ms_max=1e12,
        )
        self.rig.list(*INSTRUMENTS)
        for one in INSTRUMENTS:
            self.rig.quote(one.instrument, 99.5, 100.5)
        self.held: dict[tuple[StrategyId, InstrumentId], Decimal] = {}
        self.open: list[Legs] = []
        self.count = 0

    @rule(
        target=plans,
        first=st.sampled_from(INSTRUMENTS),
        second=st.sampled_from((None, *INSTRUMENTS)),
        side=sides,
        quantity=quantities,
        owner=st.sampled_from(("one", "two")),
    )
    def propose(
        self, first: Instrument, second: Instrument | None, side: Side, quantity: Decimal, owner: str
    ) -> Legs | MultipleResults[Legs]:
        self.count += 1
        legs = [leg(first.instrument, side, str(quantity), "100")]
        if second is not None and second is not first:
            legs.append(leg(second.instrument, side.opposite, str(quantity), "100"))
        made = plan(*legs, name=f"p-{self.count}", at=self.rig.now, strategy=StrategyId(owner))
        if self.rig.ask(made) != "approved":
            return multiple()
        self.open.append(Legs(made))
        return self.open[-1]

    @rule(legs=plans, which=st.integers(0, 1), part=st.integers(1, 10), undo=st.booleans())
    def trade(self, legs: Legs, which: int, part: int, undo: bool) -> None:
        if legs not in self.open:
            return
        index = which % len(legs.plan.legs)
        made = legs.plan.legs[index]
        room = legs.net[index] if undo else made.quantity - legs.net[index]
        quantity = room * part / 10
        sent = legs.order(index, undo=undo)
        self.rig.tell(sent)
        if quantity:
            self.rig.tell(fill_of(sent, quantity))
            legs.net[index] += -quantity if undo else quantity
            key = (legs.plan.strategy, made.instrument)
            self.held[key] = self.held.get(key, ZERO) + quantity * sent.request.side.sign

    @rule(legs=consumes(plans))
    def finish(self, legs: Legs) -> None:
        if legs in self.open:
            self.open.remove(legs)
            self.rig.tell(finished(legs.plan))

    @rule(one=st.sampled_from(INSTRUMENTS))
    def reduce(self, one: Instrument) -> None:
        made = self.rig.actor.trigger_position_reduction(one.instrument, PlanId(f"r-{self.count}"))
        self.count += 1
        if made is not None:
            self.rig.tell(made)
            if self.rig.approved.messages[-1].plan is made:
                self.open.append(Legs(made))

    def spans(self) -> dict[tuple[StrategyId, InstrumentId], tuple[Decimal, Decimal]]:
        """The lowest and highest that each strategy's position may come to: worked out from nothing but the plans."""
        found = {key: (held, held) for key, held in self.held.items()}
        for legs in self.open:
            for made, net in zip(legs.plan.legs, legs.net, strict=True):
                key = (legs.plan.strategy, made.instrument)
                low, high = found.get(key, (ZERO, ZERO))
                most, least = made.quantity - net, -net
                low, high = (low + least, high + most) if made.side is Side.BUY else (low - most, high - least)
                found[key] = (low, high)
        return found

    @invariant()
    def no_worst_case_is_beyond_a_limit(self) -> None:
        instruments: dict[InstrumentId, tuple[Decimal, Decimal]] = {}
        strategies: dict[StrategyId, Decimal] = {}
        for (strategy, name), (low, high) in self.spans().items():
            strategies[strategy] = strategies.get(strategy, ZERO) + max(abs(low), abs(high)) * PRICE
            before = instruments.get(name, (ZERO, ZERO))
            instruments[name] = (before[0] + low, before[1] + high)
        sizes = {name: max(abs(low), abs(high)) * PRICE for name, (low, high) in instruments.items()}
        venues: dict[VenueId, Decimal] = {}
        for name, size in sizes.items():
            venues[venue_of(name)] = venues.get(venue_of(name), ZERO) + size
        assert all(size <= POSITION for size in sizes.values())
        assert all(size <= VENUE for size in venues.values())
        assert all(size <= STRATEGY for name, size in strategies.items() if name != "risk")
        assert sum(sizes.values()) <= TOTAL
        told = self.rig.view.worst
        assert {name: size for name, size in told.instruments.items() if size} == {
            name: size for name, size in sizes.items() if size
        }
        assert told.total == sum(sizes.values())


TestExposure = RiskMachine.TestCase
TestExposure.settings = settings(stateful_step_count=30)
