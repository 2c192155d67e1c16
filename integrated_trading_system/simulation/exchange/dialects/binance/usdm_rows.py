"""How Binance USD-M futures write orders, fills, balances and positions: in replies, and as user events."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialects.binance.http import number
from integrated_trading_system.simulation.exchange.events import (
    AccountChanged,
    BalanceView,
    Change,
    OrderChanged,
    PositionView,
    Why,
)
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.listing import Listing
from integrated_trading_system.simulation.exchange.orders import EndReason, Execution, Order, OrderState

SELF_TRADE_MODE: Final = "EXPIRE_MAKER"
STATUS: Final = {
    OrderState.NEW: "NEW",
    OrderState.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderState.FILLED: "FILLED",
    OrderState.CANCELLED: "CANCELED",
    OrderState.EXPIRED: "EXPIRED",
}
EXPIRY: Final = {
    EndReason.SELF_TRADE: "1",
    EndReason.UNFILLED_IOC: "2",
    EndReason.NO_LIQUIDITY: "2",
    EndReason.REDUCE_ONLY: "4",
}
REASON: Final = {Why.ORDER: "ORDER", Why.FUNDING: "FUNDING_FEE", Why.TRANSFER: "DEPOSIT"}


class UsdmRows:
    """`millis_of` gives the venue's clock."""

    def __init__(self, exchange: Exchange, millis_of: Callable[[Nanos], int]) -> None:
        self._exchange = exchange
        self._millis = millis_of
        self._told = {
            (account.name, view.asset): view.total
            for account in exchange.bank.accounts.values()
            for view in exchange.balances(account)
        }
        """Balances as last told, by account and asset."""

    # -- replies --------------------------------------------------------------------------------

    def acknowledged(self, order: Order, *, result: bool) -> dict[str, Any]:
        """To a new order or a cancel. An ACK says NEW, whatever has happened since; RESULT says how it stands."""
        listing = self._listing(order.symbol)
        filled = order.filled if result else ZERO
        return {
            "orderId": order.order_id,
            "symbol": order.symbol,
            "status": _status(order) if result else "NEW",
            "clientOrderId": order.client_id,
            "price": number(order.price, listing.price_decimals),
            "origQty": number(order.quantity, listing.quantity_decimals),
            "executedQty": number(filled, listing.quantity_decimals),
            "cumQty": number(filled, listing.quantity_decimals),
            "timeInForce": _time_in_force(order),
            "type": order.order_type.name,
            "reduceOnly": order.reduce_only,
            "closePosition": False,
            "side": order.side.name,
            "positionSide": "BOTH",
            "stopPrice": number(ZERO, listing.price_decimals),
            "workingType": "CONTRACT_PRICE",
            "priceProtect": False,
            "origType": order.order_type.name,
            "priceMatch": "NONE",
            "selfTradePreventionMode": SELF_TRADE_MODE,
            "goodTillDate": 0,
            "updateTime": self._millis(order.updated_at),
        }

    def queried(self, order: Order) -> dict[str, Any]:
        """One of the answers to a query."""
        row = self.acknowledged(order, result=True)
        del row["cumQty"]
        listing = self._listing(order.symbol)
        return row | {
            "avgPrice": number(order.average_price, listing.price_decimals + 3),
            "cumQuote": number(order.filled_value),
            "time": self._millis(order.created_at),
        }

    def fill(self, fill: Execution) -> dict[str, Any]:
        """One of the account's trades."""
        listing = self._listing(fill.symbol)
        return {
            "symbol": fill.symbol,
            "id": fill.trade_id,
            "orderId": fill.order_id,
            "side": fill.side.name,
            "price": number(fill.price, listing.price_decimals),
            "qty": number(fill.quantity, listing.quantity_decimals),
            "realizedPnl": number(fill.realised),
            "marginAsset": listing.settle,
            "quoteQty": number(fill.price * fill.quantity),
            "commission": number(fill.fee),
            "commissionAsset": fill.fee_asset,
            "time": self._millis(fill.time),
            "positionSide": "BOTH",
            "buyer": fill.side is Side.BUY,
            "maker": fill.maker,
        }

    def risk(self, view: PositionView, margin: tuple[Decimal, Decimal], *, old: bool) -> dict[str, Any]:
        """A position. `margin`: its initial margin, and what its open orders need; `old` adds what only v2 tells."""
        listing = self._listing(view.symbol)
        held, ordered = margin
        row = {
            "symbol": view.symbol,
            "positionSide": "BOTH",
            "positionAmt": number(view.quantity, listing.quantity_decimals),
            "entryPrice": number(view.entry_price),
            "breakEvenPrice": number(view.entry_price),
            "markPrice": number(view.mark_price),
            "unRealizedProfit": number(view.unrealised),
            "liquidationPrice": "0",
            "isolatedMargin": "0",
            "notional": number(view.quantity * view.mark_price),
            "marginAsset": listing.settle,
            "isolatedWallet": "0",
            "initialMargin": number(held + ordered),
            "maintMargin": number(held / 2),
            "positionInitialMargin": number(held),
            "openOrderInitialMargin": number(ordered),
            "adl": 1,
            "bidNotional": "0",
            "askNotional": "0",
            "updateTime": self._millis(view.updated_at) if view.updated_at else 0,
        }
        if old:
            row |= {"leverage": str(view.leverage), "maxNotionalValue": "20000000", "marginType": "cross"}
            row |= {"isAutoAddMargin": "false"}
        return row

    # -- events ---------------------------------------------------------------------------------

    def order_update(self, change: OrderChanged) -> dict[str, Any]:
        """``ORDER_TRADE_UPDATE``."""
        order, execution = change.order, change.execution
        listing, at = self._listing(order.symbol), self._millis(change.time)
        kind = {Change.ACCEPTED: "NEW", Change.FILLED: "TRADE", Change.CANCELLED: "CANCELED", Change.EXPIRED: "EXPIRED"}
        price, quantity = listing.price_decimals, listing.quantity_decimals
        row: dict[str, Any] = {
            "s": order.symbol,
            "c": order.client_id,
            "S": order.side.name,
            "o": order.order_type.name,
            "f": _time_in_force(order),
            "q": number(order.quantity, quantity),
            "p": number(order.price, price),
            "ap": number(order.average_price, price + 3),
            "sp": "0",
            "x": kind[change.change],
            "X": _status(order),
            "i": order.order_id,
            "l": number(execution.quantity if execution else ZERO, quantity),
            "z": number(order.filled, quantity),
            "L": number(execution.price if execution else ZERO, price),
            "T": at,
            "t": execution.trade_id if execution else 0,
            "b": "0",
            "a": "0",
            "m": execution.maker if execution else False,
            "R": order.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": order.order_type.name,
            "ps": "BOTH",
            "cp": False,
            "rp": number(execution.realised if execution else ZERO),
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": SELF_TRADE_MODE,
            "pm": "NONE",
            "gtd": 0,
            "er": EXPIRY.get(order.end_reason, "0"),
        }
        if execution is not None:
            row |= {"n": number(execution.fee), "N": execution.fee_asset}
        return {"e": "ORDER_TRADE_UPDATE", "E": at, "T": at, "o": row}

    def trade_lite(self, change: OrderChanged, execution: Execution) -> dict[str, Any]:
        """``TRADE_LITE``: the same fill, earlier and shorter."""
        order, at = change.order, self._millis(change.time)
        listing = self._listing(order.symbol)
        return {
            "e": "TRADE_LITE",
            "E": at,
            "T": at,
            "s": order.symbol,
            "q": number(order.quantity, listing.quantity_decimals),
            "p": number(order.price, listing.price_decimals),
            "m": execution.maker,
            "c": order.client_id,
            "S": order.side.name,
            "L": number(execution.price, listing.price_decimals),
            "l": number(execution.quantity, listing.quantity_decimals),
            "t": execution.trade_id,
            "i": order.order_id,
        }

    def account_update(self, changed: AccountChanged) -> dict[str, Any]:
        """``ACCOUNT_UPDATE``: only what changed."""
        at = self._millis(changed.time)
        balances = [self._balance(changed, view) for view in changed.balances]
        positions = [
            {
                "s": view.symbol,
                "pa": number(view.quantity, self._listing(view.symbol).quantity_decimals),
                "ep": number(view.entry_price),
                "bep": number(view.entry_price),
                "cr": number(view.realised),
                "up": number(view.unrealised),
                "mt": "cross",
                "iw": "0",
                "ps": "BOTH",
            }
            for view in changed.positions
        ]
        return {
            "e": "ACCOUNT_UPDATE",
            "E": at,
            "T": at,
            "a": {"m": REASON[changed.why], "B": balances, "P": positions},
        }

    def _balance(self, changed: AccountChanged, view: BalanceView) -> dict[str, Any]:
        """`bc` is the change "except PnL and commission": here, funding and transfers."""
        key = (changed.account, view.asset)
        before = self._told.get(key, view.total)
        self._told[key] = view.total
        other = ZERO if changed.why is Why.ORDER else view.total - before
        return {"a": view.asset, "wb": number(view.total), "cw": number(view.total), "bc": number(other)}

    def _listing(self, symbol: str) -> Listing:
        return self._exchange.symbols[symbol].listing


def _status(order: Order) -> str:
    return "EXPIRED_IN_MATCH" if order.end_reason is EndReason.SELF_TRADE else STATUS[order.state]


def _time_in_force(order: Order) -> str:
    return "GTX" if order.post_only else order.time_in_force.name
