"""What it costs to hand a message on: a mailbox of ours, an inline ref, and a task behind an asyncio.Queue.

One actor (or task) tells the next, which counts: CPU time per message, delivery included. Once with one
message at a time, as on a quiet market, where a queue pays a switch of tasks for each; once in bursts.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from statistics import median

import _bench

from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.runtime.actor import Actor, Ref
from integrated_trading_system.runtime.system import System

BURST = 64
Work = Callable[[int, int], None]


class Counter(Actor[int]):
    def __init__(self) -> None:
        self.count = 0

    def receive(self, message: int) -> None:
        self.count += 1


class Forwarder(Actor[int]):
    def __init__(self, next_one: Ref[int]) -> None:
        self._next = next_one

    def receive(self, message: int) -> None:
        self._next.tell(message)


def mailbox(count: int, burst: int, *, inline: bool) -> None:
    """Two hops a message, the second queued or inline; `burst` messages per run."""
    system = System()
    counter = system.spawn(ActorName("counter"), Counter)
    target = system.inline(counter) if inline else counter
    first = ActorName("forwarder")
    system.spawn(first, partial(Forwarder, target))
    system.start(Nanos(1))
    for begin in range(0, count, burst):
        for number in range(begin, begin + burst):
            system.tell(first, number)
        system.run(Nanos(1))
    assert counter.actor.count == count  # type: ignore[attr-defined]


async def queues(count: int, burst: int) -> None:
    """The same two hops with a task for each actor."""
    first: asyncio.Queue[int] = asyncio.Queue()
    second: asyncio.Queue[int] = asyncio.Queue()
    seen = 0

    async def forward() -> None:
        while True:
            await second.put(await first.get())

    async def receive() -> None:
        nonlocal seen
        while True:
            await second.get()
            seen += 1

    tasks = [asyncio.create_task(forward()), asyncio.create_task(receive())]
    for begin in range(0, count, burst):
        for number in range(begin, begin + burst):
            await first.put(number)
        while seen < begin + burst:
            await asyncio.sleep(0)
    for task in tasks:
        task.cancel()


WORKS: dict[str, Work] = {
    "mailbox, then mailbox": partial(mailbox, inline=False),
    "mailbox, then inline ref": partial(mailbox, inline=True),
    "asyncio.Queue and task": lambda count, burst: asyncio.run(queues(count, burst)),
}


def main() -> None:
    options = _bench.arguments(__doc__)
    count = BURST * (4 if options.quick else 2_000)
    result = {}
    for burst in (1, BURST):
        contestants = {
            name: partial(_bench.cpu_us, partial(work, count, burst), 2 * count) for name, work in WORKS.items()
        }
        figures = _bench.interleaved(1 if options.quick else 7, contestants)
        ours = median(next(iter(figures.values())))
        rows = [(name, median(found), median(found) / ours, _bench.noise(found)) for name, found in figures.items()]
        title = f"{count:,} messages, two hops each, {burst} at a time"
        _bench.show(title, ("", "CPU µs a hop", "ratio", "noise"), rows)
        result[f"{burst} at a time"] = {name: median(found) for name, found in figures.items()}
    _bench.finish(options, {"cpu_us": result})


if __name__ == "__main__":
    main()
