"""Private REST: our orders, fills and balances, on one account for both asset classes.

An answer that does not prove what became of an order never becomes a rejection: it is SubmitUncertain.
A client order id that was used before is an error here, not an answer about that order: it proves nothing.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from msgspec.json import Decoder

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    CancelFailed,
    OpenOrdersListed,
    OrderAccepted,
    OrderDone,
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
    VenueId,
    VenueOrderId,
    instrument_id,
)
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import ZERO, parse_decimal, plain
from integrated_trading_system.domain.order import (
    TERMINAL,
    CancelOrder,
    OrderStatus,
    OrderType,
    QueryFills,
    QueryOrder,
    Side,
    SubmitOrder,
)
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.venues.alpaca import wire
from integrated_trading_system.venues.alpaca.endpoints import TRADING, Rules
from integrated_trading_system.venues.alpaca.history import stamp
from integrated_trading_system.venues.alpaca.user_codec import fill, holding, status_of
from integrated_trading_system.venues.alpaca.wire import encode, nanos, read, refusal
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

ORDERS_PER_PAGE: Final = 500
FILLS_PER_PAGE: Final = 100

NOT_FOUND: Final = 40410000
_CLIENT_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,48}", re.ASCII)
_ORDER_ID: Final = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_DUPLICATE: Final = "client_order_id must be unique"
_PAUSE: Final = Nanos(10 * SECOND)
"""After "rate limit exceeded" where the headers do not name the reset: 200 a minute are one in 300 ms."""
_PAUSE_MAX: Final = 120
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}

_ORDER: Final = Decoder(wire.OrderState)
_ORDERS: Final = Decoder(list[wire.OrderState])
_ACTIVITIES: Final = Decoder(list[wire.Activity])
_ACCOUNT: Final = Decoder(wire.Account)
_POSITIONS: Final = Decoder(list[wire.Position])


class AlpacaTrading:
    """The private endpoints, for one asset class."""

    def __init__(self, venue: VenueId, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme and host."""
        self._venue = venue
        self._base = f"{rest_url}/v2"
        self._rules = rules

    # -- orders ----------------------------------------------------------------------------------

    def place(self, order: SubmitOrder, instrument: Instrument) -> WeightedRequest:
        """Raises Unsupported for what the venue has no word for. Nothing can be sold short, so nothing is reduced."""
        request = order.request
        assert _CLIENT_ORDER_ID.fullmatch(request.client_order_id), f"not an id for Alpaca: {request.client_order_id}"
        if request.post_only:
            raise Unsupported("Alpaca has no post-only orders")
        time_in_force = self._rules.times_in_force.get(request.time_in_force)
        if time_in_force is None:
            raise Unsupported(f"{self._venue} takes no {request.time_in_force} orders")
        body = {
            "symbol": instrument.symbol,
            "qty": plain(request.quantity),
            "side": request.side.value,
            "type": request.order_type.value,
            "time_in_force": time_in_force,
        }
        if request.order_type is OrderType.LIMIT:
            body["limit_price"] = plain(request.price)
        return self._call("POST", "orders", body=body | {"client_order_id": request.client_order_id})

    def decode_place(self, order: SubmitOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        client = order.request.client_order_id
        if not 200 <= reply.status < 300:
            return (_not_placed(client, reply),)
        state = read(reply, _ORDER)
        if state.client_order_id != client:
            raise MalformedReply(f"asked for {client}, answered about {state.client_order_id[:48]}")
        return self._states(state, client, reply)

    def _states(self, state: wire.OrderState, client: ClientOrderId, reply: HttpReply) -> Sequence[VenueExecution]:
        """Accepted, and over where the answer says so."""
        status, venue_time, venue_order = _status(state), _time(state), VenueOrderId(state.id)
        accepted = OrderAccepted(
            client_order_id=client, venue_order_id=venue_order, venue_time=venue_time, received_at=reply.received_at
        )
        if status not in TERMINAL:
            return (accepted,)
        done = OrderDone(
            client_order_id=client,
            venue_order_id=venue_order,
            status=status,
            venue_filled=_amount(state.filled_qty),
            reason="" if status is OrderStatus.FILLED else state.status,
            venue_time=venue_time,
            received_at=reply.received_at,
        )
        return accepted, done

    def cancel(self, cancel: CancelOrder, instrument: Instrument) -> WeightedRequest:
        """By the venue's id, which is the only way: raises Unsupported as long as it is not known."""
        venue_order = cancel.venue_order_id
        if venue_order is None or _ORDER_ID.fullmatch(venue_order) is None:
            raise Unsupported("Alpaca cancels by its own order id, which is not known yet")
        return self._call("DELETE", f"orders/{venue_order}")

    def decode_cancel(self, cancel: CancelOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """Nothing for a 204, "cancel requested": only the stream says whether it came in time."""
        if 200 <= reply.status < 300:
            return ()
        client = cancel.client_order_id
        return (CancelFailed(client_order_id=client, reason=_words(reply), received_at=reply.received_at),)

    def query(self, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        text = f"client_order_id={quote(query.client_order_id, safe='')}"
        return self._call("GET", "orders:by_client_order_id", text)

    def decode_query(self, query: QueryOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """Not found is only what the venue itself says in its own words: a proxy's 404 is none of them."""
        client = query.client_order_id
        if reply.status == 404 and refusal(reply).code == NOT_FOUND:
            return (OrderNotFound(client_order_id=client, asked_at=reply.sent_at, received_at=reply.received_at),)
        if failed := self._failed(query.account, client, reply):
            return (failed,)
        state = read(reply, _ORDER)
        if state.client_order_id != client:
            raise MalformedReply(f"asked for {client}, answered about {state.client_order_id[:48]}")
        return (_report(state, reply),)

    def open_orders(self, account: AccountId, cursor: str) -> WeightedRequest:
        """Newest first, by when they were submitted; the cursor is the time before which the next page begins."""
        text = f"status=open&limit={ORDERS_PER_PAGE}&nested=false&direction=desc"
        return self._call("GET", "orders", f"{text}&until={quote(cursor)}" if cursor else text)

    def decode_open_orders(self, account: AccountId, reply: HttpReply) -> tuple[Sequence[VenueExecution], str]:
        """`until` leaves out what is at that very time: the next page begins a nanosecond later, and overlaps."""
        if failed := self._failed(account, "open_orders", reply):
            return (failed,), ""
        found = read(reply, _ORDERS)
        ours = [state for state in found if state.asset_class in ("", self._rules.asset_class)]
        listed = OpenOrdersListed(
            venue=self._venue,
            account=account,
            orders=tuple(_report(state, reply) for state in ours),
            instruments=tuple(instrument_id(self._venue, state.symbol) for state in ours),
            asked_at=reply.sent_at,
            received_at=reply.received_at,
        )
        if len(found) < ORDERS_PER_PAGE:
            return (listed,), ""
        try:
            return (listed,), stamp(Nanos(nanos(found[-1].submitted_at or "") + 1))
        except ValueError as error:
            raise MalformedReply(f"a full page of orders, and no time to go on from: {error}") from error

    # -- fills -----------------------------------------------------------------------------------

    def fills(self, query: QueryFills, instrument: Instrument, cursor: str) -> WeightedRequest:
        """Of all symbols together, oldest first; the cursor is the last id of the page before."""
        since = stamp(Nanos(max(0, query.since - MILLISECOND)))  # "after" leaves out what is at that very time
        text = f"after={since}&direction=asc&page_size={FILLS_PER_PAGE}"
        return self._call("GET", "account/activities/FILL", f"{text}&page_token={quote(cursor)}" if cursor else text)

    def decode_fills(
        self, query: QueryFills, instrument: Instrument, reply: HttpReply
    ) -> tuple[Sequence[VenueExecution], str]:
        if failed := self._failed(query.account, "fills", reply):
            return (failed,), ""
        rows = read(reply, _ACTIVITIES)
        symbols = (instrument.symbol, instrument.symbol.replace("/", ""))
        try:
            fills = [
                fill(row, instrument, query.account, reply.received_at)
                for row in rows
                if row.activity_type == "FILL" and row.symbol in symbols
            ]
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error
        return fills, rows[-1].id if len(rows) >= FILLS_PER_PAGE else ""

    # -- balances --------------------------------------------------------------------------------

    def balances(self, account: AccountId) -> tuple[WeightedRequest, ...]:
        """The money, and the holdings of this asset class: neither reply has all of it."""
        return self._call("GET", "account"), self._call("GET", "positions")

    def decode_balances(self, account: AccountId, reply: HttpReply) -> Sequence[VenueExecution]:
        """Either of the two: holdings are a list."""
        if failed := self._failed(account, "balances", reply):
            return (failed,)
        if reply.body.lstrip()[:1] == b"[":
            rows = [row for row in read(reply, _POSITIONS) if row.asset_class == self._rules.asset_class]
            try:
                found = tuple(holding(row) for row in rows)
            except ValueError as error:
                raise MalformedReply(str(error)[:200]) from error
        else:
            money = read(reply, _ACCOUNT)
            found = (Balance(Asset(money.currency), _amount(money.cash), ZERO),)
        report = BalancesReported(
            venue=self._venue,
            account=account,
            balances=found,
            positions=(),
            complete=False,
            venue_time=Nanos(0),
            received_at=reply.received_at,
        )
        return (report,)

    def retry_after(self, reply: HttpReply) -> Nanos:
        """After 429 until the reset that the headers name; a 403 is about one order here, never about us."""
        if reply.status != 429:
            return Nanos(0)
        reset = reply.headers.get("x-ratelimit-reset", "")
        if re.fullmatch("[0-9]{10}", reset) is None:
            return _PAUSE
        left = int(reset) * SECOND - reply.received_at
        return Nanos(left) if 0 < left <= _PAUSE_MAX * SECOND else _PAUSE

    # -- inside ----------------------------------------------------------------------------------

    def _call(self, method: str, endpoint: str, query: str = "", body: dict[str, Any] | None = None) -> WeightedRequest:
        request = HttpRequest(
            method=method,
            url=f"{self._base}/{endpoint}",
            query=query,
            body=encode(body).decode() if body else "",
            headers=(("Content-Type", "application/json"),) if body else (),
        )
        return WeightedRequest(request, ((TRADING, 1),))

    def _failed(self, account: AccountId, subject: str, reply: HttpReply) -> RequestFailed | None:
        """What a query without a usable answer becomes; None for a good one."""
        return None if 200 <= reply.status < 300 else self._failure(account, subject, _words(reply), reply)

    def _failure(self, account: AccountId, subject: str, reason: str, reply: HttpReply) -> RequestFailed:
        return RequestFailed(
            venue=self._venue, account=account, subject=subject, reason=reason, received_at=reply.received_at
        )


def _not_placed(client: ClientOrderId, reply: HttpReply) -> OrderRejected | SubmitRefused | SubmitUncertain:
    """What an error says about the order: certainly never seen, refused, or anything."""
    at, said = reply.received_at, refusal(reply)
    if reply.status == 429:
        return SubmitRefused(client_order_id=client, reason="rate-limit", received_at=at)
    answered = 400 <= reply.status < 500 and reply.status != 408 and said.code
    if not answered or _DUPLICATE in said.message:
        return SubmitUncertain(client_order_id=client, reason=_words(reply), received_at=at)
    return OrderRejected(client_order_id=client, reason=_words(reply), received_at=at)


def _report(state: wire.OrderState, reply: HttpReply) -> OrderReport:
    return OrderReport(
        client_order_id=ClientOrderId(state.client_order_id),
        venue_order_id=VenueOrderId(state.id),
        status=_status(state),
        venue_filled=_amount(state.filled_qty),
        asked_at=reply.sent_at,
        received_at=reply.received_at,
        side=_SIDES.get(state.side),
        price=_amount(state.limit_price),
        quantity=_amount(state.qty),
    )


def _status(state: wire.OrderState) -> OrderStatus:
    try:
        return status_of(state)
    except ValueError as error:
        raise MalformedReply(str(error)) from error


def _time(state: wire.OrderState) -> Nanos:
    try:
        return nanos(state.updated_at) if state.updated_at else Nanos(0)
    except ValueError as error:
        raise MalformedReply(str(error)) from error


def _amount(told: str | int | None) -> Decimal:
    try:
        return parse_decimal(str(told or "0"))
    except ValueError as error:
        raise MalformedReply(str(error)) from error


def _words(reply: HttpReply) -> str:
    said = refusal(reply)
    return f"{said.code} {said.message}"[:200]
