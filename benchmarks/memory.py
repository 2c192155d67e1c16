"""How much memory market data takes: the buffers of one instrument, all of one instrument, and a platform of 500.

buffers: 10,000 quotes, or trades, as a codec makes them of a capture. Changes of books are not buffered: they go into
the book, of which there is one. one instrument: quotes, trades and depth in a wired platform, both buffers full, and a
book of 1,000 levels a side. Both are what the allocator gave (tracemalloc). 500 instruments: what the operating system
says that the process holds (RSS): before and after subscribing, with the books, with 1,000 quotes and trades of each.
"""

import gc
import gzip
import resource
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import _bench
from msgspec.structs import replace

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.ids import AccountId, ActorName, InstrumentId, LinkId, VenueId
from integrated_trading_system.domain.instrument import InstrumentsListed
from integrated_trading_system.domain.link import FrameReceived, LinkOpened, OpenLink
from integrated_trading_system.domain.market import BookSnapshot, DataType, MarketEvent, Quote, Trade
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.orchestrator.platform import FEED, Recovered, connector_name
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.simulation.inference import infer_instruments
from integrated_trading_system.venues import catalog

CAPACITY = 10_000
LIMIT_MB = 10.0
LEVELS = 1_000
INSTRUMENTS = 500
EACH = 1_000
VENUE = VenueId("binance:usdm")
KINDS = {DataType.QUOTES: (b"@bookTicker", Quote), DataType.TRADES: (b"@trade", Trade)}


