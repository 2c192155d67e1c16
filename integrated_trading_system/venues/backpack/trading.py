"""Private REST: our orders, fills, balances and positions.

An order is only found while it rests; what became of it afterwards is in the history. An answer that does
not prove what became of an order never becomes a rejection: it is SubmitUncertain.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

import msgspec
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
    VenuePosition,
)
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId, Asset, ClientOrderId, VenueId, VenueOrderId
from integrated_trading_system.domain.ids import instrument_id as name
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import parse_decimal, plain
from integrated_trading_system.domain.order import (
    TERMINAL,
    CancelOrder,
    OrderType,
    QueryFills,
    QueryOrder,
    Side,
    SubmitOrder,
)
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos, from_millis, to_millis
from integrated_trading_system.venues.backpack import wire
from integrated_trading_system.venues.backpack.codec import BROKEN
from integrated_trading_system.venues.backpack.endpoints import CLIENT_ORDER_ID_MAX, REQUESTS, Rules
from integrated_trading_system.venues.backpack.symbols import belongs
from integrated_trading_system.venues.backpack.user_codec import client_of, own_trade
from integrated_trading_system.venues.backpack.wire import Problem, problem, read
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

FILLS_PER_PAGE: Final = 1000
HISTORY: Final = 200
"""How many finished orders of a symbol are looked through for one of ours."""

_SIDES: Final = {"Bid": Side.BUY, "Ask": Side.SELL}
_JSON: Final = (("Content-Type", "application/json; charset=utf-8"),)

# What became of the request is unknown.
_UNKNOWN_STATE: Final = frozenset(
    {"", "TIMEOUT", "SERVER_ERROR", "TOO_EARLY", "PRECONDITION_FAILED", "SERVICE_UNAVAILABLE", "INTERNAL_ERROR"}
)
_TOO_MANY: Final = "TOO_MANY_REQUESTS"
_NO_SUCH_ORDER: Final = "RESOURCE_NOT_FOUND"

_PAUSE: Final = Nanos(10 * SECOND)
"""After a 429, where the venue does not say: requests are counted by the minute."""
_FIREWALL_PAUSE: Final = Nanos(2 * MINUTE)
"""After a 403 that is not the venue's own answer."""

_ORDER: Final = Decoder(wire.OrderState)
_ORDERS: Final = Decoder(list[wire.OrderState])
_TRADES: Final = Decoder(list[wire.OwnTrade])
_HOLDINGS: Final = Decoder(dict[str, wire.Holding])
_POSITIONS: Final = Decoder(list[wire.Position])

T = TypeVar("T")
U = TypeVar("U")


