"""Private REST: our orders, fills and balances on spot and on USD-M futures (one-way position mode).

Every parameter travels in the query. An answer that does not prove what became of an order never
becomes a rejection: it is SubmitUncertain, and the order's state is asked for by its client id.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from msgspec.json import Decoder

from integrated_trading_system.domain import execution
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
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import ZERO, Money, plain
from integrated_trading_system.domain.order import (
    TERMINAL,
    CancelOrder,
    OrderRequest,
    OrderStatus,
    OrderType,
    QueryFills,
    QueryOrder,
    Side,
    SubmitOrder,
)
from integrated_trading_system.domain.time import DAY, MINUTE, SECOND, Nanos, from_millis, to_millis
from integrated_trading_system.venues.binance import wire
from integrated_trading_system.venues.binance.endpoints import RECEIVE_WINDOW, WEIGHT, Rules
from integrated_trading_system.venues.binance.market import number, problem, read, words
from integrated_trading_system.venues.binance.orders import done, report, status_of, time_of
from integrated_trading_system.venues.rest import MalformedReply, WeightedRequest

FILLS_PER_PAGE: Final = 1000
FUTURES_FILLS_SPAN: Final = Nanos(7 * DAY)
"""``userTrades`` answers for seven days at most."""

_CLIENT_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,36}", re.ASCII)
"""What spot and futures both take; futures alone would take more."""

_STATE_UNKNOWN: Final = frozenset({-1000, -1001, -1006, -1007})
"""The venue itself does not know whether the order was executed."""
_DUPLICATE: Final = -4116
"""Futures: the client order id is taken, perhaps by the very order that we ask for."""
_DUPLICATE_WORDS: Final = "Duplicate order sent."
"""Spot: the same, as one text among many of code -2010."""
_TOO_MANY: Final = frozenset({-1003, -1015})
_OVERLOADED: Final = -1008
_NO_SUCH_ORDER: Final = -2013

_PAUSES: Final = {429: Nanos(10 * SECOND), 418: Nanos(2 * MINUTE), 403: MINUTE}
"""Where the venue does not say: order limits count 10 s, a ban lasts at least 2 minutes, 403 is its firewall."""

_ORDER: Final = Decoder(wire.OrderState)
_ORDERS: Final = Decoder(list[wire.OrderState])
_SPOT_TRADES: Final = Decoder(list[wire.SpotOwnTrade])
_FUTURES_TRADES: Final = Decoder(list[wire.OwnTrade])
_SPOT_ACCOUNT: Final = Decoder(wire.SpotAccount)
_FUTURES_ACCOUNT: Final = Decoder(wire.FuturesAccount)

Executions = Sequence[execution.VenueExecution]


class BinanceTrading:
    """The private endpoints of one flavour; `rest_url` is scheme and host."""

    def __init__(self, venue: VenueId, rest_url: str, rules: Rules) -> None:
        self._venue = venue
        self._rest_url = rest_url
        self._rules = rules
        self._spot = rules.kind is Kind.SPOT

    # -- orders ----------------------------------------------------------------------------------

    def place(self, order: SubmitOrder, instrument: Instrument) -> WeightedRequest:
        """Spot has no reduce-only orders: there the flag is left out."""
        request = order.request
        assert _CLIENT_ORDER_ID.fullmatch(request.client_order_id), f"not an id for Binance: {request.client_order_id}"
        params = {"symbol": instrument.symbol, "side": request.side.upper()} | self._terms(request)
        params["quantity"] = plain(request.quantity)
        if request.reduce_only and not self._spot:
            params["reduceOnly"] = "true"
        params["newClientOrderId"] = request.client_order_id
        params["newOrderRespType"] = "FULL" if self._spot else "RESULT"
        counted = tuple((limit, 1) for limit in self._rules.order_limits)
        return self._ask("POST", "order", params, self._rules.weights.place, counted)

    def decode_place(self, order: SubmitOrder, instrument: Instrument, reply: HttpReply) -> Executions:
        request, at = order.request, reply.received_at
        if reply.status != 200:
            return (_not_placed(request.client_order_id, reply),)
        state = read(reply, _ORDER)
        client = _ours(request.client_order_id, state.client_order_id)
        status = status_of(state)
        if status is OrderStatus.REJECTED:
            return (execution.OrderRejected(client_order_id=client, reason=state.status, received_at=at),)
        order_id = VenueOrderId(str(state.order_id))
        accepted = execution.OrderAccepted(
            client_order_id=client, venue_order_id=order_id, venue_time=time_of(state), received_at=at
        )
        fills = tuple(
            execution.Fill(
                client_order_id=client,
                venue_order_id=order_id,
                trade_id=TradeId(str(fill.trade_id)),
                instrument=instrument.instrument,
                account=request.account,
                side=request.side,
                price=number(fill.price),
                quantity=number(fill.qty),
                fee=Money(number(fill.commission), Asset(fill.commission_asset)),
                liquidity=execution.Liquidity.TAKER,  # what trades before the answer is sent has not rested
                venue_time=time_of(state),
                received_at=reply.received_at,
            )
            for fill in state.fills
        )
        return (accepted, *fills, *((done(client, state, reply),) if status in TERMINAL else ()))

    def cancel(self, cancel: CancelOrder, instrument: Instrument) -> WeightedRequest:
        params = {"symbol": instrument.symbol, "origClientOrderId": cancel.client_order_id}
        return self._ask("DELETE", "order", params, 1)

    def decode_cancel(self, cancel: CancelOrder, instrument: Instrument, reply: HttpReply) -> Executions:
        client, at = cancel.client_order_id, reply.received_at
        if reply.status != 200:
            return (execution.CancelFailed(client_order_id=client, reason=words(reply), received_at=at),)
        state = read(reply, _ORDER)
        _ours(client, state.orig_client_order_id or state.client_order_id)
        if status_of(state) not in TERMINAL:
            return (execution.CancelFailed(client_order_id=client, reason=f"still {state.status}", received_at=at),)
        return (done(client, state, reply),)

    def query(self, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        params = {"symbol": instrument.symbol, "origClientOrderId": query.client_order_id}
        return self._ask("GET", "order", params, self._rules.weights.query)

    def decode_query(self, query: QueryOrder, instrument: Instrument, reply: HttpReply) -> Executions:
        client, asked, at = query.client_order_id, reply.sent_at, reply.received_at
        if 400 <= reply.status < 500 and problem(reply).code == _NO_SUCH_ORDER:
            return (execution.OrderNotFound(client_order_id=client, asked_at=asked, received_at=at),)
        if reply.status != 200:
            return (self._failed(query.account, f"order {client}", words(reply), reply),)
        state = read(reply, _ORDER)
        _ours(client, state.client_order_id)
        return (report(state, reply),)

    def open_orders(self, account: AccountId, cursor: str) -> WeightedRequest:
        """There are no pages: `cursor` is always empty."""
        return self._ask("GET", "openOrders", {}, self._rules.weights.open_orders)

    def decode_open_orders(self, account: AccountId, reply: HttpReply) -> tuple[Executions, str]:
        """All in one answer."""
        if reply.status != 200:
            return (self._failed(account, "open orders", words(reply), reply),), ""
        states = read(reply, _ORDERS)
        listed = execution.OpenOrdersListed(
            venue=self._venue,
            account=account,
            orders=tuple(report(state, reply) for state in states),
            instruments=tuple(instrument_id(self._venue, state.symbol) for state in states),
            asked_at=reply.sent_at,
            received_at=reply.received_at,
        )
        return (listed,), ""

    # -- fills and balances ----------------------------------------------------------------------

    def fills(self, query: QueryFills, instrument: Instrument, cursor: str) -> WeightedRequest:
        """The first page begins at a time, later ones at a trade id: the two cannot be combined."""
        params = {"symbol": instrument.symbol, "limit": str(FILLS_PER_PAGE)}
        params |= {"fromId": cursor} if cursor else {"startTime": str(to_millis(query.since))}
        return self._ask("GET", "myTrades" if self._spot else "userTrades", params, self._rules.weights.fills)

    def decode_fills(self, query: QueryFills, instrument: Instrument, reply: HttpReply) -> tuple[Executions, str]:
        """Rows name their order by the venue's id only: `client_order_id` is empty."""
        if reply.status != 200:
            return (self._failed(query.account, "fills", words(reply), reply),), ""
        if not self._spot and reply.sent_at - query.since > FUTURES_FILLS_SPAN:
            return (self._failed(query.account, "fills", "only the last 7 days can be listed", reply),), ""
        rows: list[wire.OwnTrade] = [*(read(reply, _SPOT_TRADES) if self._spot else read(reply, _FUTURES_TRADES))]
        cursor = str(rows[-1].id + 1) if len(rows) >= FILLS_PER_PAGE else ""
        return tuple(_fill(row, query.account, instrument, reply) for row in rows), cursor

    def balances(self, account: AccountId) -> tuple[WeightedRequest, ...]:
        """One request: a futures account's positions come with its assets."""
        return (self._ask("GET", "account", {}, self._rules.weights.balances),)

    def decode_balances(self, account: AccountId, reply: HttpReply) -> Executions:
        if reply.status != 200:
            return (self._failed(account, "balances", words(reply), reply),)
        positions: tuple[execution.VenuePosition, ...] = ()
        if self._spot:
            assets = read(reply, _SPOT_ACCOUNT).balances
            balances = tuple(
                execution.Balance(Asset(row.asset), number(row.free), number(row.locked)) for row in assets
            )
        else:
            state = read(reply, _FUTURES_ACCOUNT)
            if any(row.position_side != "BOTH" and number(row.position_amt) for row in state.positions):
                return (self._failed(account, "balances", "hedge mode: switch the account to one-way mode", reply),)
            balances = _futures_balances(state)
            positions = tuple(_position(self._venue, row) for row in state.positions if row.position_side == "BOTH")
        reported = execution.BalancesReported(
            venue=self._venue,
            account=account,
            balances=balances,
            positions=positions,
            complete=True,
            venue_time=Nanos(0),
            received_at=reply.received_at,
        )
        return (reported,)

    def retry_after(self, reply: HttpReply) -> Nanos:
        if reply.status not in _PAUSES:
            return Nanos(0)
        seconds = reply.headers.get("retry-after", "")
        return Nanos(int(seconds) * SECOND) if re.fullmatch("[0-9]{1,6}", seconds) else _PAUSES[reply.status]

    # -- inside ----------------------------------------------------------------------------------

    def _terms(self, request: OrderRequest) -> dict[str, str]:
        """Type, price and time in force. Post-only is a type on spot and a time in force on futures."""
        if request.order_type is OrderType.MARKET:
            return {"type": "MARKET"}
        price = plain(request.price)
        if not request.post_only:
            return {"type": "LIMIT", "timeInForce": request.time_in_force.upper(), "price": price}
        return (
            {"type": "LIMIT_MAKER", "price": price}
            if self._spot
            else {"type": "LIMIT", "timeInForce": "GTX", "price": price}
        )

    def _ask(
        self, method: str, endpoint: str, params: dict[str, str], weight: int, counted: tuple[tuple[str, int], ...] = ()
    ) -> WeightedRequest:
        query = urlencode(params | {"recvWindow": str(to_millis(RECEIVE_WINDOW))})
        prefix = "/fapi/v3" if endpoint == "account" and not self._spot else self._rules.prefix
        request = HttpRequest(method=method, url=f"{self._rest_url}{prefix}/{endpoint}", query=query)
        return WeightedRequest(request, ((WEIGHT, weight), *counted) if weight else counted)

    def _failed(self, account: AccountId, subject: str, reason: str, reply: HttpReply) -> execution.RequestFailed:
        return execution.RequestFailed(
            venue=self._venue, account=account, subject=subject, reason=reason, received_at=reply.received_at
        )


