"""How Bybit writes orders and fills, in replies and as stream events, and the names it gives them."""

import hashlib
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.money import BPS, ZERO, plain
from integrated_trading_system.domain.order import OrderType, Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialects.bybit.http import fixed, millis
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.orders import EndReason, Execution, Order, OrderState, Refusal

SIDES: Final = {Side.BUY: "Buy", Side.SELL: "Sell"}
SPOT_ORDERS: Final = 1_900_000_000_000_000_000
SPOT_TRADES: Final = 2_290_000_000_000_000_000
"""Spot names are whole numbers, far above 0."""

REASONS: Final = {
    EndReason.NONE: "EC_NoError",
    EndReason.BY_USER: "EC_PerCancelRequest",
    EndReason.UNFILLED_IOC: "EC_NoImmediateQtyToFill",
    EndReason.UNFILLED_FOK: "EC_CancelForNoFullFill",
    EndReason.NO_LIQUIDITY: "EC_NoImmediateQtyToFill",
    EndReason.SELF_TRADE: "EC_NoError",
    EndReason.WOULD_TAKE: "EC_PostOnlyWillTakeLiquidity",
    EndReason.REDUCE_ONLY: "EC_NoError",
}
CANCEL_TYPES: Final = {
    EndReason.BY_USER: "CancelByUser",
    EndReason.SELF_TRADE: "CancelBySmp",
    EndReason.REDUCE_ONLY: "CancelByReduceOnly",
}
CONDITIONAL: Final = (
    *("stopOrderType", "orderIv", "triggerPrice", "takeProfit", "stopLoss", "triggerBy", "tpTriggerBy"),
    *("slTriggerBy", "tpslMode", "tpLimitPrice", "slLimitPrice", "lastPriceOnCreated"),
)
"""Fields that are empty, for they are of orders that are not offered here."""


class Product(Struct, frozen=True, kw_only=True):
    """What is particular about a product."""

    category: str
    refusals: dict[Refusal, tuple[int, str]]
    """`retCode` and words."""
    orders_per_second: int
    """New orders, and as many cancels, per account."""

    @property
    def spot(self) -> bool:
        """Or linear."""
        return self.category == "spot"


class Ids:
    """Names of orders and trades: UUIDs on linear, whole numbers on spot. Each can be led back to ours."""

    def __init__(self, seed: int, *, spot: bool) -> None:
        self._seed = seed
        self._spot = spot
        self._orders = self._head("orders")
        self._trades: dict[str, str] = {}

    def order(self, order_id: int) -> str:
        """``orderId``."""
        return str(SPOT_ORDERS + order_id) if self._spot else f"{self._orders}-{order_id:012x}"

    def parse_order(self, text: str) -> int:
        """Our number of an ``orderId``; 0 for one that we never gave."""
        head, _, tail = text.rpartition("-")
        if self._spot:
            return int(text) - SPOT_ORDERS if text.isascii() and text.isdigit() and len(text) == 19 else 0
        try:
            return int(tail, 16) if head == self._orders and len(tail) == 12 else 0
        except ValueError:
            return 0

    def trade(self, symbol: str, trade_id: int) -> str:
        """``execId``, and the id of the public print."""
        if self._spot:
            return str(SPOT_TRADES + trade_id)
        head = self._trades.get(symbol)
        if head is None:
            head = self._trades[symbol] = self._head(symbol)
        return f"{head}-{trade_id:012x}"

    def _head(self, name: str) -> str:
        """All of a UUID but its last group."""
        digits = hashlib.sha256(f"{self._seed}:{name}".encode()).hexdigest()
        return f"{digits[:8]}-{digits[8:12]}-5{digits[12:15]}-8{digits[15:18]}"


