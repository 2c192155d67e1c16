"""The arbitrage strategy: the same thing, dearer in one place than in another, after everything it costs.

Every snapshot, the quote that changed is compared with all others, both ways, in floats and with
cached factors: the hot part. Only what clears fees and the minimum edge at the best prices goes on
to the exact part, which asks in order: may we, is it believable, how much of it pays, can we.
Whatever is not traded although there was a difference is counted and told with its reason.
"""

from collections import deque
from decimal import Decimal
from math import nan
from typing import ClassVar, Final, TypeAlias

from msgspec import Struct
from pydantic import BaseModel

from integrated_trading_system.config.strategies import ArbitrageSettings
from integrated_trading_system.domain.comparison import Comparison
from integrated_trading_system.domain.execution import BalancesReported, Fill
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import InstrumentId, PlanId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import FundingRate, Quote
from integrated_trading_system.domain.money import BPS, ONE, ZERO
from integrated_trading_system.domain.opportunity import Opportunity, OpportunityMissed
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.plan import PlanDenied, PlanFinished
from integrated_trading_system.domain.snapshot import SynchronizedSnapshot
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.strategies.arbitrage import proposal
from integrated_trading_system.strategies.arbitrage.charges import Charges
from integrated_trading_system.strategies.arbitrage.conversion import Rates, Unit, unit
from integrated_trading_system.strategies.arbitrage.decision import Decision, Offer, Refused, Trade
from integrated_trading_system.strategies.arbitrage.inventory import Inventory
from integrated_trading_system.strategies.arbitrage.missed import Direction, Miss, Missed, MissedCount, Pair
from integrated_trading_system.strategies.arbitrage.treasury import Treasury
from integrated_trading_system.strategies.strategy import Strategy, StrategySetup

LAST = 20
"""Opportunities shown in the view."""
FEES: Final = Miss.FEES

Link: TypeAlias = tuple[float, Pair, Direction, Direction]
"""From one instrument to another: its price in the other's terms, the pair, buying here, selling here."""


class ArbitrageView(Struct, frozen=True, kw_only=True):
    """What the detector saw and did since it was started."""

    detected: int
    expected_edge: Decimal
    """Sum over what was detected, in the Comparison's currency."""
    missed: dict[str, MissedCount]
    in_flight: tuple[PlanId, ...]
    blocked: tuple[InstrumentId, ...]
    """Members that are never compared at present: not listed, or their currency's rate is not known."""
    last: tuple[Opportunity, ...]


