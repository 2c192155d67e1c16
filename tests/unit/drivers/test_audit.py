"""The audit file: what was written stays provable, and what was altered is named by its line."""

import errno
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.errors import JournalUnavailable
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.audit import AuditDriver, AuditEntry, AuditFile, verify


def entry(command: str = "halt", at: int = 1) -> AuditEntry:
    return AuditEntry(
        at=Nanos(at),
        uid=1000,
        pid=42,
        command=command,
        reason="strange prices",
        stage="done",
        before="active",
        after="halted",
        outcome="trading halted",
        run=3,
    )


def written(folder: Path, lines: int = 5) -> Path:
    path = folder / "audit.jsonl"
    file = AuditFile(path)
    for number in range(lines):
        file.append(entry(at=number))
    file.close()
    return path


def test_every_line_is_json_with_who_what_and_the_state_before_and_after(tmp_path: Path) -> None:
    lines = written(tmp_path, 1).read_bytes().splitlines()
    assert msgspec.json.decode(lines[0])["entry"] == msgspec.to_builtins(entry(at=0))


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    assert written(tmp_path).stat().st_mode & 0o777 == 0o600


def test_a_file_that_nobody_touched_is_found_unaltered(tmp_path: Path) -> None:
    verdict = verify(written(tmp_path))
    assert (verdict.lines, verdict.altered, verdict.torn) == (5, (), 0)


def test_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    written(tmp_path)
    verdict = verify(written(tmp_path))
    assert (verdict.lines, verdict.altered) == (10, ())


@given(st.data())
def test_any_changed_byte_is_found_with_its_line(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        path = written(Path(name))
        raw = bytearray(path.read_bytes())
        places = [place for place, byte in enumerate(raw) if byte != ord("\n")]
        place = data.draw(st.sampled_from(places))
        raw[place] ^= data.draw(st.integers(1, 255).filter(lambda mask: raw[place] ^ mask != ord("\n")))
        path.write_bytes(raw)
        assert verify(path).altered[0] == raw[:place].count(b"\n") + 1


def test_a_line_that_was_taken_out_is_found_where_it_stood(tmp_path: Path) -> None:
    path = written(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert verify(path).altered == (3,)


def test_lines_that_changed_places_are_found(tmp_path: Path) -> None:
    path = written(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))
    assert verify(path).altered[0] == 2


def test_what_a_crash_left_unfinished_is_cut_off_and_the_chain_goes_on(tmp_path: Path) -> None:
    path = written(tmp_path, 3)
    raw = path.read_bytes()
    path.write_bytes(raw[:-20])
    assert verify(path).torn > 0
    verdict = verify(written(tmp_path, 1))
    assert (verdict.lines, verdict.altered, verdict.torn) == (3, (), 0)


def test_an_altered_file_is_still_written_to_and_stays_found(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"at":1,', b'"at":7,'))
    verdict = verify(written(tmp_path))
    assert (verdict.lines, verdict.altered) == (10, (2,))


def test_a_disk_that_refuses_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = AuditFile(tmp_path / "audit.jsonl")
    file.append(entry())

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="Input/output"):
            file.append(entry())
    file.append(entry())
    file.close()
    verdict = verify(file.path)
    assert (verdict.lines, verdict.altered, verdict.torn) == (2, (), 0)


def test_a_folder_in_its_place_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(JournalUnavailable, match=r"audit\.jsonl"):
        AuditFile(tmp_path / "audit.jsonl")


async def test_the_driver_says_what_is_on_disk(tmp_path: Path) -> None:
    driver = AuditDriver(AuditFile(tmp_path / "audit.jsonl"))
    assert await driver.note(entry(), changes=True)
    assert verify(tmp_path / "audit.jsonl").lines == 1
    driver.close()


async def test_the_driver_says_what_is_not_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = AuditFile(tmp_path / "audit.jsonl")
    driver = AuditDriver(file)

    def refuse(asked: AuditEntry) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(file, "append", refuse)
    assert not await driver.note(entry(), changes=True)
    driver.close()


async def test_a_very_large_file_takes_only_commands_that_change_something(tmp_path: Path) -> None:
    file = AuditFile(tmp_path / "audit.jsonl")
    file.size = 64 << 20
    driver = AuditDriver(file)
    assert not await driver.note(entry("status"), changes=False)
    assert await driver.note(entry("halt"), changes=True)
    driver.close()
