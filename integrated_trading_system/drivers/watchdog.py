"""Watches the platform from a process of its own: kills it when its loop hangs, then cancels what it left open.

A program (`python -I -S watchdog.py TASK`, the task as JSON) that needs the standard library alone, so that it
starts at once and nothing of ours can fail in it. Its standard input is a pipe from the platform's event loop:
a byte is a sign of life, another one a farewell. Silence, or an end without farewell, is what it is here for.
"""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from enum import Enum
from typing import Final, NamedTuple

BEAT: Final = b"."
FAREWELL: Final = b"q"
BEAT_SECONDS: Final = 0.25
"""Between two signs of life."""
TICK_SECONDS: Final = 0.1
"""How often the watchdog looks."""
STILL_ALIVE_SECONDS: Final = 10.0
"""How often it is said that a killed platform is not dead yet."""
PAUSE_SECONDS_MAX: Final = 30.0
"""Between two attempts to cancel: 1 s, then twice as long each time, up to this."""
HALTED_BEFORE_MAX: Final = 500
"""Characters of an earlier halt's reason that are kept."""


class Task(NamedTuple):
    """What the platform asks of its watchdog."""

    pid: int
    """The platform, which must be our parent."""
    hang_seconds: float
    halted: str
    """The file that keeps trading halted over restarts."""
    lock: str
    """The file that a running platform has locked."""
    log: str
    """Where to write what was seen and done."""
    recover: list[str]
    """The command that cancels what is open and takes ``--reason``; empty where nothing can be open."""
    halt: list[str]
    """The command that halts an instance that runs, and takes ``--reason``."""
    cancel_on_death: bool
    command_seconds: float
    """After which a command is killed."""
    attempts_max: int


class End(Enum):
    """How the watch ended."""

    IN_ORDER = "ended in order"
    DIED = "died"
    HUNG = "hangs"


class Platform:
    """The process that is watched. Its number may be used again once it is dead: the handle never is."""

    def __init__(self, pid: int) -> None:
        """Our parent; where that is another process by now, the platform is dead already."""
        self.pid = pid
        self._handle = -1
        if sys.platform == "linux":
            with suppress(OSError):
                self._handle = os.pidfd_open(pid)
        self._lost = os.getppid() != pid

    def is_dead(self) -> bool:
        """Also while nobody has waited for it yet."""
        if self._lost or self._handle < 0:
            return os.getppid() != self.pid
        return bool(select.select([self._handle], [], [], 0)[0])

    def kill(self) -> None:
        """At once, whatever it does. Nobody else is ever hit."""
        with suppress(ProcessLookupError):
            if self.is_dead():
                return
            if sys.platform == "linux" and self._handle >= 0:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)


def watch(platform: Platform, pipe: int, hang_seconds: float) -> tuple[End, float]:
    """Until it ends: how, and after how many seconds of silence.

    The first sign of life begins the watch: before it nothing can be open. Only time in which we ourselves ran
    counts as silence: on a machine that stood still, the platform could not speak either.
    """
    watching = False
    silent, before = 0.0, time.monotonic()
    while True:
        dead = platform.is_dead()  # before the read: a farewell may be the last thing it did
        heard = os.read(pipe, 65_536) if select.select([pipe], [], [], 0 if dead else TICK_SECONDS)[0] else None
        now = time.monotonic()
        silent = 0.0 if heard else silent + min(now - before, 2 * TICK_SECONDS)
        before = now
        watching = watching or bool(heard)
        if heard is not None and FAREWELL in heard:
            return End.IN_ORDER, silent
        if heard == b"" and not dead:
            dead = _dies(platform)
            if not dead:  # it has let go of us, and will have another watchdog
                return End.IN_ORDER, silent
        if dead:
            return End.DIED if watching else End.IN_ORDER, silent
        if watching and silent >= hang_seconds:
            return End.HUNG, silent


def _dies(platform: Platform) -> bool:
    """A dying process closes its pipes a moment before it is dead."""
    for _ in range(20):
        if platform.is_dead():
            return True
        time.sleep(TICK_SECONDS / 2)
    return False


