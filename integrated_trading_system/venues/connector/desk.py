"""Trading by REST: what the OMS asks becomes calls; what the venue answers becomes executions.

Every request is answered, whatever happens to its call. Only a request of which certainly not one
byte left is refused; anything less certain leaves the order's fate open.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import (
    BalancesReported,
    CancelFailed,
    Fill,
    FillsListed,
    OpenOrdersListed,
    OrderNotFound,
    RequestFailed,
    SubmitRefused,
    SubmitUncertain,
    VenueExecution,
)
from integrated_trading_system.domain.http import HttpFailed, HttpReply
from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.order import (
    CancelOrder,
    CancelOrders,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    SubmitOrder,
    TradingRequest,
)
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.runtime.actor import Context, Ref
from integrated_trading_system.venues.connector.bundles import bundles
from integrated_trading_system.venues.connector.calls import PAUSED, RATE_LIMIT, Calls, Question
from integrated_trading_system.venues.rest import WeightedRequest, cost
from integrated_trading_system.venues.venue import Trading, Venue

PAGES_MAX: Final = 200
"""Of one list: a venue whose pages never end is not believed."""

Decode = Callable[[HttpReply], Sequence[VenueExecution]]

Page: TypeAlias = Fill | OpenOrdersListed
"""What a page of a list holds: fills one by one, or open orders together."""


class Pages(Struct, eq=False, kw_only=True):
    """One question over all pages of its answer."""

    query: QueryFills | QueryOpenOrders
    purpose: str
    ask: Callable[[str], WeightedRequest]
    """The request for the page of this cursor."""
    decode: Callable[[HttpReply], tuple[Sequence[VenueExecution], str]]
    asked_at: Nanos | None = None
    """When the first page was asked: what happened later may be missing."""
    cursors: list[str] = []
    """Of the pages that were asked for, in their order."""
    found: list[Page] = []


class Desk:
    """Takes the TradingRequests of one venue."""

    def __init__(
        self,
        context: Context,
        venue: Venue,
        calls: Calls,
        instruments: Mapping[InstrumentId, Instrument],
        executions: Ref[VenueExecution],
    ) -> None:
        """`instruments` is read at every request: it fills when the venue has listed them."""
        self._context = context
        self._venue = venue
        self._calls = calls
        self._instruments = instruments
        self._executions = executions

    def request(self, request: TradingRequest) -> None:
        """Do it, or say why it cannot be done."""
        trading = self._venue.trading
        if trading is None:
            self._fail(request, self._venue.no_trading or "no trading on this venue", maybe_sent=False)
            return
        try:
            self._send(request, trading)
        except Unsupported as error:
            self._fail(request, str(error), maybe_sent=False)

    def _send(self, request: TradingRequest, trading: Trading) -> None:
        match request:
            case QueryOpenOrders(account):
                ask, read = partial(trading.open_orders, account), partial(trading.decode_open_orders, account)
                self._ask_page(Pages(query=request, purpose="open_orders", ask=ask, decode=read), "")
            case QueryBalances(account):
                requests = trading.balances(account)
                decode = partial(_gather, [], len(requests), partial(trading.decode_balances, account))
                for weighted in requests:
                    self._ask(request, account, "balances", weighted, decode)
            case CancelOrders():
                self._cancel_many(request)
            case _:
                about = request.request if isinstance(request, SubmitOrder) else request
                instrument = self._instruments.get(about.instrument)
                if instrument is None:
                    self._fail(request, "unknown instrument", maybe_sent=False)
                else:
                    self._send_about(request, instrument, trading)

    def _send_about(
        self, request: SubmitOrder | CancelOrder | QueryOrder | QueryFills, instrument: Instrument, trading: Trading
    ) -> None:
        decode: Decode
        match request:
            case SubmitOrder(order, latest_send):
                decode = partial(trading.decode_place, request, instrument)
                weighted = trading.place(request, instrument)
                self._ask(request, order.account, "place", weighted, decode, latest_send)
            case CancelOrder(account=account):
                decode = partial(trading.decode_cancel, request, instrument)
                self._ask(request, account, "cancel", trading.cancel(request, instrument), decode)
            case QueryOrder():
                self._query(request, instrument, trading)
            case QueryFills():
                ask = partial(trading.fills, request, instrument)
                read = partial(trading.decode_fills, request, instrument)
                self._ask_page(Pages(query=request, purpose="fills", ask=ask, decode=read), "")

    def _cancel_many(self, request: CancelOrders) -> None:
        """As few calls as the venue's ways to cancel allow; what none of them takes, one by one."""
        calls, rest = bundles(request, self._venue.bulk_cancels, self._instruments)
        for bundle in calls:
            self._ask(bundle.request, request.account, bundle.purpose, bundle.weighted, bundle.decode)
        for cancel in rest:
            self.request(cancel)

    def _query(self, query: QueryOrder, instrument: Instrument, trading: Trading) -> None:
        """Where one request is not conclusive, "not found" is believed after the second, as of the first.

        The first pays for both: half an answer is none, and would be asked for again before the limit has room for
        the other half. What is not needed is given back.
        """
        decode = partial(trading.decode_query, query, instrument)
        here, elsewhere = trading.query(query, instrument), self._venue.query_elsewhere
        there, asked_at = None if elsewhere is None else elsewhere(query, instrument), self._context.now

        def search(reply: HttpReply) -> Sequence[VenueExecution]:
            events = decode(reply)
            missing = next((event for event in events if isinstance(event, OrderNotFound)), None)
            if there is None:
                return events
            if missing is None:
                self._calls.give_back(there, asked_at)
                return events
            paid = replace(there, weights=())
            self._ask(query, query.account, "query", paid, partial(_not_found_as_of, missing.asked_at, decode))
            return ()

        both = here if there is None else replace(here, weights=cost(here, there))
        self._ask(query, query.account, "query", both, search)

    def _ask(
        self,
        request: TradingRequest,
        account: AccountId,
        purpose: str,
        weighted: WeightedRequest,
        decode: Decode,
        latest_send: Nanos | None = None,
    ) -> None:
        def answered(reply: HttpReply) -> None:
            events = self._calls.decode(purpose, decode, reply)
            if events is None:
                self._fail(request, "malformed reply", maybe_sent=True)
            else:
                self._tell_all(request, events)

        self._calls.ask(
            Question(
                purpose=purpose,
                weighted=weighted,
                answered=answered,
                failed=partial(self._call_failed, request),
                account=account,
                latest_send=latest_send,
            )
        )

    # -- lists, page by page ---------------------------------------------------------------------

    def _ask_page(self, pages: Pages, cursor: str) -> None:
        pages.cursors.append(cursor)
        self._calls.ask(
            Question(
                purpose=pages.purpose,
                weighted=pages.ask(cursor),
                answered=partial(self._take_page, pages),
                failed=partial(self._call_failed, pages.query),
                account=pages.query.account,
            )
        )

    def _take_page(self, pages: Pages, reply: HttpReply) -> None:
        """All of the list is told, or that it failed: half of it would prove nothing."""
        query = pages.query
        page = self._calls.decode(pages.purpose, pages.decode, reply)
        if page is None:
            self._fail(query, "malformed reply", maybe_sent=True)
            return
        events, cursor = page
        found = [event for event in events if isinstance(event, Fill | OpenOrdersListed)]
        pages.asked_at = reply.sent_at if pages.asked_at is None else pages.asked_at
        pages.found += found
        if len(found) < len(events):
            self._tell_all(query, [event for event in events if not isinstance(event, Fill | OpenOrdersListed)])
        elif not cursor:
            self._executions.tell(self._joined(pages, pages.asked_at, reply.received_at))
        elif len(pages.cursors) >= PAGES_MAX or cursor in pages.cursors:
            self._fail(query, "pages without end", maybe_sent=True)
        else:
            self._ask_page(pages, cursor)

    def _joined(self, pages: Pages, asked_at: Nanos, received_at: Nanos) -> FillsListed | OpenOrdersListed:
        """As of the first page; of an order that is on two of them, what the later one says."""
        if isinstance(pages.query, QueryFills):
            return FillsListed(
                instrument=pages.query.instrument,
                account=pages.query.account,
                since=pages.query.since,
                fills=tuple(one for one in pages.found if isinstance(one, Fill)),
                asked_at=asked_at,
                received_at=received_at,
            )
        listed = [one for one in pages.found if isinstance(one, OpenOrdersListed)]
        orders = {
            (instrument, report.venue_order_id): report
            for page in listed
            for report, instrument in zip(page.orders, page.instruments, strict=True)
        }
        return OpenOrdersListed(
            venue=self._venue.venue,
            account=pages.query.account,
            orders=tuple(orders.values()),
            instruments=tuple(instrument for instrument, _ in orders),
            asked_at=asked_at,
            received_at=received_at,
        )

    # -- answers ---------------------------------------------------------------------------------

    def _call_failed(self, request: TradingRequest, failure: HttpFailed) -> None:
        self._fail(request, failure.reason, maybe_sent=failure.maybe_sent)

    def _fail(self, request: TradingRequest, reason: str, *, maybe_sent: bool) -> None:
        """No usable answer; only for an order it matters whether it may have left."""
        now = self._context.now
        match request:
            case SubmitOrder(order):
                kind = SubmitUncertain if maybe_sent else SubmitRefused
                answer = kind(client_order_id=order.client_order_id, reason=reason, received_at=now)
                self._executions.tell(answer)
            case CancelOrder(client_order_id):
                self._executions.tell(
                    CancelFailed(client_order_id=client_order_id, reason=reason, received_at=now, maybe_sent=maybe_sent)
                )
            case CancelOrders(orders=orders):
                for cancel in orders:
                    self._fail(cancel, reason, maybe_sent=maybe_sent)
            case _:
                self._executions.tell(
                    RequestFailed(
                        venue=self._venue.venue,
                        account=request.account,
                        subject=subject_of(request),
                        reason=reason,
                        received_at=now,
                        no_room=not maybe_sent and reason in (RATE_LIMIT, PAUSED),
                    )
                )

    def _tell_all(self, request: TradingRequest, events: Sequence[VenueExecution]) -> None:
        for event in events:
            if isinstance(event, RequestFailed):
                self._executions.tell(replace(event, subject=subject_of(request)))
            else:
                self._executions.tell(event)


