"""What two answers of a venue about its time say about each other."""

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.health import ClockSample
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos

WAYS = st.integers(0, 2 * SECOND)
"""How long a question or an answer is on its way."""


def asked(at: int, there: int, back: int, ahead: int) -> ClockSample:
    """Asked at `at` by our clock, of a venue that tells whole milliseconds of a clock that is `ahead` of ours."""
    told = (at + there + ahead) // MILLISECOND * MILLISECOND
    return ClockSample(VenueId("toy:spot"), Nanos(told), Nanos(at), Nanos(at + there + back))


@given(
    at=st.integers(0, 600 * SECOND),
    ahead=st.integers(-SECOND, SECOND),
    ways=st.tuples(WAYS, WAYS),
    ways_later=st.tuples(WAYS, WAYS),
)
def test_answers_of_one_clock_agree_whatever_they_took(
    at: int, ahead: int, ways: tuple[int, int], ways_later: tuple[int, int]
) -> None:
    first = asked(0, *ways, ahead)
    later = asked(at, *ways_later, ahead)
    assert first.agrees_with(later)
    assert later.agrees_with(first)


@given(ways=st.tuples(WAYS, WAYS), ways_later=st.tuples(WAYS, WAYS), forward=st.booleans())
def test_answers_of_a_clock_that_was_set_by_more_than_both_took_contradict_each_other(
    ways: tuple[int, int], ways_later: tuple[int, int], forward: bool
) -> None:
    step = sum(ways) + sum(ways_later) + 2 * MILLISECOND
    first = asked(0, *ways, 0)
    later = asked(30 * SECOND, *ways_later, step if forward else -step)
    assert not first.agrees_with(later)
    assert not later.agrees_with(first)
