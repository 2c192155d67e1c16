"""Virtual time, two hostile venues, a disk that may die, and one order management at a time.

While it runs, the venues' side is compared with ours: whatever we call over must be over there, with
every fill owned; whatever may still trade there must be reserved here. The numbers of the invariants
are those of the reliability requirements.
"""

from collections.abc import Callable
from decimal import Decimal
from heapq import heappop, heappush
from random import Random
from typing import Any

from msgspec.structs import replace

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.execution import Fill, UserStreamChanged
from integrated_trading_system.domain.health import Halt, Reconciled, TradingState, TradingStateChanged
from integrated_trading_system.domain.ids import ActorName, ClientOrderId, PlanId, StrategyId, venue_of
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.journal import JournalAppend, JournalCommitted, JournalFailed
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import TERMINAL, Order, OrderRequest, Side, SubmitOrder, TimeInForce
from integrated_trading_system.domain.plan import (
    AmendPlan,
    ApprovedPlan,
    HedgePolicy,
    Leg,
    Plan,
    PlanFinished,
    worst_residual,
)
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.oms.manager import OrderManagementSystem
from integrated_trading_system.oms.records import FillBooked, PlanIntended, Purpose, RepairIntended, decode
from integrated_trading_system.oms.state import State, trade_key
from integrated_trading_system.runtime.supervisor import NEVER
from integrated_trading_system.runtime.system import System
from integrated_trading_system.simulation.campaign.control import picture
from tests.support.hostile import VENUES, WINDOW, Faults, HostileVenue, account_of, instrument_of, listing

START = Nanos(1_700_000_000 * SECOND)
OMS = ActorName("oms")


def pair(number: int, quantity: int, policy: HedgePolicy, now: Nanos) -> Plan:
    """Buy on one venue, sell on the other."""
    buy, sell = (
        Leg(
            instrument=instrument_of(venue),
            account=account_of(venue),
            side=side,
            quantity=Decimal(quantity),
            price=Decimal(100),
            worst_price=Decimal(100) + side.sign,
            unwind_price=Decimal(100) - side.sign,
        )
        for venue, side in zip(VENUES, (Side.BUY, Side.SELL), strict=True)
    )
    return Plan(
        plan_id=PlanId(f"pair{number}"),
        strategy=StrategyId("test"),
        legs=(buy, sell) if number % 2 else (sell, buy),
        policy=policy,
        hedge_orders_max=4,
        created_at=now,
        submit_by=Nanos(now + 2 * SECOND),
        hedge_by=Nanos(now + 20 * SECOND),
    )


def maker_taker(number: int, quantity: int, policy: HedgePolicy, now: Nanos) -> Plan:
    """Rests on one venue; whatever trades is hedged on the other."""
    plan = pair(number, quantity, policy, now)
    maker = replace(plan.legs[0], time_in_force=TimeInForce.GTC, post_only=True)
    legs = (maker, replace(plan.legs[1], follows=0))
    return replace(plan, plan_id=PlanId(f"maker{number}"), legs=legs, hedge_orders_max=5)


def cycle(number: int, quantity: int, policy: HedgePolicy, now: Nanos) -> Plan:
    """Three legs, one after the other; the third is in the first one's instrument."""
    plan = pair(number, quantity, policy, now)
    first, second = plan.legs
    legs = (first, replace(second, follows=0), replace(first, follows=1))
    return replace(plan, plan_id=PlanId(f"cycle{number}"), legs=legs)


