"""Signed requests of Backpack: orders, their history, fills, balances, the account. No conditional orders."""

from typing import Any, Final

from integrated_trading_system.domain.money import ZERO, plain
from integrated_trading_system.domain.order import OrderType, Side, TimeInForce
from integrated_trading_system.simulation.exchange.dialects.backpack.http import (
    FOREVER_MS,
    Call,
    Failure,
    invalid,
    millis,
)
from integrated_trading_system.simulation.exchange.dialects.backpack.queries import Queries
from integrated_trading_system.simulation.exchange.dialects.backpack.rows import ORDERS, SELF_TRADE, OrderRows
from integrated_trading_system.simulation.exchange.orders import NewOrder, Order, Refusal

CLIENT_ID_MAX: Final = 2**32 - 1
BATCH_MAX: Final = 50
CONDITIONAL: Final = ("triggerPrice", "triggerQuantity", "stopLossTriggerPrice", "takeProfitTriggerPrice")
REFUSALS: Final = {
    Refusal.UNKNOWN_SYMBOL: ("INVALID_MARKET", "Invalid market", 400),
    Refusal.NOT_TRADING: ("TRADING_PAUSED", "Trading is paused", 503),
    Refusal.PRICE_TICK: ("INVALID_CLIENT_REQUEST", "Price decimal too long", 400),
    Refusal.PRICE_BAND: ("INVALID_PRICE", "Price is too far from the last active price", 400),
    Refusal.QUANTITY_LOT: ("INVALID_CLIENT_REQUEST", "Quantity decimal too long", 400),
    Refusal.QUANTITY_MIN: ("INVALID_QUANTITY", "Quantity is below the minimum", 400),
    Refusal.QUANTITY_MAX: ("INVALID_QUANTITY", "Quantity is above the maximum", 400),
    Refusal.NOTIONAL_MIN: ("INVALID_QUANTITY", "Quantity is below the minimum", 400),
    Refusal.INSUFFICIENT_BALANCE: ("INSUFFICIENT_FUNDS", "Insufficient funds", 400),
    Refusal.INSUFFICIENT_MARGIN: ("INSUFFICIENT_MARGIN", "Insufficient margin", 400),
    Refusal.REDUCE_ONLY: ("INVALID_ORDER", "Reduce only order not reduced", 400),
    Refusal.TOO_MANY_ORDERS: ("ORDER_LIMIT", "Order limit exceeded", 400),
    Refusal.UNKNOWN_ORDER: ("RESOURCE_NOT_FOUND", "Not Found", 404),
}


