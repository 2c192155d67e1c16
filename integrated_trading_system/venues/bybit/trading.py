"""Private REST: our orders, fills, balances and positions (unified account, one-way position mode).

"All acks mean accepted, not executed": the order's fate comes by the stream, or is asked for. An answer
that does not prove what became of an order never becomes a rejection: it is SubmitUncertain.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec
from msgspec.json import Decoder

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
    VenuePosition,
)
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId, ClientOrderId, InstrumentId, VenueId, VenueOrderId
from integrated_trading_system.domain.ids import instrument_id as name
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import parse_decimal, plain
from integrated_trading_system.domain.order import CancelOrder, OrderType, QueryFills, QueryOrder, Side, SubmitOrder
from integrated_trading_system.domain.time import DAY, MINUTE, SECOND, Nanos, from_millis, to_millis
from integrated_trading_system.venues.bybit import wire
from integrated_trading_system.venues.bybit.cancels import named
from integrated_trading_system.venues.bybit.codec import BROKEN
from integrated_trading_system.venues.bybit.endpoints import CANCEL, CREATE, IP, QUERY, SETTLE, Rules
from integrated_trading_system.venues.bybit.user_codec import OURS, balances, fill, status_of
from integrated_trading_system.venues.bybit.wire import NO_CODE, Answer, answer, read
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

ORDERS_PER_PAGE: Final = 50
FILLS_PER_PAGE: Final = 100
POSITIONS_PER_PAGE: Final = 200
FILLS_SPAN: Final = Nanos(7 * DAY)
"""Where only `startTime` is given, the venue lists the 7 days from it on."""

_CLIENT_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,36}", re.ASCII)

# Timeouts and "server busy": what became of the request is unknown.
_UNKNOWN_STATE: Final = frozenset({NO_CODE, 429, 10000, 10016, 170007, 170146, 170147})
# The client id is taken: perhaps by the very order that we ask for.
_DUPLICATE: Final = frozenset({110072, 170141})
# Refused at the door, before the matching engine.
_TOO_MANY: Final = frozenset({10006, 170005, 170222})

_SIDES: Final = {"Buy": Side.BUY, "Sell": Side.SELL}

_BANNED_FOR: Final = Nanos(10 * MINUTE)
"""After "403, access too frequent" one has to "wait for at least 10 minutes"."""
_PAUSE: Final = SECOND
"""Limits per account roll over one second."""

_PAGE: Final = Decoder(wire.Page)
_CREATED: Final = Decoder(wire.Created)
_ORDER: Final = Decoder(wire.OrderState, strict=False)
_EXECUTION: Final = Decoder(wire.Execution, strict=False)
_WALLET: Final = Decoder(wire.Wallet)
_POSITION: Final = Decoder(wire.Position)

T = TypeVar("T")


class BybitTrading:
    """The private endpoints of one flavour."""

    def __init__(self, venue: VenueId, rest_url: str, rules: Rules) -> None:
        """`rest_url` is scheme and host."""
        self._venue = venue
        self._base = f"{rest_url}/v5"
        self._category = rules.category
        self._spot = rules.kind is Kind.SPOT

    # -- orders ----------------------------------------------------------------------------------

    def place(self, order: SubmitOrder, instrument: Instrument) -> WeightedRequest:
        """Spot has no reduce-only orders: there the flag is left out."""
        request = order.request
        assert _CLIENT_ORDER_ID.fullmatch(request.client_order_id), f"not an id for Bybit: {request.client_order_id}"
        body: dict[str, Any] = {
            "category": self._category,
            "symbol": instrument.symbol,
            "side": request.side.capitalize(),
            "orderType": request.order_type.capitalize(),
            "qty": plain(request.quantity),
        }
        if request.order_type is OrderType.LIMIT:
            body["price"] = plain(request.price)
            body["timeInForce"] = "PostOnly" if request.post_only else request.time_in_force.upper()
        elif self._spot:
            body["marketUnit"] = "baseCoin"  # otherwise the quantity of a market buy is an amount of quote
        if not self._spot:
            body["positionIdx"] = 0
            body["reduceOnly"] = request.reduce_only
        body["orderLinkId"] = request.client_order_id
        return self._post("create", body, CREATE)

    def decode_place(self, order: SubmitOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        client = order.request.client_order_id
        said = answer(reply)
        if reply.status != 200 or said.ret_code != 0:
            return (_not_placed(client, said, reply),)
        created = read(reply, _CREATED)
        if created.order_link_id != client:
            raise MalformedReply(f"asked for {client}, answered about {created.order_link_id[:40]}")
        accepted = OrderAccepted(
            client_order_id=client,
            venue_order_id=VenueOrderId(created.order_id),
            venue_time=from_millis(said.time),
            received_at=reply.received_at,
        )
        return (accepted,)

    def cancel(self, cancel: CancelOrder, instrument: Instrument) -> WeightedRequest:
        body = {"category": self._category, "symbol": instrument.symbol, **named(cancel)}
        return self._post("cancel", body, CANCEL)

    def decode_cancel(self, cancel: CancelOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """Nothing for an accepted cancel: only the stream says whether it came in time."""
        said = answer(reply)
        if reply.status == 200 and said.ret_code == 0:
            return ()
        client = cancel.client_order_id
        return (CancelFailed(client_order_id=client, reason=_words(said), received_at=reply.received_at),)

    def query(self, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        """Open orders, and up to 500 closed ones: a list that the venue clears when it restarts."""
        return self._order("realtime", query, instrument)

    def query_elsewhere(self, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        """After a restart of the venue, closed orders "should only be queried through order history"."""
        return self._order("history", query, instrument)

    def decode_query(self, query: QueryOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        client = query.client_order_id
        if failed := self._failed(query.account, client, reply):
            return (failed,)
        reports = _each(read(reply, _PAGE), partial(self._report, reply))
        found = [report for report, _ in reports if report.client_order_id == client]
        missing = OrderNotFound(client_order_id=client, asked_at=reply.sent_at, received_at=reply.received_at)
        return found[:1] or (missing,)

    def open_orders(self, account: AccountId, cursor: str) -> WeightedRequest:
        """Newest first; linear: of everything that settles in `SETTLE`. A cursor comes percent-encoded already."""
        scope = "" if self._spot else f"&settleCoin={SETTLE}"
        text = f"category={self._category}{scope}&openOnly=0&limit={ORDERS_PER_PAGE}"
        return self._get("order/realtime", f"{text}&cursor={quote(cursor, safe='%')}" if cursor else text)

    def decode_open_orders(self, account: AccountId, reply: HttpReply) -> tuple[Sequence[VenueExecution], str]:
        """A page may be short and yet not the last: only an empty one, or one without a cursor, ends the list."""
        if failed := self._failed(account, "open_orders", reply):
            return (failed,), ""
        page = read(reply, _PAGE)
        if len(page.list) >= ORDERS_PER_PAGE and page.next_page_cursor is None:
            return (self._failure(account, "open_orders", "a full page, and no cursor to go on from", reply),), ""
        reports = _each(page, partial(self._report, reply))
        listed = OpenOrdersListed(
            venue=self._venue,
            account=account,
            orders=tuple(report for report, _ in reports),
            instruments=tuple(instrument for _, instrument in reports),
            asked_at=reply.sent_at,
            received_at=reply.received_at,
        )
        return (listed,), (page.next_page_cursor or "") if page.list else ""

    # -- fills -----------------------------------------------------------------------------------

    def fills(self, query: QueryFills, instrument: Instrument, cursor: str) -> WeightedRequest:
        """Newest first. A cursor comes percent-encoded already."""
        text = f"category={self._category}&symbol={quote(instrument.symbol)}&startTime={to_millis(query.since)}"
        text = f"{text}&limit={FILLS_PER_PAGE}"
        return self._get("execution/list", f"{text}&cursor={quote(cursor, safe='%')}" if cursor else text)

    def decode_fills(
        self, query: QueryFills, instrument: Instrument, reply: HttpReply
    ) -> tuple[Sequence[VenueExecution], str]:
        if failed := self._failed(query.account, "fills", reply):
            return (failed,), ""
        if reply.sent_at - query.since > FILLS_SPAN:
            return (self._failure(query.account, "fills", "the venue lists fills of 7 days at most", reply),), ""
        page = read(reply, _PAGE)
        # Listed newest first; turned round, because nothing else orders the trades of one millisecond.
        rows = [row for row in reversed(_each(page, _EXECUTION.decode)) if row.exec_type in OURS]
        try:
            found = [fill(row, self._venue, query.account, instrument, reply.received_at) for row in rows]
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error
        return found, (page.next_page_cursor or "") if page.list else ""

    # -- balances and positions ------------------------------------------------------------------

    def balances(self, account: AccountId) -> tuple[WeightedRequest, ...]:
        """Linear: the wallet, and the positions that settle in `SETTLE`."""
        wallet = self._get("account/wallet-balance", "accountType=UNIFIED")
        if self._spot:
            return (wallet,)
        query = f"category={self._category}&settleCoin={SETTLE}&limit={POSITIONS_PER_PAGE}"
        return wallet, self._get("position/list", query)

    def decode_balances(self, account: AccountId, reply: HttpReply) -> Sequence[VenueExecution]:
        """Either of the two: only entries of the wallet's reply have assets in them."""
        if failed := self._failed(account, "balances", reply):
            return (failed,)
        page = read(reply, _PAGE)
        if len(page.list) >= POSITIONS_PER_PAGE:
            return (self._failure(account, "balances", f"{POSITIONS_PER_PAGE} positions or more", reply),)
        held = _each(page, self._held)
        if None in held:
            reason = "the account is in hedge mode; switch it to one-way mode"
            return (self._failure(account, "balances", reason, reply),)
        report = BalancesReported(
            venue=self._venue,
            account=account,
            balances=tuple(balance for entry in held if isinstance(entry, tuple) for balance in entry),
            positions=tuple(entry for entry in held if isinstance(entry, VenuePosition)),
            complete=self._spot,
            venue_time=from_millis(answer(reply).time),
            received_at=reply.received_at,
        )
        return (report,)

    def retry_after(self, reply: HttpReply) -> Nanos:
        """10 minutes after a 403; after "too many visits" until the limit's reset, as the headers tell it."""
        if reply.status == 403:
            return _BANNED_FOR
        # Looked for without decoding: every signed reply comes here, and the long ones are no refusals.
        if reply.status != 429 and not any(b'"retCode":%d,' % code in reply.body[:64] for code in _TOO_MANY):
            return Nanos(0)
        reset, now = reply.headers.get("x-bapi-limit-reset-timestamp", ""), answer(reply).time
        if re.fullmatch("[0-9]{13}", reset) is None or not 0 < int(reset) - now < to_millis(_PAUSE):
            return _PAUSE
        return from_millis(int(reset) - now)

    # -- inside ----------------------------------------------------------------------------------

    def _order(self, place: str, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        text = f"category={self._category}&symbol={quote(instrument.symbol)}&orderLinkId={quote(query.client_order_id)}"
        return self._get(f"order/{place}", text)

    def _get(self, endpoint: str, query: str) -> WeightedRequest:
        request = HttpRequest(method="GET", url=f"{self._base}/{endpoint}", query=query)
        return WeightedRequest(request, ((IP, 1), (QUERY, 1)))

    def _post(self, endpoint: str, body: dict[str, Any], limit: str) -> WeightedRequest:
        request = HttpRequest(
            method="POST",
            url=f"{self._base}/order/{endpoint}",
            body=msgspec.json.encode(body).decode(),
            headers=(("Content-Type", "application/json"),),
        )
        return WeightedRequest(request, ((IP, 1), (limit, 1)))

    def _report(self, reply: HttpReply, row: msgspec.Raw) -> tuple[OrderReport, InstrumentId]:
        state = _ORDER.decode(row)
        report = OrderReport(
            client_order_id=ClientOrderId(state.order_link_id),
            venue_order_id=VenueOrderId(state.order_id),
            status=status_of(state),
            venue_filled=parse_decimal(state.cum_exec_qty or "0"),
            asked_at=reply.sent_at,
            received_at=reply.received_at,
            side=_SIDES.get(state.side),
            price=parse_decimal(state.price or "0"),
            quantity=parse_decimal(state.qty or "0"),
        )
        return report, name(self._venue, state.symbol)

    def _held(self, row: msgspec.Raw) -> tuple[Balance, ...] | VenuePosition | None:
        """A wallet's assets, or a position; None for one in hedge mode."""
        if b'"coin"' in bytes(row):
            return balances(_WALLET.decode(row))
        raw = _POSITION.decode(row)
        size = parse_decimal(raw.size)
        if raw.position_idx != 0 and size:
            return None
        instrument, price = name(self._venue, raw.symbol), parse_decimal(raw.avg_price or "0")
        return VenuePosition(instrument, -size if raw.side == "Sell" else size, price)

    def _failed(self, account: AccountId, subject: str, reply: HttpReply) -> RequestFailed | None:
        """What a query without a usable answer becomes; None for a good one."""
        said = answer(reply)
        good = reply.status == 200 and said.ret_code == 0
        return None if good else self._failure(account, subject, _words(said), reply)

    def _failure(self, account: AccountId, subject: str, reason: str, reply: HttpReply) -> RequestFailed:
        return RequestFailed(
            venue=self._venue, account=account, subject=subject, reason=reason, received_at=reply.received_at
        )


def _not_placed(
    client: ClientOrderId, said: Answer, reply: HttpReply
) -> OrderRejected | SubmitRefused | SubmitUncertain:
    """What an error says about the order: certainly never seen, refused, or anything."""
    at = reply.received_at
    if said.ret_code in _TOO_MANY:
        return SubmitRefused(client_order_id=client, reason="rate-limit", received_at=at)
    if reply.status == 403:
        reason = "rate-limit" if b"too frequent" in reply.body[:1000] else "forbidden"
        return SubmitRefused(client_order_id=client, reason=reason, received_at=at)
    answered = reply.status == 200 or (400 <= reply.status < 500 and reply.status != 408)
    if not answered or said.ret_code == 0 or said.ret_code in _UNKNOWN_STATE or said.ret_code in _DUPLICATE:
        return SubmitUncertain(client_order_id=client, reason=_words(said), received_at=at)
    return OrderRejected(client_order_id=client, reason=_words(said), received_at=at)


def _words(said: Answer) -> str:
    return f"{said.ret_code} {said.ret_msg}"[:200]


def _each(page: wire.Page, build: Callable[[msgspec.Raw], T]) -> list[T]:
    """What becomes of each entry; raises MalformedReply where one is not as promised."""
    try:
        return [build(row) for row in page.list]
    except BROKEN as error:
        raise MalformedReply(str(error)[:200]) from error
