"""A strategy of your own: buys a little below the average price, sells when the price is back.

In the configuration:

    strategies:
      - name: my-reversion
        strategy: examples.own_strategy:Reversion
        comparison: btc
        settings: {distance_bps: 3, quantity: "0.01"}
"""

from decimal import Decimal
from typing import ClassVar

from pydantic import BaseModel

from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import PlanDenied, PlanFinished
from integrated_trading_system.strategies.strategy import Strategy, StrategySetup


class ReversionSettings(BaseModel):
    """How far below the average to buy, how much, and how slowly the average moves."""

    distance_bps: float = 3.0
    quantity: Decimal = Decimal("0.01")
    memory: float = 0.98


class Reversion(Strategy):
    """Trades the Comparison's first instrument; one order at a time, one position at a time."""

    subscriptions: ClassVar[tuple[type, ...]] = (Quote, Fill)
    settings_model: ClassVar[type[BaseModel] | None] = ReversionSettings

    def __init__(self, setup: StrategySetup) -> None:
        super().__init__(setup)
        self.average: float | None = None
        self.held = Decimal(0)
        self.busy = False

    def on_quote(self, quote: Quote) -> None:
        if quote.instrument != self.setup.comparison.instruments[0]:
            return
        settings, middle = self.setup.settings, (quote.bid + quote.ask) / 2
        self.average = (
            middle if self.average is None else self.average + (middle - self.average) * (1 - settings.memory)
        )
        if self.busy or quote.instrument not in self.instruments:
            return
        if self.held == 0 and quote.ask < self.average * (1 - settings.distance_bps / 10_000):
            self.busy = True
            self.propose(self.order(quote.instrument, Side.BUY, settings.quantity, quote.ask))
        elif self.held > 0 and quote.bid > self.average:
            self.busy = True
            self.propose(self.order(quote.instrument, Side.SELL, self.held, quote.bid))

    def on_fill(self, fill: Fill) -> None:
        self.held += fill.quantity * fill.side.sign

    def on_plan_denied(self, denied: PlanDenied) -> None:
        self.busy = False

    def on_plan_finished(self, finished: PlanFinished) -> None:
        self.busy = False
