"""A run is its inputs: the same seed gives the same hash, and a recording that was touched is found out."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.link import FrameReceived
from integrated_trading_system.drivers.recorder import read_blocks
from integrated_trading_system.orchestrator.commands.cli import main
from integrated_trading_system.runtime.recording import MAGIC, Block, Entry, Told, pack

RUN = ["run", "--speed", "max", "--duration", "12", "--no-ui"]


def hashes(output: str) -> list[str]:
    return [line.split()[-1] for line in output.splitlines() if " hash " in line]


def in_a_process_of_its_own(hash_seed: str) -> list[str]:
    command = [sys.executable, "-m", "integrated_trading_system", *RUN]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": hash_seed})
    return hashes(done.stdout)


def test_the_same_seed_gives_the_same_hash_whatever_pythons_own_hash_seed() -> None:
    assert in_a_process_of_its_own("1") == in_a_process_of_its_own("2") != []


def test_another_seed_gives_another_hash(capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for seed in ("1", "2"):
        assert main([*RUN, "--seed", seed]) == 0
        found.append(hashes(capsys.readouterr().out))
    assert found[0][0] != found[1][0]
    assert found[0][1] != found[1][1]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "run.rec"
    assert main([*RUN, "--record", str(path)]) == 0
    return path


def test_a_recording_reproduces_its_run(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(RUN) == 0
    run = hashes(capsys.readouterr().out)
    assert main(["replay", str(recording)]) == 0
    assert hashes(capsys.readouterr().out) == run


def test_one_flipped_byte_is_found(recording: Path, tmp_path: Path) -> None:
    raw = recording.read_bytes()
    for position in range(len(MAGIC), len(raw), len(raw) // 7):
        path = tmp_path / "flipped.rec"
        path.write_bytes(raw[:position] + bytes([raw[position] ^ 0x10]) + raw[position + 1 :])
        assert main(["replay", str(path)]) == 5


def rewritten(recording: Path, path: Path, change: Callable[[Block], Block]) -> Path:
    """The recording with changed blocks and a hash chain that is right again: only its meaning is wrong."""
    raw, previous = MAGIC, b""
    for block in read_blocks(recording):
        packed, previous = pack(change(block), previous)
        raw += packed
    path.write_bytes(raw)
    return path


def frames(entries: list[Entry], part: bytes) -> list[int]:
    """Where frames that contain this text were told."""
    return [
        index
        for index, entry in enumerate(entries)
        if isinstance(entry, Told) and isinstance(entry.message, FrameReceived) and part in entry.message.frame
    ]


def test_one_altered_byte_of_an_input_changes_the_outputs(recording: Path, tmp_path: Path) -> None:
    altered = 0

    def change(block: Block) -> Block:
        nonlocal altered
        for index, entry in enumerate(block.entries):
            if altered or not isinstance(entry, Told) or not isinstance(entry.message, HttpReply):
                continue
            if b'"fills":[{"price":"6' in entry.message.body:
                body = entry.message.body.replace(b'"fills":[{"price":"6', b'"fills":[{"price":"5')
                block.entries[index] = Told(entry.actor, replace(entry.message, body=body))
                altered += 1
        return block

    path = rewritten(recording, tmp_path / "altered.rec", change)
    assert altered == 1
    assert main(["replay", str(path)]) == 5


def test_two_exchanged_inputs_change_the_outputs(recording: Path, tmp_path: Path) -> None:
    def change(block: Block) -> Block:
        depth = frames(block.entries, b"depthUpdate")
        if len(depth) > 10:
            one, two = depth[8], depth[9]
            block.entries[one], block.entries[two] = block.entries[two], block.entries[one]
        return block

    assert main(["replay", str(rewritten(recording, tmp_path / "swapped.rec", change))]) == 5


def test_one_decision_taken_otherwise_is_found(recording: Path, tmp_path: Path) -> None:
    def change(block: Block) -> Block:
        if block.header is None:
            return block
        config = block.header.config.replace('"edge_bps_min":2', '"edge_bps_min":9')
        assert config != block.header.config
        return replace(block, header=replace(block.header, config=config))

    assert main(["replay", str(rewritten(recording, tmp_path / "decided.rec", change))]) == 5


def test_a_recording_whose_end_is_missing_is_told_apart(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "torn.rec"
    path.write_bytes(recording.read_bytes()[:-40])
    assert main(["replay", str(path)]) == 5
    assert "its:" in capsys.readouterr().err
