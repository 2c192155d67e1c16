"""Everything the OMS says to a venue, and when it will say it again."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from msgspec import Struct

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.execution import RequestFailed
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
from integrated_trading_system.domain.plan import AmendPlan, AmendRefused, PlanFinished
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.oms.reconciliation import About, Question, Questions, StartOfDay
from integrated_trading_system.oms.state import State, Tracked
from integrated_trading_system.runtime.actor import Context, Ref, Timer

ORDERS_ASKED_MAX: Final = 50
"""Orders asked about at a time: a venue takes so many questions easily; a thousand at once it does not."""


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
    """Timer: cancel again what is still open on this account."""

    account: AccountId


class GraceOver(Struct, frozen=True):
    """Timer: this account's event stream was waited for long enough."""

    account: AccountId


OmsTimer: TypeAlias = PollDue | RetryDue | ProofDue | ChaseDue | PlanDue | CancelDue | GraceOver


class Desk:
    """Asks, submits, cancels; reads the state, never changes it."""

    def __init__(
        self,
        context: Context,
        settings: OmsSettings,
        state: State,
        accounts: Mapping[AccountId, Ref[TradingRequest]],
        receive_windows: Mapping[VenueId, Nanos],
    ) -> None:
        """Nothing asked yet. `accounts`: who takes the requests of each."""
        self._context = context
        self._settings = settings
        self._state = state
        self._accounts = accounts
        self._receive_windows = receive_windows
        self._questions = Questions(
            Nanos(settings.retry_first_ms * MILLISECOND), Nanos(settings.retry_max_ms * MILLISECOND)
        )
        self._retry_pending = False
        self._turn = 0
        self._halts: dict[str, None] = {}
        self.start_of_day = StartOfDay(tuple(accounts))

    @property
    def now(self) -> Nanos:
        """The time of this turn."""
        return self._context.now

    # -- orders --------------------------------------------------------------------------------

    def submit(self, order: Order) -> None:
        """Place it."""
        self.tell(order.request.account, SubmitOrder(order.request, order.latest_send))

    def cancel(self, order: Order) -> None:
        """Cancel it. Never waits behind anything."""
        self.tell(order.request.account, cancel_of(order))

    def tell(self, account: AccountId, request: TradingRequest) -> None:
        """Hand it to whoever takes the account's requests."""
        self._accounts[account].tell(request)

    def cancel_later(self, account: AccountId, delay: int) -> Timer:
        """Set a timer to cancel again."""
        return self._context.after(delay, CancelDue(account))

    def look_later(self, plan_id: PlanId, delay: int) -> None:
        """Set a timer to look at the plan again."""
        self._context.after(delay, PlanDue(plan_id))

    # -- questions -----------------------------------------------------------------------------

    def ask(self, question: Question, *, again: bool = False) -> None:
        """Ask, unless an answer may still come; `again`: only an answer to a question asked from now on will do."""
        account = self._account_of(question)
        if account is None:
            self.answered(question)
            return
        if self._questions.ask(question, account, self.now, again=again):
            self._send(question)
        if not self._retry_pending:
            self._retry_pending = True
            self._context.after(self._settings.retry_first_ms * MILLISECOND, RetryDue())

    def in_turn(self, orders: list[Order]) -> list[Order]:
        """Those of them to ask about now: where there are very many, some; the next time the next ones."""
        start = self._turn if self._turn < len(orders) else 0
        self._turn = start + ORDERS_ASKED_MAX
        return orders[start : self._turn]

    def answered(self, question: Question) -> None:
        """It was."""
        self.start_of_day.answered(question)
        following = self._questions.answered(question, self.now)
        if following is not None:
            self._send(following)

    def failed(self, news: RequestFailed) -> None:
        """It is asked again by the timer; where there was only no room for it, in its turn."""
        about = {"open_orders": About.OPEN_ORDERS, "balances": About.BALANCES}.get(news.subject)
        if not news.no_room:
            return
        if about is not None:
            self._questions.no_room((about, news.account))
        elif (name := ClientOrderId(news.subject)) in self._state.open:
            self._questions.no_room((About.ORDER, name))
        else:
            self._questions.no_room((About.FILLS, InstrumentId(news.subject), news.account))

    def _account_of(self, question: Question) -> AccountId | None:
        """None for an order that has ended meanwhile: that question needs no answer any more."""
        match question:
            case About.ORDER, name:
                tracked = self._state.open.get(ClientOrderId(name))
                return None if tracked is None else tracked.order.request.account
            case _, _, account:
                return account
            case _, account:
                return AccountId(account)

    def retry(self) -> None:
        """Repeat what got no answer."""
        for question in self._questions.overdue(self.now):
            self._send(question)
        self._retry_pending = len(self._questions) > 0
        if self._retry_pending:
            self._context.after(self._settings.retry_first_ms * MILLISECOND, RetryDue())

    def since(self, instrument: InstrumentId, account: AccountId) -> Nanos:
        """From when on fills in the instrument may be missing on the account."""
        there = (tracked for tracked in self._state.open.values() if tracked.where == (instrument, account))
        created = (tracked.order.created_at for tracked in there)
        known = min((self._state.covered_until(instrument, account), *created))
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
                query = QueryOrder(request.client_order_id, request.instrument, request.account, venue_order_id)
                self.tell(request.account, query)
            case _, instrument, account:
                self.tell(account, QueryFills(instrument, account, self.since(instrument, account)))
            case About.OPEN_ORDERS, name:
                self.tell(AccountId(name), QueryOpenOrders(AccountId(name)))
            case _, name:
                self.tell(AccountId(name), QueryBalances(AccountId(name)))

    # -- proofs --------------------------------------------------------------------------------

    def proof_after(self, order: Order) -> Nanos | None:
        """As of the function, for the venue of the order."""
        return proof_after(order, self._receive_windows.get(venue_of(order.request.instrument)), self._settings)

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

    def refuse_amendment(self, wish: AmendPlan, reason: str) -> None:
        """The price stays."""
        self._context.publish(
            AmendRefused(plan_id=wish.plan_id, strategy=wish.strategy, leg=wish.leg, reason=reason, at=self.now)
        )

    def halt(self, reason: str) -> None:
        """Stop trading. Each reason is told once, until trading is resumed."""
        if reason not in self._halts:
            self._halts[reason] = None
            self._context.publish(Halt(reason, "oms"))

    def resumed(self) -> None:
        """Trading goes on: a reason to halt that comes back is a new one."""
        self._halts.clear()


def proof_after(order: Order, window: Nanos | None, settings: OmsSettings) -> Nanos | None:
    """After this instant no copy of the order can be accepted any more; None where one always can.

    A venue without a receive window accepts a request however old it is. Once it has taken the
    order, though, there is nothing left to be accepted.
    """
    if window is None and order.status is not OrderStatus.WORKING:
        return None
    return Nanos(order.latest_send + (window or 0) + settings.proof_margin_ms * MILLISECOND)


def cancel_of(order: Order) -> CancelOrder:
    """What cancels it."""
    request = order.request
    return CancelOrder(request.client_order_id, request.instrument, request.account, order.venue_order_id)
