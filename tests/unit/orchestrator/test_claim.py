"""A state folder is of one mode, and keeps it."""

from pathlib import Path

import pytest

from integrated_trading_system.config.platform import Mode
from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.orchestrator.claim import claim


@pytest.mark.parametrize(("mode", "refused"), [(Mode.LIVE, True), (Mode.SHADOW, True), (Mode.PAPER, False)])
def test_a_journal_from_before_modes_were_noted_is_not_taken_for_a_real_account(
    tmp_path: Path, mode: Mode, refused: bool
) -> None:
    (tmp_path / "journal").touch()
    if refused:
        with pytest.raises(Refused, match="a journal of an unknown mode"):
            claim(tmp_path, mode)
    else:
        claim(tmp_path, mode)


@pytest.mark.parametrize("mode", Mode)
def test_the_mode_of_the_first_run_is_that_of_every_other_one(tmp_path: Path, mode: Mode) -> None:
    claim(tmp_path, mode)
    claim(tmp_path, mode)
    for other in set(Mode) - {mode}:
        with pytest.raises(Refused, match=f"is of mode {mode.value}, and this run is of mode {other.value}; choose"):
            claim(tmp_path, other)
