"""The paper account: real (or replayed) books, simulated money.

Takes a venue's trading requests in place of its connector. An order arrives after a latency and
trades at once against the book as it is then; what it consumed of a level stays consumed until the
venue changes that level. Only orders that do not rest are taken (IOC, FOK, MARKET): where a resting
order would stand in the queue cannot be known from outside.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.execution import (
    BalancesReported,
    Fill,
    FillsListed,
    Liquidity,
    OpenOrdersListed,
    OrderAccepted,
    OrderDone,
    OrderNotFound,
    OrderRejected,
    OrderReport,
    SubmitRefused,
    UserStreamChanged,
    VenueExecution,
)
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    TradeId,
    VenueId,
    VenueOrderId,
)
from integrated_trading_system.domain.instrument import Instrument, InstrumentsListed
from integrated_trading_system.domain.money import ZERO, Money
from integrated_trading_system.domain.order import (
    CancelOrder,
    CancelOrders,
    OrderRequest,
    OrderStatus,
    OrderType,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    SubmitOrder,
    TimeInForce,
    TradingRequest,
)
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.runtime.actor import Actor, Ref
from integrated_trading_system.simulation.holdings import Holdings
from integrated_trading_system.simulation.observed import ObservedBooks

PREFIX = "paper-"
"""Of venue order ids. The number behind it grows over all runs: trade ids are made of them, and never repeat."""


class Arrived(Struct, frozen=True):
    """An order has reached the simulated venue."""

    order: SubmitOrder


class Answered(Struct, frozen=True):
    """An answer has reached us."""

    execution: VenueExecution


Inbox: TypeAlias = TradingRequest | InstrumentsListed | Arrived | Answered


class PaperTerms(Struct, frozen=True, kw_only=True):
    """How a paper account trades."""

    latency: Nanos
    """One way."""
    taker_fee_bps: Decimal
    balances: Mapping[Asset, Decimal]


class PaperAccount(Actor[Inbox]):
    """One account on one venue, filled against observed books."""

    def __init__(
        self,
        venue: VenueId,
        account: AccountId,
        terms: PaperTerms,
        books: ObservedBooks,
        executions: Ref[VenueExecution],
        recovered: Sequence[Fill] = (),
    ) -> None:
        """`books` are shared by all accounts: what one has taken is there for no other.

        `recovered`: fills of earlier runs on this account; they are part of its balances and its history.
        """
        self._venue = venue
        self._account = account
        self._terms = terms
        self._books = books
        self._executions = executions
        self._instruments: dict[InstrumentId, Instrument] = {}
        self._holdings = Holdings(terms.balances, terms.taker_fee_bps)
        self._fills: list[Fill] = []
        self._done: dict[ClientOrderId, OrderReport] = {}
        self._unbooked = [fill for fill in recovered if fill.account == account]
        self._orders = max((_number(fill.venue_order_id) for fill in recovered), default=0)

    def start(self) -> None:
        """The account's events flow at once."""
        up = UserStreamChanged(venue=self._venue, account=self._account, up=True, received_at=self.context.now)
        self._executions.tell(up)

    def receive(self, message: Inbox) -> None:
        """Requests travel one latency to the venue, answers one latency back."""
        match message:
            case SubmitOrder():
                self._submit(message)
            case Arrived(order):
                self._trade(order)
            case Answered(execution):
                self._executions.tell(execution)
            case InstrumentsListed(venue, instruments):
                if venue == self._venue:
                    self._list(instruments)
            case CancelOrder(client_order_id) | QueryOrder(client_order_id):
                self._query(client_order_id)
            case CancelOrders(orders=cancels):
                for cancel in cancels:
                    self._query(cancel.client_order_id)
            case QueryFills():
                self._list_fills(message)
            case QueryOpenOrders():
                self._list_open_orders()
            case QueryBalances():
                self._report_balances()

    # -- orders --------------------------------------------------------------------------------

    def _submit(self, order: SubmitOrder) -> None:
        now = self.context.now
        if now > order.latest_send:
            refused = SubmitRefused(client_order_id=order.request.client_order_id, reason="late", received_at=now)
            self._executions.tell(refused)
        else:
            self.context.after(self._terms.latency, Arrived(order))

    def _trade(self, order: SubmitOrder) -> None:
        request = order.request
        reason = self._refusal(request)
        if reason is not None:
            now = self.context.now
            self._answer(OrderRejected(client_order_id=request.client_order_id, reason=reason, received_at=now))
            self._remember(request, VenueOrderId(""), OrderStatus.REJECTED, ZERO)
            return
        self._orders += 1
        venue_order_id = VenueOrderId(f"{PREFIX}{self._orders}")
        now = self.context.now
        self._answer(
            OrderAccepted(
                client_order_id=request.client_order_id,
                venue_order_id=venue_order_id,
                venue_time=now,
                received_at=now,
            )
        )
        taken = self._books.take(request, self._instruments[request.instrument].lot)
        fills = [self._fill(request, venue_order_id, price, quantity) for price, quantity in taken]
        filled = sum((fill.quantity for fill in fills), ZERO)
        for fill in fills:
            self._book(fill)
            self._answer(fill)
        status = OrderStatus.FILLED if filled == request.quantity else OrderStatus.EXPIRED
        self._remember(request, venue_order_id, status, filled)
        self._answer(
            OrderDone(
                client_order_id=request.client_order_id,
                venue_order_id=venue_order_id,
                status=status,
                venue_filled=filled,
                reason="" if status is OrderStatus.FILLED else "the book was not deep enough within the limit",
                venue_time=now,
                received_at=now,
            )
        )

    def _refusal(self, request: OrderRequest) -> str | None:
        """Why the account does not take the order, or None."""
        instrument = self._instruments.get(request.instrument)
        if instrument is None:
            return "unknown instrument"
        if request.client_order_id in self._done:
            return "duplicate client order id"
        rests = request.order_type is OrderType.LIMIT and request.time_in_force is TimeInForce.GTC
        if rests or request.post_only:
            return "the paper account takes orders that do not rest: ioc, fok or market"
        if (reason := instrument.refusal(request.price, request.quantity)) is not None:
            return f"filter {reason}"
        lacking = self._holdings.lacks(request, instrument)
        return None if lacking is None else f"insufficient balance of {lacking}"

    def _fill(self, request: OrderRequest, venue_order_id: VenueOrderId, price: Decimal, quantity: Decimal) -> Fill:
        instrument = self._instruments[request.instrument]
        now = self.context.now
        return Fill(
            client_order_id=request.client_order_id,
            venue_order_id=venue_order_id,
            trade_id=TradeId(f"{venue_order_id}-{price}"),
            instrument=request.instrument,
            account=self._account,
            side=request.side,
            price=price,
            quantity=quantity,
            fee=Money(self._holdings.fee(instrument, price, quantity), instrument.settle),
            liquidity=Liquidity.TAKER,
            venue_time=now,
            received_at=now,
        )

    # -- the account ---------------------------------------------------------------------------

    def _list(self, instruments: Sequence[Instrument]) -> None:
        for instrument in instruments:
            self._instruments[instrument.instrument] = instrument
        known = [fill for fill in self._unbooked if fill.instrument in self._instruments]
        self._unbooked = [fill for fill in self._unbooked if fill.instrument not in self._instruments]
        for fill in known:
            self._book(fill)

    def _book(self, fill: Fill) -> None:
        self._fills.append(fill)
        self._holdings.book(fill, self._instruments[fill.instrument])

    def _remember(
        self, request: OrderRequest, venue_order_id: VenueOrderId, status: OrderStatus, filled: Decimal
    ) -> None:
        self._done[request.client_order_id] = OrderReport(
            client_order_id=request.client_order_id,
            venue_order_id=venue_order_id,
            status=status,
            venue_filled=filled,
            asked_at=self.context.now,
            received_at=self.context.now,
        )

    # -- queries -------------------------------------------------------------------------------

    def _query(self, client_order_id: ClientOrderId) -> None:
        now = self.context.now
        known = self._done.get(client_order_id)
        if known is None:
            self._answer(OrderNotFound(client_order_id=client_order_id, asked_at=now, received_at=now))
        else:
            self._answer(
                OrderReport(
                    client_order_id=client_order_id,
                    venue_order_id=known.venue_order_id,
                    status=known.status,
                    venue_filled=known.venue_filled,
                    asked_at=now,
                    received_at=now,
                )
            )

    def _list_fills(self, query: QueryFills) -> None:
        now = self.context.now
        fills = tuple(
            fill for fill in self._fills if fill.instrument == query.instrument and fill.venue_time >= query.since
        )
        self._answer(
            FillsListed(
                instrument=query.instrument,
                account=self._account,
                since=query.since,
                fills=fills,
                asked_at=now,
                received_at=now,
            )
        )

    def _list_open_orders(self) -> None:
        now = self.context.now
        self._answer(
            OpenOrdersListed(
                venue=self._venue, account=self._account, orders=(), instruments=(), asked_at=now, received_at=now
            )
        )

    def _report_balances(self) -> None:
        now = self.context.now
        self._answer(
            BalancesReported(
                venue=self._venue,
                account=self._account,
                balances=self._holdings.balances(),
                positions=self._holdings.positions(),
                complete=True,
                venue_time=now,
                received_at=now,
            )
        )

    def _answer(self, execution: VenueExecution) -> None:
        self.context.after(self._terms.latency, Answered(execution))


def _number(venue_order_id: VenueOrderId) -> int:
    """How many orders the account had taken when it took this one; 0 for an order that was not its own."""
    number = venue_order_id.removeprefix(PREFIX)
    return int(number) if number.isdecimal() and number != venue_order_id else 0
