"""The strategy `basis`: buys spot and sells its perpetual while that pays, and closes both when it is over.

The position is carried across plans: what it is stands in the holdings, which a restart finds again from the
journal. Only the long side of spot is taken: what could be sold short has to be borrowed, and nobody here lends.
"""

from decimal import Decimal
from typing import ClassVar

from msgspec import Struct
from pydantic import BaseModel

from integrated_trading_system.config.basis import BasisSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.health import BookState, TradingState
from integrated_trading_system.domain.ids import InstrumentId, PlanId, venue_of
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import FundingRate, Quote
from integrated_trading_system.domain.money import BPS, ONE, ZERO, from_float, round_down
from integrated_trading_system.domain.opportunity import Opportunity, OpportunityMissed
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import Leg, PlanDenied, PlanFinished
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import HOUR, MILLISECOND, Nanos
from integrated_trading_system.strategies.arbitrage.conversion import Unit
from integrated_trading_system.strategies.arbitrage.missed import Direction, Miss, Missed, MissedCount, Pair
from integrated_trading_system.strategies.arbitrage.sizing import (
    Costs,
    Priced,
    Rung,
    common_lot,
    ladder,
    matched,
    priced,
)
from integrated_trading_system.strategies.basis.carry import Exit, depth, entry, over, refused, spread, unit_of, wanted
from integrated_trading_system.strategies.funding import FundingRates
from integrated_trading_system.strategies.proposal import leg_of, plan_of
from integrated_trading_system.strategies.strategy import Strategy, StrategySetup

MISSED_INTERVAL = Nanos(1_000 * MILLISECOND)
"""Between two publications of the same reason."""


class BasisView(Struct, frozen=True, kw_only=True):
    """Where it stands, and what it did since the start of this incarnation."""

    spot: Decimal
    """Held, in the instrument's units; `perpetual` likewise, and negative."""
    perpetual: Decimal
    since: Nanos | None
    annual_pct: float | None
    """Of an entry now; None before both quotes are known."""
    detected: int
    expected_edge: Decimal
    exits: dict[str, int]
    missed: dict[str, MissedCount]
    in_flight: tuple[PlanId, ...]
    blocked: str
    """What keeps it from ever trading; empty where nothing does."""


