"""How OKX writes instruments, orders and fills, in replies and as stream events, and the names it gives them."""

from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from integrated_trading_system.domain.money import BPS, ZERO, plain
from integrated_trading_system.domain.order import OrderType, TimeInForce
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialects.okx.http import fixed, millis
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.orders import EndReason, Execution, Order, OrderState, Refusal
from integrated_trading_system.simulation.exchange.tape import Bar

ORDERS: Final = 1_500_000_000_000_000_000
BILLS: Final = 10**9
"""A bill's name is the order's number times this, plus the trade's."""
LISTED_MS: Final = 1_548_133_413_000
QUANTITY_MAX: Final = Decimal(100_000_000)

STATES: Final = {
    OrderState.NEW: "live",
    OrderState.PARTIALLY_FILLED: "partially_filled",
    OrderState.FILLED: "filled",
    OrderState.CANCELLED: "canceled",
    OrderState.EXPIRED: "canceled",
}
CANCEL_SOURCES: Final = {
    EndReason.NONE: ("", ""),
    EndReason.BY_USER: ("1", "Order canceled by user"),
    EndReason.UNFILLED_IOC: ("14", "Order canceled: IOC order was partially canceled due to incompletely filled"),
    EndReason.UNFILLED_FOK: ("13", "Order canceled: FOK order was canceled due to incompletely filled"),
    EndReason.NO_LIQUIDITY: ("15", "Order canceled: The order price is beyond the limit"),
    EndReason.SELF_TRADE: ("32", "Self trade prevention"),
    EndReason.WOULD_TAKE: ("31", "The post-only order will take liquidity in maker orders"),
    EndReason.REDUCE_ONLY: ("9", "Reduce-only order canceled"),
}
UNUSED: Final = (
    *("attachAlgoClOrdId", "algoClOrdId", "algoId", "amendResult", "ccy", "code", "msg", "pxType", "pxUsd", "pxVol"),
    *("quickMgnType", "rebateCcy", "reqId", "slOrdPx", "slTriggerPx", "slTriggerPxType", "source", "stpId", "tag"),
    *("tpOrdPx", "tpTriggerPx", "tpTriggerPxType"),
)
"""Fields that are empty, for they are of orders that are not offered here."""


class Product(Struct, frozen=True, kw_only=True):
    """What is particular about a product."""

    name: str
    """`instType`."""
    trade_mode: str
    """The one `tdMode` that is offered here."""
    refusals: dict[Refusal, tuple[str, str]]
    """`sCode` and words."""

    @property
    def spot(self) -> bool:
        """Or swaps."""
        return self.name == "SPOT"


