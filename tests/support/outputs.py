"""Facts to publish, a book that a test writes, and a log that is kept."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from typing import Any

from loguru import logger

from integrated_trading_system.domain.execution import Fill, Liquidity
from integrated_trading_system.domain.health import Heartbeat
from integrated_trading_system.domain.ids import (
    AccountId,
    Asset,
    ClientOrderId,
    InstrumentId,
    TradeId,
    VenueId,
    VenueOrderId,
)
from integrated_trading_system.domain.market import Level, Quote, Trade
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.drivers.publish.publisher import Publisher
from tests.support.served import until

USDM = "binance:usdm"
TIMEOUT = 1.0
"""A server's, for tests in which it does not answer."""


def quote(number: int = 1, symbol: str = "BTCUSDT", venue: str = USDM, **changes: Any) -> Quote:
    fields: dict[str, Any] = {
        "instrument": InstrumentId(f"{venue}:{symbol}"),
        "bid": 100.0 + number,
        "bid_size": 1.0,
        "ask": 101.0 + number,
        "ask_size": 2.0,
        "sequence": number,
        "venue_time": Nanos(number * MILLISECOND),
        "received_at": Nanos(number * MILLISECOND + 5),
    }
    return Quote(**(fields | changes))


def trade(number: int = 1, symbol: str = "BTCUSDT", venue: str = USDM) -> Trade:
    at = Nanos(number * MILLISECOND)
    return Trade(InstrumentId(f"{venue}:{symbol}"), f"t{number}", 100.0 + number, 0.5, Side.BUY, at, at)


def heartbeat(number: int = 1, venue: str = USDM) -> Heartbeat:
    return Heartbeat(VenueId(venue), synthetic=True, at=Nanos(number))


def fill(number: int = 1) -> Fill:
    return Fill(
        client_order_id=ClientOrderId(f"c{number}"),
        venue_order_id=VenueOrderId(f"v{number}"),
        trade_id=TradeId(str(number)),
        instrument=InstrumentId(f"{USDM}:BTCUSDT"),
        account=AccountId("main"),
        side=Side.BUY,
        price=Decimal("100.50"),
        quantity=Decimal("0.10000001"),
        fee=Money(Decimal("0.1"), Asset("USDT")),
        liquidity=Liquidity.TAKER,
        venue_time=Nanos(1),
        received_at=Nanos(2),
    )


class OneBook:
    """Holds what it was last told of each instrument."""

    def __init__(self) -> None:
        self.tops: dict[InstrumentId, Quote] = {}

    def tell(self, quote: Quote, /) -> None:
        self.tops[quote.instrument] = quote

    def top(self, instrument: InstrumentId) -> Quote | None:
        return self.tops.get(instrument)

    def depth(self, instrument: InstrumentId, side: Side, limit: int) -> tuple[Level, ...]:
        top = self.tops.get(instrument)
        if top is None:
            return ()
        sign, best = (1, top.ask) if side is Side.BUY else (-1, top.bid)
        return tuple((best + sign * step, 1.0 + step) for step in range(limit))


@asynccontextmanager
async def running(publisher: Publisher[Any]) -> AsyncIterator[Publisher[Any]]:
    """Started, and stopped at the end."""
    publisher.start()
    try:
        yield publisher
    finally:
        await publisher.stop(5.0)


async def emptied(publisher: Publisher[Any]) -> None:
    """Until nothing waits any more."""
    await until(lambda: len(publisher.box) == 0, f"{publisher.box.name} to get rid of everything")


async def failing(publisher: Publisher[Any], times: int = 1) -> None:
    """Until so many connections or writes have failed."""
    await until(lambda: publisher.failures >= times, f"{publisher.box.name} to fail")


@contextmanager
def logged(level: str = "WARNING") -> Iterator[list[str]]:
    """The lines of the log from this level up."""
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level=level, format="{level} {message}")
    try:
        yield lines
    finally:
        logger.remove(sink)
