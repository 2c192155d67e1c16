"""How much memory the buffers of one instrument take: 10,000 quotes, or trades, as a codec makes them of a capture.

Changes of books are not buffered: they go into the book, of which there is one.
Sizes are what the allocator gave (tracemalloc) from decoding to the full ring, not estimates.
"""

import gzip
import tracemalloc
from collections.abc import Iterator

import _bench

from integrated_trading_system.domain.ids import AccountId, InstrumentId, VenueId
from integrated_trading_system.domain.market import DataType, MarketEvent, Quote, Trade
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.simulation.inference import infer_instruments
from integrated_trading_system.venues import catalog

CAPACITY = 10_000
LIMIT_MB = 10.0
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


def main() -> None:
    options = _bench.arguments(__doc__)
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
    _bench.finish(options, {"buffers": result, "limit_mb": LIMIT_MB})


if __name__ == "__main__":
    main()
