"""Callbacks: every message is seen, the slow and the broken harm only themselves, and everything is counted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from integrated_trading_system.domain.health import CallbackSuspended
from integrated_trading_system.drivers.callbacks import ENDED_KEPT_MAX, Callback, Callbacks


class Clock:
    """Stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def running(function: Callable[[Any], Any], **options: Any) -> AsyncIterator[Callback]:
    callback = Callback(function, **{"clock": Clock(), **options})
    callback.start()
    try:
        yield callback
    finally:
        callback.stop()
        await asyncio.sleep(0)


async def settled(callback: Callback) -> None:
    """Until nothing waits and no call is under way."""
    while callback.statistics().waiting:
        await asyncio.sleep(0)
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_function_sees_every_message_in_order() -> None:
    seen: list[int] = []
    async with running(seen.append) as callback:
        for number in range(1_000):
            callback.tell(number)
        await settled(callback)
        assert seen == list(range(1_000))
        assert callback.statistics().delivered == 1_000


async def test_a_coroutine_function_is_awaited_one_message_at_a_time() -> None:
    seen: list[tuple[str, int]] = []

    async def note(number: int) -> None:
        seen.append(("begin", number))
        await asyncio.sleep(0)
        seen.append(("end", number))

    async with running(note) as callback:
        callback.tell(1)
        callback.tell(2)
        await settled(callback)
    assert seen == [("begin", 1), ("end", 1), ("begin", 2), ("end", 2)]


async def test_telling_makes_no_call() -> None:
    """The core is in the middle of a turn then."""
    seen: list[int] = []
    async with running(seen.append) as callback:
        callback.tell(1)
        assert seen == []


async def test_what_raises_is_counted_and_the_next_message_is_seen() -> None:
    seen: list[int] = []

    def picky(number: int) -> None:
        if number == 1:
            raise ValueError(number)
        seen.append(number)

    async with running(picky) as callback:
        for number in range(3):
            callback.tell(number)
        await settled(callback)
        assert seen == [0, 2]
        assert callback.statistics().failures == 1
        assert not callback.suspended


async def test_one_that_always_fails_is_suspended_and_takes_nothing_more() -> None:
    calls: list[int] = []

    def broken(number: int) -> None:
        calls.append(number)
        raise RuntimeError

    async with running(broken, failures_max=3) as callback:
        for number in range(10):
            callback.tell(number)
        await settled(callback)
        callback.tell(99)
        statistics = callback.statistics()
        assert calls == [0, 1, 2]
        assert (statistics.failures, statistics.suspended, statistics.waiting) == (3, True, 0)


async def test_a_success_begins_the_count_of_failures_anew() -> None:
    def every_third_works(number: int) -> None:
        if number % 3:
            raise RuntimeError

    async with running(every_third_works, failures_max=3) as callback:
        for number in range(30):
            callback.tell(number)
        await settled(callback)
        assert callback.statistics().failures == 20
        assert not callback.suspended


async def test_nothing_is_conflated_while_the_callback_keeps_up() -> None:
    clock, seen = Clock(), list[tuple[str, int]]()
    async with running(seen.append, clock=clock, conflate=lambda quote: quote[0], lag_s=0.1) as callback:
        for number in range(5):
            callback.tell(("a", number))
            clock.now += 0.02
        await settled(callback)
        assert seen == [("a", number) for number in range(5)]


async def test_beyond_the_lag_only_the_newest_of_each_key_waits() -> None:
    clock, seen = Clock(), list[tuple[str, int]]()
    async with running(seen.append, clock=clock, conflate=lambda quote: quote[0], lag_s=0.1) as callback:
        callback.tell(("a", 1))
        callback.tell(("b", 1))
        clock.now = 0.2
        for number in range(2, 6):
            callback.tell(("a", number))
        callback.tell(("c", 1))
        statistics = callback.statistics()
        assert (statistics.waiting, statistics.conflated) == (3, 4)
        await settled(callback)
    assert seen == [("a", 5), ("b", 1), ("c", 1)]


