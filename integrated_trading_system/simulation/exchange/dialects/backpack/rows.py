"""How Backpack writes orders and fills: in replies, in the history, and as stream events."""

from typing import Any, Final

from integrated_trading_system.domain.money import ZERO, plain
from integrated_trading_system.domain.order import OrderType, Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.dialects.backpack.http import date_text, fixed, micros, millis
from integrated_trading_system.simulation.exchange.events import Change, OrderChanged
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.listing import Listing
from integrated_trading_system.simulation.exchange.orders import EndReason, Execution, Order, OrderState

ORDERS: Final = 4_227_000_000
"""Order ids are opaque numbers as text, far above 0."""

SIDES: Final = {Side.BUY: "Bid", Side.SELL: "Ask"}
SELF_TRADE: Final = "RejectTaker"
REASONS: Final = {
    EndReason.UNFILLED_IOC: "ImmediateOrCancel",
    EndReason.UNFILLED_FOK: "FillOrKill",
    EndReason.NO_LIQUIDITY: "InsufficientLiquidity",
    EndReason.SELF_TRADE: "SelfTradePrevention",
    EndReason.WOULD_TAKE: "PostOnlyTaker",
    EndReason.REDUCE_ONLY: "ReduceOnlyNotReduced",
}
STATUS: Final = {
    OrderState.NEW: "New",
    OrderState.PARTIALLY_FILLED: "PartiallyFilled",
    OrderState.FILLED: "Filled",
    OrderState.CANCELLED: "Cancelled",
    OrderState.EXPIRED: "Expired",
}
ABSENT: Final = (
    *("stopLossLimitPrice", "stopLossTriggerBy", "stopLossTriggerPrice", "strategyId", "takeProfitLimitPrice"),
    *("takeProfitTriggerBy", "takeProfitTriggerPrice", "triggerBy", "triggerPrice", "triggerQuantity"),
)
"""Fields of conditional orders, which are not offered here."""


class OrderRows:
    """Orders and fills."""

    def __init__(self, exchange: Exchange, *, spot: bool) -> None:
        """`spot`: or perpetuals."""
        self.exchange = exchange
        self.spot = spot

    def venue_time(self, now: Nanos) -> Nanos:
        """What the venue's clock shows."""
        return self.exchange.venue_time(now)

    @property
    def market_type(self) -> str:
        """What all markets here are."""
        return "SPOT" if self.spot else "PERP"

    def listing(self, symbol: str) -> Listing:
        """What is listed under this name."""
        return self.exchange.symbols[symbol].listing

    def order(self, order: Order) -> dict[str, Any]:
        """As every order endpoint but the history describes it."""
        row = self._common(order) | {
            "createdAt": millis(self.venue_time(order.created_at)),
            "reduceOnly": None if self.spot else order.reduce_only,
            "relatedOrderId": None,
            "triggeredAt": None,
        }
        if order.order_type is OrderType.MARKET:
            del row["price"], row["postOnly"]
        else:
            del row["quoteQuantity"]
        return row

    def history(self, order: Order) -> dict[str, Any]:
        """As the history describes it."""
        return self._common(order) | {
            "createdAt": date_text(self.venue_time(order.created_at)),
            "expiryReason": REASONS.get(order.end_reason),
            "systemOrderType": None,
        }

    def fill(self, fill: Execution) -> dict[str, Any]:
        """One of the account's fills."""
        listing = self.listing(fill.symbol)
        client = client_number(fill)
        return {
            "clientId": None if client is None else str(client),
            "fee": plain(fill.fee),
            "feeSymbol": fill.fee_asset,
            "isMaker": fill.maker,
            "orderId": str(ORDERS + fill.order_id),
            "price": fixed(fill.price, listing.price_decimals),
            "quantity": fixed(fill.quantity, listing.quantity_decimals),
            "side": SIDES[fill.side],
            "symbol": fill.symbol,
            "systemOrderType": None,
            "timestamp": date_text(self.venue_time(fill.time)),
            "tradeId": fill.trade_id,
        }

    def event(self, change: OrderChanged) -> dict[str, Any]:
        """``account.orderUpdate``. Here types are written LIMIT and MARKET."""
        order, fill = change.order, change.execution
        listing, at = self.listing(order.symbol), micros(self.venue_time(change.time))
        names = {Change.ACCEPTED: "orderAccepted", Change.FILLED: "orderFill"}
        ended = "orderExpired" if order.end_reason in REASONS else "orderCancelled"
        row: dict[str, Any] = {
            "e": names.get(change.change, ended),
            "E": at,
            "T": at,
            "s": order.symbol,
            "S": SIDES[order.side],
            "o": order.order_type.name,
            "f": order.time_in_force.name,
            "X": status(order),
            "i": str(ORDERS + order.order_id),
            "z": fixed(order.filled, listing.quantity_decimals),
            "Z": plain(order.filled_value),
            "V": SELF_TRADE,
            "O": "USER",
            "y": order.post_only,
        }
        client = client_number(order)
        if not self.spot:
            row["r"] = order.reduce_only
        if client is not None:
            row["c"] = client
        if order.quantity:
            row["q"] = fixed(order.quantity, listing.quantity_decimals)
        if order.quote_quantity:
            row["Q"] = plain(order.quote_quantity)
        if order.order_type is OrderType.LIMIT:
            row["p"] = fixed(order.price, listing.price_decimals)
        if row["e"] == "orderExpired":
            row["R"] = REASONS[order.end_reason]
        if fill is not None:
            row |= {
                "t": fill.trade_id,
                "l": fixed(fill.quantity, listing.quantity_decimals),
                "L": fixed(fill.price, listing.price_decimals),
                "m": fill.maker,
                "n": plain(fill.fee),
                "N": fill.fee_asset,
            }
        return row

    def _common(self, order: Order) -> dict[str, Any]:
        listing = self.listing(order.symbol)
        return {
            "clientId": client_number(order),
            "executedQuantity": fixed(order.filled, listing.quantity_decimals) if order.filled else "0",
            "executedQuoteQuantity": plain(order.filled_value),
            "id": str(ORDERS + order.order_id),
            "orderType": "Limit" if order.order_type is OrderType.LIMIT else "Market",
            "postOnly": order.post_only,
            "price": fixed(order.price, listing.price_decimals) if order.price != ZERO else None,
            "quantity": fixed(order.quantity, listing.quantity_decimals),
            "quoteQuantity": plain(order.quote_quantity) if order.quote_quantity else None,
            "selfTradePrevention": SELF_TRADE,
            "side": SIDES[order.side],
            "status": status(order),
            "symbol": order.symbol,
            "timeInForce": order.time_in_force.name,
            **dict.fromkeys(ABSENT),
        }


def status(order: Order) -> str:
    """A post-only order that would have taken is "Expired", as every order that a rule of its own ended."""
    return "Expired" if order.end_reason in REASONS else STATUS[order.state]


def client_number(named: Order | Execution) -> int | None:
    """``clientId``, a number of 32 bits; None where the engine made up a name."""
    return int(named.client_id) if named.client_id.isdigit() else None
