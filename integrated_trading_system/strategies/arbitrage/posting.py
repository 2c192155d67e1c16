"""Where an order may rest so that, once it traded, what the other venue shows now still pays: price and size.

The price is the best one of its side, or a tick better, as far as the hedge at current depth allows; never one that
would trade at once. What hedges is walked like a taker's book.
"""

from decimal import Decimal

from msgspec.structs import replace

from integrated_trading_system.config.strategies import ArbitrageSettings
from integrated_trading_system.domain.book import BookReader
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import BPS, ONE, ZERO, from_float, round_down
from integrated_trading_system.domain.order import Side, TimeInForce
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.strategies.arbitrage import proposal
from integrated_trading_system.strategies.arbitrage.charges import Charges
from integrated_trading_system.strategies.arbitrage.decision import Decision, Offer, Refused, Trade
from integrated_trading_system.strategies.arbitrage.inventory import Inventory
from integrated_trading_system.strategies.arbitrage.missed import Miss
from integrated_trading_system.strategies.arbitrage.sizing import Costs, Priced, Rung, common_lot, ladder, priced
from integrated_trading_system.strategies.resting import Resting
from integrated_trading_system.strategies.strategy import StrategySetup


class Posting:
    """Answers for one detector."""

    def __init__(
        self,
        setup: StrategySetup,
        settings: ArbitrageSettings,
        charges: Charges,
        decision: Decision,
        inventory: Inventory,
        resting: Resting,
    ) -> None:
        """Asks all of them, and changes none."""
        self._accounts = setup.accounts
        self._books: BookReader = setup.books
        self._settings = settings
        self._charges = charges
        self._decision = decision
        self._inventory = inventory
        self._resting = resting

    def decide(
        self, buy: Offer, sell: Offer, rests: Side, ratio: float, snapshot: SynchronizedSnapshot
    ) -> Trade | Refused:
        """Rest on one side, hedge on the other. `ratio`: as the taker's, so that what is too good is known."""
        reason = self._decision.unbelievable(buy, sell, ratio, snapshot)
        if reason is not None:
            return Refused(reason)
        post, hedge = (buy, sell) if rests is Side.BUY else (sell, buy)
        costs = self._charges.costs(
            buy.unit.instrument, sell.unit.instrument, snapshot.bound, snapshot.at, post.quote.instrument
        )
        if costs is None:
            return Refused(Miss.FUNDING)
        hedges = self._hedges(hedge, rests.opposite)
        if not hedges:
            return Refused(Miss.OWN)
        lot = common_lot(buy.unit, sell.unit)
        dearest = max(hedges[0].value, hedges[-1].value)
        depth = sum((rung.quantity for rung in hedges), ZERO)
        wanted = round_down(min(depth, *self._decision.limits(buy.unit, sell.unit, dearest)), lot)
        if not wanted:
            return Refused(Miss.LIMIT)
        limit = self._post_price(post, rests, _average(hedges, wanted), costs)
        if limit is None:
            return Refused(Miss.FEES)
        can_buy, can_sell = self._room(buy, sell, rests, limit, hedges, costs)
        quantity = round_down(min(wanted, can_buy, can_sell), lot)
        result = _price(limit, post, hedges, rests, wanted, costs)
        if not quantity:
            return Refused(Miss.INVENTORY_BUY if can_buy < can_sell else Miss.INVENTORY_SELL, result.edge)
        if quantity != wanted:
            result = _price(limit, post, hedges, rests, quantity, costs)
        return self._trade(buy, sell, rests, result)

    def still_pays(self, buy: Offer, sell: Offer, rests: Side, limit: Decimal, left: Decimal, costs: Costs) -> bool:
        """Whether an order that rests at `limit` would, at current depth, be hedged without a loss.

        It was made to leave the least edge wanted; it is left standing until it would leave none.
        `left` is in base units of the Comparison.
        """
        hedge = sell if rests is Side.BUY else buy
        hedges = self._hedges(hedge, rests.opposite)
        if sum((rung.quantity for rung in hedges), ZERO) < left:
            return False
        here, there = limit * (buy if rests is Side.BUY else sell).unit.rate, _average(hedges, left)
        bought, sold = (here, there) if rests is Side.BUY else (there, here)
        return replace(costs, edge_min=ZERO).clears(bought, sold)

    def _trade(self, buy: Offer, sell: Offer, rests: Side, result: Priced) -> Trade | Refused:
        legs = [
            proposal.leg(offer.unit, self._accounts[offer.unit.instrument.venue], side, result, self._settings)
            for offer, side in ((buy, Side.BUY), (sell, Side.SELL))
        ]
        first, second = (0, 1) if rests is Side.BUY else (1, 0)
        legs[first] = replace(legs[first], time_in_force=TimeInForce.GTC, post_only=True)
        legs[second] = replace(legs[second], follows=0)
        for offer, leg in zip((buy, sell), legs, strict=True):
            if offer.unit.instrument.refusal(leg.price, leg.quantity):
                return Refused(Miss.MINIMUM, result.edge)
        return Trade(result, (legs[0], legs[1]))

    def _hedges(self, hedge: Offer, side: Side) -> list[Rung]:
        name = hedge.quote.instrument
        levels = self._books.depth(name, side, self._settings.levels_max)
        return ladder(hedge.quote, side, levels, hedge.unit, self._resting.against(name, side))

    def _post_price(self, post: Offer, rests: Side, hedged: Decimal, costs: Costs) -> Decimal | None:
        """A tick better than the best of its side, or as near to that as pays; None where that is not worth its place.

        `hedged`: value of a base unit at which the other leg trades.
        """
        instrument, quote = post.unit.instrument, post.quote
        give = self._settings.rest_bps_max / BPS
        best, other = _sides(quote, rests)
        nearest = best
        if best not in self._resting.against(instrument.instrument, rests.opposite):  # nobody overbids himself
            nearest = _improved(best, other, instrument, rests)
        if rests is Side.BUY:
            pays = hedged * (ONE - costs.sell_fee) / (ONE + costs.buy_fee + costs.wanted) / post.unit.rate
            price = instrument.round_price(min(pays, nearest), rests)
            return price if price >= best * (ONE - give) else None
        pays = hedged * (ONE + costs.buy_fee + costs.wanted) / (ONE - costs.sell_fee) / post.unit.rate
        price = instrument.round_price(max(pays, nearest), rests)
        return price if price <= best * (ONE + give) else None

    def _room(
        self, buy: Offer, sell: Offer, rests: Side, limit: Decimal, hedges: list[Rung], costs: Costs
    ) -> tuple[Decimal, Decimal]:
        worst = hedges[-1].price
        buy_price, sell_price = (limit, worst) if rests is Side.BUY else (worst, limit)
        return (
            self._inventory.room(buy.unit, Side.BUY, buy_price, costs.buy_fee),
            self._inventory.room(sell.unit, Side.SELL, sell_price, costs.sell_fee),
        )


def _sides(quote: Quote, rests: Side) -> tuple[Decimal, Decimal]:
    """The best price of the order's own side, and of the other."""
    bid, ask = from_float(quote.bid), from_float(quote.ask)
    return (bid, ask) if rests is Side.BUY else (ask, bid)


def _improved(best: Decimal, other: Decimal, instrument: Instrument, rests: Side) -> Decimal:
    """One tick nearer to the other side, where there is a price between them."""
    better = best + rests.sign * instrument.tick
    return better if (other - better) * rests.sign > 0 else best


def _average(hedges: list[Rung], quantity: Decimal) -> Decimal:
    """Value of a base unit, over the first `quantity` of them."""
    value, left = ZERO, quantity
    for rung in hedges:
        step = min(left, rung.quantity)
        value += step * rung.value
        left -= step
    return value / quantity


def _price(limit: Decimal, post: Offer, hedges: list[Rung], rests: Side, quantity: Decimal, costs: Costs) -> Priced:
    """What it brings once the resting order traded all of it."""
    rung = [Rung(limit, limit * post.unit.rate, quantity)]
    return priced(*((rung, hedges) if rests is Side.BUY else (hedges, rung)), quantity, costs)
