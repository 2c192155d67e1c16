"""What we hold, and what plans in flight may still make of it.

While a plan is in flight each of its legs may stand anywhere between nothing and its full quantity:
it trades, may be repaired up to the full quantity, and may be traded back down to nothing. So a
holding is a position and how far it may still go *up* and *down*; a fill moves the position and the
two by the same amount, and the worst case does not change until the plan is finished.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TypeAlias

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import AccountId, ClientOrderId, InstrumentId, PlanId, StrategyId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Order, Side
from integrated_trading_system.domain.plan import Leg, Plan

Key: TypeAlias = tuple[InstrumentId, AccountId]
StrategyKey: TypeAlias = tuple[StrategyId, InstrumentId, AccountId]

EXTERNAL = StrategyId("external")
"""Owner of fills whose strategy is not known: of earlier runs, or of orders that are not ours."""


class Holding:
    """Signed position in the instrument's own units, and how far plans in flight may move it."""

    __slots__ = ("down", "position", "up")

    def __init__(self) -> None:
        """Nothing."""
        self.position = ZERO
        self.up = ZERO
        self.down = ZERO

    @property
    def worst(self) -> Decimal:
        """The largest size it can come to, either way."""
        return max(abs(self.position + self.up), abs(self.position - self.down))

    def worst_with(self, side: Side, quantity: Decimal) -> Decimal:
        """The same, with one more leg in flight."""
        up, down = (quantity, ZERO) if side is Side.BUY else (ZERO, quantity)
        return max(abs(self.position + self.up + up), abs(self.position - self.down - down))

    def reducible(self, side: Side) -> Decimal:
        """How much may be traded on this side without ever growing or turning the position."""
        return max(self.position - self.down if side is Side.SELL else -self.position - self.up, ZERO)

    def move(self, side: Side, position: Decimal, forward: Decimal, back: Decimal) -> None:
        """Change the position by `position` (signed), and what may still go in a leg's direction or back."""
        self.position += position
        if side is Side.BUY:
            self.up += forward
            self.down += back
        else:
            self.down += forward
            self.up += back


class InFlight:
    """An approved plan, and what each leg traded so far."""

    __slots__ = ("net", "orders", "plan")

    def __init__(self, plan: Plan, traded: Sequence[Decimal] = ()) -> None:
        """`traded`: what each leg did in earlier runs; nothing, if it is left out."""
        self.plan = plan
        self.net = list(traded) or [ZERO] * len(plan.legs)
        """In the leg's direction; trading back subtracts."""
        self.orders: list[ClientOrderId] = []


