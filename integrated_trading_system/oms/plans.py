"""Approved plans: intended all at once, sent once that is durable, followed, repaired, and finished when proven."""

from collections import deque
from collections.abc import Collection
from decimal import Decimal

from msgspec import Struct

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import (
    AccountId,
    ClientOrderId,
    InstrumentId,
    PlanId,
    venue_of,
    venue_of_account,
)
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import OrderRequest, OrderStatus, OrderType, TimeInForce
from integrated_trading_system.domain.plan import AmendPlan, Leg, Plan, flat_by, leading
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.oms.amending import Amendments, amended, amendment
from integrated_trading_system.oms.answers import Answers
from integrated_trading_system.oms.desk import Desk
from integrated_trading_system.oms.envelope import keeps_envelope, refusal
from integrated_trading_system.oms.identifiers import ClientOrderIds, IdentifiersExhausted
from integrated_trading_system.oms.journal import Journal
from integrated_trading_system.oms.legs import may_lead, next_step
from integrated_trading_system.oms.outcome import finished
from integrated_trading_system.oms.records import PlanClosed, PlanIntended, Purpose, RepairIntended
from integrated_trading_system.oms.state import InFlight, Tracked
from integrated_trading_system.oms.steps import Around, Cancel, Finish, Permission, Repair, Wait


class _Batch(Struct, frozen=True):
    """Orders that leave together, once their record is on disk."""

    sequence: int
    orders: tuple[Tracked, ...]
    latest_send: Nanos