async def test_what_may_not_be_conflated_is_seen_whatever_the_lag() -> None:
    clock, seen = Clock(), list[str]()
    key = {"trade": None}.get
    async with running(seen.append, clock=clock, conflate=lambda message: key(message, "q"), lag_s=0.1) as callback:
        clock.now = 10.0
        callback.tell("trade")
        clock.now = 20.0
        callback.tell("trade")
        await settled(callback)
        assert seen == ["trade", "trade"]


async def test_the_oldest_goes_when_no_more_may_wait() -> None:
    seen: list[int] = []
    async with running(seen.append, capacity=3) as callback:
        for number in range(5):
            callback.tell(number)
        await settled(callback)
        statistics = callback.statistics()
    assert seen == [2, 3, 4]
    assert (statistics.delivered, statistics.dropped) == (3, 2)


async def test_a_message_is_converted_when_it_is_delivered_and_none_is_no_call() -> None:
    seen: list[int] = []
    async with running(seen.append, convert=lambda number: number * 2 if number else None) as callback:
        callback.tell(0)
        callback.tell(21)
        await settled(callback)
        assert seen == [42]


async def test_a_slow_callback_does_not_keep_another_waiting() -> None:
    never = asyncio.Event()
    seen: list[int] = []

    async def hangs(_: int) -> None:
        await never.wait()

    async with running(hangs) as slow, running(seen.append) as quick:
        for number in range(3):
            slow.tell(number)
            quick.tell(number)
        await settled(quick)
        assert seen == [0, 1, 2]
        assert slow.statistics().waiting == 2


async def test_calls_are_timed() -> None:
    clock = Clock()

    def takes(seconds: float) -> None:
        clock.now += seconds

    async with running(takes, clock=clock) as callback:
        callback.tell(2.0)
        callback.tell(0.5)
        await settled(callback)
        statistics = callback.statistics()
    assert (statistics.seconds_max, statistics.seconds_total) == (2.0, 2.5)


async def test_stopping_cancels_a_call_that_hangs() -> None:
    cancelled: list[bool] = []

    async def hangs(_: int) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async with running(hangs) as callback:
        callback.tell(1)
        await settled(callback)
    assert cancelled == [True]


async def test_a_callback_is_known_by_the_name_of_its_function() -> None:
    def price_changed(_: int) -> None: ...

    assert Callback(price_changed).name.endswith("price_changed")


@pytest.mark.parametrize("capacity", [1, 2, 7])
async def test_every_message_told_is_counted_once(capacity: int) -> None:
    clock = Clock()
    callback = Callback(lambda _: None, conflate=lambda n: n % 3, lag_s=0.1, capacity=capacity, clock=clock)
    for number in range(50):
        callback.tell(number)
        clock.now += 0.03
    one = callback.statistics()
    assert one.delivered + one.conflated + one.dropped + one.waiting == 50
    assert one.waiting <= capacity


async def test_a_suspension_is_told_once_with_the_name_of_the_function() -> None:
    told: list[CallbackSuspended] = []
    callbacks = Callbacks()
    callbacks.publish = told.append

    def broken(_: int) -> None:
        raise RuntimeError("mine")

    async with running(broken, failures_max=3) as callback:
        callbacks.add(callback)
        for number in range(5):
            callback.tell(number)
        await settled(callback)
    assert [(one.name.rpartition(".")[2], one.failures, one.error) for one in told] == [("broken", 3, "RuntimeError")]
    assert [(one.failures, one.suspended) for one in callbacks.statistics()] == [(3, True)]


async def test_one_that_was_stopped_is_not_suspended_and_still_shown() -> None:
    callbacks, seen = Callbacks(), list[int]()
    async with running(seen.append) as callback:
        callbacks.add(callback)
        callback.tell(1)
        await settled(callback)
    callback.tell(2)
    (one,) = callbacks.statistics()
    assert (one.delivered, one.waiting, one.suspended) == (1, 0, False)


def test_of_those_that_are_gone_the_oldest_are_forgotten_and_of_the_others_none() -> None:
    callbacks, kept = Callbacks(), Callback(print)
    callbacks.add(kept)
    for _ in range(ENDED_KEPT_MAX + 5):
        gone = Callback(print)
        gone.stop()
        callbacks.add(gone)
    assert len(callbacks.statistics()) == 1 + ENDED_KEPT_MAX
