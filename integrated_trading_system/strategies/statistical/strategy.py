"""The strategy `pairs`: two instruments that move together; when they are apart, sell the dear one, buy the cheap one.

The first member is explained by the second, in logarithms of mid prices, at even intervals: their ratio says how
much of the second hedges one unit of worth of the first. What is left over is the spread. The position is carried
across plans and found again in the holdings after a restart; how long it may last is counted from its first fill.
"""

from decimal import Decimal
from enum import StrEnum
from math import inf, log
from typing import ClassVar

from msgspec import Struct
from pydantic import BaseModel

from integrated_trading_system.config.pairs import HedgeModel, PairsSettings
from integrated_trading_system.domain.cointegration import CointegrationTold
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.health import BookState, TradingState
from integrated_trading_system.domain.ids import InstrumentId, PlanId, venue_of
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import BPS, ONE, ZERO, from_float
from integrated_trading_system.domain.opportunity import Opportunity
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import Leg, Plan, PlanDenied, PlanFinished
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.strategies.arbitrage.missed import MissedCount
from integrated_trading_system.strategies.proposal import leg_of, plan_of
from integrated_trading_system.strategies.statistical.cointegration import CointegrationTest
from integrated_trading_system.strategies.statistical.regression import Estimate, HedgeRatio, KalmanRatio, RollingOls
from integrated_trading_system.strategies.statistical.spread import Reading, RollingSpread
from integrated_trading_system.strategies.strategy import Strategy, StrategySetup


class Why(StrEnum):
    """Why a pair that is apart is not entered. The first that applies."""

    TRADING = "trading"
    """The trading state is not ACTIVE."""
    UNRELIABLE = "unreliable"
    """The circuit of one of the instruments is open."""
    IN_FLIGHT = "in-flight"
    """A plan is under way."""
    COOL_DOWN = "cool-down"
    """A plan ended a moment ago."""
    BOOK = "book"
    """A book is not VALID."""
    CURRENCY = "currency"
    """A member is quoted in another currency than the Comparison's, or is an inverse contract."""
    LATCHED = "stopped"
    """It was stopped out, and has not been back since."""
    RATIO = "hedge-ratio"
    """The hedge ratio is not positive: the two do not move together."""
    UNTESTED = "untested"
    """Whether they are cointegrated is not known, or not any more."""
    NOT_COINTEGRATED = "not-cointegrated"
    """Series that do not move together look like these too often."""
    HALF_LIFE = "half-life"
    """It comes back too slowly, if at all."""
    BEYOND = "beyond-stop"
    """It is already as far away as it would be stopped at."""
    FEES = "fees"
    """The way back to the mean does not pay the fees."""
    MINIMUM = "minimum"
    """One of the venues would refuse so small an order."""


class PairsView(Struct, frozen=True, kw_only=True):
    """Where the pair stands, and what was done since the start of this incarnation."""

    samples: int
    ratio: float | None
    z: float | None
    half_life: float | None
    """In samples."""
    cointegration: CointegrationTold | None
    """The newest answer to whether they are cointegrated, where that is asked."""
    held: tuple[Decimal, Decimal]
    detected: int
    expected_edge: Decimal
    exits: dict[str, int]
    missed: dict[str, MissedCount]
    in_flight: tuple[PlanId, ...]


