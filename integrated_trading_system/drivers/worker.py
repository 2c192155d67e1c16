"""Works out what takes too long for the loop, in a process of its own: cointegration tests.

One process, started with the first question, that answers one question after the other. What does not fit into the
queue is answered at once with ``busy``; when the process dies, all that waits is answered with ``worker died``, and
the next question starts another. Whoever asks has to live without an answer for a while: a process that hangs gives
none, and what is asked later finds the queue full.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Final

from integrated_trading_system.domain.cointegration import CointegrationAsked, CointegrationTold, answer
from integrated_trading_system.drivers.loop import LiveLoop
from integrated_trading_system.drivers.port import Port

WAITING_MAX: Final = 8
"""Questions, with the one that is being answered."""


class Worker:
    """Performs CointegrationAsked. Stop it."""

    def __init__(self, port: Port) -> None:
        """No process yet."""
        self._port = port
        self._pool: ProcessPoolExecutor | None = None
        self._waiting = 0
        self._stopped = False

    def ask(self, asked: CointegrationAsked) -> None:
        """Never waits."""
        loop = asyncio.get_running_loop()
        if self._stopped or self._waiting >= WAITING_MAX:
            self._refuse(loop, asked, "stopped" if self._stopped else "busy")
            return
        try:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin)
            future = self._pool.submit(answer, asked)
        except (BrokenProcessPool, OSError) as error:
            self._discard()
            self._refuse(loop, asked, _word(error))
            return
        self._waiting += 1
        future.add_done_callback(partial(self._done, loop, asked, self._pool))

    def stop(self) -> None:
        """What waits is dropped; what is being answered ends with its process, and is not heard."""
        self._stopped = True
        self._discard()

    def _discard(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _done(
        self,
        loop: asyncio.AbstractEventLoop,
        asked: CointegrationAsked,
        pool: ProcessPoolExecutor,
        future: Future[CointegrationTold],
    ) -> None:
        """On a thread of the pool."""
        with suppress(RuntimeError):  # the loop is closed: nobody is left to hear it
            loop.call_soon_threadsafe(self._tell, asked, pool, future)

    def _tell(self, asked: CointegrationAsked, pool: ProcessPoolExecutor, future: Future[CointegrationTold]) -> None:
        self._waiting -= 1
        if self._stopped or future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._port.tell(asked.actor, future.result())
            return
        if isinstance(error, BrokenProcessPool) and self._pool is pool:
            self._discard()
        self._port.tell(asked.actor, CointegrationTold(request=asked.request, reason=_word(error)))

    def _refuse(self, loop: asyncio.AbstractEventLoop, asked: CointegrationAsked, reason: str) -> None:
        """Not in the turn in which it is asked."""
        loop.call_soon(self._port.tell, asked.actor, CointegrationTold(request=asked.request, reason=reason))


def open_worker(loop: LiveLoop) -> Callable[[], None]:
    """Have a worker perform what the loop's core asks; what stops it."""
    worker = Worker(loop)
    loop.attach({CointegrationAsked: worker.ask})
    return worker.stop


def _word(error: BaseException) -> str:
    return "worker died" if isinstance(error, BrokenProcessPool) else f"{type(error).__name__}: {error}"


def _begin() -> None:
    """In the process: an interrupt is meant for the platform, and without the platform there is nothing to do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_follow_parent, name="parent", daemon=True).start()


def _follow_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)
