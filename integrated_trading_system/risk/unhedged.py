"""Legs out of balance, weighed by how long: worth times seconds, by strategy.

A strategy that trades in legs holds things that cancel out (those of round trips: `round_trips.py`). What does
not cancel out, at current prices, is *unhedged*; below a floor it is dust and never counts. From when it passes the
floor until it is back below, its worth is added up over time, so that much is allowed for moments and little for
minutes.
"""

from collections.abc import Mapping
from decimal import Decimal

from integrated_trading_system.domain.ids import StrategyId
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.time import SECOND, Nanos


class Imbalance:
    """One strategy's."""

    __slots__ = ("area", "since", "worth")

    def __init__(self, now: Nanos) -> None:
        """Balanced."""
        self.worth = ZERO
        """At the last look, without its sign."""
        self.area = ZERO
        """Reporting currency times seconds, since it was last balanced."""
        self.since = now
        """Of the last look."""


class Unhedged:
    """Of all strategies that ever traded several legs in one plan, in this run."""

    def __init__(self, floor: Decimal) -> None:
        """`floor`: what may stay for ever."""
        self.of: dict[StrategyId, Imbalance] = {}
        self._floor = floor

    def follow(self, plan: Plan, now: Nanos) -> None:
        """Strategies that trade single legs mean to hold what they hold."""
        if len(plan.legs) > 1 and plan.strategy not in self.of:
            self.of[plan.strategy] = Imbalance(now)

    def look(self, nets: Mapping[StrategyId, Decimal], now: Nanos) -> None:
        """This is what each strategy's holdings net to now; until now it was what it was at the last look."""
        for strategy, one in self.of.items():
            if one.worth > self._floor:
                one.area += one.worth * Decimal(now - one.since) / SECOND
            one.since = now
            one.worth = abs(nets.get(strategy, ZERO))
            if one.worth <= self._floor:
                one.area = ZERO

    def area(self, strategy: StrategyId) -> Decimal:
        """Worth times seconds at the last look."""
        one = self.of.get(strategy)
        return ZERO if one is None else one.area

    def resume(self) -> None:
        """An operator looked at it: counting begins anew."""
        for one in self.of.values():
            one.area = ZERO
