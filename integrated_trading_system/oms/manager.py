"""The order management: approved plans in, orders to the venues, every fill owned.

No money is lost by it: nothing leaves before its intent is on disk, nothing counts as over before
that is proven, and after a crash the journal and the venues together tell all there is to know.
"""

from collections.abc import Mapping
from typing import TypeAlias, assert_never

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.execution import (
    BalancesReported,
    CancelFailed,
    Fill,
    FillsListed,
    OpenOrdersListed,
    OrderAccepted,
    OrderDone,
    OrderNotFound,
    OrderRejected,
    OrderReport,
    RequestFailed,
    SubmitRefused,
    SubmitUncertain,
    UserStreamChanged,
    VenueExecution,
)
from integrated_trading_system.domain.health import Reconciled, TradingState, TradingStateChanged
from integrated_trading_system.domain.ids import AccountId, VenueId, venue_of, venue_of_account
from integrated_trading_system.domain.inputs import Shutdown
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.journal import JournalCommitted, JournalFailed, JournalInput
from integrated_trading_system.domain.order import CancelOrder, CancelOrders, Order, OrderStatus, TradingRequest
from integrated_trading_system.domain.plan import AmendPlan, ApprovedPlan
from integrated_trading_system.domain.position import ExternalFlow, FundingPaid, OpeningBalance
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.oms.answers import Answers
from integrated_trading_system.oms.cancelling import Cancelling
from integrated_trading_system.oms.desk import (
    CancelDue,
    ChaseDue,
    Desk,
    GraceOver,
    OmsTimer,
    PlanDue,
    PollDue,
    ProofDue,
    RetryDue,
)
from integrated_trading_system.oms.external import External
from integrated_trading_system.oms.identifiers import ClientOrderIds
from integrated_trading_system.oms.journal import Journal
from integrated_trading_system.oms.plans import Plans
from integrated_trading_system.oms.reconciliation import About, Question
from integrated_trading_system.oms.records import BalanceOpened, ExternalBooked, FundingBooked, Started, decode
from integrated_trading_system.oms.state import State
from integrated_trading_system.oms.view import OrderManagementView
from integrated_trading_system.runtime.actor import Actor, Ref

OmsInbox: TypeAlias = (
    ApprovedPlan
    | AmendPlan
    | CancelOrder
    | CancelOrders
    | VenueExecution
    | JournalInput
    | TradingStateChanged
    | InstrumentsListed
    | OpeningBalance
    | ExternalFlow
    | Shutdown
    | OmsTimer
)


