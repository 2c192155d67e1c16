"""A strategy that lets small orders rest around the touch of every venue, until somebody trades with them."""

from random import Random

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.money import from_float
from integrated_trading_system.domain.order import Side, TimeInForce
from integrated_trading_system.domain.plan import PlanFinished
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.strategies.strategy import Strategy, StrategySetup

PAUSE = 300 * MILLISECOND
OPEN_MAX = 8


class Resting(Strategy):
    """Buys a little below, or sells a little above, and at times right through the touch."""

    def __init__(self, setup: StrategySetup) -> None:
        super().__init__(setup)
        self._random = Random(f"resting-{setup.plan_ids.next(setup.name)}")
        self._next = Nanos(0)
        self._open = 0

    def on_snapshot(self, snapshot: SynchronizedSnapshot) -> None:
        now = self.context.now
        if self.trading is not TradingState.ACTIVE or now < self._next or self._open >= OPEN_MAX:
            return
        self._next = Nanos(now + int(self._random.uniform(0.5, 2.0) * PAUSE))
        quote = self._random.choice(snapshot.quotes)
        known = self.instruments.get(quote.instrument)
        if known is None:
            return
        side = self._random.choice((Side.BUY, Side.SELL))
        touch = quote.bid if side is Side.BUY else quote.ask
        price = from_float(round(touch * (1 + side.sign * self._random.uniform(-5, 2) / 10_000), 2))
        quantity = known.round_quantity(from_float(round(self._random.uniform(100, 900) / touch, 6)))
        self._open += 1
        self.propose(self.order(quote.instrument, side, quantity, price, time_in_force=TimeInForce.GTC))

    def on_plan_finished(self, finished: PlanFinished) -> None:
        self._open -= 1

    def on_plan_denied(self, denied: object) -> None:
        self._open -= 1