class Exposure:
    """All holdings, by instrument and account, and the same by strategy."""

    def __init__(self) -> None:
        """Nothing held, nothing in flight."""
        self.holdings: dict[Key, Holding] = {}
        self.by_strategy: dict[StrategyKey, Holding] = {}
        self.plans: dict[PlanId, InFlight] = {}
        self.external = 0
        """Fills of orders that no plan in flight made."""
        self._legs: dict[ClientOrderId, tuple[InFlight, int]] = {}
        self._strangers: dict[ClientOrderId, tuple[Order, Decimal]] = {}

    def reserve(self, plan: Plan, traded: Sequence[Decimal] = ()) -> None:
        """From now on every leg may come to its full quantity, and what it `traded` in earlier runs may be undone."""
        assert plan.plan_id not in self.plans, "a plan is reserved once"
        in_flight = self.plans[plan.plan_id] = InFlight(plan, traded)
        for leg, net in zip(plan.legs, in_flight.net, strict=True):
            self._move(plan.strategy, leg, ZERO, _forward(leg, net), _back(net))

    def order(self, order: Order) -> None:
        """Learn whose order it is; an open order of no plan in flight counts with what may still trade."""
        client_order_id = order.request.client_order_id
        if client_order_id in self._legs:
            return
        in_flight = self.plans.get(order.request.plan_id)
        if in_flight is not None:
            self._legs[client_order_id] = (in_flight, order.request.leg)
            in_flight.orders.append(client_order_id)
            return
        _, before = self._strangers.pop(client_order_id, (order, ZERO))
        after = order.open_quantity
        request = order.request
        for holding in self._both(request.strategy, request.instrument, request.account):
            holding.move(request.side, ZERO, after - before, ZERO)
        if after:
            self._strangers[client_order_id] = (order, after)

    def fill(self, fill: Fill) -> StrategyId:
        """Move what was reserved to the position, in one step; whose fill it was."""
        signed = fill.quantity * fill.side.sign
        known = self._legs.get(fill.client_order_id)
        if known is None:
            return self._external(fill, signed)
        in_flight, index = known
        leg = in_flight.plan.legs[index]
        before = in_flight.net[index]
        after = in_flight.net[index] = before + signed * leg.side.sign
        self._move(
            in_flight.plan.strategy,
            leg,
            signed,
            _forward(leg, after) - _forward(leg, before),
            _back(after) - _back(before),
        )
        return in_flight.plan.strategy

    def finish(self, plan_id: PlanId) -> InFlight | None:
        """Release what is still reserved; None for a plan that is not in flight."""
        in_flight = self.plans.pop(plan_id, None)
        if in_flight is None:
            return None
        for leg, net in zip(in_flight.plan.legs, in_flight.net, strict=True):
            self._move(in_flight.plan.strategy, leg, ZERO, -_forward(leg, net), -_back(net))
        for client_order_id in in_flight.orders:
            del self._legs[client_order_id]
        return in_flight

    def holding(self, instrument: InstrumentId, account: AccountId) -> Holding:
        """What is held there; an empty holding where nothing is."""
        return self.holdings.get((instrument, account)) or Holding()

    def reduces(self, legs: Sequence[Leg]) -> bool:
        """Whether every leg brings its holding nearer to nothing, whatever becomes of everything in flight."""
        return all(leg.quantity <= self.holding(leg.instrument, leg.account).reducible(leg.side) for leg in legs)

    def of(self, instrument: InstrumentId) -> Iterable[tuple[AccountId, Holding]]:
        """Its holdings on all accounts."""
        return ((key[1], holding) for key, holding in self.holdings.items() if key[0] == instrument)

    def recover(self, fill: Fill) -> None:
        """A fill of an earlier run, whoever made it."""
        for holding in self._both(EXTERNAL, fill.instrument, fill.account):
            holding.move(fill.side, fill.quantity * fill.side.sign, ZERO, ZERO)

    def _external(self, fill: Fill, signed: Decimal) -> StrategyId:
        """Somebody else's fill, one that came after its plan was over, or one of an order found at the start."""
        self.external += 1
        order, _ = self._strangers.get(fill.client_order_id, (None, ZERO))
        strategy = EXTERNAL if order is None else order.request.strategy
        for holding in self._both(strategy, fill.instrument, fill.account):
            holding.move(fill.side, signed, ZERO, ZERO)
        return strategy

    def _move(self, strategy: StrategyId, leg: Leg, position: Decimal, forward: Decimal, back: Decimal) -> None:
        for holding in self._both(strategy, leg.instrument, leg.account):
            holding.move(leg.side, position, forward, back)

    def _both(self, strategy: StrategyId, instrument: InstrumentId, account: AccountId) -> tuple[Holding, Holding]:
        """The account's holding and the strategy's part of it."""
        whole = self.holdings.setdefault((instrument, account), Holding())
        return whole, self.by_strategy.setdefault((strategy, instrument, account), Holding())


def _forward(leg: Leg, net: Decimal) -> Decimal:
    """How much of the leg may still trade."""
    return max(leg.quantity - net, ZERO)


def _back(net: Decimal) -> Decimal:
    """How much of the leg may still be traded back."""
    return max(net, ZERO)
