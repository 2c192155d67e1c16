"""Ways to a venue that are clogged or slow: everything arrives, later and in its order."""

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.simulation.passage import Passage

HERE, THERE = VenueId("toy:spot"), VenueId("toy:perp")


def at(seconds: float) -> Nanos:
    return Nanos(int(seconds * SECOND))


def test_a_free_way_takes_no_longer() -> None:
    assert Passage().arrival(HERE, at(3), inbound=True) == at(3)


def test_what_would_arrive_during_a_clog_arrives_at_its_end_in_both_directions() -> None:
    passage = Passage()
    passage.clog(HERE, at(2), at(3))
    for inbound in (True, False):
        assert [passage.arrival(HERE, at(time), inbound=inbound) for time in (1, 2, 4.9, 5)] == [
            at(1),
            at(5),
            at(5),
            at(5),
        ]
    assert passage.arrival(THERE, at(3), inbound=True) == at(3)


def test_a_slow_way_is_as_slow_as_each_direction_is() -> None:
    passage = Passage()
    passage.slow(HERE, at(2), at(3), there=at(1), back=at(0))
    assert passage.arrival(HERE, at(3), inbound=False) == at(4)
    assert passage.arrival(HERE, at(3), inbound=True) == at(3)
    assert passage.arrival(HERE, at(5), inbound=False) == at(5)


def test_what_is_slow_can_run_into_a_clog_and_one_clog_into_the_next() -> None:
    passage = Passage()
    passage.clog(HERE, at(5), at(2))
    passage.clog(HERE, at(4), at(2))
    passage.slow(HERE, at(1), at(1), there=at(3), back=at(3))
    assert passage.arrival(HERE, at(1.5), inbound=True) == at(7)


times = st.integers(0, 20).map(lambda tenths: Nanos(tenths * SECOND // 10))


@given(st.lists(st.tuples(times, times)), times)
def test_nothing_arrives_early_or_while_it_is_clogged(clogs: list[tuple[Nanos, Nanos]], sent: Nanos) -> None:
    passage = Passage()
    for begin, lasts in clogs:
        passage.clog(HERE, begin, lasts)
    arrives = passage.arrival(HERE, sent, inbound=True)
    assert arrives >= sent
    assert not any(begin <= arrives < begin + lasts for begin, lasts in clogs)
