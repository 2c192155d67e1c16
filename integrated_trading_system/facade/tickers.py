"""Tickers: best prices put together with the last trade and the venue's 24 hours, now and in the past."""

from bisect import bisect_right
from collections.abc import Sequence

from integrated_trading_system.domain.ids import InstrumentId, symbol_of, venue_of
from integrated_trading_system.domain.market import DataType, PolledQuote, Quote, Statistics, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.facade.data import OrderBook, Ticker
from integrated_trading_system.facade.names import exchange_name
from integrated_trading_system.orchestrator.platform import Platform


class Tickers:
    """A ref: remembers the newest trade and statistics of every instrument."""

    def __init__(self, platform: Platform) -> None:
        """Begins to listen. What was heard before is taken from the buffers."""
        self._platform = platform
        self._prices: dict[InstrumentId, float] = {}
        self._volumes: dict[InstrumentId, float] = {}
        for instrument, kind in platform.buffers.sizes():
            if kind in (DataType.TRADES, DataType.STATISTICS):
                for message in platform.buffers.latest(instrument, kind):
                    self.tell(message)
        platform.system.bus.subscribe(Trade, self)
        platform.system.bus.subscribe(Statistics, self)

    def tell(self, message: Trade | Statistics, /) -> None:
        """A newer one."""
        if type(message) is Trade:
            self._prices[message.instrument] = message.price
        elif type(message) is Statistics:
            self._volumes[message.instrument] = message.volume

    def close(self) -> None:
        """Listen no more."""
        self._platform.system.bus.unsubscribe(Trade, self)
        self._platform.system.bus.unsubscribe(Statistics, self)

    def of(self, message: Quote | PolledQuote) -> Ticker:
        """This quote, with the newest of the rest."""
        quote = message.quote if isinstance(message, PolledQuote) else message
        instrument = quote.instrument
        return _ticker(quote, self._prices.get(instrument), self._volumes.get(instrument))

    def latest(self, instrument: InstrumentId, limit: int) -> list[Ticker]:
        """The newest quotes, oldest first, each with what was the last trade and the 24 hours at its time."""
        buffers = self._platform.buffers
        quotes: Sequence[Quote] = buffers.latest(instrument, DataType.QUOTES, limit)
        if not quotes:
            return []
        capacity = self._platform.settings.feed.buffer_size
        trades: Sequence[Trade] = buffers.latest(instrument, DataType.TRADES, capacity)
        statistics: Sequence[Statistics] = buffers.latest(instrument, DataType.STATISTICS, capacity)
        tickers = []
        for quote in quotes:
            before = bisect_right(trades, quote.received_at, key=lambda trade: trade.received_at)
            price = trades[before - 1].price if before else None
            before = bisect_right(statistics, quote.received_at, key=lambda one: one.received_at)
            tickers.append(_ticker(quote, price, statistics[before - 1].volume if before else None))
        return tickers

    def book(self, instrument: InstrumentId, levels: int) -> OrderBook | None:
        """The book as it is; None while it is not to be believed."""
        books = self._platform.books
        top = books.top(instrument)
        if top is None:
            return None
        return OrderBook(
            exchange=exchange_name(venue_of(instrument)),
            symbol=symbol_of(instrument),
            bids=books.depth(instrument, Side.SELL, levels),
            asks=books.depth(instrument, Side.BUY, levels),
            timestamp=top.received_at / SECOND,
        )


def _ticker(quote: Quote, price: float | None, volume: float | None) -> Ticker:
    return Ticker(
        exchange=exchange_name(venue_of(quote.instrument)),
        symbol=symbol_of(quote.instrument),
        price=(quote.bid + quote.ask) / 2 if price is None else price,
        bid=quote.bid,
        ask=quote.ask,
        volume_24h=volume or 0.0,
        timestamp=quote.received_at / SECOND,
        polled=quote.polled,
    )
