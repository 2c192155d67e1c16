"""One running instance per state folder, and which run of it this is.

The lock is the kernel's: it goes with the process, however that ends. The run number (`fence`) only
grows, so that identifiers made from it are never used twice, also not after a crash.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from integrated_trading_system.domain.errors import JournalUnavailable, Refused

LOCK = "lock"
FENCE = "fence"


def private_folder(folder: Path) -> None:
    """Make the folder, for its owner only; raises Refused where it exists and belongs or opens to others."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise JournalUnavailable(f"state folder {folder}: {error.strerror}") from None
    if status.st_uid != os.geteuid():
        raise Refused(f"state folder {folder} belongs to user {status.st_uid}, not to us ({os.geteuid()})")
    if status.st_mode & 0o077:
        raise Refused(f"state folder {folder} can be entered by others; run: chmod 700 {folder}")


def lock_holder(folder: Path) -> str:
    """The process that runs with this folder; empty where none does. Takes nothing and changes nothing."""
    try:
        file = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(file, 20, 0).decode("ascii", "replace").strip() or "unknown"
    finally:
        os.close(file)
    return ""


def sync_folder(folder: Path) -> None:
    """Make the names in the folder durable: a file is only safe once its folder's entry is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class StateLock:
    """Holds the folder from construction to `release`. Raises Refused where another process holds it."""

    def __init__(self, folder: Path) -> None:
        private_folder(folder)
        self._folder = folder
        self._file = _open(folder / LOCK)
        try:
            self._take(folder)
            self.fence = _next_fence(folder)
            """The number of this run: 1 for the first in this folder."""
        except BaseException:
            os.close(self._file)
            raise

    def release(self) -> None:
        """Let another instance start. Harmless when called again."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def outrun(self, fence: int) -> None:
        """Number this run above that one, which the journal knows: the file with the number was lost or is old."""
        if self.fence <= fence:
            self.fence = fence + 1
            _keep_fence(self._folder, self.fence)

    def _take(self, folder: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 20, 0).decode("ascii", "replace").strip() or "unknown"
            message = f"state folder {folder} is in use by process {holder}: stop that one, or choose another folder"
            raise Refused(message) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise JournalUnavailable(f"{path}: {error.strerror}") from None


def write_durably(path: Path, text: str) -> None:
    """The file holds this, or what it held before, whatever happens; raises OSError."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    sync_folder(path.parent)


def _next_fence(folder: Path) -> int:
    """Count this run, durably, before anything can be named after it."""
    path = folder / FENCE
    try:
        fence = _read_fence(path) + 1
    except OSError as error:
        raise JournalUnavailable(f"{path}: {error.strerror}") from None
    _keep_fence(folder, fence)
    return fence


def _keep_fence(folder: Path, fence: int) -> None:
    try:
        write_durably(folder / FENCE, f"{fence}\n")
    except OSError as error:
        raise JournalUnavailable(f"{folder / FENCE}: {error.strerror}") from None


def _read_fence(path: Path) -> int:
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return 0
    except UnicodeDecodeError:
        text = ""
    if not text.isdecimal():
        # Starting again from 1 would use order ids of earlier runs a second time.
        raise JournalUnavailable(f"{path}: holds no run number; restore it, or write one above any used before")
    return int(text)
