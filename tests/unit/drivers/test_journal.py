"""The journal: what was committed is there after any crash, and nothing else."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import msgpack

from integrated_trading_system.domain.errors import JournalUnavailable, Refused
from integrated_trading_system.domain.journal import JournalAppend, JournalCommitted, JournalFailed
from integrated_trading_system.drivers import blocks
from integrated_trading_system.drivers import journal as journal_module
from integrated_trading_system.drivers.blocks import SCHEMA, Opened, pack, parse
from integrated_trading_system.drivers.journal import OMS, Journal, JournalDriver, SynchronousJournal
from tests.support.port import RecordingPort

BATCHES = [(b"one",), (b"two", b"three"), (b"", b"four" * 20)]


def opened(path: Path) -> Journal:
    return Journal.open(path, "1.0", "config", 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with three commits of one run, and a copy of where each block ends."""
    journal = opened(tmp_path / "journal")
    for batch in BATCHES:
        journal.append(batch)
    journal.close()
    return tmp_path / "journal"


def ends(path: Path) -> list[int]:
    """Where each block of the file ends."""
    raw = path.read_bytes()
    return [end for end in range(len(raw) + 1) if end and parse("", raw[:end]).torn == 0]


def break_disk(journal: Journal, kind: str) -> Callable[[], None]:
    """Put a broken disk behind the open file, as the kernel would show it; call the answer to mend it."""
    kept = os.dup(journal._file)
    # A full device refuses the write; a pipe takes it, and cannot be synced.
    descriptors = [os.open("/dev/full", os.O_WRONLY)] if kind == "full" else list(os.pipe())
    os.dup2(descriptors[-1], journal._file)

    def mend() -> None:
        os.dup2(kept, journal._file)
        for descriptor in (kept, *descriptors):
            os.close(descriptor)

    return mend


# -- the file -------------------------------------------------------------------------------------


def test_what_was_committed_is_read_back_in_order(path: Path) -> None:
    assert Journal.read(path) == (b"one", b"two", b"three", b"", b"four" * 20)
    journal = opened(path)
    assert (journal.records, journal.torn) == (Journal.read(path), 0)
    journal.append((b"five",))
    journal.close()
    assert Journal.read(path)[-1] == b"five"


def test_file_and_folder_are_for_their_owner_only(tmp_path: Path) -> None:
    opened(tmp_path / "state" / "journal").close()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / "journal").stat().st_mode & 0o777 == 0o600


def test_a_journal_that_others_can_read_is_refused_with_the_remedy(path: Path) -> None:
    path.chmod(0o640)
    with pytest.raises(Refused, match=f"chmod 600 {path}"):
        opened(path)


def test_every_run_leaves_its_version_and_configuration(path: Path) -> None:
    Journal.open(path, "1.1", "other", 1).close()
    runs = parse("", path.read_bytes()).runs
    assert [(run.schema, run.code_version, run.config_hash) for run in runs] == [
        (SCHEMA, "1.0", "config"),
        (SCHEMA, "1.1", "other"),
    ]


def test_a_torn_tail_of_any_length_costs_exactly_the_unfinished_commit(path: Path) -> None:
    raw, boundaries = path.read_bytes(), ends(path)
    assert len(boundaries) == 4
    for length in range(len(raw) + 1):
        path.write_bytes(raw[:length])
        whole = [end for end in boundaries if end <= length]
        expected = tuple(record for batch in BATCHES[: max(0, len(whole) - 1)] for record in batch)
        assert Journal.read(path) == expected
        journal = opened(path)
        assert journal.records == expected
        assert journal.torn == length - (whole[-1] if whole else 0)
        journal.append((b"after",))
        journal.close()
        assert Journal.read(path) == (*expected, b"after")


@pytest.mark.parametrize("junk", [b"\0" * 4096, b"\x9fITSJ\r\n\x1a" * 9, b"x" * 3])
def test_what_a_power_cut_leaves_behind_the_last_commit_is_cut_off(path: Path, junk: bytes) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw + junk)
    journal = opened(path)
    journal.close()
    assert journal.torn == len(junk)
    assert path.read_bytes().startswith(raw)
    assert Journal.read(path) == parse("", raw).records, "and is in nobody's way"


def test_zeros_where_the_first_block_should_be_are_a_torn_beginning(tmp_path: Path) -> None:
    (tmp_path / "journal").touch(mode=0o600)
    (tmp_path / "journal").write_bytes(bytes(512))
    journal = opened(tmp_path / "journal")
    journal.close()
    assert (journal.records, journal.torn) == ((), 512)


