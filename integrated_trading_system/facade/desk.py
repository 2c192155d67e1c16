"""Carries out what library users ask for: each request is a plan told to risk, followed until its outcome is known."""

import asyncio
from decimal import Decimal
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct

from integrated_trading_system.domain.errors import ConfigurationError, Refused
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.ids import ActorName, ClientOrderId, PlanId, StrategyId, venue_of
from integrated_trading_system.domain.inputs import Input
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import ZERO, from_float
from integrated_trading_system.domain.order import CancelOrder, Order, OrderStatus, OrderType, Side, TimeInForce
from integrated_trading_system.domain.plan import HedgePolicy, Leg, Plan, PlanDenied, PlanFinished
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.orchestrator.platform import OMS, RISK, Platform
from integrated_trading_system.strategies.strategy import PlanIds

T = TypeVar("T")

BY_HAND: Final = StrategyId("by.hand")
"""Owner of what users ask for. No configured strategy can have this name."""
OUTCOMES_KEPT_MAX: Final = 10_000


class Host(Protocol):
    """The running platform, as far as it is needed here."""

    @property
    def running(self) -> bool: ...

    @property
    def platform(self) -> Platform: ...

    def now(self) -> Nanos: ...

    def tell(self, actor: ActorName, message: Input) -> None: ...

    async def answer(self, future: asyncio.Future[T]) -> T:
        """Wait for it as long as the core runs."""


class OrderOutcome(Struct, frozen=True, kw_only=True):
    """What became of a request: orders as they are now, or the denial."""

    plan_id: PlanId
    orders: tuple[Order, ...]
    """One, unless the request concerned several accounts; none where nothing left us."""
    fills: tuple[Fill, ...]
    code: str
    """Why risk denied it, by name; empty where it did not."""
    reason: str
    """In words, where it did not end as it was asked."""
    final: bool
    """Nothing more will happen to it."""

    @property
    def order(self) -> Order | None:
        """The order, where there was one."""
        return self.orders[0] if self.orders else None

    @property
    def client_order_id(self) -> ClientOrderId | None:
        """To cancel it by."""
        return self.orders[0].request.client_order_id if self.orders else None

    @property
    def status(self) -> str:
        """The order's status; ``denied`` where risk said no, ``unsent`` where it never left."""
        if self.orders:
            return self.orders[0].status.value
        return "denied" if self.code else "unsent"

    @property
    def filled(self) -> Decimal:
        """In the instrument's own units, of all orders."""
        return sum((fill.quantity for fill in self.fills), ZERO)

    @property
    def average_price(self) -> Decimal:
        """Of all fills; 0 where there are none."""
        filled = self.filled
        return sum((fill.price * fill.quantity for fill in self.fills), ZERO) / filled if filled else ZERO


class _Record:
    """One request under way, or remembered."""

    def __init__(self, plan_id: PlanId) -> None:
        loop = asyncio.get_running_loop()
        self.plan_id = plan_id
        self.orders: dict[ClientOrderId, Order] = {}
        self.fills: list[Fill] = []
        self.code = self.reason = ""
        self.over: asyncio.Future[None] = loop.create_future()
        """Denied, or finished."""
        self.placed: asyncio.Future[None] = loop.create_future()
        """Over, or every order is at its venue."""

    def end(self, code: str, reason: str) -> None:
        self.code, self.reason = code, reason
        _settle(self.over)
        _settle(self.placed)

    def outcome(self) -> OrderOutcome:
        reasons = (self.reason, *(order.reason for order in self.orders.values()))
        return OrderOutcome(
            plan_id=self.plan_id,
            orders=tuple(self.orders.values()),
            fills=tuple(self.fills),
            code=self.code,
            reason=next((reason for reason in reasons if reason and reason != "complete"), ""),
            final=self.over.done(),
        )


