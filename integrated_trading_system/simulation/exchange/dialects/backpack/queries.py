"""Public REST of Backpack: status, clock, markets, books, prints, candles, tickers."""

from decimal import Decimal
from typing import Any, Final

from integrated_trading_system.domain.money import ONE, plain
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import DAY, MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.backpack.http import (
    Call,
    Failure,
    Plain,
    date_text,
    fixed,
    invalid,
    micros,
    millis,
)
from integrated_trading_system.simulation.exchange.dialects.backpack.rows import OrderRows
from integrated_trading_system.simulation.exchange.dialects.binance.collect import INTERVALS as CANDLES
from integrated_trading_system.simulation.exchange.events import PriceLevel, TradeHappened
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.tape import Bar, end_of

INTERVALS: Final = {"1month" if name == "1M" else name: length for name, length in CANDLES.items()}
DEPTHS: Final = (5, 10, 20, 50, 100, 500, 1000)
TICKER_SPANS: Final = {"1d": DAY, "1w": Nanos(7 * DAY)}


class Queries:
    """Handlers of public requests."""

    def __init__(self, rows: OrderRows) -> None:
        self._rows = rows
        self._exchange = rows.exchange

    def status(self, call: Call) -> Any:
        """``GET /api/v1/status``."""
        return {"status": "Ok", "message": None}

    def ping(self, call: Call) -> Any:
        """``GET /api/v1/ping``."""
        return Plain("pong")

    def time(self, call: Call) -> Any:
        """``GET /api/v1/time``: milliseconds, as plain text."""
        return Plain(str(millis(self._rows.venue_time(call.now))))

    def markets(self, call: Call) -> Any:
        """``GET /api/v1/markets``: all are of one type here."""
        ours = self._rows.market_type
        if ours not in call.optional("marketType", ours):
            return []
        return [self._market(state) for state in self._exchange.symbols.values()]

    def market(self, call: Call) -> Any:
        """``GET /api/v1/market``."""
        return self._market(self.state(call))

    def assets(self, call: Call) -> Any:
        """``GET /api/v1/assets``: nothing can be deposited or withdrawn here."""
        listings = [state.listing for state in self._exchange.symbols.values()]
        names = dict.fromkeys((*(each.base for each in listings), *(each.quote for each in listings)))
        return [{"symbol": name, "displayName": name, "coingeckoId": None, "tokens": []} for name in names]

    def ticker(self, call: Call) -> Any:
        """``GET /api/v1/ticker``."""
        return self._ticker(self.state(call), call)

    def tickers(self, call: Call) -> Any:
        """``GET /api/v1/tickers``."""
        return [self._ticker(state, call) for state in self._exchange.symbols.values()]

    def depth(self, call: Call) -> Any:
        """``GET /api/v1/depth``: both sides by rising price, so the best bid comes last."""
        state, limit = self.state(call), call.integer("limit", 1000)
        if limit not in DEPTHS:
            raise invalid(f"Invalid limit: expected one of {', '.join(str(depth) for depth in DEPTHS)}")
        view = self._exchange.depth(state.listing.symbol, limit)
        return {
            "asks": self.levels(state, view.asks),
            "bids": self.levels(state, view.bids[::-1]),
            "lastUpdateId": str(view.last_update),
            "timestamp": micros(self._rows.venue_time(view.time)),
        }

    def klines(self, call: Call) -> Any:
        """``GET /api/v1/klines``: `startTime` and `endTime` in seconds, the first is mandatory."""
        state, name = self.state(call), call.text("interval")
        if name not in INTERVALS:
            text = 'failed to parse "KlineInterval": Expect a valid enumeration value.'
            raise invalid(f"failed to parse parameter `interval`: {text}")
        if "startTime" not in call.params:
            raise invalid("failed to parse parameter `startTime`: missing")
        begin, end = call.integer("startTime", 0), call.integer("endTime", 0)
        until = Nanos(end * SECOND) if end else call.now
        since = Nanos(max(begin, 1) * SECOND)
        length = INTERVALS[name]
        price = call.optional("priceType", "Last")
        tape = {"Last": state.tape, "Mark": state.marks}.get(price)
        if tape is None:
            raise invalid(f"Invalid price type {price}")
        bars = tape.bars(length, call.now, since, until, 1000)
        return [self._kline(state, bar, length) for bar in bars]

    def terms(self, state: SymbolState) -> dict[str, Any]:
        """Margin and funding of a market; spot has neither."""
        names = ("imfFunction", "mmfFunction", "fundingInterval", "fundingRateUpperBound", "fundingRateLowerBound")
        return {**dict.fromkeys(names), "openInterestLimit": "0"}

    def trades(self, call: Call) -> Any:
        """``GET /api/v1/trades``, newest first."""
        state = self.state(call)
        latest = list(state.tape.trades)[: -call.limit(100) - 1 : -1]
        return [self._trade(state, trade) for trade in latest]

    def trades_history(self, call: Call) -> Any:
        """``GET /api/v1/trades/history``: the same, from an offset on."""
        state = self.state(call)
        newest = list(reversed(state.tape.trades))
        first = call.integer("offset", 0)
        return [self._trade(state, trade) for trade in newest[first : first + call.limit(100)]]

    def nothing(self, call: Call) -> Any:
        """What only perpetuals have."""
        return []

    # -- helpers --------------------------------------------------------------------------------

    def state(self, call: Call) -> SymbolState:
        """The market that is asked for."""
        return self.find(call.text("symbol"))

    def find(self, symbol: str) -> SymbolState:
        """By the venue's spelling."""
        state = self._exchange.symbols.get(symbol)
        if state is None:
            raise Failure("INVALID_MARKET", "Invalid market")
        return state

    def levels(self, state: SymbolState, levels: tuple[PriceLevel, ...] | list[PriceLevel]) -> list[list[str]]:
        """Rows of a book; a level that is gone has the quantity ``0.00``."""
        price, quantity = state.listing.price_decimals, state.listing.quantity_decimals
        return [[fixed(at, price), fixed(size, quantity)] for at, size in levels]

    def _market(self, state: SymbolState) -> dict[str, Any]:
        listing = state.listing
        band = listing.price_band or Decimal("0.25")
        multipliers = {"maxMultiplier": plain(ONE + band), "minMultiplier": plain(ONE - band)}
        return {
            "symbol": listing.symbol,
            "baseSymbol": listing.base,
            "quoteSymbol": listing.quote,
            "marketType": self._rows.market_type,
            "filters": {
                "price": {
                    "minPrice": plain(listing.tick),
                    "maxPrice": None,
                    "tickSize": plain(listing.tick),
                    **multipliers,
                    "maxImpactMultiplier": plain(ONE + band),
                    "minImpactMultiplier": plain(ONE - band),
                    "meanMarkPriceBand": multipliers,
                    "meanPremiumBand": None,
                    "borrowEntryFeeMaxMultiplier": None,
                    "borrowEntryFeeMinMultiplier": None,
                },
                "quantity": {
                    "minQuantity": plain(listing.quantity_min or listing.lot),
                    "maxQuantity": plain(listing.quantity_max) if listing.quantity_max else None,
                    "stepSize": plain(listing.lot),
                },
            },
            **self.terms(state),
            "orderBookState": "Open" if state.trading else "CancelOnly",
            "createdAt": "2025-01-21T06:34:54.691858",
            "visible": True,
            "positionLimitWeight": None,
        }

    def _ticker(self, state: SymbolState, call: Call) -> dict[str, Any]:
        span = TICKER_SPANS.get(call.optional("interval", "1d"))
        if span is None:
            raise invalid("Invalid interval")
        day = state.tape.day(call.now)
        if span > DAY:
            bars = state.tape.bars(DAY, call.now, Nanos(1), call.now, 8)[-7:]
            day = bars[0]
            for bar in bars[1:]:
                day.add(bar)
        decimals = state.listing.price_decimals
        return {
            "symbol": state.listing.symbol,
            "firstPrice": fixed(day.open, decimals),
            "lastPrice": fixed(day.close, decimals),
            "priceChange": fixed(day.close - day.open, decimals),
            "priceChangePercent": fixed((day.close - day.open) / day.open, 6),
            "high": fixed(day.high, decimals),
            "low": fixed(day.low, decimals),
            "volume": plain(day.volume),
            "quoteVolume": plain(day.quote_volume),
            "trades": str(day.trades),
        }

    def _kline(self, state: SymbolState, bar: Bar, length: Nanos) -> dict[str, Any]:
        """Ends where the next begins."""
        decimals = state.listing.price_decimals
        return {
            "start": date_text(bar.opened_at, separator=" ", timespec="seconds"),
            "end": date_text(end_of(length, bar.opened_at), separator=" ", timespec="seconds"),
            "open": fixed(bar.open, decimals),
            "high": fixed(bar.high, decimals),
            "low": fixed(bar.low, decimals),
            "close": fixed(bar.close, decimals),
            "volume": plain(bar.volume),
            "quoteVolume": plain(bar.quote_volume),
            "trades": str(bar.trades),
        }

    def _trade(self, state: SymbolState, trade: TradeHappened) -> dict[str, Any]:
        listing = state.listing
        return {
            "id": trade.trade_id,
            "price": fixed(trade.price, listing.price_decimals),
            "quantity": fixed(trade.quantity, listing.quantity_decimals),
            "quoteQuantity": plain(trade.price * trade.quantity),
            "timestamp": self._rows.venue_time(trade.time) // MILLISECOND,
            "isBuyerMaker": trade.side is Side.SELL,
        }
