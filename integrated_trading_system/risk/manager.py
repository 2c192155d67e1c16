"""The risk manager: every plan passes here or does not pass, and what passed is reserved until it is over.

It owns the trading state, keeps its own positions and losses from the fills alone, and is the only
one who makes an ApprovedPlan.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias, assert_never

from msgspec import Struct

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.domain.balances import spending
from integrated_trading_system.domain.book import QuoteReader
from integrated_trading_system.domain.execution import BalancesReported, Fill
from integrated_trading_system.domain.health import (
    Alarm,
    BookStateChanged,
    FeedReliable,
    FeedUnreliable,
    Halt,
    LinkChanged,
    Reconciled,
    Reduce,
    Resume,
    TradingState,
    TradingStateChanged,
)
from integrated_trading_system.domain.ids import Asset, InstrumentId, PlanId
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.plan import ApprovedPlan, Plan, PlanDenied, PlanFinished
from integrated_trading_system.domain.time import DAY, MILLISECOND
from integrated_trading_system.risk.exposure import Holding, Key
from integrated_trading_system.risk.limits import Code, loss_breach, review
from integrated_trading_system.risk.reduction import STRATEGY, outgrown, reduction
from integrated_trading_system.risk.state import RiskState, Totals
from integrated_trading_system.runtime.actor import Actor, Ref


class ReductionDue(Struct, frozen=True):
    """Timer: look for positions that outgrew their limit."""


RiskInbox: TypeAlias = (
    Plan
    | Order
    | Fill
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
    | ReductionDue
)


class RiskView(Struct, frozen=True, kw_only=True):
    """What is allowed now, and what was."""

    trading: TradingState
    reason: str
    """Of a halt or of reducing; empty otherwise."""
    worst: Totals
    """Held, and what plans in flight may still add."""
    exposure_max: Decimal
    in_flight: tuple[PlanId, ...]
    approved: int
    denied: dict[str, int]
    """By code."""
    external_fills: int
    """Fills of orders that no plan in flight made."""
    net: Decimal
    """Realised less fees, since the journal began."""
    lost_today: Decimal
    drawdown: Decimal
    unpriced: dict[Asset, int]
    """Fills whose profit or fee has no rate, by asset: they are not in the sums."""
    orders_used: int
    messages_used: int


class RiskManager(Actor[RiskInbox]):
    """Checks plans, reserves exposure, halts."""

    def __init__(
        self,
        settings: RiskSettings,
        orders: Ref[ApprovedPlan],
        quotes: QuoteReader,
        *,
        run: str = "",
        halted: str | None = None,
        recovered: Sequence[Fill] = (),
        in_flight: Sequence[Plan] = (),
        traded: Mapping[PlanId, Sequence[Decimal]] = MappingProxyType({}),
    ) -> None:
        """`orders` is the OMS, `quotes` are the feed's. `run` differs at every start, for plan ids it makes itself.

        From the journal: `halted` is the reason of a halt that nobody lifted, `recovered` every fill in order,
        `in_flight` the plans that were not finished, `traded` what each of their legs did, in its own direction.
        """
        self._settings = settings
        self._orders = orders
        self._run = run
        self._state = RiskState(settings, quotes, halted)
        self._told = TradingState.STARTING
        self._approved = 0
        self._denied: dict[Code, int] = {}
        self._reductions = 0
        self._breached: tuple[Code, int] | None = None
        """The loss limit that we halted for, and its day."""
        self._unbooked: list[Fill] = list(recovered)
        """Fills whose profit is not worked out yet: before the start is complete, or of an unlisted instrument."""
        for fill in recovered:
            self._state.exposure.recover(fill)
            self._state.price(fill.instrument, fill.price)
        for plan in in_flight:
            self._reserve(plan, traded.get(plan.plan_id, ()))

    def start(self) -> None:
        """Tell everybody what may be sent: nothing yet."""
        self._state.now = self.context.now
        self._told = self._state.trading
        self.context.publish(TradingStateChanged(self._told, self._state.halted or "starting", self.context.now))
        if self._settings.reduce_automatically:
            self.context.after(self._settings.reduce_interval_ms * MILLISECOND, ReductionDue())

    def receive(self, message: RiskInbox) -> None:  # noqa: C901, PLR0912 - one line a kind of message
        """One message."""
        state = self._state
        state.now = self.context.now
        match message:
            case Plan():
                self._review(message)
            case Order():
                state.exposure.order(message)
                state.throttle.order(message, state.now)
            case Fill():
                self._on_fill(message)
            case PlanFinished():
                self._release(message.plan_id)
            case BookStateChanged():
                state.books[message.instrument] = message.state
            case FeedUnreliable(instrument, reason):
                state.unreliable[instrument] = reason
            case FeedReliable(instrument):
                state.unreliable.pop(instrument, None)
            case LinkChanged():
                state.link(message)
            case Alarm():
                state.alarm(message)
            case BalancesReported():
                state.balances.report(message)
            case InstrumentsListed():
                state.instruments.update((one.instrument, one) for one in message.instruments)
                self._book_losses()
            case Reconciled():
                state.reconciled = True
                self._book_losses()
                self._tell("reconciled")
            case Halt():
                self._halt(f"{message.reason} (by {message.by})")
            case Reduce():
                state.reducing = f"{message.reason} (by {message.by})"
                self._tell(state.reducing)
            case Resume():
                state.halted = state.reducing = None
                self._tell(f"resumed by {message.by}")
            case Shutdown():
                state.stopping = True
            case ReductionDue():
                self._reduce_outgrown()
            case _:
                assert_never(message)

    # -- what the facade and the API may ask between turns ---------------------------------------

    def calculate_exposure(self, instrument: InstrumentId, price: Decimal) -> Decimal | None:
        """Worst-case notional of the instrument at this price, in the reporting currency; None where it has no rate."""
        size = sum((holding.worst for _, holding in self._state.exposure.of(instrument)), ZERO)
        return self._state.worth(instrument, size, price)

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
        state = self._state
        state.now = self.context.now
        return RiskView(
            trading=state.trading,
            reason=state.halted or state.reducing or "",
            worst=state.totals(),
            exposure_max=self._settings.exposure_max,
            in_flight=tuple(state.exposure.plans),
            approved=self._approved,
            denied={code.value: count for code, count in self._denied.items()},
            external_fills=state.exposure.external,
            net=state.losses.net,
            lost_today=state.losses.today(state.now),
            drawdown=state.losses.drawdown,
            unpriced=dict(state.losses.unpriced),
            orders_used=state.throttle.orders.used(state.now),
            messages_used=state.throttle.messages.used(state.now),
        )

    # -- plans -----------------------------------------------------------------------------------

    def _review(self, plan: Plan) -> None:
        """Approve and reserve, or deny by name."""
        denial = review(plan, self._state, self._settings)
        if denial is not None:
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
            return
        self._approved += 1
        self._reserve(plan)
        self._orders.tell(ApprovedPlan(plan=plan, approved_at=self.context.now))

    def _reserve(self, plan: Plan, traded: Sequence[Decimal] = ()) -> None:
        """Exposure, money and rates, until the plan is finished."""
        state = self._state
        state.remember(plan.plan_id)
        state.exposure.reserve(plan, traded)
        state.throttle.claim(plan)
        for leg in plan.legs:
            state.price(leg.instrument, leg.price)
            instrument = state.instruments.get(leg.instrument)
            if instrument is not None:
                spent = spending(instrument, leg.account, leg.side, leg.price, leg.quantity)
                if spent is not None:
                    state.balances.hold(plan.plan_id, *spent)

    def _release(self, plan_id: PlanId) -> None:
        self._state.exposure.finish(plan_id)
        self._state.throttle.finish(plan_id)
        self._state.balances.release(plan_id)

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
        state.exposure.fill(fill)
        state.price(fill.instrument, fill.price)
        instrument = state.instruments.get(fill.instrument)
        if instrument is not None:
            state.balances.fill(fill, instrument)
        self._unbooked.append(fill)
        self._book_losses()

    def _book_losses(self) -> None:
        """Book every fill whose instrument is known, in order; halt where that breaks a limit.

        Not before the start is complete: an order of booking that never was could show a drawdown that never was.
        """
        state = self._state
        if not state.reconciled or not self._unbooked:
            return
        unbooked, self._unbooked = self._unbooked, []
        for fill in unbooked:
            instrument = state.instruments.get(fill.instrument)
            if instrument is None:
                self._unbooked.append(fill)
            else:
                state.losses.fill(fill, instrument)
        breach = loss_breach(state, self._settings)
        if breach is None:
            self._breached = None
            return
        day = state.now // DAY if breach.code is Code.DAILY_LOSS else 0
        before, self._breached = self._breached, (breach.code, day)
        if self._breached != before:  # resuming is not undone by the next fill of what reduces
            self._halt(f"{breach.code}: {breach.detail}")

    # -- the trading state -----------------------------------------------------------------------

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
            self.context.publish(TradingStateChanged(trading, self._state.halted or reason, self.context.now))
