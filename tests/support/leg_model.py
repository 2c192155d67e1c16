"""Venues as small as they can be, so that every way in which the orders of a plan can come out is tried, one by one.

What is true at the venues and what we know of it are kept apart. From each state every event that could
come next is taken: an order arrives, trades a lot, ends; a fill or an end becomes known, late or in any
order; an answer does not come (UNKNOWN); time reaches the next limit; trading is halted; a stream falls
silent. After each of them the decision is the real one. Equal states are visited once; how many different
sequences of events lead to an end is counted over the graph of them.
"""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from integrated_trading_system.domain.ids import Asset, InstrumentId, PlanId, StrategyId, account_id, venue_of
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import TERMINAL, OrderStatus, Side, TimeInForce
from integrated_trading_system.domain.plan import HedgePolicy, Leg, Plan, flat_by, rests_until, worst_residual
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.oms import legs
from integrated_trading_system.oms.envelope import followers, keeps_envelope
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.oms.state import InFlight, Tracked
from integrated_trading_system.oms.steps import Around, Cancel, Finish, Permission, Repair
from tests.support.hostile import VENUES, listing
from tests.support.oms_orders import request, tracked
from tests.support.oms_world import START

SUBMITTED, WORKING, UNKNOWN = OrderStatus.SUBMITTED, OrderStatus.WORKING, OrderStatus.UNKNOWN
FILLED, EXPIRED = OrderStatus.FILLED, OrderStatus.EXPIRED
FIRST, HEDGE, UNWIND = Purpose.FIRST, Purpose.HEDGE, Purpose.UNWIND

MAKER = {"time_in_force": TimeInForce.GTC, "post_only": True}


class Placed(Struct, frozen=True, kw_only=True, cache_hash=True):
    """One order: what we know (`status`, `known`), and what is true (`there`, `done`, `filled`). In lots."""

    leg: int
    purpose: Purpose
    quantity: int
    rests: bool
    status: OrderStatus = SUBMITTED
    known: int = 0
    there: bool = False
    done: bool = False
    filled: int = 0
    cancelled: bool = False
    """Its cancel is on the way, or was lost and is asked for again."""

    @property
    def open(self) -> bool:
        return self.status not in TERMINAL

    @property
    def most(self) -> int:
        """What it may have traded in the end."""
        return self.filled if self.done else self.quantity


class State(Struct, frozen=True, cache_hash=True):
    """Everything; equal states have an equal future."""

    orders: tuple[Placed, ...]
    clock: int = 0
    permission: Permission = Permission.ALL
    silent: bool = False
    finished: str = ""


class Violation(AssertionError):
    """A promise that did not hold, and in which state."""


def plan(policy: HedgePolicy, *changes: dict[str, object], quantity: int = 1, repairs: int = 4) -> Plan:
    """Legs of equal quantity on alternating venues, buying and selling in turn; `changes` of each."""
    made = []
    for number, changed in enumerate(changes):
        side = (Side.BUY, Side.SELL)[number % 2]
        leg = Leg(
            instrument=InstrumentId(f"{VENUES[number % 2]}:L{number}"),
            account=account_id(VENUES[number % 2], "main"),
            side=side,
            quantity=Decimal(quantity),
            price=Decimal(100),
            worst_price=Decimal(100) + side.sign,
            unwind_price=Decimal(100) - side.sign,
        )
        made.append(replace(leg, **changed))
    return Plan(
        plan_id=PlanId("model"),
        strategy=StrategyId("test"),
        legs=tuple(made),
        policy=policy,
        hedge_orders_max=repairs,
        created_at=START,
        submit_by=Nanos(START + SECOND),
        hedge_by=Nanos(START + 10 * SECOND),
    )


