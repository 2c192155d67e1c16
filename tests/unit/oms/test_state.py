"""The state that the journal's records make."""

import pytest

from integrated_trading_system.domain.ids import AccountId, InstrumentId
from integrated_trading_system.domain.journal import JournalCommitted
from integrated_trading_system.oms.records import PlanClosed, PlanIntended, Started, decode
from integrated_trading_system.oms.state import State, replay
from integrated_trading_system.simulation.campaign.control import picture
from tests.support.oms_rig import START, Rig
from tests.support.oms_world import campaign, single


def state_of(lines: list[bytes], orders_kept_max: int = 50_000, trades_kept_max: int = 200_000) -> State:
    return replay(tuple(map(decode, lines)), orders_kept_max, trades_kept_max)


def traded(orders: int) -> Rig:
    rig = Rig()
    for number in range(orders):
        rig.approve(single(4 * number + 2, 5, rig.now))
        rig.complete(rig.submits()[-1].request, 5, f"t{number}")
    return rig


@pytest.mark.parametrize("seed", range(10))
def test_replaying_the_journal_gives_the_live_state_every_time(seed: int) -> None:
    world = campaign(seed)
    assert picture(state_of(world.appended)) == picture(state_of(world.appended)) == picture(world.oms._state)


def test_every_prefix_of_a_journal_can_be_started_from() -> None:
    lines = campaign(3, crashes=0).durable
    for length in range(len(lines)):
        state = state_of(lines[:length])
        state.apply(Started(fence=99, at=START))
        assert len(state.open) <= len(state.orders)


def test_a_start_must_come_after_every_earlier_one() -> None:
    state = state_of([])
    state.apply(Started(fence=2, at=START))
    with pytest.raises(AssertionError, match="start 2 does not come after start 2"):
        state.apply(Started(fence=2, at=START))


def test_an_id_is_never_used_twice() -> None:
    rig = traded(1)
    (intended,) = [record for record in map(decode, rig.records) if isinstance(record, PlanIntended)]
    with pytest.raises(AssertionError, match="is used twice"):
        rig.oms._state.apply(intended)


def test_only_the_newest_finished_orders_and_trades_are_remembered() -> None:
    rig = traded(5)
    state = state_of(rig.records, orders_kept_max=2, trades_kept_max=3)
    assert len(state.orders) == 2
    assert len(state.trades) == 3
    assert state.counts.filled == 5, "what is forgotten was counted"


def test_open_orders_are_never_forgotten() -> None:
    rig = Rig()
    for number in range(3):
        rig.approve(single(4 * number + 2, 5, rig.now))
    assert len(state_of(rig.records, orders_kept_max=1).orders) == 3


def test_orders_that_never_reached_a_venue_are_forgotten_too() -> None:
    rig = Rig()
    rig.durable = False
    for number in range(3):
        rig.approve(single(4 * number + 2, 5, rig.now))
    rig.wait(2_000)
    rig.durable = True
    rig.run()
    rig.tell(JournalCommitted(len(rig.records)))
    assert len(state_of(rig.records, orders_kept_max=1).orders) == 1
    assert isinstance(decode(rig.records[-1]), PlanClosed)


def test_an_order_is_found_by_our_id_only_where_it_was_placed() -> None:
    state = traded(1).oms._state
    (tracked,) = state.orders.values()
    request = tracked.order.request
    instrument, account, name = request.instrument, request.account, request.client_order_id
    assert state.find(instrument, account, name, None) is tracked
    assert state.find(InstrumentId("elsewhere:spot:BTCUSDT"), account, name, None) is None
    assert state.find(instrument, AccountId("another"), name, None) is None
