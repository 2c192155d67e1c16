"""Calls of a user's function per second: through `drivers/callbacks.py` alone, and through the facade's feeder.

One callback that counts, on one asyncio loop, told bursts of 64 quotes as the core would; between bursts the loop runs.
CPU time from the first `tell` to the last call. The facade adds making of a Quote what users get. `conflated`: with no
lag allowed, so that most of a burst is replaced before it is called with; per second are the messages told.
`raising`: every second call raises; failures are logged, here to nowhere.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any, Final

import _bench
from loguru import logger

from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.callbacks import Callback
from integrated_trading_system.facade.data import DataType
from integrated_trading_system.facade.feeder import MarketDataFeeder

BURST: Final = 64
COUNT: Final = 64_000
QUICK: Final = 640
BTC: Final = InstrumentId("binance:spot:BTCUSDT")


class Called:
    """The user's side."""

    def __init__(self) -> None:
        self.count = 0

    def sync(self, _message: Any) -> None:
        self.count += 1

    async def coroutine(self, _message: Any) -> None:
        self.count += 1

    def raising(self, _message: Any) -> None:
        self.count += 1
        if self.count % 2:
            raise ValueError


def quotes() -> list[Quote]:
    return [Quote(BTC, 100.0 + n, 1.0, 200.0, 2.0, n, Nanos(n), Nanos(n)) for n in range(BURST)]


async def told(tell: Callable[[Any], None], waiting: Callable[[], int], count: int) -> float:
    """CPU seconds until nothing waits any more."""
    messages = quotes()
    began = time.process_time()
    for _ in range(count // BURST):
        for message in messages:
            tell(message)
        while waiting():
            await asyncio.sleep(0)
    return time.process_time() - began


async def alone(which: str, count: int) -> float:
    """Messages per second of `drivers/callbacks.py`."""
    logger.remove()
    called = Called()
    function = {"async": called.coroutine, "raising": called.raising}.get(which, called.sync)
    conflate = (lambda quote: quote.instrument) if which == "conflated" else None
    callback = Callback(function, conflate=conflate, lag_s=-1.0 if conflate else 0.1)
    callback.start()
    spent = await told(callback.tell, lambda: callback.statistics().waiting, count)
    statistics = callback.statistics()
    callback.stop()
    assert statistics.delivered == called.count
    assert statistics.delivered + statistics.conflated == count
    return count / spent


async def facade(which: str, count: int) -> float:
    """Calls per second through the feeder of the facade, whose own simulated venue is hardly heard beside it."""
    called = Called()
    feeder = MarketDataFeeder({"market_data_feeder": {"binance": {"enabled": False, "symbols": ["BTCUSDT"]}}})
    feeder.add_callback(DataType.TICKER, called.coroutine if which == "async" else called.sync)
    await feeder.initialize()
    try:
        bus = feeder._running().platform.system.bus
        before = called.count
        spent = await told(bus.publish, lambda: feeder.get_callback_stats()[0].waiting, count)
        return (called.count - before) / spent
    finally:
        await feeder.stop()


def main() -> None:
    options = _bench.arguments(__doc__)
    count = QUICK if options.quick else COUNT
    contestants = {
        **{which: partial(run, alone, which, count) for which in ("sync", "async", "conflated", "raising")},
        **{f"facade, {which}": partial(run, facade, which, count) for which in ("sync", "async")},
    }
    found = _bench.interleaved(1 if options.quick else 5, contestants)
    rows = [(name, f"{median(each):,.0f}", 1e6 / median(each), _bench.noise(each)) for name, each in found.items()]
    _bench.show(
        f"one callback, {count:,} messages in bursts of {BURST}", ("", "messages/s", "CPU µs each", "noise"), rows
    )
    _bench.finish(options, {"per_second": {name: median(each) for name, each in found.items()}})


def run(measure: Callable[..., Any], which: str, count: int) -> float:
    figure: float = asyncio.run(measure(which, count))
    return figure


if __name__ == "__main__":
    main()