class Desk:
    """A ref: hears of orders, and completes the requests they belong to. One for each running platform."""

    def __init__(self, orchestrator: Host, run: int) -> None:
        """The platform has been started; `run` counts its starts."""
        self._orchestrator = orchestrator
        self._plan_ids = PlanIds(str(run))
        self._records: dict[PlanId, _Record] = {}
        self._by_order: dict[ClientOrderId, _Record] = {}
        kinds: tuple[type[Any], ...] = (Order, Fill, PlanDenied, PlanFinished)
        for kind in kinds:
            orchestrator.platform.system.bus.subscribe(kind, self)

    # -- asking --------------------------------------------------------------------------------

    def next_plan_id(self) -> PlanId:
        """Never used before."""
        return self._plan_ids.next(BY_HAND)

    async def place(
        self,
        instrument: Instrument,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        order_type: OrderType,
        time_in_force: TimeInForce,
    ) -> OrderOutcome:
        """One order, on tick (never worse than asked) and lot (never more than asked)."""
        account = self._orchestrator.platform.accounts[venue_of(instrument.instrument)]
        limit = instrument.round_price(price, side)
        leg = Leg(
            instrument=instrument.instrument,
            account=account,
            side=side,
            quantity=instrument.round_quantity(quantity),
            price=limit,
            worst_price=limit,
            unwind_price=limit,
            order_type=order_type,
            time_in_force=time_in_force,
        )
        now = self._orchestrator.now()
        by = Nanos(now + SECOND)
        plan = Plan(
            plan_id=self.next_plan_id(),
            strategy=BY_HAND,
            legs=(leg,),
            policy=HedgePolicy.CANCEL,
            hedge_orders_max=0,
            created_at=now,
            submit_by=by,
            hedge_by=by,
        )
        return await self.carry_out(plan)

    async def carry_out(self, plan: Plan) -> OrderOutcome:
        """Tell risk; the outcome once it is final, or once every order rests at its venue."""
        self._check_running()
        record = self._records[plan.plan_id] = _Record(plan.plan_id)
        self._forget_old()
        self._orchestrator.tell(RISK, plan)
        await self._orchestrator.answer(record.placed)
        return record.outcome()

    async def cancel(self, client_order_id: ClientOrderId) -> OrderOutcome:
        """Cancel it; the final outcome, which may well be that it was filled."""
        self._check_running()
        record = self.find(client_order_id)
        if not record.over.done():
            request = record.orders[client_order_id].request
            self._orchestrator.tell(OMS, CancelOrder(client_order_id, request.instrument, request.account))
            await self._orchestrator.answer(record.over)
        return record.outcome()

    def outcome(self, client_order_id: ClientOrderId) -> OrderOutcome:
        """What has become of it so far."""
        return self.find(client_order_id).outcome()

    def find(self, client_order_id: ClientOrderId) -> _Record:
        """Raises ConfigurationError for an order that was not placed here."""
        record = self._by_order.get(client_order_id)
        if record is None:
            raise ConfigurationError(f"no order {client_order_id!r} was placed here in this run")
        return record

    # -- hearing -------------------------------------------------------------------------------

    def tell(self, message: Order | Fill | PlanDenied | PlanFinished, /) -> None:
        """A fact of the core, in its turn: note it, and let those go on who wait for it."""
        match message:
            case Order():
                self._on_order(message)
            case Fill():
                if (record := self._by_order.get(message.client_order_id)) is not None:
                    record.fills.append(message)
            case PlanDenied():
                if (record := self._records.get(message.plan_id)) is not None:
                    record.end(message.code, message.detail)
            case PlanFinished():
                if (record := self._records.get(message.plan_id)) is not None:
                    record.end("", message.reason)

    def _on_order(self, order: Order) -> None:
        record = self._records.get(order.request.plan_id)
        if record is None:
            return
        record.orders[order.request.client_order_id] = order
        self._by_order[order.request.client_order_id] = record
        resting = (
            one.status is OrderStatus.WORKING and one.request.time_in_force is TimeInForce.GTC
            for one in record.orders.values()
        )
        if all(resting):
            _settle(record.placed)

    # -- inside --------------------------------------------------------------------------------

    def _check_running(self) -> None:
        if not self._orchestrator.running:
            raise Refused("the platform does not run: `await orchestrator.initialize()` first")

    def _forget_old(self) -> None:
        """Keep the newest outcomes only; what is under way stays."""
        if len(self._records) > OUTCOMES_KEPT_MAX:
            oldest = next((record for record in self._records.values() if record.over.done()), None)
            if oldest is not None:
                del self._records[oldest.plan_id]
                for client_order_id in oldest.orders:
                    del self._by_order[client_order_id]


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def exact(value: Decimal | float | str) -> Decimal:
    """The number as it is written: 0.1 is a tenth."""
    return from_float(value) if isinstance(value, float) else Decimal(value)