def payloads(stream: bytes, limit: int) -> list[bytes]:
    path = _bench.recordings() / "hft_binance_20240808" / "usdm" / "btcusdt_20240808.gz"
    with gzip.open(path) as lines:
        found = [line.partition(b" ")[2] for line in lines if stream in line[:80]][:limit]
    return (found * (limit // len(found) + 1))[:limit]


def events(frames: list[bytes]) -> Iterator[MarketEvent]:
    codec = catalog.build(VENUE, catalog.endpoints_of(VENUE), AccountId("none")).codec
    codec.list(infer_instruments(VENUE, frames[:200]))
    for number, frame in enumerate(frames):
        yield from codec.decode(frame, Nanos(1_700_000_000_000_000_000 + number))  # type: ignore[misc]


def buffer_mb(stream: bytes, data_type: DataType, kind: type, limit: int) -> tuple[int, float]:
    """How many messages a full buffer holds, and its size in MB (10^6 bytes)."""
    frames = payloads(stream, limit)
    buffers = Buffers(CAPACITY)
    ring = buffers.of(InstrumentId("binance:usdm:BTCUSDT"), data_type)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    ring.extend(event for event in events(frames) if isinstance(event, kind))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return len(ring), (after - before) / 1e6


# -- a platform of many instruments --------------------------------------------------------------


class Many:
    """A wired platform in paper mode with many instruments of one venue, told frames as its connector gets them."""

    def __init__(self, count: int) -> None:
        """Nothing is listed or connected yet."""
        (like,) = infer_instruments(VENUE, payloads(b"@bookTicker", 200) + payloads(b"@trade", 200))
        self.symbols = [f"C{number}USDT" for number in range(count)]
        self.instruments = tuple(
            replace(like, symbol=symbol, instrument=InstrumentId(f"{VENUE}:{symbol}")) for symbol in self.symbols
        )
        streams = ["quotes", "trades", "depth"]
        of = {"symbols": self.symbols, "streams": streams, "taker_fee_bps": 5, "maker_fee_bps": 0}
        settings = PlatformSettings.model_validate({"mode": "paper", "venues": {VENUE: of}})
        self.platform = wire(settings, Recovered())
        self.links: list[LinkId] = []
        self.at = Nanos(1_723_000_000_000_000_000)
        self.platform.system.start(self.at)

    def subscribe(self) -> None:
        """List the instruments, and open every link that is asked for."""
        self.tell(connector_name(VENUE), InstrumentsListed(VENUE, self.instruments))

    def books(self, levels: int) -> None:
        """Each a book of so many levels a side."""
        for instrument in self.instruments:
            bids = [(60_000.0 - 0.1 * n, 1.0 + n / 7) for n in range(levels)]
            asks = [(60_000.1 + 0.1 * n, 1.0 + n / 7) for n in range(levels)]
            snapshot = BookSnapshot(instrument.instrument, bids, asks, 1, 1, 1, self.at, self.at, in_stream=True)
            self.tell(FEED, snapshot)

    def hear(self, count: int) -> None:
        """So many quotes and trades of each."""
        for number in range(count):
            self.at = Nanos(self.at + 1_000_000)
            millis = self.at // 1_000_000
            for symbol in self.symbols:
                stream = symbol.lower()
                price = 60_000 + number % 50 / 10
                quote = f'"e":"bookTicker","u":{number + 2},"s":"{symbol}","b":"{price:.1f}","B":"1.{number}",'
                quote += f'"a":"{price + 0.1:.1f}","A":"2.{number}","T":{millis},"E":{millis}'
                trade = f'"e":"trade","E":{millis},"T":{millis},"s":"{symbol}","t":{number},"p":"{price:.1f}",'
                trade += f'"q":"0.{number + 1}","X":"MARKET","m":true'
                for name, data in (("bookTicker", quote), ("trade", trade)):
                    frame = f'{{"stream":"{stream}@{name}","data":{{{data}}}}}'.encode()
                    self.tell(connector_name(VENUE), FrameReceived(self.links[0], frame, self.at))

    def held(self) -> int:
        """Messages in all buffers."""
        return sum(self.platform.buffers.sizes().values())

    def tell(self, name: ActorName, message: object) -> None:
        system = self.platform.system
        system.step(name, message, self.at)
        for effect in system.take_effects():
            if isinstance(effect, OpenLink):
                self.links.append(effect.link)
                self.tell(connector_name(VENUE), LinkOpened(effect.link, self.at, acknowledged=True))


def instrument_mb(messages: int) -> tuple[float, int]:
    """MB (10^6 bytes) of one instrument more, beside one that is there already; and messages in its buffers."""
    sizes = []
    for count in (1, 2):
        gc.collect()
        tracemalloc.start()
        many = Many(count)
        many.subscribe()
        many.books(LEVELS)
        many.hear(messages)
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        sizes.append((size, many.held()))
    (one, held), (two, both) = sizes
    return (two - one) / 1e6, both - held


def platform_mb(count: int, messages: int) -> dict[str, float]:
    """RSS in MB after each step, in this process, which should not have done much before."""
    gc.collect()
    steps = {"before": rss_mb()}
    many = Many(count)
    many.subscribe()
    steps["subscribed"] = rss_mb()
    many.books(LEVELS)
    steps["books"] = rss_mb()
    many.hear(messages)
    steps["messages"] = rss_mb()
    assert many.held() >= 2 * count * messages
    return steps


def rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def main() -> None:
    options = _bench.arguments(__doc__)
    # First, while the process is small: what is freed is not given back at once.
    instruments, each = (20, 10) if options.quick else (INSTRUMENTS, EACH)
    steps = platform_mb(instruments, each)
    limit = 100 if options.quick else CAPACITY
    rows, result = [], {}
    for data_type, (stream, kind) in KINDS.items():
        held, size = buffer_mb(stream, data_type, kind, limit)
        result[data_type.value] = {"messages": held, "mb": size}
        rows.append((data_type.value, f"{held:,}", size, size * 1e6 / held, size / LIMIT_MB))
    _bench.show(
        f"one buffer of {CAPACITY:,}; the limit is {LIMIT_MB:.0f} MB",
        ("", "messages", "MB", "bytes each", "of the limit"),
        rows,
    )
    size, held = instrument_mb(limit)
    _bench.show(
        f"one instrument more: quotes, trades, and a book of {LEVELS:,} levels a side (tracemalloc)",
        ("messages", "MB"),
        [(f"{held:,}", size)],
    )
    before = steps["before"]
    _bench.show(
        f"{instruments} instruments with quotes, trades and depth (RSS)",
        ("", "MB", "more than before", "MB each"),
        [(name, mb, mb - before, (mb - before) / instruments) for name, mb in steps.items()],
    )
    platform = {"instruments": instruments, "quotes_and_trades_each": each, "rss_mb": steps}
    found = {"buffers": result, "limit_mb": LIMIT_MB, "instrument_mb": size, "platform": platform}
    _bench.finish(options, found)


if __name__ == "__main__":
    main()