def _not_found_as_of(asked_at: Nanos, decode: Decode, reply: HttpReply) -> Sequence[VenueExecution]:
    return [replace(event, asked_at=asked_at) if isinstance(event, OrderNotFound) else event for event in decode(reply)]


def _gather(parts: list[BalancesReported], count: int, decode: Decode, reply: HttpReply) -> Sequence[VenueExecution]:
    """One complete report once every part is there; where a part fails, none."""
    events = decode(reply)
    parts += [event for event in events if isinstance(event, BalancesReported)]
    others = [event for event in events if not isinstance(event, BalancesReported)]
    if others or len(parts) < count:
        return others
    report = replace(
        parts[-1],
        balances=tuple(balance for part in parts for balance in part.balances),
        positions=tuple(position for part in parts for position in part.positions),
        complete=True,
        venue_time=min(part.venue_time for part in parts),
    )
    return (report,)


def subject_of(request: TradingRequest) -> str:
    """What RequestFailed calls the request, the same on every venue."""
    match request:
        case QueryFills(instrument):
            return instrument
        case QueryOpenOrders():
            return "open_orders"
        case QueryBalances():
            return "balances"
        case SubmitOrder(order):
            return order.client_order_id
        case CancelOrder(client_order_id) | QueryOrder(client_order_id):
            return client_order_id
        case CancelOrders():
            return "cancels"
