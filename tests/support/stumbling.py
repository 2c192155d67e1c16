"""Strategies that go wrong, or leave something behind for when others do."""

from decimal import Decimal
from typing import ClassVar

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.order import Side, TimeInForce
from integrated_trading_system.domain.plan import PlanDenied
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.strategies.arbitrage.detector import ArbitrageDetector
from integrated_trading_system.strategies.strategy import Strategy, StrategyInbox, StrategySetup

FALLS_AT = 200
"""Snapshots that a life of the stumbler sees."""
REMEMBERED = 50


class Stumbling(ArbitrageDetector):
    """The arbitrage strategy, whose first life ends at a certain snapshot."""

    lives_lost = 1

    def __init__(self, setup: StrategySetup) -> None:
        super().__init__(setup)
        self.heard: list[StrategyInbox] = []
        self._snapshots = 0

    def receive(self, message: StrategyInbox) -> None:
        if len(self.heard) < REMEMBERED:
            self.heard.append(message)
        super().receive(message)

    def on_snapshot(self, snapshot: SynchronizedSnapshot) -> None:
        self._snapshots += 1
        if self.context.incarnation < self.lives_lost and self._snapshots == FALLS_AT:
            raise ArithmeticError("stumbled")
        super().on_snapshot(snapshot)


class Hopeless(Stumbling):
    """None of its lives is longer."""

    lives_lost = 1_000


class Idle(Strategy):
    """Hears everything, does nothing."""


class Resting(Strategy):
    """Leaves one order in the book, far below the market."""

    subscriptions: ClassVar[tuple[type, ...]] = (Quote,)

    placed = False

    def on_quote(self, quote: Quote) -> None:
        known = self.instruments.get(quote.instrument)
        mine = quote.instrument == self.setup.comparison.instruments[0]
        if self.placed or not mine or known is None or self.trading is not TradingState.ACTIVE:
            return
        self.placed = True
        price = known.round_price(Decimal(str(quote.bid)) * Decimal("0.95"), Side.BUY)
        self.propose(self.order(quote.instrument, Side.BUY, Decimal("0.01"), price, time_in_force=TimeInForce.GTC))

    def on_plan_denied(self, denied: PlanDenied) -> None:
        """At the start books are not proven yet: with the next quote, again."""
        self.placed = False
