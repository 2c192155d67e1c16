"""The event log: whole lines, files of limited size, and a disk that fills up and is emptied again."""

import errno
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from integrated_trading_system.config.outputs import OutputSettings
from integrated_trading_system.orchestrator.outputs import Outputs
from integrated_trading_system.runtime.bus import Bus
from tests.support.outputs import OneBook, fill, heartbeat, logged, quote, trade
from tests.support.served import until


class Bench:
    def __init__(self, outputs: Outputs, folder: Path) -> None:
        self.outputs = outputs
        self.folder = folder
        self.bus = Bus()

    def figures(self) -> dict[str, Any]:
        return self.outputs.statistics()["jsonl"]

    async def delivered(self, count: int) -> None:
        await until(lambda: self.figures()["delivered"] >= count, f"{count} events to be written")

    async def failed(self, times: int = 1) -> None:
        await until(lambda: self.figures()["failures"] >= times, "a failure")


@asynccontextmanager
async def bench(folder: Path, **settings: Any) -> AsyncIterator[Bench]:
    terms = {"flush_ms": 0, "retry_first_s": 0.02, "retry_max_s": 0.05}
    chosen = OutputSettings.model_validate({"jsonl": {"enabled": True, **terms, **settings}})
    outputs = Outputs(chosen, books=OneBook(), state_dir=folder, run="1", environment={})
    one = Bench(outputs, folder)
    outputs.start(one.bus)
    try:
        yield one
    finally:
        await outputs.stop()


def numbers(path: Path) -> list[int]:
    """Of the events in a file, every line of which must be whole."""
    text = path.read_bytes()
    assert text.endswith(b"\n")
    return [json.decode(line)["n"] for line in text.splitlines()]


async def test_every_event_is_a_line_in_a_file_of_this_user_alone(tmp_path: Path) -> None:
    async with bench(tmp_path) as one:
        for message in (trade(1), quote(2), heartbeat(3), fill(4)):
            one.bus.publish(message)
    lines = [json.decode(line) for line in (tmp_path / "events.jsonl").read_bytes().splitlines()]
    assert [line["type"] for line in lines] == ["trade", "quote", "heartbeat", "fill"]
    assert stat.S_IMODE((tmp_path / "events.jsonl").stat().st_mode) == 0o600


async def test_a_file_that_would_grow_too_large_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    async with bench(tmp_path, rotate_bytes=4_096, files_kept=2) as one:
        for number in range(200):
            one.bus.publish(trade(number))
        await one.delivered(200)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["events.jsonl", "events.jsonl.1", "events.jsonl.2"]
    assert all(file.stat().st_size <= 4_096 for file in files)
    row = [number for file in reversed(files) for number in numbers(file)]
    assert row == list(range(row[0], 201))


async def test_without_old_files_the_log_begins_anew(tmp_path: Path) -> None:
    async with bench(tmp_path, rotate_bytes=4_096, files_kept=0) as one:
        for number in range(100):
            one.bus.publish(trade(number))
    assert [file.name for file in tmp_path.iterdir()] == ["events.jsonl"]
    assert numbers(tmp_path / "events.jsonl")[-1] == 100


async def test_the_next_run_goes_on_behind_what_is_there_even_if_the_last_line_is_torn(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b'{"n":1,"type"')
    async with bench(tmp_path) as one:
        one.bus.publish(trade(1))
    torn, whole = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert torn == b'{"n":1,"type"'
    assert json.decode(whole)["n"] == 1


class Disk:
    """Takes so many bytes more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
        self.room = room
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, file: int, data: bytes) -> int:
        if not data.startswith(b'{"n"') and b'"n":' not in data:
            return self._write(file, data)  # somebody else's
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self._write(file, data[: self.room])
        self.room -= written
        return written


async def test_a_full_disk_is_one_warning_counted_drops_and_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, room=1_000)
    with logged() as lines:
        async with bench(tmp_path, capacity=50) as one:
            for number in range(100):
                one.bus.publish(trade(number))
            await one.failed(3)
            assert (one.figures()["waiting"], one.figures()["dropped"]) == (50, {"trade": 50})
            disk.room = 1_000_000
            await one.delivered(50)
    assert numbers(tmp_path / "events.jsonl") == list(range(51, 101))
    assert len(lines) == 1
    assert "No space left" in lines[0]


async def test_a_folder_that_cannot_be_written_is_a_warning_and_the_run_goes_on(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with logged() as lines:
        async with bench(tmp_path, path=blocked / "events.jsonl") as one:
            one.bus.publish(trade(1))
            await one.failed(3)
    assert len(lines) == 2
    assert "File" in lines[0] or "directory" in lines[0]


async def test_one_event_in_n_is_printed_to_be_looked_at(tmp_path: Path) -> None:
    outputs = Outputs(OutputSettings(print_every=10), books=OneBook(), state_dir=tmp_path, run="1", environment={})
    bus = Bus()
    outputs.start(bus)
    with logged("INFO") as lines:
        for number in range(25):
            bus.publish(trade(number))
            bus.publish(fill(number))  # ours are not shown
    assert [json.decode(line.partition(" ")[2])["n"] for line in lines] == [1, 11, 21]
