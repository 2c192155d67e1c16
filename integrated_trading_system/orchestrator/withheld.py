"""What a shadow run would have sent: its orders, and what their plans were expected to bring."""

from collections import deque
from decimal import Decimal
from typing import Any, Final

from loguru import logger

from integrated_trading_system.domain.ids import PlanId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.plan import PlanFinished
from integrated_trading_system.runtime.bus import Bus
from integrated_trading_system.simulation.shadow import NOT_SENT

KEPT_MAX: Final = 100
"""Orders that are shown, the latest; all are counted, and all are in the journal."""


class Withheld:
    """A ref that counts and logs them. Empty in every other mode."""

    def __init__(self) -> None:
        """None yet."""
        self.orders = 0
        self.plans = 0
        self.expected_edge = ZERO
        """In the Comparison's currency. Nothing is used up: a difference that lasts counts again and again."""
        self.notional: dict[str, Decimal] = {}
        """By instrument, at the orders' limits."""
        self.latest: deque[Order] = deque(maxlen=KEPT_MAX)
        self._open: set[PlanId] = set()

    def follow(self, bus: Bus) -> None:
        """From now on."""
        bus.subscribe(Order, self)
        bus.subscribe(PlanFinished, self)

    def tell(self, fact: Order | PlanFinished, /) -> None:
        """One more."""
        if isinstance(fact, PlanFinished):
            if fact.plan_id in self._open:
                self._open.remove(fact.plan_id)
                self.plans += 1
                self.expected_edge += fact.expected_edge
        elif fact.reason == NOT_SENT:
            request = fact.request
            self.orders += 1
            self.latest.append(fact)
            logger.info(
                "shadow: would send {} {:f} {} at {:f} ({}, {}), plan {}",
                *(request.side, request.quantity, request.instrument, request.price),
                *(request.order_type, request.time_in_force, request.plan_id),
            )
            self._open.add(request.plan_id)
            spent = self.notional.get(request.instrument, ZERO)
            self.notional[request.instrument] = spent + request.price * request.quantity

    def figures(self) -> dict[str, Any]:
        """For the summary."""
        return {
            "orders": self.orders,
            "plans": self.plans,
            "expected_edge": self.expected_edge,
            "notional": dict(self.notional),
        }
