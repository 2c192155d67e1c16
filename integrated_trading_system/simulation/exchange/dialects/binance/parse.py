"""Order parameters that spot and futures read alike."""

import re

from integrated_trading_system.domain.order import Side, TimeInForce
from integrated_trading_system.simulation.exchange.dialects.binance.http import Call, Failure
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.orders import Order


def parse_side(call: Call) -> Side:
    """``side``."""
    side = call.text("side")
    if side not in Side.__members__:
        raise Failure(-1117, "Invalid side.")
    return Side[side]


def parse_time_in_force(text: str) -> TimeInForce:
    """``timeInForce``."""
    if text not in TimeInForce.__members__:
        raise Failure(-1115, "Invalid timeInForce.")
    return TimeInForce[text]


def parse_client_id(call: Call, legal: re.Pattern[str]) -> str:
    """``newClientOrderId``; empty when the venue is to make one."""
    text = call.params.get("newClientOrderId", "")
    if text and legal.fullmatch(text) is None:
        name = "newClientOrderId"
        raise Failure(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^{legal.pattern}$'.")
    return text


def refuse_params(call: Call, *names: str) -> None:
    """Parameters that this order type must not have."""
    for name in names:
        if call.params.get(name):
            raise Failure(-1106, f"Parameter '{name}' sent when not required.")


def find_order(exchange: Exchange, call: Call, symbol: str) -> Order | None:
    """By ``orderId`` (which wins) or ``origClientOrderId``; None when the account has no such order."""
    account, client_id = call.customer, call.params.get("origClientOrderId", "")
    if call.params.get("orderId"):
        order = exchange.order(account, call.integer("orderId", 0))
        if order is None or order.symbol != symbol:
            return None
        return order if not client_id or client_id == order.client_id else None
    if not client_id:
        raise Failure(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    return exchange.order_by_client_id(account, symbol, client_id)
