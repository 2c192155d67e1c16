"""The state folder: private, held by one process, with a run number that only grows."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from integrated_trading_system.domain.errors import JournalUnavailable, Refused
from integrated_trading_system.drivers.journal import Journal
from integrated_trading_system.drivers.lock import StateLock, lock_holder, private_folder, write_durably

HOLDER = """
import sys
from pathlib import Path
from integrated_trading_system.drivers.journal import Journal
from integrated_trading_system.drivers.lock import StateLock
lock = StateLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def read_only_folder() -> Iterator[Path]:
    """A folder of our own that we may not write to, as a user without root's privileges."""
    with TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o500)
        if os.geteuid() != 0:
            yield folder
            return
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)


def test_the_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    with StateLock(tmp_path / "data" / "state"):
        assert (tmp_path / "data" / "state").stat().st_mode & 0o777 == 0o700
        assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "data" / "state").iterdir())


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_folder_that_others_may_enter_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(Refused, match=f"chmod 700 {tmp_path}"):
        StateLock(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(Refused, match="belongs to user 65534"):
        private_folder(tmp_path)


def test_a_second_instance_is_refused_and_told_who_holds_the_folder(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Refused, match=f"in use by process {holder.pid}:"):
            StateLock(tmp_path)
        holder.kill()
    with StateLock(tmp_path) as ours:
        assert ours.fence == 2  # the refused start did not count


def test_every_run_gets_the_next_number(tmp_path: Path) -> None:
    fences = []
    for _ in range(3):
        with StateLock(tmp_path) as lock:
            fences.append(lock.fence)
    assert fences == [1, 2, 3]


def test_a_crash_between_two_numbers_leaves_the_older_one_whole(tmp_path: Path) -> None:
    with StateLock(tmp_path):
        pass
    (tmp_path / "fence.new").write_text("")  # as if the process died before it could write
    with StateLock(tmp_path) as lock:
        assert lock.fence == 2


@pytest.mark.parametrize("content", [b"", b"many", b"-1", b"\xff"])
def test_an_unreadable_run_number_is_never_taken_for_the_first_run(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "fence").write_bytes(content)
    with pytest.raises(JournalUnavailable, match="holds no run number"):
        StateLock(tmp_path)
    (tmp_path / "fence").write_bytes(b"41\n")
    with StateLock(tmp_path) as lock:  # the failed start holds nothing
        assert lock.fence == 42


def test_a_folder_that_cannot_be_written_is_named() -> None:
    with read_only_folder() as folder, pytest.raises(JournalUnavailable, match=f"{folder}/lock: Permission denied"):
        StateLock(folder)


def test_a_journal_in_a_folder_that_cannot_be_written_is_named() -> None:
    with read_only_folder() as folder, pytest.raises(JournalUnavailable, match=f"{folder}/journal: Permission denied"):
        Journal.open(folder / "journal", "1.0", "config", 1)


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(JournalUnavailable, match="File exists"):
        StateLock(tmp_path / "state")


def test_a_lock_that_is_a_link_to_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalUnavailable, match="lock"):
        StateLock(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_releasing_twice_is_harmless(tmp_path: Path) -> None:
    lock = StateLock(tmp_path)
    lock.release()
    lock.release()
    with StateLock(tmp_path):
        pass


def test_who_holds_a_folder_can_be_asked_without_taking_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    assert lock_holder(folder) == ""
    with StateLock(folder) as lock:
        assert lock_holder(folder) == str(os.getpid())
    assert lock_holder(folder) == ""
    with StateLock(folder) as another:
        assert another.fence == lock.fence + 1


def test_two_locks_on_one_folder_are_one_too_many(tmp_path: Path) -> None:
    with StateLock(tmp_path), pytest.raises(Refused, match=f"in use by process {os.getpid()}:"):
        StateLock(tmp_path)


def test_a_run_that_the_journal_knows_is_outrun(tmp_path: Path) -> None:
    """The file with the number was restored from a copy, say."""
    for known, expected in ((0, 1), (2, 3), (9, 10)):
        with StateLock(tmp_path) as lock:
            lock.outrun(known)
            assert lock.fence == expected
        assert (tmp_path / "fence").read_text() == f"{expected}\n"


def test_a_file_is_synced_before_it_takes_the_place_of_the_old_and_then_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []
    for name in ("write", "fsync", "replace"):

        def call(*arguments: Any, name: str = name, real: Any = getattr(os, name)) -> Any:  # noqa: B008
            called.append(name)
            return real(*arguments)

        monkeypatch.setattr(os, name, call)
    write_durably(tmp_path / "fence", "7")
    assert called == ["write", "fsync", "replace", "fsync"]
    assert (tmp_path / "fence").read_text() == "7"
