"""The risk manager: every plan passes here or does not pass, and what passed is reserved until it is over.

It owns the trading state, keeps its own positions and losses from the fills alone, and is the only
one who makes an ApprovedPlan.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeAlias, assert_never

from msgspec import Struct

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.balances import Purse
from integrated_trading_system.domain.comparison import Conversion
from integrated_trading_system.domain.execution import (
    BalancesReported,
    ExternalOrders,
    Fill,
    RequestFailed,
    UserStreamChanged,
)
from integrated_trading_system.domain.health import (
    Alarm,
    BookStateChanged,
    FeedReliable,
    FeedUnreliable,
    Halt,
    Latched,
    LinkChanged,
    Reconciled,
    Reduce,
    Reduced,
    Resume,
    Resumed,
    TradingState,
    TradingStateChanged,
    VenueBlocked,
)
from integrated_trading_system.domain.ids import AccountId, InstrumentId, PlanId, StrategyId
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.plan import AmendPlan, AmendRefused, ApprovedPlan, Plan, PlanDenied, PlanFinished
from integrated_trading_system.domain.time import MILLISECOND
from integrated_trading_system.risk.codes import Code, Denial
from integrated_trading_system.risk.exposure import Holding, Key
from integrated_trading_system.risk.funds import margin
from integrated_trading_system.risk.limits import review
from integrated_trading_system.risk.lookout import Lookout
from integrated_trading_system.risk.others import EXTERNAL
from integrated_trading_system.risk.past import Past
from integrated_trading_system.risk.reduction import STRATEGY, outgrown, reduction
from integrated_trading_system.risk.state import RiskState
from integrated_trading_system.risk.view import RiskView, view_of
from integrated_trading_system.risk.worth import Prices
from integrated_trading_system.runtime.actor import Actor, Ref


class ReductionDue(Struct, frozen=True):
    """Timer: look for positions that outgrew their limit."""


class LookDue(Struct, frozen=True):
    """Timer: look at what open positions are worth, and for how long legs have been out of balance."""


NOTHING_BEFORE: Final = Past()

RiskInbox: TypeAlias = (
    Plan
    | AmendPlan
    | Order
    | Fill
    | ExternalOrders
    | PlanFinished
    | InstrumentsListed
    | BookStateChanged
    | FeedUnreliable
    | FeedReliable
    | LinkChanged
    | Alarm
    | BalancesReported
    | Reconciled
    | Halt
    | Reduce
    | Resume
    | Shutdown
    | VenueBlocked
    | UserStreamChanged
    | RequestFailed
    | ReductionDue
    | LookDue
)


class RiskManager(Actor[RiskInbox]):
    """Checks plans, reserves exposure, halts."""

    def __init__(
        self,
        settings: RiskSettings,
        orders: Ref[ApprovedPlan | AmendPlan],
        prices: Prices,
        *,
        run: str = "",
        past: Past = NOTHING_BEFORE,
        conversions: Sequence[Conversion] = (),
        fees: Mapping[AccountId, Decimal],
    ) -> None:
        """`orders` is the OMS, `prices` are the feed's. `run` differs at every start, for plan ids it makes itself.

        `conversions` are into the reporting currency; those with a book guard stated rates, or stand for them.
        `fees`: by account, the part of what an order brings that the venue takes, at most.
        """
        self._settings = settings
        self._orders = orders
        self._run = run
        self._state = RiskState(settings, prices, past, fees, conversions)
        self._told = TradingState.STARTING
        self._approved = 0
        self._denied: dict[Code, int] = {}
        self._reductions = 0
        self._lookout = Lookout(settings, self._state, past.fills)
        for fill in past.fills:
            owner = past.owners.get(fill.client_order_id, EXTERNAL)
            self._state.exposure.recover(fill, owner)
            self._state.round_trips.fill(fill, owner)
            self._state.worths.price(fill.instrument, fill.price)
        for plan in past.in_flight:
            for leg in plan.legs:
                self._state.worths.price(leg.instrument, leg.price)
            self._reserve(plan, (), past.traded.get(plan.plan_id, ()))

    def start(self) -> None:
        """Tell everybody what may be sent: nothing yet."""
        self._state.now = self.context.now
        self._told = self._state.trading
        self.context.publish(TradingStateChanged(self._told, self._state.halted or "starting", self.context.now))
        self.context.after(self._settings.look_interval_ms * MILLISECOND, LookDue())
        if self._settings.reduce_automatically:
            self.context.after(self._settings.reduce_interval_ms * MILLISECOND, ReductionDue())

    def receive(self, message: RiskInbox) -> None:  # noqa: C901, PLR0912 - one line a kind of message
        """One message."""
        state = self._state
        state.now = self.context.now
        match message:
            case Plan():
                self._review(message)
            case AmendPlan():
                self._amend(message)
            case Order():
                state.exposure.order(message)
                state.throttle.order(message, state.now)
                state.venues.order(message, state.now)
            case Fill():
                self._on_fill(message)
            case ExternalOrders():
                state.exposure.others.report(message)
            case PlanFinished():
                self._release(message.plan_id)
            case BookStateChanged() | FeedUnreliable() | FeedReliable():
                state.feed(message)
            case LinkChanged() | VenueBlocked() | UserStreamChanged() | RequestFailed() | Alarm():
                state.venues.learn(message, state.now)
            case BalancesReported():
                state.balances.report(message)
            case InstrumentsListed():
                state.list(message.instruments)
                self._heed(self._lookout.book())
            case Reconciled():
                state.reconciled = True
                self._heed(self._lookout.book())
                self._tell("reconciled")
            case Halt():
                self._halt(f"{message.reason} (by {message.by})")
            case Reduce():
                self._restrict(f"{message.reason} (by {message.by})")
            case Resume():
                self._resume(message)
            case Shutdown():
                state.stopping = True
            case ReductionDue():
                self._reduce_outgrown()
            case LookDue():
                self.context.after(self._settings.look_interval_ms * MILLISECOND, LookDue())
                self._heed(self._lookout.look())
            case _:
                assert_never(message)

    # -- what the facade and the API may ask between turns ---------------------------------------

    def calculate_exposure(self, instrument: InstrumentId, price: Decimal) -> Decimal | None:
        """Worst-case notional of the instrument at this price, in the reporting currency; None where it has no rate."""
        return self._state.worth(instrument, self._state.exposure.worst(instrument), price)

    @property
    def holdings(self) -> Mapping[Key, Holding]:
        """By instrument and account: what is held, and how far plans in flight may still move it."""
        return self._state.exposure.holdings

    def trigger_position_reduction(self, instrument: InstrumentId, plan_id: PlanId) -> Plan | None:
        """The plan that would close the position at the touch; None where there is nothing to close.

        Changes nothing: tell the plan to this actor, which checks it like any other.
        """
        self._state.now = self.context.now
        return reduction(self._state, self._settings, instrument, plan_id)

    def view(self) -> RiskView:
        """Everything, as of now."""
        self._state.now = self.context.now
        return view_of(self._state, self._settings, self._approved, self._denied)

    # -- plans -----------------------------------------------------------------------------------

    def _review(self, plan: Plan) -> None:
        """Approve and reserve, or deny by name."""
        state = self._state
        found = review(plan, state, self._settings)
        if isinstance(found, Denial):
            self._deny(plan, found)
            return
        self._approved += 1
        if not found.reducing:
            state.repetition.approved(found.shape, found.content, state.now)
        self._reserve(plan, (*found.spends, *found.binds))
        self._orders.tell(ApprovedPlan(plan=plan, approved_at=self.context.now))

    def _amend(self, wish: AmendPlan) -> None:
        """Its price is in the approved envelope, or the OMS refuses it; what it takes of the rates is claimed here."""
        if self._state.throttle.amend(wish.plan_id, self.context.now):
            self._orders.tell(wish)
            return
        why, now = "not in flight, or no room in the rates", self.context.now
        self.context.publish(
            AmendRefused(plan_id=wish.plan_id, strategy=wish.strategy, leg=wish.leg, reason=why, at=now)
        )

    def _deny(self, plan: Plan, denial: Denial) -> None:
        """Say why. Who repeats too much is latched."""
        self._denied[denial.code] = self._denied.get(denial.code, 0) + 1
        self.context.publish(
            PlanDenied(
                plan_id=plan.plan_id,
                strategy=plan.strategy,
                code=denial.code.value,
                detail=denial.detail,
                at=self.context.now,
            )
        )
        if denial.code is Code.REPEATED:
            for leg in plan.legs:
                self._latch(plan.strategy, leg.instrument, f"{denial.code}: {denial.detail}")

    def _reserve(self, plan: Plan, holds: Iterable[tuple[Purse, Decimal]], traded: Sequence[Decimal] = ()) -> None:
        """Exposure, money and rates, until the plan is finished."""
        state = self._state
        state.remember(plan.plan_id)
        for purse, amount in holds:
            state.balances.hold(plan.plan_id, purse, amount)
        state.exposure.reserve(plan, traded)
        state.throttle.claim(plan)
        state.unhedged.follow(plan, state.now)
        state.round_trips.follow(plan)

    def _release(self, plan_id: PlanId) -> None:
        state = self._state
        over = state.exposure.finish(plan_id)
        state.throttle.finish(plan_id)
        state.balances.release(plan_id)
        if over is not None:
            most = f"more than {self._settings.futile_max} plans came to nothing there"
            for instrument in state.repetition.finished(over.plan, over.net, state.now):
                self._latch(over.plan.strategy, instrument, most)

    def _latch(self, strategy: StrategyId, instrument: InstrumentId, reason: str) -> None:
        """Until an operator resumes."""
        if self._state.repetition.latch(strategy, instrument, reason):
            self.context.publish(Latched(strategy, instrument, reason, self.context.now))

    def _reduce_outgrown(self) -> None:
        """Propose to ourselves what brings positions back within their limits."""
        self.context.after(self._settings.reduce_interval_ms * MILLISECOND, ReductionDue())
        if self._state.stopping or self._state.trading not in (TradingState.ACTIVE, TradingState.REDUCING):
            return
        for instrument, keep in outgrown(self._state, self._settings):
            plan_id = PlanId(f"{STRATEGY}-{self._run}-{self._reductions + 1}")
            plan = reduction(self._state, self._settings, instrument, plan_id, keep)
            if plan is not None:
                self._reductions += 1
                self._review(plan)

    # -- fills and losses ------------------------------------------------------------------------

    def _on_fill(self, fill: Fill) -> None:
        """From reserved to held, in one step; then what it earned or lost."""
        state = self._state
        instrument = state.instruments.get(fill.instrument)
        before = abs(state.exposure.holding(fill.instrument, fill.account).position)
        state.round_trips.fill(fill, state.exposure.fill(fill))
        state.worths.price(fill.instrument, fill.price)
        if instrument is not None:
            opened = abs(state.exposure.holding(fill.instrument, fill.account).position) - before
            bound = margin(instrument, fill.account, fill.price, opened, self._settings)
            state.balances.fill(fill, instrument, ZERO if bound is None else bound[1])
        self._heed(self._lookout.fill(fill))

    # -- the trading state -----------------------------------------------------------------------

    def _resume(self, message: Resume) -> None:
        """Lift what needs an operator: the halt, the restriction to reducing, latches, and time out of balance."""
        state = self._state
        state.halted = state.reducing = None
        state.repetition.resume()
        state.unhedged.resume()
        self.context.publish(Resumed(message.by, state.now))
        self._tell(f"resumed by {message.by}")

    def _restrict(self, reason: str) -> None:
        """From now on only plans that reduce."""
        self._state.reducing = reason
        self.context.publish(Reduced(reason, self._state.now))
        self._tell(reason)

    def _heed(self, reasons: Iterable[str]) -> None:
        """Halt for each."""
        for reason in reasons:
            self._halt(reason)

    def _halt(self, reason: str) -> None:
        """Latched: the first reason stays until an operator resumes."""
        if self._state.halted is None:
            self._state.halted = reason
            self._tell(reason)

    def _tell(self, reason: str) -> None:
        """Publish the trading state, if it is another than before."""
        trading = self._state.trading
        if trading is not self._told:
            self._told = trading
            why = self._state.halted or self._state.reducing or reason
            self.context.publish(TradingStateChanged(trading, why, self.context.now))
