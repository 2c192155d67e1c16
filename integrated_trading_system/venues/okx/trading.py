"""Private REST: our orders, fills, balances and positions (net position mode, cross margin).

"An acknowledgement means that the request was received, not that the order was executed": its fate comes by
the stream, or is asked for. An answer that does not prove what became of an order never becomes a rejection:
it is SubmitUncertain.
"""

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec.json import Decoder

from integrated_trading_system.domain.execution import (
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
    VenuePosition,
)
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId, ClientOrderId, VenueId, VenueOrderId, instrument_id
from integrated_trading_system.domain.instrument import Instrument
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
from integrated_trading_system.domain.time import DAY, SECOND, Nanos, from_millis, to_millis
from integrated_trading_system.venues.okx import wire
from integrated_trading_system.venues.okx.cancels import named
from integrated_trading_system.venues.okx.endpoints import ACCOUNT, CANCEL, CREATE, QUERY, Rules
from integrated_trading_system.venues.okx.user_codec import balances, fill, status_of
from integrated_trading_system.venues.okx.wire import NO_CODE, OK, answer, each, read
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

PAGE: Final = 100
"""Orders or fills in one reply, the most there may be."""
FILLS_SPAN: Final = Nanos(3 * DAY)
""" "Transaction details of the last 3 days"."""

_CLIENT_ORDER_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII)
""" "Case-sensitive letters and digits, at most 32"; no hyphen, no underscore."""

_GENERAL: Final = frozenset({"1", "2"})
""" "All, or some, of the operations failed": what failed is said in the entry."""
_UNKNOWN_STATE: Final = frozenset(
    {NO_CODE, OK, *_GENERAL, "50001", "50004", "50005", "50013", "50026", "51054", "51149"}
)
"""Maintenance, timeouts and "system busy": "does not indicate success or failure of the order"."""
_DUPLICATE: Final = frozenset({"51016"})
"""The client id is taken: perhaps by the very order that we ask for."""
_TOO_MANY: Final = frozenset({"50011", "50061"})
"""Refused at the door, before the matching engine."""
_NO_SUCH_ORDER: Final = "51603"

_PAUSE: Final = Nanos(2 * SECOND)
"""Limits roll over two seconds."""

_TYPES: Final = {TimeInForce.GTC: "limit", TimeInForce.IOC: "ioc", TimeInForce.FOK: "fok"}
_PLACED: Final = Decoder(wire.Placed, strict=False)
_ORDER: Final = Decoder(wire.OrderState, strict=False)
_FILL: Final = Decoder(wire.FillRow, strict=False)
_ACCOUNT: Final = Decoder(wire.AccountState, strict=False)
_POSITION: Final = Decoder(wire.Position, strict=False)


