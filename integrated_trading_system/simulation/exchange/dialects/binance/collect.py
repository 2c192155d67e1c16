"""What market streams collect before they speak: changed levels, prints of one order, candle lengths."""

from collections import deque
from decimal import Decimal
from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.money import ZERO
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import DAY, HOUR, MINUTE, Nanos
from integrated_trading_system.simulation.exchange.events import BookChanged, TradeHappened
from integrated_trading_system.simulation.exchange.floor import SymbolState
from integrated_trading_system.simulation.exchange.tape import MONTH_LENGTH, WEEK

INTERVALS: Final = {
    "1m": MINUTE,
    "3m": Nanos(3 * MINUTE),
    "5m": Nanos(5 * MINUTE),
    "15m": Nanos(15 * MINUTE),
    "30m": Nanos(30 * MINUTE),
    "1h": HOUR,
    "2h": Nanos(2 * HOUR),
    "4h": Nanos(4 * HOUR),
    "6h": Nanos(6 * HOUR),
    "8h": Nanos(8 * HOUR),
    "12h": Nanos(12 * HOUR),
    "1d": DAY,
    "3d": Nanos(3 * DAY),
    "1w": WEEK,
    "1M": MONTH_LENGTH,
}
"""``1s`` is not offered: candles are put together from whole minutes."""


class Aggregate(Struct, frozen=True, kw_only=True):
    """Prints of one order at one price, told as one."""

    aggregate_id: int
    price: Decimal
    quantity: Decimal
    first_trade: int
    last_trade: int
    time: Nanos
    buyer_is_maker: bool


class Aggregates:
    """The latest aggregates of one symbol."""

    def __init__(self) -> None:
        self.latest: deque[Aggregate] = deque(maxlen=1000)
        self._last_id = 0

    def add(self, trades: list[TradeHappened]) -> Aggregate:
        """Make one of these prints."""
        self._last_id += 1
        aggregate = Aggregate(
            aggregate_id=self._last_id,
            price=trades[0].price,
            quantity=sum((trade.quantity for trade in trades), ZERO),
            first_trade=trades[0].trade_id,
            last_trade=trades[-1].trade_id,
            time=trades[0].time,
            buyer_is_maker=trades[0].side is Side.SELL,
        )
        self.latest.append(aggregate)
        return aggregate


class DepthDiff:
    """Levels changed since a depth stream last spoke."""

    __slots__ = ("asks", "bids", "first", "last", "previous", "state")

    def __init__(self, state: SymbolState) -> None:
        self.state = state
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.first = 0
        self.last = self.previous = state.book.last_update
        """`previous`: where the last message of this stream ended."""

    def add(self, change: BookChanged) -> None:
        """Join a change."""
        if self.last == self.previous:
            self.first = change.first_update
        self.last = change.last_update
        self.bids.update(change.bids)
        self.asks.update(change.asks)

    def clear(self) -> None:
        """It has been sent."""
        self.previous = self.last
        self.bids.clear()
        self.asks.clear()
