"""An order management between recording refs: the test plays venues, risk and disk, message by message."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    ExternalOrders,
    Fill,
    FillsListed,
    Liquidity,
    OpenOrdersListed,
    OrderAccepted,
    OrderDone,
    OrderNotFound,
    OrderReport,
    UserStreamChanged,
)
from integrated_trading_system.domain.health import Halt, Reconciled, TradingState, TradingStateChanged
from integrated_trading_system.domain.ids import (
    AccountId,
    ActorName,
    Asset,
    ClientOrderId,
    TradeId,
    VenueId,
    VenueOrderId,
    venue_of,
    venue_of_account,
)
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.journal import JournalAppend, JournalCommitted
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import (
    Order,
    OrderRequest,
    OrderStatus,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    SubmitOrder,
)
from integrated_trading_system.domain.plan import AmendRefused, ApprovedPlan, Plan, PlanFinished
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.oms.manager import OrderManagementSystem
from integrated_trading_system.runtime.supervisor import NEVER
from integrated_trading_system.runtime.system import System
from tests.support.collector import Collector
from tests.support.hostile import VENUES, WINDOW, account_of, instrument_of, listing
from tests.support.oms_world import OMS, START

__all__ = ["START", "Rig", "account_of", "instrument_of", "left"]

QUERIES = (QueryOrder, QueryFills, QueryOpenOrders, QueryBalances)


def left(finished: PlanFinished) -> Decimal:
    """What stands unhedged, of the one asset that the venues here trade."""
    return sum((money.amount for money in finished.residuals), Decimal(0))


class Rig:
    """Starts reconciled and ACTIVE unless told otherwise."""

    def __init__(
        self,
        settings: OmsSettings | None = None,
        *,
        records: Iterable[bytes] = (),
        fence: int = 1,
        active: bool = True,
        now: Nanos = START,
        receive_windows: dict[VenueId, Nanos] | None = None,
        rules: dict[VenueId, int] | None = None,
        further: tuple[AccountId, ...] = (),
    ) -> None:
        """`further`: accounts beside the first one of each venue."""
        self.now = now
        self.durable = True
        """Whether the disk commits by itself."""
        self.records = list(records)
        self.venues = {venue: Collector() for venue in VENUES}
        self.accounts = {account_of(venue): of for venue, of in self.venues.items()}
        self.accounts |= {account: Collector() for account in further}
        self.heard = Collector()
        self.system = System()
        self.oms = OrderManagementSystem(
            settings or OmsSettings(),
            self.accounts,
            dict.fromkeys(VENUES, WINDOW) if receive_windows is None else receive_windows,
            rules or {},
            tuple(self.records),
            fence,
        )
        self.system.spawn(ActorName(OMS), lambda: self.oms, policy=NEVER)
        for kind in (Order, Fill, Halt, PlanFinished, Reconciled, BalancesReported, ExternalOrders, AmendRefused):
            self.system.bus.subscribe(kind, self.heard)
        self.system.start(self.now)
        self.run()
        if active:
            self.list_instruments()
            self.answer_all()
            self.set_state(TradingState.ACTIVE)
            self.take()

    # -- driving -------------------------------------------------------------------------------

    def tell(self, *messages: Any) -> None:
        for message in messages:
            self.system.tell(OMS, message)
            self.run()

    def run(self) -> None:
        while self.system.run(self.now):
            pass
        for effect in self.system.take_effects():
            assert isinstance(effect, JournalAppend)
            self.records.append(effect.record)
            assert effect.sequence == len(self.records)
            if self.durable:
                self.tell(JournalCommitted(effect.sequence))

    def wait(self, millis: float) -> None:
        """Let time pass; venues stay silent."""
        until = self.now + int(millis * MILLISECOND)
        while (due := self.system.deadline()) is not None and due <= until:
            self.now = Nanos(max(due, self.now))
            self.run()
        self.now = Nanos(until)
        self.run()

    def set_state(self, state: TradingState) -> None:
        self.tell(TradingStateChanged(state, "test", self.now))

    def approve(self, plan: Plan) -> None:
        self.tell(ApprovedPlan(plan=plan, approved_at=self.now))

    def list_instruments(self) -> None:
        for venue in VENUES:
            self.tell(InstrumentsListed(venue, (listing(venue),)))
        for account in self.accounts:
            self.tell(replace(self.stream(venue_of_account(account)), account=account))

    # -- what the OMS did ----------------------------------------------------------------------

    def take(self) -> list[Any]:
        """Everything told to the venues since the last call, in order of venue."""
        return [message for venue in VENUES for message in self.venues[venue].take()]

    def submits(self) -> list[SubmitOrder]:
        """Orders sent since the last `take`."""
        return [message for venue in VENUES for message in self.venues[venue].of(SubmitOrder)]

    def asked(self) -> list[Any]:
        """Questions asked since the last `take`."""
        return [message for venue in VENUES for message in self.venues[venue].messages if isinstance(message, QUERIES)]

    def order(self, client_order_id: ClientOrderId) -> Order:
        """As last published."""
        return [order for order in self.heard.of(Order) if order.request.client_order_id == client_order_id][-1]

    def finished(self) -> list[PlanFinished]:
        return self.heard.of(PlanFinished)

    def halts(self) -> list[str]:
        return [halt.reason for halt in self.heard.of(Halt)]

    def reopened(self, fence: int, **changes: Any) -> "Rig":
        """A new life from what this one wrote."""
        return Rig(records=self.records, fence=fence, now=self.now, **changes)

    # -- what venues say -----------------------------------------------------------------------

    def stream(self, venue: VenueId, *, up: bool = True) -> UserStreamChanged:
        return UserStreamChanged(venue=venue, account=account_of(venue), up=up, received_at=self.now)

    def accepted(self, request: OrderRequest) -> OrderAccepted:
        return OrderAccepted(
            client_order_id=request.client_order_id,
            venue_order_id=VenueOrderId(f"v{request.client_order_id}"),
            venue_time=self.now,
            received_at=self.now,
        )

    def done(self, request: OrderRequest, status: OrderStatus, filled: int, reason: str = "") -> OrderDone:
        return OrderDone(
            client_order_id=request.client_order_id,
            venue_order_id=VenueOrderId(f"v{request.client_order_id}"),
            status=status,
            venue_filled=Decimal(filled),
            reason=reason,
            venue_time=self.now,
            received_at=self.now,
        )

    def report(self, request: OrderRequest, status: OrderStatus, filled: int = 0) -> OrderReport:
        return OrderReport(
            client_order_id=request.client_order_id,
            venue_order_id=VenueOrderId(f"v{request.client_order_id}"),
            status=status,
            venue_filled=Decimal(filled),
            asked_at=self.now,
            received_at=self.now,
        )

    def not_found(self, request: OrderRequest) -> OrderNotFound:
        return OrderNotFound(client_order_id=request.client_order_id, asked_at=self.now, received_at=self.now)

    def fill(self, request: OrderRequest, quantity: int, trade: str, *, named: bool = True) -> Fill:
        return Fill(
            client_order_id=request.client_order_id if named else ClientOrderId(""),
            venue_order_id=VenueOrderId(f"v{request.client_order_id}"),
            trade_id=TradeId(trade),
            instrument=request.instrument,
            account=request.account,
            side=request.side,
            price=request.price,
            quantity=Decimal(quantity),
            fee=Money(Decimal("0.01"), Asset("Y")),
            liquidity=Liquidity.TAKER,
            venue_time=self.now,
            received_at=self.now,
        )

    def fills(self, venue: VenueId, *fills: Fill, since: Nanos | None = None) -> FillsListed:
        return FillsListed(
            instrument=instrument_of(venue),
            account=account_of(venue),
            since=Nanos(0) if since is None else since,
            fills=fills,
            asked_at=self.now,
            received_at=self.now,
        )

    def open_orders(self, venue: VenueId, *orders: OrderReport) -> OpenOrdersListed:
        return OpenOrdersListed(
            venue=venue,
            account=account_of(venue),
            orders=orders,
            instruments=tuple(instrument_of(venue) for _ in orders),
            asked_at=self.now,
            received_at=self.now,
        )

    def balances(self, venue: VenueId) -> BalancesReported:
        return BalancesReported(
            venue=venue,
            account=account_of(venue),
            balances=(Balance(Asset("Y"), Decimal(1000), Decimal(0)),),
            positions=(),
            complete=True,
            venue_time=self.now,
            received_at=self.now,
        )

    def complete(self, request: OrderRequest, quantity: int, trade: str) -> None:
        """Accepted, filled with `quantity`, over."""
        status = OrderStatus.FILLED if quantity == request.quantity else OrderStatus.EXPIRED
        fills = [self.fill(request, quantity, trade)] if quantity else []
        self.tell(self.accepted(request), *fills, self.done(request, status, quantity))

    def prove_absent(self, request: OrderRequest) -> None:
        """All three answers that prove it."""
        venue = venue_of(request.instrument)
        self.tell(self.not_found(request), self.open_orders(venue), self.fills(venue))

    def answer_all(self) -> None:
        """Answer every question: nothing is known there."""
        for account, ref in self.accounts.items():
            venue = venue_of_account(account)
            for message in ref.take():
                match message:
                    case QueryOpenOrders():
                        self.tell(replace(self.open_orders(venue), account=account))
                    case QueryBalances():
                        self.tell(replace(self.balances(venue), account=account))
                    case QueryFills(_, _, since):
                        self.tell(replace(self.fills(venue, since=since), account=account))
                    case QueryOrder(client_order_id):
                        self.tell(
                            OrderNotFound(client_order_id=client_order_id, asked_at=self.now, received_at=self.now)
                        )
                    case _:
                        pass
