"""The whole order management does what its leg executor decides, in every state that small plans can come to.

Every state of the model (`tests/support/leg_model.py`) is reached once through the real actor, with journal,
answers and timers, by the messages that a venue would send; at each step both must have made the same orders,
know the same of them, and have asked for the same cancels.
"""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.execution import SubmitRefused, SubmitUncertain
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import venue_of
from integrated_trading_system.domain.order import CancelOrder, OrderRequest, OrderStatus, SubmitOrder
from integrated_trading_system.domain.plan import HedgePolicy, Plan
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.oms import plans
from integrated_trading_system.oms.legs import next_step
from integrated_trading_system.oms.state import InFlight
from integrated_trading_system.oms.steps import Around, Permission, Repair, Step, Wait
from tests.support.leg_model import Model, Placed, State
from tests.support.oms_rig import START, Rig
from tests.support.oms_world import cycle, maker_taker, pair

FAILS_TO = {Permission.NONE: TradingState.HALTED, Permission.UNWIND: TradingState.REDUCING}


class Twin:
    """The real order management, told what happened in the model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.rig = Rig(OmsSettings(repair_pause_ms=0, cancel_on_halt=False))
        self.rig.approve(model.plan)
        self.requests: list[OrderRequest] = []
        self.cancelled: dict[str, None] = {}
        self.state = model.begin()
        self.compare()

    def go(self, to: State) -> None:
        """Tell what changed, then compare."""
        before, self.state = self.state, to
        for number, (old, new) in enumerate(zip(before.orders, to.orders, strict=False)):
            if (old.status, old.known) != (new.status, new.known):
                self.tell(self.requests[number], old, new)
        if to.clock != before.clock:
            self.rig.wait((self.model.clocks[to.clock] - self.rig.now) / MILLISECOND)
        if to.permission is not before.permission:
            self.rig.set_state(FAILS_TO[to.permission])
        self.compare()

    def tell(self, request: OrderRequest, old: Placed, new: Placed) -> None:
        """What a venue says when this becomes known."""
        rig = self.rig
        if new.known > old.known:
            rig.tell(rig.fill(request, new.known - old.known, f"{request.client_order_id}-{new.known}"))
        elif new.status is OrderStatus.UNKNOWN:
            rig.tell(SubmitUncertain(client_order_id=request.client_order_id, reason="timeout", received_at=rig.now))
        elif new.status is OrderStatus.WORKING:
            rig.tell(rig.accepted(request))
        elif new.there:
            rig.tell(rig.done(request, OrderStatus.CANCELLED, new.filled))
        elif old.status is OrderStatus.SUBMITTED:
            rig.tell(SubmitRefused(client_order_id=request.client_order_id, reason="gate", received_at=rig.now))
        else:
            venue, late = venue_of(request.instrument), Nanos(rig.now + 60 * SECOND)
            for proof in (rig.not_found(request), rig.open_orders(venue), rig.fills(venue)):
                rig.tell(replace(proof, asked_at=late))

    def compare(self) -> None:
        """Orders in the order of their making: within one turn the venues' messages are told venue by venue."""
        for message in self.rig.take():
            if isinstance(message, SubmitOrder):
                self.requests.append(message.request)
            elif isinstance(message, CancelOrder):
                self.cancelled[message.client_order_id] = None
        if len(self.requests) == len(self.model.begin().orders):
            self.requests.sort(key=lambda request: request.leg)
        assert [self.made(request) for request in self.requests] == [self.expected(each) for each in self.state.orders]
        assert [finished.reason.split(":")[0] for finished in self.rig.finished()] == (
            [self.state.finished.split(":")[0]] if self.state.finished else []
        )
        assert self.rig.halts() == []
        assert self.rig.system.escalated is None

    def made(self, request: OrderRequest) -> tuple[Any, ...]:
        order = self.rig.order(request.client_order_id)
        known = order.status if order.open_quantity else OrderStatus.FILLED if order.filled else OrderStatus.EXPIRED
        status = OrderStatus.FILLED if order.filled == request.quantity else known
        return request.leg, request.quantity, order.filled, status, request.client_order_id in self.cancelled

    def expected(self, order: Placed) -> tuple[Any, ...]:
        over = OrderStatus.FILLED if order.known else OrderStatus.EXPIRED
        return order.leg, order.quantity, order.known, order.status if order.open else over, order.cancelled


def paths(model: Model) -> list[list[State]]:
    """Through every state at least once: from the beginning to the leaves of a spanning tree."""
    begin = model.begin()
    came_from: dict[State, State | None] = {begin: None}
    queue = [begin]
    for state in queue:
        for coming in () if state.finished else model.events(state):
            if coming not in came_from:
                came_from[coming] = state
                queue.append(coming)
    inner = set(came_from.values())
    found = []
    for leaf in (state for state in queue if state not in inner):
        path: list[State] = []
        at: State | None = leaf
        while at is not None:
            path.append(at)
            at = came_from[at]
        found.append(path[::-1])
    return found


def walk(model: Model, ways: list[list[State]]) -> None:
    for path in ways:
        twin = Twin(model)
        for state in path[1:]:
            twin.go(state)


CASES: dict[str, tuple[Callable[..., Plan], int, Permission | None]] = {
    "two takers": (pair, 2, None),
    "two takers, halted": (pair, 1, Permission.NONE),
    "maker, then taker": (maker_taker, 2, None),
    "maker, then taker, reducing": (maker_taker, 2, Permission.UNWIND),
    "cycle of three": (cycle, 2, None),
}


@pytest.mark.parametrize("policy", HedgePolicy)
@pytest.mark.parametrize("case", CASES)
def test_the_order_management_does_what_the_executor_decides_in_every_state(
    case: str, policy: HedgePolicy, record_property: Callable[[str, object], None]
) -> None:
    make, quantity, fails_to = CASES[case]
    plan = replace(make(1, quantity, policy, START), hedge_orders_max=3)
    model = Model(plan, fails_to=fails_to).explore()
    ways = paths(model)
    visited = {state for path in ways for state in path}
    assert visited == set(model.ways), "none is left out"
    walk(model, ways)
    record_property("explored", {"states": len(visited), "runs of the order management": len(ways)})


def test_an_order_management_that_decides_otherwise_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(maker_taker(1, 1, HedgePolicy.PROCEED, START)).explore()

    def idle(in_flight: InFlight, around: Around) -> Step:
        step = next_step(in_flight, around)
        return Wait() if isinstance(step, Repair) else step

    monkeypatch.setattr(plans, "next_step", idle)
    with pytest.raises(AssertionError):
        walk(model, paths(model))
