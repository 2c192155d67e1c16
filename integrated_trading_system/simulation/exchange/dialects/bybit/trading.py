"""Signed requests of Bybit about orders and fills. One-way position mode; no conditional orders, no amending."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import OrderType, Side, TimeInForce
from integrated_trading_system.simulation.exchange.dialects.bybit.http import TOO_MANY, Answer, Call, Failure, invalid
from integrated_trading_system.simulation.exchange.dialects.bybit.queries import Queries
from integrated_trading_system.simulation.exchange.dialects.bybit.rows import OrderRows
from integrated_trading_system.simulation.exchange.orders import Execution, NewOrder, Order, Refusal

LINK_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,36}", re.ASCII)
CLOSED_KEPT: Final = 500
"""Closed orders that ``order/realtime`` still tells."""
CONDITIONAL: Final = ("triggerPrice", "takeProfit", "stopLoss", "slippageTolerance", "bboSideType")
TIMES_IN_FORCE: Final = ("GTC", "IOC", "FOK", "PostOnly")

Row = TypeVar("Row")


class Trading:
    """Handlers of requests about orders and fills."""

    def __init__(self, rows: OrderRows, queries: Queries) -> None:
        self._rows = rows
        self._exchange = rows.exchange
        self._product = rows.product
        self._queries = queries

    # -- orders ---------------------------------------------------------------------------------

    def place(self, call: Call) -> Any:
        """``POST /v5/order/create``: the answer only says that the order was taken."""
        order = self._exchange.place(call.customer, self._parse(call), call.now)
        if isinstance(order, Refusal):
            raise self._refused(order)
        return self._rows.named(order)

    def cancel(self, call: Call) -> Any:
        """``POST /v5/order/cancel``: "orderId wins over orderLinkId"."""
        self._check(call)
        if not call.optional("orderId") and not call.optional("orderLinkId"):
            raise invalid("params error: orderId or orderLinkId is required")
        order = self._find(call, call.text("symbol"))
        cancelled = self._exchange.cancel(call.customer, order.order_id, call.now) if order else Refusal.UNKNOWN_ORDER
        if isinstance(cancelled, Refusal):
            raise self._refused(cancelled)
        return self._rows.named(cancelled)

    def cancel_all(self, call: Call) -> Any:
        """``POST /v5/order/cancel-all``."""
        self._check(call)
        orders = self._exchange.open_orders(call.customer)
        for order in (chosen := self._chosen(call, orders)):
            self._exchange.cancel(call.customer, order.order_id, call.now)
        return {"list": [self._rows.named(order) for order in chosen], "success": "1"}

    def place_batch(self, call: Call) -> Any:
        """``POST /v5/order/create-batch``."""
        return self._batch(call, self.place)

    def cancel_batch(self, call: Call) -> Any:
        """``POST /v5/order/cancel-batch``."""
        return self._batch(call, self.cancel)

    # -- questions ------------------------------------------------------------------------------

    def realtime(self, call: Call) -> Any:
        """``GET /v5/order/realtime``: open orders; the latest closed ones by name, or with ``openOnly=1``."""
        if not self._queries.is_ours(call):
            return self._page(call, [], self._rows.order, "orders")
        account = call.customer
        closed = list(account.closed.values())[-CLOSED_KEPT:]
        if call.optional("orderId") or call.optional("orderLinkId"):
            order = self._find(call, call.optional("symbol"))
            known = order is not None and (order.is_open or any(each is order for each in closed))
            return self._page(call, [order] if order and known else [], self._rows.order, "orders")
        orders = closed if call.optional("openOnly") == "1" else self._exchange.open_orders(account)
        return self._page(call, self._chosen(call, orders), self._rows.order, "orders")

    def history(self, call: Call) -> Any:
        """``GET /v5/order/history``: closed orders."""
        if not self._queries.is_ours(call):
            return self._page(call, [], self._rows.order, "orders")
        if call.optional("orderId") or call.optional("orderLinkId"):
            order = self._find(call, call.optional("symbol"))
            return self._page(call, [order] if order and not order.is_open else [], self._rows.order, "orders")
        begin, end = call.span()
        symbol = self._queries.symbol(call).listing.symbol if call.optional("symbol") else None
        orders = [
            order
            for order in call.customer.closed.values()
            if symbol in (None, order.symbol) and begin <= self._rows.millis(order.created_at) <= end
        ]
        wanted = call.optional("orderStatus")
        chosen = [order for order in orders if wanted in ("", self._rows.status(order))]
        return self._page(call, sorted(chosen, key=lambda order: order.order_id), self._rows.order, "orders")

    def executions(self, call: Call) -> Any:
        """``GET /v5/execution/list``: "orderId and orderLinkId override other filters"."""
        account = call.customer

        def row(fill: Execution) -> dict[str, Any]:
            return self._rows.execution(account, fill)

        if not self._queries.is_ours(call):
            return self._page(call, [], row, "executions")
        if call.optional("orderId") or call.optional("orderLinkId"):
            order = self._find(call, call.optional("symbol"))
            return self._page(call, list(order.executions) if order else [], row, "executions")
        begin, end = call.span()
        symbol = self._queries.symbol(call).listing.symbol if call.optional("symbol") else None
        fills = self._exchange.executions(account, symbol)
        return self._page(
            call, [fill for fill in fills if begin <= self._rows.millis(fill.time) <= end], row, "executions"
        )

    # -- inside ---------------------------------------------------------------------------------

    def _parse(self, call: Call) -> NewOrder:
        self._check(call)
        symbol, side, kind = call.text("symbol"), call.text("side"), call.text("orderType")
        if symbol not in self._exchange.symbols:
            raise self._refused(Refusal.UNKNOWN_SYMBOL)
        if side not in ("Buy", "Sell"):
            raise invalid("Side invalid")
        if kind not in ("Limit", "Market"):
            raise invalid("OrderType invalid")
        if any(call.params.get(name) for name in CONDITIONAL) or call.optional("orderFilter", "Order") != "Order":
            raise invalid("params error: only plain limit and market orders are offered here")
        if call.integer("positionIdx", 0) != 0:
            raise invalid("position idx not match position mode")
        market = kind == "Market"
        in_force = "IOC" if market else call.optional("timeInForce", "GTC")
        if in_force not in TIMES_IN_FORCE:
            raise invalid("TimeInForce invalid")
        quantity = call.decimal("qty")
        by_value = self._by_value(call, market=market, buy=side == "Buy")
        return NewOrder(
            symbol=symbol,
            side=Side.BUY if side == "Buy" else Side.SELL,
            order_type=OrderType.MARKET if market else OrderType.LIMIT,
            quantity=ZERO if by_value else quantity,
            quote_quantity=quantity if by_value else ZERO,
            price=ZERO if market else call.decimal("price"),
            time_in_force=TimeInForce.GTC if market or in_force == "PostOnly" else TimeInForce[in_force],
            client_id=self._link_id(call),
            post_only=in_force == "PostOnly",
            reduce_only=call.flag("reduceOnly") and not self._product.spot,
        )

    def _by_value(self, call: Call, *, market: bool, buy: bool) -> bool:
        """Spot: the quantity of a market buy is an amount of quote, unless ``marketUnit`` says otherwise."""
        if not market or not self._product.spot:
            return False
        unit = call.optional("marketUnit", "quoteCoin" if buy else "baseCoin")
        if unit not in ("baseCoin", "quoteCoin"):
            raise invalid("params error: marketUnit invalid")
        return unit == "quoteCoin"

    def _link_id(self, call: Call) -> str:
        text = call.optional("orderLinkId")
        if text and LINK_ID.fullmatch(text) is None:
            raise invalid("params error: OrderLinkId invalid")
        return text

    def _check(self, call: Call) -> None:
        """A request that changes something must be about this product."""
        if not self._queries.is_ours(call):
            raise invalid("params error: this category is not offered here")

    def _find(self, call: Call, symbol: str) -> Order | None:
        """The order that ``orderId`` or else ``orderLinkId`` names, open or closed."""
        account, name = call.customer, call.optional("orderLinkId")
        if call.optional("orderId"):
            order = self._exchange.order(account, self._rows.ids.parse_order(call.text("orderId")))
            return order if order is not None and symbol in ("", order.symbol) else None
        symbols = [symbol] if symbol else list(self._exchange.symbols)
        found = (self._exchange.order_by_client_id(account, each, name) for each in symbols)
        return next((order for order in found if order is not None), None)

    def _chosen(self, call: Call, orders: list[Order]) -> list[Order]:
        """Of the symbol, base coin or settle coin; linear must name one of them."""
        names = (call.optional("symbol"), call.optional("baseCoin"), call.optional("settleCoin"))
        if not any(names) and not self._product.spot:
            raise invalid("Missing some parameters that must be filled in, symbol or settleCoin or baseCoin")
        symbol, base, settle = names
        if symbol:
            return [order for order in orders if order.symbol == self._queries.symbol(call).listing.symbol]
        listings = [(order, self._rows.state(order.symbol).listing) for order in orders]
        return [order for order, of in listings if base in ("", of.base) and settle in ("", of.settle)]

    def _page(self, call: Call, rows: Sequence[Row], write: Callable[[Row], dict[str, Any]], name: str) -> Any:
        """Newest first; `rows` come oldest first. A cursor is the place before which the next page ends."""
        limit = call.limit(20, 50) if name == "orders" else call.limit(50, 100)
        place = call.cursor().rpartition(":")[2]
        end = min(int(place), len(rows)) if place.isascii() and place.isdigit() else len(rows)
        begin = max(0, end - limit)
        cursor = quote(f"{name}:{begin}", safe="") if begin else ""
        page = [write(row) for row in reversed(rows[begin:end])]
        return {"category": call.text("category"), "list": page, "nextPageCursor": cursor}

    def _batch(self, call: Call, handle: Callable[[Call], Any]) -> Any:
        """The request succeeds whatever became of its items: "result.list and retExtInfo.list run in parallel"."""
        self._check(call)
        requests = call.params.get("request")
        most = 10 if self._product.spot else 20
        if not isinstance(requests, list) or not 1 <= len(requests) <= most:
            raise invalid(f"params error: request must hold 1 to {most} orders")
        results, outcomes = [], []
        for place, item in enumerate(requests):
            params = {"category": call.text("category"), **(item if isinstance(item, dict) else {})}
            names = {"orderId": "", "orderLinkId": str(params.get("orderLinkId", ""))}
            code, text = 0, "OK"
            try:
                if place >= call.allowed:
                    raise TOO_MANY
                names = handle(Call(params=params, account=call.account, now=call.now))
            except Failure as failure:
                code, text = failure.code, failure.text
            row = {"category": params["category"], "symbol": params.get("symbol", ""), **names}
            results.append(row | {"createAt": str(self._rows.millis(call.now)) if names["orderId"] else ""})
            outcomes.append({"code": code, "msg": text})
        return Answer({"list": results}, {"list": outcomes})

    def _refused(self, refusal: Refusal) -> Failure:
        return Failure(*self._product.refusals[refusal])