class BasisStrategy(Strategy):
    """Cash and carry."""

    subscriptions: ClassVar[tuple[type, ...]] = (SynchronizedSnapshot, FundingRate)
    settings_model: ClassVar[type[BaseModel] | None] = BasisSettings

    def __init__(self, setup: StrategySetup) -> None:
        """`setup.settings` is a BasisSettings. Raises ConfigurationError unless the Comparison has two members."""
        super().__init__(setup)
        settings = self._settings = BasisSettings() if setup.settings is None else setup.settings
        assert isinstance(settings, BasisSettings), "validated by settings_model"
        if len(setup.comparison.members) != 2:
            raise ConfigurationError(f"strategy {setup.name}: basis needs one spot instrument and one perpetual")
        missing = [venue for venue in map(venue_of, setup.comparison.instruments) if venue not in setup.fees]
        if missing:
            raise ConfigurationError(f"strategy {setup.name}: no fees are known for {missing[0]}")
        self._funding = FundingRates()
        self._missed = Missed(MISSED_INTERVAL)
        self._pair = Pair()
        self._legs: tuple[Unit, Unit] | None = None
        """Spot, perpetual."""
        self._direction = Direction(*setup.comparison.instruments)
        self._blocked = "not listed yet"
        self._plan: PlanId | None = None
        self._annual_pct: float | None = None
        self._detected = 0
        self._expected_edge = ZERO
        self._exits: dict[Exit, int] = {}

    # -- deciding ------------------------------------------------------------------------------

    def on_snapshot(self, snapshot: SynchronizedSnapshot) -> None:
        """Close what is over; otherwise see whether more may be put in."""
        quotes = {quote.instrument: quote for quote in snapshot.quotes}
        if self._legs is None or len(quotes) != 2:
            return
        units = self._legs
        spot, perpetual = (quotes[unit.instrument.instrument] for unit in units)
        if self._not_now(snapshot) is None and self._close(units, spot, perpetual, snapshot.at):
            return
        until = Nanos(snapshot.at + int(self._settings.holding_hours * HOUR))
        funding = self._funding.expected(perpetual.instrument, snapshot.at, until)
        carry = entry(spot, perpetual, funding or ZERO, self._fee(spot) + self._fee(perpetual))
        self._annual_pct = carry.annual_pct(self._settings.holding_hours)
        if carry.net <= 0:
            self._missed.end(self._pair)
            return
        found: Priced | Miss = Miss.FUNDING
        if funding is not None:
            found = Miss.FEES if carry.net < wanted(self._settings) else self._size(units, quotes, funding, snapshot)
        if isinstance(found, Miss):
            self._miss(found, float(carry.net) * 1e4, snapshot.at)
        else:
            self._missed.end(self._pair)
            self._enter(units, found, snapshot)

    def _not_now(self, snapshot: SynchronizedSnapshot) -> Miss | None:
        names = self.setup.comparison.instruments
        if self.trading is not TradingState.ACTIVE:
            return Miss.TRADING
        if any(name in self.unreliable for name in names):
            return Miss.UNRELIABLE
        if self._plan is not None:
            return Miss.IN_FLIGHT
        if snapshot.at < self._pair.cool_until:
            return Miss.COOL_DOWN
        if any(venue_of(name) not in self.setup.accounts for name in names):
            return Miss.NO_ACCOUNT
        if not all(self.instruments[name].tradable for name in names):
            return Miss.NOT_TRADABLE
        if snapshot.bound > self._settings.bound_ms_max * MILLISECOND:
            return Miss.BOUND
        return Miss.BOOK if any(self.setup.books.state(name) is not BookState.VALID for name in names) else None

    def _size(
        self,
        units: tuple[Unit, Unit],
        quotes: dict[InstrumentId, Quote],
        funding: Decimal,
        snapshot: SynchronizedSnapshot,
    ) -> Priced | Miss:
        """As much as pays in both books, up to the limits of the position and of one plan."""
        reason = self._not_now(snapshot)
        if reason is not None:
            return reason
        settings = self._settings
        spot, perpetual = (quotes[unit.instrument.instrument] for unit in units)
        costs = Costs(
            buy_fee=2 * self._fee(spot),
            sell_fee=2 * self._fee(perpetual),
            decay=spread(spot) + spread(perpetual),
            edge_min=wanted(settings),
            funding=-funding,
        )
        buys, sells = self._ladder(units[0], spot, Side.BUY), self._ladder(units[1], perpetual, Side.SELL)
        if not buys or not sells or not costs.clears(buys[0].value, sells[0].value):
            return Miss.DEPTH
        lot = common_lot(*units)
        price = from_float(spot.ask) * units[0].rate
        held = self.held(spot.instrument) * units[0].base
        room = min(settings.notional_max / price - held, settings.plan_notional_max / price)
        quantity = round_down(min(matched(buys, sells, costs), max(room, ZERO)), lot)
        if not quantity:
            return Miss.LIMIT
        result = priced(buys, sells, quantity, costs)
        legs = self._make(units, (Side.BUY, Side.SELL), (result.buy_limit, result.sell_limit), quantity)
        return Miss.MINIMUM if refused(units, legs) else result

    def _close(self, units: tuple[Unit, Unit], spot: Quote, perpetual: Quote, now: Nanos) -> bool:
        """Whether a plan was made that brings the position down. What only one leg holds is closed, too."""
        bought = self.setup.holdings.of(self.name, spot.instrument)
        sold = self.setup.holdings.of(self.name, perpetual.instrument)
        if bought.quantity <= 0 or sold.quantity >= 0:
            return self._close_rest(units, spot, perpetual)
        since = max(bought.since or now, sold.since or now)
        end = Nanos(since + int(self._settings.holding_hours * HOUR))
        entered = (sold.paid / sold.quantity) / (bought.paid / bought.quantity) - ONE
        left = self._funding.expected(perpetual.instrument, now, end) or ZERO
        reason = over(spot, perpetual, entered, since, left, self._settings, now)
        if reason is None:
            return False
        price = from_float(spot.bid) * units[0].rate
        both = min(bought.quantity * units[0].base, -sold.quantity * units[1].base)
        quantity = round_down(min(both, self._settings.plan_notional_max / price), common_lot(*units))
        if not quantity:
            return self._close_rest(units, spot, perpetual)
        sells, buys = self._ladder(units[0], spot, Side.SELL), self._ladder(units[1], perpetual, Side.BUY)
        quantity = round_down(min(quantity, depth(sells), depth(buys)), common_lot(*units))
        if not quantity:
            return False
        result = priced(buys, sells, quantity, Costs(ZERO, ZERO, ZERO, ZERO))
        legs = self._make(units, (Side.SELL, Side.BUY), (result.sell_limit, result.buy_limit), quantity)
        if refused(units, legs):
            return False
        self._exits[reason] = self._exits.get(reason, 0) + 1
        self._plan = self.propose(plan_of(self.setup.plan_ids.next(self.name), self.name, legs, self._settings, now))
        return True

    def _close_rest(self, units: tuple[Unit, Unit], spot: Quote, perpetual: Quote) -> bool:
        """One leg without the other is no carry: a hedge that failed, or lots that do not match."""
        give = self._settings.hedge_bps / BPS
        for unit, quote in zip(units, (spot, perpetual), strict=True):
            held = self.held(quote.instrument)
            side = Side.SELL if held > 0 else Side.BUY
            best = from_float(quote.bid if held > 0 else quote.ask)
            quantity = unit.instrument.round_quantity(abs(held))
            price = unit.instrument.round_price(best * (ONE + side.sign * give), side)
            if held and not unit.instrument.refusal(price, quantity):
                self._plan = self.propose(self.order(quote.instrument, side, quantity, price))
                return True
        return False

    # -- proposing -----------------------------------------------------------------------------

    def _enter(self, units: tuple[Unit, Unit], result: Priced, snapshot: SynchronizedSnapshot) -> None:
        legs = self._make(units, (Side.BUY, Side.SELL), (result.buy_limit, result.sell_limit), result.quantity)
        plan = plan_of(
            self.setup.plan_ids.next(self.name), self.name, legs, self._settings, snapshot.at, edge=result.edge
        )
        self._detected += 1
        self._expected_edge += result.edge
        self.context.publish(
            Opportunity(
                plan_id=plan.plan_id,
                strategy=self.name,
                comparison=self.setup.comparison.name,
                buy=legs[0].instrument,
                sell=legs[1].instrument,
                quantity=result.quantity,
                buy_price=result.buy_average,
                sell_price=result.sell_average,
                gross_edge=result.gross,
                fees=result.fees,
                slippage=result.slippage,
                edge=result.edge,
                edge_bps=result.edge_bps,
                bound=snapshot.bound,
                at=snapshot.at,
                decay=result.decay,
                funding=result.funding,
            )
        )
        self._plan = self.propose(plan)

    def _miss(self, reason: Miss, bps: float, at: Nanos) -> None:
        if self._missed.miss(self._pair, self._direction, reason, at):
            self.context.publish(
                OpportunityMissed(
                    strategy=self.name,
                    comparison=self.setup.comparison.name,
                    buy=self._direction.buy,
                    sell=self._direction.sell,
                    reason=reason.value,
                    edge_bps=bps,
                    edge=ZERO,
                    at=at,
                )
            )

    def _make(
        self, units: tuple[Unit, Unit], sides: tuple[Side, Side], limits: tuple[Decimal, Decimal], quantity: Decimal
    ) -> tuple[Leg, ...]:
        return tuple(
            leg_of(
                unit.instrument,
                self.setup.accounts[unit.instrument.venue],
                side,
                quantity / unit.base,
                limit,
                self._settings,
                base=unit.base,
            )
            for unit, side, limit in zip(units, sides, limits, strict=True)
        )

    def _ladder(self, unit: Unit, quote: Quote, side: Side) -> list[Rung]:
        levels = self.setup.books.depth(quote.instrument, side, self._settings.levels_max)
        return ladder(quote, side, levels, unit, self.resting.against(quote.instrument, side))

    def _fee(self, quote: Quote) -> Decimal:
        return self.setup.fees[venue_of(quote.instrument)].taker_bps / BPS

    # -- everything else it hears --------------------------------------------------------------

    def on_instruments(self, instruments: tuple[Instrument, ...]) -> None:
        """Which of the two is which."""
        known = {
            self.instruments[member.instrument].kind: unit_of(self.instruments[member.instrument], member)
            for member in self.setup.comparison.members
            if member.instrument in self.instruments
        }
        self._legs, self._blocked = None, ""
        spot, perpetual = known.get(Kind.SPOT), known.get(Kind.LINEAR)
        currency = self.setup.comparison.currency
        if len(self.instruments) < 2:
            self._blocked = "not listed yet"
        elif spot is None or perpetual is None:
            self._blocked = "basis needs one spot instrument and one linear perpetual"
        elif {spot.instrument.quote, perpetual.instrument.quote} != {currency}:
            self._blocked = f"both members have to be quoted in {currency}"
        else:
            self._legs = (spot, perpetual)
            self._direction = Direction(spot.instrument.instrument, perpetual.instrument.instrument)

    def on_funding_rate(self, rate: FundingRate) -> None:
        """What the next payment will be."""
        self._funding.tell(rate)

    def on_plan_denied(self, denied: PlanDenied) -> None:
        """Rest, and look again."""
        self._over(denied.plan_id)

    def on_plan_finished(self, finished: PlanFinished) -> None:
        """What it came to stands in the holdings."""
        self._over(finished.plan_id)

    def _over(self, plan_id: PlanId) -> None:
        if plan_id == self._plan:
            self._plan = None
            self._pair.cool_until = Nanos(self.context.now + int(self._settings.cool_down_ms * MILLISECOND))

    def view(self) -> BasisView:
        """As of now."""
        held = [self.setup.holdings.of(self.name, unit.instrument.instrument) for unit in self._legs or ()]
        quantities = [one.quantity for one in held] or [ZERO, ZERO]
        return BasisView(
            spot=quantities[0],
            perpetual=quantities[1],
            since=held[0].since if held else None,
            annual_pct=self._annual_pct,
            detected=self._detected,
            expected_edge=self._expected_edge,
            exits={reason.value: count for reason, count in self._exits.items()},
            missed=self._missed.counts([self._pair]),
            in_flight=() if self._plan is None else (self._plan,),
            blocked=self._blocked,
        )