class Trading:
    """Handlers of signed requests."""

    def __init__(self, rows: OrderRows, queries: Queries) -> None:
        self._rows = rows
        self._exchange = rows.exchange
        self._queries = queries

    # -- orders ---------------------------------------------------------------------------------

    def place(self, call: Call) -> Any:
        """``POST /api/v1/order``: the order as it stands after matching, filled, expired or resting."""
        order = self._exchange.place(call.customer, self._parse(call), call.now)
        if isinstance(order, Refusal):
            raise Failure(*REFUSALS[order])
        return self._rows.order(order)

    def place_batch(self, call: Call) -> Any:
        """``POST /api/v1/orders``: each of them succeeds or fails on its own."""
        if not 1 <= len(call.batch) <= BATCH_MAX:
            raise invalid(f"Expected 1 to {BATCH_MAX} orders")
        results = []
        for params in call.batch:
            try:
                placed = self.place(Call(params=params, batch=(), account=call.account, now=call.now))
                results.append({"operation": "Ok", **placed})
            except Failure as failure:
                results.append({"operation": "Err", "code": failure.code, "message": failure.text})
        return results

    def cancel(self, call: Call) -> Any:
        """``DELETE /api/v1/order``: the order, cancelled."""
        order = self._find(call)
        cancelled = self._exchange.cancel(call.customer, order.order_id, call.now) if order else Refusal.UNKNOWN_ORDER
        if isinstance(cancelled, Refusal):
            raise Failure(*REFUSALS[cancelled])
        return self._rows.order(cancelled)

    def cancel_all(self, call: Call) -> Any:
        """``DELETE /api/v1/orders``: conditional ones do not exist here."""
        symbol = self._queries.state(call).listing.symbol
        if call.optional("orderType", "RestingLimitOrder") != "RestingLimitOrder":
            return []
        return [self._rows.order(order) for order in self._exchange.cancel_all(call.customer, call.now, symbol)]

    # -- questions ------------------------------------------------------------------------------

    def query(self, call: Call) -> Any:
        """``GET /api/v1/order``: "only if it is resting on the order book"."""
        order = self._find(call)
        if order is None or not order.is_open:
            raise Failure(*REFUSALS[Refusal.UNKNOWN_ORDER])
        return self._rows.order(order)

    def open_orders(self, call: Call) -> Any:
        """``GET /api/v1/orders``."""
        symbol = self._queries.state(call).listing.symbol if call.optional("symbol") else None
        ours = self._rows.market_type
        if ours not in call.optional("marketType", ours):
            return []
        return [self._rows.order(order) for order in self._exchange.open_orders(call.customer, symbol)]

    def history(self, call: Call) -> Any:
        """``GET /wapi/v1/history/orders``: open ones too."""
        symbol, wanted = call.optional("symbol") or None, call.optional("orderId")
        orders = self._exchange.orders(call.customer, symbol)
        chosen = [order for order in orders if wanted in ("", str(ORDERS + order.order_id))]
        return [self._rows.history(order) for order in _page(call, chosen)]

    def fills(self, call: Call) -> Any:
        """``GET /wapi/v1/history/fills``: `from` and `to` in milliseconds."""
        symbol, wanted = call.optional("symbol") or None, call.optional("orderId")
        begin, end = call.integer("from", 0), call.integer("to", FOREVER_MS)
        if call.optional("fillType", "User") != "User":
            return []
        chosen = [
            fill
            for fill in self._exchange.executions(call.customer, symbol)
            if begin <= millis(self._rows.venue_time(fill.time)) <= end and wanted in ("", str(ORDERS + fill.order_id))
        ]
        return [self._rows.fill(fill) for fill in _page(call, chosen)]

    def capital(self, call: Call) -> Any:
        """``GET /api/v1/capital``. Perpetuals: what of the wallet is bound by positions and orders is locked."""
        if not self._rows.spot:
            return {asset: self._bound(call, asset) for asset in call.customer.wallets}
        return {
            view.asset: {"available": plain(view.free), "locked": plain(view.locked), "staked": "0"}
            for view in self._exchange.balances(call.customer)
        }

    def _bound(self, call: Call, asset: str) -> dict[str, str]:
        margin = self._exchange.margin(call.customer, asset)
        free = min(margin.wallet, margin.available)
        return {"available": plain(free), "locked": plain(margin.wallet - free), "staked": "0"}

    def account(self, call: Call) -> Any:
        """``GET /api/v1/account``: fees in basis points."""
        rules = self._exchange.rules_of(call.customer)
        return {
            "autoBorrowSettlements": False,
            "autoLend": False,
            "autoRealizePnl": True,
            "autoRepayBorrows": False,
            "borrowLimit": "0",
            "futuresMakerFee": "2" if self._rows.spot else plain(rules.maker_bps),
            "futuresTakerFee": "5" if self._rows.spot else plain(rules.taker_bps),
            "leverageLimit": "1" if self._rows.spot else plain(rules.leverage),
            "limitOrders": len(call.customer.open),
            "liquidating": False,
            "positionLimit": "0",
            "spotMakerFee": plain(rules.maker_bps) if self._rows.spot else "8",
            "spotTakerFee": plain(rules.taker_bps) if self._rows.spot else "10",
            "triggerOrders": 0,
        }

    # -- inside ---------------------------------------------------------------------------------

    def _parse(self, call: Call) -> NewOrder:
        symbol, side, kind = call.text("symbol"), call.text("side"), call.text("orderType")
        if side not in ("Bid", "Ask") or kind not in ("Limit", "Market"):
            raise invalid("Expect a valid enumeration value for side and orderType")
        if any(name in call.params for name in CONDITIONAL):
            raise Failure("NOT_IMPLEMENTED", "Conditional orders are not offered here", 501)
        if call.optional("selfTradePrevention", SELF_TRADE) != SELF_TRADE:
            raise Failure("NOT_IMPLEMENTED", "This self-trade prevention is not offered here", 501)
        if call.flag("reduceOnly") and self._rows.spot:
            raise Failure("INVALID_ORDER", "Reduce only is for futures")
        in_force = call.optional("timeInForce", "GTC")
        if in_force not in TimeInForce.__members__:
            raise invalid("Expect a valid enumeration value for timeInForce")
        market, by_value = kind == "Market", "quoteQuantity" in call.params
        post_only = call.flag("postOnly")
        if post_only and (market or in_force != "GTC"):
            raise Failure("INVALID_ORDER", "Post only orders must be GTC limit orders")
        if by_value and (not market or "quantity" in call.params):
            raise Failure("INVALID_ORDER", "Quote quantity is for market orders without a quantity")
        return NewOrder(
            symbol=symbol,
            side=Side.BUY if side == "Bid" else Side.SELL,
            order_type=OrderType.MARKET if market else OrderType.LIMIT,
            quantity=ZERO if by_value else call.decimal("quantity"),
            quote_quantity=call.decimal("quoteQuantity") if by_value else ZERO,
            price=ZERO if market else call.decimal("price"),
            time_in_force=TimeInForce[in_force],
            client_id=_client_id(call),
            post_only=post_only,
            reduce_only=call.flag("reduceOnly"),
        )

    def _find(self, call: Call) -> Order | None:
        """By ``orderId`` or ``clientId``: exactly one of them."""
        symbol = self._queries.state(call).listing.symbol
        client, wanted = _client_id(call), call.optional("orderId")
        if bool(client) == bool(wanted):
            raise invalid("Must specify exactly one of `orderId` or `clientId`")
        if client:
            return self._exchange.order_by_client_id(call.customer, symbol, client)
        number = int(wanted) - ORDERS if wanted.isascii() and wanted.isdigit() and len(wanted) <= 19 else 0
        order = self._exchange.order(call.customer, number)
        return order if order is not None and order.symbol == symbol else None


def _client_id(call: Call) -> str:
    """``clientId``: "uint32", a number in bodies."""
    if "clientId" not in call.params:
        return ""
    number = call.integer("clientId", 0)
    if not 0 <= number <= CLIENT_ID_MAX:
        raise invalid('failed to parse "clientId": expected uint32')
    return str(number)


def _page(call: Call, rows: list[Any]) -> list[Any]:
    """Newest first, unless asked otherwise; `rows` come oldest first."""
    direction, offset = call.optional("sortDirection", "Desc"), call.integer("offset", 0)
    if direction not in ("Asc", "Desc"):
        raise invalid("Invalid sortDirection")
    ordered = rows if direction == "Asc" else rows[::-1]
    return ordered[offset : offset + call.limit(100)]
