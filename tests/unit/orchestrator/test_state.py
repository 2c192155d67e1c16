"""The state directory remembers a halt over restarts, and forgets it once somebody lifted it."""

import os
from pathlib import Path

import pytest

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.errors import JournalDamaged
from integrated_trading_system.domain.health import Resumed, TradingState, TradingStateChanged
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.journal import Journal
from integrated_trading_system.drivers.lock import StateLock
from integrated_trading_system.oms.records import FillsCovered, Started, encode
from integrated_trading_system.orchestrator.marks import HALTED, read_halt
from integrated_trading_system.orchestrator.state import (
    OTHER_CONFIGURATION,
    State,
    take_state,
)
from tests.support.oms_rig import Rig
from tests.support.oms_world import single

HALT = TradingStateChanged(TradingState.HALTED, "lost too much", Nanos(1))
RECORD = encode(Started(fence=1, at=Nanos(1)))
RESUME = Resumed("somebody", Nanos(2))


def settings(folder: Path, mode: Mode = Mode.PAPER) -> PlatformSettings:
    venues = {"binance:spot": VenueSettings(symbols=("BTCUSDT",))}
    return PlatformSettings(mode=mode, state_dir=folder / "state", venues=venues)


def let_go(state: State) -> None:
    state.journal.close()
    state.release()


def test_a_halt_is_remembered_at_once_and_holds_at_the_next_start(tmp_path: Path) -> None:
    state = take_state(settings(tmp_path))
    assert state.recovered.halted is None
    state.marks.tell(HALT)
    let_go(state)
    state = take_state(settings(tmp_path))
    assert state.recovered.halted == "lost too much"
    let_go(state)


def test_a_halt_that_was_lifted_does_not_come_back(tmp_path: Path) -> None:
    state = take_state(settings(tmp_path))
    marker = state.marks
    marker.tell(HALT)
    marker.tell(RESUME)
    marker.tell(RESUME)
    let_go(state)
    state = take_state(settings(tmp_path))
    assert state.recovered.halted is None
    let_go(state)


def test_removing_the_file_while_stopped_lifts_a_halt(tmp_path: Path) -> None:
    state = take_state(settings(tmp_path))
    state.marks.tell(HALT)
    let_go(state)
    (tmp_path / "state" / HALTED).unlink()
    state = take_state(settings(tmp_path))
    assert state.recovered.halted is None
    let_go(state)


def test_a_disk_that_refuses_the_marker_does_not_stop_the_halt(tmp_path: Path) -> None:
    state = take_state(settings(tmp_path))
    (tmp_path / "state" / HALTED).mkdir()
    state.marks.tell(HALT)
    let_go(state)


@pytest.mark.parametrize("mode", [Mode.DEV, Mode.PAPER])
def test_only_dev_mode_begins_with_a_new_journal_and_no_halt(tmp_path: Path, mode: Mode) -> None:
    state = take_state(settings(tmp_path, mode))
    state.journal.append([RECORD])
    state.halt("lost too much")
    let_go(state)
    state = take_state(settings(tmp_path, mode))
    assert state.recovered.run == 2
    assert state.recovered.records == (() if mode is Mode.DEV else (RECORD,))
    assert state.recovered.halted == (None if mode is Mode.DEV else "lost too much")
    let_go(state)


def test_dev_mode_keeps_the_last_journals(tmp_path: Path) -> None:
    for _ in range(9):
        let_go(take_state(settings(tmp_path, Mode.DEV)))
    kept = sorted(path.name for path in (tmp_path / "state").glob("journal.before-*"))
    assert kept == [f"journal.before-{run}" for run in range(5, 10)]


# -- halted by whoever takes it ------------------------------------------------------------------


def test_whoever_recovers_halts_first_and_the_halt_stays(tmp_path: Path) -> None:
    let_go(take_state(settings(tmp_path), "the watchdog killed it"))
    state = take_state(settings(tmp_path))
    assert state.recovered.halted == "the watchdog killed it"
    let_go(state)
    let_go(take_state(settings(tmp_path), "a later reason"))
    assert read_halt(tmp_path / "state") == "the watchdog killed it"


def test_the_halt_stands_even_where_the_journal_cannot_be_opened(tmp_path: Path) -> None:
    let_go(take_state(settings(tmp_path)))
    (tmp_path / "state" / "journal").write_bytes(b"something else")
    with pytest.raises(JournalDamaged, match="not a journal of ours"):
        take_state(settings(tmp_path), "killed")
    assert read_halt(tmp_path / "state") == "killed"


