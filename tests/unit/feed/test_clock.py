"""A venue's clock is learnt from what it sends, and from answers where it gives any."""

import pytest

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.health import ClockEstimated, ClockSample
from integrated_trading_system.domain.time import MILLISECOND, MINUTE, SECOND, Nanos
from integrated_trading_system.feed.clock import SAMPLE_AGE_MAX, STEP_MAX, STEPS_TO_BELIEVE, Clocks, VenueClock
from integrated_trading_system.feed.validation import Reason
from tests.support.feed_rig import VENUE, ms

AHEAD = 1_272 * MILLISECOND
"""The venue's clock runs so much ahead of ours."""


@pytest.fixture
def clock() -> VenueClock:
    return VenueClock(VENUE, FeedSettings(path_delay_ms_max=20))


def hear(clock: VenueClock, delay_ms: float, at_ms: float = 0, ahead: int = AHEAD) -> Reason | None:
    """A message that was `delay_ms` on its way."""
    return clock.observe(int(delay_ms * MILLISECOND) - ahead, ms(at_ms))


def answered(clock: VenueClock, sent_ms: float, received_ms: float, ahead: int = AHEAD) -> None:
    """An answer that the venue stamped half way."""
    middle = ms((sent_ms + received_ms) / 2)
    clock.sample(ClockSample(VENUE, Nanos(middle + ahead), ms(sent_ms), ms(received_ms)))


def test_the_fastest_message_tells_the_offset(clock: VenueClock) -> None:
    for delay in (9, 4, 30, 5):
        assert hear(clock, delay) is None
    assert clock.offset == AHEAD - 4 * MILLISECOND
    assert clock.uncertainty == 20 * MILLISECOND


def test_a_venue_whose_clock_runs_ahead_is_not_from_the_future(clock: VenueClock) -> None:
    assert hear(clock, 3, ahead=9 * SECOND) is None
    assert hear(clock, 2, ahead=9 * SECOND) is None


def test_the_envelope_forgets_a_part_of_the_window_at_a_time(clock: VenueClock) -> None:
    hear(clock, 2, 0)
    clock.roll(ms(1_000))
    hear(clock, 5, 1_500)
    clock.roll(ms(2_000))
    assert clock.envelope == 2 * MILLISECOND - AHEAD
    clock.roll(Nanos(ms(1_000) + MINUTE))
    assert clock.envelope == 5 * MILLISECOND - AHEAD
    clock.roll(Nanos(ms(2_000) + MINUTE))
    hear(clock, 7, 63_000)
    assert clock.envelope == 7 * MILLISECOND - AHEAD


def test_a_slower_part_never_hides_a_faster_one_before_it(clock: VenueClock) -> None:
    for second, delay in enumerate((8, 3, 6, 4)):
        hear(clock, delay, second * 1_000)
        clock.roll(ms(second * 1_000 + 999))
    clock.roll(Nanos(ms(1_999) + MINUTE))
    assert clock.envelope == 4 * MILLISECOND - AHEAD


def test_a_window_without_a_message_knows_nothing(clock: VenueClock) -> None:
    hear(clock, 2)
    clock.roll(ms(1_000))
    clock.roll(Nanos(ms(1_000) + MINUTE))
    assert hear(clock, 9, 70_000, ahead=0) is None
    assert clock.offset == -9 * MILLISECOND


def test_ordinary_messages_need_not_be_observed(clock: VenueClock) -> None:
    hear(clock, 2)
    assert clock.low <= 3 * MILLISECOND - AHEAD < clock.high
    assert not clock.low <= MILLISECOND - AHEAD < clock.high


def test_answers_narrow_what_the_envelope_leaves(clock: VenueClock) -> None:
    hear(clock, 4)
    answered(clock, 100, 140)
    assert clock.offset == AHEAD + (20 - 4) // 2 * MILLISECOND
    assert clock.uncertainty == 12 * MILLISECOND
    answered(clock, 200, 206)
    assert abs(clock.offset - AHEAD) <= clock.uncertainty == 3 * MILLISECOND


def test_a_venue_that_sends_nothing_yet_is_known_from_its_answers(clock: VenueClock) -> None:
    answered(clock, 100, 110)
    assert (clock.offset, clock.uncertainty) == (AHEAD, 5 * MILLISECOND)


def test_an_answer_that_the_stream_refutes_is_not_believed(clock: VenueClock) -> None:
    hear(clock, 4)
    answered(clock, 100, 110, ahead=AHEAD - SECOND)
    assert clock.offset == AHEAD - 4 * MILLISECOND
    assert clock.uncertainty == 20 * MILLISECOND


