"""Write a run to a file while it happens, and read it back.

The recorder watches the system's inputs. Encoding happens on the trading thread (it is cheap), disk
writes on a thread of its own. A recorder that falls behind closes its file as INCOMPLETE; trading
goes on.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from queue import Full, Queue
from threading import Thread
from typing import Any

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.runtime.fingerprint import Fingerprint
from integrated_trading_system.runtime.recording import (
    MAGIC,
    Block,
    Entry,
    Header,
    Ran,
    Reader,
    Stopped,
    Told,
    pack,
    unpack,
)

ENTRIES_PER_BLOCK = 20_000
BLOCKS_WAITING_MAX = 64
CHUNK_BYTES = 1 << 20


class Recorder:
    """An Observer of the system's inputs. Create it before the first input, close it after the last."""

    def __init__(self, path: Path, header: Header, inputs: Fingerprint, outputs: Fingerprint) -> None:
        """Raises ConfigurationError where the file cannot be made."""
        self._path = path
        self._inputs = inputs
        self._outputs = outputs
        self._entries: list[Entry] = []
        self._header: Header | None = header
        self._queue: Queue[Block | None] = Queue(BLOCKS_WAITING_MAX)
        self.complete = True
        self.failure = ""
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            os.write(self._file, MAGIC)
        except OSError as error:
            message = f"--record {path}: cannot be written: {error.strerror}"
            raise ConfigurationError(message) from None
        self._thread = Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def told(self, name: ActorName, message: Any) -> None:
        """Observer: an input."""
        if self.complete:
            self._entries.append(Told(name, message))

    def ran(self, now: Nanos, budget: int) -> None:
        """Observer: the system is about to get time. Blocks end here, where its outputs are settled."""
        if self.complete:
            if len(self._entries) >= ENTRIES_PER_BLOCK:
                self._hand_over()
            self._entries.append(Ran(now, budget))

    def close(self) -> None:
        """End the recording in order; waits for the disk."""
        if self.complete:
            self._entries.append(Stopped(self._outputs.hex(), complete=True))
            self._hand_over(wait=True)
        self._queue.put(None)
        self._thread.join()
        os.close(self._file)

    def _hand_over(self, *, wait: bool = False) -> None:
        block = Block(self._header, self._entries, self._inputs.hex(), self._outputs.hex())
        self._header, self._entries = None, []
        try:
            self._queue.put(block, block=wait)
        except Full:
            self.complete = False
            self.failure = f"{self._path}: the disk is too slow: recording closed as INCOMPLETE"

    def _write(self) -> None:
        """The disk's thread."""
        previous = b""
        while (block := self._queue.get()) is not None:
            if self.failure:
                continue
            raw, previous = pack(block, previous)
            try:
                _write_all(self._file, raw)
            except OSError as error:
                self.complete = False
                self.failure = f"{self._path}: {error.strerror}: recording closed as INCOMPLETE"


def read_blocks(path: Path) -> Iterator[Block]:
    """The recording's blocks; raises ReplayDiffers where it was altered, ConfigurationError where it cannot be read."""
    try:
        with path.open("rb") as file:
            yield from unpack(Reader(str(path), iter(lambda: file.read(CHUNK_BYTES), b"")))
    except OSError as error:
        message = f"{path}: cannot be read: {error.strerror}"
        raise ConfigurationError(message) from None


def is_recording(path: Path) -> bool:
    """Whether the file is one of ours, judged by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _write_all(descriptor: int, raw: bytes) -> None:
    view = memoryview(raw)
    while view:
        view = view[os.write(descriptor, view) :]