class OrderRows:
    """Orders and fills."""

    def __init__(self, exchange: Exchange, product: Product) -> None:
        self.exchange = exchange
        self.product = product
        self.ids = Ids(exchange.seed, spot=product.spot)

    def venue_time(self, now: Nanos) -> Nanos:
        """What the venue's clock shows."""
        return self.exchange.venue_time(now)

    def millis(self, now: Nanos) -> int:
        """By the venue's clock."""
        return millis(self.exchange.venue_time(now))

    def state(self, symbol: str) -> SymbolState:
        """What is listed under this name."""
        return self.exchange.symbols[symbol]

    def named(self, order: Order) -> dict[str, str]:
        """What the venue answers to a new order or a cancel: only that it was received."""
        return {"orderId": self.ids.order(order.order_id), "orderLinkId": link_id(order)}

    def order(self, order: Order) -> dict[str, Any]:
        """As the ``order`` topic and the order endpoints describe it."""
        listing = self.state(order.symbol).listing
        price, quantity = listing.price_decimals, listing.quantity_decimals
        left = order.remaining if order.is_open else ZERO
        fees = fees_of(order.executions)
        return {
            "category": self.product.category,
            "symbol": order.symbol,
            **self.named(order),
            "blockTradeId": "",
            "side": SIDES[order.side],
            "positionIdx": 0,
            "orderStatus": self.status(order),
            "cancelType": CANCEL_TYPES.get(order.end_reason, "UNKNOWN"),
            "rejectReason": REASONS[order.end_reason],
            "timeInForce": time_in_force(order),
            "isLeverage": "0" if self.product.spot else "",
            "price": fixed(order.price, price),
            "qty": fixed(order.quantity or order.quote_quantity, quantity),
            "avgPrice": plain(round(order.average_price, price + 2)) if order.filled else "",
            "leavesQty": fixed(left, quantity),
            "leavesValue": plain(left * order.price),
            "cumExecQty": fixed(order.filled, quantity),
            "cumExecValue": plain(order.filled_value),
            "cumExecFee": plain(sum((fill.fee for fill in order.executions), ZERO)),
            "cumFeeDetail": {asset: plain(fee) for asset, fee in fees.items()},
            "orderType": "Limit" if order.order_type is OrderType.LIMIT else "Market",
            **dict.fromkeys(CONDITIONAL, ""),
            "triggerDirection": 0,
            "reduceOnly": order.reduce_only,
            "closeOnTrigger": False,
            "placeType": "",
            "smpType": "None",
            "smpGroup": 0,
            "smpOrderId": "",
            "createType": "CreateByUser",
            "closedPnl": plain(sum((fill.realised for fill in order.executions), ZERO)),
            "createdTime": str(self.millis(order.created_at)),
            "updatedTime": str(self.millis(order.updated_at)),
        }

    def execution(self, account: Account, fill: Execution) -> dict[str, Any]:
        """As the ``execution`` topic and ``execution/list`` describe it."""
        state = self.state(fill.symbol)
        listing = state.listing
        price, quantity = listing.price_decimals, listing.quantity_decimals
        order = self.exchange.order(account, fill.order_id)
        asked = order.quantity if order else fill.quantity
        done = [each.quantity for each in order.executions if each.trade_id <= fill.trade_id] if order else [asked]
        return {
            "category": self.product.category,
            "symbol": fill.symbol,
            "orderId": self.ids.order(fill.order_id),
            "orderLinkId": link_id(fill),
            "side": SIDES[fill.side],
            "orderPrice": fixed(order.price if order else ZERO, price),
            "orderQty": fixed(asked, quantity),
            "leavesQty": fixed(asked - sum(done, ZERO), quantity),
            "createType": "CreateByUser",
            "orderType": "Market" if order and order.order_type is OrderType.MARKET else "Limit",
            "stopOrderType": "UNKNOWN",
            "execFee": plain(fill.fee),
            "feeCurrency": fill.fee_asset,
            "execId": self.ids.trade(fill.symbol, fill.trade_id),
            "execPrice": fixed(fill.price, price),
            "execQty": fixed(fill.quantity, quantity),
            "execType": "Trade",
            "execValue": plain(listing.notional(fill.price, fill.quantity)),
            "execTime": str(self.millis(fill.time)),
            "execPnl": plain(fill.realised),
            "isLeverage": "0",
            "isMaker": fill.maker,
            "feeRate": self.fee_rate(account, maker=fill.maker),
            "tradeIv": "",
            "markIv": "",
            "markPrice": "" if listing.kind is Kind.SPOT else fixed(state.mark_price, price),
            "indexPrice": "",
            "underlyingPrice": "",
            "blockTradeId": "",
            # Nearly: a fill that closes at exactly its entry price counts as opening here.
            "closedSize": fixed(fill.quantity if fill.realised else ZERO, quantity),
            "extraFees": "",
            "seq": fill.trade_id,
        }

    def fee_rate(self, account: Account, *, maker: bool) -> str:
        """A fraction of the value."""
        return plain(account.fee_bps(self.exchange.rules, maker=maker) / BPS)

    def status(self, order: Order) -> str:
        """``orderStatus``. Only spot has a word of its own for "cancelled after some fills"."""
        match order.state:
            case OrderState.NEW:
                return "New"
            case OrderState.PARTIALLY_FILLED:
                return "PartiallyFilled"
            case OrderState.FILLED:
                return "Filled"
            case _:
                return "PartiallyFilledCanceled" if self.product.spot and order.filled else "Cancelled"


def link_id(named: Order | Execution) -> str:
    """``orderLinkId``; empty where the engine made one up."""
    return "" if named.client_id == f"auto-{named.order_id}" else named.client_id


def time_in_force(order: Order) -> str:
    """A market order is always "IOC"."""
    if order.order_type is OrderType.MARKET:
        return "IOC"
    return "PostOnly" if order.post_only else order.time_in_force.name


def fees_of(fills: tuple[Execution, ...]) -> dict[str, Decimal]:
    """Sums by asset."""
    fees: dict[str, Decimal] = {}
    for fill in fills:
        fees[fill.fee_asset] = fees.get(fill.fee_asset, ZERO) + fill.fee
    return fees
