"""The environment of the clients: made once, by the same command that people use."""

import fcntl
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def referees() -> Path:
    """The Python that has the clients installed."""
    with (ROOT / ".venv-referees.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # pytest may run in several processes at once
        subprocess.run([ROOT / "its.sh", "referees"], check=True)
    return ROOT / ".venv-referees" / "bin" / "python"