class OrderRows:
    """Instruments, orders and fills."""

    def __init__(self, exchange: Exchange, product: Product) -> None:
        self.exchange = exchange
        self.product = product
        self._codes = {symbol: 10_000 + index for index, symbol in enumerate(exchange.symbols)}

    def millis(self, now: Nanos) -> int:
        """By the venue's clock."""
        return millis(self.exchange.venue_time(now))

    def time(self, now: Nanos) -> str:
        """The same as the venue writes it: as text."""
        return str(self.millis(now))

    def state(self, symbol: str) -> SymbolState:
        """What is listed under this name."""
        return self.exchange.symbols[symbol]

    def fee_rate(self, account: Account, *, maker: bool) -> Decimal:
        """A fraction of the value; negative is charged."""
        return -account.fee_bps(self.exchange.rules, maker=maker) / BPS

    def instrument(self, state: SymbolState) -> dict[str, Any]:
        """As ``public/instruments`` describes it."""
        listing, spot = state.listing, self.product.spot
        pair, most = f"{listing.base}-{listing.quote}", plain(listing.quantity_max or QUANTITY_MAX)
        return {
            "alias": "",
            "auctionEndTime": "",
            "baseCcy": listing.base if spot else "",
            "category": "1",
            "contTdSwTime": "",
            "ctMult": "" if spot else "1",
            "ctType": "" if spot else "linear",
            "ctVal": "" if spot else plain(listing.multiplier),
            "ctValCcy": "" if spot else listing.base,
            "expTime": "",
            "groupId": "1",
            "instFamily": "" if spot else pair,
            "instId": listing.symbol,
            "instIdCode": self._codes[listing.symbol],
            "instType": self.product.name,
            "lever": "10" if spot else "100",
            "listTime": str(LISTED_MS),
            "lotSz": plain(listing.lot),
            "maxIcebergSz": most,
            "maxLmtAmt": "20000000",
            "maxLmtSz": most,
            "maxMktAmt": "1000000" if spot else "",
            "maxMktSz": most,
            "maxStopSz": most,
            "maxTriggerSz": most,
            "maxTwapSz": most,
            "minSz": plain(listing.quantity_min or listing.lot),
            "optType": "",
            "quoteCcy": listing.quote if spot else "",
            "ruleType": "normal",
            "settleCcy": "" if spot else listing.settle,
            "state": "live" if state.trading else "suspend",
            "stk": "",
            "tickSz": plain(listing.tick),
            "uly": "" if spot else pair,
        }

    def candle(self, state: SymbolState, bar: Bar, *, confirm: bool) -> list[str]:
        """Begin, open, high, low, close, three volumes, and whether it is over."""
        listing = state.listing
        prices = [fixed(each, listing.price_decimals) for each in (bar.open, bar.high, bar.low, bar.close)]
        quote = plain(bar.quote_volume)
        other = quote if self.product.spot else plain(bar.volume * listing.multiplier)
        return [str(millis(bar.opened_at)), *prices, plain(bar.volume), other, quote, "1" if confirm else "0"]

    # -- orders and fills -----------------------------------------------------------------------

    def order_id(self, number: int) -> str:
        """``ordId``."""
        return str(ORDERS + number)

    def position_id(self, symbol: str) -> str:
        """``posId``."""
        return str(ORDERS + self._codes[symbol])

    def parse_order_id(self, text: str) -> int:
        """Our number of an ``ordId``; 0 for one that we never gave."""
        return max(0, int(text) - ORDERS) if text.isascii() and text.isdigit() and len(text) < 20 else 0

    def order(self, order: Order, fill: Execution | None = None) -> dict[str, Any]:
        """As the ``orders`` channel and the order endpoints describe it; `fill` is its last one."""
        listing = self.state(order.symbol).listing
        price, quantity = listing.price_decimals, listing.quantity_decimals
        source, reason = CANCEL_SOURCES[order.end_reason]
        executions = order.executions
        asset = executions[-1].fee_asset if executions else listing.settle
        return {
            **dict.fromkeys(UNUSED, ""),
            "instType": self.product.name,
            "instId": order.symbol,
            "ordId": self.order_id(order.order_id),
            "clOrdId": client_id(order),
            "px": fixed(order.price, price) if order.order_type is OrderType.LIMIT else "",
            "sz": fixed(order.quantity or order.quote_quantity, quantity),
            "ordType": order_type(order),
            "side": order.side.value,
            "posSide": "" if self.product.spot else "net",
            "tdMode": self.product.trade_mode,
            "tgtCcy": _target(order, spot=self.product.spot),
            "state": STATES[order.state],
            "accFillSz": fixed(order.filled, quantity),
            "avgPx": plain(round(order.average_price / listing.multiplier, 16)) if order.filled else "",
            "fee": plain(-sum((each.fee for each in executions), ZERO)),
            "feeCcy": asset,
            "rebate": "0",
            "pnl": plain(sum((each.realised for each in executions), ZERO)),
            "category": "normal",
            "cancelSource": source,
            "cancelSourceReason": reason,
            "lever": "" if self.product.spot else plain(self.exchange.rules.leverage),
            "reduceOnly": "true" if order.reduce_only else "false",
            "stpMode": "cancel_maker",
            "attachAlgoOrds": [],
            "linkedAlgoOrd": {"algoId": ""},
            "isTpLimit": "false",
            "cTime": self.time(order.created_at),
            "uTime": self.time(order.updated_at),
            **self._last_fill(fill, price, quantity),
        }

    def _last_fill(self, fill: Execution | None, price: int, quantity: int) -> dict[str, str]:
        if fill is None:
            names = ("fillPx", "fillTime", "tradeId", "execType", "fillFeeCcy")
            return dict.fromkeys(names, "") | {"fillSz": "0", "fillFee": "0"}
        return {
            "fillPx": fixed(fill.price, price),
            "fillSz": fixed(fill.quantity, quantity),
            "fillTime": self.time(fill.time),
            "tradeId": str(fill.trade_id),
            "execType": "M" if fill.maker else "T",
            "fillFee": plain(-fill.fee),
            "fillFeeCcy": fill.fee_asset,
        }

    def fill(self, account: Account, fill: Execution) -> dict[str, Any]:
        """As ``trade/fills`` describes it."""
        listing = self.state(fill.symbol).listing
        return {
            "instType": self.product.name,
            "instId": fill.symbol,
            "tradeId": str(fill.trade_id),
            "ordId": self.order_id(fill.order_id),
            "clOrdId": client_id(fill),
            "billId": bill_id(fill),
            "subType": "1" if fill.side.value == "buy" else "2",
            "tag": "",
            "fillPx": fixed(fill.price, listing.price_decimals),
            "fillSz": fixed(fill.quantity, listing.quantity_decimals),
            "fillPnl": plain(fill.realised),
            "side": fill.side.value,
            "posSide": "net",
            "execType": "M" if fill.maker else "T",
            "feeCcy": fill.fee_asset,
            "fee": plain(-fill.fee),
            "feeRate": plain(self.fee_rate(account, maker=fill.maker)),
            "ts": self.time(fill.time),
            "fillTime": self.time(fill.time),
        }


def client_id(named: Order | Execution) -> str:
    """``clOrdId``; empty where the engine made one up."""
    return "" if named.client_id == f"auto-{named.order_id}" else named.client_id


def bill_id(fill: Execution) -> str:
    """``billId``."""
    return str(fill.order_id * BILLS + fill.trade_id)


def order_type(order: Order) -> str:
    """How long it stays is said by its type."""
    if order.order_type is OrderType.MARKET:
        return "market"
    if order.post_only:
        return "post_only"
    return "limit" if order.time_in_force is TimeInForce.GTC else order.time_in_force.value


def _target(order: Order, *, spot: bool) -> str:
    if not spot or order.order_type is OrderType.LIMIT:
        return ""
    return "quote_ccy" if order.quote_quantity else "base_ccy"