class BackpackTrading:
    """The private endpoints of one flavour."""

    def __init__(self, venue: VenueId, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme and host."""
        self._venue = venue
        self._rest_url = rest_url
        self._rules = rules
        self._spot = rules.kind is Kind.SPOT

    # -- orders ----------------------------------------------------------------------------------

    def place(self, order: SubmitOrder, instrument: Instrument) -> WeightedRequest:
        """Spot has no reduce-only orders: there the flag is left out."""
        request = order.request
        body: dict[str, Any] = {
            "clientId": _number(request.client_order_id),
            "orderType": request.order_type.capitalize(),
            "quantity": plain(request.quantity),
            "side": "Bid" if request.side.sign > 0 else "Ask",
            "symbol": instrument.symbol,
        }
        if request.order_type is OrderType.LIMIT:
            body |= {"price": plain(request.price), "timeInForce": request.time_in_force.upper()}
        if request.post_only:
            body["postOnly"] = True
        if request.reduce_only and not self._spot:
            body["reduceOnly"] = True
        return self._send("POST", "/api/v1/order", body)

    def decode_place(self, order: SubmitOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """An order refused by a rule may come back accepted and expired at once."""
        client = order.request.client_order_id
        if reply.status != 200:
            return (_not_placed(client, reply),)
        state = _ours(client, read(reply, _ORDER))
        accepted = OrderAccepted(
            client_order_id=client,
            venue_order_id=VenueOrderId(str(state.id)),
            venue_time=from_millis(state.created_at) if isinstance(state.created_at, int) else Nanos(0),
            received_at=reply.received_at,
        )
        (report,) = _reports([state], reply)
        return (accepted, _done(report, state)) if report.status in TERMINAL else (accepted,)

    def cancel(self, cancel: CancelOrder, instrument: Instrument) -> WeightedRequest:
        """By our id; an order that has none by the venue's."""
        ours, theirs = cancel.client_order_id, cancel.venue_order_id
        body: dict[str, Any] = {"orderId": theirs} if theirs and not ours else {"clientId": _number(ours)}
        body["symbol"] = instrument.symbol
        return self._send("DELETE", "/api/v1/order", body)

    def decode_cancel(self, cancel: CancelOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """202 is "accepted but not yet executed": the stream says whether it came in time."""
        client, at = cancel.client_order_id, reply.received_at
        if reply.status == 202:
            return ()
        if reply.status != 200:
            return (CancelFailed(client_order_id=client, reason=_words(problem(reply)), received_at=at),)
        state = _ours(client, read(reply, _ORDER))
        (report,) = _reports([state], reply)
        if report.status not in TERMINAL:
            return (CancelFailed(client_order_id=client, reason=f"still {state.status[:40]}", received_at=at),)
        return (_done(report, state),)

    def query(self, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        """Answered "only if it is resting on the order book"."""
        params = {"clientId": str(_number(query.client_order_id)), "symbol": instrument.symbol}
        return self._ask("/api/v1/order", params)

    def query_elsewhere(self, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        """An order that does not rest (any more) is in the history."""
        params = {"limit": str(HISTORY), "symbol": instrument.symbol}
        return self._ask("/wapi/v1/history/orders", params)

    def decode_query(self, query: QueryOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """One order, or the history to look through."""
        client = query.client_order_id
        missing = OrderNotFound(client_order_id=client, asked_at=reply.sent_at, received_at=reply.received_at)
        if reply.status == 404 and problem(reply).code == _NO_SUCH_ORDER:
            return (missing,)
        if failed := self._failed(query.account, client, reply):
            return (failed,)
        states = read(reply, _ORDERS) if reply.body.lstrip().startswith(b"[") else [_ours(client, read(reply, _ORDER))]
        ours = [state for state in states if client_of(state.client_id) == client]
        return _reports(ours[:1], reply) or (missing,)

    def open_orders(self, account: AccountId, cursor: str) -> WeightedRequest:
        """There are no pages: `cursor` is always empty."""
        return self._ask("/api/v1/orders", {"marketType": self._rules.market_type})

    def decode_open_orders(self, account: AccountId, reply: HttpReply) -> tuple[Sequence[VenueExecution], str]:
        """All in one answer."""
        if failed := self._failed(account, "open_orders", reply):
            return (failed,), ""
        states = [state for state in read(reply, _ORDERS) if belongs(state.symbol, self._rules)]
        listed = OpenOrdersListed(
            venue=self._venue,
            account=account,
            orders=tuple(_reports(states, reply)),
            instruments=tuple(name(self._venue, state.symbol) for state in states),
            asked_at=reply.sent_at,
            received_at=reply.received_at,
        )
        return (listed,), ""

    # -- fills -----------------------------------------------------------------------------------

    def fills(self, query: QueryFills, instrument: Instrument, cursor: str) -> WeightedRequest:
        """Later pages narrow the time: a cursor is ``from=`` or ``to=`` and milliseconds."""
        params = {"from": str(to_millis(query.since)), "limit": str(FILLS_PER_PAGE), "symbol": instrument.symbol}
        bound, _, millis = cursor.partition("=")
        return self._ask("/wapi/v1/history/fills", params | ({bound: millis} if cursor else {}))

    def decode_fills(
        self, query: QueryFills, instrument: Instrument, reply: HttpReply
    ) -> tuple[Sequence[VenueExecution], str]:
        if failed := self._failed(query.account, "fills", reply):
            return (failed,), ""
        rows = read(reply, _TRADES)
        # What has no trade id cannot be told from its copies, and was no trade.
        traded = (row for row in rows if row.trade_id is not None)
        fills = _each(traded, lambda row: own_trade(row, self._venue, query.account, reply.received_at))
        full = len(rows) >= FILLS_PER_PAGE
        return fills, _next_page(_each(rows, lambda row: wire.parse_time(row.timestamp))) if full else ""

    # -- balances and positions ------------------------------------------------------------------

    def balances(self, account: AccountId) -> tuple[WeightedRequest, ...]:
        capital = self._ask("/api/v1/capital", {})
        return (capital,) if self._spot else (capital, self._ask("/api/v1/position", {}))

    def decode_balances(self, account: AccountId, reply: HttpReply) -> Sequence[VenueExecution]:
        """Either of the two: positions are a list, assets are named. What is staked is locked."""
        if failed := self._failed(account, "balances", reply):
            return (failed,)
        held = {} if reply.body.lstrip().startswith(b"[") else read(reply, _HOLDINGS)
        open_positions = read(reply, _POSITIONS) if reply.body.lstrip().startswith(b"[") else []
        report = BalancesReported(
            venue=self._venue,
            account=account,
            balances=tuple(_each(held.items(), _balance)),
            positions=tuple(_each(open_positions, self._position)),
            complete=self._spot,
            venue_time=Nanos(0),
            received_at=reply.received_at,
        )
        return (report,)

    def retry_after(self, reply: HttpReply) -> Nanos:
        if reply.status == 403:
            return Nanos(0) if problem(reply).code else _FIREWALL_PAUSE
        if reply.status != 429:
            return Nanos(0)
        seconds = reply.headers.get("retry-after", "")
        return Nanos(int(seconds) * SECOND) if re.fullmatch("[0-9]{1,6}", seconds) else _PAUSE

    # -- inside ----------------------------------------------------------------------------------

    def _ask(self, path: str, params: dict[str, str]) -> WeightedRequest:
        request = HttpRequest(method="GET", url=self._rest_url + path, query=urlencode(params))
        return WeightedRequest(request, ((REQUESTS, 1),))

    def _send(self, method: str, path: str, body: dict[str, Any]) -> WeightedRequest:
        text = msgspec.json.encode(body, order="sorted").decode()
        request = HttpRequest(method=method, url=self._rest_url + path, body=text, headers=_JSON)
        return WeightedRequest(request, ((REQUESTS, 1),))

    def _position(self, raw: wire.Position) -> VenuePosition:
        quantity, price = parse_decimal(raw.net_quantity), parse_decimal(raw.entry_price)
        return VenuePosition(name(self._venue, raw.symbol), quantity, price)

    def _failed(self, account: AccountId, subject: str, reply: HttpReply) -> RequestFailed | None:
        """What a query without a usable answer becomes; None for a good one."""
        if reply.status == 200:
            return None
        reason, at = _words(problem(reply)), reply.received_at
        return RequestFailed(venue=self._venue, account=account, subject=subject, reason=reason, received_at=at)


def _not_placed(client: ClientOrderId, reply: HttpReply) -> OrderRejected | SubmitRefused | SubmitUncertain:
    """What an error says about the order: certainly never seen, refused, or anything."""
    said, at = problem(reply), reply.received_at
    if reply.status == 429 or said.code == _TOO_MANY:
        return SubmitRefused(client_order_id=client, reason="rate-limit", received_at=at)
    if reply.status == 403 and not said.code:
        return SubmitRefused(client_order_id=client, reason="forbidden", received_at=at)
    if said.code in _UNKNOWN_STATE or not 400 <= reply.status < 500 or reply.status in (408, 409):
        return SubmitUncertain(client_order_id=client, reason=_words(said), received_at=at)
    return OrderRejected(client_order_id=client, reason=_words(said), received_at=at)


def _words(said: Problem) -> str:
    return f"{said.code} {said.message}".strip()[:200]


def _number(client: ClientOrderId) -> int:
    number = int(client) if re.fullmatch("[1-9][0-9]{0,9}", client) else 0
    if not 0 < number <= CLIENT_ORDER_ID_MAX:
        raise Unsupported(f"Backpack numbers its orders with 32 bits, and {client[:40]!r} is no such number")
    return number


def _ours(client: ClientOrderId, state: wire.OrderState) -> wire.OrderState:
    if client_of(state.client_id) != client:
        raise MalformedReply(f"asked about {client}, answered about {str(state.client_id)[:40]}")
    return state


def _reports(states: Sequence[wire.OrderState], reply: HttpReply) -> list[OrderReport]:
    return _each(states, partial(_report, reply))


def _report(reply: HttpReply, state: wire.OrderState) -> OrderReport:
    status = wire.STATUS.get(state.status)
    if status is None:
        raise ValueError(f"unknown order status {state.status[:40]!r}")
    return OrderReport(
        client_order_id=client_of(state.client_id),
        venue_order_id=VenueOrderId(str(state.id)),
        status=status,
        venue_filled=parse_decimal(state.executed_quantity or "0"),
        asked_at=reply.sent_at,
        received_at=reply.received_at,
        side=_SIDES.get(state.side),
        price=parse_decimal(state.price or "0"),
        quantity=parse_decimal(state.quantity or "0"),
    )


def _done(report: OrderReport, state: wire.OrderState) -> OrderDone:
    return OrderDone(
        client_order_id=report.client_order_id,
        venue_order_id=report.venue_order_id,
        status=report.status,
        venue_filled=report.venue_filled,
        reason=state.expiry_reason or "",
        venue_time=Nanos(0),
        received_at=report.received_at,
    )


def _balance(entry: tuple[str, wire.Holding]) -> Balance:
    asset, held = entry
    return Balance(Asset(asset), parse_decimal(held.available), parse_decimal(held.locked) + parse_decimal(held.staked))


def _next_page(times: Sequence[Nanos]) -> str:
    """Where the next page begins, whichever way a full one is sorted; its edge is read again.

    Every page moves on by a millisecond at least: of one with more in it than a page holds, the rest is out of reach.
    """
    first, last = to_millis(times[0]), to_millis(times[-1])
    if last == first:
        raise MalformedReply("a full page of fills within one millisecond: there may be more of them")
    return f"from={last}" if last > first else f"to={min(last + 1, first - 1)}"


def _each(rows: Iterable[T], build: Callable[[T], U]) -> list[U]:
    """What becomes of each entry; raises MalformedReply where one is not as promised."""
    try:
        return [build(row) for row in rows]
    except BROKEN as error:
        raise MalformedReply(str(error)[:200]) from error