class PairsStrategy(Strategy):
    """Trades the spread of two instruments."""

    settings_model: ClassVar[type[BaseModel] | None] = PairsSettings

    def __init__(self, setup: StrategySetup) -> None:
        """`setup.settings` is a PairsSettings. Raises ConfigurationError unless the Comparison has two members."""
        super().__init__(setup)
        settings = self._settings = PairsSettings() if setup.settings is None else setup.settings
        assert isinstance(settings, PairsSettings), "validated by settings_model"
        names = setup.comparison.instruments
        if len(names) != 2:
            raise ConfigurationError(f"strategy {setup.name}: pairs needs exactly two members, the first explained")
        missing = [venue for venue in map(venue_of, names) if venue not in setup.fees or venue not in setup.accounts]
        if missing:
            raise ConfigurationError(f"strategy {setup.name}: no fees or no account are known for {missing[0]}")
        self._y, self._x = names
        self._model: HedgeRatio = (
            RollingOls(settings.window)
            if settings.model is HedgeModel.OLS
            else KalmanRatio(settings.drift, settings.noise)
        )
        self._spread = RollingSpread(settings.window)
        self._test = CointegrationTest(settings)
        self._sampled_at: Nanos | None = None
        self._samples = 0
        self._estimate: Estimate | None = None
        self._reading: Reading | None = None
        self._latched = False
        self._lasts = inf
        """Samples that the position may last."""
        self._plan: PlanId | None = None
        self._cool_until = Nanos(0)
        self._detected = 0
        self._expected_edge = ZERO
        self._exits: dict[str, int] = {}
        self._why: Why | None = None
        self._missed: dict[Why, list[int]] = {}

    # -- estimating ----------------------------------------------------------------------------

    def on_snapshot(self, snapshot: SynchronizedSnapshot) -> None:
        """A sample now and then; a decision with each."""
        quotes = {quote.instrument: quote for quote in snapshot.quotes}
        settings = self._settings
        if len(quotes) != 2 or snapshot.bound > settings.bound_ms_max * MILLISECOND or len(self.instruments) < 2:
            return
        due = self._sampled_at is None or snapshot.at - self._sampled_at >= settings.sample_ms * MILLISECOND
        if not due:
            return
        self._sampled_at = snapshot.at
        y, x = quotes[self._y], quotes[self._x]
        self._samples += 1
        log_y, log_x = _log_mid(y), _log_mid(x)
        asked = self._test.sample(log_y, log_x, self.context)
        if asked is not None:
            self.context.emit(asked)
        self._estimate = self._model.sample(log_x, log_y)
        if self._estimate is None:
            return
        self._reading = self._spread.sample(self._estimate.error)
        if self._reading is not None:
            self._decide(y, x, self._estimate, self._reading, snapshot)

    # -- deciding ------------------------------------------------------------------------------

    def _decide(self, y: Quote, x: Quote, estimate: Estimate, reading: Reading, snapshot: SynchronizedSnapshot) -> None:
        if abs(reading.z) <= self._settings.exit_z:
            self._latched = False
        if self.held(self._y) or self.held(self._x):
            self._count(None)
            if self._not_now(snapshot.at) is None:
                self._hold(y, x, reading, snapshot.at)
            return
        if abs(reading.z) < self._settings.entry_z:
            self._count(None)
            return
        why = self._not_now(snapshot.at) or self._unwise(estimate, reading, snapshot.at)
        if why is None:
            why = self._enter(y, x, estimate, reading, snapshot)
        self._count(why)

    def _not_now(self, now: Nanos) -> Why | None:
        names = (self._y, self._x)
        if self.trading is not TradingState.ACTIVE:
            return Why.TRADING
        if any(name in self.unreliable for name in names):
            return Why.UNRELIABLE
        if self._plan is not None:
            return Why.IN_FLIGHT
        if now < self._cool_until:
            return Why.COOL_DOWN
        return Why.BOOK if any(self.setup.books.state(name) is not BookState.VALID for name in names) else None

    def _unwise(self, estimate: Estimate, reading: Reading, now: Nanos) -> Why | None:
        settings = self._settings
        known = [self.instruments[name] for name in (self._y, self._x)]
        if any(one.kind is Kind.INVERSE or one.quote != self.setup.comparison.currency for one in known):
            return Why.CURRENCY
        if self._latched:
            return Why.LATCHED
        if estimate.ratio <= 0.0:
            return Why.RATIO
        if settings.cointegration_p_max is not None:
            p = self._test.p(now)
            if p is None or p > settings.cointegration_p_max:
                return Why.UNTESTED if p is None else Why.NOT_COINTEGRATED
        if reading.half_life > settings.half_life_samples_max:
            return Why.HALF_LIFE
        if abs(reading.z) >= settings.stop_z:
            return Why.BEYOND
        return None if self._edge(estimate, reading) >= settings.edge_bps_min / 1e4 else Why.FEES

    def _edge(self, estimate: Estimate, reading: Reading) -> float:
        """The way back to where it is closed, less the fees of both legs and both ways, as a part of the first leg."""
        back = (abs(reading.z) - self._settings.exit_z) * reading.deviation
        return back - 2.0 * float(self._fee(self._y) + self._fee(self._x) * from_float(estimate.ratio))

    def _enter(
        self, y: Quote, x: Quote, estimate: Estimate, reading: Reading, snapshot: SynchronizedSnapshot
    ) -> Why | None:
        dear = reading.z > 0.0
        worth = self._settings.notional_max
        legs = (
            self._leg(y, Side.SELL if dear else Side.BUY, worth),
            self._leg(x, Side.BUY if dear else Side.SELL, worth * from_float(estimate.ratio)),
        )
        if any(self.instruments[leg.instrument].refusal(leg.price, leg.quantity) for leg in legs):
            return Why.MINIMUM
        back = from_float(abs(reading.z) - self._settings.exit_z) * from_float(reading.deviation)
        gross = (worth * back).quantize(Decimal("1e-12"))
        fees = 2 * worth * (self._fee(self._y) + self._fee(self._x) * from_float(estimate.ratio))
        fees = fees.quantize(Decimal("1e-12"))
        plan = self._plan_of(legs, snapshot.at, gross - fees)
        buy, sell = (legs[1], legs[0]) if dear else (legs[0], legs[1])
        self._detected += 1
        self._expected_edge += gross - fees
        self._lasts = self._settings.holding_half_lives_max * reading.half_life
        self.context.publish(
            Opportunity(
                plan_id=plan.plan_id,
                strategy=self.name,
                comparison=self.setup.comparison.name,
                buy=buy.instrument,
                sell=sell.instrument,
                quantity=legs[0].quantity,
                buy_price=buy.price,
                sell_price=sell.price,
                gross_edge=gross,
                fees=fees,
                slippage=ZERO,
                edge=gross - fees,
                edge_bps=float((gross - fees) / worth * BPS),
                bound=snapshot.bound,
                at=snapshot.at,
            )
        )
        self._plan = self.propose(plan)
        return None

    def _hold(self, y: Quote, x: Quote, reading: Reading, now: Nanos) -> None:
        """Close it when it is back, when it went on, or when it lasted too long."""
        settings = self._settings
        held_y, held_x = self.held(self._y), self.held(self._x)
        if self._lasts == inf:  # after a restart, as it is now
            self._lasts = settings.holding_half_lives_max * reading.half_life
        away = reading.z if held_y < 0 else -reading.z
        since = self.setup.holdings.of(self.name, self._y).since or now
        reason = ""
        if not held_y or not held_x:
            reason = "half"  # the other leg did not trade, and was not traded back
        elif away <= settings.exit_z:
            reason = "back"
        elif away >= settings.stop_z:
            reason = "stop"
        elif (now - since) / (settings.sample_ms * MILLISECOND) > self._lasts:
            reason = "time"
        if not reason:
            return
        legs = tuple(
            leg
            for quote, held in ((y, held_y), (x, held_x))
            if held
            for leg in (self._closing(quote, held),)
            if not self.instruments[leg.instrument].refusal(leg.price, leg.quantity)
        )
        if not legs:
            return
        self._latched = self._latched or reason in ("stop", "time")
        self._exits[reason] = self._exits.get(reason, 0) + 1
        self._plan = self.propose(self._plan_of(legs, now, ZERO))

    # -- orders --------------------------------------------------------------------------------

    def _leg(self, quote: Quote, side: Side, worth: Decimal) -> Leg:
        instrument = self.instruments[quote.instrument]
        return self._order_leg(quote, side, worth / instrument.notional(self._limit(quote, side), ONE))

    def _closing(self, quote: Quote, held: Decimal) -> Leg:
        return self._order_leg(quote, Side.SELL if held > 0 else Side.BUY, abs(held))

    def _order_leg(self, quote: Quote, side: Side, quantity: Decimal) -> Leg:
        account = self.setup.accounts[venue_of(quote.instrument)]
        limit = self._limit(quote, side)
        return leg_of(self.instruments[quote.instrument], account, side, quantity, limit, self._settings)

    def _limit(self, quote: Quote, side: Side) -> Decimal:
        """As far as slippage may go."""
        best = from_float(quote.ask if side is Side.BUY else quote.bid)
        return best * (ONE + side.sign * from_float(self._settings.slippage_bps_max) / BPS)

    def _plan_of(self, legs: tuple[Leg, ...], now: Nanos, edge: Decimal) -> Plan:
        return plan_of(self.setup.plan_ids.next(self.name), self.name, legs, self._settings, now, edge=edge)

    def _fee(self, name: InstrumentId) -> Decimal:
        return self.setup.fees[venue_of(name)].taker_bps / BPS

    # -- everything else it hears --------------------------------------------------------------

    def on_cointegration(self, told: CointegrationTold) -> None:
        """Believed for a while, if it is the answer to the newest question."""
        self._test.told(told)

    def on_plan_denied(self, denied: PlanDenied) -> None:
        """Rest, and look again."""
        self._over(denied.plan_id)

    def on_plan_finished(self, finished: PlanFinished) -> None:
        """What it came to stands in the holdings."""
        self._over(finished.plan_id)

    def _over(self, plan_id: PlanId) -> None:
        if plan_id == self._plan:
            self._plan = None
            self._cool_until = Nanos(self.context.now + int(self._settings.cool_down_ms * MILLISECOND))

    def _count(self, why: Why | None) -> None:
        """Consecutive samples with one reason are one episode."""
        if why is not None:
            counts = self._missed.setdefault(why, [0, 0])
            counts[0] += why is not self._why
            counts[1] += 1
        self._why = why

    def view(self) -> PairsView:
        """As of now."""
        return PairsView(
            samples=self._samples,
            ratio=None if self._estimate is None else self._estimate.ratio,
            z=None if self._reading is None else self._reading.z,
            half_life=None if self._reading is None else self._reading.half_life,
            cointegration=self._test.newest,
            held=(self.held(self._y), self.held(self._x)),
            detected=self._detected,
            expected_edge=self._expected_edge,
            exits=dict(self._exits),
            missed={why.value: MissedCount(*counts) for why, counts in self._missed.items()},
            in_flight=() if self._plan is None else (self._plan,),
        )


def _log_mid(quote: Quote) -> float:
    return log((quote.bid + quote.ask) / 2.0)
