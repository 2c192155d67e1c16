"""A snapshot stands for all records before it: whoever starts from it cannot tell."""

import pytest

from integrated_trading_system.oms.compaction import compacted
from integrated_trading_system.oms.memory import remember
from integrated_trading_system.oms.records import FillBooked, Record, Snapshot, Started, decode, encode, last_fence
from integrated_trading_system.oms.state import State, replay
from tests.support.oms_rig import START, Rig
from tests.support.oms_world import campaign, single

KEPT = (50_000, 200_000)


def state_of(lines: list[bytes], kept: tuple[int, int]) -> State:
    return replay(tuple(map(decode, lines)), *kept)


def rest(lines: list[bytes]) -> list[Record]:
    return [record for record in map(decode, lines) if not isinstance(record, Snapshot)]


@pytest.mark.parametrize("kept", [KEPT, (3, 2)])
@pytest.mark.parametrize("seed", range(8))
def test_wherever_a_journal_is_compacted_it_goes_on_as_it_would_have(seed: int, kept: tuple[int, int]) -> None:
    """Crashes, partial fills, unknown orders and plans in flight included: every prefix, then all that came after."""
    lines = campaign(seed).appended
    whole, remembered = state_of(lines, kept), remember(map(decode, lines))
    for length in range(0, len(lines) + 1, 3):
        line = compacted(lines[:length], *kept)
        assert line is not None
        assert state_of([line], kept).same(state_of(lines[:length], kept))
        again = [line, *lines[length:]]
        assert state_of(again, kept).same(whole)
        assert remember(map(decode, again)) == remembered
        assert last_fence(again) == last_fence(lines)


def test_what_is_compacted_may_be_compacted_again() -> None:
    lines = campaign(5).appended
    half = compacted(lines[:20], *KEPT)
    assert half is not None
    assert compacted([half, *lines[20:]], *KEPT) == compacted(lines, *KEPT)


def test_an_order_management_that_starts_from_a_snapshot_knows_its_trades_and_its_orders() -> None:
    rig = Rig()
    rig.approve(single(2, 5, START))
    order = rig.submits()[0].request
    fill = rig.fill(order, 2, "t1")
    rig.tell(rig.accepted(order), fill)
    line = compacted(rig.records, *KEPT)
    assert line is not None
    again = Rig(records=[line], fence=2, now=rig.now)
    again.tell(fill)
    assert again.oms.view().duplicates == 1
    assert again.oms.view().orders[0].filled == 2
    again.tell(again.fill(order, 3, "t2"))
    assert again.oms.view().open == 0


def test_compaction_saves_more_than_half_of_a_journal_of_finished_plans() -> None:
    rig = Rig()
    for number in range(20):
        rig.approve(single(4 * number + 2, 5, rig.now))
        rig.complete(rig.submits()[-1].request, 5, f"t{number}")
    line = compacted(rig.records, 1, 200_000)
    assert line is not None
    assert 2 * len(line) < sum(map(len, rig.records))


def test_records_that_a_snapshot_cannot_hold_are_not_compacted() -> None:
    """The same trade booked twice after it was forgotten: the ids kept are not those of the newest fills."""
    rig = Rig()
    rig.approve(single(2, 5, START))
    order = rig.submits()[0].request
    fills = [encode(FillBooked(fill=rig.fill(order, 1, trade), at=START)) for trade in ("t1", "t2", "t1")]
    assert compacted([*rig.records, *fills[:2]], *KEPT) is not None
    assert compacted([*rig.records, *fills], *KEPT) is None


def test_a_snapshot_is_never_applied_over_what_is_known() -> None:
    line = compacted([encode(Started(fence=1, at=START))], *KEPT)
    assert line is not None
    with pytest.raises(AssertionError, match="first record of its journal"):
        state_of([line, line], KEPT)