def single(number: int, quantity: int, now: Nanos) -> Plan:
    """One order that rests."""
    venue = VENUES[number % 2]
    leg = Leg(
        instrument=instrument_of(venue),
        account=account_of(venue),
        side=(Side.BUY, Side.SELL)[number // 2 % 2],
        quantity=Decimal(quantity),
        price=Decimal(100),
        worst_price=Decimal(100),
        unwind_price=Decimal(100),
        time_in_force=TimeInForce.GTC,
    )
    return Plan(
        plan_id=PlanId(f"single{number}"),
        strategy=StrategyId("test"),
        legs=(leg,),
        policy=HedgePolicy.CANCEL,
        hedge_orders_max=0,
        created_at=now,
        submit_by=Nanos(now + 2 * SECOND),
        hedge_by=now,
    )


class Life:
    """Hears what one life of the order management publishes; a ref."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.fills: dict[tuple[str, ...], Fill] = {}

    def tell(self, message: Any, /) -> None:
        match message:
            case Order():
                self.world.check_order(message)
            case Fill():
                key = trade_key(message)
                if key in self.fills:
                    self.world.violations.append(f"fill {key} was published twice")
                self.fills[key] = message
            case Halt():
                self.world.halts.append(message.reason)
            case PlanFinished():
                self.world.finished.append(message)
            case Reconciled():
                self.world.set_state(TradingState.ACTIVE)
            case _:
                pass


class World:
    """Everything around the order management."""

    def __init__(self, seed: int, faults: Faults | None = None) -> None:
        self.rng = Random(seed)
        self.faults = Faults.drawn(self.rng) if faults is None else faults
        self.now = START
        self.life = 0
        """Counts starts. What was under way to an earlier life never arrives."""
        self.violations: list[str] = []
        self.halts: list[str] = []
        self.finished: list[PlanFinished] = []
        self.approved: dict[PlanId, Plan] = {}
        self.moved: dict[PlanId, int] = {}
        """How often each plan's resting order was to be moved."""
        self.durable: list[bytes] = []
        self.durable_orders: dict[ClientOrderId, tuple[OrderRequest, Purpose]] = {}
        self.disk_delay = 0
        self.disk_broken = False
        self.crash_at: tuple[int, bool] | None = None
        """Die when so many records are about to be durable (False) or just have become it (True)."""
        self._disk_free_at = START
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._event_count = 0
        self._intended: dict[ClientOrderId, int] = {}
        self._submitted: dict[ClientOrderId, None] = {}
        self.venues = {venue: HostileVenue(self, venue) for venue in VENUES}
        self.begin()

    # -- time ----------------------------------------------------------------------------------

    def later(self, delay: int, act: Callable[[], None]) -> None:
        self._event_count += 1
        heappush(self._events, (self.now + delay, self._event_count, act))

    def delay(self) -> int:
        """Half a round trip: mostly milliseconds, sometimes far beyond every time limit."""
        low, high = (500, 15_000) if self.chance("slow") else (1, 50)
        return self.rng.randint(low, high) * MILLISECOND

    def chance(self, fault: str) -> bool:
        return self.rng.random() < float(getattr(self.faults, fault))

    def advance(self, duration: int) -> None:
        """Let time pass."""
        until = self.now + duration
        while (due := self._due()) is not None and due <= until:
            self.now = Nanos(max(self.now, due))
            while self._events and self._events[0][0] <= self.now:
                heappop(self._events)[2]()
            self._pump()
        self.now = Nanos(until)
        self._pump()

    def _due(self) -> int | None:
        deadline = self.system.deadline()
        event = self._events[0][0] if self._events else None
        return min((due for due in (deadline, event) if due is not None), default=None)

    def _pump(self) -> None:
        """Run the system, hand its records to the disk, compare both sides."""
        while self.system.run(self.now):
            pass
        for effect in self.system.take_effects():
            assert isinstance(effect, JournalAppend)
            self._append(effect)
        self.check_reserved()

    # -- life, death and the disk --------------------------------------------------------------

    def begin(self) -> None:
        """Start from what is on disk. Everything else is gone; the network and the venues go on."""
        self.life += 1
        self.crash_at = None
        self.disk_broken = False
        self.appended = list(self.durable)
        self.system = System()
        self.oms = OrderManagementSystem(
            OmsSettings(),
            {account_of(venue): self.venues[venue] for venue in VENUES},
            dict.fromkeys(VENUES, WINDOW),
            {VENUES[0]: 0, VENUES[1]: 2**32 - 1},
            tuple(self.durable),
            self.life,
        )
        self.system.spawn(OMS, lambda: self.oms, policy=NEVER)
        self.heard = Life(self)
        for kind in (Order, Fill, Halt, PlanFinished, Reconciled):
            self.system.bus.subscribe(kind, self.heard)
        self.system.start(self.now)
        for venue in VENUES:
            self.tell(self.life, InstrumentsListed(venue, (listing(venue),)))
            self.stream_up(venue)
        self._pump()

    def stream_up(self, venue: Any) -> None:
        if not self.chance("event_lost"):
            up = UserStreamChanged(venue=venue, account=account_of(venue), up=True, received_at=self.now)
            self.tell(self.life, up)

    def _append(self, effect: JournalAppend) -> None:
        self.appended.append(effect.record)
        assert effect.sequence == len(self.appended), "records are numbered without a gap"
        for request, _ in _intents(effect.record):
            self._intended.setdefault(request.client_order_id, self.life)
        self._disk_free_at = Nanos(
            max(self._disk_free_at, self.now + self.rng.randint(0, self.disk_delay) * MILLISECOND)
        )
        life = self.life
        self.later(self._disk_free_at - self.now, lambda: self._write(life, effect))

    def _write(self, life: int, effect: JournalAppend) -> None:
        """One record reaches the disk, unless the process died before."""
        if life != self.life:
            return
        if self.disk_broken:
            self.tell(life, JournalFailed(effect.sequence, "no space left"))
            return
        if self.crash_at == (effect.sequence, False):
            self.begin()
            return
        self.durable.append(effect.record)
        for request, purpose in _intents(effect.record):
            self.durable_orders[request.client_order_id] = (request, purpose)
        if self.crash_at == (effect.sequence, True):
            self.begin()
            return
        self.tell(life, JournalCommitted(effect.sequence))

    def tell(self, life: int, message: Any) -> None:
        """A message to the order management; one for an earlier life never arrives."""
        if life == self.life:
            self.system.tell(OMS, message)

    def set_state(self, state: TradingState) -> None:
        self.tell(self.life, TradingStateChanged(state, "test", self.now))

    def approve(self, plan: Plan) -> None:
        self.approved[plan.plan_id] = plan
        self.tell(self.life, ApprovedPlan(plan=plan, approved_at=self.now))

    def amend(self, plan_id: PlanId, price: int) -> None:
        """Have what rests of its first leg rest elsewhere."""
        plan = self.approved[plan_id]
        wish = AmendPlan(plan_id=plan_id, strategy=plan.strategy, leg=0, price=Decimal(price))
        self.moved[plan_id] = self.moved.get(plan_id, 0) + 1
        self.tell(self.life, wish)

    def stop_for(self, duration: int) -> None:
        """A halt that somebody lifts again."""
        self.set_state(TradingState.HALTED)
        self.advance(duration)
        self.set_state(TradingState.ACTIVE)

    def until_active(self) -> None:
        """Trading begins once every venue has answered."""
        for _ in range(120):
            if self.oms.view().trading is TradingState.ACTIVE:
                return
            self.advance(SECOND)

    # -- invariants ----------------------------------------------------------------------------

    def check_sent(self, message: SubmitOrder) -> None:
        """I2 durable before visible, I3 once, I11 only by the life that intended it."""
        name = message.request.client_order_id
        if name not in self.durable_orders:
            self.violations.append(f"I2: {name} was sent before it was durable")
        if name in self._submitted:
            self.violations.append(f"I3: {name} was sent twice")
        if self._intended.get(name) != self.life:
            self.violations.append(f"I11: {name} of life {self._intended.get(name)} was sent in life {self.life}")
        self._submitted[name] = None

    def check_accepted(self, request: OrderRequest) -> None:
        """I3 one first order per leg, one more each time it is moved, and one at a time; I8 never beyond the leg."""
        plan = self.approved[request.plan_id]
        leg = plan.legs[request.leg]
        first, rests, forward, back, done = 0, 0, ZERO, ZERO, ZERO
        for client_order_id, (other, purpose) in self.durable_orders.items():
            order = self.venues[venue_of(other.instrument)].orders.get(client_order_id)
            if order is None or (other.plan_id, other.leg) != (request.plan_id, request.leg):
                continue
            most = order.filled if order.status in TERMINAL else other.quantity
            if purpose is Purpose.UNWIND:
                back += most
            else:
                first += purpose is Purpose.FIRST
                rests += purpose is Purpose.FIRST and order.status not in TERMINAL
                forward, done = forward + most, done + order.filled
        if first > 1 + self.moved.get(request.plan_id, 0) or rests > 1:
            self.violations.append(f"I3: leg {request.leg} of {request.plan_id} was ordered {first} times")
        if forward - back > leg.quantity or back > done:
            self.violations.append(f"I8: {request.plan_id} may trade {forward} and back {back} of {leg.quantity}")
        if leg.follows is not None and forward - back > self.traded(request.plan_id, leg.follows):
            self.violations.append(f"I8: leg {request.leg} of {request.plan_id} may come to {forward - back}: too far")

    def traded(self, plan_id: PlanId, leg: int) -> Decimal:
        """What a leg really has traded at its venue."""
        net = ZERO
        for client_order_id, (request, purpose) in self.durable_orders.items():
            order = self.venues[venue_of(request.instrument)].orders.get(client_order_id)
            if order is not None and (request.plan_id, request.leg) == (plan_id, leg):
                net += order.filled * (-1 if purpose is Purpose.UNWIND else 1)
        return net

    def check_order(self, order: Order) -> None:
        """I7: whoever says "terminal" owns every fill, and the order is over at the venue."""
        if order.status not in TERMINAL:
            return
        name = order.request.client_order_id
        there = self.venues[venue_of(order.request.instrument)].orders.get(name)
        if there is None:
            if order.filled != 0:
                self.violations.append(f"I7: {name} has fills that the venue has not")
        elif there.status not in TERMINAL or there.filled != order.filled:
            self.violations.append(
                f"I7: {name} is {order.status} with {order.filled}, there {there.status} with {there.filled}"
            )

    def check_reserved(self) -> None:
        """I4: whatever may still trade at a venue is open here, so its exposure is reserved."""
        reserved = {order.request.client_order_id for order in self.oms.view().orders}
        for venue in self.venues.values():
            for name, order in venue.orders.items():
                if order.status not in TERMINAL and name not in reserved:
                    self.violations.append(f"I4: {name} is open at the venue and not reserved here")
            for name, expires in venue.in_flight.values():
                if self.now <= expires and name not in reserved and name not in venue.orders:
                    self.violations.append(f"I4: {name} may still be accepted and is not reserved here")

    def quiesce(self) -> None:
        """Let every fault end, stop in order, and compare everything."""
        self.faults.end()
        self.disk_delay = 0
        self.advance(30 * SECOND)
        self.tell(self.life, Shutdown("test"))
        self.advance(120 * SECOND)
        view = self.oms.view()
        if view.open or view.plans or view.unknown or not view.reconciled:
            self.violations.append(f"I5: {view.open} orders and {view.plans} plans are still open: {view.orders}")
        trades = {trade_key(fill): fill for venue in self.venues.values() for fill, _ in venue.trades}
        booked = [record.fill for record in map(decode, self.durable) if isinstance(record, FillBooked)]
        if sorted(map(_money, trades.values())) != sorted(map(_money, booked)):
            self.violations.append(f"I1: {len(booked)} fills are booked, the venues have {len(trades)}")
        for venue in self.venues.values():
            for name, order in venue.orders.items():
                if name in self.durable_orders and self.oms._state.orders[name].order.filled != order.filled:
                    self.violations.append(f"I1: {name} traded {order.filled}")
        for finished in self.finished:
            worst = max(worst_residual(self.approved[finished.plan_id]))
            if any(abs(left.amount) > worst for left in finished.residuals):
                self.violations.append(f"leg risk: {finished.plan_id} left {finished.residuals}")
        self.check_replay()

    def check_replay(self) -> None:
        """I6: the records alone give the same state, every time."""
        live = picture(self.oms._state)
        for _ in range(2):
            state = State(50_000, 200_000)
            for record in self.appended:
                state.apply(decode(record))
            if picture(state) != live:
                self.violations.append("I6: the replayed state differs")


def _intents(line: bytes) -> list[tuple[OrderRequest, Purpose]]:
    match decode(line):
        case PlanIntended(orders=orders):
            return [(order, Purpose.FIRST) for order in orders]
        case RepairIntended(order=order, purpose=purpose):
            return [(order, purpose)]
        case _:
            return []


def _money(fill: Fill) -> tuple[str, ...]:
    return (*trade_key(fill), str(fill.price), str(fill.quantity), str(fill.fee.amount))


def campaign(seed: int, *, plans: int = 6, crashes: int = 1, faults: Faults | None = None) -> World:
    """One run: plans at random times under the seed's faults, with crashes, then quiet and comparison."""
    world = World(seed, faults)
    rng = Random(f"campaign {seed}")
    world.disk_delay = rng.choice((0, 2, 300))
    for number in range(plans):
        world.advance(rng.randint(50, 4_000) * MILLISECOND)
        world.until_active()
        kind = rng.random()
        if kind < 0.8:
            made = pair if kind < 0.4 else maker_taker if kind < 0.65 else cycle
            world.approve(made(number, rng.randint(1, 5), rng.choice(list(HedgePolicy)), world.now))
        else:
            world.approve(single(number, rng.randint(1, 5), world.now))
        if rng.random() < 0.3:
            world.advance(rng.randint(10, 1_500) * MILLISECOND)
            world.amend(rng.choice(list(world.approved)), rng.choice((98, 99, 100, 101)))
        if rng.random() < 0.1:
            world.venues[rng.choice(VENUES)].stranger()
        if rng.random() < 0.1 and world.oms.view().reconciled:
            world.stop_for(rng.randint(100, 5_000) * MILLISECOND)
        if crashes and rng.random() < 0.3:
            crashes -= 1
            world.crash_at = (len(world.durable) + rng.randint(1, 8), rng.random() < 0.5)
    world.quiesce()
    return world
