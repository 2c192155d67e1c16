"""All that risk knows at one moment: what the checks read and the manager writes."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.balances import Balances
from integrated_trading_system.domain.book import QuoteReader
from integrated_trading_system.domain.health import Alarm, AlarmKind, BookState, LinkChanged, LinkState, TradingState
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    InstrumentId,
    LinkId,
    PlanId,
    StrategyId,
    VenueId,
    venue_of,
)
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import ONE, ZERO, from_float
from integrated_trading_system.domain.plan import Leg, Plan
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.risk.exposure import Exposure, Holding
from integrated_trading_system.risk.losses import Losses
from integrated_trading_system.risk.rates import RateLimit, Throttle


class Totals(Struct, frozen=True):
    """Worst-case notional, in the reporting currency, long and short both counted."""

    instruments: dict[InstrumentId, Decimal]
    venues: dict[VenueId, Decimal]
    strategies: dict[StrategyId, Decimal]
    total: Decimal
    unvalued: tuple[InstrumentId, ...]
    """Held, but without a price or a rate: they are not in the sums."""


class RiskState:
    """Facts as they came. Only the sums below are worked out; quotes are looked up when they are needed."""

    def __init__(self, settings: RiskSettings, quotes: QuoteReader, halted: str | None) -> None:
        """`halted`: the reason of a halt that still holds."""
        self.now = Nanos(0)
        self.halted = halted
        self.reducing: str | None = None
        self.reconciled = False
        self.stopping = False
        self.instruments: dict[InstrumentId, Instrument] = {}
        self.quotes = quotes
        self.books: dict[InstrumentId, BookState] = {}
        self.unreliable: dict[InstrumentId, str] = {}
        """Instruments whose circuit is open, and why."""
        self.skewed: dict[VenueId, str] = {}
        """Venues whose clock is too far from ours, and how far it is."""
        self.exposure = Exposure()
        self.balances = Balances()
        self.losses = Losses(self.rate)
        window = Nanos(settings.rate_window_ms * MILLISECOND)
        self.throttle = Throttle(RateLimit(settings.orders_max, window), RateLimit(settings.messages_max, window))
        self._currency = settings.currency
        self._rates = settings.rates
        self._links: dict[VenueId, dict[LinkId, LinkState]] = {}
        self._prices: dict[InstrumentId, Decimal] = {}
        self._seen: dict[PlanId, None] = {}
        self._seen_max = settings.plan_ids_kept_max

    @property
    def trading(self) -> TradingState:
        """What may be sent: a function of four facts and nothing else."""
        if self.halted is not None:
            return TradingState.HALTED
        if not self.reconciled:
            return TradingState.STARTING
        return TradingState.ACTIVE if self.reducing is None else TradingState.REDUCING

    # -- facts ---------------------------------------------------------------------------------

    def link(self, message: LinkChanged) -> None:
        """A link of a venue went from one state to another."""
        links = self._links.setdefault(message.venue, {})
        links[message.link] = message.state
        if message.state is LinkState.DOWN:
            del links[message.link]

    def alarm(self, message: Alarm) -> None:
        """Of clocks alone: latency is the business of quote ages."""
        if message.kind is AlarmKind.CLOCK_OFFSET and message.raised:
            self.skewed[message.venue] = f"{message.venue}: {message.figure:.0f} ms, at most {message.limit:.0f}"
        elif message.kind is AlarmKind.CLOCK_OFFSET:
            self.skewed.pop(message.venue, None)

    def price(self, instrument: InstrumentId, price: Decimal) -> None:
        """The price of our last fill, or of what was approved since: better than none where there is no quote."""
        self._prices[instrument] = price

    def remember(self, plan_id: PlanId) -> None:
        """This plan id is used; the oldest of very many is forgotten."""
        self._seen[plan_id] = None
        if len(self._seen) > self._seen_max:
            del self._seen[next(iter(self._seen))]

    # -- questions -----------------------------------------------------------------------------

    def seen(self, plan_id: PlanId) -> bool:
        """Whether a plan with this id was approved before."""
        return plan_id in self._seen or plan_id in self.exposure.plans

    def venue_down(self, venue: VenueId) -> bool:
        """True where links were reported and none of them is live."""
        links = self._links.get(venue)
        return links is not None and LinkState.LIVE not in links.values()

    def rate(self, asset: Asset) -> Decimal | None:
        """Value of one unit in the reporting currency, None where none is stated."""
        return ONE if asset == self._currency else self._rates.get(asset)

    def mark(self, instrument: InstrumentId) -> Decimal | None:
        """The mid of the book while it is VALID, else the price at which we last traded or meant to."""
        quote = self.quotes.top(instrument)
        if quote is None:
            return self._prices.get(instrument)
        return (from_float(quote.bid) + from_float(quote.ask)) / 2

    def worth(self, instrument: InstrumentId, quantity: Decimal, price: Decimal | None) -> Decimal | None:
        """Notional in the reporting currency; None where the instrument, its price or its rate is not known."""
        known = self.instruments.get(instrument)
        if known is None or price is None:
            return None
        rate = self.rate(known.quote)
        return None if rate is None else known.notional(price, quantity) * rate

    def totals(self, plan: Plan | None = None) -> Totals:
        """Worst-case notionals now, or as they would be with this plan in flight."""
        legs = {} if plan is None else {(leg.instrument, leg.account): leg for leg in plan.legs}
        instruments: dict[InstrumentId, Decimal] = {}
        venues: dict[VenueId, Decimal] = {}
        strategies: dict[StrategyId, Decimal] = {}
        total = ZERO
        unvalued: dict[InstrumentId, None] = {}
        for (instrument, _), size in _sizes(self.exposure.holdings, legs):
            worth = self.worth(instrument, size, self.mark(instrument)) if size else ZERO
            if worth is None:
                unvalued[instrument] = None
                continue
            venue = venue_of(instrument)
            instruments[instrument] = instruments.get(instrument, ZERO) + worth
            venues[venue] = venues.get(venue, ZERO) + worth
            total += worth
        for strategy, holdings in self._by_strategy(plan).items():
            own = legs if plan is not None and strategy == plan.strategy else {}
            strategies[strategy] = sum(
                (self.worth(key[0], size, self.mark(key[0])) or ZERO for key, size in _sizes(holdings, own)), ZERO
            )
        return Totals(instruments, venues, strategies, total, tuple(unvalued))

    def _by_strategy(self, plan: Plan | None) -> dict[StrategyId, dict[tuple[InstrumentId, AccountId], Holding]]:
        """Each strategy's part of the holdings; with a plan, only its own strategy's."""
        found: dict[StrategyId, dict[tuple[InstrumentId, AccountId], Holding]] = {}
        if plan is not None:
            found[plan.strategy] = {}
        for (strategy, instrument, account), holding in self.exposure.by_strategy.items():
            if plan is None or strategy == plan.strategy:
                found.setdefault(strategy, {})[instrument, account] = holding
        return found


def _sizes(
    holdings: dict[tuple[InstrumentId, AccountId], Holding], legs: dict[tuple[InstrumentId, AccountId], Leg]
) -> Iterator[tuple[tuple[InstrumentId, AccountId], Decimal]]:
    """The worst size of every holding, with the legs added to those that they touch."""
    for key, holding in holdings.items():
        leg = legs.get(key)
        yield key, holding.worst if leg is None else holding.worst_with(leg.side, leg.quantity)
    for key, leg in legs.items():
        if key not in holdings:
            yield key, leg.quantity
