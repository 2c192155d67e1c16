"""The platform's side of the watchdog: starts it, gives signs of life from the event loop, and says farewell.

A watchdog that dies costs an alarm and nothing else: trading goes on, and another one is started.
"""

import asyncio
import faulthandler
import json
import os
import subprocess
import sys
import time
from collections import deque
from io import FileIO
from pathlib import Path
from typing import Final

from loguru import logger

from integrated_trading_system.drivers import watchdog
from integrated_trading_system.drivers.watchdog import BEAT, BEAT_SECONDS, FAREWELL, Task

MINUTE_SECONDS: Final = 60.0
END_SECONDS: Final = 5.0
"""So long a watchdog that was told farewell may take to end."""


class Guard:
    """One run's. `start`, then `begin` on the running loop, then `farewell`; without that, the watchdog acts."""

    def __init__(self, task: Task, *, restarts_per_minute_max: int, stacks: Path | None, stacks_seconds: float) -> None:
        """`stacks`: where what every thread is at is written when the loop stands still for so long; None: nowhere."""
        self._task = task
        self._restarts_max = restarts_per_minute_max
        self._stacks_path = stacks
        self._stacks: FileIO | None = None
        self._stacks_seconds = stacks_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._restarts: deque[float] = deque()
        self._alone = False
        """There is no watchdog, and that was said."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def watchdog(self) -> int | None:
        """The number of its process."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the watchdog; it watches from the first sign of life on. Where it does not start, that is logged."""
        words = [sys.executable, "-I", "-S", watchdog.__file__, json.dumps(self._task._asdict())]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # what the terminal sends to the platform is not meant for it
            )
        except OSError as error:
            logger.error("no watchdog: it cannot be started: {}", error.strerror)
            return
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)

    def begin(self) -> None:
        """From now on, a loop that stands still is a hang. Called on the running loop."""
        if self._stacks_path is not None:
            try:
                self._stacks = FileIO(self._stacks_path, "a")
            except OSError as error:
                logger.warning("{}: {}; a hang will leave no stacks", self._stacks_path, error.strerror)
        self._beat()

    def farewell(self) -> None:
        """The platform has ended in order: nothing is to be done about it. Harmless when called again."""
        if self._timer is not None:
            self._timer.cancel()
        if self._stacks is not None:
            faulthandler.cancel_dump_traceback_later()
            self._stacks.close()
            self._stacks = None
        if self._process is not None:
            self._say(FAREWELL)
            self._let_go(self._process)  # it ends by itself

    def _beat(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(BEAT_SECONDS, self._beat)
        if self._stacks is not None:
            faulthandler.dump_traceback_later(self._stacks_seconds, file=self._stacks)
        if not self._say(BEAT):
            self._replace()

    def _say(self, word: bytes) -> bool:
        """False: nobody listens any more, or nobody has for so long that the pipe is full."""
        if self._process is None or self._process.stdin is None or self._process.poll() is not None:
            return False
        try:
            os.write(self._process.stdin.fileno(), word)
        except (BrokenPipeError, BlockingIOError):
            return False
        return True

    def _replace(self) -> None:
        """Start another one, unless they die too fast; the alarm is given once for each that died."""
        if self._process is not None:
            logger.error("the watchdog (process {}) is gone: nobody would notice a hang", self._process.pid)
            self._process.kill()  # it may be alive and not listening
            self._let_go(self._process)
        now = time.monotonic()
        while self._restarts and now - self._restarts[0] > MINUTE_SECONDS:
            self._restarts.popleft()
        if len(self._restarts) >= self._restarts_max:
            if not self._alone:
                logger.error("{} watchdogs died within a minute: trading goes on without one", len(self._restarts))
            self._alone = True
            return
        self._restarts.append(now)
        self.start()
        self._alone = self._process is None
        if self._process is not None:
            logger.warning("another watchdog was started: process {}", self._process.pid)
            self._say(BEAT)

    def _let_go(self, process: "subprocess.Popen[bytes]") -> None:
        """Nobody speaks to it any more: it ends by itself, or is made to, and leaves nothing behind."""
        self._process = None
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
