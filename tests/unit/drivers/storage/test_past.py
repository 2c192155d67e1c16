"""Which parts of a time are missing."""

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.storage.past import without

INSTANTS = st.integers(0, 30)


@given(INSTANTS, INSTANTS, st.lists(st.tuples(INSTANTS, INSTANTS)))
def test_what_is_left_and_what_is_there_are_the_whole_and_nothing_is_in_both(
    start: int, end: int, spans: list[tuple[int, int]]
) -> None:
    there = sorted((since, until) for since, until in spans if since < until)
    left = without(Nanos(start), Nanos(end), [(Nanos(since), Nanos(until)) for since, until in there])
    covered = {at for since, until in there for at in range(since, until)}
    assert [at for since, until in left for at in range(since, until)] == [
        at for at in range(start, end) if at not in covered
    ]


def test_nothing_is_missing_where_spans_touch() -> None:
    assert without(Nanos(0), Nanos(9), [(Nanos(0), Nanos(4)), (Nanos(4), Nanos(9))]) == []