class Watchdog:
    """What is done about an end that was not in order."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def act(self, platform: Platform, end: End, silent: float) -> bool:
        """True once nothing is left to be done."""
        task = self._task
        if end is End.IN_ORDER:
            return True
        if end is End.HUNG:
            self._kill(platform, silent)
            reason = f"watchdog: the platform hung for {silent:.1f} s and was killed"
            self._mark(reason)
            return self._settle(reason, hung=True)
        reason = f"watchdog: the platform (process {task.pid}) died without a farewell"
        self._say(reason + ("" if task.cancel_on_death else "; left to the next start"))
        return not task.cancel_on_death or self._settle(reason, hung=False)

    def _kill(self, platform: Platform, silent: float) -> None:
        self._say(f"no sign of life of process {platform.pid} for {silent * 1_000:.0f} ms: killing it")
        began = time.monotonic()
        platform.kill()
        told = began
        while not platform.is_dead():
            time.sleep(0.002)
            if time.monotonic() - told > STILL_ALIVE_SECONDS:
                told = time.monotonic()
                self._say(f"process {platform.pid} is killed and not dead after {told - began:.0f} s: a stuck disk?")
        self._say(f"process {platform.pid} is dead, {(time.monotonic() - began) * 1_000:.0f} ms after it was killed")

    def _mark(self, reason: str) -> None:
        """Trading stays halted; what it was halted for before is not forgotten."""
        path = self._task.halted
        try:
            with suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - starts fast
                before = " ".join(file.read(HALTED_BEFORE_MAX).split())
                reason += f"; halted before that: {before}" if before else ""
            file_number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.write(file_number, reason.encode() + b"\n")
                os.fsync(file_number)
            finally:
                os.close(file_number)
        except OSError as error:
            self._say(f"{path}: cannot be written: {error.strerror}; nothing keeps the next start from trading")
        else:
            self._say(f"halted: {reason}")

    def _settle(self, reason: str, *, hung: bool) -> bool:
        """Cancel what is open, again and again until the venues have confirmed that nothing is."""
        task = self._task
        if not task.recover:
            return True
        pause = 1.0
        for attempt in range(1, task.attempts_max + 1):
            if self._another_runs():
                if not hung:
                    self._say("another instance runs: what is open is its own matter")
                    return True
                if self._run(task.halt, reason) == 0:
                    self._say("the instance that runs now was halted")
                    return True
            elif self._run(task.recover, reason) == 0:
                self._say("recovered: the venues confirm that nothing is open")
                return True
            self._say(f"attempt {attempt} of {task.attempts_max} failed: OUR ORDERS MAY BE OPEN; next in {pause:.0f} s")
            if attempt < task.attempts_max:
                time.sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)
        self._say(f"given up: OUR ORDERS MAY BE OPEN; run: {' '.join(task.recover)} --reason TEXT")
        return False

    def _another_runs(self) -> bool:
        """Somebody has the state folder."""
        try:
            file = os.open(self._task.lock, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
        return False

    def _run(self, words: list[str], reason: str) -> int:
        """The exit code; what it says goes to our log."""
        seconds = self._task.command_seconds
        self._say(f"running: {' '.join(words)}")
        log = self._open_log()
        try:
            done = subprocess.run(  # noqa: S603 - the platform's own command, given by the platform
                [*words, "--reason", reason],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            self._say(f"killed: it did not end within {seconds:g} s")
            return -1
        except OSError as error:
            self._say(f"cannot be run: {error.strerror}")
            return -1
        finally:
            if log != subprocess.DEVNULL:
                os.close(log)
        self._say(f"it ended with exit code {done.returncode}")
        return done.returncode

    def _open_log(self) -> int:
        try:
            return os.open(self._task.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError:
            return subprocess.DEVNULL

    def _say(self, text: str) -> None:
        """To the log and to the terminal; where neither takes it, there is work to do all the same."""
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}\n".encode()
        with suppress(OSError):
            os.write(2, b"watchdog: " + line)
        log = self._open_log()
        if log != subprocess.DEVNULL:
            with suppress(OSError):
                os.write(log, line)
            os.close(log)


def main(words: list[str]) -> int:
    """0 once nothing is left to be done; 1 where orders may be open."""
    task = Task(**json.loads(words[0]))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # What ends the platform in order ends us by its farewell. Not SIG_IGN: our children would inherit that.
        signal.signal(number, lambda *_: None)
    platform = Platform(task.pid)
    end, silent = watch(platform, sys.stdin.fileno(), task.hang_seconds)
    return 0 if Watchdog(task).act(platform, end, silent) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
