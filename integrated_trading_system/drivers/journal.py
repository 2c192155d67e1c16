"""Durable before visible: records are written and synced, and only then answered.

A thread of its own commits everything that waits as one block (group commit), so a slow disk costs
the orders their latency and nothing else. The first failure is final: after a failed write or sync
nobody knows what the disk holds, and asking again may wrongly succeed, for the kernel forgets the
pages that it could not write.
"""

import asyncio
import errno
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from typing import Final

from integrated_trading_system.domain.errors import JournalUnavailable, Refused
from integrated_trading_system.domain.ids import ActorName
from integrated_trading_system.domain.journal import JournalAppend, JournalCommitted, JournalFailed, JournalInput
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.blocks import (
    NOTHING_BEFORE,
    SCHEMA,
    Block,
    Committed,
    Contents,
    Opened,
    pack,
    parse,
)
from integrated_trading_system.drivers.lock import private_folder, sync_folder
from integrated_trading_system.drivers.port import Port
from integrated_trading_system.drivers.versions import refuse_downgrade

OMS: Final = ActorName("oms")

WAITING_MAX: Final = 10_000
"""Records that wait for the disk; one more fails, and with it all later ones."""

STOP_SECONDS: Final = 5.0
"""How long `stop` waits for a disk that does not answer."""

_sync = getattr(os, "fdatasync", os.fsync)  # where there is no fdatasync, fsync does the same and more