def test_a_clock_that_was_set_back_is_followed_once_the_window_has_passed_however_fast_an_old_answer_was(
    clock: VenueClock,
) -> None:
    hear(clock, 4)
    answered(clock, 100, 102)
    clock.roll(ms(1_000))
    back = AHEAD - 9 * SECOND
    assert hear(clock, 4, 2_000, ahead=back) is Reason.AGE
    answered(clock, 3_000, 3_040, ahead=back)
    clock.roll(Nanos(ms(1_000) + MINUTE))
    clock.settle([], Nanos(ms(1_000) + MINUTE))
    assert hear(clock, 4, 62_000, ahead=back) is None
    assert abs(clock.offset - back) <= clock.uncertainty


def test_an_old_answer_is_forgotten_because_clocks_drift(clock: VenueClock) -> None:
    hear(clock, 4)
    answered(clock, 0, 10)
    assert clock.uncertainty < 20 * MILLISECOND
    clock.settle([], Nanos(ms(10) + SAMPLE_AGE_MAX + 1))
    assert clock.uncertainty == 20 * MILLISECOND


def test_of_a_venue_that_fell_silent_the_last_estimate_stays(clock: VenueClock) -> None:
    answered(clock, 0, 10)
    clock.settle([], ms(10))
    assert clock.settle([], Nanos(ms(10) + SAMPLE_AGE_MAX + 1)) is None
    assert clock.offset == AHEAD


def test_a_late_message_is_named_but_teaches_nothing_wrong(clock: VenueClock) -> None:
    hear(clock, 4)
    assert hear(clock, 4 + 5_000) is Reason.AGE
    assert hear(clock, 4 + 4_999) is None
    assert clock.offset == AHEAD - 4 * MILLISECOND


def test_without_validation_nothing_is_late() -> None:
    clock = VenueClock(VENUE, FeedSettings(enable_validation=False))
    hear(clock, 4)
    assert hear(clock, 60_000) is None


def test_one_absurd_stamp_does_not_move_the_clock(clock: VenueClock) -> None:
    hear(clock, 4)
    assert hear(clock, 4, ahead=AHEAD + STEP_MAX + MILLISECOND) is Reason.FUTURE
    assert clock.offset == AHEAD - 4 * MILLISECOND


def test_a_clock_that_was_really_set_forward_is_followed(clock: VenueClock) -> None:
    hear(clock, 4)
    later = AHEAD + MINUTE
    reasons = [hear(clock, 4, ahead=later) for _ in range(STEPS_TO_BELIEVE)]
    assert reasons == [Reason.FUTURE] * (STEPS_TO_BELIEVE - 1) + [None]
    assert clock.offset == later - 4 * MILLISECOND


def test_an_estimate_is_told_once(clock: VenueClock) -> None:
    assert clock.settle([], ms(0)) is None
    hear(clock, 4)
    assert clock.settle([], ms(1)) == ClockEstimated(
        VENUE, Nanos(AHEAD - 4 * MILLISECOND), Nanos(20 * MILLISECOND), ms(1)
    )
    assert clock.settle([], ms(2)) is None


def test_a_stream_without_times_is_given_the_ordinary_delay_and_more_uncertainty(clock: VenueClock) -> None:
    delays = [4, 5, 6, 7, 50]
    for delay in delays:
        hear(clock, delay)
    clock.untimed = True
    clock.settle([delay * MILLISECOND - AHEAD for delay in delays], ms(1))
    assert clock.delay == 2 * MILLISECOND
    assert clock.uncertainty == (20 + 46) * MILLISECOND


def test_a_quote_without_time_reaches_no_further_than_a_pace_after_the_changes_of_books(clock: VenueClock) -> None:
    assert clock.untimed_reach(ms(1_000)) == (ms(1_000), None), "where no books are told, nothing is known of it"
    clock.pace(ms(1_000))
    assert clock.untimed_reach(ms(1_100)) == (ms(1_100), None)
    assert clock.untimed_reach(ms(1_101)) == (ms(1_100), None)
    clock.pace(ms(900))
    assert clock.paced == ms(1_100), "what comes late takes nothing back"


def test_a_quote_without_time_that_may_have_been_held_up_for_too_long_is_refused(clock: VenueClock) -> None:
    clock.pace(ms(1_000))
    assert clock.untimed_reach(ms(6_100)) == (ms(1_100), None)
    assert clock.untimed_reach(ms(6_101)) == (ms(1_100), Reason.AGE)


def test_each_venue_has_one_clock() -> None:
    clocks = Clocks(FeedSettings())
    assert clocks.of(VENUE) is clocks.of(VENUE)
    assert [clock.venue for clock in clocks.all()] == [VENUE]
