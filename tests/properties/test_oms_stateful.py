"""Hypothesis plays fate: it chooses what is ordered, what breaks and when the process dies, and shrinks what fails."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.order import CancelOrder
from integrated_trading_system.domain.plan import HedgePolicy
from integrated_trading_system.domain.time import MILLISECOND
from tests.support.hostile import VENUES, Faults
from tests.support.oms_world import World, pair, single

LEVELS = st.sampled_from([0.0, 0.1, 0.5])
FAULTS = st.sampled_from(
    [
        "slow",
        "request_lost",
        "request_doubled",
        "answer_lost",
        "event_lost",
        "event_doubled",
        "query_failed",
        "rejected",
    ]
)


class Fate(RuleBasedStateMachine):
    """Every step is checked against the venues; the end, against everything."""

    @initialize(
        seed=st.integers(0, 2**16), anonymous=st.booleans(), forgetful=st.booleans(), disk=st.sampled_from([0, 2, 500])
    )
    def begin(self, seed: int, anonymous: bool, forgetful: bool, disk: int) -> None:
        self.world = World(seed, Faults(fills_anonymous=anonymous and not forgetful, forgetful=forgetful))
        self.world.until_active()  # the journal has begun: what was traded before is none of ours
        self.world.disk_delay = disk
        self.plans = 0

    @precondition(lambda self: self.world.oms.view().trading is TradingState.ACTIVE)
    @rule(quantity=st.integers(1, 5), policy=st.sampled_from(HedgePolicy), millis=st.sampled_from([0, 1, 60, 2_000]))
    def trade_both_legs(self, quantity: int, policy: HedgePolicy, millis: int) -> None:
        self.plans += 1
        self.world.approve(pair(self.plans, quantity, policy, self.world.now))
        self.world.advance(millis * MILLISECOND)

    @precondition(lambda self: self.world.oms.view().trading is TradingState.ACTIVE)
    @rule(quantity=st.integers(1, 5), millis=st.sampled_from([0, 1, 60, 2_000]))
    def rest_one_order(self, quantity: int, millis: int) -> None:
        self.plans += 1
        self.world.approve(single(self.plans, quantity, self.world.now))
        self.world.advance(millis * MILLISECOND)

    @rule(millis=st.sampled_from([1, 60, 1_000, 7_000, 30_000]))
    def pass_time(self, millis: int) -> None:
        self.world.advance(millis * MILLISECOND)

    @rule(fault=FAULTS, level=LEVELS)
    def change_the_weather(self, fault: str, level: float) -> None:
        setattr(self.world.faults, fault, level)

    @precondition(lambda self: self.plans)
    @rule(restarted=st.booleans())
    def crash(self, restarted: bool) -> None:
        self.world.begin()
        if restarted:
            self.world.until_active()

    @precondition(lambda self: self.plans)
    @rule(records=st.integers(1, 6), written=st.booleans())
    def crash_at_a_record(self, records: int, written: bool) -> None:
        self.world.crash_at = (len(self.world.durable) + records, written)

    @precondition(lambda self: self.plans > 2)
    @rule()
    def break_the_disk(self) -> None:
        self.world.disk_broken = True

    @precondition(lambda self: self.plans)
    @rule(state=st.sampled_from([TradingState.HALTED, TradingState.REDUCING, TradingState.ACTIVE]))
    def change_the_trading_state(self, state: TradingState) -> None:
        if self.world.oms.view().reconciled:
            self.world.set_state(state)

    @precondition(lambda self: self.plans)
    @rule(venue=st.sampled_from(VENUES))
    def trade_by_hand(self, venue: VenueId) -> None:
        self.world.venues[venue].stranger()

    @rule(venue=st.sampled_from(VENUES))
    def lose_and_regain_the_stream(self, venue: VenueId) -> None:
        self.world.stream_up(venue)

    @precondition(lambda self: self.world.oms.view().orders)
    @rule(index=st.integers(0, 20))
    def cancel_an_order(self, index: int) -> None:
        orders = self.world.oms.view().orders
        request = orders[index % len(orders)].request
        self.world.tell(self.world.life, CancelOrder(request.client_order_id, request.instrument, request.account))

    @precondition(lambda self: self.world.oms.view().plans)
    @rule(index=st.integers(0, 20), price=st.integers(98, 102))
    def move_an_order(self, index: int, price: int) -> None:
        plans = list(self.world.approved)
        self.world.amend(plans[index % len(plans)], price)

    @invariant()
    def nothing_is_wrong(self) -> None:
        world = self.world
        surprising = [reason for reason in world.halts if not reason.startswith("the order journal failed")]
        assert (world.violations, surprising, world.system.escalated) == ([], [], None)

    def teardown(self) -> None:
        if hasattr(self, "world"):
            if self.world.disk_broken:
                self.world.begin()
            self.world.quiesce()
            self.nothing_is_wrong()


TestFate = Fate.TestCase
TestFate.settings = settings(stateful_step_count=30)
