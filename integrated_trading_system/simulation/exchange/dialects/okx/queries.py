"""Public REST of OKX: clock, instruments, books, prints, candles, tickers, mark prices, funding. And their rows."""

from decimal import Decimal
from typing import Any, Final

from integrated_trading_system.domain.money import plain
from integrated_trading_system.domain.time import DAY, HOUR, MILLISECOND, MINUTE, Nanos
from integrated_trading_system.simulation.exchange.dialects.okx.books import Numbers, level_rows
from integrated_trading_system.simulation.exchange.dialects.okx.http import Call, Failure, fixed, invalid
from integrated_trading_system.simulation.exchange.dialects.okx.rows import OrderRows
from integrated_trading_system.simulation.exchange.events import TradeHappened
from integrated_trading_system.simulation.exchange.exchange import FUNDING_INTERVAL
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.tape import Bar

BARS: Final = {
    **{f"{minutes}m": Nanos(minutes * MINUTE) for minutes in (1, 3, 5, 15, 30)},
    **{f"{hours}H": Nanos(hours * HOUR) for hours in (1, 2, 4)},
    **{f"{hours}Hutc": Nanos(hours * HOUR) for hours in (6, 12)},
    "1Dutc": DAY,
}
"""Weeks and months are not offered, nor days of Hong Kong: candles are whole minutes, aligned to the epoch."""

FOREVER_MS: Final = 10**15