class OrderManagementSystem(Actor[OmsInbox]):
    """Sends what risk approved, learns what became of it, and repairs legs within their envelope."""

    def __init__(
        self,
        settings: OmsSettings,
        accounts: Mapping[AccountId, Ref[TradingRequest]],
        receive_windows: Mapping[VenueId, Nanos],
        client_order_id_rules: Mapping[VenueId, int],
        records: tuple[bytes, ...],
        fence: int,
    ) -> None:
        """Recover from the journal's records.

        `accounts`: who takes the requests of each; a venue may have several. `receive_windows`: how long after its
        timestamp a venue takes an order; without an entry it takes one for ever, and then an order without an answer
        stays UNKNOWN. `client_order_id_rules`: 0 for text, else the largest number that the venue takes as an id.
        `fence` counts starts: greater than in any run before.
        """
        self._settings = settings
        self._accounts = accounts
        self._receive_windows = receive_windows
        self._identifiers = ClientOrderIds(fence, client_order_id_rules, settings.numeric_fence_bits)
        self._fence = fence
        self._written = len(records)
        self._state = State(settings.orders_kept_max, settings.trades_kept_max)
        for record in records:
            self._state.apply(decode(record))
        self._requests_failed = 0
        self._reconciled = False

    def start(self) -> None:
        """Begin a run: what was under way is UNKNOWN, and every venue is asked before anything else."""
        context, settings = self.context, self._settings
        self._desk = Desk(context, settings, self._state, self._accounts, self._receive_windows)
        self._journal = Journal(context, self._state, self._written)
        self._external = External(context.publish)
        self._cancelling = Cancelling(self._desk, self._state, self._external, settings, self._accounts)
        self._answers = Answers(
            self._desk,
            self._journal,
            self._external,
            fills_margin=Nanos(settings.fills_margin_ms * MILLISECOND),
            listing_lag=Nanos(settings.proof_margin_ms * MILLISECOND),
        )
        self._plans = Plans(self._desk, self._journal, self._answers, self._identifiers, settings, self._accounts)
        self._idle_due = Nanos(context.now + settings.poll_idle_ms * MILLISECOND)
        for tracked in self._state.open.values():
            if tracked.order.status is OrderStatus.WORKING:
                context.publish(tracked.order)
        self._journal.write(Started(fence=self._fence, at=context.now))
        for tracked in self._state.open.values():
            if (account := tracked.order.request.account) not in self._accounts:
                self._desk.halt(f"{tracked.client_order_id} is open on {account}, which is no longer configured")
            elif tracked.order.status is OrderStatus.UNKNOWN:
                self._desk.prove_later(tracked.order)
        for account in self._accounts:
            context.after(settings.user_stream_grace_ms * MILLISECOND, GraceOver(account))
        context.after(settings.poll_active_ms * MILLISECOND, PollDue())
        self._plans.touch_all()

    def receive(self, message: OmsInbox) -> None:
        """One message, then whatever it made possible."""
        match message:
            case Fill():
                self._answers.on_fill(message)
            case (
                OrderAccepted()
                | OrderRejected()
                | OrderDone()
                | OrderReport()
                | OrderNotFound()
                | SubmitUncertain()
                | SubmitRefused()
                | CancelFailed()
            ):
                self._answers.on_order(message)
                self._cancelling.heard(message)
            case FillsListed() | OpenOrdersListed() | BalancesReported() | RequestFailed() | UserStreamChanged():
                self._on_account(message)
            case JournalCommitted() | JournalFailed():
                self._on_journal(message)
            case ApprovedPlan():
                self._plans.approve(message.plan)
            case TradingStateChanged():
                self._on_trading_state(message)
            case InstrumentsListed():
                self._on_instruments(message)
            case CancelOrder() | CancelOrders() | AmendPlan() | Shutdown():
                self._on_request(message)
            case OpeningBalance() | ExternalFlow() | FundingPaid():
                self._keep(message)
            case PollDue() | RetryDue() | ProofDue() | ChaseDue() | PlanDue() | CancelDue() | GraceOver():
                self._on_timer(message)
            case _:
                assert_never(message)
        self._answers.release()
        self._plans.advance()
        if self._desk.start_of_day.finished():
            self._reconciled = True
            self.context.publish(Reconciled(self.context.now))

    def view(self) -> OrderManagementView:
        """Everything, as of the end of the last turn."""
        counts, seen = self._state.counts, self._answers.seen
        orders = tuple(tracked.order for tracked in self._state.open.values())
        return OrderManagementView(
            submitted=counts.submitted,
            filled=counts.filled,
            cancelled=counts.cancelled,
            rejected=counts.rejected,
            expired=counts.expired,
            unknown=sum(1 for order in orders if order.status is OrderStatus.UNKNOWN),
            external=counts.external,
            external_open=len(self._external.orders),
            open=len(orders),
            plans=len(self._state.plans),
            fills=counts.fills,
            duplicates=seen.duplicates,
            strangers=seen.strangers,
            requests_failed=self._requests_failed,
            unanswered=self._desk.unanswered,
            trading=self._plans.trading,
            reconciled=self._reconciled,
            orders=orders,
            external_orders=self._external.orders,
        )

    def _on_journal(self, message: JournalInput) -> None:
        match message:
            case JournalCommitted(sequence):
                self._plans.committed(sequence)
            case JournalFailed(_, reason):
                self._desk.halt(f"the order journal failed: {reason}")
                self._plans.failed()
                self._plans.touch_all()

    def _keep(self, message: OpeningBalance | ExternalFlow | FundingPaid) -> None:
        """The position management has no journal of its own."""
        if isinstance(message, OpeningBalance):
            self._journal.write(BalanceOpened(balance=message))
        elif isinstance(message, ExternalFlow):
            self._journal.write(ExternalBooked(flow=message))
        else:
            self._journal.write(FundingBooked(funding=message))

    # -- accounts ------------------------------------------------------------------------------

    def _on_account(
        self, message: FillsListed | OpenOrdersListed | BalancesReported | RequestFailed | UserStreamChanged
    ) -> None:
        match message:
            case FillsListed():
                self._desk.answered((About.FILLS, message.instrument, message.account))
                self._answers.on_fills(message)
            case OpenOrdersListed():
                self._desk.answered((About.OPEN_ORDERS, message.account))
                self._answers.on_open_orders(message)
                self._cancelling.heard(message)
                self._cancelling.strangers(message.account)
            case BalancesReported():
                if message.complete:  # what a stream tells of some assets is no answer
                    self._desk.answered((About.BALANCES, message.account))
                self.context.publish(message)
            case RequestFailed():
                self._requests_failed += 1
                self._desk.failed(message)
            case UserStreamChanged():
                self._plans.on_stream(message.account, up=message.up)
                if message.up:
                    self._on_stream(message.account)

    def _on_instruments(self, message: InstrumentsListed) -> None:
        for instrument in message.instruments:
            self._plans.instruments[instrument.instrument] = instrument
        self._plans.touch_all()
        for account in self._accounts:
            if venue_of_account(account) == message.venue and self._desk.start_of_day.listed(account):
                self._begin(account)

    def _on_stream(self, account: AccountId) -> None:
        """Events may have been lost until now: only answers to questions asked from now on will do."""
        if self._desk.start_of_day.begun(account):
            for question in self._questions(account, self._desk.in_turn(self._sent())):
                self._desk.ask(question, again=True)
        elif self._desk.start_of_day.heard(account):
            self._begin(account)

    def _begin(self, account: AccountId) -> None:
        """The first comparison with this account."""
        questions = self._questions(account, self._sent())
        self._desk.start_of_day.begin(account, questions)
        for question in questions:
            self._desk.ask(question, again=True)

    def _questions(self, account: AccountId, orders: list[Order]) -> tuple[Question, ...]:
        """Everything that a venue can tell about these orders and our money on the account."""
        venue = venue_of_account(account)
        instruments = [name for name in self._plans.instruments if venue_of(name) == venue]
        requests = (order.request for order in orders)
        return (
            (About.BALANCES, account),
            (About.OPEN_ORDERS, account),
            *((About.ORDER, request.client_order_id) for request in requests if request.account == account),
            *((About.FILLS, instrument, account) for instrument in instruments),
        )

    def _sent(self) -> list[Order]:
        """Open orders that may be at a venue."""
        orders = (tracked.order for tracked in self._state.open.values())
        sent = (order for order in orders if order.status is not OrderStatus.INTENDED)
        return [order for order in sent if order.request.account in self._accounts]

    # -- cancelling ----------------------------------------------------------------------------

    def _on_trading_state(self, message: TradingStateChanged) -> None:
        self._plans.trading = message.state
        self._plans.touch_all()
        if message.state is TradingState.ACTIVE:
            self._desk.resumed()
        if message.state is TradingState.HALTED and self._settings.cancel_on_halt:
            self._cancelling.everything()

    def _on_request(self, message: CancelOrder | CancelOrders | AmendPlan | Shutdown) -> None:
        """Somebody wants orders cancelled, or all, or moved; whether they were, the venues tell."""
        if isinstance(message, Shutdown):
            self._plans.stopping = True
            self._cancelling.everything()
        elif isinstance(message, AmendPlan):
            self._plans.amend(message)
        else:
            self._cancelling.named(message)

    # -- timers --------------------------------------------------------------------------------

    def _on_timer(self, timer: OmsTimer) -> None:
        match timer:
            case PollDue():
                self._poll()
            case RetryDue():
                self._desk.retry()
            case ProofDue(client_order_id):
                tracked = self._state.open.get(client_order_id)
                if tracked is not None and tracked.order.status is not OrderStatus.WORKING:
                    self._desk.ask((About.ORDER, client_order_id), again=True)
            case ChaseDue(client_order_id):
                tracked = self._state.open.get(client_order_id)
                if tracked is not None:
                    self._desk.ask((About.FILLS, *tracked.where), again=True)
            case PlanDue(plan_id):
                self._plans.touch(plan_id)
            case CancelDue(account):
                if self._plans.all_cancelled:
                    self._cancelling.again(account)
            case GraceOver(account):
                if not self._desk.start_of_day.begun(account) and self._desk.start_of_day.heard(account):
                    self._begin(account)

    def _poll(self) -> None:
        """Events may be lost, all of them: ask about what is open, and now and then about everything."""
        for order in self._desk.in_turn(self._sent()):
            self._desk.ask((About.ORDER, order.request.client_order_id))
            self._desk.ask((About.FILLS, order.request.instrument, order.request.account))
        if self.context.now >= self._idle_due:
            self._idle_due = Nanos(self.context.now + self._settings.poll_idle_ms * MILLISECOND)
            for account in self._accounts:
                if self._desk.start_of_day.begun(account):
                    for question in self._questions(account, []):
                        self._desk.ask(question)
        self.context.after(self._settings.poll_active_ms * MILLISECOND, PollDue())
