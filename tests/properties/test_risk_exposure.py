"""Whatever plans, fills, repairs, ends and restarts come in whatever order, the worst case stays within every limit.

The model is an exchange that fills as it likes: any part of any order that the OMS may have sent,
while it keeps the promise that is the hedge envelope (a leg stands between nothing and its quantity).
It works out spans of positions from the plans alone, and holds risk's sums and decisions against them.
"""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, consumes, invariant, multiple, rule

from integrated_trading_system.domain.execution import ExternalOrder, ExternalOrders, Fill
from integrated_trading_system.domain.ids import (
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    VenueId,
    venue_of,
)
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Order, OrderStatus, Side
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.risk.codes import Code
from integrated_trading_system.risk.past import Past
from tests.support.risk_rig import A, B, RiskRig
from tests.support.trading import ACCOUNT, external, fill_of, finished, instrument, leg, order, plan

C = instrument("b:spot", "BTCUSDC-LIKE")
INSTRUMENTS = (A, B, C)
POSITION, VENUE, STRATEGY, ASSET, TOTAL = (Decimal(n) for n in (500, 800, 700, 450, 1_000))
PRICE = Decimal(100)

quantities = st.integers(1, 40).map(lambda tenths: Decimal(tenths) / 10)
sides = st.sampled_from(Side)
drawn_legs = st.lists(st.tuples(st.sampled_from(INSTRUMENTS), sides, quantities), min_size=1, max_size=4)
"""The same instrument may come more than once, on either side: cycles, and plans that contradict themselves."""

Spans = dict[tuple[StrategyId, InstrumentId], tuple[Decimal, Decimal]]


class Legs:
    """What a plan's legs traded so far, and the newest order of each, as the model sees it."""

    def __init__(self, made: Plan) -> None:
        self.plan = made
        self.net = [ZERO for _ in made.legs]
        self.orders = 0

    def order(self, index: int, *, undo: bool, status: OrderStatus = OrderStatus.WORKING) -> Order:
        self.orders += 1
        name = f"{self.plan.plan_id}/{self.orders}"
        return order(self.plan, index, name, status, undo=undo)


