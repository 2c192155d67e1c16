"""Signed requests of Binance USD-M futures: orders, fills, balances, positions, settings.

One-way position mode and cross margin only. Conditional orders belong to the Algo service and are
refused here, as the venue does.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import OrderType, TimeInForce
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.simulation.exchange.countdown import Countdown
from integrated_trading_system.simulation.exchange.dialects.binance.http import Call, Failure, number
from integrated_trading_system.simulation.exchange.dialects.binance.parse import (
    find_order,
    parse_client_id,
    parse_side,
    parse_time_in_force,
    refuse_params,
)
from integrated_trading_system.simulation.exchange.dialects.binance.queries import Queries
from integrated_trading_system.simulation.exchange.dialects.binance.usdm_rows import SELF_TRADE_MODE, UsdmRows
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.orders import NewOrder, Order, Refusal

CLIENT_ID: Final = re.compile(r"[\.A-Z\:/a-z0-9_-]{1,36}")
CANCELS_MAX: Final = 10
"""Of one batch."""
CONDITIONAL: Final = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")

_REJECTED = "the order has been rejected. The order will not be recorded in the order history"
REFUSALS: Final = {
    Refusal.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    Refusal.NOT_TRADING: (-4140, "Invalid symbol status for opening position."),
    Refusal.PRICE_TICK: (-4014, "Price not increased by tick size."),
    Refusal.PRICE_BAND: (-4024, "Limit price is too far from the mark price."),
    Refusal.QUANTITY_LOT: (-1111, "Precision is over the maximum defined for this asset."),
    Refusal.QUANTITY_MIN: (-4003, "Quantity less than or equal to zero."),
    Refusal.QUANTITY_MAX: (-4005, "Quantity greater than max quantity."),
    Refusal.NOTIONAL_MIN: (-4164, "Order's notional must be no smaller than 5 (unless you choose reduce only)."),
    Refusal.TOO_MANY_ORDERS: (-2025, "Reach max open order limit."),
    Refusal.DUPLICATE_CLIENT_ID: (-4116, "ClientOrderId is duplicated."),
    Refusal.INSUFFICIENT_MARGIN: (-2019, "Margin is insufficient."),
    Refusal.REDUCE_ONLY: (-2022, "ReduceOnly Order is rejected."),
    Refusal.WOULD_TAKE: (-5022, f"Due to the order could not be executed as maker, {_REJECTED}"),
    Refusal.CANNOT_FILL: (-5021, f"Due to the order could not be filled immediately, {_REJECTED}"),
    Refusal.UNKNOWN_ORDER: (-2011, "Unknown order sent."),
}


class UsdmTrading:
    """Handlers of signed requests."""

    def __init__(
        self,
        exchange: Exchange,
        queries: Queries,
        rows: UsdmRows,
        call_at: Callable[[Nanos, Callable[[Nanos], None]], None],
    ) -> None:
        self._exchange = exchange
        self._queries = queries
        self._rows = rows
        self._countdown = Countdown(exchange, call_at)
        """When everything open is cancelled, by account and symbol."""

    # -- orders ---------------------------------------------------------------------------------

    def place(self, call: Call) -> Any:
        order = self._exchange.place(call.customer, self._parse(call), call.now)
        if isinstance(order, Refusal):
            raise Failure(*REFUSALS[order])
        return self._rows.acknowledged(order, result=call.params.get("newOrderRespType") == "RESULT")

    def test(self, call: Call) -> Any:
        self._parse(call)
        return {}

    def query(self, call: Call) -> Any:
        order = self._find(call)
        if order is None:
            raise Failure(-2013, "Order does not exist.")
        return self._rows.queried(order)

    def query_open(self, call: Call) -> Any:
        order = self._find(call)
        if order is None or not order.is_open:
            raise Failure(-2013, "Order does not exist.")
        return self._rows.queried(order)

    def cancel(self, call: Call) -> Any:
        order = self._find(call)
        cancelled = self._exchange.cancel(call.customer, order.order_id, call.now) if order else Refusal.UNKNOWN_ORDER
        if isinstance(cancelled, Refusal):
            raise Failure(*REFUSALS[cancelled])
        return self._rows.acknowledged(cancelled, result=True)

    def cancel_many(self, call: Call) -> Any:
        """``DELETE /fapi/v1/batchOrders``: up to ten of a symbol; each entry is an order, or an error."""
        clients, numbers = call.params.get("origClientOrderIdList"), call.params.get("orderIdList")
        if (clients is None) == (numbers is None):
            raise Failure(
                -1102, "Param 'origClientOrderIdList' or 'orderIdList' must be sent, but both were empty/null!"
            )
        try:
            names: list[str | int] = msgspec.json.decode(clients or numbers or "", type=list[str | int])
        except msgspec.DecodeError:
            raise Failure(-1130, "Data sent for parameter 'origClientOrderIdList' is not valid.") from None
        if not 1 <= len(names) <= CANCELS_MAX:
            raise Failure(-1130, "Data sent for parameter 'origClientOrderIdList' is not valid.")
        key = "origClientOrderId" if clients else "orderId"
        rows: list[dict[str, Any]] = []
        for name in names:
            params = {"symbol": self._symbol(call), key: str(name)}
            try:
                rows.append(self.cancel(msgspec.structs.replace(call, params=params)))
            except Failure as failure:
                rows.append({"code": failure.code, "msg": failure.text})
        return rows

    def cancel_all(self, call: Call) -> Any:
        self._exchange.cancel_all(call.customer, call.now, self._symbol(call))
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def countdown(self, call: Call) -> Any:
        """``POST /fapi/v1/countdownCancelAll``: a dead man's switch; 0 stops it."""
        symbol, countdown = self._symbol(call), int(call.decimal("countdownTime"))
        self._countdown.begin(call.customer, Nanos(countdown * MILLISECOND), call.now, symbol)
        return {"symbol": symbol, "countdownTime": str(countdown)}

    def open_orders(self, call: Call) -> Any:
        symbol = self._symbol(call) if call.params.get("symbol") else None
        return [self._rows.queried(order) for order in self._exchange.open_orders(call.customer, symbol)]

    def all_orders(self, call: Call) -> Any:
        symbol = self._symbol(call) if call.params.get("symbol") else None
        first, (begin, end) = call.integer("orderId", 0), call.span()
        rows = [
            self._rows.queried(order)
            for order in self._exchange.orders(call.customer, symbol)
            if order.order_id >= first and begin <= self._queries.feed.millis(order.created_at) <= end
        ]
        limit = call.limit(500, 1000)
        return rows[:limit] if first or begin else rows[-limit:]

    def my_trades(self, call: Call) -> Any:
        symbol = self._symbol(call) if call.params.get("symbol") else None
        first, (begin, end) = call.integer("fromId", 0), call.span()
        order_id = call.integer("orderId", 0)
        fills = [
            fill
            for fill in self._exchange.executions(call.customer, symbol)
            if fill.trade_id >= first
            and begin <= self._queries.feed.millis(fill.time) <= end
            and (not order_id or fill.order_id == order_id)
        ]
        limit = call.limit(500, 1000)
        return [self._rows.fill(fill) for fill in (fills[:limit] if first or begin else fills[-limit:])]

    # -- settings -------------------------------------------------------------------------------

    def leverage(self, call: Call) -> Any:
        symbol, leverage = self._symbol(call), call.integer("leverage", 0)
        if not 1 <= leverage <= 125:
            raise Failure(-4028, f"Leverage {leverage} is not valid")
        self._exchange.set_leverage(call.customer, symbol, Decimal(leverage))
        return {"leverage": leverage, "maxNotionalValue": "20000000", "symbol": symbol}

    def brackets(self, call: Call) -> Any:
        """``GET /fapi/v1/leverageBracket``: one bracket, whatever the size."""
        bracket: dict[str, Any] = {"bracket": 1, "initialLeverage": 125, "notionalCap": 20_000_000, "notionalFloor": 0}
        bracket |= {"maintMarginRatio": 0.004, "cum": 0.0}
        symbols = [state.listing.symbol for state in self._queries.chosen(call)]
        return [{"symbol": symbol, "notionalCoef": 1.0, "brackets": [bracket]} for symbol in symbols]

    def assets_mode(self, call: Call) -> Any:
        return {"multiAssetsMargin": False}

    def margin_type(self, call: Call) -> Any:
        self._symbol(call)
        if call.text("marginType") != "CROSSED":
            raise Failure(-4050, "Only cross margin is offered here.")
        raise Failure(-4046, "No need to change margin type.")

    def position_mode(self, call: Call) -> Any:
        return {"dualSidePosition": False}

    def set_position_mode(self, call: Call) -> Any:
        if call.text("dualSidePosition") != "false":
            raise Failure(-4068, "Only one-way position mode is offered here.")
        raise Failure(-4059, "No need to change position side.")

    def commission(self, call: Call) -> Any:
        rules = self._exchange.rules_of(call.customer)
        rates = {"maker": number(rules.maker_bps / 10_000, 6), "taker": number(rules.taker_bps / 10_000, 6)}
        return {
            "symbol": self._symbol(call),
            "makerCommissionRate": rates["maker"],
            "takerCommissionRate": rates["taker"],
            "rpiCommissionRate": rates["maker"],
        }

    # -- inside ---------------------------------------------------------------------------------

    def _parse(self, call: Call) -> NewOrder:
        symbol, side, kind = self._symbol(call), parse_side(call), call.text("type")
        if kind in CONDITIONAL:
            text = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
            raise Failure(-4120, text)
        if kind not in ("LIMIT", "MARKET"):
            raise Failure(-1116, "Invalid orderType.")
        if call.params.get("positionSide", "BOTH") != "BOTH":
            raise Failure(-4061, "Order's position side does not match user's setting.")
        if call.params.get("selfTradePreventionMode", SELF_TRADE_MODE) != SELF_TRADE_MODE:
            raise Failure(-4204, "This self-trade prevention mode is not offered here.")
        limit = kind == "LIMIT"
        time_in_force = call.text("timeInForce") if limit else "GTC"
        if not limit:
            refuse_params(call, "price", "timeInForce")
        return NewOrder(
            symbol=symbol,
            side=side,
            order_type=OrderType[kind],
            quantity=call.decimal("quantity"),
            price=call.decimal("price") if limit else ZERO,
            time_in_force=TimeInForce.GTC if time_in_force == "GTX" else parse_time_in_force(time_in_force),
            client_id=parse_client_id(call, CLIENT_ID),
            post_only=time_in_force == "GTX",
            reduce_only=call.params.get("reduceOnly", "false").lower() == "true",
        )

    def _find(self, call: Call) -> Order | None:
        return find_order(self._exchange, call, self._symbol(call))

    def _symbol(self, call: Call) -> str:
        return self._queries.state(call).listing.symbol
