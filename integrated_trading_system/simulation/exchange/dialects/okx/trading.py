"""Signed requests of OKX about orders and fills. Net position mode; no conditional orders, no amending."""

import re
from collections.abc import Callable
from typing import Any, Final

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import OrderType, Side, TimeInForce
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.simulation.exchange.countdown import Countdown
from integrated_trading_system.simulation.exchange.dialects.okx.http import Call, Failure, Outcome, invalid
from integrated_trading_system.simulation.exchange.dialects.okx.queries import FOREVER_MS, Queries
from integrated_trading_system.simulation.exchange.dialects.okx.rows import OrderRows, bill_id
from integrated_trading_system.simulation.exchange.orders import EndReason, NewOrder, Order, OrderState, Refusal

CLIENT_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}", re.ASCII)
TYPES: Final = {
    "market": TimeInForce.GTC,
    "limit": TimeInForce.GTC,
    "post_only": TimeInForce.GTC,
    "ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
}
BATCH_MAX: Final = 20
TIMEOUT: Final = (10, 120)
"""Seconds of a countdown."""
UNFILLED_KEPT: Final = Nanos(2 * 3600 * 10**9)
"""For so long a cancelled order that never traded can still be asked for."""
GONE: Final = Failure("51603", "Order does not exist")


class Trading:
    """Handlers of requests about orders and fills."""

    def __init__(self, rows: OrderRows, queries: Queries, countdown: Countdown) -> None:
        self._countdown = countdown
        self._rows = rows
        self._exchange = rows.exchange
        self._product = rows.product
        self._queries = queries

    # -- orders ---------------------------------------------------------------------------------

    def place(self, call: Call) -> Any:
        """``POST /api/v5/trade/order``: the answer only says that the order was taken."""
        return self._batch(call, [call.params], self._place)

    def cancel(self, call: Call) -> Any:
        """``POST /api/v5/trade/cancel-order``."""
        return self._batch(call, [call.params], self._cancel)

    def place_many(self, call: Call) -> Any:
        """``POST /api/v5/trade/batch-orders``."""
        return self._batch(call, self._items(call), self._place)

    def cancel_many(self, call: Call) -> Any:
        """``POST /api/v5/trade/cancel-batch-orders``."""
        return self._batch(call, self._items(call), self._cancel)

    def cancel_all_after(self, call: Call) -> Any:
        """``POST /api/v5/trade/cancel-all-after``: "cancel all pending orders after the timeout"; 0 stops it."""
        call.text("timeOut")
        wait = call.integer("timeOut", 0)
        if wait and not TIMEOUT[0] <= wait <= TIMEOUT[1]:
            raise invalid("timeOut")
        self._countdown.begin(call.customer, Nanos(wait * SECOND), call.now)
        trigger = self._rows.time(Nanos(call.now + wait * SECOND)) if wait else "0"
        return [{"triggerTime": trigger, "tag": call.optional("tag"), "ts": self._rows.time(call.now)}]

    # -- questions ------------------------------------------------------------------------------

    def order(self, call: Call) -> Any:
        """``GET /api/v5/trade/order``."""
        found = self._find(call)
        if found is None or (
            found.end_reason is not EndReason.NONE and not found.filled and call.now - found.updated_at > UNFILLED_KEPT
        ):
            raise GONE
        return [self._rows.order(found, found.executions[-1] if found.executions else None)]

    def pending(self, call: Call) -> Any:
        """``GET /api/v5/trade/orders-pending``, newest first."""
        return self._page(call, self._exchange.open_orders(call.customer))

    def history(self, call: Call) -> Any:
        """``GET /api/v5/trade/orders-history``: finished orders, newest first."""
        finished = sorted(call.customer.closed.values(), key=lambda order: order.order_id)
        return self._page(call, finished)

    def fills(self, call: Call) -> Any:
        """``GET /api/v5/trade/fills`` and ``fills-history``, newest first; `after` names a bill."""
        if call.optional("instType", self._product.name) != self._product.name:
            return []
        symbol, order = call.optional("instId"), call.optional("ordId")
        begin, end = call.integer("begin", 0), call.integer("end", FOREVER_MS)
        newest = [
            fill
            for fill in reversed(self._exchange.executions(call.customer, symbol or None))
            if begin <= self._rows.millis(fill.time) <= end and order in ("", self._rows.order_id(fill.order_id))
        ]
        after = call.optional("after")
        names = [bill_id(fill) for fill in newest]
        start = names.index(after) + 1 if after in names else 0
        return [self._rows.fill(call.customer, fill) for fill in newest[start : start + call.limit(100)]]

    # -- inside ---------------------------------------------------------------------------------

    def _place(self, call: Call) -> Order:
        order = self._exchange.place(call.customer, self._parse(call), call.now)
        if isinstance(order, Refusal):
            raise Failure(*self._product.refusals[order])
        return order

    def _cancel(self, call: Call) -> Order:
        order = self._find(call)
        if order is None:
            raise Failure("51400", "Cancellation failed as the order has been filled, canceled or does not exist.")
        if not order.is_open:
            filled = order.state is OrderState.FILLED
            done = "completed" if filled else "canceled"
            code = "51402" if filled else "51401"
            raise Failure(code, f"Cancellation failed as the order is already {done}.")
        cancelled = self._exchange.cancel(call.customer, order.order_id, call.now)
        assert isinstance(cancelled, Order)
        return cancelled

    def _batch(self, call: Call, items: list[Any], handle: Callable[[Call], Order]) -> Outcome:
        """The venue's rule: "code 0: all succeeded, 1: all failed, 2: some"; each entry says its own `sCode`."""
        rows, failures = [], 0
        for item in items:
            params = item if isinstance(item, dict) else {}
            named = {"clOrdId": str(params.get("clOrdId", "")), "ordId": "", "tag": str(params.get("tag", ""))}
            code, text = "0", ""
            try:
                order = handle(Call(params=params, account=call.account, now=call.now))
                named["ordId"] = self._rows.order_id(order.order_id)
            except Failure as failure:
                code, text = failure.code, failure.text
                failures += 1
            rows.append({**named, "ts": self._rows.time(call.now), "sCode": code, "sMsg": text})
        if not failures:
            return Outcome("0", "", rows)
        return Outcome("1", "All operations failed", rows) if failures == len(rows) else Outcome("2", "", rows)

    def _items(self, call: Call) -> list[Any]:
        items = call.params.get("items")
        if not isinstance(items, list) or not 1 <= len(items) <= BATCH_MAX:
            raise invalid("orders")
        return items

    def _parse(self, call: Call) -> NewOrder:
        symbol, side, kind = call.text("instId"), call.text("side"), call.text("ordType")
        if symbol not in self._exchange.symbols:
            raise Failure(*self._product.refusals[Refusal.UNKNOWN_SYMBOL])
        if side not in ("buy", "sell"):
            raise invalid("side")
        if kind not in TYPES:
            raise invalid("ordType")
        if call.text("tdMode") != self._product.trade_mode:
            raise invalid("tdMode")
        if call.optional("posSide", "net") != "net":
            raise invalid("posSide")
        market, quantity = kind == "market", call.decimal("sz")
        by_value = market and self._product.spot and self._target(call, side) == "quote_ccy"
        return NewOrder(
            symbol=symbol,
            side=Side(side),
            order_type=OrderType.MARKET if market else OrderType.LIMIT,
            quantity=ZERO if by_value else quantity,
            quote_quantity=quantity if by_value else ZERO,
            price=ZERO if market else call.decimal("px"),
            time_in_force=TYPES[kind],
            client_id=self._client_id(call),
            post_only=kind == "post_only",
            reduce_only=call.flag("reduceOnly") and not self._product.spot,
        )

    def _target(self, call: Call, side: str) -> str:
        """Spot: the quantity of a market buy is an amount of quote, unless `tgtCcy` says otherwise."""
        unit = call.optional("tgtCcy", "quote_ccy" if side == "buy" else "base_ccy")
        if unit not in ("base_ccy", "quote_ccy"):
            raise invalid("tgtCcy")
        return unit

    def _client_id(self, call: Call) -> str:
        text = call.optional("clOrdId")
        if text and CLIENT_ID.fullmatch(text) is None:
            raise invalid("clOrdId")
        return text

    def _find(self, call: Call) -> Order | None:
        """The order that `ordId` or else `clOrdId` names, open or closed."""
        account, symbol = call.customer, self._queries.symbol(call).listing.symbol
        if call.optional("ordId"):
            order = self._exchange.order(account, self._rows.parse_order_id(call.text("ordId")))
            return order if order is not None and order.symbol == symbol else None
        if not call.optional("clOrdId"):
            raise Failure("51000", "Either parameter ordId or clOrdId is required")
        return self._exchange.order_by_client_id(account, symbol, call.text("clOrdId"))

    def _page(self, call: Call, orders: list[Order]) -> list[Any]:
        """Of a product and perhaps a symbol, from before the order `after` on; `orders` come oldest first."""
        if call.optional("instType", self._product.name) != self._product.name:
            return []
        symbol = call.optional("instId")
        after = self._rows.parse_order_id(call.optional("after")) if call.optional("after") else FOREVER_MS
        chosen = [order for order in reversed(orders) if symbol in ("", order.symbol) and order.order_id < after]
        return [self._rows.order(order) for order in chosen[: call.limit(100)]]
