"""The exact half of the detector: whether a difference is believable, how much of it pays, whether we can take it.

Everything here is in Decimal and asked in one order; the first "no" is the reason.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.config.strategies import ArbitrageSettings
from integrated_trading_system.domain.book import BookReader
from integrated_trading_system.domain.health import BookState
from integrated_trading_system.domain.ids import AccountId, InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.market import Level, Quote
from integrated_trading_system.domain.money import BPS, ZERO, round_down
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import Leg
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import MILLISECOND
from integrated_trading_system.strategies.arbitrage import proposal
from integrated_trading_system.strategies.arbitrage.conversion import Rates, Unit
from integrated_trading_system.strategies.arbitrage.inventory import Inventory
from integrated_trading_system.strategies.arbitrage.missed import Miss
from integrated_trading_system.strategies.arbitrage.sizing import Costs, Priced, common_lot, ladder, matched, priced


class Offer(Struct, frozen=True):
    """One side of a possible trade: the instrument and its newest quote."""

    unit: Unit
    quote: Quote


class Trade(Struct, frozen=True):
    """Worth doing, and possible."""

    priced: Priced
    legs: tuple[Leg, Leg]
    """Buy, sell."""


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
        taker_fees: Mapping[InstrumentId, Decimal],
        books: BookReader,
        rates: Rates,
        inventory: Inventory,
    ) -> None:
        """`taker_fees` are fractions of the notional."""
        self._settings = settings
        self._accounts = accounts
        self._taker_fees = taker_fees
        self._books = books
        self._rates = rates
        self._inventory = inventory

    def decide(self, buy: Offer, sell: Offer, ratio: float, snapshot: SynchronizedSnapshot) -> Trade | Refused:
        """`ratio`: selling price over buying price at the best prices, converted."""
        reason = self._unbelievable(buy, sell, ratio, snapshot)
        if reason is not None:
            return Refused(reason)
        return self._trade(buy, sell, snapshot)

    def _unbelievable(self, buy: Offer, sell: Offer, ratio: float, snapshot: SynchronizedSnapshot) -> Miss | None:
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
        settings = self._settings
        buy_fee = self._taker_fees[buy.quote.instrument]
        sell_fee = self._taker_fees[sell.quote.instrument]
        costs = Costs(
            buy_fee=buy_fee,
            sell_fee=sell_fee,
            decay=Decimal(snapshot.bound) / MILLISECOND * settings.decay_bps_per_ms / BPS,
            edge_min=settings.edge_bps_min / BPS,
        )
        buys = ladder(buy.quote, Side.BUY, self._depth(buy, Side.BUY), buy.unit)
        sells = ladder(sell.quote, Side.SELL, self._depth(sell, Side.SELL), sell.unit)
        if not costs.clears(buys[0].value, sells[0].value):
            return Refused(Miss.DECAY)
        lot = common_lot(buy.unit, sell.unit)
        depth = round_down(matched(buys, sells, costs), lot)
        if not depth:
            return Refused(Miss.DEPTH)
        worst = priced(buys, sells, depth, costs).buy_limit * buy.unit.rate
        wanted = round_down(min(depth, *self._limits(buy.unit, sell.unit, worst)), lot)
        if not wanted:
            return Refused(Miss.LIMIT)
        best = priced(buys, sells, wanted, costs)
        can_buy = self._inventory.room(buy.unit, Side.BUY, best.buy_limit, buy_fee)
        can_sell = self._inventory.room(sell.unit, Side.SELL, best.sell_limit, sell_fee)
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

    def _limits(self, buy: Unit, sell: Unit, worst: Decimal) -> list[Decimal]:
        """The largest quantities that settings and venues allow, in base units of the Comparison."""
        limits = [self._settings.notional_max / worst]
        if self._settings.quantity_max is not None:
            limits.append(self._settings.quantity_max)
        limits += [unit.instrument.quantity_max * unit.base for unit in (buy, sell) if unit.instrument.quantity_max]
        return limits

    def _leg(self, offer: Offer, side: Side, result: Priced) -> Leg:
        return proposal.leg(offer.unit, self._accounts[offer.unit.instrument.venue], side, result, self._settings)

    def _depth(self, offer: Offer, side: Side) -> tuple[Level, ...]:
        return self._books.depth(offer.quote.instrument, side, self._settings.levels_max)