class Plans:
    """Every plan that is not finished."""

    def __init__(
        self,
        desk: Desk,
        journal: Journal,
        answers: Answers,
        identifiers: ClientOrderIds,
        settings: OmsSettings,
        accounts: Collection[AccountId],
    ) -> None:
        """Those that the journal tells of."""
        self._desk = desk
        self._journal = journal
        self._answers = answers
        self._identifiers = identifiers
        self._send_window = settings.send_window_ms * MILLISECOND
        self._repair_pause = Nanos(settings.repair_pause_ms * MILLISECOND)
        self._cancel_retry = settings.cancel_retry_ms * MILLISECOND
        self._cancel_on_halt = settings.cancel_on_halt
        self._accounts = accounts
        self._undurable: deque[_Batch] = deque()
        self._amendments = Amendments()
        self._cancelled: dict[ClientOrderId, Nanos] = {}
        """When an order of a plan was last asked to be cancelled."""
        self._silent: dict[AccountId, None] = {}
        """Accounts whose event stream is down."""
        self.instruments: dict[InstrumentId, Instrument] = {}
        self.trading = TradingState.STARTING
        self.stopping = False

    # -- intending -----------------------------------------------------------------------------

    def approve(self, plan: Plan) -> None:
        """Intend all its first orders, or none and say why."""
        if (known := self._journal.state.plans.get(plan.plan_id)) is not None:
            # Nothing of it may be sent twice; nor may its reservation be released by a PlanFinished.
            if known.plan != plan:
                self._desk.halt(f"two different plans are called {plan.plan_id}")
            return
        latest_send = Nanos(min(self._desk.now + self._send_window, plan.submit_by))
        obstacle = self._obstacle(latest_send, [leg.reduce_only for leg in plan.legs], first=True)
        if refusal := obstacle or self._refusal(plan):
            self._refuse(plan, refusal)
            return
        try:
            leaders = [(index, leg) for index, leg in enumerate(plan.legs) if leg.follows is None]
            requests = tuple(self._request(plan, index, leg) for index, leg in leaders)
        except IdentifiersExhausted as error:
            self._refuse(plan, f"client order ids: {error}")
            return
        record = PlanIntended(plan=plan, orders=requests, latest_send=latest_send, at=self._desk.now)
        sequence = self._journal.write(record)
        orders = self._journal.state.plans[plan.plan_id].orders
        self._undurable.append(_Batch(sequence, tuple(orders), latest_send))

    def amend(self, wish: AmendPlan) -> None:
        """Have what rests of a leg rest at another price."""
        in_flight = self._journal.state.plans.get(wish.plan_id)
        if refusal := self._amendments.add(wish, in_flight, self.instruments):
            self._desk.refuse_amendment(wish, refusal)
        self.touch(wish.plan_id)

    def _refuse(self, plan: Plan, reason: str) -> None:
        self._desk.publish(finished(plan, (), self.instruments, reason, self._desk.now))

    def _refusal(self, plan: Plan) -> str:
        """Why a leg cannot be traded at all; all legs are looked at before any is sent."""
        for leg in plan.legs:
            if leg.account not in self._accounts or venue_of_account(leg.account) != venue_of(leg.instrument):
                return f"no account {leg.account} on {venue_of(leg.instrument)}"
            if leg.post_only and (leg.order_type is OrderType.MARKET or leg.time_in_force is not TimeInForce.GTC):
                return f"{leg.instrument}: what is post-only rests, so it is a limit order, good till cancelled"
            if lack := self._identifiers.lacks(venue_of(leg.instrument), len(plan.legs) + plan.hedge_orders_max):
                return lack
        return refusal(plan, self.instruments)

    def _obstacle(self, latest_send: Nanos, reducing: list[bool], *, first: bool) -> str:
        """Why these orders may not leave now; empty if they may. Repairs go on while we stop."""
        if first and self.stopping:
            return "shutdown"
        if self._journal.failed:
            return "journal failed"
        if self.trading is not TradingState.ACTIVE and not (self.trading is TradingState.REDUCING and all(reducing)):
            return self.trading.value
        return "too late" if self._desk.now > latest_send else ""

    def _request(self, plan: Plan, index: int, leg: Leg) -> OrderRequest:
        return OrderRequest(
            client_order_id=self._identifiers.issue(venue_of(leg.instrument)),
            instrument=leg.instrument,
            account=leg.account,
            side=leg.side,
            order_type=leg.order_type,
            price=leg.price,
            quantity=leg.quantity,
            time_in_force=leg.time_in_force,
            strategy=plan.strategy,
            plan_id=plan.plan_id,
            leg=index,
            post_only=leg.post_only,
            reduce_only=leg.reduce_only,
        )

    # -- sending -------------------------------------------------------------------------------

    def committed(self, sequence: int) -> None:
        """Everything up to this record is on disk."""
        while self._undurable and self._undurable[0].sequence <= sequence:
            self._send(self._undurable.popleft())

    def failed(self) -> None:
        """Nothing will be durable any more: what waits for the disk never leaves."""
        self._journal.failed = True
        while self._undurable:
            self._send(self._undurable.popleft())

    def _send(self, batch: _Batch) -> None:
        """All of them in one turn, or none."""
        reducing = [tracked.purpose is Purpose.UNWIND or tracked.order.request.reduce_only for tracked in batch.orders]
        first = any(tracked.purpose is Purpose.FIRST for tracked in batch.orders)
        obstacle = self._obstacle(batch.latest_send, reducing, first=first)
        if any(tracked.order.status is not OrderStatus.INTENDED for tracked in batch.orders):
            obstacle = obstacle or "in use by others"
        for tracked in batch.orders:
            if obstacle:
                self._answers.unsent(tracked, obstacle)
            else:
                self._answers.sent(tracked)
                self._desk.submit(tracked.order)

    # -- repairing and finishing ---------------------------------------------------------------

    def touch(self, plan_id: PlanId) -> None:
        """Look at this plan again."""
        self._journal.touched[plan_id] = None

    def touch_all(self) -> None:
        """Look at every plan again: what is allowed, or known, has changed."""
        self._journal.touched.update(dict.fromkeys(self._journal.state.plans))

    def on_stream(self, account: AccountId, *, up: bool) -> None:
        """Its event stream came up or went down."""
        if up:
            self._silent.pop(account, None)
        else:
            self._silent[account] = None
        self.touch_all()

    def advance(self) -> None:
        """Do what is next for every plan that was touched, until all of them wait."""
        while self._journal.touched:
            plan_id = next(iter(self._journal.touched))
            del self._journal.touched[plan_id]
            in_flight = self._journal.state.plans.get(plan_id)
            if in_flight is not None and all(map(self._known, in_flight.plan.legs)):
                self._step(in_flight)

    def _known(self, leg: Leg) -> bool:
        return leg.instrument in self.instruments and leg.account in self._accounts

    def _step(self, in_flight: InFlight) -> None:
        plan, now = in_flight.plan, self._desk.now
        around = Around(
            instruments=self.instruments,
            permission=self._permission(),
            now=now,
            pause=self._repair_pause,
            silent=self._silent.keys(),
        )
        if (wish := self._amendments.of(plan.plan_id)) is not None and self._amend(in_flight, wish, around):
            return
        match next_step(in_flight, around):
            case Wait(until):
                if until is not None:
                    self._desk.look_later(plan.plan_id, until - now)
            case Cancel(orders):
                self._cancel(plan.plan_id, orders)
            case Repair() as repair:
                self._repair(in_flight, repair)
            case Finish(reason):
                self._close(in_flight, reason)

    def _amend(self, in_flight: InFlight, wish: AmendPlan, around: Around) -> bool:
        """One step towards the new price; whether the new order was made."""
        plan, now = in_flight.plan, self._desk.now
        match amendment(wish, in_flight, self.instruments, now):
            case Cancel(orders):
                self._cancel(plan.plan_id, orders)
            case Decimal() as left:
                self._amendments.drop(plan.plan_id)
                latest_send = Nanos(now + self._send_window)
                leg = amended(plan, wish, left)
                obstacle = self._obstacle(latest_send, [leg.reduce_only], first=True)
                if wish.leg in leading(plan) and not may_lead(in_flight, around):
                    obstacle = obstacle or "its next fill might not be hedged"
                if not obstacle:
                    return self._order_anew(in_flight, wish, leg, latest_send)
                self._desk.refuse_amendment(wish, obstacle)
            case str() as reason:
                self._amendments.drop(plan.plan_id)
                self._desk.refuse_amendment(wish, reason)
            case _:
                pass
        return False

    def _order_anew(self, in_flight: InFlight, wish: AmendPlan, leg: Leg, latest_send: Nanos) -> bool:
        """Like every order it waits for the disk."""
        try:
            request = self._request(in_flight.plan, wish.leg, leg)
        except IdentifiersExhausted as error:
            self._desk.refuse_amendment(wish, f"client order ids: {error}")
            return False
        record = RepairIntended(order=request, purpose=Purpose.FIRST, latest_send=latest_send, at=self._desk.now)
        self._undurable.append(_Batch(self._journal.write(record), (in_flight.orders[-1],), latest_send))
        return True

    @property
    def all_cancelled(self) -> bool:
        """Whether whatever is open is being cancelled, whichever plan it is of."""
        return self.stopping or (self.trading is TradingState.HALTED and self._cancel_on_halt)

    def _cancel(self, plan_id: PlanId, orders: tuple[ClientOrderId, ...]) -> None:
        """Ask for it, and again when it should have been done by now: one timer for each time it was asked for."""
        now, asked = self._desk.now, False
        for client_order_id in () if self.all_cancelled else orders:
            if now >= self._cancelled.get(client_order_id, Nanos(0)) + self._cancel_retry:
                self._cancelled[client_order_id] = now
                self._desk.cancel(self._journal.state.orders[client_order_id].order)
                asked = True
        if asked:
            self._desk.look_later(plan_id, self._cancel_retry)

    def _permission(self) -> Permission:
        if self._journal.failed:
            return Permission.NONE
        return {
            TradingState.STARTING: Permission.LATER,
            TradingState.ACTIVE: Permission.ALL,
            TradingState.REDUCING: Permission.UNWIND,
            TradingState.HALTED: Permission.NONE,
        }[self.trading]

    def _repair(self, in_flight: InFlight, repair: Repair) -> None:
        """Intend one more order of the plan; like every order it waits for the disk."""
        plan, leg = in_flight.plan, in_flight.plan.legs[repair.leg]
        kept = keeps_envelope(plan, in_flight.orders, repair, self._desk.now, self.instruments)
        assert kept, f"{repair} is outside the envelope of {plan.plan_id}"
        try:
            client_order_id = self._identifiers.issue(venue_of(leg.instrument))
        except IdentifiersExhausted as error:
            self._close(in_flight, f"residual: client order ids: {error}")
            return
        request = OrderRequest(
            client_order_id=client_order_id,
            instrument=leg.instrument,
            account=leg.account,
            side=repair.side,
            order_type=OrderType.LIMIT,
            price=repair.price,
            quantity=repair.quantity,
            time_in_force=TimeInForce.IOC,
            strategy=plan.strategy,
            plan_id=plan.plan_id,
            leg=repair.leg,
            reduce_only=leg.reduce_only and repair.purpose is Purpose.HEDGE,
        )
        latest_send = Nanos(min(self._desk.now + self._send_window, flat_by(plan)))
        record = RepairIntended(order=request, purpose=repair.purpose, latest_send=latest_send, at=self._desk.now)
        self._undurable.append(_Batch(self._journal.write(record), (in_flight.orders[-1],), latest_send))

    def _close(self, in_flight: InFlight, reason: str) -> None:
        if (wish := self._amendments.drop(in_flight.plan.plan_id)) is not None:
            self._desk.refuse_amendment(wish, "the plan is over")
        for tracked in in_flight.orders:
            self._cancelled.pop(tracked.client_order_id, None)
        result = finished(in_flight.plan, in_flight.orders, self.instruments, reason, self._desk.now)
        self._journal.write(PlanClosed(finished=result))
