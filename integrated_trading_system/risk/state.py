"""All that risk knows at one moment: what the checks read and the manager writes."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.balances import Balances
from integrated_trading_system.domain.comparison import Conversion
from integrated_trading_system.domain.health import (
    BookState,
    BookStateChanged,
    FeedReliable,
    FeedUnreliable,
    TradingState,
)
from integrated_trading_system.domain.ids import AccountId, Asset, InstrumentId, PlanId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import ONE, from_float
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.risk.exposure import Exposure
from integrated_trading_system.risk.losses import Losses
from integrated_trading_system.risk.past import Past
from integrated_trading_system.risk.rates import RateLimit, Throttle
from integrated_trading_system.risk.repetition import Repetition
from integrated_trading_system.risk.round_trips import RoundTrips
from integrated_trading_system.risk.unhedged import Unhedged
from integrated_trading_system.risk.venues import Venues
from integrated_trading_system.risk.worth import Prices, Worths


class RiskState:
    """Facts as they came, and sums of them; prices are looked up when they are needed."""

    def __init__(
        self,
        settings: RiskSettings,
        prices: Prices,
        past: Past,
        fees: Mapping[AccountId, Decimal],
        conversions: Sequence[Conversion] = (),
    ) -> None:
        """Nothing held: `past` says only what waits for an operator. `conversions` are into the reporting currency."""
        self.fees = fees
        """By account: the part of what an order brings that the venue takes, at most."""
        self.now = Nanos(0)
        self.halted = past.halted
        self.reducing = past.reducing
        self.reconciled = False
        self.stopping = False
        self.instruments: dict[InstrumentId, Instrument] = {}
        self.prices = prices
        self.books: dict[InstrumentId, BookState] = {}
        self.unreliable: dict[InstrumentId, str] = {}
        """Instruments whose circuit is open, and why."""
        self.venues = Venues(settings)
        self.worths = Worths(prices, self.rate, {Asset(settings.currency), *map(Asset, settings.rates)})
        self.exposure = Exposure(self.worths)
        self.balances = Balances()
        self.losses = Losses(self.rate)
        self.unhedged = Unhedged(settings.unhedged_floor)
        self.round_trips = RoundTrips(Asset(settings.currency))
        self.repetition = Repetition(settings, past.latched)
        window = Nanos(settings.rate_window_ms * MILLISECOND)
        self.throttle = Throttle(RateLimit(settings.orders_max, window), RateLimit(settings.messages_max, window))
        self._currency = settings.currency
        self._rates = settings.rates
        self._conversions = {one.asset: one for one in conversions if one.book is not None}
        self._mids: dict[Asset, Decimal] = {}
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

    def list(self, instruments: Iterable[Instrument]) -> None:
        """A venue lists these."""
        for one in instruments:
            self.instruments[one.instrument] = one
            self.worths.list(one)

    def feed(self, message: BookStateChanged | FeedUnreliable | FeedReliable) -> None:
        """How far an instrument's data may be believed."""
        match message:
            case BookStateChanged():
                self.books[message.instrument] = message.state
            case FeedUnreliable(instrument, reason):
                self.unreliable[instrument] = reason
            case FeedReliable(instrument):
                self.unreliable.pop(instrument, None)

    def remember(self, plan_id: PlanId) -> None:
        """This plan id is used; the oldest of very many is forgotten."""
        self._seen[plan_id] = None
        if len(self._seen) > self._seen_max:
            del self._seen[next(iter(self._seen))]

    # -- questions -----------------------------------------------------------------------------

    def seen(self, plan_id: PlanId) -> bool:
        """Whether a plan with this id was approved before."""
        return plan_id in self._seen or plan_id in self.exposure.plans

    def rate(self, asset: Asset) -> Decimal | None:
        """Value of one unit in the reporting currency: stated, or the middle of its book when that was last VALID."""
        if asset == self._currency:
            return ONE
        stated = self._rates.get(asset)
        if stated is not None or asset not in self._conversions:
            return stated
        mid = self._mid(self._conversions[asset])
        if mid is not None:
            self._mids[asset] = mid
        return self._mids.get(asset)

    def guard(self, asset: Asset) -> tuple[Decimal, Decimal | None, Decimal] | None:
        """The rate that is used, what the book says now, and how many bps they may differ; None where there is no book.

        What has a book and no stated rate differs from its book as soon as that is not VALID.
        """
        conversion = self._conversions.get(asset) if self._conversions else None
        rate = None if conversion is None else self.rate(asset)
        if conversion is None or rate is None:
            return None
        return rate, self._mid(conversion), conversion.depeg_bps_max

    def mark(self, instrument: InstrumentId) -> Decimal | None:
        """The mid of the book while it is VALID; else the last one, or the price at which we traded since."""
        line = self.worths.look(instrument)
        return None if line is None else line.mark

    def worth(self, instrument: InstrumentId, quantity: Decimal, price: Decimal | None) -> Decimal | None:
        """Notional in the reporting currency; None where the instrument, its price or its rate is not known."""
        known = self.instruments.get(instrument)
        if known is None or price is None:
            return None
        rate = self.rate(known.quote)
        return None if rate is None else known.notional(price, quantity) * rate

    def _mid(self, conversion: Conversion) -> Decimal | None:
        """Value of one unit by the conversion's book, whichever way round it is; None unless it is VALID."""
        assert conversion.book is not None, "only those with a book are kept"
        known, quote = self.instruments.get(conversion.book), self.prices.top(conversion.book)
        if known is None or quote is None:
            return None
        mid = (from_float(quote.bid) + from_float(quote.ask)) / 2
        if (known.base, known.quote) == (conversion.asset, self._currency):
            return mid
        return ONE / mid if (known.base, known.quote) == (self._currency, conversion.asset) else None
