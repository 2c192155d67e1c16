"""Private REST: our orders, fills and balances (spot, without margin).

Answers come with status 200, errors in words. A word that does not prove what became of an order never becomes a
rejection: it is SubmitUncertain. Open orders are in one place, closed ones in another.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from msgspec.json import Decoder

from integrated_trading_system.domain.errors import Unsupported
from integrated_trading_system.domain.execution import (
    Balance,
    BalancesReported,
    CancelFailed,
    Fill,
    Liquidity,
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
    TradeId,
    VenueId,
    VenueOrderId,
    instrument_id,
)
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.money import Money, parse_decimal, plain
from integrated_trading_system.domain.order import (
    CancelOrder,
    OrderStatus,
    OrderType,
    QueryFills,
    QueryOrder,
    Side,
    SubmitOrder,
)
from integrated_trading_system.domain.time import MICROSECOND, MINUTE, SECOND, Nanos
from integrated_trading_system.venues.kraken import wire
from integrated_trading_system.venues.kraken.endpoints import CANCEL_WEIGHT, ENGINE, PLACE_WEIGHT, PRIVATE
from integrated_trading_system.venues.kraken.symbols import Pairs, modern, names, pair
from integrated_trading_system.venues.kraken.wire import STATUS, answer, read
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

_CLIENT_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,18}", re.ASCII)
""" "Free text: ASCII, up to 18 characters"; a UUID would be the other form."""

# Refused at the door, before the matching engine: with the pause that helps.
_PAUSES: Final = {
    "EAPI:Rate limit exceeded": Nanos(15 * SECOND),
    "EGeneral:Too many requests": Nanos(15 * SECOND),
    "EService:Throttled": Nanos(15 * SECOND),
    "EOrder:Rate limit exceeded": Nanos(5 * SECOND),
    "EGeneral:Temporary lockout": Nanos(15 * MINUTE),
}
# A smaller nonce than one that overtook it: nothing was done, and the next request has a larger one.
_NONCE: Final = "EAPI:Invalid nonce"
_MARKET_CLOSED: Final = "EService:Market in "
"""The one error of the service that is an answer: cancel_only or post_only mode."""

_FORM: Final = (("Content-Type", "application/x-www-form-urlencoded"),)
_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}


_PLACED: Final = Decoder(wire.Placed)
_ORDERS: Final = Decoder(wire.Orders)
_TRADES: Final = Decoder(wire.Trades)
_HELD: Final = Decoder(dict[str, wire.Held])


class KrakenTrading:
    """The private endpoints of one flavour."""

    def __init__(self, venue: VenueId, rest_url: str, pairs: Pairs) -> None:
        """`rest_url` is scheme and host. `pairs` is filled by whoever learns what is listed."""
        self._venue = venue
        self._base = f"{rest_url}/0/private"
        self._pairs = pairs

    # -- orders ----------------------------------------------------------------------------------

    def place(self, order: SubmitOrder, instrument: Instrument) -> WeightedRequest:
        """Fees in the quote currency, whichever side. Without margin there is nothing to reduce: no such flag."""
        request = order.request
        assert _CLIENT_ORDER_ID.fullmatch(request.client_order_id), f"not an id for Kraken: {request.client_order_id}"
        form = {
            "pair": pair(instrument.symbol),
            "type": request.side.value,
            "ordertype": request.order_type.value,
            "volume": plain(request.quantity),
        }
        flags = "fciq"
        if request.order_type is OrderType.LIMIT:
            form["price"] = plain(request.price)
            form["timeinforce"] = request.time_in_force.upper()
            flags = "fciq,post" if request.post_only else flags
        elif request.post_only:
            raise Unsupported("a market order cannot be post-only")
        form |= {"oflags": flags, "cl_ord_id": request.client_order_id}
        return self._post("AddOrder", form, ((ENGINE, PLACE_WEIGHT),))

    def decode_place(self, order: SubmitOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        client = order.request.client_order_id
        if said := answer(reply).failure:
            return (_not_placed(client, said, reply.received_at),)
        placed = read(reply, _PLACED).txid
        if len(placed) != 1:
            raise MalformedReply(f"one order became {len(placed)}")
        accepted = OrderAccepted(
            client_order_id=client,
            venue_order_id=VenueOrderId(placed[0]),
            venue_time=Nanos(0),
            received_at=reply.received_at,
        )
        return (accepted,)

    def cancel(self, cancel: CancelOrder, instrument: Instrument) -> WeightedRequest:
        """By our id; an order that has none by the venue's."""
        ours, theirs = cancel.client_order_id, cancel.venue_order_id or ""
        return self._post("CancelOrder", {"cl_ord_id": ours} if ours else {"txid": theirs}, ((ENGINE, CANCEL_WEIGHT),))

    def decode_cancel(self, cancel: CancelOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """Nothing for an accepted cancel: only the stream says whether it came in time."""
        said = answer(reply).failure
        if not said:
            return ()
        return (CancelFailed(client_order_id=cancel.client_order_id, reason=said, received_at=reply.received_at),)

    def query(self, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        return self._post("OpenOrders", {"cl_ord_id": query.client_order_id}, ((PRIVATE, 1),))

    def query_elsewhere(self, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        """Closed orders."""
        return self._post("ClosedOrders", {"cl_ord_id": query.client_order_id}, ((PRIVATE, 1),))

    def decode_query(self, query: QueryOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """An order that does not repeat the id it was asked for by is believed where it is the only one."""
        client = query.client_order_id
        if said := answer(reply).failure:
            return (self._failure(query.account, client, said, reply),)
        orders = read(reply, _ORDERS)
        if orders.open is None and orders.closed is None:
            raise MalformedReply("neither open nor closed orders")
        rows = (orders.open or {}) | (orders.closed or {})
        found = {txid: row for txid, row in rows.items() if row.cl_ord_id in (client, None)}
        if len(found) > 1:
            return (self._failure(query.account, client, f"{len(found)} orders of one id", reply),)
        for txid, row in found.items():
            return (self._report(client, txid, row, reply),)
        return (OrderNotFound(client_order_id=client, asked_at=reply.sent_at, received_at=reply.received_at),)

    def open_orders(self, account: AccountId, cursor: str) -> WeightedRequest:
        """There are no pages: `cursor` is always empty."""
        return self._post("OpenOrders", {}, ((PRIVATE, 1),))

    def decode_open_orders(self, account: AccountId, reply: HttpReply) -> tuple[Sequence[VenueExecution], str]:
        """All in one answer. Orders of others in pairs that are not listed are left out: they cannot be named."""
        if said := answer(reply).failure:
            return (self._failure(account, "open_orders", said, reply),), ""
        found = read(reply, _ORDERS).open
        if found is None:
            raise MalformedReply("no list of open orders")
        listed_pairs = self._pairs.symbols
        rows = [(txid, row) for txid, row in found.items() if row.cl_ord_id or row.descr.pair in listed_pairs]
        unknown = [row.descr.pair for _, row in rows if row.descr.pair not in listed_pairs]
        if unknown:
            reason = f"an order in the unlisted pair {unknown[0][:40]}"
            return (self._failure(account, "open_orders", reason, reply),), ""
        listed = OpenOrdersListed(
            venue=self._venue,
            account=account,
            orders=tuple(self._report(ClientOrderId(row.cl_ord_id or ""), txid, row, reply) for txid, row in rows),
            instruments=tuple(instrument_id(self._venue, self._pairs.symbols[row.descr.pair]) for _, row in rows),
            asked_at=reply.sent_at,
            received_at=reply.received_at,
        )
        return (listed,), ""

    # -- fills and balances ----------------------------------------------------------------------

    def fills(self, query: QueryFills, instrument: Instrument, cursor: str) -> WeightedRequest:
        """Of all pairs, newest first. A cursor names the oldest trade that is known. `start` is exclusive."""
        form = {"type": "all", "consolidate_taker": "false", "start": str(query.since // SECOND - 1)}
        return self._post("TradesHistory", form | ({"end": cursor} if cursor else {}), ((PRIVATE, 2),))

    def decode_fills(
        self, query: QueryFills, instrument: Instrument, reply: HttpReply
    ) -> tuple[Sequence[VenueExecution], str]:
        """Rows name their order by the venue's id only: `client_order_id` is empty.

        The trade that a page ends with begins the next one ("end is inclusive"): it is told twice.
        """
        if said := answer(reply).failure:
            return (self._failure(query.account, "fills", said, reply),), ""
        page = read(reply, _TRADES)
        rows = list(page.trades.items())
        rows.reverse()
        rows.sort(key=lambda item: item[1].time)
        wanted = names(instrument.symbol)
        try:
            found = [self._fill(name, row, query, instrument, reply) for name, row in rows if row.pair in wanted]
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error
        return found, rows[0][0] if 1 < len(rows) < page.count else ""

    def balances(self, account: AccountId) -> tuple[WeightedRequest, ...]:
        return (self._post("BalanceEx", {}, ((PRIVATE, 1),)),)

    def decode_balances(self, account: AccountId, reply: HttpReply) -> Sequence[VenueExecution]:
        if said := answer(reply).failure:
            return (self._failure(account, "balances", said, reply),)
        try:
            held = tuple(_balance(asset, row) for asset, row in read(reply, _HELD).items())
        except ValueError as error:
            raise MalformedReply(str(error)[:200]) from error
        report = BalancesReported(
            venue=self._venue,
            account=account,
            balances=held,
            positions=(),
            complete=True,
            venue_time=Nanos(0),
            received_at=reply.received_at,
        )
        return (report,)

    def retry_after(self, reply: HttpReply) -> Nanos:
        """By the error's words: no header tells it."""
        # Looked for without decoding: every signed reply comes here, and the long ones are no refusals.
        if b'"error":[]' in reply.body[:64].replace(b" ", b""):
            return Nanos(0)
        said = answer(reply).failure
        return next((pause for text, pause in _PAUSES.items() if said.startswith(text)), Nanos(0))

    # -- inside ----------------------------------------------------------------------------------

    def _post(self, endpoint: str, form: Mapping[str, str], weights: tuple[tuple[str, int], ...]) -> WeightedRequest:
        """Unsigned: the driver puts the nonce before it."""
        request = HttpRequest(method="POST", url=f"{self._base}/{endpoint}", body=urlencode(form), headers=_FORM)
        return WeightedRequest(request, weights)

    def _report(self, client: ClientOrderId, txid: str, row: wire.OrderInfo, reply: HttpReply) -> OrderReport:
        """Closed is said of whatever is over: filled only where all of it was executed."""
        try:
            status, filled, ordered = STATUS[row.status], parse_decimal(row.vol_exec), parse_decimal(row.vol)
            price = parse_decimal(row.descr.price or "0")
            if status is OrderStatus.FILLED and filled < ordered:
                status = OrderStatus.CANCELLED
        except (KeyError, ValueError) as error:
            raise MalformedReply(f"an order in state {row.status[:40]!r}") from error
        return OrderReport(
            client_order_id=client,
            venue_order_id=VenueOrderId(txid),
            status=status,
            venue_filled=filled,
            asked_at=reply.sent_at,
            received_at=reply.received_at,
            side=_SIDES.get(row.descr.type),
            price=price,
            quantity=ordered,
        )

    def _fill(
        self, name: str, row: wire.TradeInfo, query: QueryFills, instrument: Instrument, reply: HttpReply
    ) -> Fill:
        price, quantity = parse_decimal(row.price), parse_decimal(row.vol)
        if price <= 0 or quantity <= 0 or not 0 < row.time < 1e11:
            raise ValueError("a fill needs a price, a quantity and a time")
        return Fill(
            client_order_id=ClientOrderId(""),
            venue_order_id=VenueOrderId(row.ordertxid),
            trade_id=TradeId(name),
            instrument=instrument.instrument,
            account=query.account,
            side=_SIDES[row.type],
            price=price,
            quantity=quantity,
            fee=Money(parse_decimal(row.fee), instrument.quote),
            liquidity=Liquidity.MAKER if row.maker else Liquidity.TAKER,
            venue_time=Nanos(round(row.time * 1_000_000) * MICROSECOND),
            received_at=reply.received_at,
        )

    def _failure(self, account: AccountId, subject: str, reason: str, reply: HttpReply) -> RequestFailed:
        return RequestFailed(
            venue=self._venue, account=account, subject=subject, reason=reason, received_at=reply.received_at
        )


def _not_placed(client: ClientOrderId, said: str, at: Nanos) -> OrderRejected | SubmitRefused | SubmitUncertain:
    """What an error says about the order: certainly never seen, refused, or anything."""
    if said.startswith(tuple(_PAUSES)):
        return SubmitRefused(client_order_id=client, reason="rate-limit", received_at=at)
    if said.startswith(_NONCE):
        return SubmitRefused(client_order_id=client, reason="nonce", received_at=at)
    # The service or a proxy failed, or the id is taken: perhaps by the very order that we ask for.
    unknown = said.startswith(("EService:", "EGeneral:Internal error", "EGeneral:Unknown", "HTTP "))
    if (unknown and not said.startswith(_MARKET_CLOSED)) or "uplicate" in said or not said.startswith("E"):
        return SubmitUncertain(client_order_id=client, reason=said, received_at=at)
    return OrderRejected(client_order_id=client, reason=said, received_at=at)


def _balance(asset: str, row: wire.Held) -> Balance:
    locked = parse_decimal(row.hold_trade)
    return Balance(Asset(modern(asset)), parse_decimal(row.balance) - locked, locked)
