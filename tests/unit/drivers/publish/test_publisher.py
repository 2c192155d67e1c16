"""A publisher never gives up, says so once, and never takes longer to stop than it is given."""

import asyncio
from collections.abc import Mapping

import pytest

from integrated_trading_system.drivers.publish.events import KINDS, Event
from integrated_trading_system.drivers.publish.outbox import Outbox
from integrated_trading_system.drivers.publish.publisher import Publisher
from tests.support.outputs import emptied, failing, fill, logged, running, trade
from tests.support.served import until


class Broker:
    """The other side, in whatever mood a test wants."""

    batch = 3

    def __init__(self) -> None:
        self.connects = self.closes = 0
        self.got: list[int] = []
        self.down: BaseException | None = None
        self.hangs = False
        self.refuses: set[int] = set()

    async def connect(self) -> None:
        self.connects += 1
        if self.down is not None:
            raise self.down

    async def send(self, batch: list[Event]) -> Mapping[int, str]:
        if self.hangs:
            await asyncio.Event().wait()
        if self.down is not None:
            raise self.down
        self.got += [event.n for event in batch if event.n not in self.refuses]
        return {at: "too ugly" for at, event in enumerate(batch) if event.n in self.refuses}

    async def close(self) -> None:
        self.closes += 1


def bench(capacity: int = 100, timeout_s: float = 5.0) -> tuple[Outbox, Broker, Publisher[Event]]:
    box, broker = Outbox("test", KINDS.values(), capacity), Broker()
    return box, broker, Publisher(box, broker, timeout_s=timeout_s, retry_first_s=0.001, retry_max_s=0.002)


def tell(box: Outbox, count: int) -> None:
    for number in range(count):
        box.tell(trade(number))


async def test_everything_is_sent_in_order_and_in_batches() -> None:
    box, broker, publisher = bench()
    tell(box, 8)
    async with running(publisher):
        await emptied(publisher)
    assert broker.got == list(range(1, 9))
    assert publisher.statistics().delivered == 8


async def test_a_failure_is_told_once_and_nothing_that_waits_is_lost() -> None:
    box, broker, publisher = bench()
    broker.down = ConnectionRefusedError("nobody there")
    with logged("INFO") as lines:
        async with running(publisher):
            tell(box, 4)
            await failing(publisher, 5)
            assert publisher.statistics().error == "ConnectionRefusedError: nobody there"
            broker.down = None
            await emptied(publisher)
    assert broker.got == [1, 2, 3, 4]
    assert [line.split()[0] for line in lines] == ["WARNING", "INFO"]
    assert "nobody there" in lines[0]
    assert "works again" in lines[1]


async def test_while_nobody_takes_anything_no_more_waits_than_there_is_room_for() -> None:
    box, broker, publisher = bench(capacity=10)
    broker.down = OSError("away")
    async with running(publisher):
        tell(box, 1_000)
        await failing(publisher, 2)
        assert (len(box), box.dropped) == (10, {"trade": 990})
        broker.down = None
    assert broker.got == list(range(991, 1_001))


async def test_an_answer_that_does_not_come_is_a_failure_and_the_batch_is_sent_again() -> None:
    box, broker, publisher = bench(timeout_s=0.01)
    broker.hangs = True
    tell(box, 2)
    async with running(publisher):
        await failing(publisher)
        assert publisher.statistics().error == "TimeoutError: no answer in time"
        broker.hangs = False
        await emptied(publisher)
    assert broker.got == [1, 2]


async def test_what_is_refused_for_good_is_dropped_counted_and_told_once() -> None:
    box, broker, publisher = bench()
    broker.refuses = {2, 5}
    tell(box, 6)
    with logged() as lines:
        async with running(publisher):
            await emptied(publisher)
    assert broker.got == [1, 3, 4, 6]
    assert (box.delivered, box.dropped) == (4, {"trade": 2})
    assert len(lines) == 1
    assert "1 of 3 refused: too ugly" in lines[0]


async def test_who_refuses_everything_is_treated_as_away() -> None:
    box, broker, publisher = bench()
    broker.refuses = {1, 2}
    tell(box, 2)
    async with running(publisher):
        await failing(publisher, 3)
        assert (len(box), box.dropped) == (2, {})
        assert publisher.statistics().error == "Refusal: too ugly"
        broker.refuses = set()
    assert broker.got == [1, 2]


async def test_a_cancellation_that_a_time_limit_left_behind_does_not_end_it() -> None:
    box, broker, publisher = bench()
    tell(box, 2)
    broker.down = asyncio.CancelledError()
    async with running(publisher):
        await failing(publisher, 2)
        broker.down = None
        await emptied(publisher)
    assert broker.got == [1, 2]


@pytest.mark.parametrize("mood", ["hangs", "down"])
async def test_the_end_waits_for_nobody_and_says_what_did_not_get_out(mood: str) -> None:
    box, broker, publisher = bench()
    setattr(broker, mood, True if mood == "hangs" else OSError("away"))
    publisher.start()
    box.tell(fill())
    await until(lambda: broker.connects > 0, "it to connect")
    with logged() as lines:
        await publisher.stop(0.01)
    assert "test: 1 did not get out before the end" in lines[-1]
    assert publisher.statistics().waiting == 1
    assert broker.closes > 0
    assert not publisher.statistics().connected


async def test_at_the_end_what_waits_is_sent() -> None:
    box, broker, publisher = bench()
    publisher.start()
    tell(box, 7)
    await publisher.stop(5.0)
    assert broker.got == list(range(1, 8))


async def test_one_that_was_never_started_stops_at_once() -> None:
    _, broker, publisher = bench()
    await publisher.stop(5.0)
    assert broker.connects == 0
