"""What we hold, and what plans in flight and other people's open orders may still make of it.

While a plan is in flight each of its legs may stand anywhere between nothing and its full quantity:
it trades, may be repaired up to the full quantity, and may be traded back down to nothing. So a
holding is a position and how far it may still go *up* and *down*; a fill moves the position and the
two by the same amount, and the worst case does not change until the plan is finished.

Open orders of others on our accounts count beside that (`others.py`).
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TypeAlias

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import AccountId, ClientOrderId, InstrumentId, PlanId, StrategyId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Order, Side
from integrated_trading_system.domain.plan import Leg, Plan
from integrated_trading_system.risk.others import EXTERNAL, Others
from integrated_trading_system.risk.worth import Change, Worths

Key: TypeAlias = tuple[InstrumentId, AccountId]
StrategyKey: TypeAlias = tuple[StrategyId, InstrumentId, AccountId]


class Holding:
    """Signed position in the instrument's own units, and between which bounds plans in flight may move it."""

    __slots__ = ("high", "low", "position", "worst")

    def __init__(self) -> None:
        """Nothing."""
        self.position = ZERO
        self.high = ZERO
        """The highest that the position may come to; never below it."""
        self.low = ZERO
        self.worst = ZERO
        """The largest size it can come to, either way."""

    @property
    def up(self) -> Decimal:
        """How far plans in flight may move it up."""
        return self.high - self.position

    @property
    def down(self) -> Decimal:
        """How far plans in flight may move it down."""
        return self.position - self.low

    def growth(self, up: Decimal, down: Decimal) -> Decimal:
        """By how much the largest size grows when it may go so much further up and down; never negative."""
        high, low = self.high + up, down - self.low
        return (max(high, low)) - self.worst

    def reducible(self, side: Side) -> Decimal:
        """How much may be traded on this side without ever growing or turning the position."""
        room = self.low if side is Side.SELL else -self.high
        return room if room > 0 else ZERO

    def move(self, position: Decimal, high: Decimal, low: Decimal) -> Decimal:
        """Change the position and its bounds by so much; by how much the largest size changes."""
        before = self.worst
        self.position += position
        self.high = high = self.high + high
        self.low = low = self.low + low
        self.worst = max(high, -low)
        return self.worst - before


NOTHING = Holding()
"""Where nothing is held. Never moved."""


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

    def __init__(self, worths: Worths) -> None:
        """Nothing held, nothing in flight; `worths` is told of every change of a holding."""
        self.holdings: dict[Key, Holding] = {}
        self.by_strategy: dict[StrategyKey, Holding] = {}
        self.plans: dict[PlanId, InFlight] = {}
        self.external = 0
        """Fills of orders that no plan in flight made."""
        self.others = Others(worths)
        self._worths = worths
        self._legs: dict[ClientOrderId, tuple[InFlight, int]] = {}
        self._strangers: dict[ClientOrderId, tuple[Order, Decimal]] = {}

    def reserve(self, plan: Plan, traded: Sequence[Decimal] = ()) -> None:
        """From now on every leg may come to its full quantity, and what it `traded` in earlier runs may be undone."""
        assert plan.plan_id not in self.plans, "a plan is reserved once"
        in_flight = self.plans[plan.plan_id] = InFlight(plan, traded)
        for leg, net in zip(plan.legs, in_flight.net, strict=True):
            self._move_leg(plan.strategy, leg, ZERO, _forward(leg, net), _back(net))

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
        self._move(request.strategy, (request.instrument, request.account), request.side, ZERO, after - before, ZERO)
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
        self._move_leg(
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
            self._move_leg(in_flight.plan.strategy, leg, ZERO, -_forward(leg, net), -_back(net))
        for client_order_id in in_flight.orders:
            del self._legs[client_order_id]
        return in_flight

    def holding(self, instrument: InstrumentId, account: AccountId) -> Holding:
        """What is held there; an empty holding where nothing is."""
        return self.holdings.get((instrument, account), NOTHING)

    def reduces(self, legs: Sequence[Leg]) -> bool:
        """Whether every leg brings its holding nearer to nothing, whatever becomes of everything in flight.

        Legs of the same instrument, account and side count together.
        """
        asked: dict[tuple[InstrumentId, AccountId, Side], Decimal] = {}
        for leg in legs:
            room = self.holding(leg.instrument, leg.account).reducible(leg.side)
            key = (leg.instrument, leg.account, leg.side)
            quantity = asked[key] = asked.get(key, ZERO) + leg.quantity
            if quantity > room:
                return False
        return True

    def of(self, instrument: InstrumentId) -> Iterable[tuple[AccountId, Holding]]:
        """Its holdings on all accounts."""
        return ((key[1], holding) for key, holding in self.holdings.items() if key[0] == instrument)

    def worst(self, instrument: InstrumentId) -> Decimal:
        """The largest size that the instrument may come to: on each account by itself, and what others may do."""
        return sum((holding.worst for _, holding in self.of(instrument)), self.others.worst(instrument))

    def recover(self, fill: Fill, strategy: StrategyId) -> None:
        """A fill of an earlier run, of this strategy's."""
        self._move(strategy, (fill.instrument, fill.account), fill.side, fill.quantity * fill.side.sign, ZERO, ZERO)

    def _external(self, fill: Fill, signed: Decimal) -> StrategyId:
        """Somebody else's fill, one that came after its plan was over, or one of an order found at the start."""
        self.external += 1
        order, _ = self._strangers.get(fill.client_order_id, (None, ZERO))
        strategy = EXTERNAL if order is None else order.request.strategy
        self._move(strategy, (fill.instrument, fill.account), fill.side, signed, ZERO, ZERO)
        return strategy

    def _move_leg(self, strategy: StrategyId, leg: Leg, position: Decimal, forward: Decimal, back: Decimal) -> None:
        self._move(strategy, (leg.instrument, leg.account), leg.side, position, forward, back)

    def _move(
        self, strategy: StrategyId, key: Key, side: Side, position: Decimal, forward: Decimal, back: Decimal
    ) -> None:
        """The account's holding and the strategy's part of it, and what they are worth."""
        whole = self.holdings.get(key)
        if whole is None:
            whole = self.holdings[key] = Holding()
        own = self.by_strategy.get((strategy, *key))
        if own is None:
            own = self.by_strategy[(strategy, *key)] = Holding()
        up, down = (forward, back) if side is Side.BUY else (back, forward)
        high, low = position + up, position - down
        size, part = whole.move(position, high, low), own.move(position, high, low)
        self._worths.change(key[0], strategy, Change(size, part, high, low, position))


def _forward(leg: Leg, net: Decimal) -> Decimal:
    """How much of the leg may still trade."""
    return max(leg.quantity - net, ZERO)


def _back(net: Decimal) -> Decimal:
    """How much of the leg may still be traded back."""
    return max(net, ZERO)