class Worst:
    """What spans of positions are worth at most: added up anew, each time, from nothing but the spans."""

    def __init__(self, spans: Spans, strangers: Sequence[ExternalOrder]) -> None:
        """Orders of `strangers` count everywhere but for a strategy."""
        whole: dict[InstrumentId, tuple[Decimal, Decimal]] = {}
        self.strategies: dict[str, Decimal] = {}
        for (strategy, name), (low, high) in spans.items():
            self.strategies[strategy] = self.strategies.get(strategy, ZERO) + max(abs(low), abs(high)) * PRICE
            before = whole.get(name, (ZERO, ZERO))
            whole[name] = (before[0] + low, before[1] + high)
        self.spans = whole
        foreign = {
            way: {
                name: sum(
                    (one.remaining for one in strangers if one.instrument == name and one.side in (way, None)), ZERO
                )
                for name in (one.instrument for one in INSTRUMENTS)
            }
            for way in Side
        }
        self.instruments = {str(name): max(abs(low), abs(high)) * PRICE for name, (low, high) in whole.items()}
        for listed in INSTRUMENTS:
            theirs = max(foreign[way][listed.instrument] for way in Side) * PRICE
            self.instruments[str(listed.instrument)] = self.instruments.get(str(listed.instrument), ZERO) + theirs
        self.venues: dict[str, Decimal] = {}
        for one, size in self.instruments.items():
            venue = venue_of(InstrumentId(one))
            self.venues[venue] = self.venues.get(venue, ZERO) + size
        lowest, highest = (sum((span[way] for span in whole.values()), ZERO) for way in (0, 1))
        lowest -= sum(foreign[Side.SELL].values(), ZERO)
        highest += sum(foreign[Side.BUY].values(), ZERO)
        self.asset = max(abs(lowest), abs(highest)) * PRICE
        self.total = sum(self.instruments.values(), ZERO)

    def limited(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Every worst case with its limit."""
        found = {f"instrument {name}": (size, POSITION) for name, size in self.instruments.items()}
        found |= {f"venue {name}": (size, VENUE) for name, size in self.venues.items()}
        found |= {f"strategy {name}": (size, STRATEGY) for name, size in self.strategies.items()}
        return found | {"asset": (self.asset, ASSET), "total": (self.total, TOTAL)}


class RiskMachine(RuleBasedStateMachine):
    """Approved plans are traded by the model; the manager and the model's positions must agree."""

    plans = Bundle("plans")

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[StrategyId, InstrumentId], Decimal] = {}
        self.open: list[Legs] = []
        self.fills: list[Fill] = []
        self.owners: dict[ClientOrderId, StrategyId] = {}
        self.strangers: dict[VenueId, list[ExternalOrder]] = {}
        self.count = 0
        self.begin(Past())

    def begin(self, past: Past) -> None:
        """A run."""
        self.rig = RiskRig(
            instruments=(),
            past=past,
            order_notional_max=400,
            position_notional_max=str(POSITION),
            venue_notional_max=str(VENUE),
            strategy_notional_max=str(STRATEGY),
            asset_notional_max=str(ASSET),
            exposure_max=str(TOTAL),
            orders_max=10_000,
            messages_max=10_000,
            duplicates_max=1_000,
            quote_age_ms_max=1e12,
            unhedged_max=10**15,
            unhedged_halt_max=10**15,
            daily_loss_max=10**9,
            drawdown_max=10**9,
        )
        self.rig.list(*INSTRUMENTS)
        for one in INSTRUMENTS:
            self.rig.quote(one.instrument, 99.5, 100.5)

    @rule(target=plans, legs=drawn_legs, owner=st.sampled_from(("one", "two")))
    def propose(self, legs: Sequence[tuple[Instrument, Side, Decimal]], owner: str) -> Legs | MultipleResults[Legs]:
        self.count += 1
        made = plan(
            *(leg(one.instrument, side, str(quantity), "100") for one, side, quantity in legs),
            name=f"p-{self.count}",
            at=self.rig.now,
            strategy=StrategyId(owner),
        )
        before, reducing = self.worst(), self.reduces(made)
        code = self.rig.ask(made)
        if code != "approved":
            assert not reducing or code == Code.STRATEGY, "what reduces is not denied, if it is one's own"
            return multiple()
        self.open.append(Legs(made))
        after = self.worst()
        for name, (worst, limit) in after.limited().items():
            grown = worst > before.limited().get(name, (ZERO, limit))[0] and not (reducing and name == "asset")
            assert worst <= limit or not grown, f"{name} came to {worst}, at most {limit}"
        return self.open[-1]

    @rule(
        legs=plans,
        which=st.integers(0, 3),
        part=st.integers(1, 10),
        undo=st.booleans(),
        before=st.sampled_from((OrderStatus.INTENDED, OrderStatus.WORKING, OrderStatus.UNKNOWN, OrderStatus.CANCELLED)),
    )
    def trade(self, legs: Legs, which: int, part: int, undo: bool, before: OrderStatus) -> None:
        """An order in whatever state trades a part: a late fill is one after the order was called over."""
        if legs not in self.open:
            return
        index = which % len(legs.plan.legs)
        made = legs.plan.legs[index]
        room = legs.net[index] if undo else made.quantity - legs.net[index]
        quantity = room * part / 10
        sent = legs.order(index, undo=undo, status=before)
        name = sent.request.client_order_id
        self.rig.tell(Order(request=sent.request, status=OrderStatus.INTENDED), sent)
        self.owners[name] = legs.plan.strategy
        if quantity:
            self.fills.append(fill_of(sent, quantity))
            self.rig.tell(self.fills[-1])
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
            assert self.rig.ask(made) == "approved"
            self.open.append(Legs(made))

    @rule(
        venue=st.sampled_from(tuple(dict.fromkeys(one.venue for one in INSTRUMENTS))),
        orders=st.lists(st.tuples(st.integers(0, 1), st.sampled_from((*Side, None)), quantities), max_size=3),
    )
    def others_order(self, venue: VenueId, orders: Sequence[tuple[int, Side | None, Decimal]]) -> None:
        """Somebody else has these open there now, and none of those before."""
        there = [one for one in INSTRUMENTS if one.venue == venue]
        self.strangers[venue] = [
            external(there[which % len(there)].instrument, side, quantity, number)
            for number, (which, side, quantity) in enumerate(orders)
        ]
        self.rig.tell(ExternalOrders(venue, ACCOUNT, tuple(self.strangers[venue])))

    @rule()
    def restart(self) -> None:
        """Everything from the journal: fills, whose they were, the plans under way and what their legs did.

        What others have open is reported anew.
        """
        self.strangers = {}
        self.begin(
            Past(
                fills=list(self.fills),
                owners=dict(self.owners),
                in_flight=[legs.plan for legs in self.open],
                traded={legs.plan.plan_id: list(legs.net) for legs in self.open},
            )
        )

    def worst(self, *, others: bool = True) -> Worst:
        """Of the lowest and highest that each strategy's position may come to, and beside it what others may trade."""
        found: Spans = {key: (held, held) for key, held in self.held.items()}
        for legs in self.open:
            for made, net in zip(legs.plan.legs, legs.net, strict=True):
                key = (legs.plan.strategy, made.instrument)
                low, high = found.get(key, (ZERO, ZERO))
                most, least = made.quantity - net, -net
                low, high = (low + least, high + most) if made.side is Side.BUY else (low - most, high - least)
                found[key] = (low, high)
        return Worst(found, [order for orders in self.strangers.values() for order in orders] if others else [])

    def reduces(self, made: Plan) -> bool:
        """Even if everything that may happen does, no position grows or turns, and the orders are not too large."""
        spans = self.worst().spans
        for one in INSTRUMENTS:
            low, high = spans.get(one.instrument, (ZERO, ZERO))
            for side, room in ((Side.SELL, low), (Side.BUY, -high)):
                legs = [made for made in made.legs if (made.instrument, made.side) == (one.instrument, side)]
                if legs and sum(one.quantity for one in legs) > room:
                    return False
        return True

    @invariant()
    def no_worst_case_is_beyond_a_limit(self) -> None:
        """Of what is ours, whatever others do; `propose` shows that nothing is added beside what they may do."""
        worst = self.worst(others=False)
        assert all(size <= POSITION for size in worst.instruments.values())
        assert all(size <= VENUE for size in worst.venues.values())
        assert all(size <= STRATEGY for name, size in worst.strategies.items() if name != "risk")
        assert worst.total <= TOTAL

    @invariant()
    def the_sums_kept_up_are_those_added_up_anew(self) -> None:
        worst, told = self.worst(), self.rig.view.worst
        for mine, theirs in (
            (worst.instruments, told.instruments),
            (worst.venues, told.venues),
            (worst.strategies, told.strategies),
            ({"BTC": worst.asset}, told.assets),
        ):
            assert {name: size for name, size in theirs.items() if size} == {
                name: size for name, size in mine.items() if size
            }
        assert told.total == worst.total


TestExposure = RiskMachine.TestCase
TestExposure.settings = settings(stateful_step_count=25)
