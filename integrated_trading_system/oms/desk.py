"""Everything the OMS says to a venue, and when it will say it again."""

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.health import Halt
from integrated_trading_system.domain.ids import AccountId, ClientOrderId, InstrumentId, PlanId, VenueId, venue_of
from integrated_trading_system.domain.order import (
    CancelOrder,
    Order,
    OrderStatus,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    SubmitOrder,
    TradingRequest,
)
from integrated_trading_system.domain.plan import PlanFinished
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.oms.reconciliation import About, Question, Questions, StartOfDay
from integrated_trading_system.oms.state import State, Tracked
from integrated_trading_system.runtime.actor import Context, Ref


class PollDue(Struct, frozen=True):
    """Timer: ask about what is open."""


class RetryDue(Struct, frozen=True):
    """Timer: repeat questions that got no answer."""


class ProofDue(Struct, frozen=True):
    """Timer: from now on "not found" is proof."""

    client_order_id: ClientOrderId


class ChaseDue(Struct, frozen=True):
    """Timer: the fills of this order should have come by now."""

    client_order_id: ClientOrderId


class PlanDue(Struct, frozen=True):
    """Timer: look at this plan again."""

    plan_id: PlanId


class CancelDue(Struct, frozen=True):
    """Timer: cancel again what is still open."""


class GraceOver(Struct, frozen=True):
    """Timer: this venue's event stream was waited for long enough."""

    venue: VenueId


OmsTimer: TypeAlias = PollDue | RetryDue | ProofDue | ChaseDue | PlanDue | CancelDue | GraceOver


class Desk:
    """Asks, submits, cancels; reads the state, never changes it."""

    def __init__(
        self,
        context: Context,
        settings: OmsSettings,
        state: State,
        venues: Mapping[VenueId, Ref[TradingRequest]],
        accounts: Mapping[VenueId, AccountId],
        receive_windows: Mapping[VenueId, Nanos],
    ) -> None:
        """Nothing asked yet."""
        self._context = context
        self._settings = settings
        self._state = state
        self._venues = venues
        self._accounts = accounts
        self._receive_windows = receive_windows
        self._questions = Questions(
            Nanos(settings.retry_first_ms * MILLISECOND), Nanos(settings.retry_max_ms * MILLISECOND)
        )
        self._retry_pending = False
        self._halts: dict[str, None] = {}
        self.start_of_day = StartOfDay(tuple(accounts))

    @property
    def now(self) -> Nanos:
        """The time of this turn."""
        return self._context.now

    # -- orders --------------------------------------------------------------------------------

    def submit(self, order: Order) -> None:
        """Place it."""
        self._tell(order.request.instrument, SubmitOrder(order.request, order.latest_send))

    def cancel(self, order: Order) -> None:
        """Cancel it. Never waits behind anything."""
        request = order.request
        self._tell(
            request.instrument,
            CancelOrder(request.client_order_id, request.instrument, request.account, order.venue_order_id),
        )

    def cancel_later(self) -> None:
        """Set a timer to cancel again."""
        self._context.after(self._settings.cancel_retry_ms * MILLISECOND, CancelDue())

    def look_later(self, plan_id: PlanId, delay: int) -> None:
        """Set a timer to look at the plan again."""
        self._context.after(delay, PlanDue(plan_id))

    # -- questions -----------------------------------------------------------------------------

    def ask(self, question: Question, *, again: bool = False) -> None:
        """Ask, unless an answer may still come; `again`: only an answer to a question asked from now on will do."""
        if self._questions.ask(question, self.now, again=again):
            self._send(question)
        if not self._retry_pending:
            self._retry_pending = True
            self._context.after(self._settings.retry_first_ms * MILLISECOND, RetryDue())

    def answered(self, question: Question) -> None:
        """It was."""
        self._questions.answered(question)
        self.start_of_day.answered(question)

    def retry(self) -> None:
        """Repeat what got no answer."""
        for question in self._questions.overdue(self.now):
            self._send(question)
        self._retry_pending = len(self._questions) > 0
        if self._retry_pending:
            self._context.after(self._settings.retry_first_ms * MILLISECOND, RetryDue())

    def since(self, instrument: InstrumentId) -> Nanos:
        """From when on fills in the instrument may be missing."""
        orders = (tracked.order for tracked in self._state.open.values())
        created = (order.created_at for order in orders if order.request.instrument == instrument)
        known = min((self._state.covered.get(instrument, self._state.epoch), *created))
        return Nanos(max(0, known - self._settings.fills_margin_ms * MILLISECOND))

    def _send(self, question: Question) -> None:
        """Tell the venue; a question about an order that has ended meanwhile needs no answer any more."""
        match question:
            case About.ORDER, name:
                tracked = self._state.open.get(ClientOrderId(name))
                if tracked is None:
                    self.answered(question)
                    return
                request, venue_order_id = tracked.order.request, tracked.order.venue_order_id
                instrument = request.instrument
                self._tell(instrument, QueryOrder(request.client_order_id, instrument, request.account, venue_order_id))
            case About.FILLS, name:
                instrument = InstrumentId(name)
                account = self._accounts[venue_of(instrument)]
                self._tell(instrument, QueryFills(instrument, account, self.since(instrument)))
            case About.OPEN_ORDERS, name:
                self._venues[VenueId(name)].tell(QueryOpenOrders(self._accounts[VenueId(name)]))
            case _, name:
                self._venues[VenueId(name)].tell(QueryBalances(self._accounts[VenueId(name)]))

    def _tell(self, instrument: InstrumentId, request: TradingRequest) -> None:
        self._venues[venue_of(instrument)].tell(request)

    # -- proofs --------------------------------------------------------------------------------

    def proof_after(self, order: Order) -> Nanos | None:
        """After this instant no copy of the order can be accepted any more; None where one always can.

        A venue without a receive window accepts a request however old it is. Once it has taken the
        order, though, there is nothing left to be accepted.
        """
        window = self._receive_windows.get(venue_of(order.request.instrument))
        if window is None and order.status is not OrderStatus.WORKING:
            return None
        return Nanos(order.latest_send + (window or 0) + self._settings.proof_margin_ms * MILLISECOND)

    def prove_later(self, order: Order) -> None:
        """Ask for the order again once "not found" is proof."""
        if (proof := self.proof_after(order)) is not None:
            self._context.after(max(0, proof + 1 - self.now), ProofDue(order.request.client_order_id))

    def chase_later(self, tracked: Tracked) -> None:
        """Ask for the order's fills if it is still open by then."""
        if tracked.open:
            self._context.after(self._settings.fills_grace_ms * MILLISECOND, ChaseDue(tracked.client_order_id))

    @property
    def unanswered(self) -> int:
        """How many questions wait for an answer."""
        return len(self._questions)

    def publish(self, message: PlanFinished) -> None:
        """Tell how a plan ended that never began."""
        self._context.publish(message)

    def halt(self, reason: str) -> None:
        """Stop trading. Each reason is told once."""
        if reason not in self._halts:
            self._halts[reason] = None
            self._context.publish(Halt(reason, "oms"))