class Queries:
    """Handlers of public requests, and the rows that the channels tell too."""

    def __init__(self, rows: OrderRows, numbers: dict[str, Numbers]) -> None:
        self._rows = rows
        self._exchange = rows.exchange
        self._numbers = numbers

    # -- requests -------------------------------------------------------------------------------

    def time(self, call: Call) -> Any:
        """``GET /api/v5/public/time``."""
        return [{"ts": self._rows.time(call.now)}]

    def instruments(self, call: Call) -> Any:
        """``GET /api/v5/public/instruments``: all at once. Other products exist, and have nothing here."""
        product, wanted = call.text("instType"), call.optional("instId")
        if product not in ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION"):
            raise invalid("instType")
        if product != self._rows.product.name:
            return []
        if wanted:
            return [self._rows.instrument(self.symbol(call))]
        return [self._rows.instrument(state) for state in self._exchange.symbols.values()]

    def book(self, call: Call) -> Any:
        """``GET /api/v5/market/books``."""
        state = self.symbol(call)
        view = self._exchange.depth(state.listing.symbol, min(max(call.integer("sz", 1), 1), 400))
        return [
            {
                "asks": level_rows(state, view.asks),
                "bids": level_rows(state, view.bids),
                "ts": self._rows.time(call.now),
                "seqId": self._numbers[state.listing.symbol].of(view),
            }
        ]

    def trades(self, call: Call) -> Any:
        """``GET /api/v5/market/trades``, newest first."""
        state = self.symbol(call)
        return [self.trade(trade) for trade in list(state.tape.trades)[: -call.limit(500) - 1 : -1]]

    def candles(self, call: Call) -> Any:
        """``GET /api/v5/market/candles`` and ``history-candles``, newest first, the one that is still open too."""
        state, bars, interval = self._bars(call, 300)
        return [self._rows.candle(state, bar, confirm=bar.opened_at + interval <= call.now) for bar in bars]

    def mark_candles(self, call: Call) -> Any:
        """``GET /api/v5/market/mark-price-candles`` and its history.

        Nobody keeps the mark's past here: it is told as if it had always been the price of the last trade.
        """
        state, bars, interval = self._bars(call, 100)
        rows = [self._rows.candle(state, bar, confirm=bar.opened_at + interval <= call.now) for bar in bars]
        return [[*row[:5], row[-1]] for row in rows]

    def tickers(self, call: Call) -> Any:
        """``GET /api/v5/market/tickers``."""
        if call.text("instType") != self._rows.product.name:
            return []
        return [self.ticker(state, call.now) for state in self._exchange.symbols.values()]

    def one_ticker(self, call: Call) -> Any:
        """``GET /api/v5/market/ticker``."""
        return [self.ticker(self.symbol(call), call.now)]

    def marks(self, call: Call) -> Any:
        """``GET /api/v5/public/mark-price``."""
        if call.text("instType") != self._rows.product.name:
            return []
        states = [self.symbol(call)] if call.optional("instId") else list(self._exchange.symbols.values())
        return [self.mark(state, call.now) for state in states]

    def rates(self, call: Call) -> Any:
        """``GET /api/v5/public/funding-rate``."""
        return [self.rate(self._swap(call), call.now)]

    def paid_rates(self, call: Call) -> Any:
        """``GET /api/v5/public/funding-rate-history``, newest first: what was paid since the exchange opened."""
        symbol = self._swap(call).listing.symbol
        opened, rate = self._exchange.started_at, plain(self._exchange.rules.funding_rate)
        first = opened - opened % FUNDING_INTERVAL + FUNDING_INTERVAL
        paid = [self._rows.millis(Nanos(at)) for at in range(first, call.now + 1, FUNDING_INTERVAL)]
        begin, end = call.integer("before", 0), call.integer("after", FOREVER_MS)
        return [
            {
                "instType": self._rows.product.name,
                "instId": symbol,
                "fundingRate": rate,
                "realizedRate": rate,
                "fundingTime": str(at),
                "formulaType": "noRate",
                "method": "current_period",
            }
            for at in [at for at in reversed(paid) if begin < at < end][: call.limit(400)]
        ]

    # -- rows -----------------------------------------------------------------------------------

    def trade(self, trade: TradeHappened) -> dict[str, Any]:
        """Of the ``trades`` channel."""
        listing = self._rows.state(trade.symbol).listing
        return {
            "instId": trade.symbol,
            "tradeId": str(trade.trade_id),
            "px": fixed(trade.price, listing.price_decimals),
            "sz": fixed(trade.quantity, listing.quantity_decimals),
            "side": trade.side.value,
            "ts": self._rows.time(trade.time),
            "count": "1",
            "seqId": trade.sequence,
        }

    def ticker(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        """Of the ``tickers`` channel."""
        listing, day, top = state.listing, state.tape.day(now), state.book.top
        price, quantity = listing.price_decimals, listing.quantity_decimals
        spot = self._rows.product.spot
        return {
            "instType": self._rows.product.name,
            "instId": listing.symbol,
            "last": fixed(day.close, price),
            "lastSz": fixed(state.tape.last_quantity, quantity),
            "askPx": fixed(top.ask, price) if top.ask else "",
            "askSz": fixed(top.ask_quantity, quantity),
            "bidPx": fixed(top.bid, price) if top.bid else "",
            "bidSz": fixed(top.bid_quantity, quantity),
            "open24h": fixed(day.open, price),
            "high24h": fixed(day.high, price),
            "low24h": fixed(day.low, price),
            "volCcy24h": plain(day.quote_volume if spot else day.volume * listing.multiplier),
            "vol24h": plain(day.volume),
            "ts": self._rows.time(now),
            "sodUtc0": fixed(day.open, price),
            "sodUtc8": fixed(day.open, price),
        }

    def mark(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        """Of the ``mark-price`` channel."""
        return {
            "instType": self._rows.product.name,
            "instId": state.listing.symbol,
            "markPx": fixed(state.mark_price, state.listing.price_decimals),
            "ts": self._rows.time(now),
        }

    def rate(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        """Of the ``funding-rate`` channel."""
        due = self._exchange.next_funding or Nanos(0)
        return {
            "instType": self._rows.product.name,
            "instId": state.listing.symbol,
            "fundingRate": plain(self._exchange.rules.funding_rate),
            "fundingTime": self._rows.time(due),
            "nextFundingRate": "",
            "nextFundingTime": self._rows.time(Nanos(due + FUNDING_INTERVAL)),
            "minFundingRate": plain(Decimal("-0.00375")),
            "maxFundingRate": plain(Decimal("0.00375")),
            "method": "current_period",
            "formulaType": "noRate",
            "settState": "settled",
            "settFundingRate": plain(self._exchange.rules.funding_rate),
            "premium": "",
            "ts": self._rows.time(now),
        }

    # -- helpers --------------------------------------------------------------------------------

    def symbol(self, call: Call) -> SymbolState:
        """The one that is asked for."""
        state = self._exchange.symbols.get(call.text("instId"))
        if state is None:
            raise Failure("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
        return state

    def _swap(self, call: Call) -> SymbolState:
        state = self.symbol(call)
        if self._rows.product.spot:
            raise invalid("instId")
        return state

    def _bars(self, call: Call, most: int) -> tuple[SymbolState, list[Bar], Nanos]:
        """Those that open after `before` and before `after`, newest first; at most so many of the newest."""
        state, interval = self.symbol(call), BARS.get(call.optional("bar", "1m"))
        if interval is None:
            raise invalid("bar")
        begin, end = call.integer("before", 0), call.integer("after", FOREVER_MS)
        since, until = Nanos((begin + 1) * MILLISECOND), Nanos((end - 1) * MILLISECOND)
        bars = state.tape.bars(interval, call.now, since, until, len(state.tape.minutes))
        return state, bars[: -call.limit(most) - 1 : -1], interval