class ArbitrageDetector(Strategy):
    """Compares the same instrument across venues and proposes what is worth doing."""

    subscriptions: ClassVar[tuple[type, ...]] = (SynchronizedSnapshot, Quote, Fill, FundingRate)
    settings_model: ClassVar[type[BaseModel] | None] = ArbitrageSettings

    def __init__(self, setup: StrategySetup) -> None:
        """`setup.settings` is an ArbitrageSettings; raises ConfigurationError where fees or their rate are missing."""
        super().__init__(setup)
        settings = self._settings = ArbitrageSettings() if setup.settings is None else setup.settings
        assert isinstance(settings, ArbitrageSettings), "validated by settings_model"
        self._rates = Rates(setup.comparison, Nanos(int(settings.conversion_age_ms_max * MILLISECOND)))
        self._units: dict[InstrumentId, Unit | None] = dict.fromkeys(setup.comparison.instruments)
        self._inventory = Inventory(setup.accounts, settings.position_max, settings.inventory_required)
        self._charges = Charges(setup, settings, self._rates, self._inventory)
        self._decision = Decision(
            settings, setup.accounts, self._charges, setup.books, self._rates, self._inventory, self.resting
        )
        self._missed = Missed(Nanos(int(settings.missed_interval_ms * MILLISECOND)))
        self._pairs = self._make_pairs()
        self._rows: dict[InstrumentId, dict[InstrumentId, Link]] = {}
        self._plans: dict[PlanId, Pair] = {}
        self._detected = 0
        self._expected_edge = ZERO
        self._last: deque[Opportunity] = deque(maxlen=LAST)

    def start(self) -> None:
        """Look at the capital now and then."""
        self._treasury = Treasury(self.setup, self._settings, self._rates, self._inventory, self.context.now)
        self._look_later()
        self._connect()

    @staticmethod
    def keys(kind: type, comparison: Comparison) -> tuple[str, ...] | None:
        """Quotes only of conversion books: those of the members come in snapshots."""
        return comparison.conversion_books if kind is Quote else Strategy.keys(kind, comparison)

    # -- the hot part --------------------------------------------------------------------------

    def on_snapshot(self, snapshot: SynchronizedSnapshot) -> None:
        """Compare the quote that changed with every other, in both directions."""
        quotes = snapshot.quotes
        mine = quotes[snapshot.changed]
        bid = mine.bid
        ask = mine.ask
        at = snapshot.at
        row = self._rows[mine.instrument]
        for other in quotes:
            if other is mine:
                continue
            factor, pair, buying, selling = row[other.instrument]
            # An unknown rate makes the factor NaN, and every comparison with it false.
            if other.bid > ask * factor:
                ratio = other.bid / (ask * factor)
                if ratio < buying.hurdle and pair.reason is FEES and pair.direction is buying and at < pair.quiet_until:
                    pair.snapshots += 1
                else:
                    self._positive(pair, buying, mine, other, snapshot, ratio)
            elif bid * factor > other.ask:
                ratio = bid * factor / other.ask
                if (
                    ratio < selling.hurdle
                    and pair.reason is FEES
                    and pair.direction is selling
                    and at < pair.quiet_until
                ):
                    pair.snapshots += 1
                else:
                    self._positive(pair, selling, other, mine, snapshot, ratio)
            elif pair.reason is not None:
                self._missed.end(pair)

    # -- the exact part ------------------------------------------------------------------------

    def _positive(
        self, pair: Pair, direction: Direction, buy: Quote, sell: Quote, snapshot: SynchronizedSnapshot, ratio: float
    ) -> None:
        """There is a difference: trade it, or count why not."""
        at = snapshot.at
        if ratio < direction.hurdle:
            if self._missed.miss(pair, direction, FEES, at):
                self._tell_missed(direction, Refused(FEES), (ratio - 1.0) * 1e4, at)
            return
        outcome = self._decide(pair, buy, sell, snapshot, ratio)
        if isinstance(outcome, Refused):
            if self._missed.miss(pair, direction, outcome.reason, at):
                self._tell_missed(direction, outcome, (ratio * direction.keep - direction.cost) * 1e4, at)
                self._miss_capital(buy.instrument, sell.instrument, outcome)
            return
        self._missed.end(pair)
        self._propose(pair, outcome, snapshot)

    def _decide(
        self, pair: Pair, buy: Quote, sell: Quote, snapshot: SynchronizedSnapshot, ratio: float
    ) -> Trade | Refused:
        reason = self._not_now(pair, buy.instrument, sell.instrument, snapshot.at)
        if reason is not None:
            return Refused(reason)
        buy_unit, sell_unit = self._units[buy.instrument], self._units[sell.instrument]
        assert buy_unit is not None, "an unknown rate compares false"
        assert sell_unit is not None, "an unknown rate compares false"
        return self._decision.decide(Offer(buy_unit, buy), Offer(sell_unit, sell), ratio, snapshot)

    def _not_now(self, pair: Pair, buy: InstrumentId, sell: InstrumentId, at: Nanos) -> Miss | None:
        """Why nothing is done at this moment, whatever it would bring."""
        if self.trading is not TradingState.ACTIVE:
            return Miss.TRADING
        if self.unreliable and (buy in self.unreliable or sell in self.unreliable):
            return Miss.UNRELIABLE
        if pair.in_flight >= self._settings.plans_in_flight_max:
            return Miss.IN_FLIGHT
        return Miss.COOL_DOWN if at < pair.cool_until else None

    def _propose(self, pair: Pair, trade: Trade, snapshot: SynchronizedSnapshot) -> PlanId:
        """Publish it, and tell risk."""
        result = trade.priced
        plan = proposal.plan(
            self.setup.plan_ids.next(self.name), self.name, trade.legs, result.edge, self._settings, snapshot.at
        )
        opportunity = Opportunity(
            plan_id=plan.plan_id,
            strategy=self.name,
            comparison=self.setup.comparison.name,
            buy=trade.legs[0].instrument,
            sell=trade.legs[1].instrument,
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
            conversion=result.conversion,
        )
        self._detected += 1
        self._expected_edge += result.edge
        self._last.append(opportunity)
        self._plans[plan.plan_id] = pair
        pair.in_flight += 1
        self._inventory.reserve(plan, self.instruments)
        self.context.publish(opportunity)
        return self.propose(plan)

    def _miss_capital(self, buy: InstrumentId, sell: InstrumentId, refused: Refused) -> None:
        if refused.reason is Miss.INVENTORY_BUY:
            self._treasury.miss(self.instruments[buy], Side.BUY, refused.edge)
        elif refused.reason is Miss.INVENTORY_SELL:
            self._treasury.miss(self.instruments[sell], Side.SELL, refused.edge)

    def _tell_missed(self, direction: Direction, refused: Refused, edge_bps: float, at: Nanos) -> None:
        self.context.publish(
            OpportunityMissed(
                strategy=self.name,
                comparison=self.setup.comparison.name,
                buy=direction.buy,
                sell=direction.sell,
                reason=refused.reason.value,
                edge_bps=edge_bps,
                edge=refused.edge,
                at=at,
            )
        )

    # -- everything else it hears --------------------------------------------------------------

    def on_quote(self, quote: Quote) -> None:
        """A conversion book moved."""
        changed = self._rates.quote(quote)
        if changed is not None:
            self.context.publish(changed)
        self._connect()

    def on_instruments(self, instruments: tuple[Instrument, ...]) -> None:
        """Members and conversion books became known, or a venue changed its rules."""
        for instrument in instruments:
            self._rates.list(instrument)
        self._connect()

    def on_balances(self, report: BalancesReported) -> None:
        """What can be sold where."""
        self._inventory.report(report)

    def on_fill(self, fill: Fill) -> None:
        """Somebody's order of ours moved the inventory."""
        if fill.instrument in self.instruments:
            self._inventory.fill(fill, self.instruments[fill.instrument])
            self._treasury.fill(fill, self.instruments[fill.instrument])

    def on_funding_rate(self, rate: FundingRate) -> None:
        """What holding a perpetual will cost: the hurdles move with it."""
        self._charges.funding.tell(rate)
        if self._settings.holding_hours:
            self._price_directions()

    def on_wakeup(self, name: str) -> None:
        """Time to look at the capital again."""
        for advised in self._treasury.advice(self.instruments, self.context.now):
            self.context.publish(advised)
        self._look_later()

    def _look_later(self) -> None:
        if self._settings.rebalance_every_s:
            self.wake(int(self._settings.rebalance_every_s * SECOND), "rebalance")

    def on_plan_denied(self, denied: PlanDenied) -> None:
        """Risk said no: rest, or the same plan would be proposed with every snapshot."""
        self._over(denied.plan_id)

    def on_plan_finished(self, finished: PlanFinished) -> None:
        """The pair is free again."""
        self._over(finished.plan_id)

    def _over(self, plan_id: PlanId) -> None:
        pair = self._plans.pop(plan_id, None)
        if pair is None:  # of an incarnation before a restart
            return
        pair.in_flight -= 1
        pair.cool_until = Nanos(self.context.now + int(self._settings.cool_down_ms * MILLISECOND))
        self._inventory.release(plan_id)

    def view(self) -> ArbitrageView:
        """Counts since the start of this incarnation."""
        return ArbitrageView(
            detected=self._detected,
            expected_edge=self._expected_edge,
            missed=self._missed.counts([pair for _, _, pair, _, _ in self._pairs]),
            in_flight=tuple(self._plans),
            blocked=tuple(instrument for instrument, known in self._units.items() if known is None),
            last=tuple(self._last),
        )

    # -- the cached factors --------------------------------------------------------------------

    def _make_pairs(self) -> list[tuple[InstrumentId, InstrumentId, Pair, Direction, Direction]]:
        """Every two members once, with both directions: buy the first, buy the second."""
        names = self.setup.comparison.instruments
        return [
            (first, second, Pair(), Direction(first, second), Direction(second, first))
            for index, first in enumerate(names)
            for second in names[index + 1 :]
        ]

    def _price_directions(self) -> None:
        """Fees at their lowest: what the exact part finds dearer it refuses by name."""
        for _, _, _, *directions in self._pairs:
            for direction in directions:
                buy, sell = self.instruments.get(direction.buy), self.instruments.get(direction.sell)
                more = ZERO
                if buy is not None and sell is not None:
                    more = self._charges.conversion(buy, sell)
                    more += self._charges.expected_funding(buy, sell, self.context.now) or ZERO
                cost = ONE + self._charges.lowest(direction.buy) + more
                keep = ONE - self._charges.lowest(direction.sell)
                direction.price(float(cost), float(keep), float(self._settings.edge_bps_min / BPS))

    def _connect(self) -> None:
        """Work the factors out again, where a rate or an instrument changed."""
        units = {
            member.instrument: unit(self.instruments[member.instrument], member.multiplier, self._rates)
            if member.instrument in self.instruments
            else None
            for member in self.setup.comparison.members
        }
        if units == self._units and self._rows:
            return
        self._units = units
        self._price_directions()
        self._rows = {instrument: {} for instrument in units}
        for first, second, pair, buy_first, buy_second in self._pairs:
            one, two = units[first], units[second]
            factor = nan if one is None or two is None else float(one.rate / two.rate)
            self._rows[first][second] = (factor, pair, buy_first, buy_second)
            self._rows[second][first] = (1.0 / factor, pair, buy_second, buy_first)
