"""A strategy that makes one two-leg trade in its first run and none ever after."""

from decimal import Decimal

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import venue_of
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import from_float
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import HedgePolicy, Leg, Plan
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.strategies.strategy import Strategy

QUANTITY = Decimal("0.01")
ROOM = Decimal("0.002")


class OneTrade(Strategy):
    """Buys on the first venue of its Comparison and sells on the second, as soon as trading is open."""

    done = False

    def on_snapshot(self, snapshot: SynchronizedSnapshot) -> None:
        ready = self.trading is TradingState.ACTIVE and len(self.instruments) == len(self.setup.comparison.members)
        plan_id = self.setup.plan_ids.next(self.name)
        if self.done or not ready or f"-{self.name}-1-" not in f"-{plan_id}":
            return
        self.done = True
        now = self.context.now
        quotes = {quote.instrument: quote for quote in snapshot.quotes}
        buy, sell = (quotes[instrument] for instrument in self.setup.comparison.instruments)
        self.propose(
            Plan(
                plan_id=plan_id,
                strategy=self.name,
                legs=(self._leg(buy, Side.BUY), self._leg(sell, Side.SELL)),
                policy=HedgePolicy.PROCEED,
                hedge_orders_max=4,
                created_at=now,
                submit_by=Nanos(now + SECOND),
                hedge_by=Nanos(now + 10 * SECOND),
            )
        )

    def _leg(self, quote: Quote, side: Side) -> Leg:
        known = self.instruments[quote.instrument]
        price = from_float(quote.ask if side is Side.BUY else quote.bid)

        def worse(room: Decimal) -> Decimal:
            return known.round_price(price * (1 + room * side.sign), side.opposite)

        return Leg(
            instrument=quote.instrument,
            account=self.setup.accounts[venue_of(quote.instrument)],
            side=side,
            quantity=QUANTITY,
            price=worse(ROOM),
            worst_price=worse(2 * ROOM),
            unwind_price=worse(-3 * ROOM),
        )
