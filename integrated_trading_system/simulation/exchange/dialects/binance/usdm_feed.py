"""Market data payloads that are particular to Binance USD-M futures.

Prices and quantities have the symbol's own decimals; bookTicker and depth carry event and transaction
times; depth messages are chained by `pu`, for update ids have holes here.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.binance.collect import INTERVALS, Aggregate, DepthDiff
from integrated_trading_system.simulation.exchange.dialects.binance.feed import Feed, Payload
from integrated_trading_system.simulation.exchange.dialects.binance.http import Call, millis, number
from integrated_trading_system.simulation.exchange.dialects.binance.queries import Queries
from integrated_trading_system.simulation.exchange.events import BookChanged, PriceLevel, TradeHappened
from integrated_trading_system.simulation.exchange.exchange import FUNDING_INTERVAL, DepthView
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.tape import Bar, end_of

UPDATES_STRIDE: Final = 3
"""Our n-th update has the number 3n: as on the venue, `U` is not the previous `u` + 1."""

TIMES_IN_FORCE: Final = ("GTC", "IOC", "FOK", "GTX")


class UsdmFeed(Feed):
    """Streams of Binance USD-M futures."""

    depth_periods = {  # noqa: RUF012 - never changed
        "depth": Nanos(250 * MILLISECOND),
        "depth@500ms": Nanos(500 * MILLISECOND),
        "depth@100ms": Nanos(100 * MILLISECOND),
    }
    kline_period = Nanos(250 * MILLISECOND)
    ticker_period = Nanos(2 * SECOND)
    product = 1
    """`st`: 1 is USD-M, 2 is COIN-M."""

    def pair(self, state: SymbolState) -> str:
        """`ps`."""
        return state.listing.symbol

    def price(self, state: SymbolState, value: Decimal) -> str:
        return number(value, state.listing.price_decimals)

    def quantity(self, state: SymbolState, value: Decimal) -> str:
        return number(value, state.listing.quantity_decimals)

    def trade_row(self, state: SymbolState, trade: TradeHappened, now: Nanos) -> Payload:
        return None

    def aggregate_row(self, state: SymbolState, aggregate: Aggregate, now: Nanos) -> Payload:
        fields = self.aggregate_fields(state, aggregate)
        return self.stamp("aggTrade", state, now) | fields | {"nq": fields["q"], "st": self.product}

    def quote_row(self, state: SymbolState, change: BookChanged, now: Nanos) -> Payload:
        top, at = change.top, self.millis(now)
        return {
            "e": "bookTicker",
            "u": change.last_update * UPDATES_STRIDE,
            "s": change.symbol,
            "ps": self.pair(state),
            "b": self.price(state, top.bid),
            "B": self.quantity(state, top.bid_quantity),
            "a": self.price(state, top.ask),
            "A": self.quantity(state, top.ask_quantity),
            "T": at,
            "E": at,
            "st": self.product,
        }

    def diff_row(self, diff: DepthDiff, now: Nanos) -> Payload:
        state = diff.state
        bids, asks = sorted(diff.bids.items(), reverse=True), sorted(diff.asks.items())
        return self._depth_row(state, now, (diff.previous, diff.first, diff.last), bids, asks)

    def partial_row(self, state: SymbolState, levels: int, now: Nanos) -> Payload:
        depth = self.exchange.depth(state.listing.symbol, levels)
        last = depth.last_update
        return self._depth_row(state, now, (last - 1, last, last), list(depth.bids), list(depth.asks))

    def ticker_row(self, state: SymbolState, now: Nanos) -> Payload:
        day = state.tape.day(now)
        return self.stamp("24hrTicker", state, now) | {
            "p": self.price(state, day.close - day.open),
            "P": number(100 * (day.close - day.open) / day.open, 3),
            "w": self.price(state, day.quote_volume / day.volume if day.volume else ZERO),
            "c": self.price(state, day.close),
            "Q": self.quantity(state, state.tape.last_quantity),
            "o": self.price(state, day.open),
            "h": self.price(state, day.high),
            "l": self.price(state, day.low),
            "v": self.quantity(state, day.volume),
            "q": number(day.quote_volume),
            "O": self.millis(day.opened_at),
            "C": self.millis(now),
            "F": day.first_trade,
            "L": day.last_trade,
            "n": day.trades,
            "ps": self.pair(state),
            "st": self.product,
        }

    def particular(self, state: SymbolState, kind: str) -> tuple[Nanos, Callable[[Nanos], Payload]] | None:
        periods = {"markPrice": Nanos(3 * SECOND), "markPrice@1s": SECOND}
        return (periods[kind], lambda now: self._mark_row(state, now)) if kind in periods else None

    def particular_all(self, name: str) -> tuple[Nanos, Callable[[Nanos], Payload]] | None:
        def marks(now: Nanos) -> Payload:
            return [self._mark_row(state, now) for state in self.exchange.symbols.values()]

        def tickers(now: Nanos) -> Payload:
            return [self.ticker_row(state, now) for state in self.exchange.symbols.values()]

        return {
            "!markPrice@arr": (Nanos(3 * SECOND), marks),
            "!markPrice@arr@1s": (SECOND, marks),
            "!ticker@arr": (SECOND, tickers),
        }.get(name)

    def _mark_row(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        mark, index = number(state.mark_price), number(state.index_price)
        rate = number(self.exchange.rules.funding_rate)
        due = self.millis(self.exchange.next_funding or Nanos(0))
        fields = {"p": mark, "ap": mark, "i": index, "P": index, "r": rate, "T": due, "st": self.product}
        return self.stamp("markPriceUpdate", state, now) | fields

    def _depth_row(
        self,
        state: SymbolState,
        now: Nanos,
        updates: tuple[int, int, int],
        bids: list[PriceLevel],
        asks: list[PriceLevel],
    ) -> dict[str, Any]:
        previous, first, last = updates
        return {
            "e": "depthUpdate",
            "E": self.millis(now),
            "T": self.millis(state.changed_at),
            "s": state.listing.symbol,
            "ps": self.pair(state),
            "st": self.product,
            "U": first * UPDATES_STRIDE - 1,
            "u": last * UPDATES_STRIDE,
            "pu": previous * UPDATES_STRIDE,
            "b": self.levels(state, bids),
            "a": self.levels(state, asks),
        }


class UsdmQueries(Queries):
    """Public REST of Binance USD-M futures."""

    depth_limit_default = 500
    depth_limit_max = 1000
    klines_limit_max = 1500

    def exchange_info(self, call: Call) -> Any:
        settles = dict.fromkeys(state.listing.settle for state in self.exchange.symbols.values())
        assets = [{"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"} for asset in settles]
        return super().exchange_info(call) | {"futuresType": "U_MARGINED", "assets": assets}

    def premium_index(self, call: Call) -> Any:
        """``GET /fapi/v1/premiumIndex``."""

        def row(state: SymbolState) -> dict[str, Any]:
            return {
                "symbol": state.listing.symbol,
                "markPrice": number(state.mark_price),
                "indexPrice": number(state.index_price),
                "estimatedSettlePrice": number(state.index_price),
                "lastFundingRate": number(self.exchange.rules.funding_rate),
                "interestRate": "0.00010000",
                "nextFundingTime": self.feed.millis(self.exchange.next_funding or Nanos(0)),
                "time": self.feed.millis(call.now),
            }

        return self.one_or_all(call, row)

    def mark_klines(self, call: Call) -> Any:
        """``GET /fapi/v1/markPriceKlines``: nothing is traded at a mark price."""
        state = self.state(call)
        assert state.marks is not None
        name, bars = self.bars(call, state.marks)
        length = INTERVALS[name]
        rows = []
        for bar in bars:
            begins, ends = millis(bar.opened_at), millis(end_of(length, bar.opened_at)) - 1
            prices = [number(price) for price in (bar.open, bar.high, bar.low, bar.close)]
            rows.append([begins, *prices, "0", ends, "0", length // SECOND, "0", "0", "0"])
        return rows

    def funding_rates(self, call: Call) -> Any:
        """``GET /fapi/v1/fundingRate``: what was paid since the exchange opened."""
        begin, end = call.span()
        due = self.exchange.started_at - self.exchange.started_at % FUNDING_INTERVAL + FUNDING_INTERVAL
        paid = [self.feed.millis(Nanos(at)) for at in range(due, call.now + 1, FUNDING_INTERVAL)]
        limit = call.limit(100, 1000)
        wanted = [at for at in paid if begin <= at <= end]
        rate = number(self.exchange.rules.funding_rate)
        return [
            {
                "symbol": state.listing.symbol,
                "fundingRate": rate,
                "fundingTime": at,
                "markPrice": number(state.mark_price),
                "rateType": "Regular",
            }
            for at in (wanted[:limit] if begin else wanted[-limit:])
            for state in self.chosen(call)
        ]

    def open_interest(self, call: Call) -> Any:
        """``GET /fapi/v1/openInterest``: the sum of all long positions."""
        state = self.state(call)
        held = [account.positions.get(state.listing.symbol) for account in self.exchange.bank.accounts.values()]
        longs = sum((position.quantity for position in held if position and position.quantity > 0), ZERO)
        quantity = self.feed.quantity(state, longs)
        return {"symbol": state.listing.symbol, "openInterest": quantity, "time": self.feed.millis(call.now)}

    def funding_info(self, call: Call) -> Any:
        """``GET /fapi/v1/fundingInfo``: only symbols with adjusted rules are listed, so none."""
        return []

    def symbol_row(self, state: SymbolState) -> dict[str, Any]:
        listing = state.listing
        return {
            "symbol": listing.symbol,
            "pair": listing.symbol,
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "onboardDate": 1569398400000,
            "status": "TRADING" if state.trading else "PENDING_TRADING",
            "maintMarginPercent": "2.5000",
            "requiredMarginPercent": "5.0000",
            "baseAsset": listing.base,
            "quoteAsset": listing.quote,
            "marginAsset": listing.settle,
            "pricePrecision": listing.price_decimals,
            "quantityPrecision": listing.quantity_decimals,
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "underlyingType": "COIN",
            "underlyingSubType": [],
            "triggerProtect": "0.0500",
            "liquidationFee": "0.012500",
            "marketTakeBound": "0.05",
            "maxMoveOrderLimit": 10000,
            "filters": self._filters(state),
            "orderTypes": ["LIMIT", "MARKET"],
            "timeInForce": list(TIMES_IN_FORCE),
        }

    def depth_row(self, state: SymbolState, depth: DepthView, now: Nanos) -> dict[str, Any]:
        return {
            "lastUpdateId": depth.last_update * UPDATES_STRIDE,
            "E": self.feed.millis(now),
            "T": self.feed.millis(depth.time),
            "bids": self.feed.levels(state, depth.bids),
            "asks": self.feed.levels(state, depth.asks),
        }

    def day_row(self, state: SymbolState, day: Bar, now: Nanos) -> dict[str, Any]:
        return self.base_day_row(state, day, now)

    def quote_row(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        top = state.book.top
        return {
            "symbol": state.listing.symbol,
            "bidPrice": self.feed.price(state, top.bid),
            "bidQty": self.feed.quantity(state, top.bid_quantity),
            "askPrice": self.feed.price(state, top.ask),
            "askQty": self.feed.quantity(state, top.ask_quantity),
            "time": self.feed.millis(state.changed_at),
            "lastUpdateId": state.book.last_update * UPDATES_STRIDE,
        }

    def price_row(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        price = self.feed.price(state, state.tape.last_price)
        return {"symbol": state.listing.symbol, "price": price, "time": self.feed.millis(state.tape.last_change or now)}

    def trade_row(self, state: SymbolState, trade: TradeHappened) -> dict[str, Any]:
        return self.base_trade_row(state, trade) | {"isRPITrade": False}

    def _filters(self, state: SymbolState) -> list[dict[str, Any]]:
        listing = state.listing
        tick, lot = self.feed.price(state, listing.tick), self.feed.quantity(state, listing.lot)
        least, most = self.feed.quantity(state, listing.quantity_min), listing.quantity_max or Decimal(1_000_000)
        sizes = {"minQty": least, "maxQty": self.feed.quantity(state, most), "stepSize": lot}
        band = {"multiplierUp": number(1 + listing.price_band, 4), "multiplierDown": number(1 - listing.price_band, 4)}
        return [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "4529764", "tickSize": tick},
            {"filterType": "LOT_SIZE", **sizes},
            {"filterType": "MARKET_LOT_SIZE", **sizes},
            {"filterType": "MAX_NUM_ORDERS", "limit": self.exchange.rules.open_orders_max},
            {"filterType": "MIN_NOTIONAL", "notional": str(listing.notional_min)},
            {"filterType": "PERCENT_PRICE", **band, "multiplierDecimal": "4"},
        ]
