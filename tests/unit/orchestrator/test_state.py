"""The state directory remembers a halt over restarts, and forgets it once somebody lifted it."""

from pathlib import Path

import pytest

from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.health import TradingState, TradingStateChanged
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.state import HALTED, HaltMarker, State, take_state

HALT = TradingStateChanged(TradingState.HALTED, "lost too much", Nanos(1))
RESUME = TradingStateChanged(TradingState.ACTIVE, "resumed by somebody", Nanos(2))


def settings(folder: Path, mode: Mode = Mode.PAPER) -> PlatformSettings:
    venues = {"binance:spot": VenueSettings(symbols=("BTCUSDT",))}
    return PlatformSettings(mode=mode, state_dir=folder / "state", venues=venues)


def let_go(state: State) -> None:
    state.journal.close()
    state.release()


def test_a_halt_is_remembered_at_once_and_holds_at_the_next_start(tmp_path: Path) -> None:
    state = take_state(settings(tmp_path))
    assert state.recovered.halted is None
    HaltMarker(state).tell(HALT)
    let_go(state)
    state = take_state(settings(tmp_path))
    assert state.recovered.halted == "lost too much"
    let_go(state)


def test_a_halt_that_was_lifted_does_not_come_back(tmp_path: Path) -> None:
    state = take_state(settings(tmp_path))
    marker = HaltMarker(state)
    marker.tell(HALT)
    marker.tell(RESUME)
    marker.tell(RESUME)
    let_go(state)
    state = take_state(settings(tmp_path))
    assert state.recovered.halted is None
    let_go(state)


def test_removing_the_file_while_stopped_lifts_a_halt(tmp_path: Path) -> None:
    state = take_state(settings(tmp_path))
    HaltMarker(state).tell(HALT)
    let_go(state)
    (tmp_path / "state" / HALTED).unlink()
    state = take_state(settings(tmp_path))
    assert state.recovered.halted is None
    let_go(state)


def test_a_disk_that_refuses_the_marker_does_not_stop_the_halt(tmp_path: Path) -> None:
    state = take_state(settings(tmp_path))
    (tmp_path / "state" / HALTED).mkdir()
    HaltMarker(state).tell(HALT)
    let_go(state)


@pytest.mark.parametrize("mode", [Mode.DEV, Mode.PAPER])
def test_only_dev_mode_begins_with_a_new_journal_and_no_halt(tmp_path: Path, mode: Mode) -> None:
    state = take_state(settings(tmp_path, mode))
    state.journal.append([b"a record"])
    state.halt("lost too much")
    let_go(state)
    state = take_state(settings(tmp_path, mode))
    assert state.recovered.run == 2
    assert state.recovered.records == (() if mode is Mode.DEV else (b"a record",))
    assert state.recovered.halted == (None if mode is Mode.DEV else "lost too much")
    let_go(state)


def test_dev_mode_keeps_the_last_journals(tmp_path: Path) -> None:
    for _ in range(9):
        let_go(take_state(settings(tmp_path, Mode.DEV)))
    kept = sorted(path.name for path in (tmp_path / "state").glob("journal.before-*"))
    assert kept == [f"journal.before-{run}" for run in range(5, 10)]
