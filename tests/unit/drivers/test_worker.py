"""Questions that take long are answered by another process; where they are not, the answer says why."""

import os
import signal
from collections.abc import AsyncIterator
from random import Random

import pytest

from integrated_trading_system.domain.cointegration import CointegrationAsked, CointegrationTold, answer
from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.drivers.worker import WAITING_MAX, Worker
from tests.support.port import RecordingPort

PAIR = ActorName("strategy.pair")


def question(request: str, count: int = 60) -> CointegrationAsked:
    random = Random(request)
    x = [random.random() for _ in range(count)]
    return CointegrationAsked(request=request, actor=PAIR, y=tuple(one + random.random() for one in x), x=tuple(x))


@pytest.fixture
def port() -> RecordingPort:
    return RecordingPort()


@pytest.fixture
async def worker(port: RecordingPort) -> AsyncIterator[Worker]:
    made = Worker(port)
    yield made
    made.stop()


def process_of(worker: Worker) -> int:
    assert worker._pool is not None
    (pid,) = worker._pool._processes
    return pid


async def test_every_question_gets_the_answer_that_any_driver_would_give(worker: Worker, port: RecordingPort) -> None:
    questions = [question("1"), question("2", 500), question("3", 10)]
    for one in questions:
        worker.ask(one)
    await port.until(CointegrationTold, 3)
    assert port.told == [(PAIR, answer(one)) for one in questions]
    assert process_of(worker) != os.getpid()


async def test_what_does_not_fit_into_the_queue_is_told_so(worker: Worker, port: RecordingPort) -> None:
    for number in range(WAITING_MAX + 2):
        worker.ask(question(str(number)))
    assert port.told == [], "not in the turn in which it is asked"
    found = await port.until(CointegrationTold, WAITING_MAX + 2)
    refused = [told.request for told in found if told.reason == "busy"]
    assert refused == [str(WAITING_MAX), str(WAITING_MAX + 1)]
    assert sum(told.found is not None for told in found) == WAITING_MAX
    worker.ask(question("again"))
    assert (await port.until(CointegrationTold, WAITING_MAX + 3))[-1] == answer(question("again"))


async def test_when_the_process_dies_the_answer_says_so_and_the_next_question_starts_another(
    worker: Worker, port: RecordingPort
) -> None:
    worker.ask(question("first"))
    await port.until(CointegrationTold)
    dead = process_of(worker)
    os.kill(dead, signal.SIGSTOP)  # so that it can answer nothing before it dies
    for number in range(3):
        worker.ask(question(str(number)))
    os.kill(dead, signal.SIGKILL)
    found = await port.until(CointegrationTold, 4)
    assert [(told.request, told.reason) for told in found[1:]] == [(str(number), "worker died") for number in range(3)]
    worker.ask(question("last"))
    assert (await port.until(CointegrationTold, 5))[-1] == answer(question("last"))
    assert process_of(worker) != dead


async def test_after_the_stop_nothing_is_worked_out(worker: Worker, port: RecordingPort) -> None:
    worker.stop()
    worker.ask(question("late"))
    assert await port.until(CointegrationTold) == [CointegrationTold(request="late", reason="stopped")]
