"""The strategy `triangular`: an amount goes round through several instruments of one venue and comes back larger.

Every snapshot, the round trips that the changed quote is part of are multiplied out in floats, with their fees.
What clears the hurdle is walked through the books in exact numbers, sized, and proposed as one plan: all legs at
once where the balances allow it, otherwise each leg as the one before it fills.
"""

from collections import deque
from decimal import Decimal
from typing import ClassVar

from msgspec import Struct
from pydantic import BaseModel

from integrated_trading_system.config.triangular import TriangularSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.execution import BalancesReported, Fill
from integrated_trading_system.domain.health import BookState, TradingState
from integrated_trading_system.domain.ids import InstrumentId, PlanId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.money import BPS, ONE, ZERO
from integrated_trading_system.domain.opportunity import Opportunity, OpportunityMissed
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import Leg, PlanDenied, PlanFinished
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.strategies.arbitrage.inventory import Inventory
from integrated_trading_system.strategies.arbitrage.missed import Direction, Miss, Missed, MissedCount, Pair
from integrated_trading_system.strategies.proposal import leg_of, plan_of, worse
from integrated_trading_system.strategies.strategy import Strategy, StrategySetup
from integrated_trading_system.strategies.triangular.cycles import Cycle, Hop, cycles
from integrated_trading_system.strategies.triangular.walk import Round, depth, edge_bps, ladder, walk

LAST = 20
"""Opportunities shown in the view."""
MISSED_INTERVAL = Nanos(1_000 * MILLISECOND)
"""Between two publications of the same reason of the same round trip."""


class TriangularView(Struct, frozen=True, kw_only=True):
    """What was seen and done since the start of this incarnation."""

    cycles: int
    detected: int
    expected_edge: Decimal
    missed: dict[str, MissedCount]
    in_flight: tuple[PlanId, ...]
    last: tuple[Opportunity, ...]


class _Trip(Struct):
    """A round trip, and what became of it last."""

    cycle: Cycle
    keep: Decimal
    hurdle: float
    """What a unit must come to before fees."""
    pair: Pair
    direction: Direction
    at_once: bool = False
    """Whether all legs of what was decided on last leave together."""


