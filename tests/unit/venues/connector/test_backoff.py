"""The first try comes at once, the next ones jittered and ever later, within stated bounds."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.connector.backoff import Backoff

FIRST, LONGEST = Nanos(SECOND), Nanos(30 * SECOND)


def delays(backoff: Backoff, count: int) -> list[Nanos]:
    return [backoff.delay() for _ in range(count)]


def test_the_first_try_is_at_once() -> None:
    assert Backoff(FIRST, LONGEST, Random(1)).delay() == 0


@given(st.integers(), st.integers(0, 5), st.integers(0, 200))
def test_every_wait_lies_between_the_first_and_the_longest(seed: int, immediate: int, tries: int) -> None:
    waits = delays(Backoff(FIRST, LONGEST, Random(seed), immediate), immediate + tries)
    assert waits[:immediate] == [0] * immediate
    assert all(FIRST <= wait <= LONGEST for wait in waits[immediate:])


@given(st.integers())
def test_the_ceiling_doubles_until_the_longest(seed: int) -> None:
    waits = delays(Backoff(FIRST, LONGEST, Random(seed)), 7)[1:]
    for wait, ceiling in zip(waits, (2, 4, 8, 16, 30, 30), strict=True):
        assert ceiling * SECOND // 2 <= wait <= ceiling * SECOND


def test_waits_are_spread() -> None:
    waits = {Backoff(FIRST, LONGEST, Random(seed), immediate=0).delay() for seed in range(20)}
    assert len(waits) == 20


def test_the_same_seed_waits_the_same() -> None:
    assert delays(Backoff(FIRST, LONGEST, Random(3)), 9) == delays(Backoff(FIRST, LONGEST, Random(3)), 9)


def test_after_a_reset_the_next_failure_is_the_first_again() -> None:
    backoff = Backoff(FIRST, LONGEST, Random(1))
    delays(backoff, 6)
    backoff.reset()
    assert backoff.delay() == 0
