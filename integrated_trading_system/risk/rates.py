"""At most so many in any window of time, however the window is aligned: a sliding log, not buckets.

A plan *claims* what it may send when it is approved. A claim counts as if it were being used at
every moment, until the order is known to have been sent (it is *spent*, at that time) or the plan
ends (the rest is *released*). So what is really sent in any window is never more than what was
spent and claimed when the last plan in it was approved, whenever the repairs leave.
"""

from collections import deque

from integrated_trading_system.domain.ids import ClientOrderId, PlanId
from integrated_trading_system.domain.order import TERMINAL, Order, OrderStatus, TimeInForce
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.time import Nanos


class RateLimit:
    """One limit and its log."""

    __slots__ = ("_claimed", "_limit", "_spent", "_window")

    def __init__(self, limit: int, window: Nanos) -> None:
        """At most `limit` in every half-open window of this length."""
        self._limit = limit
        self._window = window
        self._claimed = 0
        self._spent: deque[Nanos] = deque()

    def room(self, now: Nanos) -> int:
        """How many more may be claimed."""
        self._forget(now)
        return self._limit - self._claimed - len(self._spent)

    def claim(self, count: int) -> None:
        """Set aside."""
        self._claimed += count

    def spend(self, now: Nanos, *, claimed: bool) -> None:
        """One was sent, now or before; `claimed` False for what nobody had asked for."""
        self._forget(now)
        self._spent.append(now)
        self._claimed -= claimed

    def release(self, count: int) -> None:
        """Claims that will not be used."""
        self._claimed -= count

    def used(self, now: Nanos) -> int:
        """Claimed, and spent within the window that ends now."""
        return self._limit - self.room(now)

    def _forget(self, now: Nanos) -> None:
        spent = self._spent
        while spent and now - spent[0] >= self._window:
            spent.popleft()


def sent_by(plan: Plan) -> tuple[int, int]:
    """How many orders a plan may send at most, and how many orders and cancels.

    A leg that follows has no first order: its orders are hedges. What may rest may have to be cancelled.
    """
    orders = messages = plan.hedge_orders_max
    for leg in plan.legs:
        first = leg.follows is None
        orders += first
        messages += first + (leg.time_in_force is TimeInForce.GTC)
    return orders, messages


class Throttle:
    """Both rates, and what each plan in flight still has claimed of them."""

    def __init__(self, orders: RateLimit, messages: RateLimit) -> None:
        """Nothing claimed."""
        self.orders = orders
        self.messages = messages
        self._claims: dict[PlanId, list[int]] = {}
        self._sent: dict[ClientOrderId, None] = {}

    def claim(self, plan: Plan) -> None:
        """The plan is approved."""
        orders, messages = sent_by(plan)
        self._claims[plan.plan_id] = [orders, messages]
        self.orders.claim(orders)
        self.messages.claim(messages)

    def order(self, order: Order, now: Nanos) -> None:
        """Spend an order once it may have left, and its cancel once it is over, whether or not it was cancelled."""
        request = order.request
        if order.status in (OrderStatus.INTENDED, OrderStatus.SUBMITTED):
            return
        claims = self._claims.get(request.plan_id, [0, 0])
        if request.client_order_id not in self._sent:
            self._sent[request.client_order_id] = None
            _spend(self.orders, claims, 0, now)
            _spend(self.messages, claims, 1, now)
        if order.status in TERMINAL:
            del self._sent[request.client_order_id]
            if request.time_in_force is TimeInForce.GTC:
                _spend(self.messages, claims, 1, now)

    def amend(self, plan_id: PlanId, now: Nanos) -> bool:
        """Claim what moving a resting order takes: a cancel and an order more. False where there is no room."""
        claims = self._claims.get(plan_id)
        if claims is None or self.orders.room(now) < 1 or self.messages.room(now) < 2:
            return False
        self.orders.claim(1)
        self.messages.claim(2)
        claims[0] += 1
        claims[1] += 2
        return True

    def finish(self, plan_id: PlanId) -> None:
        """What the plan did not use is free again."""
        orders, messages = self._claims.pop(plan_id, (0, 0))
        self.orders.release(orders)
        self.messages.release(messages)


def _spend(limit: RateLimit, claims: list[int], index: int, now: Nanos) -> None:
    """One of the plan's claims, while it has any."""
    limit.spend(now, claimed=claims[index] > 0)
    claims[index] -= claims[index] > 0
