"""What waits for an operator, a halt, the restriction to reducing, latches, outlives the run until one resumes."""

from pathlib import Path

import pytest

from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.errors import Refused
from integrated_trading_system.domain.health import Latched, Reduced, Resumed, TradingState, TradingStateChanged
from integrated_trading_system.domain.ids import InstrumentId, StrategyId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.commands.operating import lift_offline
from integrated_trading_system.orchestrator.marks import HALTED, LATCHED, REDUCING, Marks, read_latches, read_marks
from integrated_trading_system.orchestrator.state import take_state
from integrated_trading_system.runtime.bus import Bus

HALT = TradingStateChanged(TradingState.HALTED, "lost too much", Nanos(1))
REDUCE = Reduced("end of the day (by me)", Nanos(1))
FIRST = Latched(StrategyId("arb"), InstrumentId("a:spot:BTCUSDT"), "repeats-max: 600 times", Nanos(1))
SECOND = Latched(StrategyId("arb"), InstrumentId("b:spot:BTCUSDT"), "repeats-max: 600 times", Nanos(2))
RESUME = Resumed("me", Nanos(3))
TOLD = {HALTED: "lost too much", REDUCING: "end of the day (by me)", LATCHED: "arb in a:spot:BTCUSDT: " + FIRST.reason}


def test_what_is_latched_is_read_again_and_what_another_run_latches_comes_to_it(tmp_path: Path) -> None:
    assert read_latches(tmp_path) == ()
    Marks(tmp_path).tell(FIRST)
    assert read_latches(tmp_path) == (FIRST,)
    Marks(tmp_path).tell(SECOND)
    assert read_latches(tmp_path) == (FIRST, SECOND)


def test_each_is_remembered_for_itself_and_an_operator_lifts_them_all(tmp_path: Path) -> None:
    for message in (REDUCE, HALT, FIRST):
        Marks(tmp_path).tell(message)
    again = Marks(tmp_path)
    assert (again.halted, again.reducing, again.latched) == (TOLD[HALTED], TOLD[REDUCING], (FIRST,))
    assert read_marks(tmp_path) == TOLD
    again.tell(RESUME)
    again.tell(RESUME)
    assert read_marks(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("state", [TradingState.STARTING, TradingState.REDUCING, TradingState.ACTIVE])
def test_no_trading_state_lifts_anything(state: TradingState, tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    for message in (HALT, REDUCE, FIRST):
        marks.tell(message)
    marks.tell(TradingStateChanged(state, "reconciled", Nanos(4)))
    assert read_marks(tmp_path) == TOLD


def test_a_file_that_cannot_be_understood_lets_nothing_start(tmp_path: Path) -> None:
    (tmp_path / LATCHED).write_text("{}\n")
    with pytest.raises(Refused, match="remove it to lift every latch"):
        Marks(tmp_path)
    (tmp_path / LATCHED).unlink()
    (tmp_path / HALTED).mkdir()
    with pytest.raises(Refused, match="remove it to lift what it says"):
        Marks(tmp_path)


def test_a_disk_that_refuses_does_not_stop_the_run(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "missing")
    for message in (HALT, REDUCE, FIRST, RESUME):
        marks.tell(message)
    assert read_marks(tmp_path / "missing") == {}


def settings(folder: Path, mode: Mode = Mode.PAPER) -> PlatformSettings:
    venues = {"binance:spot": VenueSettings(symbols=("BTCUSDT",))}
    return PlatformSettings(mode=mode, state_dir=folder / "state", venues=venues)


@pytest.mark.parametrize(
    ("mode", "remembered"),
    [(Mode.PAPER, (TOLD[HALTED], TOLD[REDUCING], (FIRST,))), (Mode.DEV, (None, None, ()))],
)
def test_the_next_start_begins_with_them_unless_its_exchanges_are_gone(
    tmp_path: Path, mode: Mode, remembered: tuple[object, ...]
) -> None:
    bus = Bus()
    for expected in ((None, None, ()), remembered):
        state = take_state(settings(tmp_path, mode))
        found = state.recovered
        assert (found.halted, found.reducing, found.latched) == expected
        state.marks.follow(bus)
        for message in (HALT, REDUCE, FIRST):
            bus.publish(message)
        state.journal.close()
        state.release()


@pytest.mark.parametrize("mark", [REDUCING, LATCHED])
def test_while_nothing_runs_reducing_and_latches_are_lifted_for_who_names_the_run(mark: str, tmp_path: Path) -> None:
    state = take_state(settings(tmp_path))
    state.marks.tell(REDUCE if mark == REDUCING else FIRST)
    state.journal.close()
    state.release()
    with pytest.raises(Refused, match=r"resume --offline --confirm 1"):
        lift_offline(state.folder, "2")
    assert TOLD[mark] in lift_offline(state.folder, "1")["said"]
    assert read_marks(state.folder) == {}
    with pytest.raises(Refused, match="nothing waits to be lifted"):
        lift_offline(state.folder, "1")
