"""The audit file: one line a command of an operator's, each bound to the line before by a hash.

A line is ``{"entry": …, "hash": …}``; the hash is SHA-256 of the line before's hash and this entry's bytes.
So a byte that was changed, a line that was taken out or put in is found, with its number. What is not
found is a file whose end was cut off, or one that somebody computed anew: the log has the hashes, too.
"""

import asyncio
import os
from concurrent.futures import Future
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Final

import msgspec
from loguru import logger
from msgspec import Struct

from integrated_trading_system.domain.errors import JournalUnavailable
from integrated_trading_system.domain.time import Nanos

AUDIT: Final = "audit.jsonl"
WRITE_SECONDS: Final = 1.0
"""How long a command waits for the disk before it is answered without."""
READS_BYTES_MAX: Final = 64 << 20
"""From this size on only commands that change something are still written."""
WAITING_MAX: Final = 1_000
"""Entries that wait for a disk that does not answer; more are told in the log only."""

_BEGIN, _MIDDLE, _END = b'{"entry":', b',"hash":"', b'"}'
_TAIL: Final = len(_MIDDLE) + 64 + len(_END)
_FIRST: Final = "0" * 64


class AuditEntry(Struct, frozen=True, kw_only=True):
    """What one command was, and what became of it."""

    at: Nanos
    uid: int
    pid: int
    command: str
    reason: str
    stage: str
    """``asked``: about to be carried out; ``done``: carried out, or refused."""
    before: str
    """The trading state."""
    after: str
    outcome: str
    run: int
    """Of the state directory; 0: no platform was running."""


class Verdict(Struct, frozen=True):
    """What a look through the whole file found."""

    lines: int
    altered: tuple[int, ...]
    """Numbers of the lines that do not follow from the one before; the first line is 1."""
    torn: int
    """Bytes after the last whole line: a write that a crash cut off."""
    digest: str
    """The hash to which the next line is bound."""


def verify(path: Path) -> Verdict:
    """Read the whole file and work out every hash again; raises JournalUnavailable. No file: no lines."""
    digest, altered, number, torn = _FIRST, [], 0, 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    number, torn = number - 1, len(line)  # noqa: PLW2901 - it is the last one, and no line
                    break
                stated = _stated(line)
                if stated is None or stated != _hash(digest, line[len(_BEGIN) : -_TAIL - 1]):
                    altered.append(number)
                digest = stated or sha256(line).hexdigest()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise JournalUnavailable(f"{path}: {error.strerror}") from None
    return Verdict(number, tuple(altered), torn, digest)


class AuditFile:
    """The file, open for one more line. One caller at a time."""

    def __init__(self, path: Path) -> None:
        """Made 0600 where there is none; raises JournalUnavailable. What a crash left unfinished is cut off."""
        self.path = path
        self.verdict = verify(path)
        """What was there when it was opened."""
        self._digest = self.verdict.digest
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            self.size = os.fstat(self._file).st_size - self.verdict.torn
            os.ftruncate(self._file, self.size)
        except OSError as error:
            raise JournalUnavailable(f"{path}: {error.strerror}") from None

    def append(self, entry: AuditEntry) -> str:
        """On disk when it returns; the line's hash. Raises OSError, with nothing of the entry left in the file."""
        body = msgspec.json.encode(entry)
        digest = _hash(self._digest, body)
        line = b"".join((_BEGIN, body, _MIDDLE, digest.encode(), _END, b"\n"))
        try:
            view = memoryview(line)
            while view:
                view = view[os.write(self._file, view) :]
            os.fsync(self._file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise
        self._digest = digest
        self.size += len(line)
        return digest

    def close(self) -> None:
        """Nothing more is written."""
        os.close(self._file)


class AuditDriver:
    """Writes on a thread of its own: a disk that hangs costs a command its entry, never the platform its turn."""

    def __init__(self, file: AuditFile) -> None:
        """`close` it; the file goes with it."""
        self.verdict = file.verdict
        self._file = file
        self._queue: SimpleQueue[tuple[AuditEntry, Future[str]] | None] = SimpleQueue()
        self._thread = Thread(target=self._serve, name="audit", daemon=True)
        self._thread.start()

    async def note(self, entry: AuditEntry, *, changes: bool) -> bool:
        """Whether the entry is on disk now. Where it is not, the log has it: an error for what `changes` something."""
        if not changes and self._file.size >= READS_BYTES_MAX:
            return False
        failure = "too many entries wait for the disk"
        digest = ""
        if self._queue.qsize() < WAITING_MAX:
            written: Future[str] = Future()
            self._queue.put((entry, written))
            try:
                digest = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(written)), WRITE_SECONDS)
                failure = ""
            except TimeoutError:
                failure = "the disk does not answer"
            except OSError as error:
                failure = error.strerror or "cannot be written"
        if failure:
            logger.error("{}: {}; not audited: {}", self._file.path, failure, _text(entry))
        else:
            logger.log("WARNING" if changes else "INFO", "operator: {}, audit {}", _text(entry), digest[:16])
        return not failure

    def close(self) -> None:
        """Write what waits, and end; not for long where the disk does not answer."""
        self._queue.put(None)
        self._thread.join(WRITE_SECONDS)

    def _serve(self) -> None:
        while (waiting := self._queue.get()) is not None:
            entry, written = waiting
            try:
                written.set_result(self._file.append(entry))
            except OSError as error:
                written.set_exception(error)
        self._file.close()


def _text(entry: AuditEntry) -> str:
    reason = f" ({entry.reason})" if entry.reason else ""
    return (
        f"{entry.command}{reason} {entry.stage} by uid {entry.uid}, pid {entry.pid}: "
        f"trading {entry.before} -> {entry.after}: {entry.outcome}"
    )


def _stated(line: bytes) -> str | None:
    """The hash that the line states, None where it has not the form of a line."""
    line = line[:-1]
    stated = line[-len(_END) - 64 : -len(_END)].decode("ascii", "replace")
    formed = line.startswith(_BEGIN) and line.endswith(_END) and line[-_TAIL:].startswith(_MIDDLE)
    return stated if formed and len(stated) == 64 and set(stated) <= set("0123456789abcdef") else None


def _hash(before: str, body: bytes) -> str:
    return sha256(before.encode() + body).hexdigest()
