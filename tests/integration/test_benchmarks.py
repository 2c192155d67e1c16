"""The benchmarks run and say something sane; how fast they are is never a test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIGURES = {
    "callbacks": lambda result: result["per_second"]["sync"],
    "hop": lambda result: result["cpu_us"]["64 at a time"]["mailbox, then mailbox"],
    "outputs": lambda result: result["ratio"]["nats"],
    "memory": lambda result: result["buffers"]["quotes"]["mb"],
    "venues": lambda result: result["venues"][0]["us"]["whole"],
    "replay": lambda result: result["per_second"],
    "startup": lambda result: result["wall_s"],
    "recovery": lambda result: result["seconds"]["no journal"],
    "tick_to_order": lambda result: result["us"]["synced"]["on the wire"][0],
}
"""Not `peers`: it installs other people's packages."""


@pytest.mark.parametrize("name", FIGURES)
def test_a_benchmark_runs_and_writes_its_figures(name: str, recordings: Path, tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    command = [sys.executable, f"benchmarks/{name}.py", "--quick", "--json", str(written)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={"ITS_RECORDINGS": str(recordings)}
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(written.read_text())
    assert FIGURES[name](result) > 0
    assert result["quick"] is True
    assert {"date", "machine", "python", "load"} <= result.keys()
    assert result["machine"] in done.stdout


def test_every_benchmark_is_tested_here() -> None:
    assert {path.stem for path in (ROOT / "benchmarks").glob("[a-z]*.py")} == {*FIGURES, "peers"}
