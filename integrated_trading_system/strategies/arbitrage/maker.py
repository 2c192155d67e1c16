"""The arbitrage strategy as a maker: one leg rests on one venue, the other follows each of its fills on the other.

There need be no difference that a taker could trade: what pays is standing where others trade. For as long as an
order rests, every snapshot asks whether its hedge would still pay; where it would not, it is cancelled, and
after the cool-down another may be proposed. The order's time is bounded by the plan, whether we look or not.
"""

from math import isnan
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import InstrumentId, PlanId
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.order import TERMINAL, Order, Side, TimeInForce
from integrated_trading_system.domain.plan import PlanDenied, PlanFinished
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.strategies.arbitrage.decision import Offer, Refused, Trade
from integrated_trading_system.strategies.arbitrage.detector import ArbitrageDetector
from integrated_trading_system.strategies.arbitrage.missed import Direction, Miss, Pair
from integrated_trading_system.strategies.arbitrage.posting import Posting
from integrated_trading_system.strategies.strategy import StrategySetup

_BOTH: Final = (Side.BUY, Side.SELL)


class _Post(Struct):
    """An order that rests, or is about to."""

    buy: InstrumentId
    sell: InstrumentId
    rests: Side
    order: Order | None = None
    cancelled: bool = False


class MakerArbitrage(ArbitrageDetector):
    """Posts on one venue, hedges on the other."""

    def __init__(self, setup: StrategySetup) -> None:
        """As the taker."""
        super().__init__(setup)
        self._posting = Posting(setup, self._settings, self._charges, self._decision, self._inventory, self.resting)
        self._posts: dict[PlanId, _Post] = {}
        self._fees = {
            name: (float(self._charges.lowest(name)), float(self._charges.lowest(name, maker=True)))
            for name in setup.comparison.instruments
        }
        """As a taker, as a maker."""
        self._give = 1.0 + float(self._settings.rest_bps_max) / 1e4
        self._edge_min = float(self._settings.edge_bps_min) / 1e4

    def on_snapshot(self, snapshot: SynchronizedSnapshot) -> None:
        """See to what rests, then look for a place where something could."""
        quotes = {quote.instrument: quote for quote in snapshot.quotes}
        mine = snapshot.quotes[snapshot.changed]
        for post in self._posts.values():
            if mine.instrument in (post.buy, post.sell):
                self._see_to(post, quotes, snapshot)
        row = self._rows[mine.instrument]
        for other in snapshot.quotes:
            if other is mine:
                continue
            factor, pair, buying, selling = row[other.instrument]
            if not isnan(factor):
                self._look(pair, buying, mine, other, factor, snapshot)
                self._look(pair, selling, other, mine, 1.0 / factor, snapshot)

    def _look(
        self, pair: Pair, direction: Direction, buy: Quote, sell: Quote, factor: float, snapshot: SynchronizedSnapshot
    ) -> None:
        """Either side may rest; the fast check gives away nothing that could pay."""
        taker, maker = self._fees[buy.instrument]
        for rests in _BOTH:
            if rests is Side.BUY:
                ratio, keep = sell.bid / (buy.bid * factor), 1.0 - self._fees[sell.instrument][0]
                cost = direction.cost - taker + maker
            else:
                ratio, keep = sell.ask / (buy.ask * factor), 1.0 - self._fees[sell.instrument][1]
                cost = direction.cost
            if ratio * self._give * keep < cost + self._edge_min:
                continue
            outcome = self._decide_post(pair, buy, sell, rests, snapshot, sell.bid / (buy.ask * factor))
            if isinstance(outcome, Refused):
                if outcome.reason is not Miss.FEES and self._missed.miss(pair, direction, outcome.reason, snapshot.at):
                    self._tell_missed(direction, outcome, (ratio * keep - cost) * 1e4, snapshot.at)
                    self._miss_capital(buy.instrument, sell.instrument, outcome)
                continue
            self._missed.end(pair)
            plan_id = self._propose(pair, outcome, snapshot)
            self._posts[plan_id] = _Post(buy.instrument, sell.instrument, rests)
            return

    def _decide_post(
        self, pair: Pair, buy: Quote, sell: Quote, rests: Side, snapshot: SynchronizedSnapshot, ratio: float
    ) -> Trade | Refused:
        reason = self._not_now(pair, buy.instrument, sell.instrument, snapshot.at)
        if reason is not None:
            return Refused(reason)
        buy_unit, sell_unit = self._units[buy.instrument], self._units[sell.instrument]
        assert buy_unit is not None, "the factor is known"
        assert sell_unit is not None, "the factor is known"
        return self._posting.decide(Offer(buy_unit, buy), Offer(sell_unit, sell), rests, ratio, snapshot)

    # -- what rests ----------------------------------------------------------------------------

    def _see_to(self, post: _Post, quotes: dict[InstrumentId, Quote], snapshot: SynchronizedSnapshot) -> None:
        """Cancel it where the market has moved away from what was approved."""
        order = post.order
        if order is None or post.cancelled or order.status in TERMINAL:
            return
        offers = [self._offer(name, quotes) for name in (post.buy, post.sell)]
        buy, sell = offers
        if buy is None or sell is None:
            return
        costs = self._charges.costs(
            buy.unit.instrument, sell.unit.instrument, snapshot.bound, snapshot.at, order.request.instrument
        )
        unit = (buy if post.rests is Side.BUY else sell).unit
        left = order.open_quantity * unit.base
        if costs is None or not self._posting.still_pays(buy, sell, post.rests, order.request.price, left, costs):
            self._withdraw(post)

    def _withdraw(self, post: _Post) -> None:
        if post.order is not None and not post.cancelled:
            post.cancelled = True
            self.cancel(post.order)

    def _offer(self, name: InstrumentId, quotes: dict[InstrumentId, Quote]) -> Offer | None:
        unit, quote = self._units[name], quotes.get(name)
        return None if unit is None or quote is None else Offer(unit, quote)

    def on_order(self, order: Order) -> None:
        """The resting one is known by its staying."""
        post = self._posts.get(order.request.plan_id)
        if post is not None and order.request.time_in_force is TimeInForce.GTC:
            post.order = order

    def on_trading_state(self, state: TradingState) -> None:
        """What may not be hedged must not rest."""
        if state is not TradingState.ACTIVE:
            for post in self._posts.values():
                self._withdraw(post)

    def on_feed(self, instrument: InstrumentId, *, reliable: bool) -> None:
        """Nor what cannot be judged."""
        if not reliable:
            for post in self._posts.values():
                if instrument in (post.buy, post.sell):
                    self._withdraw(post)

    def on_plan_denied(self, denied: PlanDenied) -> None:
        """It never rested."""
        self._posts.pop(denied.plan_id, None)
        super().on_plan_denied(denied)

    def on_plan_finished(self, finished: PlanFinished) -> None:
        """It is over, hedges included."""
        self._posts.pop(finished.plan_id, None)
        super().on_plan_finished(finished)
