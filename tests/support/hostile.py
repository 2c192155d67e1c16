"""Venues as unkind as real ones are at their worst, and the network in front of them.

Requests get lost, late, doubled; answers too; events are dropped, doubled, reordered, or all of
them are missing; queries fail or look at a lagging replica; a venue may forget orders that are over,
or list fills without our ids. A request that was sent may arrive long after we gave it up.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    CancelFailed,
    Fill,
    FillsListed,
    Liquidity,
    OpenOrdersListed,
    OrderAccepted,
    OrderDone,
    OrderNotFound,
    OrderRejected,
    OrderReport,
    RequestFailed,
    SubmitRefused,
    SubmitUncertain,
)
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    TradeId,
    VenueId,
    VenueOrderId,
    account_id,
)
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ZERO, Money
from integrated_trading_system.domain.order import (
    TERMINAL,
    CancelOrder,
    CancelOrders,
    OrderRequest,
    OrderStatus,
    OrderType,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    Side,
    SubmitOrder,
    TimeInForce,
    TradingRequest,
)
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos

WINDOW = Nanos(5 * SECOND)
VENUES = (VenueId("alpha:spot"), VenueId("beta:spot"))


def account_of(venue: VenueId) -> AccountId:
    return account_id(venue, "main")


def instrument_of(venue: VenueId) -> InstrumentId:
    return InstrumentId(f"{venue}:XY")


def listing(venue: VenueId) -> Instrument:
    return Instrument(
        instrument=instrument_of(venue),
        venue=venue,
        symbol="XY",
        base=Asset("X"),
        quote=Asset("Y"),
        settle=Asset("Y"),
        kind=Kind.SPOT,
        tick=Decimal("0.1"),
        lot=Decimal(1),
        quantity_min=Decimal(1),
    )


class Faults(Struct, kw_only=True):
    """How likely each trouble is."""

    slow: float = 0.0
    request_lost: float = 0.0
    request_doubled: float = 0.0
    answer_lost: float = 0.0
    event_lost: float = 0.0
    event_doubled: float = 0.0
    query_failed: float = 0.0
    rejected: float = 0.0
    refused: float = 0.0
    fills_anonymous: bool = False
    """Listed fills carry no client order id."""
    forgetful: bool = False
    """Queries know only orders that are open."""

    def end(self) -> None:
        """From now on everything works."""
        for name in self.__struct_fields__:
            if name not in ("fills_anonymous", "forgetful"):
                setattr(self, name, 0.0)

    @classmethod
    def drawn(cls, rng: Random) -> "Faults":
        levels = (0.0, 0.02, 0.1, 0.3)
        faults = cls(fills_anonymous=rng.random() < 0.3, forgetful=rng.random() < 0.2)
        for name in cls.__struct_fields__:
            if name not in ("fills_anonymous", "forgetful"):
                setattr(faults, name, rng.choice(levels))
        if rng.random() < 0.1:
            faults.event_lost = 1.0
        if faults.forgetful:
            faults.fills_anonymous = False  # who forgets orders and hides whose fills they were cannot be reconciled
        return faults


class VenueOrder(Struct):
    """An order as its venue sees it."""

    request: OrderRequest
    venue_order_id: VenueOrderId
    status: OrderStatus = OrderStatus.WORKING
    filled: Decimal = ZERO


class Around(Protocol):
    """What a venue needs of the world it is in."""

    now: Nanos
    life: int
    rng: Random
    faults: Faults

    def later(self, delay: int, act: Callable[[], None]) -> None: ...

    def delay(self) -> int: ...

    def chance(self, fault: str) -> bool: ...

    def tell(self, life: int, message: Any) -> None: ...

    def check_sent(self, message: SubmitOrder) -> None: ...

    def check_accepted(self, request: OrderRequest) -> None: ...


class HostileVenue:
    """One venue with the network in between; a ref that takes trading requests."""

    def __init__(self, world: Around, venue: VenueId) -> None:
        self.world = world
        self.venue = venue
        self.orders: dict[ClientOrderId, VenueOrder] = {}
        self.trades: list[tuple[Fill, Nanos]] = []
        self.in_flight: dict[int, tuple[ClientOrderId, Nanos]] = {}
        """Requests that may still arrive: their order, and until when it would be accepted."""
        self.count = 0

    # -- our side of the network ---------------------------------------------------------------

    def tell(self, message: TradingRequest, /) -> None:
        match message:
            case SubmitOrder():
                self.submit(message)
            case CancelOrder():
                self.ask(lambda _: self.cancel(message))
            case CancelOrders(orders=orders, all_open=all_open):
                self.cancel_many(orders, sweep=all_open and self.world.rng.random() < 0.5)
            case QueryOrder():
                self.ask(lambda asked: self.query(message, asked), message.client_order_id)
            case QueryFills():
                self.ask(lambda asked: self.list_fills(message, asked), message.instrument)
            case QueryOpenOrders():
                self.ask(self.list_open, "open orders")
            case QueryBalances():
                self.ask(self.balances, "balances")

    def submit(self, message: SubmitOrder) -> None:
        world, request, life = self.world, message.request, self.world.life
        world.check_sent(message)
        if world.now > message.latest_send or world.chance("refused"):
            refused = SubmitRefused(client_order_id=request.client_order_id, reason="gate", received_at=world.now)
            world.later(0, lambda: world.tell(life, refused))
            return
        answered: list[bool] = []

        def answer(*messages: Any) -> None:
            if not answered:
                answered.append(True)
                for each in messages:
                    world.tell(life, each)

        copies = 0 if world.chance("request_lost") else 2 if world.chance("request_doubled") else 1
        for copy in range(copies):
            self.count += 1
            self.in_flight[self.count] = (request.client_order_id, Nanos(world.now + WINDOW))
            world.later(world.delay(), partial(self.arrive, self.count, request, world.now, None if copy else answer))
        uncertain = SubmitUncertain(client_order_id=request.client_order_id, reason="timeout", received_at=Nanos(0))
        world.later(2 * SECOND, lambda: answer(uncertain))

    def ask(self, answer: Callable[[Nanos], Any], subject: str = "") -> None:
        """A question and its way there and back."""
        world, life, asked = self.world, self.world.life, self.world.now
        failed = RequestFailed(
            venue=self.venue, account=account_of(self.venue), subject=subject, reason="5xx", received_at=asked
        )

        def arrive() -> None:
            reply = failed if world.chance("query_failed") and subject else answer(asked)
            if not world.chance("answer_lost"):
                world.later(world.delay(), lambda: world.tell(life, reply))

        world.later(world.delay(), arrive)

    # -- the venue -----------------------------------------------------------------------------

    def arrive(self, key: int, request: OrderRequest, sent: Nanos, answer: Callable[..., None] | None) -> None:
        world, client_order_id = self.world, request.client_order_id
        del self.in_flight[key]
        reason = ""
        if world.now - sent > WINDOW:
            reason = "receive window"
        elif client_order_id in self.orders:
            reason = "duplicate client order id"
        elif world.chance("rejected"):
            reason = "margin"
        if reason:
            self.reply(answer, OrderRejected(client_order_id=client_order_id, reason=reason, received_at=world.now))
            return
        self.count += 1
        order = VenueOrder(request, VenueOrderId(f"{self.venue}-{self.count}"))
        self.orders[client_order_id] = order
        world.check_accepted(request)
        accepted = OrderAccepted(
            client_order_id=client_order_id,
            venue_order_id=order.venue_order_id,
            venue_time=world.now,
            received_at=world.now,
        )
        self.event(accepted)
        self.reply(answer, accepted)
        if request.time_in_force is TimeInForce.IOC:
            for _ in range(world.rng.randint(0, 2)):
                self.trade(order)
            self.end(order, OrderStatus.EXPIRED)
        else:
            world.later(world.rng.choice((10, 1_000, 5_000)) * MILLISECOND, lambda: self.rest(order))

    def rest(self, order: VenueOrder) -> None:
        """A resting order trades bit by bit, or waits for a cancel."""
        if order.status in TERMINAL:
            return
        self.trade(order)
        if order.status not in TERMINAL and self.world.rng.random() < 0.7:
            self.world.later(self.world.rng.randint(10, 8_000) * MILLISECOND, lambda: self.rest(order))

    def trade(self, order: VenueOrder) -> None:
        if order.status in TERMINAL:
            return
        world, request = self.world, order.request
        quantity = Decimal(world.rng.randint(1, int(request.quantity - order.filled)))
        order.filled += quantity
        self.count += 1
        fill = Fill(
            client_order_id=request.client_order_id,
            venue_order_id=order.venue_order_id,
            trade_id=TradeId(str(self.count)),
            instrument=request.instrument,
            account=request.account,
            side=request.side,
            price=request.price,
            quantity=quantity,
            fee=Money(quantity / 100, Asset("Y")),
            liquidity=Liquidity.TAKER,
            venue_time=world.now,
            received_at=world.now,
        )
        self.trades.append((fill, world.now))
        self.event(fill)
        if order.filled == request.quantity:
            self.end(order, OrderStatus.FILLED)

    def end(self, order: VenueOrder, status: OrderStatus) -> OrderDone:
        if order.status not in TERMINAL:
            order.status = status
        done = OrderDone(
            client_order_id=order.request.client_order_id,
            venue_order_id=order.venue_order_id,
            status=order.status,
            venue_filled=order.filled,
            reason="",
            venue_time=self.world.now,
            received_at=self.world.now,
        )
        self.event(done)
        return done

    def stranger(self) -> None:
        """Somebody trades by hand on our account."""
        request = OrderRequest(
            client_order_id=ClientOrderId(f"hand{self.count}"),
            instrument=instrument_of(self.venue),
            account=account_of(self.venue),
            side=self.world.rng.choice((Side.BUY, Side.SELL)),
            order_type=OrderType.LIMIT,
            price=Decimal(100),
            quantity=Decimal(2),
            time_in_force=TimeInForce.IOC,
            strategy=StrategyId("hand"),
            plan_id=PlanId("hand"),
            leg=0,
        )
        self.count += 1
        order = self.orders[request.client_order_id] = VenueOrder(request, VenueOrderId(f"{self.venue}-{self.count}"))
        self.trade(order)
        self.end(order, OrderStatus.CANCELLED)

    def cancel(self, message: CancelOrder) -> Any:
        order = self.orders.get(message.client_order_id)
        if order is None or order.status in TERMINAL:
            return CancelFailed(client_order_id=message.client_order_id, reason="unknown", received_at=self.world.now)
        return self.end(order, OrderStatus.CANCELLED)

    def cancel_many(self, cancels: tuple[CancelOrder, ...], *, sweep: bool) -> None:
        """One request, one answer; some of a batch may fail for no reason. A sweep ends all, and tells of none."""
        world, life = self.world, self.world.life

        def arrive() -> None:
            if sweep:
                for order in self.orders.values():
                    if order.status not in TERMINAL:
                        self.end(order, OrderStatus.CANCELLED)
                return
            failed = [cancel for cancel in cancels if world.chance("query_failed")]
            answers = [
                CancelFailed(client_order_id=cancel.client_order_id, reason="busy", received_at=world.now)
                if cancel in failed
                else self.cancel(cancel)
                for cancel in cancels
            ]
            if not world.chance("answer_lost"):
                delay = world.delay()
                for answer in answers:
                    world.later(delay, partial(world.tell, life, answer))

        if not world.chance("request_lost"):
            world.later(world.delay(), arrive)

    def query(self, message: QueryOrder, asked: Nanos) -> Any:
        order = self.orders.get(message.client_order_id)
        if order is None or (self.world.faults.forgetful and order.status in TERMINAL):
            return OrderNotFound(client_order_id=message.client_order_id, asked_at=asked, received_at=self.world.now)
        return self.report(order, asked)

    def report(self, order: VenueOrder, asked: Nanos) -> OrderReport:
        return OrderReport(
            client_order_id=order.request.client_order_id,
            venue_order_id=order.venue_order_id,
            status=order.status,
            venue_filled=order.filled,
            asked_at=asked,
            received_at=self.world.now,
        )

    def list_open(self, asked: Nanos) -> OpenOrdersListed:
        open_orders = [order for order in self.orders.values() if order.status not in TERMINAL]
        return OpenOrdersListed(
            venue=self.venue,
            account=account_of(self.venue),
            orders=tuple(self.report(order, asked) for order in open_orders),
            instruments=tuple(order.request.instrument for order in open_orders),
            asked_at=asked,
            received_at=self.world.now,
        )

    def list_fills(self, message: QueryFills, asked: Nanos) -> FillsListed:
        lag = self.world.rng.choice((0, 0, 1)) * SECOND
        fills = [fill for fill, at in self.trades if message.since <= at <= self.world.now - lag]
        if self.world.faults.fills_anonymous:
            fills = [_anonymous(fill) for fill in fills]
        return FillsListed(
            instrument=message.instrument,
            account=message.account,
            since=message.since,
            fills=tuple(fills),
            asked_at=asked,
            received_at=self.world.now,
        )

    def balances(self, asked: Nanos) -> BalancesReported:
        return BalancesReported(
            venue=self.venue,
            account=account_of(self.venue),
            balances=(Balance(Asset("Y"), Decimal(1), ZERO),),
            positions=(),
            complete=True,
            venue_time=asked,
            received_at=self.world.now,
        )

    def reply(self, answer: Callable[..., None] | None, message: Any) -> None:
        if answer is not None and not self.world.chance("answer_lost"):
            self.world.later(self.world.delay(), lambda: answer(message))

    def event(self, message: Any) -> None:
        world, life = self.world, self.world.life
        if not world.chance("event_lost"):
            for _ in range(2 if world.chance("event_doubled") else 1):
                world.later(world.delay(), lambda: world.tell(life, message))


def _anonymous(fill: Fill) -> Fill:
    return replace(fill, client_order_id=ClientOrderId(""))