def _not_placed(
    client: ClientOrderId, reply: HttpReply
) -> execution.OrderRejected | execution.SubmitRefused | execution.SubmitUncertain:
    """What an error says about the order: certainly never seen, refused, or nothing that proves anything."""
    said, at = problem(reply), reply.received_at
    if reply.status in (429, 418) or said.code in _TOO_MANY:
        return execution.SubmitRefused(client_order_id=client, reason="rate-limit", received_at=at)
    if reply.status == 403:
        return execution.SubmitRefused(client_order_id=client, reason="forbidden", received_at=at)
    taken = said.code == _DUPLICATE or said.msg == _DUPLICATE_WORDS
    refused = 400 <= reply.status < 500 and reply.status != 408 and said.code < 0
    if taken or not refused or said.code in _STATE_UNKNOWN:
        return execution.SubmitUncertain(client_order_id=client, reason=words(reply), received_at=at)
    if said.code == _OVERLOADED:
        return execution.SubmitRefused(client_order_id=client, reason="overloaded", received_at=at)
    return execution.OrderRejected(client_order_id=client, reason=words(reply), received_at=at)


def _ours(ours: ClientOrderId, theirs: str) -> ClientOrderId:
    if theirs != ours:
        raise MalformedReply(f"asked about {ours}, answered about {theirs[:40]}")
    return ours


