"""How Binance spot writes orders and fills: in replies, and as events of the user data stream."""

from collections.abc import Callable
from typing import Any, Final

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import OrderType, Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialects.binance.http import number
from integrated_trading_system.simulation.exchange.events import AccountChanged, Change, OrderChanged
from integrated_trading_system.simulation.exchange.orders import EndReason, Execution, Order, OrderState

SELF_TRADE_MODE: Final = "EXPIRE_TAKER"
EXPIRY: Final = {
    EndReason.UNFILLED_IOC: "UNFILLED_IOC_QUANTITY_EXPIRED",
    EndReason.UNFILLED_FOK: "UNFILLED_FOK_ORDER_EXPIRED",
    EndReason.NO_LIQUIDITY: "INSUFFICIENT_LIQUIDITY",
}
STATUS: Final = {
    OrderState.NEW: "NEW",
    OrderState.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderState.FILLED: "FILLED",
    OrderState.CANCELLED: "CANCELED",
    OrderState.EXPIRED: "EXPIRED",
}


class SpotRows:
    """`millis_of` gives the venue's clock."""

    def __init__(self, millis_of: Callable[[Nanos], int]) -> None:
        self._millis = millis_of

    # -- replies --------------------------------------------------------------------------------

    def placed(self, order: Order, response: str, now: Nanos) -> dict[str, Any]:
        """To a new order: ACK, RESULT or FULL."""
        row = _ids(order) | {"transactTime": self._millis(now)}
        if response in ("RESULT", "FULL"):
            row |= _state(order) | {"workingTime": self._millis(order.created_at)}
        if response == "FULL":
            row["fills"] = [
                {
                    "price": number(fill.price),
                    "qty": number(fill.quantity),
                    "commission": number(fill.fee),
                    "commissionAsset": fill.fee_asset,
                    "tradeId": fill.trade_id,
                }
                for fill in order.executions
            ]
        return row

    def queried(self, order: Order) -> dict[str, Any]:
        """One of the answers to a query."""
        return (
            _ids(order)
            | _state(order)
            | {
                "stopPrice": number(ZERO),
                "icebergQty": number(ZERO),
                "time": self._millis(order.created_at),
                "updateTime": self._millis(order.updated_at),
                "isWorking": True,
                "workingTime": self._millis(order.created_at),
            }
        )

    def cancelled(self, order: Order, request_id: str, now: Nanos) -> dict[str, Any]:
        """To a cancel: `clientOrderId` names the cancel, `origClientOrderId` the order."""
        head = {"symbol": order.symbol, "origClientOrderId": order.client_id}
        row = head | _ids(order) | {"transactTime": self._millis(now)} | _state(order)
        return row | {"clientOrderId": request_id}

    def fill(self, fill: Execution) -> dict[str, Any]:
        """One of the account's trades."""
        return {
            "symbol": fill.symbol,
            "id": fill.trade_id,
            "orderId": fill.order_id,
            "orderListId": -1,
            "price": number(fill.price),
            "qty": number(fill.quantity),
            "quoteQty": number(fill.price * fill.quantity),
            "commission": number(fill.fee),
            "commissionAsset": fill.fee_asset,
            "time": self._millis(fill.time),
            "isBuyer": fill.side is Side.BUY,
            "isMaker": fill.maker,
            "isBestMatch": True,
        }

    # -- events -------------------------------------------------------------------------------------

    def execution_report(self, change: OrderChanged) -> dict[str, Any]:
        """``executionReport``."""
        order, execution = change.order, change.execution
        at = self._millis(change.time)
        cancelled = change.change is Change.CANCELLED and bool(change.request_id)
        kind = {Change.ACCEPTED: "NEW", Change.FILLED: "TRADE", Change.CANCELLED: "CANCELED", Change.EXPIRED: "EXPIRED"}
        report: dict[str, Any] = {
            "e": "executionReport",
            "E": at,
            "s": order.symbol,
            "c": change.request_id if cancelled else order.client_id,
            "S": order.side.name,
            "o": _type(order),
            "f": order.time_in_force.name,
            "q": number(order.quantity),
            "p": number(order.price),
            "P": number(ZERO),
            "F": number(ZERO),
            "g": -1,
            "C": order.client_id if cancelled else "",
            "x": kind[change.change],
            "X": _status(order),
            "r": "NONE",
            "i": order.order_id,
            "l": number(execution.quantity if execution else ZERO),
            "z": number(order.filled),
            "L": number(execution.price if execution else ZERO),
            "n": number(execution.fee) if execution else "0",
            "N": execution.fee_asset if execution else None,
            "T": at,
            "t": execution.trade_id if execution else -1,
            "I": order.order_id * 1_000 + len(order.executions) * 10 + (change.change is not Change.ACCEPTED),
            "w": order.is_open and change.change is Change.ACCEPTED and order.order_type is OrderType.LIMIT,
            "m": execution.maker if execution else False,
            "M": execution is not None,
            "O": self._millis(order.created_at),
            "Z": number(order.filled_value),
            "Y": number(execution.price * execution.quantity if execution else ZERO),
            "Q": number(order.quote_quantity),
            "W": self._millis(order.created_at),
            "V": SELF_TRADE_MODE,
        }
        if order.end_reason is EndReason.SELF_TRADE:
            report["x"] = "TRADE_PREVENTION"
        elif order.end_reason in EXPIRY:
            report["eR"] = EXPIRY[order.end_reason]
        return report

    def position_event(self, changed: AccountChanged) -> dict[str, Any]:
        """``outboundAccountPosition``."""
        at = self._millis(changed.time)
        rows = [{"a": view.asset, "f": number(view.free), "l": number(view.locked)} for view in changed.balances]
        return {"e": "outboundAccountPosition", "E": at, "u": at, "B": rows}


def _ids(order: Order) -> dict[str, Any]:
    return {"symbol": order.symbol, "orderId": order.order_id, "orderListId": -1, "clientOrderId": order.client_id}


def _state(order: Order) -> dict[str, Any]:
    row = {
        "price": number(order.price),
        "origQty": number(order.quantity),
        "executedQty": number(order.filled),
        "origQuoteOrderQty": number(order.quote_quantity),
        "cummulativeQuoteQty": number(order.filled_value),
        "status": _status(order),
        "timeInForce": order.time_in_force.name,
        "type": _type(order),
        "side": order.side.name,
        "selfTradePreventionMode": SELF_TRADE_MODE,
    }
    if order.end_reason in EXPIRY:
        row["expiryReason"] = EXPIRY[order.end_reason]
    return row


def _type(order: Order) -> str:
    return "LIMIT_MAKER" if order.post_only else order.order_type.name


def _status(order: Order) -> str:
    return "EXPIRED_IN_MATCH" if order.end_reason is EndReason.SELF_TRADE else STATUS[order.state]
