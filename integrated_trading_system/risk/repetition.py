"""The repeated execution throttle: who does the same again and again is stopped until an operator looks.

RTS 6 asks for it in article 15(3), after what happened to Knight Capital: a program that believed its orders
had not been executed sent them again for 45 minutes. Two signs are counted, over any window:

* plans of the same *shape* (strategy, and the instrument, account and side of every leg), approved;
* *futile* plans: over, and a leg did not bring its position to at least half of what was planned,
  because nothing traded or because it was traded back at a cost.

What exceeds its limit is *latched*: the strategy may not grow positions in these instruments any more.
Midnight, time, a restart and the end of the cause change nothing about that; only an operator's Resume does.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeAlias

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.health import Latched
from integrated_trading_system.domain.ids import AccountId, InstrumentId, StrategyId
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.risk.tally import Tally

Shape: TypeAlias = tuple[StrategyId, tuple[tuple[InstrumentId, AccountId, Side], ...]]
Content: TypeAlias = tuple[StrategyId, tuple[tuple[InstrumentId, AccountId, Side, Decimal, Decimal], ...]]


class Repetition:
    """What was done lately, and who is latched."""

    def __init__(self, settings: RiskSettings, latched: Sequence[Latched] = ()) -> None:
        """`latched`: what earlier runs latched and nobody resumed."""
        window = Nanos(settings.repeat_window_ms * MILLISECOND)
        self.latched: dict[tuple[StrategyId, InstrumentId], str] = {
            (one.strategy, one.instrument): one.reason for one in latched
        }
        self._futile_max = settings.futile_max
        self._shapes: Tally[Shape] = Tally(window)
        self._futile: Tally[tuple[StrategyId, InstrumentId, AccountId, Side]] = Tally(window)
        self._contents: Tally[Content] = Tally(Nanos(settings.duplicate_window_ms * MILLISECOND))

    def repeats(self, shape: Shape, now: Nanos) -> int:
        """How many plans of this shape were approved within the window."""
        return self._shapes.count(shape, now)

    def duplicates(self, content: Content, now: Nanos) -> int:
        """How many plans with the very same legs, prices and quantities were."""
        return self._contents.count(content, now)

    def approved(self, shape: Shape, content: Content, now: Nanos) -> None:
        """Count it. Not for reducing plans: they end by themselves, at nothing."""
        self._shapes.add(shape, now)
        self._contents.add(content, now)

    def finished(self, plan: Plan, net: Sequence[Decimal], now: Nanos) -> list[InstrumentId]:
        """The plan is over, and this is what its legs traded: the instruments in which that was futile too often."""
        found = []
        for leg, traded in zip(plan.legs, net, strict=True):
            if traded * 2 < leg.quantity:
                count = self._futile.add((plan.strategy, leg.instrument, leg.account, leg.side), now)
                if count > self._futile_max:
                    found.append(leg.instrument)
        return found

    def latch(self, strategy: StrategyId, instrument: InstrumentId, reason: str) -> bool:
        """Stop it there; False where it was stopped before."""
        if (strategy, instrument) in self.latched:
            return False
        self.latched[strategy, instrument] = reason
        return True

    def resume(self) -> None:
        """An operator looked at it: everything begins anew."""
        self.latched.clear()
        self._shapes.clear()
        self._futile.clear()
        self._contents.clear()


def shape_of(plan: Plan) -> Shape:
    """Whose, where and which way."""
    return plan.strategy, tuple((leg.instrument, leg.account, leg.side) for leg in plan.legs)


def content_of(plan: Plan) -> Content:
    """The same, how much and at which prices."""
    return plan.strategy, tuple((leg.instrument, leg.account, leg.side, leg.quantity, leg.price) for leg in plan.legs)
