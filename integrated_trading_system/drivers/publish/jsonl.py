"""Events into a file, one JSON object a line, which is rotated by size and never holds half a line.

`events.jsonl` becomes `events.jsonl.1` before it would grow beyond its limit, that one `.2`, and so on;
the oldest goes. Lines are written by a thread of its own, a batch at a time. What the disk did not take is
cut off again and written once there is room; nothing is forced to the disk, so a power cut may cost
the last seconds.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from integrated_trading_system.drivers.publish.events import Event

BATCH: Final = 500


class JsonlFile:
    """A Broker."""

    batch = BATCH

    def __init__(self, path: Path, *, rotate_bytes: int, files_kept: int) -> None:
        """Of the current file; only this user may read it."""
        self._path = path
        self._rotate_bytes = rotate_bytes
        self._files_kept = files_kept
        self._file = -1
        self._size = 0
        self._last = 0
        """Number of the newest event in the file."""
        self._thread = ThreadPoolExecutor(1, "jsonl")  # one: what is late can never overtake

    async def connect(self) -> None:
        """Open the file, behind what is in it."""
        await self._call(self._open)

    async def send(self, batch: list[Event]) -> Mapping[int, str]:
        """Returns when all of it is in the file. One that was written before, though nobody was told, is left out."""
        await self._call(self._write, [(event.n, event.written() + b"\n") for event in batch])
        return {}

    async def close(self) -> None:
        await self._call(self._close)

    async def _call(self, work: Callable[..., None], *arguments: Any) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    # -- in the thread ---------------------------------------------------------------------------

    def _open(self) -> None:
        self._close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._file).st_size
        if self._size and os.pread(self._file, 1, self._size - 1) != b"\n":  # the last run was cut off within a line
            self._put(b"\n")

    def _write(self, lines: list[tuple[int, bytes]]) -> None:
        """As many lines at once as fit into the file, then the next file."""
        batch: list[bytes] = []
        size = self._size
        for n, line in lines:
            if n <= self._last:
                continue
            if size and size + len(line) > self._rotate_bytes:
                self._put(b"".join(batch), n - 1)
                self._rotate()
                batch, size = [], self._size
            batch.append(line)
            size += len(line)
        if batch:
            self._put(b"".join(batch), lines[-1][0])

    def _put(self, data: bytes, last: int = 0) -> None:
        """Whole, or not at all."""
        try:
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)
        self._last = max(self._last, last)

    def _rotate(self) -> None:
        self._close()
        if self._files_kept == 0:
            self._path.unlink()
        for number in range(self._files_kept, 0, -1):
            older = self._numbered(number - 1)
            if older.exists():
                older.replace(self._numbered(number))
        self._open()

    def _close(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