class OkxTrading:
    """The private endpoints of one flavour."""

    def __init__(self, venue: VenueId, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme and host."""
        self._venue = venue
        self._base = f"{rest_url}/api/v5"
        self._rules = rules

    # -- orders ----------------------------------------------------------------------------------

    def place(self, order: SubmitOrder, instrument: Instrument) -> WeightedRequest:
        """Spot has no reduce-only orders: there the flag is left out."""
        request = order.request
        assert _CLIENT_ORDER_ID.fullmatch(request.client_order_id), f"not an id for OKX: {request.client_order_id}"
        body: dict[str, Any] = {
            "instId": instrument.symbol,
            "tdMode": self._rules.trade_mode,
            "side": request.side.value,
            "ordType": _type_of(request),
            "sz": plain(request.quantity),
        }
        if request.order_type is OrderType.LIMIT:
            body["px"] = plain(request.price)
        elif self._rules.spot:
            body["tgtCcy"] = "base_ccy"  # otherwise the quantity of a market buy is an amount of quote
        if not self._rules.spot:
            body["reduceOnly"] = request.reduce_only
        body["clOrdId"] = request.client_order_id
        return self._post("trade/order", body, CREATE)

    def decode_place(self, order: SubmitOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """The venue's rule: "check sCode, not only code"."""
        client = order.request.client_order_id
        said = _said(reply)
        if reply.status != 200 or said.s_code != OK:
            return (_not_placed(client, said, reply),)
        if said.cl_ord_id != client or not said.ord_id:
            raise MalformedReply(f"asked for {client}, answered about {said.cl_ord_id[:40]}")
        accepted = OrderAccepted(
            client_order_id=client,
            venue_order_id=VenueOrderId(said.ord_id),
            venue_time=from_millis(said.ts),
            received_at=reply.received_at,
        )
        return (accepted,)

    def cancel(self, cancel: CancelOrder, instrument: Instrument) -> WeightedRequest:
        body = {"instId": instrument.symbol, **named(cancel)}
        return self._post("trade/cancel-order", body, CANCEL)

    def decode_cancel(self, cancel: CancelOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """Nothing for an accepted cancel: only the stream says whether it came in time."""
        said = _said(reply)
        if reply.status == 200 and said.s_code == OK:
            return ()
        client = cancel.client_order_id
        return (CancelFailed(client_order_id=client, reason=_words(said), received_at=reply.received_at),)

    def query(self, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        """Open and finished orders; "one that was cancelled without a fill" is told for two hours only."""
        text = f"instId={quote(instrument.symbol)}&clOrdId={quote(query.client_order_id)}"
        return self._get("trade/order", text, QUERY)

    def decode_query(self, query: QueryOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        client = query.client_order_id
        if reply.status == 200 and answer(reply).code == _NO_SUCH_ORDER:
            return (OrderNotFound(client_order_id=client, asked_at=reply.sent_at, received_at=reply.received_at),)
        if failed := self._failed(query.account, client, reply):
            return (failed,)
        for state in each(read(reply), _ORDER):
            if state.cl_ord_id == client:
                return (_report(state, reply),)
        raise MalformedReply(f"asked for {client}, answered about others")

    def open_orders(self, account: AccountId, cursor: str) -> WeightedRequest:
        """Newest first; the cursor is the order before which the next page begins."""
        text = f"instType={self._rules.product}&limit={PAGE}"
        return self._get("trade/orders-pending", f"{text}&after={quote(cursor)}" if cursor else text, QUERY)

    def decode_open_orders(self, account: AccountId, reply: HttpReply) -> tuple[Sequence[VenueExecution], str]:
        if failed := self._failed(account, "open_orders", reply):
            return (failed,), ""
        states = each(read(reply), _ORDER)
        listed = OpenOrdersListed(
            venue=self._venue,
            account=account,
            orders=tuple(_report(state, reply) for state in states),
            instruments=tuple(instrument_id(self._venue, state.inst_id) for state in states),
            asked_at=reply.sent_at,
            received_at=reply.received_at,
        )
        return (listed,), states[-1].ord_id if len(states) >= PAGE else ""

    # -- fills -----------------------------------------------------------------------------------

    def fills(self, query: QueryFills, instrument: Instrument, cursor: str) -> WeightedRequest:
        """Newest first; the cursor is the bill before which the next page begins."""
        text = f"instType={self._rules.product}&instId={quote(instrument.symbol)}"
        text = f"{text}&begin={max(0, to_millis(query.since) - 1)}&limit={PAGE}"
        return self._get("trade/fills", f"{text}&after={quote(cursor)}" if cursor else text, QUERY)

    def decode_fills(
        self, query: QueryFills, instrument: Instrument, reply: HttpReply
    ) -> tuple[Sequence[VenueExecution], str]:
        if failed := self._failed(query.account, "fills", reply):
            return (failed,), ""
        if reply.sent_at - query.since > FILLS_SPAN:
            return (self._failure(query.account, "fills", "the venue lists fills of 3 days at most", reply),), ""
        rows = each(read(reply), _FILL)
        try:
            # Listed newest first; turned round, because nothing else orders the trades of one millisecond.
            found = [fill(row, self._venue, query.account, instrument, reply.received_at) for row in reversed(rows)]
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error
        if len(rows) < PAGE:
            return found, ""
        if not rows[-1].bill_id:
            raise MalformedReply("a full page of fills, and no bill to go on from")
        return found, rows[-1].bill_id

    # -- balances and positions ------------------------------------------------------------------

    def balances(self, account: AccountId) -> tuple[WeightedRequest, ...]:
        """Of swaps the positions, too."""
        held = self._get("account/balance", "", ACCOUNT)
        return (held,) if self._rules.spot else (held, self._get("account/positions", "instType=SWAP", ACCOUNT))

    def decode_balances(self, account: AccountId, reply: HttpReply) -> Sequence[VenueExecution]:
        """Either of the two: only entries of the balances' reply have assets in them. No entry: no positions."""
        if failed := self._failed(account, "balances", reply):
            return (failed,)
        rows = read(reply)
        try:
            if self._rules.spot or any(b'"details"' in bytes(row) for row in rows):
                state = wire.only(reply, _ACCOUNT)
                return (self._held(account, reply, state, ()),)
            positions = each(rows, _POSITION)
            held = [raw for raw in positions if parse_decimal(raw.pos or "0")]
            if any(raw.pos_side != "net" for raw in held):
                reason = "the account is in long/short mode; switch it to net mode"
                return (self._failure(account, "balances", reason, reply),)
            found = tuple(
                VenuePosition(
                    instrument_id(self._venue, raw.inst_id), parse_decimal(raw.pos), parse_decimal(raw.avg_px or "0")
                )
                for raw in held
            )
            latest = max((raw.u_time for raw in positions), default=0)
            return (self._held(account, reply, wire.AccountState(details=[], u_time=latest), found),)
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error

    def retry_after(self, reply: HttpReply) -> Nanos:
        """Two seconds after "too many requests"."""
        # Looked for without decoding: every signed reply comes here, and the long ones are no refusals.
        refused = reply.status == 429 or any(code.encode() in reply.body[:64] for code in _TOO_MANY)
        return _PAUSE if refused and (reply.status == 429 or answer(reply).code in _TOO_MANY) else Nanos(0)

    # -- inside ----------------------------------------------------------------------------------

    def _held(
        self, account: AccountId, reply: HttpReply, state: wire.AccountState, positions: tuple[VenuePosition, ...]
    ) -> BalancesReported:
        return BalancesReported(
            venue=self._venue,
            account=account,
            balances=balances(state),
            positions=positions,
            complete=self._rules.spot,
            venue_time=from_millis(state.u_time),
            received_at=reply.received_at,
        )

    def _get(self, endpoint: str, query: str, limit: str) -> WeightedRequest:
        return WeightedRequest(HttpRequest(method="GET", url=f"{self._base}/{endpoint}", query=query), ((limit, 1),))

    def _post(self, endpoint: str, body: dict[str, Any], limit: str) -> WeightedRequest:
        request = HttpRequest(
            method="POST",
            url=f"{self._base}/{endpoint}",
            body=msgspec.json.encode(body).decode(),
            headers=(("Content-Type", "application/json"),),
        )
        return WeightedRequest(request, ((limit, 1),))

    def _failed(self, account: AccountId, subject: str, reply: HttpReply) -> RequestFailed | None:
        """What a query without a usable answer becomes; None for a good one."""
        said = answer(reply)
        good = reply.status == 200 and said.code == OK
        return None if good else self._failure(account, subject, f"{said.code} {said.msg}"[:200], reply)

    def _failure(self, account: AccountId, subject: str, reason: str, reply: HttpReply) -> RequestFailed:
        return RequestFailed(
            venue=self._venue, account=account, subject=subject, reason=reason, received_at=reply.received_at
        )


def _type_of(request: OrderRequest) -> str:
    """How long an order stays is said by its type."""
    if request.order_type is OrderType.MARKET:
        return "market"
    return "post_only" if request.post_only else _TYPES[request.time_in_force]


def _said(reply: HttpReply) -> wire.Placed:
    """What the reply says of the one order in it; where no entry does, what it says of the request."""
    whole = answer(reply)
    if whole.code in (OK, *_GENERAL) and whole.data:
        try:
            return _PLACED.decode(whole.data[0])
        except (ValueError, RecursionError):
            return wire.Placed(s_msg="an answer of another shape")
    return wire.Placed(s_code=NO_CODE if whole.code == OK else whole.code, s_msg=whole.msg)


def _not_placed(
    client: ClientOrderId, said: wire.Placed, reply: HttpReply
) -> OrderRejected | SubmitRefused | SubmitUncertain:
    """What an error says about the order: certainly never seen, refused, or anything."""
    at = reply.received_at
    if said.s_code in _TOO_MANY:
        return SubmitRefused(client_order_id=client, reason="rate-limit", received_at=at)
    answered = reply.status == 200 or (400 <= reply.status < 500 and reply.status not in (408, 429))
    if not answered or said.s_code in _UNKNOWN_STATE or said.s_code in _DUPLICATE:
        return SubmitUncertain(client_order_id=client, reason=_words(said), received_at=at)
    return OrderRejected(client_order_id=client, reason=_words(said), received_at=at)


def _words(said: wire.Placed) -> str:
    return f"{said.s_code} {said.s_msg}"[:200]


def _report(state: wire.OrderState, reply: HttpReply) -> OrderReport:
    """Raises MalformedReply for a state or number that we do not know."""
    try:
        return OrderReport(
            client_order_id=ClientOrderId(state.cl_ord_id),
            venue_order_id=VenueOrderId(state.ord_id),
            status=status_of(state),
            venue_filled=parse_decimal(state.acc_fill_sz or "0"),
            asked_at=reply.sent_at,
            received_at=reply.received_at,
            side=Side(state.side),
            price=parse_decimal(state.px or "0"),
            quantity=parse_decimal(state.sz or "0"),
        )
    except ValueError as error:
        raise MalformedReply(str(error)[:200]) from error
