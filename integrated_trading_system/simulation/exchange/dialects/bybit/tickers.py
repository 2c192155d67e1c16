"""Bybit tickers: 24-hour figures, best prices, mark and funding, for the stream and for REST."""

from decimal import Decimal
from typing import Any

from integrated_trading_system.domain.money import ONE, ZERO, plain
from integrated_trading_system.domain.time import HOUR, Nanos
from integrated_trading_system.simulation.exchange.dialects.bybit.http import fixed
from integrated_trading_system.simulation.exchange.dialects.bybit.rows import OrderRows
from integrated_trading_system.simulation.exchange.events import TradeHappened
from integrated_trading_system.simulation.exchange.exchange import FUNDING_INTERVAL
from integrated_trading_system.simulation.exchange.floor import SymbolState


class Tickers:
    """Rows of both products."""

    def __init__(self, rows: OrderRows) -> None:
        self._rows = rows
        self._exchange = rows.exchange
        self._directions: dict[str, tuple[Decimal, str]] = {}
        """Last price and which way it came, by symbol."""

    def on_trade(self, trade: TradeHappened) -> str:
        """Which way the price went: `tickDirection` of this print."""
        before, direction = self._directions.get(trade.symbol, (trade.price, "ZeroPlusTick"))
        if trade.price != before:
            direction = "PlusTick" if trade.price > before else "MinusTick"
        elif not direction.startswith("Zero"):
            direction = f"Zero{direction}"
        self._directions[trade.symbol] = (trade.price, direction)
        return direction

    def stream_row(self, state: SymbolState, now: Nanos) -> dict[str, str]:
        """All fields of the topic."""
        if not self._rows.product.spot:
            return self._linear(state, now)
        return self._day(state, now) | {"usdIndexPrice": fixed(state.index_price, state.listing.price_decimals)}

    def rest_row(self, state: SymbolState, now: Nanos) -> dict[str, Any]:
        """In spot, only REST tells best prices."""
        row = self.stream_row(state, now)
        return row | self._top(state) if self._rows.product.spot else row

    def _day(self, state: SymbolState, now: Nanos) -> dict[str, str]:
        day, decimals = state.tape.day(now), state.listing.price_decimals
        return {
            "symbol": state.listing.symbol,
            "lastPrice": fixed(day.close, decimals),
            "highPrice24h": fixed(day.high, decimals),
            "lowPrice24h": fixed(day.low, decimals),
            "prevPrice24h": fixed(day.open, decimals),
            "volume24h": plain(day.volume),
            "turnover24h": plain(day.quote_volume),
            "price24hPcnt": fixed((day.close - day.open) / day.open, 6),
        }

    def _top(self, state: SymbolState) -> dict[str, str]:
        top, listing = state.book.top, state.listing
        price, quantity = listing.price_decimals, listing.quantity_decimals
        return {
            "bid1Price": fixed(top.bid, price),
            "bid1Size": fixed(top.bid_quantity, quantity),
            "ask1Price": fixed(top.ask, price),
            "ask1Size": fixed(top.ask_quantity, quantity),
        }

    def _linear(self, state: SymbolState, now: Nanos) -> dict[str, str]:
        listing = state.listing
        symbol, price, quantity = listing.symbol, listing.price_decimals, listing.quantity_decimals
        held = [account.positions.get(symbol) for account in self._exchange.bank.accounts.values()]
        longs = sum((position.quantity for position in held if position and position.quantity > 0), ZERO)
        mark = state.mark_price
        _, direction = self._directions.get(symbol, (ONE, "ZeroPlusTick"))
        hour_ago = state.tape.minutes[-min(60, len(state.tape.minutes))].open if state.tape.minutes else mark
        return {
            **self._day(state, now),
            "tickDirection": direction,
            "prevPrice1h": fixed(hour_ago, price),
            "markPrice": fixed(mark, price),
            "indexPrice": fixed(state.index_price, price),
            "openInterest": fixed(longs, quantity),
            "openInterestValue": plain(round(longs * mark, 4)),
            "nextFundingTime": str(self._rows.millis(self._exchange.next_funding or Nanos(0))),
            "fundingRate": plain(self._exchange.rules.funding_rate),
            "fundingIntervalHour": str(FUNDING_INTERVAL // HOUR),
            "fundingCap": "0.00375",
            **self._top(state),
        }