def test_any_flipped_byte_before_the_last_commit_is_an_error_naming_file_and_place(path: Path) -> None:
    raw, boundaries = path.read_bytes(), ends(path)
    starts = [0, *boundaries[:-1]]
    for place in range(starts[-1]):
        damaged = bytearray(raw)
        damaged[place] ^= 0x40
        path.write_bytes(damaged)
        begin = max(start for start in starts if start <= place)
        expected = "not a journal" if place < 8 else f"damaged at byte {begin};"
        with pytest.raises(JournalUnavailable, match=f"{path}: {expected}"):
            opened(path)
        assert path.read_bytes() == damaged, "a damaged journal is left as it is"


def test_a_flipped_byte_in_the_last_commit_is_not_believed(path: Path) -> None:
    raw = path.read_bytes()
    for place in range(ends(path)[-2], len(raw)):
        damaged = bytearray(raw)
        damaged[place] ^= 0x01
        assert parse("", bytes(damaged)).records == (b"one", b"two", b"three")


def test_a_commit_taken_out_of_the_middle_is_noticed(path: Path) -> None:
    raw, (_, first, second, _) = path.read_bytes(), ends(path)
    path.write_bytes(raw[:first] + raw[second:])
    with pytest.raises(JournalUnavailable, match=f"damaged at byte {first}"):
        Journal.read(path)


def test_a_journal_written_by_a_newer_schema_is_refused_and_names_the_version(path: Path) -> None:
    block, _ = pack(Opened(SCHEMA + 1, "9.9", "config", parse("", path.read_bytes()).runs[0].at), _digest(path))
    with path.open("ab") as file:
        file.write(block)
    with pytest.raises(JournalUnavailable, match=r"version 9\.9 wrote it in form 2, and this .* 1: run version 9\.9"):
        opened(path)


@pytest.mark.parametrize(("version", "records"), [("1.1", 1), ("1.0", 2)])
def test_a_journal_that_a_newer_version_opened_last_is_left_as_it_is(path: Path, version: str, records: int) -> None:
    Journal.open(path, version, "config", records).close()
    before = path.read_bytes() + b"torn"
    path.write_bytes(before)
    with pytest.raises(JournalUnavailable, match=f"{path}: version {version} .* this is version 1.0"):
        opened(path)
    assert path.read_bytes() == before
    Journal.open(path, version, "config", records).close()


def test_a_header_of_the_first_release_says_nothing_of_records_and_means_version_1(path: Path) -> None:
    body = msgpack.encode({"type": "Opened", "schema": 1, "code_version": "0.1", "config_hash": "c", "at": 1})
    with path.open("ab") as file:
        file.write(_framed(body, _digest(path)))
    assert Journal.look(path).runs[-1].records == 1


def test_whoever_opens_it_is_told_who_opened_it_before(path: Path) -> None:
    Journal.open(path, "1.0", "other", 1).close()
    journal = opened(path)
    journal.close()
    assert journal.last is not None
    assert journal.last.config_hash == "other"


def test_a_block_of_an_unknown_form_is_refused(path: Path) -> None:
    raw = path.read_bytes()
    body = msgpack.encode({"type": "Unheard"})
    with pytest.raises(JournalUnavailable, match=f"the block at byte {len(raw)} is of an unknown form"):
        parse("journal", raw + _framed(body, _digest(path)))


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "journal").touch(mode=0o600)
    (tmp_path / "journal").write_bytes(b"SQLite format 3\0")
    with pytest.raises(JournalUnavailable, match="not a journal of ours"):
        opened(tmp_path / "journal")
    assert (tmp_path / "journal").read_bytes() == b"SQLite format 3\0"


def test_a_missing_journal_cannot_be_read_and_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalUnavailable, match=f"{tmp_path}/journal: No such file"):
        Journal.read(tmp_path / "journal")


def test_a_link_to_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "journal").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalUnavailable, match="journal"):
        opened(tmp_path / "journal")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(("kind", "reason"), [("full", "No space left on device"), ("sync", "Invalid argument")])
def test_after_one_failure_nothing_is_ever_committed_again(path: Path, kind: str, reason: str) -> None:
    before = Journal.read(path)
    journal = opened(path)
    mend = break_disk(journal, kind)
    with pytest.raises(OSError, match=reason):
        journal.append((b"lost",))
    mend()
    with pytest.raises(OSError, match=reason):
        journal.append((b"also refused, though the disk is well again",))
    journal.close()
    assert Journal.read(path) == before