def _fill(row: wire.OwnTrade, account: AccountId, instrument: Instrument, reply: HttpReply) -> execution.Fill:
    if row.symbol != instrument.symbol:
        raise MalformedReply(f"asked about {instrument.symbol}, answered about {row.symbol[:40]}")
    return execution.Fill(
        client_order_id=ClientOrderId(""),
        venue_order_id=VenueOrderId(str(row.order_id)),
        trade_id=TradeId(str(row.id)),
        instrument=instrument.instrument,
        account=account,
        side=Side.BUY if row.buyer else Side.SELL,
        price=number(row.price),
        quantity=number(row.qty),
        fee=Money(number(row.commission), Asset(row.commission_asset)),
        liquidity=execution.Liquidity.MAKER if row.maker else execution.Liquidity.TAKER,
        venue_time=from_millis(row.time),
        received_at=reply.received_at,
    )


def _futures_balances(account: wire.FuturesAccount) -> tuple[execution.Balance, ...]:
    """The wallet, and what of it is free; unrealised profit can make more available than the wallet holds."""
    wallets = [(row.asset, number(row.wallet_balance), number(row.available_balance)) for row in account.assets]
    return tuple(
        execution.Balance(Asset(asset), min(wallet, available), wallet - min(wallet, available))
        for asset, wallet, available in wallets
    )


def _position(venue: VenueId, row: wire.FuturesPosition) -> execution.VenuePosition:
    """The entry price from mark value and profit: ``unrealizedProfit = notional - quantity * entry price``."""
    quantity = number(row.position_amt)
    cost = number(row.notional) - number(row.unrealized_profit)
    return execution.VenuePosition(
        instrument_id(venue, row.symbol), quantity, round(cost / quantity, 8) if quantity else ZERO
    )
