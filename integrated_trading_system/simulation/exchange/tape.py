"""What a venue remembers of a price: the latest prints, one-minute candles, rolling figures."""

from collections import deque
from decimal import Decimal
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain import intervals
from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import DAY, MINUTE, Nanos
from integrated_trading_system.simulation.exchange.events import TradeHappened

WEEK: Final = Nanos(intervals.LENGTHS["1w"])
MONTH_LENGTH: Final = Nanos(intervals.LENGTHS[intervals.MONTH])
"""Stands for a month, however long it is."""
_CALENDAR: Final = {WEEK: "1w", MONTH_LENGTH: intervals.MONTH}

TRADES_MAX: Final = 1000
MINUTES_MAX: Final = 7 * 24 * 60
"""A week of one-minute candles is kept; longer intervals are put together from them."""


class Bar(Struct, kw_only=True, gc=False):
    """Open, high, low, close, volumes of one interval."""

    opened_at: Nanos
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = ZERO
    quote_volume: Decimal = ZERO
    """In base units where contracts are inverse."""
    taker_volume: Decimal = ZERO
    """Bought by aggressors, base units."""
    taker_quote_volume: Decimal = ZERO
    trades: int = 0
    first_trade: int = -1
    last_trade: int = -1

    def add(self, other: "Bar") -> None:
        """Join a later bar."""
        self.high = max(self.high, other.high)
        self.low = min(self.low, other.low)
        self.close = other.close
        self.volume += other.volume
        self.quote_volume += other.quote_volume
        self.taker_volume += other.taker_volume
        self.taker_quote_volume += other.taker_quote_volume
        self.trades += other.trades
        if other.trades:
            self.first_trade = self.first_trade if self.first_trade >= 0 else other.first_trade
            self.last_trade = other.last_trade


class Tape:
    """Trades and candles of one symbol."""

    def __init__(self, price: Decimal, multiplier: Decimal, *, inverse: bool = False) -> None:
        """Before the first trade, candles are flat at `price`. `inverse`: contracts are worth a fixed sum."""
        self.trades: deque[TradeHappened] = deque(maxlen=TRADES_MAX)
        self.minutes: deque[Bar] = deque(maxlen=MINUTES_MAX)
        self.last_price = price
        self.last_quantity = ZERO
        self.last_change = Nanos(0)
        """When something was last added."""
        self._multiplier = multiplier
        self._inverse = inverse
        self._closed: Bar | None = None
        self._closed_until = Nanos(0)

    def preload(self, bars: list[Bar]) -> None:
        """History from before the exchange opened: one-minute bars, ascending, without holes."""
        self.minutes.extend(bars)
        if bars:
            self.last_price = bars[-1].close

    def add(self, trade: TradeHappened) -> None:
        """A print."""
        self.trades.append(trade)
        self.roll(trade.time)
        bar = self.minutes[-1]
        price, quantity = trade.price, trade.quantity
        value = self.value(price, quantity)
        bar.close = price
        if not bar.trades:
            bar.open = bar.high = bar.low = price
            bar.first_trade = trade.trade_id
        elif price > bar.high:
            bar.high = price
        elif price < bar.low:
            bar.low = price
        bar.volume += quantity
        bar.quote_volume += value
        if trade.side is Side.BUY:
            bar.taker_volume += quantity
            bar.taker_quote_volume += value
        bar.trades += 1
        bar.last_trade = trade.trade_id
        self.last_price = price
        self.last_quantity = quantity
        self.last_change = trade.time

    def value(self, price: Decimal, quantity: Decimal) -> Decimal:
        """What so much is worth: in quote units, an inverse contract's in base units."""
        if self._inverse:
            return round(quantity * self._multiplier / price, 8)
        return price * quantity * self._multiplier

    def sample(self, price: Decimal, now: Nanos) -> None:
        """A price at which nothing was traded (a mark price): it moves the candle and counts for nothing else."""
        self.roll(now)
        bar = self.minutes[-1]
        bar.high, bar.low, bar.close = max(bar.high, price), min(bar.low, price), price
        self.last_price = price
        self.last_change = now

    def roll(self, now: Nanos) -> None:
        """Open the minute of `now`; minutes without trades are flat."""
        minute = now - now % MINUTE
        at = self.minutes[-1].opened_at + MINUTE if self.minutes else minute
        for opened_at in range(max(at, minute - MINUTES_MAX * MINUTE), minute + 1, MINUTE):
            price = self.last_price
            self.minutes.append(Bar(opened_at=Nanos(opened_at), open=price, high=price, low=price, close=price))

    def bars(self, interval: Nanos, now: Nanos, since: Nanos, until: Nanos, limit: int) -> list[Bar]:
        """Bars that open in [since, until], ascending: the first `limit` of them if `since` is above 0, else the last.

        The newest may still be open. Intervals are whole minutes, aligned as `begin_of` says.
        """
        self.roll(now)
        merged: list[Bar] = []
        for minute in self.minutes:
            begin = begin_of(interval, minute.opened_at)
            if begin < since or begin > until:
                continue
            if merged and merged[-1].opened_at == begin:
                merged[-1].add(minute)
            else:
                merged.append(_copy(minute, begin))
        return merged[:limit] if since > 0 else merged[-limit:]

    def current(self, interval: Nanos, now: Nanos) -> Bar:
        """The bar that is open now."""
        self.roll(now)
        begin = begin_of(interval, now)
        bars: list[Bar] = []
        for minute in reversed(self.minutes):
            if minute.opened_at < begin:
                break
            bars.append(minute)
        merged = _copy(bars[-1], begin)
        for bar in reversed(bars[:-1]):
            merged.add(bar)
        return merged

    def day(self, now: Nanos) -> Bar:
        """The rolling 24 hours up to now, to the minute, as one bar."""
        self.roll(now)
        newest = self.minutes[-1]
        if self._closed is None or self._closed_until != newest.opened_at:
            self._closed = self._closed_minutes(newest)
            self._closed_until = newest.opened_at
        day = _copy(self._closed, self._closed.opened_at)
        day.add(newest)
        return day

    def _closed_minutes(self, newest: Bar) -> Bar:
        """Everything of the 24 hours but the newest minute; flat and empty when there is nothing else."""
        flat = newest.open
        merged = Bar(opened_at=newest.opened_at, open=flat, high=flat, low=flat, close=flat)
        window = [bar for bar in self.minutes if newest.opened_at - DAY < bar.opened_at < newest.opened_at]
        if window:
            merged = _copy(window[0], window[0].opened_at)
        for bar in window[1:]:
            merged.add(bar)
        return merged


def begin_of(interval: Nanos, at: Nanos) -> Nanos:
    """When the bar that holds this instant opens: weeks on Mondays, months on the first, all others from the epoch."""
    name = _CALENDAR.get(interval)
    return Nanos(at - at % interval) if name is None else intervals.opened_at(name, at)


def end_of(interval: Nanos, begin: Nanos) -> Nanos:
    """When the bar after the one that opened then opens."""
    name = _CALENDAR.get(interval)
    return Nanos(begin + interval) if name is None else intervals.next_opened_at(name, begin)


def _copy(bar: Bar, opened_at: Nanos) -> Bar:
    merged = Bar(opened_at=opened_at, open=bar.open, high=bar.high, low=bar.low, close=bar.close)
    merged.volume = bar.volume
    merged.quote_volume = bar.quote_volume
    merged.taker_volume = bar.taker_volume
    merged.taker_quote_volume = bar.taker_quote_volume
    merged.trades = bar.trades
    merged.first_trade = bar.first_trade
    merged.last_trade = bar.last_trade
    return merged
