"""A run in real time is not reproducible from its seed, and is from its recording."""

from pathlib import Path

import pytest

from integrated_trading_system.orchestrator.cli import main


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
