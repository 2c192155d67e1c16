"""Signed requests of Binance spot: orders, fills, balances."""

import re
from collections.abc import Callable
from typing import Any, Final

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import OrderType, Side, TimeInForce
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialects.binance.guard import Guard, interval
from integrated_trading_system.simulation.exchange.dialects.binance.http import Call, Failure, number
from integrated_trading_system.simulation.exchange.dialects.binance.parse import (
    find_order,
    parse_client_id,
    parse_side,
    parse_time_in_force,
    refuse_params,
)
from integrated_trading_system.simulation.exchange.dialects.binance.queries import Queries
from integrated_trading_system.simulation.exchange.dialects.binance.spot_rows import SELF_TRADE_MODE, SpotRows
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.orders import NewOrder, Order, Refusal

CLIENT_ID: Final = re.compile(r"[a-zA-Z0-9\-_]{1,36}")
CONDITIONAL: Final = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")

REFUSALS: Final = {
    Refusal.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    Refusal.NOT_TRADING: (-2010, "Market is closed."),
    Refusal.PRICE_TICK: (-1013, "Filter failure: PRICE_FILTER"),
    Refusal.PRICE_BAND: (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    Refusal.QUANTITY_LOT: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.QUANTITY_MIN: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.QUANTITY_MAX: (-1013, "Filter failure: LOT_SIZE"),
    Refusal.NOTIONAL_MIN: (-1013, "Filter failure: NOTIONAL"),
    Refusal.TOO_MANY_ORDERS: (-1013, "Filter failure: MAX_NUM_ORDERS"),
    Refusal.DUPLICATE_CLIENT_ID: (-2010, "Duplicate order sent."),
    Refusal.INSUFFICIENT_BALANCE: (-2010, "Account has insufficient balance for requested action."),
    Refusal.WOULD_TAKE: (-2010, "Order would immediately match and take."),
    Refusal.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
}


class SpotTrading:
    """Handlers of signed requests."""

    def __init__(self, exchange: Exchange, queries: Queries, guard: Guard, millis_of: Callable[[Nanos], int]) -> None:
        """`millis_of` gives the venue's clock."""
        self._exchange = exchange
        self._queries = queries
        self._guard = guard
        self._millis = millis_of
        self._rows = SpotRows(millis_of)
        self._cancels = 0

    # -- orders ---------------------------------------------------------------------------------

    def place(self, call: Call) -> Any:
        request, kind = self._parse(call)
        order = self._exchange.place(call.customer, request, call.now)
        if isinstance(order, Refusal):
            raise Failure(*REFUSALS[order])
        response = call.params.get("newOrderRespType") or ("ACK" if kind == "LIMIT_MAKER" else "FULL")
        return self._rows.placed(order, response, call.now)

    def test(self, call: Call) -> Any:
        self._parse(call)
        return {}

    def query(self, call: Call) -> Any:
        order = self._find(call)
        if order is None:
            raise Failure(-2013, "Order does not exist.")
        return self._rows.queried(order)

    def cancel(self, call: Call) -> Any:
        order = self._find(call)
        if order is None:
            raise Failure(*REFUSALS[Refusal.UNKNOWN_ORDER])
        request_id = call.params.get("newClientOrderId") or self._cancel_id()
        cancelled = self._exchange.cancel(call.customer, order.order_id, call.now, request_id)
        if isinstance(cancelled, Refusal):
            raise Failure(*REFUSALS[cancelled])
        return self._rows.cancelled(cancelled, request_id, call.now)

    def cancel_all(self, call: Call) -> Any:
        symbol = self._queries.state(call).listing.symbol
        request_id = self._cancel_id()
        orders = self._exchange.cancel_all(call.customer, call.now, symbol, request_id)
        if not orders:
            raise Failure(*REFUSALS[Refusal.UNKNOWN_ORDER])
        return [self._rows.cancelled(order, request_id, call.now) for order in orders]

    def open_orders(self, call: Call) -> Any:
        symbol = self._queries.state(call).listing.symbol if call.params.get("symbol") else None
        return [self._rows.queried(order) for order in self._exchange.open_orders(call.customer, symbol)]

    def all_orders(self, call: Call) -> Any:
        symbol = self._queries.state(call).listing.symbol
        first, (begin, end) = call.integer("orderId", 0), call.span()
        rows = [
            self._rows.queried(order)
            for order in self._exchange.orders(call.customer, symbol)
            if order.order_id >= first and begin <= self._millis(order.created_at) <= end
        ]
        limit = call.limit(500, 1000)
        return rows[:limit] if first or begin else rows[-limit:]

    def my_trades(self, call: Call) -> Any:
        symbol = self._queries.state(call).listing.symbol
        first, (begin, end) = call.integer("fromId", 0), call.span()
        order_id = call.integer("orderId", 0)
        fills = [
            fill
            for fill in self._exchange.executions(call.customer, symbol)
            if fill.trade_id >= first
            and begin <= self._millis(fill.time) <= end
            and (not order_id or fill.order_id == order_id)
        ]
        limit = call.limit(500, 1000)
        return [self._rows.fill(fill) for fill in (fills[:limit] if first or begin else fills[-limit:])]

    # -- account --------------------------------------------------------------------------------

    def account(self, call: Call) -> Any:
        account, rules = call.customer, self._exchange.rules_of(call.customer)
        maker, taker = rules.maker_bps, rules.taker_bps
        skip_empty = call.params.get("omitZeroBalances") == "true"
        return {
            "makerCommission": int(maker),
            "takerCommission": int(taker),
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": {"maker": number(maker / 10_000), "taker": number(taker / 10_000)}
            | {"buyer": number(ZERO), "seller": number(ZERO)},
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": True,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": self._millis(self._exchange.now),
            "accountType": "SPOT",
            "balances": [
                {"asset": view.asset, "free": number(view.free), "locked": number(view.locked)}
                for view in self._exchange.balances(account)
                if view.total or not skip_empty
            ],
            "permissions": ["SPOT"],
            "uid": account.number,
        }

    def commission(self, call: Call) -> Any:
        rules = self._exchange.rules_of(call.customer)
        zero = {name: number(ZERO) for name in ("maker", "taker", "buyer", "seller")}
        rates = {"maker": number(rules.maker_bps / 10_000), "taker": number(rules.taker_bps / 10_000)}
        return {
            "symbol": self._queries.state(call).listing.symbol,
            "standardCommission": zero | rates,
            "specialCommission": zero,
            "taxCommission": zero,
            "discount": {"enabledForAccount": False, "enabledForSymbol": False}
            | {"discountAsset": "BNB", "discount": number(ZERO)},
        }

    def order_counts(self, call: Call) -> Any:
        rows = []
        for window in self._guard.windows(call.customer):
            name, count = interval(window.length)
            row = {"rateLimitType": "ORDERS", "interval": name, "intervalNum": count, "limit": window.limit}
            rows.append(row | {"count": window.used(call.now)})
        return rows

    # -- parsing --------------------------------------------------------------------------------

    def _parse(self, call: Call) -> tuple[NewOrder, str]:
        """The order asked for, and its type on the wire."""
        symbol = self._queries.state(call).listing.symbol
        side = parse_side(call)
        kind = call.text("type")
        if kind in CONDITIONAL:
            raise Failure(-1013, "Stop loss orders are not supported for this symbol.")
        if kind not in ("LIMIT", "MARKET", "LIMIT_MAKER"):
            raise Failure(-1116, "Invalid orderType.")
        client_id = parse_client_id(call, CLIENT_ID)
        if call.params.get("selfTradePreventionMode", SELF_TRADE_MODE) != SELF_TRADE_MODE:
            raise Failure(-2010, "This symbol does not allow the specified self-trade prevention mode.")
        if kind == "MARKET":
            return self._parse_market(call, symbol, side, client_id), kind
        time_in_force = TimeInForce.GTC
        if kind == "LIMIT":
            time_in_force = parse_time_in_force(call.text("timeInForce"))
        else:
            refuse_params(call, "timeInForce")
        refuse_params(call, "quoteOrderQty", "stopPrice", "trailingDelta")
        request = NewOrder(
            symbol=symbol,
            side=side,
            quantity=call.decimal("quantity"),
            price=call.decimal("price"),
            time_in_force=time_in_force,
            client_id=client_id,
            post_only=kind == "LIMIT_MAKER",
        )
        return request, kind

    def _parse_market(self, call: Call, symbol: str, side: Side, client_id: str) -> NewOrder:
        refuse_params(call, "timeInForce", "price", "stopPrice")
        by_value = bool(call.params.get("quoteOrderQty"))
        if by_value:
            refuse_params(call, "quantity")
        return NewOrder(
            symbol=symbol,
            side=side,
            order_type=OrderType.MARKET,
            quantity=ZERO if by_value else call.decimal("quantity"),
            quote_quantity=call.decimal("quoteOrderQty") if by_value else ZERO,
            client_id=client_id,
        )

    def _find(self, call: Call) -> Order | None:
        return find_order(self._exchange, call, self._queries.state(call).listing.symbol)

    def _cancel_id(self) -> str:
        """The venue names a cancel that its sender did not."""
        self._cancels += 1
        return f"cancel-{self._cancels}"