class Journal:
    """An open journal. One caller at a time."""

    def __init__(self, path: Path, file: int, contents: Contents, opened: Opened) -> None:
        """Use `open`."""
        self.path = path
        self.records = contents.records
        """What was there when it was opened."""
        self.torn = contents.torn
        """How many bytes of an unfinished commit were cut off when it was opened."""
        self.last = contents.runs[-1] if contents.runs else None
        """Who opened it before; None where it is new."""
        self._opened = opened
        self._file = file
        self._digest = contents.digest
        self._failure = ""

    @classmethod
    def open(cls, path: Path, code_version: str, config_hash: str, record_version: int) -> "Journal":
        """Open or create (file 0600 in a folder 0700); raises JournalUnavailable naming file and reason, or Refused.

        A journal that a newer version has opened, or one with newer records or a newer schema, is left as it is.
        """
        private_folder(path.parent)
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise _unavailable(path, error) from None
        try:
            if os.fstat(file).st_mode & 0o077:
                raise Refused(f"journal {path} can be read by others; run: chmod 600 {path}")
            opened = Opened(SCHEMA, code_version, config_hash, Nanos(time.time_ns()), record_version)
            journal = cls(path, file, parse(str(path), path.read_bytes()), opened)
            if journal.last is not None:
                refuse_downgrade(str(path), journal.last, opened)
            if journal.torn:
                os.ftruncate(file, path.stat().st_size - journal.torn)
            journal._write(opened)
            sync_folder(path.parent)
        except BaseException as error:
            os.close(file)
            if isinstance(error, OSError):
                raise _unavailable(path, error) from None
            raise
        return journal

    @staticmethod
    def look(path: Path) -> Contents:
        """What the file holds, changing nothing; raises JournalUnavailable."""
        try:
            return parse(str(path), path.read_bytes())
        except OSError as error:
            raise _unavailable(path, error) from None

    @staticmethod
    def read(path: Path) -> tuple[bytes, ...]:
        """Every committed record, oldest first, changing nothing; raises JournalUnavailable."""
        return Journal.look(path).records

    def rewrite(self, records: Sequence[bytes], kept: Path) -> None:
        """Hold these records instead; the file as it was stays under the name `kept`, in the same folder.

        A crash at any step leaves the old file in its place, or the new one, whole. Raises OSError where that cannot
        be done and the old file is still the journal; JournalUnavailable where nobody knows which of them is.
        """
        fresh = self.path.with_name(f"{self.path.name}.new")
        fresh.unlink(missing_ok=True)
        file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        old, before = self._file, self._digest
        self._file, self._digest = file, NOTHING_BEFORE
        try:
            self._write(self._opened)
            self._write(Committed(tuple(records)))
            if not _holds(fresh, records):
                raise OSError(errno.EIO, "the disk gives back something else than was written")
            kept.unlink(missing_ok=True)
            os.link(self.path, kept)
            sync_folder(self.path.parent)
        except BaseException:
            self._file, self._digest = old, before
            os.close(file)
            with suppress(OSError):
                fresh.unlink()
            raise
        try:
            fresh.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            self._failure = error.strerror or "cannot be replaced"
            raise _unavailable(self.path, error) from None
        finally:
            os.close(old)
        self.records = tuple(records)

    def append(self, records: Sequence[bytes]) -> None:
        """Returns once all of them are on disk. Raises OSError, and then at every later call too."""
        if self._failure:
            raise OSError(0, self._failure)
        try:
            self._write(Committed(tuple(records)))
        except OSError as error:
            self._failure = error.strerror or "cannot be written"
            raise

    def close(self) -> None:
        """What was committed stays; nothing more can be."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._failure = self._failure or "closed"

    def _write(self, block: Block) -> None:
        raw, digest = pack(block, self._digest)
        view = memoryview(raw)
        while view:
            view = view[os.write(self._file, view) :]
        _sync(self._file)
        self._digest = digest


class SynchronousJournal:
    """A journal for drivers that do not wait: on disk, or only in memory."""

    def __init__(self, journal: Journal | None = None) -> None:
        """Without a journal, nothing outlives this object."""
        self._journal = journal
        self.records: list[bytes] = [] if journal is None else list(journal.records)
        """Everything committed, oldest first."""

    def append(self, record: bytes) -> None:
        """Commit at once; raises OSError, and then at every later call too."""
        if self._journal is not None:
            self._journal.append((record,))
        self.records.append(record)


class JournalDriver:
    """Performs JournalAppend on a thread of its own; answers the OMS on the loop."""

    def __init__(self, port: Port, journal: Journal, failed: Callable[[], None] = lambda: None) -> None:
        """Owns the journal from now on. The thread starts with the first record.

        `failed` is called on the loop, once, after the OMS was told that nothing will be durable any more.
        """
        self._port = port
        self._failed: Callable[[], None] | None = failed
        self._journal = journal
        self._waiting: list[JournalAppend] = []
        self._changed = Condition()
        self._stopping = False
        self._overflowed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = Thread(target=self._serve, name="journal", daemon=True)

    def append(self, effect: JournalAppend) -> None:
        """Never waits. Where too much waits already, this record and all later ones fail."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._thread.start()
        with self._changed:
            self._overflowed = self._overflowed or len(self._waiting) >= WAITING_MAX
            if not self._overflowed and not self._stopping:
                self._waiting.append(effect)
                self._changed.notify()
                return
        reason = "stopped" if self._stopping else "the disk is too slow"
        self._loop.call_soon(self._answer, JournalFailed(effect.sequence, reason))

    async def stop(self) -> None:
        """Commit what waits, answer it, and close the file."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._loop is not None:
            await asyncio.to_thread(self._thread.join, STOP_SECONDS)
            await asyncio.sleep(0)  # the last answers are callbacks of this loop
        if not self._thread.is_alive():
            self._journal.close()

    def _serve(self) -> None:
        """The thread: as long as there is something to commit, or may be."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                batch, self._waiting = self._waiting, []
            if not batch:
                return
            answer: JournalInput = JournalCommitted(batch[-1].sequence)
            try:
                self._journal.append([effect.record for effect in batch])
            except OSError as error:
                answer = JournalFailed(batch[0].sequence, error.strerror or "cannot be written")
            assert self._loop is not None
            with suppress(RuntimeError):  # the loop was closed without `stop`: nobody is left to hear it
                self._loop.call_soon_threadsafe(self._answer, answer)

    def _answer(self, answer: JournalInput) -> None:
        self._port.tell(OMS, answer)
        if isinstance(answer, JournalFailed) and self._failed is not None and not self._stopping:
            failed, self._failed = self._failed, None
            failed()


def _holds(path: Path, records: Sequence[bytes]) -> bool:
    with suppress(JournalUnavailable):
        return Journal.read(path) == tuple(records)
    return False


def _unavailable(path: Path, error: OSError) -> JournalUnavailable:
    return JournalUnavailable(f"journal {path}: {error.strerror or 'cannot be read'}")
