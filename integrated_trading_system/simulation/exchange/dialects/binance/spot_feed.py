"""Market data payloads that are particular to Binance spot: eight decimals everywhere, and few times.

Spot's bookTicker has neither event type nor time, partial depth neither symbol nor time.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.binance.collect import Aggregate, DepthDiff
from integrated_trading_system.simulation.exchange.dialects.binance.feed import Feed, Payload
from integrated_trading_system.simulation.exchange.dialects.binance.http import Call, number
from integrated_trading_system.simulation.exchange.dialects.binance.queries import Queries
from integrated_trading_system.simulation.exchange.events import BookChanged, TradeHappened
from integrated_trading_system.simulation.exchange.exchange import DepthView
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.listing import Listing
from integrated_trading_system.simulation.exchange.tape import Bar

ORDER_TYPES: Final = ("LIMIT", "LIMIT_MAKER", "MARKET")
"""Without conditional orders: those exist on the real venue and not here, and exchangeInfo says so."""

AVERAGE_MINUTES: Final = 5


class SpotFeed(Feed):
    """Streams of Binance spot."""

    depth_periods = {"depth": SECOND, "depth@100ms": Nanos(100 * MILLISECOND)}  # noqa: RUF012 - never changed
    kline_period = Nanos(2 * SECOND)
    ticker_period = SECOND

    def trade_row(self, state: SymbolState, trade: TradeHappened, now: Nanos) -> Payload:
        return self.stamp("trade", state, now) | {
            "t": trade.trade_id,
            "p": number(trade.price),
            "q": number(trade.quantity),
            "T": self.millis(trade.time),
            "m": trade.side is Side.SELL,
            "M": True,
        }

    def aggregate_row(self, state: SymbolState, aggregate: Aggregate, now: Nanos) -> Payload:
        return self.stamp("aggTrade", state, now) | self.aggregate_fields(state, aggregate) | {"M": True}

    def quote_row(self, state: SymbolState, change: BookChanged, now: Nanos) -> Payload:
        top = change.top
        return {
            "u": change.last_update,
            "s": change.symbol,
            "b": number(top.bid),
            "B": number(top.bid_quantity),
            "a": number(top.ask),
            "A": number(top.ask_quantity),
        }

    def diff_row(self, diff: DepthDiff, now: Nanos) -> Payload:
        return self.stamp("depthUpdate", diff.state, now) | {
            "U": diff.first,
            "u": diff.last,
            "b": self.levels(diff.state, sorted(diff.bids.items(), reverse=True)),
            "a": self.levels(diff.state, sorted(diff.asks.items())),
        }

    def partial_row(self, state: SymbolState, levels: int, now: Nanos) -> Payload:
        return depth_row(self, state, self.exchange.depth(state.listing.symbol, levels))

    def ticker_row(self, state: SymbolState, now: Nanos) -> Payload:
        day, top = state.tape.day(now), state.book.top
        return self.stamp("24hrTicker", state, now) | {
            "p": number(day.close - day.open),
            "P": number(100 * (day.close - day.open) / day.open, 3),
            "w": number(day.quote_volume / day.volume if day.volume else ZERO),
            "x": number(day.open),
            "c": number(day.close),
            "Q": number(state.tape.last_quantity),
            "b": number(top.bid),
            "B": number(top.bid_quantity),
            "a": number(top.ask),
            "A": number(top.ask_quantity),
            "o": number(day.open),
            "h": number(day.high),
            "l": number(day.low),
            "v": number(day.volume),
            "q": number(day.quote_volume),
            "O": self.millis(day.opened_at),
            "C": self.millis(now),
            "F": day.first_trade,
            "L": day.last_trade,
            "n": day.trades,
        }

    def particular(self, state: SymbolState, kind: str) -> tuple[Nanos, Callable[[Nanos], Payload]] | None:
        if kind != "avgPrice":
            return None

        def average(now: Nanos) -> Payload:
            price, at = average_price(state, now), self.millis(state.tape.last_change)
            return self.stamp("avgPrice", state, now) | {"i": f"{AVERAGE_MINUTES}m", "w": number(price), "T": at}

        return SECOND, average


class SpotQueries(Queries):
    """Public REST of Binance spot."""

    depth_limit_default = 100
    depth_limit_max = 5000
    klines_limit_max = 1000

    def average(self, call: Call) -> Any:
        """``GET /api/v3/avgPrice``."""
        state = self.state(call)
        return {
            "mins": AVERAGE_MINUTES,
            "price": number(average_price(state, call.now)),
            "closeTime": self.feed.millis(state.tape.last_change or call.now),
        }

    def symbol_row(self, state: SymbolState) -> dict[str, Any]:
        listing = state.listing
        return {
            "symbol": listing.symbol,
            "status": "TRADING" if state.trading else "HALT",
            "baseAsset": listing.base,
            "baseAssetPrecision": 8,
            "quoteAsset": listing.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": list(ORDER_TYPES),
            "icebergAllowed": False,
            "ocoAllowed": False,
            "otoAllowed": False,
            "opoAllowed": False,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": False,
            "cancelReplaceAllowed": False,
            "amendAllowed": False,
            "pegInstructionsAllowed": False,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": filters(listing, self.exchange.rules.open_orders_max),
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": "EXPIRE_TAKER",
            "allowedSelfTradePreventionModes": ["EXPIRE_TAKER"],
        }

    def depth_row(self, state: SymbolState, depth: DepthView, now: Nanos) -> dict[str, Any]:
        return depth_row(self.feed, state, depth)

    def day_row(self, state: SymbolState, day: Bar, now: Nanos) -> dict[str, Any]:
        top = self.exchange.top(state.listing.symbol)
        return self.base_day_row(state, day, now) | {
            "prevClosePrice": number(day.open),
            "bidPrice": number(top.bid),
            "bidQty": number(top.bid_quantity),
            "askPrice": number(top.ask),
            "askQty": number(top.ask_quantity),
        }

    def quote_row(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        top = state.book.top
        return {
            "symbol": state.listing.symbol,
            "bidPrice": number(top.bid),
            "bidQty": number(top.bid_quantity),
            "askPrice": number(top.ask),
            "askQty": number(top.ask_quantity),
        }

    def price_row(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        return {"symbol": state.listing.symbol, "price": number(state.tape.last_price)}

    def trade_row(self, state: SymbolState, trade: TradeHappened) -> dict[str, Any]:
        return self.base_trade_row(state, trade) | {"isBestMatch": True}

    def aggregate_row(self, state: SymbolState, aggregate: Aggregate) -> dict[str, Any]:
        return super().aggregate_row(state, aggregate) | {"M": True}


def filters(listing: Listing, orders_max: int) -> list[dict[str, Any]]:
    """The listing's rules in the venue's words."""
    up, down = Decimal(1) + listing.price_band, Decimal(1) - listing.price_band
    rows: list[dict[str, Any]] = [
        {"filterType": "PRICE_FILTER", "minPrice": number(listing.tick), "maxPrice": "1000000.00000000"}
        | {"tickSize": number(listing.tick)},
        {"filterType": "LOT_SIZE", **_lot_sizes(listing), "stepSize": number(listing.lot)},
        {"filterType": "MARKET_LOT_SIZE", **_lot_sizes(listing), "stepSize": number(ZERO)},
        {
            "filterType": "NOTIONAL",
            "minNotional": number(listing.notional_min),
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": AVERAGE_MINUTES,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": orders_max},
    ]
    if listing.price_band:
        band = {"bidMultiplierUp": str(up), "bidMultiplierDown": str(down)}
        band |= {"askMultiplierUp": str(up), "askMultiplierDown": str(down)}
        rows.append({"filterType": "PERCENT_PRICE_BY_SIDE", **band, "avgPriceMins": AVERAGE_MINUTES})
    return rows


def depth_row(feed: Feed, state: SymbolState, depth: DepthView) -> dict[str, Any]:
    """A book, in a reply and in a partial depth stream."""
    return {
        "lastUpdateId": depth.last_update,
        "bids": feed.levels(state, depth.bids),
        "asks": feed.levels(state, depth.asks),
    }


def average_price(state: SymbolState, now: Nanos) -> Decimal:
    """Of the last minutes, by volume."""
    state.tape.roll(now)
    latest = list(state.tape.minutes)[-AVERAGE_MINUTES:]
    volume = sum((bar.volume for bar in latest), ZERO)
    return sum((bar.quote_volume for bar in latest), ZERO) / volume if volume else state.tape.last_price


def _lot_sizes(listing: Listing) -> dict[str, str]:
    most = listing.quantity_max or Decimal(9_000_000)
    return {"minQty": number(listing.quantity_min), "maxQty": number(most)}
