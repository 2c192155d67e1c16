"""The whole platform, some of the default configuration's venues, and everything that can go wrong at once.

`SOAK_SEEDS=FIRST:LAST` runs other seeds than the few of every commit, `SOAK_SECONDS` longer ones:

    SOAK_SEEDS=0:1000 SOAK_SECONDS=120 pytest -n auto tests/simulation/test_soak.py
"""

import os
from collections import Counter
from pathlib import Path

import pytest

from integrated_trading_system.drivers.recorder import Recorder, read_blocks
from integrated_trading_system.orchestrator.campaign.trial import Trial
from integrated_trading_system.orchestrator.observation import Observation
from integrated_trading_system.orchestrator.platform import OMS, Platform, Recovered
from integrated_trading_system.orchestrator.recording import header_of, platform_of
from integrated_trading_system.orchestrator.replay import reproduce
from integrated_trading_system.runtime.fingerprint import Fingerprint
from integrated_trading_system.simulation.faults import Fault
from tests.support.soak import soak

FIRST, LAST = (int(seed) for seed in os.environ.get("SOAK_SEEDS", "11:23").split(":"))
SECONDS = float(os.environ.get("SOAK_SECONDS", "45"))
UNHEARD_FOR = 35.0
"""What went wrong last may have to be waited for: a dead link 30 s, an answer 10 s, the next try 30 s at most."""


@pytest.fixture(scope="module")
def soaks() -> list[Trial]:
    return [soak(seed, SECONDS).run() for seed in range(FIRST, LAST)]


def test_whatever_goes_wrong_nothing_is_lost_nothing_is_doubled_and_everything_ends(soaks: list[Trial]) -> None:
    problems = {trial.swarm.seed: trial.violations for trial in soaks if trial.violations}
    assert problems == {}
    assert sum(trial.platform.system.view(OMS).fills for trial in soaks) > 20 * len(soaks), "most seeds have to trade"


def test_books_come_back_whatever_went_wrong_last(soaks: list[Trial]) -> None:
    assert {one.swarm.seed: one.books_valid_after for one in soaks if one.books_valid_after > UNHEARD_FOR} == {}


def test_books_are_valid_within_five_seconds_of_a_cut_of_everything() -> None:
    for seed in range(3):
        trial = soak(seed, 40.0, {Fault.ALL_CUT: 0.03}, crashes=False, failures=False).run()
        assert trial.violations == []
        assert trial.books_valid_after <= 5.0


def test_every_fault_happens(soaks: list[Trial]) -> None:
    """A campaign in which a fault never fires proves nothing about it."""
    counts = sum((Counter(trial.counts) for trial in soaks), Counter())
    assert [fault.value for fault in Fault if not counts[fault]] == []
    assert counts["crash"] > 0
    assert counts["halt"] > 0
    assert any(name.startswith("failure of") for name in counts)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_disturbed_run_is_reproduced_from_its_recording(seed: int, tmp_path: Path) -> None:
    recorders: list[Recorder] = []
    paths: list[Path] = []

    def observe(platform: Platform, recovered: Recovered) -> None:
        inputs = Fingerprint()
        paths.append(tmp_path / f"life-{recovered.run}.rec")
        header = header_of(trial.swarm.settings, recovered, trial.now)
        recorders.append(Recorder(paths[-1], header, inputs, platform.outputs))
        platform.system.observer = Observation(inputs, recorders[-1])

    trial = soak(seed, SECONDS / 2, failures=False, observe=observe)
    assert trial.run().violations == []
    for path, recorder in zip(paths, recorders, strict=True):
        recorder.close()
        assert reproduce(read_blocks(path), platform_of).complete
