"""Whatever is asked and whenever the venue's windows begin, no window holds more than its limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.link import Tag
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.venues.connector.rate_limit import NEVER, RateLimiter
from integrated_trading_system.venues.rest import RateLimit

CAPACITY, RESERVE = 20, 6
WINDOW = Nanos(10 * SECOND)
LIMIT = RateLimit("weight", CAPACITY, WINDOW, RESERVE, "x-used")
SHARES = {
    Tag.CANCEL: CAPACITY,
    Tag.QUERY: CAPACITY - RESERVE // 2,
    Tag.ORDER: CAPACITY - RESERVE,
    Tag.DATA: CAPACITY - RESERVE,
}

Script = list[tuple[int, int, Tag]]

requests = st.lists(
    st.tuples(st.integers(0, 3 * SECOND), st.integers(0, 8), st.sampled_from([*SHARES])), min_size=1, max_size=80
)
"""Time since the one before, weight, and what for."""


def admitted(script: Script, limiter: RateLimiter) -> Script:
    """When, how much and for what the limiter let through."""
    now, found = 0, []
    for pause, weight, tag in script:
        now += pause
        if limiter.take((("weight", weight),), tag, Nanos(now)) == 0:
            found.append((now, weight, tag))
    return found


@given(requests, st.integers(0, WINDOW - 1))
def test_the_limit_holds_for_any_alignment_of_the_venues_windows(script: Script, start: int) -> None:
    spent: dict[int, int] = {}
    for at, weight, _ in admitted(script, RateLimiter([LIMIT])):
        window = (at + start) // WINDOW
        spent[window] = spent.get(window, 0) + weight
    assert all(weight <= CAPACITY for weight in spent.values())


@given(requests)
def test_nobody_is_let_in_when_the_last_window_already_holds_the_share_of_his_kind(
    script: Script,
) -> None:
    found = admitted(script, RateLimiter([LIMIT]))
    for index, (at, _, tag) in enumerate(found):
        lately = sum(weight for when, weight, _ in found[: index + 1] if when > at - WINDOW)
        assert lately <= SHARES[tag]


@given(requests, st.integers(1, 8), st.sampled_from([*SHARES]))
def test_who_waits_as_long_as_he_is_told_gets_in(script: Script, weight: int, tag: Tag) -> None:
    limiter = RateLimiter([LIMIT])
    found = admitted(script, limiter)
    now = Nanos(found[-1][0] if found else 0)
    wait = limiter.take((("weight", weight),), tag, now)
    if wait > 0:
        assert wait <= WINDOW + WINDOW // 64 + 1
        assert limiter.take((("weight", weight),), tag, Nanos(now + wait - 1)) == 1
        assert limiter.take((("weight", weight),), tag, Nanos(now + wait)) == 0


def test_a_window_that_has_passed_is_free_again() -> None:
    limiter = RateLimiter([LIMIT])
    assert limiter.take((("weight", CAPACITY),), Tag.CANCEL, Nanos(0)) == 0
    assert limiter.take((("weight", 1),), Tag.CANCEL, WINDOW) > 0
    assert limiter.take((("weight", 1),), Tag.CANCEL, Nanos(WINDOW + WINDOW // 64)) == 0


def test_several_limits_hold_together_and_what_does_not_fit_spends_nothing() -> None:
    orders = RateLimit("orders", 2, MINUTE, 0)
    limiter = RateLimiter([LIMIT, orders])
    both = (("weight", 1), ("orders", 1))
    assert [limiter.take(both, Tag.ORDER, Nanos(0)) for _ in range(2)] == [0, 0]
    assert limiter.take(both, Tag.ORDER, Nanos(0)) > WINDOW
    assert limiter.used() == {"weight": 2, "orders": 2}


def test_more_than_the_whole_share_never_fits() -> None:
    limiter = RateLimiter([LIMIT])
    assert limiter.take((("weight", CAPACITY - RESERVE + 1),), Tag.DATA, Nanos(0)) == NEVER
    assert limiter.take((("weight", CAPACITY - RESERVE + 1),), Tag.CANCEL, Nanos(0)) == 0


def test_a_higher_figure_of_the_venue_overrides_ours() -> None:
    limiter = RateLimiter([LIMIT])
    limiter.take((("weight", 3),), Tag.DATA, Nanos(0))
    limiter.observe({"x-used": "13"}, Nanos(0))
    assert limiter.used() == {"weight": 13}
    assert limiter.take((("weight", 2),), Tag.DATA, Nanos(0)) > 0


def test_a_lower_figure_changes_nothing_because_the_venues_window_may_just_have_begun() -> None:
    limiter = RateLimiter([LIMIT])
    limiter.take((("weight", 3),), Tag.DATA, Nanos(0))
    limiter.observe({"x-used": "1"}, Nanos(0))
    assert limiter.used() == {"weight": 3}


def test_a_figure_is_compared_with_what_still_counts() -> None:
    limiter = RateLimiter([LIMIT])
    limiter.take((("weight", 13),), Tag.DATA, Nanos(0))
    limiter.observe({"x-used": "5"}, Nanos(2 * WINDOW))
    assert limiter.used() == {"weight": 5}


@pytest.mark.parametrize("text", ["", "-5", "1e3", "many", "٣", "9" * 10])
def test_a_figure_that_is_no_plain_number_is_ignored(text: str) -> None:
    limiter = RateLimiter([LIMIT])
    limiter.observe({"x-used": text, "x-other": "7"}, Nanos(0))
    assert limiter.used() == {"weight": 0}


def test_a_reserve_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(AssertionError, match="leaves nothing"):
        RateLimiter([RateLimit("weight", 5, WINDOW, 5)])
