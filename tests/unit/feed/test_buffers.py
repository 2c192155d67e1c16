"""Buffers keep the newest messages, within their memory, for readers on any thread."""

import threading
import tracemalloc
from itertools import pairwise

from integrated_trading_system.domain.market import DataType, Quote
from integrated_trading_system.feed.buffers import Buffers
from tests.support.feed_rig import BTC, quote


def test_the_newest_are_kept_oldest_first() -> None:
    buffers = Buffers(3)
    buffers.of(BTC, DataType.QUOTES).extend(quote(number) for number in range(5))
    assert [found.sequence for found in buffers.latest(BTC, DataType.QUOTES, 10)] == [2, 3, 4]
    assert [found.sequence for found in buffers.latest(BTC, DataType.QUOTES, 2)] == [3, 4]
    assert [found.sequence for found in buffers.latest(BTC, DataType.QUOTES)] == [4]
    assert buffers.sizes() == {(BTC, DataType.QUOTES): 3}


def test_what_was_never_heard_is_empty() -> None:
    buffers = Buffers(3)
    assert buffers.latest(BTC, DataType.TRADES, 5) == ()
    buffers.of(BTC, DataType.TRADES).append("trade")
    assert buffers.latest(BTC, DataType.TRADES, 0) == ()


def test_ten_thousand_quotes_take_less_than_ten_megabytes() -> None:
    tracemalloc.start()
    try:
        ring = Buffers(10_000).of(BTC, DataType.QUOTES)
        for number in range(10_000, 25_000):
            ring.append(quote(number, bid=100.0 + number, ask=200.0 + number, bid_size=number / 3, ask_size=number / 7))
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(ring) == 10_000
    assert used < 10_000_000


def test_another_thread_reads_while_the_feed_writes() -> None:
    buffers = Buffers(500)
    ring = buffers.of(BTC, DataType.QUOTES)
    seen: list[tuple[Quote, ...]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(buffers.latest(BTC, DataType.QUOTES, 500))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(20_000):
        ring.append(quote(number))
    done.set()
    reader.join()
    for found in seen:
        numbers = [message.sequence for message in found]
        assert all(after == before + 1 for before, after in pairwise(numbers))