class Model:
    """All the futures of one plan."""

    def __init__(
        self,
        of: Plan,
        *,
        minimum: dict[int, int] | None = None,
        fails_to: Permission | None = None,
        silence: bool = False,
        fee: Decimal = ZERO,
        supplied: bool = False,
    ) -> None:
        """`minimum` quantity by leg; trading may become `fails_to` at any time; a stream may fall silent at any.

        `fee`: of what a purchase brings, the part that is taken of it. `supplied`: all trade the same on one account.
        """
        self.plan = of
        self.minimum = minimum or {}
        self.fails_to = fails_to
        self.silence = silence
        self.fee = fee
        self.supplied = supplied
        self.clocks = (START, rests_until(of), flat_by(of))
        self.instruments: dict[InstrumentId, Instrument] = {
            leg.instrument: replace(
                listing(venue_of(leg.instrument)),
                instrument=leg.instrument,
                base=Asset("A" if supplied else f"A{number}"),
                quantity_min=Decimal(self.minimum.get(number, 1)),
            )
            for number, leg in enumerate(of.legs)
        }
        self.ways: dict[State, int] = {}
        """By state: how many sequences of events lead from it to an end."""
        self.endings: dict[State, None] = {}
        self._decided: dict[State, object] = {}

    @property
    def interleavings(self) -> int:
        """How many there are from the beginning."""
        return self.ways[self.begin()]

    def begin(self) -> State:
        """The first orders are sent."""
        quantity = int(self.plan.legs[0].quantity)
        first = (
            Placed(leg=number, purpose=FIRST, quantity=quantity, rests=leg.time_in_force is TimeInForce.GTC)
            for number, leg in enumerate(self.plan.legs)
            if leg.follows is None
        )
        return self.decide(State(tuple(first)))

    def explore(self) -> "Model":
        """Visit every state; raises Violation at the first that must not be."""
        begin = self.begin()
        under_way = {begin: self.visit(begin)}
        stack = [(begin, iter(under_way[begin]))]
        while stack:
            state, left = stack[-1]
            coming = next(left, None)
            if coming is None:
                stack.pop()
                self.ways[state] = sum(self.ways[each] for each in under_way.pop(state)) or 1
            elif coming in under_way:
                self.fail(coming, "it never ends")
            elif coming not in self.ways:
                under_way[coming] = self.visit(coming)
                stack.append((coming, iter(under_way[coming])))
        return self

    def visit(self, state: State) -> tuple[State, ...]:
        """Check the state; its successors."""
        self.check(state)
        if state.finished:
            self.endings[state] = None
            return ()
        coming = tuple(self.events(state))
        if not coming:
            self.fail(state, "it is stuck")
        return coming

    # -- what can happen -----------------------------------------------------------------------

    def events(self, state: State) -> Iterator[State]:
        """Every state that one event leads to, decisions included."""
        for number, order in enumerate(state.orders):
            for after in _at_venue(order):
                yield replace(state, orders=_with(state.orders, number, after))
            for after in _told(order):
                yield self.decide(replace(state, orders=_with(state.orders, number, after)))
        if state.clock + 1 < len(self.clocks):
            yield self.decide(replace(state, clock=state.clock + 1))
        if self.fails_to is not None and state.permission is Permission.ALL:
            yield self.decide(replace(state, permission=self.fails_to))
        if self.silence and not state.silent:
            yield self.decide(replace(state, silent=True))

    def decide(self, state: State) -> State:
        """Do what the platform does until it waits."""
        while True:
            step = self.step(state)
            if isinstance(step, Finish):
                return replace(state, finished=step.reason)
            if isinstance(step, Cancel):
                names = [int(name) for name in step.orders]
                orders = tuple(
                    replace(order, cancelled=True) if number in names else order
                    for number, order in enumerate(state.orders)
                )
                return replace(state, orders=orders)
            if not isinstance(step, Repair):
                return state
            self.allow(state, step)
            made = Placed(leg=step.leg, purpose=step.purpose, quantity=int(step.quantity), rests=False)
            state = replace(state, orders=(*state.orders, made))

    def step(self, state: State) -> object:
        """The real decision. It sees what is known, and nothing else."""
        seen = tuple(replace(each, there=False, done=False, filled=0, cancelled=False) for each in state.orders)
        known = replace(state, orders=seen)
        if known not in self._decided:
            around = Around(
                instruments=self.instruments,
                permission=state.permission,
                now=Nanos(self.clocks[state.clock]),
                pause=Nanos(0),
                silent=(account_id(VENUES[0], "main"),) if state.silent else (),
            )
            self._decided[known] = legs.next_step(InFlight(self.plan, self.orders(state)), around)
        return self._decided[known]

    def orders(self, state: State) -> list[Tracked]:
        """As the order management knows them."""
        return [self._tracked(str(number), order) for number, order in enumerate(state.orders)]

    def _tracked(self, name: str, order: Placed) -> Tracked:
        leg = self.plan.legs[order.leg]
        side = leg.side.opposite if order.purpose is UNWIND else leg.side
        made = replace(
            request(name, quantity=order.quantity, leg=order.leg % 2, side=side),
            leg=order.leg,
            instrument=leg.instrument,
            account=leg.account,
            time_in_force=TimeInForce.GTC if order.rests else TimeInForce.IOC,
        )
        result = tracked(made, order.status, order.known, order.purpose, at=START)
        result.order = replace(result.order, latest_send=flat_by(self.plan))
        if self.fee and side is Side.BUY:
            result.fees = {self.instruments[leg.instrument].base: self.fee * order.known}
        return result

    # -- what must hold ------------------------------------------------------------------------

    def allow(self, state: State, step: Repair) -> None:
        """An order is inside the envelope, and nothing else of its leg may still trade."""
        if any(order.open and order.leg == step.leg for order in state.orders):
            self.fail(state, f"{step} while an order of that leg is open")
        if not keeps_envelope(self.plan, self.orders(state), step, Nanos(self.clocks[state.clock]), self.instruments):
            self.fail(state, f"{step} is outside the envelope")

    def check(self, state: State) -> None:
        """Everything that is promised of every instant."""
        nets = [self.net(state, leg) for leg in range(len(self.plan.legs))]
        for leg, (net, worst) in enumerate(zip(nets, worst_residual(self.plan), strict=True)):
            most = net + sum(order.most - order.filled for order in self.of(state, leg) if order.purpose is not UNWIND)
            if not 0 <= net <= most <= self.plan.legs[leg].quantity:
                self.fail(state, f"leg {leg} traded {net} and may come to {most}")
            if self.alone(nets, leg) > worst:
                self.fail(state, f"leg {leg} stands alone with {self.alone(nets, leg)}")
            behind = [nets[index] for index, other in enumerate(self.plan.legs) if other.follows == leg]
            if len(behind) == 1 and behind[0] > net:  # of several one may be too small to be traded back
                self.fail(state, "a follower is ahead of its leader")
        repairs = sum(order.purpose is not FIRST for order in state.orders)
        if repairs > self.plan.hedge_orders_max:
            self.fail(state, f"{repairs} repairs")
        self.check_leader(state, self.plan.hedge_orders_max - repairs)
        self.check_paid(state)
        if state.finished:
            self.check_end(state, nets)

    def check_leader(self, state: State, left: int) -> None:
        """What rests can be hedged, is hedged at each fill, and is cancelled when that is no longer sure."""
        resting = [order for order in state.orders if order.open and order.rests and followers(self.plan)]
        if resting and left < followers(self.plan):
            self.fail(state, "a leader may still fill, and no order is left to hedge that")
        hedges = [order for order in state.orders if order.purpose is HEDGE]
        failed = any(order.status in (UNKNOWN, EXPIRED) for order in hedges)
        quiet = state.clock == 0 and state.permission is Permission.ALL and not state.silent and not failed
        for order in resting:
            if order.status is WORKING and not order.cancelled and not quiet:
                self.fail(state, "a leader rests, though its next fill may not be hedged")
            ordered = sum(hedge.quantity for hedge in hedges)
            waits = any(hedge.open for hedge in hedges) or left <= followers(self.plan) + 1
            there = order.known * (1 - self.fee) if self.supplied else order.known
            if quiet and not waits and there - ordered >= self.minimum.get(1, 1):
                self.fail(state, f"{order.known - ordered} lots are known to have traded and are not followed")

    def check_end(self, state: State, nets: list[int]) -> None:
        """An end is proven, and what is left has a reason."""
        if any(order.open or order.known != order.filled or not order.done for order in state.orders):
            self.fail(state, "finished, though a fill is not known")
        left = any(self.unpaid(state, nets, leg) > 0 for leg in range(len(nets)))
        if left != state.finished.startswith("residual"):
            self.fail(state, f"left unhedged: {left}")

    def check_paid(self, state: State) -> None:
        """No sale asks for more than is there: of repairs that sell what the plan bought, whatever becomes of them."""
        pockets: dict[int, Decimal] = {}
        for index, leg in enumerate(self.plan.legs):
            for order in self.of(state, index):
                pocket = 0 if self.supplied else index
                if (leg.side is Side.BUY) is (order.purpose is not UNWIND):
                    brought = order.filled * (1 - self.fee)
                elif order.purpose is UNWIND or self.supplied:
                    brought = Decimal(-order.most)
                else:
                    continue
                pockets[pocket] = pockets.get(pocket, ZERO) + brought
        for pocket, amount in pockets.items():
            if self.fee and amount < 0 and (self.supplied or self.plan.legs[pocket].side is Side.BUY):
                self.fail(state, f"{-amount} more are sold than there are: {pocket}")

    def unpaid(self, state: State, nets: list[int], leg: int) -> Decimal:
        """What stands alone of the leg, without what was paid away in fees."""
        alone = Decimal(self.alone(nets, leg))
        if self.plan.legs[leg].side is Side.SELL:
            return alone
        return alone - self.fee * sum(order.filled for order in self.of(state, leg) if order.purpose is not UNWIND)

    def net(self, state: State, leg: int) -> int:
        """What the leg truly traded, known or not."""
        return sum(-order.filled if order.purpose is UNWIND else order.filled for order in self.of(state, leg))

    def of(self, state: State, leg: int) -> list[Placed]:
        return [order for order in state.orders if order.leg == leg]

    def alone(self, nets: list[int], leg: int) -> int:
        """Lots of the leg that those which depend on it have not traded. All legs are of equal quantity."""
        others = [
            nets[index]
            for index, other in enumerate(self.plan.legs)
            if index != leg and (other.follows == leg or other.follows == self.plan.legs[leg].follows)
        ]
        return max(0, nets[leg] - min(others, default=nets[leg]))

    def fail(self, state: State, why: str) -> None:
        orders = "\n".join(f"  {order}" for order in state.orders)
        raise Violation(f"{why}\n  {state.clock} {state.permission} {state.silent} {state.finished}\n{orders}")


