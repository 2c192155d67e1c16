"""Private REST of Advanced Trade: our orders, fills and balances on the spot market.

"HTTP 200 with success false is a rejection", and only where its reason is one that we know. An answer that does
not prove what became of an order never becomes a rejection: it is SubmitUncertain.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Raw
from msgspec.json import Decoder

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    CancelFailed,
    OpenOrdersListed,
    OrderAccepted,
    OrderNotFound,
    OrderRejected,
    OrderReport,
    RequestFailed,
    SubmitRefused,
    SubmitUncertain,
    VenueExecution,
)
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    VenueId,
    VenueOrderId,
    instrument_id,
)
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import parse_decimal, plain
from integrated_trading_system.domain.order import (
    CancelOrder,
    OrderRequest,
    OrderType,
    QueryFills,
    QueryOrder,
    Side,
    SubmitOrder,
    TimeInForce,
)
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.coinbase import wire
from integrated_trading_system.venues.coinbase.endpoints import PRIVATE
from integrated_trading_system.venues.coinbase.user_codec import fill, status_of
from integrated_trading_system.venues.coinbase.wire import BROKEN, problem, read, written
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

ORDERS_PER_PAGE: Final = 250
FILLS_PER_PAGE: Final = 100
ACCOUNTS_PER_PAGE: Final = 250
"""The most there may be."""

_CLIENT_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,36}", re.ASCII)

_REJECTED: Final = re.compile(
    r"(PREVIEW_)?(INSUFFICIENT_FUND|INVALID_|UNSUPPORTED_|INELIGIBLE_|ORDER_ENTRY_DISABLED|STOP_PRICE_)", re.ASCII
)
"""How the reasons begin that were found before the order reached a book. Every other one proves nothing."""

_NOT_TAKEN: Final = {401: "forbidden", 403: "forbidden", 429: "rate-limit"}
"""Refused at the door: the token, the key's scope, too many requests."""

_SIDES: Final = {"BUY": Side.BUY, "SELL": Side.SELL}
_PAUSE: Final = SECOND
_PAUSE_MAX_S: Final = 60


_PLACED: Final = Decoder(wire.Placed)
_CANCELLED: Final = Decoder(wire.Cancelled)
_ORDERS: Final = Decoder(wire.Orders)
_ORDER: Final = Decoder(wire.Order)
_FILLS: Final = Decoder(wire.Fills)
_ACCOUNTS: Final = Decoder(wire.Accounts)

T = TypeVar("T")