class TriangularArbitrage(Strategy):
    """Goes round within one venue."""

    subscriptions: ClassVar[tuple[type, ...]] = (SynchronizedSnapshot, Fill)
    settings_model: ClassVar[type[BaseModel] | None] = TriangularSettings

    def __init__(self, setup: StrategySetup) -> None:
        """`setup.settings` is a TriangularSettings; raises ConfigurationError where a venue's fees are missing."""
        super().__init__(setup)
        settings = self._settings = TriangularSettings() if setup.settings is None else setup.settings
        assert isinstance(settings, TriangularSettings), "validated by settings_model"
        self._inventory = Inventory(setup.accounts, None, required=True)
        self._missed = Missed(MISSED_INTERVAL)
        self._trips: dict[InstrumentId, list[_Trip]] = {}
        self._all: list[_Trip] = []
        self._plans: dict[PlanId, _Trip] = {}
        self._detected = 0
        self._expected_edge = ZERO
        self._last: deque[Opportunity] = deque(maxlen=LAST)

    # -- deciding ------------------------------------------------------------------------------

    def on_snapshot(self, snapshot: SynchronizedSnapshot) -> None:
        """Multiply out what the changed quote is part of."""
        quotes = {quote.instrument: quote for quote in snapshot.quotes}
        for trip in self._trips.get(snapshot.quotes[snapshot.changed].instrument, ()):
            product = _product(trip.cycle, quotes)
            if product <= 1.0:
                if trip.pair.reason is not None:
                    self._missed.end(trip.pair)
                continue
            found = Miss.FEES if product < trip.hurdle else self._decide(trip, product, snapshot)
            if isinstance(found, Miss):
                self._miss(trip, found, product, snapshot.at)
            else:
                self._missed.end(trip.pair)
                self._propose(trip, found, snapshot)

    def _decide(self, trip: _Trip, product: float, snapshot: SynchronizedSnapshot) -> Round | Miss:
        """May we, is it believable, how much of it pays, can we: the first "no" is the reason."""
        settings = self._settings
        reason = self._not_now(trip, snapshot)
        if reason is not None:
            return reason
        if (product - 1.0) * 1e4 > settings.edge_bps_max:
            return Miss.TOO_GOOD
        ladders = [
            ladder(
                hop,
                self.setup.books.depth(hop.instrument.instrument, hop.side, settings.levels_max),
                dict(self.resting.against(hop.instrument.instrument, hop.side)),
            )
            for hop in trip.cycle
        ]
        if not all(ladders):
            return Miss.DEPTH
        decay = Decimal(snapshot.bound) / MILLISECOND * settings.decay_bps_per_ms / BPS
        wanted = ONE + settings.edge_bps_min / BPS + decay
        pays = depth(ladders, trip.keep, wanted, settings.notional_max)
        if not pays:
            return Miss.DECAY
        first = trip.cycle[0]
        free = self._inventory.free(first.instrument.venue, first.gives) * trip.keep
        found = walk(trip.cycle, ladders, min(pays, free), trip.keep, decay) if free > 0 else None
        trip.at_once = found is not None and settings.at_once and self._can_pay(trip.cycle, found, trip.keep)
        if found is not None and not trip.at_once:
            before = [self._inventory.free(hop.instrument.venue, hop.gives) for hop in trip.cycle]
            found = walk(trip.cycle, ladders, min(pays, free), trip.keep, decay, (self._worst, before))
        if found is None:
            return Miss.INVENTORY_BUY if free < pays else Miss.DEPTH
        if any(
            hop.instrument.refusal(hop.instrument.round_price(leg.limit, hop.side), leg.quantity)
            for hop, leg in zip(trip.cycle, found.legs, strict=True)
        ):
            return Miss.MINIMUM
        return found if found.edge >= found.put_in * settings.edge_bps_min / BPS else Miss.LIMIT

    def _not_now(self, trip: _Trip, snapshot: SynchronizedSnapshot) -> Miss | None:
        names = [hop.instrument.instrument for hop in trip.cycle]
        if self.trading is not TradingState.ACTIVE:
            return Miss.TRADING
        if self.unreliable and any(name in self.unreliable for name in names):
            return Miss.UNRELIABLE
        if trip.pair.in_flight:
            return Miss.IN_FLIGHT
        if snapshot.at < trip.pair.cool_until:
            return Miss.COOL_DOWN
        if trip.cycle[0].instrument.venue not in self.setup.accounts:
            return Miss.NO_ACCOUNT
        if not all(hop.instrument.tradable for hop in trip.cycle):
            return Miss.NOT_TRADABLE
        if snapshot.bound > self._settings.bound_ms_max * MILLISECOND:
            return Miss.BOUND
        if any(self.setup.books.state(name) is not BookState.VALID for name in names):
            return Miss.BOOK
        return None

    def _miss(self, trip: _Trip, reason: Miss, product: float, at: Nanos) -> None:
        if self._missed.miss(trip.pair, trip.direction, reason, at):
            self.context.publish(
                OpportunityMissed(
                    strategy=self.name,
                    comparison=self.setup.comparison.name,
                    buy=trip.direction.buy,
                    sell=trip.direction.sell,
                    reason=reason.value,
                    edge_bps=(product * float(trip.keep) ** len(trip.cycle) - 1.0) * 1e4,
                    edge=ZERO,
                    at=at,
                )
            )

    # -- proposing -----------------------------------------------------------------------------

    def _propose(self, trip: _Trip, found: Round, snapshot: SynchronizedSnapshot) -> None:
        """Publish it, and tell risk."""
        settings, now = self._settings, snapshot.at
        legs = tuple(self._leg(trip, found, index) for index in range(len(trip.cycle)))
        plan = plan_of(self.setup.plan_ids.next(self.name), self.name, legs, settings, now, edge=found.edge)
        opportunity = Opportunity(
            plan_id=plan.plan_id,
            strategy=self.name,
            comparison=self.setup.comparison.name,
            buy=plan.legs[0].instrument,
            sell=plan.legs[-1].instrument,
            quantity=plan.legs[0].quantity,
            buy_price=plan.legs[0].price,
            sell_price=plan.legs[-1].price,
            gross_edge=found.gross,
            fees=found.fees,
            slippage=found.slippage,
            edge=found.edge,
            edge_bps=edge_bps(found),
            bound=snapshot.bound,
            at=now,
            decay=found.decay,
        )
        self._detected += 1
        self._expected_edge += found.edge
        self._last.append(opportunity)
        self._plans[plan.plan_id] = trip
        trip.pair.in_flight += 1
        self._inventory.reserve(plan, self.instruments)
        self.context.publish(opportunity)
        self.propose(plan)

    def _can_pay(self, cycle: Cycle, found: Round, keep: Decimal) -> bool:
        """Whether every leg's asset is there before the leg before it brings it."""
        return all(
            leg.given <= self._inventory.free(hop.instrument.venue, hop.gives) * keep
            for hop, leg in zip(cycle, found.legs, strict=True)
        )

    def _worst(self, hop: Hop, limit: Decimal) -> Decimal:
        price = hop.instrument.round_price(limit, hop.side)
        return worse(price, hop.side, self._settings.hedge_bps, hop.instrument.tick)

    def _leg(self, trip: _Trip, found: Round, index: int) -> Leg:
        hop, leg = trip.cycle[index], found.legs[index]
        instrument = hop.instrument
        account = self.setup.accounts[instrument.venue]
        follows = None if trip.at_once or index == 0 else index - 1
        return leg_of(instrument, account, hop.side, leg.quantity, leg.limit, self._settings, follows=follows)

    # -- everything else it hears --------------------------------------------------------------

    def on_instruments(self, instruments: tuple[Instrument, ...]) -> None:
        """List the round trips anew; those in flight keep their own."""
        comparison, settings = self.setup.comparison, self._settings
        known = [self.instruments[name] for name in comparison.instruments if name in self.instruments]
        before = {_names(trip.cycle): trip for trip in self._all}
        found = cycles(known, comparison.currency, settings.legs_max, settings.cycles_max)
        self._all = [self._trip(cycle, before.get(_names(cycle))) for cycle in found]
        self._trips = {}
        for trip in self._all:
            for hop in trip.cycle:
                self._trips.setdefault(hop.instrument.instrument, []).append(trip)

    def _trip(self, cycle: Cycle, before: _Trip | None) -> _Trip:
        venue = cycle[0].instrument.venue
        if venue not in self.setup.fees:
            raise ConfigurationError(f"strategy {self.name}: no fees are known for {venue}")
        keep = ONE - self.setup.fees[venue].taker_bps / BPS
        hurdle = float((ONE + self._settings.edge_bps_min / BPS) / keep ** len(cycle))
        pair = Pair() if before is None else before.pair
        direction = Direction(cycle[0].instrument.instrument, cycle[-1].instrument.instrument)
        return _Trip(cycle, keep, hurdle, pair, direction if before is None else before.direction)

    def on_balances(self, report: BalancesReported) -> None:
        """What there is to go round with."""
        self._inventory.report(report)

    def on_fill(self, fill: Fill) -> None:
        """Somebody's order of ours moved it."""
        if fill.instrument in self.instruments:
            self._inventory.fill(fill, self.instruments[fill.instrument])

    def on_plan_denied(self, denied: PlanDenied) -> None:
        """Rest, or the same plan would be proposed with every snapshot."""
        self._over(denied.plan_id)

    def on_plan_finished(self, finished: PlanFinished) -> None:
        """The round trip is free again."""
        self._over(finished.plan_id)

    def _over(self, plan_id: PlanId) -> None:
        trip = self._plans.pop(plan_id, None)
        if trip is not None:  # otherwise of an incarnation before a restart
            trip.pair.in_flight -= 1
            trip.pair.cool_until = Nanos(self.context.now + int(self._settings.cool_down_ms * MILLISECOND))
            self._inventory.release(plan_id)

    def view(self) -> TriangularView:
        """Counts since the start of this incarnation."""
        return TriangularView(
            cycles=len(self._all),
            detected=self._detected,
            expected_edge=self._expected_edge,
            missed=self._missed.counts([trip.pair for trip in self._all]),
            in_flight=tuple(self._plans),
            last=tuple(self._last),
        )


def _product(cycle: Cycle, quotes: dict[InstrumentId, Quote]) -> float:
    """What a unit comes to at the best prices, before fees; 0 while a quote is missing."""
    product = 1.0
    for hop in cycle:
        quote = quotes.get(hop.instrument.instrument)
        if quote is None:
            return 0.0
        product = product / quote.ask if hop.side is Side.BUY else product * quote.bid
    return product


def _names(cycle: Cycle) -> tuple[tuple[InstrumentId, Side], ...]:
    return tuple(_name(hop) for hop in cycle)


def _name(hop: Hop) -> tuple[InstrumentId, Side]:
    return hop.instrument.instrument, hop.side
