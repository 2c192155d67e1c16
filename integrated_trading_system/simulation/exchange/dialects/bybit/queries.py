"""Public REST of Bybit: clock, instruments, books, prints, candles, tickers, funding."""

from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote

from integrated_trading_system.domain.money import plain
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import DAY, MILLISECOND, MINUTE, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.bybit.http import CATEGORIES, Call, fixed, invalid
from integrated_trading_system.simulation.exchange.dialects.bybit.rows import SIDES, OrderRows
from integrated_trading_system.simulation.exchange.dialects.bybit.tickers import Tickers
from integrated_trading_system.simulation.exchange.exchange import FUNDING_INTERVAL
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.tape import MONTH_LENGTH, WEEK, Bar, Tape

MINUTES: Final = ("1", "3", "5", "15", "30", "60", "120", "240", "360", "720")
INTERVALS: Final = {**{name: Nanos(int(name) * MINUTE) for name in MINUTES}, "D": DAY, "W": WEEK, "M": MONTH_LENGTH}

QUANTITY_MAX: Final = Decimal(1_000_000)
LAUNCHED_MS: Final = 1_584_230_400_000


class Queries:
    """Handlers of public requests."""

    def __init__(self, rows: OrderRows, tickers: Tickers) -> None:
        self._rows = rows
        self._exchange = rows.exchange
        self._product = rows.product
        self._tickers = tickers

    def time(self, call: Call) -> Any:
        """``GET /v5/market/time``."""
        now = self._rows.venue_time(call.now)
        return {"timeSecond": str(now // SECOND), "timeNano": str(now)}

    def instruments(self, call: Call) -> Any:
        """``GET /v5/market/instruments-info``: linear in pages, spot all at once."""
        states = self._listed(call)
        base, status = call.optional("baseCoin"), call.optional("status")
        chosen = [state for state in states if base in ("", state.listing.base) and status in ("", _status(state))]
        result: dict[str, Any] = {"category": call.text("category")}
        if self._product.spot:
            return result | {"list": [self._spot_row(state) for state in chosen]}
        begin = int(call.cursor().rpartition("=")[2] or 0) if call.cursor().rpartition("=")[2].isdigit() else 0
        end = begin + call.limit(500, 1000)
        page = [self._linear_row(state) for state in chosen[begin:end]]
        cursor = quote(f"first={begin}&next={end}", safe="") if end < len(chosen) else ""
        return result | {"list": page, "nextPageCursor": cursor}

    def book(self, call: Call) -> Any:
        """``GET /v5/market/orderbook``."""
        state = self.symbol(call)
        listing = state.listing
        depth = self._exchange.depth(listing.symbol, call.limit(1 if self._product.spot else 25, 1000))
        price, quantity = listing.price_decimals, listing.quantity_decimals
        return {
            "s": listing.symbol,
            "b": [[fixed(at, price), fixed(size, quantity)] for at, size in depth.bids],
            "a": [[fixed(at, price), fixed(size, quantity)] for at, size in depth.asks],
            "ts": self._rows.millis(call.now),
            "u": depth.last_update,
            "seq": depth.sequence,
            "cts": self._rows.millis(depth.time),
        }

    def trades(self, call: Call) -> Any:
        """``GET /v5/market/recent-trade``, newest first."""
        state = self.symbol(call)
        listing = state.listing
        latest = list(state.tape.trades)[: -call.limit(60 if self._product.spot else 500, 1000) - 1 : -1]
        return {
            "category": self._product.category,
            "list": [
                {
                    "execId": self._rows.ids.trade(listing.symbol, trade.trade_id),
                    "symbol": listing.symbol,
                    "price": fixed(trade.price, listing.price_decimals),
                    "size": fixed(trade.quantity, listing.quantity_decimals),
                    "side": SIDES[Side(trade.side)],
                    "time": str(self._rows.millis(trade.time)),
                    "isBlockTrade": False,
                    "isRPITrade": False,
                    "seq": str(trade.sequence),
                }
                for trade in latest
            ],
        }

    def klines(self, call: Call) -> Any:
        """``GET /v5/market/kline``."""
        state = self.symbol(call)
        return self._candles(call, state, state.tape)

    def mark_klines(self, call: Call) -> Any:
        """``GET /v5/market/mark-price-kline``: without volume and turnover."""
        state = self.symbol(call)
        if state.marks is None:
            raise invalid("Not supported symbols")
        result = self._candles(call, state, state.marks)
        return result | {"list": [row[:5] for row in result["list"]]}

    def _candles(self, call: Call, state: SymbolState, tape: Tape) -> dict[str, Any]:
        """Newest first, the one that is still open too."""
        name = call.text("interval")
        if name not in INTERVALS:
            raise invalid("Invalid period!")
        begin, end, limit = call.integer("start", 0), call.integer("end", 0), call.limit(200, 1000)
        until = Nanos((end or self._rows.millis(call.now)) * MILLISECOND)
        bars = tape.bars(INTERVALS[name], call.now, Nanos(begin * MILLISECOND), until, len(tape.minutes) + 1)
        chosen = bars[:limit] if begin and not end else bars[-limit:]
        rows = [self._kline(state, bar) for bar in reversed(chosen)]
        return {"category": self._product.category, "symbol": state.listing.symbol, "list": rows}

    def tickers(self, call: Call) -> Any:
        """``GET /v5/market/tickers``."""
        rows = [self._tickers.rest_row(state, call.now) for state in self._listed(call)]
        return {"category": call.text("category"), "list": rows}

    def funding(self, call: Call) -> Any:
        """``GET /v5/market/funding/history``, newest first: what was paid since the exchange opened."""
        state = self.symbol(call)
        if call.optional("startTime") and not call.optional("endTime"):
            raise invalid("params error: startTime must go together with endTime")
        begin, end = call.span()
        opened = self._exchange.started_at
        first = opened - opened % FUNDING_INTERVAL + FUNDING_INTERVAL
        paid = [self._rows.millis(Nanos(at)) for at in range(first, call.now + 1, FUNDING_INTERVAL)]
        rate = plain(self._exchange.rules.funding_rate)
        wanted = [at for at in reversed(paid) if begin <= at <= end][: call.limit(200, 200)]
        symbol = state.listing.symbol
        rows = [{"symbol": symbol, "fundingRate": rate, "fundingRateTimestamp": str(at)} for at in wanted]
        return {"category": self._product.category, "list": rows}

    # -- helpers --------------------------------------------------------------------------------

    def is_ours(self, call: Call) -> bool:
        """Whether it is about this product. Others exist, and have nothing here."""
        category = call.text("category")
        if category not in CATEGORIES:
            raise invalid("params error: Category is invalid")
        return category == self._product.category

    def symbol(self, call: Call) -> SymbolState:
        """The one that is asked for."""
        state = self._exchange.symbols.get(call.text("symbol"))
        if call.optional("category", self._product.category) != self._product.category or state is None:
            raise invalid("Not supported symbols")
        return state

    def _listed(self, call: Call) -> list[SymbolState]:
        if not self.is_ours(call):
            return []
        return [self.symbol(call)] if call.optional("symbol") else list(self._exchange.symbols.values())

    def _kline(self, state: SymbolState, bar: Bar) -> list[str]:
        prices = [fixed(each, state.listing.price_decimals) for each in (bar.open, bar.high, bar.low, bar.close)]
        return [str(bar.opened_at // MILLISECOND), *prices, plain(bar.volume), plain(bar.quote_volume)]

    def _linear_row(self, state: SymbolState) -> dict[str, Any]:
        listing = state.listing
        most = plain(listing.quantity_max or QUANTITY_MAX)
        return {
            "symbol": listing.symbol,
            "contractType": "LinearPerpetual",
            "status": _status(state),
            "baseCoin": listing.base,
            "quoteCoin": listing.quote,
            "launchTime": str(LAUNCHED_MS),
            "deliveryTime": "0",
            "deliveryFeeRate": "",
            "priceScale": str(listing.price_decimals),
            "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
            "priceFilter": {"minPrice": plain(listing.tick), "maxPrice": "1999999.80", "tickSize": plain(listing.tick)},
            "lotSizeFilter": {
                "maxOrderQty": most,
                "minOrderQty": plain(listing.quantity_min or listing.lot),
                "qtyStep": plain(listing.lot),
                "postOnlyMaxOrderQty": most,
                "maxMktOrderQty": most,
                "minNotionalValue": plain(listing.notional_min),
            },
            "unifiedMarginTrade": True,
            "fundingInterval": FUNDING_INTERVAL // MINUTE,
            "settleCoin": listing.settle,
            "copyTrading": "none",
            "upperFundingRate": "0.00375",
            "lowerFundingRate": "-0.00375",
            "isPreListing": False,
            "preListingInfo": None,
            "riskParameters": _band(listing.price_band),
            "displayName": "",
            "symbolType": "",
        }

    def _spot_row(self, state: SymbolState) -> dict[str, Any]:
        listing = state.listing
        most = plain(listing.quantity_max or QUANTITY_MAX)
        return {
            "symbol": listing.symbol,
            "baseCoin": listing.base,
            "quoteCoin": listing.quote,
            "innovation": "0",
            "status": _status(state),
            "marginTrading": "none",
            "stTag": "0",
            "lotSizeFilter": {
                "basePrecision": plain(listing.lot),
                "quotePrecision": "0.00000001",
                "minOrderQty": plain(listing.quantity_min or listing.lot),
                "maxOrderQty": most,
                "minOrderAmt": plain(listing.notional_min),
                "maxOrderAmt": "8000000",
                "maxLimitOrderQty": most,
                "maxMarketOrderQty": most,
                "postOnlyMaxLimitOrderSize": most,
            },
            "priceFilter": {"tickSize": plain(listing.tick)},
            "riskParameters": _band(listing.price_band),
            "symbolType": "",
        }


def _status(state: SymbolState) -> str:
    """An order is taken in "Trading" alone."""
    return "Trading" if state.trading else "PreLaunch"


def _band(band: Decimal) -> dict[str, str]:
    return {"priceLimitRatioX": plain(band), "priceLimitRatioY": plain(band)}
