"""What OKX tells everybody: books, trades, tickers, candles, mark prices, funding rates."""

from collections.abc import Callable
from typing import Any, Final

from integrated_trading_system.domain.ids import LinkId
from integrated_trading_system.domain.time import MILLISECOND, MINUTE, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.okx.books import BestChannel, BookChannel, Numbers
from integrated_trading_system.simulation.exchange.dialects.okx.channels import (
    CallAt,
    Channel,
    Key,
    PublicLinks,
    Replies,
)
from integrated_trading_system.simulation.exchange.dialects.okx.queries import BARS, Queries
from integrated_trading_system.simulation.exchange.dialects.okx.rows import OrderRows
from integrated_trading_system.simulation.exchange.events import BookChanged, TradeHappened
from integrated_trading_system.simulation.exchange.floor import SymbolState

CANDLE: Final = "candle"


class TradesChannel(Channel):
    """``trades``, in real time."""

    def greeting(self, now: Nanos) -> Any:
        return None


class RowChannel(Channel):
    """One row that is told when it has changed, on a beat; and again after a while though it has not."""

    def __init__(
        self, key: Key, feed: "Feed", row: Callable[[Nanos], dict[str, Any]], beat: Nanos, again: Nanos, now: Nanos
    ) -> None:
        super().__init__(key, feed.links.publish)
        self._call_at = feed.call_at
        self._row = row
        self._beat = beat
        self._again = again
        self._told = self._unstamped(now)
        self._told_at = now
        self._later(now)

    def greeting(self, now: Nanos) -> Any:
        return self.message(self._row(now))

    def _tick(self, now: Nanos) -> None:
        if not self.alive:
            return
        row = self._unstamped(now)
        if row != self._told or now - self._told_at >= self._again:
            self._told, self._told_at = row, now
            self.publish(self._row(now))
        self._later(now)

    def _unstamped(self, now: Nanos) -> dict[str, Any]:
        return self._row(now) | {"ts": ""}

    def _later(self, now: Nanos) -> None:
        self._call_at(Nanos(now - now % self._beat + self._beat), self._tick)


class CandleChannel(Channel):
    """``candle<bar>``: after trades, and once more when the candle is over."""

    def __init__(self, key: Key, feed: "Feed", state: SymbolState, interval: Nanos, now: Nanos) -> None:
        super().__init__(key, feed.links.publish)
        self._feed = feed
        self._state = state
        self._interval = interval
        self._opened_at = state.tape.current(interval, now).opened_at
        self._told = Nanos(-1)
        self._later(now)

    def greeting(self, now: Nanos) -> Any:
        return self.message(self._row(now))

    def _tick(self, now: Nanos) -> None:
        if not self.alive:
            return
        tape = self._state.tape
        bar = tape.current(self._interval, now)
        if bar.opened_at != self._opened_at:
            over = tape.bars(self._interval, now, self._opened_at, self._opened_at, 1)[0]
            self._opened_at = bar.opened_at
            self.publish(self._feed.rows.candle(self._state, over, confirm=True))
        if tape.last_change != self._told:
            self._told = tape.last_change
            self.publish(self._row(now))
        self._later(now)

    def _row(self, now: Nanos) -> list[str]:
        return self._feed.rows.candle(self._state, self._state.tape.current(self._interval, now), confirm=False)

    def _later(self, now: Nanos) -> None:
        self._feed.call_at(Nanos(now - now % SECOND + SECOND), self._tick)


class Feed:
    """All public channels of one product."""

    def __init__(
        self,
        rows: OrderRows,
        queries: Queries,
        numbers: dict[str, Numbers],
        replies: Replies,
        call_at: CallAt,
        send: Callable[[LinkId, bytes], None],
    ) -> None:
        self.rows = rows
        self.call_at = call_at
        self.links = PublicLinks(replies, send, self._build, lambda name: name.startswith(CANDLE))
        self.book_snapshots = True
        """False: ``books`` begins without a snapshot, as the venue has announced for the future."""
        self._queries = queries
        self._numbers = numbers
        self._prints: dict[str, list[TradeHappened]] = {}

    def on_trade(self, trade: TradeHappened) -> None:
        """Keep a print until all of its instant have happened."""
        self._prints.setdefault(trade.symbol, []).append(trade)

    def on_book(self, change: BookChanged) -> None:
        """Tell the prints that changed it; let its channels look."""
        prints = self._prints.pop(change.symbol, ())
        channel = self.links.channel(("trades", change.symbol))
        if prints and channel is not None:
            channel.publish(*(self._queries.trade(trade) for trade in prints))
        for name in ("books", "bbo-tbt"):
            looking = self.links.channel((name, change.symbol))
            if isinstance(looking, BookChannel | BestChannel):
                looking.changed(change.time)

    def restart_books(self, symbol: str, now: Nanos) -> None:
        """A fault: maintenance, after which the numbers of the symbol's books begin anew."""
        self._numbers[symbol].reset(self.rows.exchange.depth(symbol, 1))
        channel = self.links.channel(("books", symbol))
        if isinstance(channel, BookChannel):
            channel.restart(now)

    def _build(self, key: Key, now: Nanos) -> Channel | None:
        """The channel of this name and symbol, if there is one."""
        name, symbol = key
        state = self.rows.exchange.symbols.get(symbol)
        if state is None:
            return None
        match name:
            case "trades":
                return TradesChannel(key, self.links.publish)
            case "books":
                book = BookChannel(key, self.links.publish, state, self.rows, self._numbers[symbol], self.call_at)
                book.snapshots = self.book_snapshots
                return book
            case "bbo-tbt":
                return BestChannel(key, self.links.publish, state, self.rows, self._numbers[symbol], self.call_at)
            case "tickers":
                return self._told_row(key, self._queries.ticker, state, 100 * MILLISECOND, MINUTE, now)
            case "mark-price" if not self.rows.product.spot:
                return self._told_row(key, self._queries.mark, state, 200 * MILLISECOND, 10 * SECOND, now)
            case "funding-rate" if not self.rows.product.spot:
                return self._told_row(key, self._queries.rate, state, SECOND, MINUTE, now)
            case _ if name.startswith(CANDLE) and name.removeprefix(CANDLE) in BARS:
                return CandleChannel(key, self, state, BARS[name.removeprefix(CANDLE)], now)
            case _:
                return None

    def _told_row(
        self,
        key: Key,
        write: Callable[[SymbolState, Nanos], dict[str, Any]],
        state: SymbolState,
        beat: int,
        again: int,
        now: Nanos,
    ) -> Channel:
        return RowChannel(key, self, lambda at: write(state, at), Nanos(beat), Nanos(again), now)
