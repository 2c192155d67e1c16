"""What an output adds to the cost of a message: the replay of captures with it and without it, as a ratio.

The outputs are subscribed as in a run and emptied a batch at a time, once without and once with writing each
event as JSON; the servers, whose clients work between the turns, are not part of it. And by itself: one `tell`, and one
event written. CPU time, medians of interleaved rounds.
"""

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import _bench
from replay import FILES, settings

from integrated_trading_system.config.outputs import MARKET_KINDS, EventKind
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.publish.board import Board, price_painter
from integrated_trading_system.drivers.publish.events import KINDS
from integrated_trading_system.drivers.publish.outbox import Outbox
from integrated_trading_system.orchestrator.commands.replaying import Capture, play, read_captures, settings_for
from integrated_trading_system.orchestrator.platform import Platform

BATCH = 100
QUICK = 2_000
TELLS = 200_000
BTC = InstrumentId("binance:usdm:BTCUSDT")


class Emptied:
    """A ref that empties its box whenever a batch waits."""

    def __init__(self, box: Any, *, write: bool) -> None:
        self._box = box
        self._write = write

    def tell(self, message: Any, /) -> None:
        box = self._box
        box.tell(message)
        if len(box) >= BATCH:
            batch = box.take(BATCH)
            if self._write:
                for event in batch:
                    event.written()
            box.settle()


def board(platform: Platform) -> Board:
    return Board(
        *("redis", "binance:usdm", price_painter(platform.books)),
        every_s=0.5,
        renew_s=10.0,
        look_s=10.0,
        symbols_max=10_000,
    )


def subscribe(platform: Platform, name: str, *, write: bool) -> None:
    bus = platform.system.bus
    if name == "redis":
        bus.subscribe(Quote, board(platform))
        return
    kinds = [KINDS[word] for word in (MARKET_KINDS if name == "nats" else EventKind)]
    ref = Emptied(Outbox(name, kinds, 50_000, conflate_from_percent=50), write=write)
    for kind in kinds:
        bus.subscribe(kind.type, ref)


def replay(captures: tuple[Capture, ...], name: str, *, write: bool) -> float:
    """CPU seconds from the wired platform on."""
    began = 0.0

    def ready(platform: Platform) -> None:
        nonlocal began
        if name != "off":
            subscribe(platform, name, write=write)
        began = time.process_time()

    play(settings_for(settings(), captures), captures, prepare=ready)
    return time.process_time() - began


def alone(count: int) -> dict[str, Callable[[], float]]:
    """One tell, and one event written."""
    quotes = [Quote(BTC, 1.0, 2.0, 3.0, 4.0, number, Nanos(number), Nanos(number)) for number in range(BATCH)]
    box = Outbox("nats", [KINDS[EventKind.QUOTE]], 50_000, conflate_from_percent=50)

    def tell() -> None:
        for _ in range(count // BATCH):
            for quote in quotes:
                box.tell(quote)
            box.take(BATCH)
            box.settle()

    def write() -> None:
        for quote in quotes:
            box.tell(quote)
        events = box.take(BATCH)
        for _ in range(count // BATCH):
            for event in events:
                event.written()
        box.settle()

    return {"tell and take": partial(_bench.cpu_us, tell, count), "write as JSON": partial(_bench.cpu_us, write, count)}


def main() -> None:
    options = _bench.arguments(__doc__)
    folder = _bench.recordings() / "hft_binance_20240808"
    captures = read_captures([f"{venue}={folder / name}" for venue, (name, _) in FILES.items()])
    if options.quick:
        for capture in captures:
            del capture.lines[QUICK:]
    messages = sum(len(capture.lines) for capture in captures)
    rounds = 1 if options.quick else 5
    contestants = {
        "off": partial(replay, captures, "off", write=False),
        "redis": partial(replay, captures, "redis", write=False),
        "nats": partial(replay, captures, "nats", write=False),
        "nats, written": partial(replay, captures, "nats", write=True),
        "jsonl, written": partial(replay, captures, "jsonl", write=True),
    }
    figures = _bench.interleaved(rounds, contestants)
    off = median(figures["off"])
    rows = [
        (name, median(found) / messages * 1e6, median(found) / off, _bench.noise(found))
        for name, found in figures.items()
    ]
    _bench.show(f"{messages:,} messages", ("output", "CPU µs a message", "ratio to off", "noise"), rows)
    singles = {
        name: median(found)
        for name, found in _bench.interleaved(rounds, alone(BATCH * 10 if options.quick else TELLS)).items()
    }
    _bench.show("by itself", ("", "CPU µs an event"), list(singles.items()))
    result = {"ratio": {name: ratio for name, _, ratio, _ in rows}, "single_us": singles}
    _bench.finish(options, result)


if __name__ == "__main__":
    main()