# -- the journal ---------------------------------------------------------------------------------


def test_a_journal_put_aside_is_kept_and_the_run_numbers_go_on(tmp_path: Path) -> None:
    let_go(take_state(settings(tmp_path)))
    damaged = b"something else"
    (tmp_path / "state" / "journal").write_bytes(damaged)
    with pytest.raises(JournalDamaged):
        take_state(settings(tmp_path))
    state = take_state(settings(tmp_path), "damaged", put_aside=True)
    assert (state.recovered.records, state.recovered.run) == ((), 3)
    assert (tmp_path / "state" / "journal.aside-3").read_bytes() == damaged
    let_go(state)


def test_a_record_that_cannot_be_read_is_damage_too(tmp_path: Path) -> None:
    state = take_state(settings(tmp_path))
    state.journal.append([b"not one of ours"])
    let_go(state)
    with pytest.raises(JournalDamaged, match=r"state/journal: not an order .* recover --put-journal-aside"):
        take_state(settings(tmp_path))
    with StateLock(tmp_path / "state"):
        pass  # and nothing is held


def test_a_lost_run_number_is_taken_from_the_journal(tmp_path: Path) -> None:
    """Otherwise order ids of earlier runs would be used again."""
    state = take_state(settings(tmp_path))
    state.journal.append([encode(Started(fence=41, at=Nanos(1)))])
    let_go(state)
    (tmp_path / "state" / "fence").unlink()
    state = take_state(settings(tmp_path))
    assert state.recovered.run == 42
    let_go(state)
    assert (tmp_path / "state" / "fence").read_text() == "42\n"


def test_a_torn_end_and_another_configuration_are_told(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    let_go(take_state(chosen))
    state = take_state(chosen)
    assert state.notes == ()
    let_go(state)
    with (tmp_path / "state" / "journal").open("ab") as file:
        file.write(b"half")
    state = take_state(chosen.model_copy(update={"seed": 8}))
    assert [note.partition("journal: ")[2] for note in state.notes[:1]] == [
        "4 bytes of an unfinished commit were cut off"
    ]
    assert state.notes[1] == OTHER_CONFIGURATION
    let_go(state)


def compacting(folder: Path, bytes_max: int) -> PlatformSettings:
    chosen = settings(folder)
    return chosen.model_copy(update={"oms": OmsSettings(journal_compact_bytes=bytes_max)})


def test_a_journal_that_has_grown_is_made_small_at_the_start_and_starts_the_same(tmp_path: Path) -> None:
    """Again only once it has doubled; of the journals before, the last is kept."""
    rig = Rig()
    for number in range(30):
        rig.approve(single(4 * number + 2, 5, rig.now))
        rig.complete(rig.submits()[-1].request, 5, f"t{number}")
    state = take_state(settings(tmp_path))
    state.journal.append(rig.records)
    let_go(state)
    whole = take_state(compacting(tmp_path, 1_000_000))
    assert whole.recovered.records == tuple(rig.records)
    let_go(whole)
    small = take_state(compacting(tmp_path, 1_000))
    assert len(small.recovered.records) == 1
    assert small.recovered.memory == whole.recovered.memory
    assert "compacted from" in small.notes[-1]
    small.journal.append([encode(Started(fence=small.recovered.run, at=Nanos(1)))])
    let_go(small)
    assert Journal.read(tmp_path / "state" / "journal.compacted-3") == tuple(rig.records)
    again = take_state(compacting(tmp_path, 1))
    assert len(again.recovered.records) == 2
    assert again.recovered.run == 4
    more = [encode(FillsCovered(instrument=InstrumentId("a:b:c"), until=Nanos(n))) for n in range(500)]
    again.journal.append(more)
    let_go(again)
    last = take_state(compacting(tmp_path, 1))
    assert len(last.recovered.records) == 1
    assert last.recovered.memory == whole.recovered.memory
    let_go(last)
    assert [path.name for path in (tmp_path / "state").glob("journal.compacted-*")] == ["journal.compacted-5"]


def test_a_disk_without_room_for_a_smaller_journal_does_not_prevent_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = take_state(settings(tmp_path))
    state.journal.append([RECORD, *[encode(FillsCovered(instrument=InstrumentId("a:b:c"), until=Nanos(1)))] * 9])
    let_go(state)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)
    state = take_state(compacting(tmp_path, 1))
    assert len(state.recovered.records) == 10
    assert state.notes[-1].endswith("not compacted: No space left on device")
    state.journal.append([RECORD])
    let_go(state)
    assert len(Journal.read(tmp_path / "state" / "journal")) == 11
