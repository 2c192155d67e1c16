"""A run in real time is not reproducible from its seed, and is from its recording."""

from pathlib import Path

import pytest
from msgspec import json

from integrated_trading_system.domain.cointegration import CointegrationTold
from integrated_trading_system.drivers.recorder import read_blocks
from integrated_trading_system.orchestrator.commands.cli import main
from integrated_trading_system.runtime.recording import Told

CONFIG = Path(__file__).resolve().parents[2] / "config"


def test_a_recorded_run_in_real_time_is_reproduced_bit_for_bit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = tmp_path / "run.rec"
    state = ["--set", f"state_dir={tmp_path / 'state'}", "--set", "http.port=0"]
    assert main(["--duration", "5", "--no-ui", "--record", str(recording), *state]) == 0
    run = [line for line in capsys.readouterr().out.splitlines() if " hash " in line]
    assert main(["replay", str(recording)]) == 0
    replayed = [line for line in capsys.readouterr().out.splitlines() if " hash " in line]
    assert replayed == run
    assert len(run) == 2


def test_what_a_worker_worked_out_is_an_input_like_any_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = tmp_path / "run.rec"
    tested = {"cointegration_p_max": 0.05, "cointegration_samples": 50, "cointegration_every_s": 0.2}
    strategy = {
        "name": "pair",
        "strategy": "pairs",
        "comparison": "pair",
        "settings": {"sample_ms": 1, "bound_ms_max": 2_000, "window": 20, **tested},
    }
    state = ["--set", f"state_dir={tmp_path / 'state'}", "--set", "http.port=0"]
    chosen = ["--config", str(CONFIG / "pairs.yaml"), "--set", f"strategies={json.encode([strategy]).decode()}"]
    assert main(["--duration", "5", "--no-ui", "--record", str(recording), *chosen, *state]) == 0
    run = [line for line in capsys.readouterr().out.splitlines() if " hash " in line]
    told = [
        entry.message.found
        for block in read_blocks(recording)
        for entry in block.entries
        if isinstance(entry, Told) and isinstance(entry.message, CointegrationTold)
    ]
    assert told
    assert None not in told
    assert main(["replay", str(recording)]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if " hash " in line] == run