class CoinbaseTrading:
    """The private endpoints of Advanced Trade."""

    def __init__(self, venue: VenueId, rest_url: str) -> None:
        """`rest_url` is scheme, host and base path."""
        self._venue = venue
        self._base = rest_url

    # -- orders ----------------------------------------------------------------------------------

    def place(self, order: SubmitOrder, instrument: Instrument) -> WeightedRequest:
        """Spot has no reduce-only orders: the flag is left out."""
        if instrument.kind is not Kind.SPOT:
            raise Unsupported(f"{instrument.symbol}: futures of Coinbase are shown, not traded")
        request = order.request
        assert _CLIENT_ORDER_ID.fullmatch(request.client_order_id), f"not an id for Coinbase: {request.client_order_id}"
        body = {
            "client_order_id": request.client_order_id,
            "product_id": instrument.symbol,
            "side": request.side.upper(),
            "order_configuration": _configuration(request),
        }
        return self._post("/orders", body)

    def decode_place(self, order: SubmitOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        client, at = order.request.client_order_id, reply.received_at
        if reply.status in _NOT_TAKEN:
            return (SubmitRefused(client_order_id=client, reason=_NOT_TAKEN[reply.status], received_at=at),)
        said = _answer(reply)
        if said is None:
            return (SubmitUncertain(client_order_id=client, reason=problem(reply), received_at=at),)
        if not said.success or said.success_response is None:
            return (_not_placed(client, said, at),)
        created = said.success_response
        if created.client_order_id != client:
            raise MalformedReply(f"asked for {client}, answered about {created.client_order_id[:40]}")
        accepted = OrderAccepted(
            client_order_id=client,
            venue_order_id=VenueOrderId(created.order_id),
            venue_time=Nanos(0),
            received_at=at,
        )
        return (accepted,)

    def cancel(self, cancel: CancelOrder, instrument: Instrument) -> WeightedRequest:
        """By the venue's own id, the only one it takes."""
        if not cancel.venue_order_id:
            raise Unsupported("Coinbase cancels by its own order id, which is not known yet")
        return self._post("/orders/batch_cancel", {"order_ids": [cancel.venue_order_id]})

    def decode_cancel(self, cancel: CancelOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """Nothing for an accepted cancel: only the stream says whether it came in time."""
        reason = problem(reply)
        if reply.status == 200:
            results = [one for one in read(reply, _CANCELLED).results if one.order_id == cancel.venue_order_id]
            if any(one.success for one in results):
                return ()
            reason = next((one.failure_reason for one in results), "not among the results")
        return (CancelFailed(client_order_id=cancel.client_order_id, reason=reason, received_at=reply.received_at),)

    def query(self, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        """By the venue's id; without it, among the product's orders: there is no question by ours."""
        if query.venue_order_id:
            return self._get(f"/orders/historical/{quote(query.venue_order_id, safe='')}", "")
        text = f"product_ids={quote(instrument.symbol)}&limit={ORDERS_PER_PAGE}"
        return self._get("/orders/historical/batch", text)

    def decode_query(self, query: QueryOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """Not found in a list that goes on proves nothing."""
        client = query.client_order_id
        missing = OrderNotFound(client_order_id=client, asked_at=reply.sent_at, received_at=reply.received_at)
        if reply.status == 404 and query.venue_order_id:
            return (missing,)
        if reply.status != 200:
            return (self._failure(query.account, client, problem(reply), reply),)
        page = read(reply, _ORDERS)
        single = bool(bytes(page.order))
        rows = [page.order] if single else page.orders
        if rows is None:
            raise MalformedReply("neither an order nor a list of orders")
        found = [report for report, _ in self._reports(rows, reply) if report.client_order_id == client]
        if found:
            return found[:1]
        if page.has_next or single:
            return (self._failure(query.account, client, f"not among {len(rows)} orders, and there are more", reply),)
        return (missing,)

    def open_orders(self, account: AccountId, cursor: str) -> WeightedRequest:
        text = f"order_status=OPEN&limit={ORDERS_PER_PAGE}"
        return self._get("/orders/historical/batch", f"{text}&cursor={quote(cursor, safe='')}" if cursor else text)

    def decode_open_orders(self, account: AccountId, reply: HttpReply) -> tuple[Sequence[VenueExecution], str]:
        """RequestFailed where there is a next page and no way to it: half a list would prove nothing."""
        if reply.status != 200:
            return (self._failure(account, "open_orders", problem(reply), reply),), ""
        page = read(reply, _ORDERS)
        if page.orders is None or (page.has_next and not page.cursor):
            return (self._failure(account, "open_orders", "no list of open orders, or half of one", reply),), ""
        reports = self._reports(page.orders, reply)
        listed = OpenOrdersListed(
            venue=self._venue,
            account=account,
            orders=tuple(report for report, _ in reports),
            instruments=tuple(instrument for _, instrument in reports),
            asked_at=reply.sent_at,
            received_at=reply.received_at,
        )
        return (listed,), page.cursor if page.has_next else ""

    # -- fills and balances ----------------------------------------------------------------------

    def fills(self, query: QueryFills, instrument: Instrument, cursor: str) -> WeightedRequest:
        """Newest first."""
        text = f"product_ids={quote(instrument.symbol)}&limit={FILLS_PER_PAGE}"
        text = f"{text}&start_sequence_timestamp={quote(written(query.since), safe='')}"
        return self._get("/orders/historical/fills", f"{text}&cursor={quote(cursor, safe='')}" if cursor else text)

    def decode_fills(
        self, query: QueryFills, instrument: Instrument, reply: HttpReply
    ) -> tuple[Sequence[VenueExecution], str]:
        """Rows name their order by the venue's id only: `client_order_id` is empty."""
        if reply.status != 200:
            return (self._failure(query.account, "fills", problem(reply), reply),), ""
        page = read(reply, _FILLS)
        rows = reversed(page.fills)
        found = _each(rows, lambda row: fill(row, query.account, instrument, reply.received_at))
        return found, page.cursor if page.fills else ""

    def balances(self, account: AccountId) -> tuple[WeightedRequest, ...]:
        return (self._get("/accounts", f"limit={ACCOUNTS_PER_PAGE}"),)

    def decode_balances(self, account: AccountId, reply: HttpReply) -> Sequence[VenueExecution]:
        if reply.status != 200:
            return (self._failure(account, "balances", problem(reply), reply),)
        page = read(reply, _ACCOUNTS)
        if page.has_next:
            return (self._failure(account, "balances", f"more than {ACCOUNTS_PER_PAGE} accounts", reply),)
        report = BalancesReported(
            venue=self._venue,
            account=account,
            balances=tuple(_each(page.accounts, _balance)),
            positions=(),
            complete=True,
            venue_time=Nanos(0),
            received_at=reply.received_at,
        )
        return (report,)

    def retry_after(self, reply: HttpReply) -> Nanos:
        """After "too many requests" until the limit's reset, as the headers tell it in seconds."""
        if reply.status != 429:
            return Nanos(0)
        told = reply.headers.get("retry-after", "") or reply.headers.get("x-ratelimit-reset", "")
        seconds = int(told) if re.fullmatch("[0-9]{1,2}", told, re.ASCII) else 0
        return Nanos(max(1, min(seconds, _PAUSE_MAX_S)) * _PAUSE)

    # -- inside ----------------------------------------------------------------------------------

    def _get(self, path: str, query: str) -> WeightedRequest:
        return WeightedRequest(HttpRequest(method="GET", url=self._base + path, query=query), ((PRIVATE, 1),))

    def _post(self, path: str, body: dict[str, Any]) -> WeightedRequest:
        request = HttpRequest(
            method="POST",
            url=self._base + path,
            body=msgspec.json.encode(body).decode(),
            headers=(("Content-Type", "application/json"),),
        )
        return WeightedRequest(request, ((PRIVATE, 1),))

    def _reports(self, rows: Sequence[Raw], reply: HttpReply) -> list[tuple[OrderReport, InstrumentId]]:
        def build(row: Raw) -> tuple[OrderReport, InstrumentId]:
            raw = _ORDER.decode(row)
            terms = next(iter(raw.order_configuration.values()), wire.Terms())
            report = OrderReport(
                client_order_id=ClientOrderId(raw.client_order_id),
                venue_order_id=VenueOrderId(raw.order_id),
                status=status_of(raw.status),
                venue_filled=parse_decimal(raw.filled_size or "0"),
                asked_at=reply.sent_at,
                received_at=reply.received_at,
                side=_SIDES.get(raw.side),
                price=parse_decimal(terms.limit_price or "0"),
                quantity=parse_decimal(terms.base_size or "0"),
            )
            return report, instrument_id(self._venue, raw.product_id)

        return _each(rows, build)

    def _failure(self, account: AccountId, subject: str, reason: str, reply: HttpReply) -> RequestFailed:
        return RequestFailed(
            venue=self._venue, account=account, subject=subject, reason=reason, received_at=reply.received_at
        )


def _configuration(request: OrderRequest) -> dict[str, Any]:
    size = {"base_size": plain(request.quantity)}
    if request.order_type is OrderType.MARKET:
        if request.side is Side.BUY:
            raise Unsupported("Coinbase sizes a market buy in its quote currency; send a limit order, IOC, instead")
        return {"market_market_ioc": size}
    limit = size | {"limit_price": plain(request.price)}
    match request.time_in_force:
        case TimeInForce.IOC:
            return {"sor_limit_ioc": limit}
        case TimeInForce.FOK:
            return {"limit_limit_fok": limit}
        case TimeInForce.GTC:
            return {"limit_limit_gtc": limit | {"post_only": request.post_only}}


def _answer(reply: HttpReply) -> wire.Placed | None:
    """What the venue said about the order; None where it said nothing that we understand."""
    if reply.status != 200:
        return None
    try:
        return _PLACED.decode(reply.body)
    except BROKEN:
        return None


def _not_placed(client: ClientOrderId, said: wire.Placed, at: Nanos) -> OrderRejected | SubmitUncertain:
    refusal = said.error_response or wire.Refusal(error=said.failure_reason)
    reasons = (refusal.preview_failure_reason, refusal.error, said.failure_reason)
    words = " ".join(dict.fromkeys(text for text in (refusal.error, refusal.preview_failure_reason, refusal.message)))
    proven = not said.success and any(_REJECTED.match(reason) for reason in reasons)
    kind = OrderRejected if proven else SubmitUncertain
    return kind(client_order_id=client, reason=words.strip()[:200], received_at=at)


def _balance(raw: wire.Account) -> Balance:
    hold = raw.hold.value if raw.hold is not None else ""
    return Balance(Asset(raw.currency), parse_decimal(raw.available_balance.value), parse_decimal(hold or "0"))


def _each(rows: Any, build: Callable[[Any], T]) -> list[T]:
    """What becomes of each row; raises MalformedReply where one is not as promised."""
    try:
        return [build(row) for row in rows]
    except BROKEN as error:
        raise MalformedReply(str(error)[:200]) from error
