"""Approved plans: intended all at once, sent once that is durable, repaired leg by leg, finished when all is proven."""

from collections import deque
from collections.abc import Mapping

from msgspec import Struct

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import AccountId, InstrumentId, PlanId, VenueId, venue_of
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import OrderRequest, OrderStatus, OrderType, TimeInForce
from integrated_trading_system.domain.plan import Leg, Plan
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.oms.answers import Answers
from integrated_trading_system.oms.desk import Desk
from integrated_trading_system.oms.identifiers import ClientOrderIds, IdentifiersExhausted
from integrated_trading_system.oms.journal import Journal
from integrated_trading_system.oms.legs import Cancel, Finish, Permission, Repair, Wait, keeps_envelope, next_step
from integrated_trading_system.oms.outcome import finished
from integrated_trading_system.oms.records import PlanClosed, PlanIntended, Purpose, RepairIntended
from integrated_trading_system.oms.state import InFlight, Tracked


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
        accounts: Mapping[VenueId, AccountId],
    ) -> None:
        """Those that the journal tells of."""
        self._desk = desk
        self._journal = journal
        self._answers = answers
        self._identifiers = identifiers
        self._send_window = settings.send_window_ms * MILLISECOND
        self._repair_pause = Nanos(settings.repair_pause_ms * MILLISECOND)
        self._cancel_retry = settings.cancel_retry_ms * MILLISECOND
        self._accounts = accounts
        self._undurable: deque[_Batch] = deque()
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
            requests = tuple(self._request(plan, index, leg) for index, leg in enumerate(plan.legs))
        except IdentifiersExhausted as error:
            self._refuse(plan, f"client order ids: {error}")
            return
        record = PlanIntended(plan=plan, orders=requests, latest_send=latest_send, at=self._desk.now)
        sequence = self._journal.write(record)
        orders = self._journal.state.plans[plan.plan_id].orders
        self._undurable.append(_Batch(sequence, tuple(orders), latest_send))

    def _refuse(self, plan: Plan, reason: str) -> None:
        self._desk.publish(finished(plan, (), self.instruments, reason, self._desk.now))

    def _refusal(self, plan: Plan) -> str:
        """Why a leg cannot be traded at all; both legs are looked at before either is sent."""
        for leg in plan.legs:
            if self._accounts.get(venue_of(leg.instrument)) != leg.account:
                return f"no account {leg.account} on {venue_of(leg.instrument)}"
            if (instrument := self.instruments.get(leg.instrument)) is None:
                return f"{leg.instrument} is not listed"
            if why := instrument.refusal(leg.price, leg.quantity):
                return f"{leg.instrument} refuses by {why}"
        return ""

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

    def advance(self) -> None:
        """Do what is next for every plan that was touched, until all of them wait."""
        while self._journal.touched:
            plan_id = next(iter(self._journal.touched))
            del self._journal.touched[plan_id]
            in_flight = self._journal.state.plans.get(plan_id)
            if in_flight is not None and all(leg.instrument in self.instruments for leg in in_flight.plan.legs):
                self._step(in_flight)

    def _step(self, in_flight: InFlight) -> None:
        plan, now = in_flight.plan, self._desk.now
        match next_step(in_flight, self.instruments, self._permission(), now, self._repair_pause):
            case Wait(until):
                if until is not None:
                    self._desk.look_later(plan.plan_id, until - now)
            case Cancel(orders):
                for client_order_id in orders:
                    self._desk.cancel(self._journal.state.orders[client_order_id].order)
                self._desk.look_later(plan.plan_id, self._cancel_retry)
            case Repair() as repair:
                self._repair(in_flight, repair)
            case Finish(reason):
                self._close(in_flight, reason)

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
        assert keeps_envelope(plan, in_flight.orders, repair), f"{repair} is outside the envelope of {plan.plan_id}"
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
        latest_send = Nanos(min(self._desk.now + self._send_window, plan.hedge_by))
        record = RepairIntended(order=request, purpose=repair.purpose, latest_send=latest_send, at=self._desk.now)
        self._undurable.append(_Batch(self._journal.write(record), (in_flight.orders[-1],), latest_send))

    def _close(self, in_flight: InFlight, reason: str) -> None:
        result = finished(in_flight.plan, in_flight.orders, self.instruments, reason, self._desk.now)
        self._journal.write(PlanClosed(finished=result))
