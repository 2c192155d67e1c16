"""The exact half of the detector: whether a difference is believable, how much of it pays, whether we can take it.

Everything here is in Decimal and asked in one order; the first "no" is the reason.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from integrated_trading_system.config.strategies import ArbitrageSettings
from integrated_trading_system.domain.book import BookReader
from integrated_trading_system.domain.health import BookState
from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import ZERO, from_float, round_down
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import Leg
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import MILLISECOND
from integrated_trading_system.strategies.arbitrage import proposal
from integrated_trading_system.strategies.arbitrage.charges import Charges
from integrated_trading_system.strategies.arbitrage.conversion import Rates, Unit
from integrated_trading_system.strategies.arbitrage.inventory import Inventory
from integrated_trading_system.strategies.arbitrage.missed import Miss
from integrated_trading_system.strategies.arbitrage.sizing import (
    Costs,
    Priced,
    Rung,
    common_lot,
    ladder,
    matched,
    priced,
)
from integrated_trading_system.strategies.resting import Resting


class Offer(Struct, frozen=True):
    """One side of a possible trade: the instrument and its newest quote."""

    unit: Unit
    quote: Quote


class Trade(Struct, frozen=True):
    """Worth doing, and possible."""

    priced: Priced
    legs: tuple[Leg, Leg]
    """Buy, sell. Where one follows the other, it says so by the place of its leader in the plan: 0."""


class Refused(Struct, frozen=True):
    """Why not, and what it would have brought where that was worked out."""

    reason: Miss
    edge: Decimal = ZERO


class Decision:
    """Answers for one detector."""

    def __init__(
        self,
        settings: ArbitrageSettings,
        accounts: Mapping[VenueId, AccountId],
        charges: Charges,
        books: BookReader,
        rates: Rates,
        inventory: Inventory,
        resting: Resting,
    ) -> None:
        """Asks all of them, and changes none."""
        self._settings = settings
        self._accounts = accounts
        self._charges = charges
        self._books = books
        self._rates = rates
        self._inventory = inventory
        self._resting = resting

    def decide(self, buy: Offer, sell: Offer, ratio: float, snapshot: SynchronizedSnapshot) -> Trade | Refused:
        """`ratio`: selling price over buying price at the best prices, converted."""
        reason = self.unbelievable(buy, sell, ratio, snapshot)
        if reason is not None:
            return Refused(reason)
        return self._trade(buy, sell, snapshot)

    def unbelievable(self, buy: Offer, sell: Offer, ratio: float, snapshot: SynchronizedSnapshot) -> Miss | None:
        """What is wrong whatever the size, or None."""
        settings = self._settings
        for offer in (buy, sell):
            instrument = offer.unit.instrument
            if instrument.venue not in self._accounts:
                return Miss.NO_ACCOUNT
            if not instrument.tradable:
                return Miss.NOT_TRADABLE
            if instrument.kind is Kind.INVERSE:
                return Miss.INVERSE
        if (ratio - 1.0) * 1e4 > settings.edge_bps_max:
            return Miss.TOO_GOOD
        for offer in (buy, sell):
            if reason := self._rates.refusal(offer.unit.instrument.quote, snapshot.at):
                return reason
        if snapshot.bound > settings.bound_ms_max * MILLISECOND:
            return Miss.BOUND
        age_max = settings.quote_age_ms_max * MILLISECOND
        if any(snapshot.at - offer.quote.received_at > age_max for offer in (buy, sell)):
            return Miss.AGE
        if any(self._books.state(offer.quote.instrument) is not BookState.VALID for offer in (buy, sell)):
            return Miss.BOOK
        return None

    def _trade(self, buy: Offer, sell: Offer, snapshot: SynchronizedSnapshot) -> Trade | Refused:
        """Size it: what pays, then what is allowed, then what we have, then what the venues take."""
        costs = self._charges.costs(buy.unit.instrument, sell.unit.instrument, snapshot.bound, snapshot.at)
        if costs is None:
            return Refused(Miss.FUNDING)
        buys, sells = self._ladder(buy, Side.BUY), self._ladder(sell, Side.SELL)
        if not buys or not sells or not costs.clears(buys[0].value, sells[0].value):
            return Refused(self._too_little(buy, sell, costs))
        lot = common_lot(buy.unit, sell.unit)
        depth = round_down(matched(buys, sells, costs), lot)
        if not depth:
            return Refused(Miss.DEPTH)
        worst = priced(buys, sells, depth, costs).buy_limit * buy.unit.rate
        wanted = round_down(min(depth, *self.limits(buy.unit, sell.unit, worst)), lot)
        if not wanted:
            return Refused(Miss.LIMIT)
        best = priced(buys, sells, wanted, costs)
        can_buy = self._inventory.room(buy.unit, Side.BUY, best.buy_limit, costs.buy_fee)
        can_sell = self._inventory.room(sell.unit, Side.SELL, best.sell_limit, costs.sell_fee)
        quantity = round_down(min(wanted, can_buy, can_sell), lot)
        if not quantity:
            return Refused(Miss.INVENTORY_BUY if can_buy < can_sell else Miss.INVENTORY_SELL, best.edge)
        result = best if quantity == wanted else priced(buys, sells, quantity, costs)
        legs = (self._leg(buy, Side.BUY, result), self._leg(sell, Side.SELL, result))
        if any(
            offer.unit.instrument.refusal(leg.price, leg.quantity) for offer, leg in zip((buy, sell), legs, strict=True)
        ):
            return Refused(Miss.MINIMUM, result.edge)
        return Trade(result, legs)

    def _too_little(self, buy: Offer, sell: Offer, costs: Costs) -> Miss:
        """Which of the costs that the fast check does not know took too much."""
        bought = from_float(buy.quote.ask) * buy.unit.rate
        sold = from_float(sell.quote.bid) * sell.unit.rate
        if costs.clears(bought, sold):
            return Miss.OWN
        lowest = replace(
            costs,
            buy_fee=self._charges.lowest(buy.quote.instrument),
            sell_fee=self._charges.lowest(sell.quote.instrument),
        )
        return Miss.FEE_ASSET if lowest != costs and lowest.clears(bought, sold) else Miss.DECAY

    def limits(self, buy: Unit, sell: Unit, worst: Decimal) -> list[Decimal]:
        """The largest quantities that settings and venues allow, in base units of the Comparison."""
        limits = [self._settings.notional_max / worst]
        if self._settings.quantity_max is not None:
            limits.append(self._settings.quantity_max)
        limits += [unit.instrument.quantity_max * unit.base for unit in (buy, sell) if unit.instrument.quantity_max]
        return limits

    def _leg(self, offer: Offer, side: Side, result: Priced) -> Leg:
        return proposal.leg(offer.unit, self._accounts[offer.unit.instrument.venue], side, result, self._settings)

    def _ladder(self, offer: Offer, side: Side) -> list[Rung]:
        """What an order of this side would hit, without what is ours."""
        name = offer.quote.instrument
        levels = self._books.depth(name, side, self._settings.levels_max)
        return ladder(offer.quote, side, levels, offer.unit, self._resting.against(name, side))
