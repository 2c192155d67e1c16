"""Trading by REST: what the OMS asks becomes calls; what the venue answers becomes executions.

Every request is answered, whatever happens to its call. Only a request of which certainly not one
byte left is refused; anything less certain leaves the order's fate open.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import (
    BalancesReported,
    CancelFailed,
    Fill,
    FillsListed,
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
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    SubmitOrder,
    TradingRequest,
)
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.runtime.actor import Context, Ref
from integrated_trading_system.venues.connector.calls import Calls, Question
from integrated_trading_system.venues.rest import WeightedRequest
from integrated_trading_system.venues.venue import Trading, Venue

PAGES_MAX: Final = 200
"""Of one QueryFills: a venue whose pages never end is not believed."""

Decode = Callable[[HttpReply], Sequence[VenueExecution]]


class FillPages(Struct, eq=False):
    """One QueryFills over all its pages."""

    query: QueryFills
    instrument: Instrument
    asked_at: Nanos | None = None
    """When the first page was asked: what traded later may be missing."""
    pages: int = 0
    fills: list[Fill] = []


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
                decode = partial(trading.decode_open_orders, account)
                self._ask(request, account, "open_orders", trading.open_orders(account), decode)
            case QueryBalances(account):
                requests = trading.balances(account)
                decode = partial(_gather, [], len(requests), partial(trading.decode_balances, account))
                for weighted in requests:
                    self._ask(request, account, "balances", weighted, decode)
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
                self._ask_page(trading, FillPages(request, instrument), "")

    def _query(self, query: QueryOrder, instrument: Instrument, trading: Trading) -> None:
        """Where one request is not conclusive, "not found" is believed after the second, as of the first."""
        decode = partial(trading.decode_query, query, instrument)
        elsewhere = self._venue.query_elsewhere

        def search(reply: HttpReply) -> Sequence[VenueExecution]:
            events = decode(reply)
            missing = next((event for event in events if isinstance(event, OrderNotFound)), None)
            if missing is None or elsewhere is None:
                return events
            there = elsewhere(query, instrument)
            self._ask(query, query.account, "query", there, partial(_not_found_as_of, missing.asked_at, decode))
            return ()

        self._ask(query, query.account, "query", trading.query(query, instrument), search)

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

    # -- fills, page by page ---------------------------------------------------------------------

    def _ask_page(self, trading: Trading, pages: FillPages, cursor: str) -> None:
        query = pages.query
        self._calls.ask(
            Question(
                purpose="fills",
                weighted=trading.fills(query, pages.instrument, cursor),
                answered=partial(self._take_page, trading, pages),
                failed=partial(self._call_failed, query),
                account=query.account,
            )
        )

    def _take_page(self, trading: Trading, pages: FillPages, reply: HttpReply) -> None:
        query = pages.query
        page = self._calls.decode("fills", partial(trading.decode_fills, query, pages.instrument), reply)
        if page is None:
            self._fail(query, "malformed reply", maybe_sent=True)
            return
        events, cursor = page
        fills = [event for event in events if isinstance(event, Fill)]
        pages.asked_at = reply.sent_at if pages.asked_at is None else pages.asked_at
        pages.pages += 1
        pages.fills += fills
        if len(fills) < len(events):
            self._tell_all(query, [event for event in events if not isinstance(event, Fill)])
        elif not cursor:
            self._executions.tell(
                FillsListed(
                    instrument=query.instrument,
                    account=query.account,
                    since=query.since,
                    fills=tuple(pages.fills),
                    asked_at=pages.asked_at,
                    received_at=reply.received_at,
                )
            )
        elif pages.pages >= PAGES_MAX:
            self._fail(query, "pages without end", maybe_sent=True)
        else:
            self._ask_page(trading, pages, cursor)

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
                self._executions.tell(CancelFailed(client_order_id=client_order_id, reason=reason, received_at=now))
            case _:
                self._executions.tell(
                    RequestFailed(
                        venue=self._venue.venue,
                        account=request.account,
                        subject=subject_of(request),
                        reason=reason,
                        received_at=now,
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