# -- one order -------------------------------------------------------------------------------------


def _with(orders: tuple[Placed, ...], number: int, after: Placed) -> tuple[Placed, ...]:
    return (*orders[:number], after, *orders[number + 1 :])


def _at_venue(order: Placed) -> Iterator[Placed]:
    """It arrives or never does; it trades; it is cancelled. We do not know yet."""
    if order.done:
        return
    if not order.there:
        yield replace(order, done=True)  # lost, refused, or nothing to trade with
        if order.rests:
            yield replace(order, there=True)
        else:
            for filled in range(1, order.quantity + 1):
                yield replace(order, there=True, done=True, filled=filled)
        return
    filled = order.filled + 1
    yield replace(order, filled=filled, done=filled == order.quantity)
    if order.cancelled:
        yield replace(order, done=True)


def _told(order: Placed) -> Iterator[Placed]:
    """We hear of it, of one of its fills, or of its end; or we hear nothing for too long."""
    if not order.open:
        return
    if order.known < order.filled:
        known = order.known + 1
        yield replace(order, known=known, status=FILLED if known == order.quantity else WORKING)
    elif order.done:
        yield replace(order, status=EXPIRED)
    if order.status is SUBMITTED:
        yield replace(order, status=UNKNOWN)
    if order.rests and order.there and order.status is not WORKING:
        yield replace(order, status=WORKING)