def test_a_write_that_took_only_a_part_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, whole = opened(path), os.write
    monkeypatch.setattr(os, "write", lambda file, raw: whole(file, raw[: max(1, len(raw) // 2)]))
    journal.append((b"five" * 100,))
    journal.close()
    assert Journal.read(path)[-1] == b"five" * 100


def test_a_closed_journal_takes_nothing(path: Path) -> None:
    journal = opened(path)
    journal.close()
    journal.close()
    with pytest.raises(OSError, match="closed"):
        journal.append((b"late",))


# -- written anew -----------------------------------------------------------------------------------

SHORT = (b"all of it",)
STEPS = ("open", "write", "fdatasync", "link", "fsync", "replace", "unlink")


class Died(BaseException):
    """The process is no more: nothing after this is executed, not even what cleans up."""


class Dying:
    """`os` until it has been called so often; then the process dies, a write half done."""

    def __init__(self, calls: int, error: BaseException) -> None:
        self.left = calls
        self.error = error
        self.called: list[str] = []

    def __call__(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: Any, **options: Any) -> object:
            if self.left < 0 and isinstance(self.error, Died):
                raise self.error
            self.left -= 1
            if self.left < 0:
                if name == "write":
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])
                raise self.error
            self.called.append(name)
            return real(*arguments, **options)

        return call

    def put_in(self, patch: pytest.MonkeyPatch) -> None:
        for name in STEPS:
            patch.setattr(os, name, self(name, getattr(os, name)))
        patch.setattr(journal_module, "_sync", os.fdatasync)


def rewrite(path: Path, calls: int, error: BaseException) -> tuple[Dying, BaseException | None, Journal]:
    """Write the journal anew on a disk that lasts for so many calls."""
    journal, dying = opened(path), Dying(calls, error)
    with pytest.MonkeyPatch.context() as patch:
        dying.put_in(patch)
        try:
            journal.rewrite(SHORT, path.with_name("kept"))
        except BaseException as raised:  # noqa: BLE001 - Died included
            return dying, raised, journal
    return dying, None, journal


def test_a_journal_written_anew_holds_what_it_was_given_and_the_old_one_is_kept(path: Path) -> None:
    before = Journal.read(path)
    _, _, journal = rewrite(path, 1_000, OSError())
    assert journal.records == Journal.read(path) == SHORT
    assert Journal.read(path.with_name("kept")) == before
    assert path.stat().st_mode & 0o777 == 0o600
    journal.append((b"after",))
    journal.close()
    assert Journal.read(path) == (*SHORT, b"after")
    assert Journal.read(path.with_name("kept")) == before, "nothing goes to the old one any more"
    assert [run.code_version for run in Journal.look(path).runs] == ["1.0"]


def test_a_crash_at_any_step_leaves_the_old_journal_or_the_new_one_whole(path: Path) -> None:
    raw, before = path.read_bytes(), Journal.read(path)
    seen, calls = set(), 0
    while True:
        path.write_bytes(raw)
        dying, died, _ = rewrite(path, calls, Died())
        found = Journal.read(path)
        assert found in (before, SHORT)
        seen.add((dying.called[-1] if dying.called else "", found == SHORT))
        journal = opened(path)
        journal.append((b"after",))
        journal.close()
        assert Journal.read(path) == (*found, b"after")
        _, again, _ = rewrite(path, 1_000, OSError())
        assert again is None, "what a crash leaves behind is in nobody's way"
        if died is None:
            break
        calls += 1
    assert calls >= 8
    assert ("replace", True) in seen
    assert ("write", False) in seen
    assert ("fdatasync", False) in seen


def test_the_new_journal_is_synced_before_it_takes_the_place_of_the_old(path: Path) -> None:
    called = rewrite(path, 1_000, OSError())[0].called
    # opened, header and records each written and synced, read back, old one kept, folder synced, replaced, synced
    assert [name for name in called if name not in ("open", "unlink")] == [
        *("write", "fdatasync", "write", "fdatasync"),
        *("link", "fsync", "replace", "fsync"),
    ]


def test_a_disk_that_fails_leaves_the_old_journal_in_use_until_the_new_one_is_in_place(path: Path) -> None:
    raw, calls, kept = path.read_bytes(), 0, 0
    while True:
        path.write_bytes(raw)
        _, raised, journal = rewrite(path, calls, OSError(28, "No space left on device"))
        if raised is None:
            break
        if isinstance(raised, JournalUnavailable):  # which of the two a power cut would leave is not known
            with pytest.raises(OSError, match="No space left"):
                journal.append((b"after",))
        else:
            journal.append((b"after",))
            assert Journal.read(path)[-1] == b"after"
            assert Journal.read(path)[:-1] == journal.records
            kept += 1
        journal.close()
        calls += 1
    assert calls - kept == 3, "replacing, and opening and syncing the folder"
    assert kept >= 6


def test_a_disk_that_gives_back_something_else_is_noticed_before_it_counts(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, journal = Journal.read(path), opened(path)
    monkeypatch.setattr(journal_module, "_sync", lambda file: os.ftruncate(file, 100))
    with pytest.raises(OSError, match="something else than was written"):
        journal.rewrite(SHORT, path.with_name("kept"))
    journal.close()
    assert Journal.read(path) == before
    assert not path.with_name("kept").exists()
    assert not path.with_name("journal.new").exists()


# -- the synchronous face -------------------------------------------------------------------------


def test_the_synchronous_journal_commits_at_once(path: Path) -> None:
    journal = opened(path)
    store = SynchronousJournal(journal)
    store.append(b"five")
    assert Journal.read(path)[-1] == b"five"
    assert tuple(store.records) == Journal.read(path)
    journal.close()


def test_without_a_file_the_synchronous_journal_only_remembers() -> None:
    store = SynchronousJournal()
    store.append(b"one")
    assert store.records == [b"one"]


# -- the driver -----------------------------------------------------------------------------------


async def test_the_last_of_each_group_is_answered_to_the_oms_once_it_is_on_disk(path: Path) -> None:
    port = RecordingPort()
    driver = JournalDriver(port, opened(path))
    for sequence in range(1, 101):
        driver.append(JournalAppend(sequence, b"%d" % sequence))
    while not port.told or port.messages[-1] != JournalCommitted(100):
        await port.until(JournalCommitted, len(port.told) + 1)
        answered = port.messages[-1].sequence
        assert b"%d" % answered in Journal.read(path)
    await driver.stop()
    assert {actor for actor, _ in port.told} == {OMS}
    sequences = [message.sequence for message in port.of(JournalCommitted)]
    assert sequences == sorted(sequences)
    assert Journal.read(path)[-100:] == tuple(b"%d" % sequence for sequence in range(1, 101))


async def test_stopping_commits_and_answers_what_waits(path: Path) -> None:
    port = RecordingPort()
    driver = JournalDriver(port, opened(path))
    driver.append(JournalAppend(1, b"last"))
    await driver.stop()
    assert port.messages == [JournalCommitted(1)]
    assert Journal.read(path)[-1] == b"last"
    driver.append(JournalAppend(2, b"too late"))
    assert await port.until(JournalFailed) == [JournalFailed(2, "stopped")]


async def test_stopping_a_driver_that_had_nothing_to_do_closes_the_file(path: Path) -> None:
    journal = opened(path)
    await JournalDriver(RecordingPort(), journal).stop()
    with pytest.raises(OSError, match="closed"):
        journal.append((b"late",))


@pytest.mark.parametrize(("kind", "reason"), [("full", "No space left on device"), ("sync", "Invalid argument")])
async def test_a_failed_commit_fails_that_record_and_all_later_ones(path: Path, kind: str, reason: str) -> None:
    port, journal = RecordingPort(), opened(path)
    driver = JournalDriver(port, journal)
    driver.append(JournalAppend(1, b"good"))
    await port.until(JournalCommitted)
    mend = break_disk(journal, kind)
    driver.append(JournalAppend(2, b"bad"))
    await port.until(JournalFailed)
    mend()
    driver.append(JournalAppend(3, b"the disk is well again"))
    await port.until(JournalFailed, 2)
    await driver.stop()
    assert port.messages == [JournalCommitted(1), JournalFailed(2, reason), JournalFailed(3, reason)]
    assert Journal.read(path)[-1] == b"good"


async def test_a_disk_that_is_too_slow_fails_records_instead_of_hoarding_them(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "WAITING_MAX", 3)
    port = RecordingPort()
    driver = JournalDriver(port, opened(path))
    with driver._changed:  # the thread cannot take anything while we hold this
        for sequence in range(1, 7):
            driver.append(JournalAppend(sequence, b"x"))
    await driver.stop()
    assert port.of(JournalFailed) == [JournalFailed(sequence, "the disk is too slow") for sequence in (4, 5, 6)]
    assert port.of(JournalCommitted) == [JournalCommitted(3)]


def _digest(path: Path) -> bytes:
    return parse("", path.read_bytes()).digest


def _framed(body: bytes, before: bytes) -> bytes:
    """A sound block around any body."""
    digest = blocks._digest(before, body)
    return blocks._FRAME.pack(blocks.MARK, before, digest, len(body)) + body
