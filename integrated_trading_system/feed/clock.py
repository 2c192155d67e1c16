"""How far a venue's clock is from ours, and until when its messages prove that nothing else happened.

A message's `received_at - venue_time` is its delay minus the offset of the venue's clock (venue time =
our time + offset). No delay is negative, so the least difference of the last minute, the *envelope*,
says that the offset is at least its negative. An answer to a question of ours says that the offset lies
within half the round trip of the midpoint. Both together bound it; the estimate is the middle of what
they leave, its uncertainty the half width. Without answers, the delay of the fastest messages is taken as
0 and its limit (`path_delay_ms_max`) as the uncertainty: times of several venues are then compared as
if each venue were as far away as its fastest message.

Venue times are never used as durations, and a clock that runs ahead or behind is no fault.
"""

from collections import deque
from collections.abc import Sequence
from math import ceil
from typing import Final

from msgspec import Struct

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.health import ClockEstimated, ClockSample
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import MILLISECOND, MINUTE, SECOND, Nanos, from_millis
from integrated_trading_system.feed.validation import Reason

SAMPLES: Final = 8
SAMPLE_AGE_MAX: Final = 10 * MINUTE
"""Clocks drift some 20 ms in this time."""
STEP_MAX: Final = 10 * SECOND
"""A message that claims to be this much younger than any before it is wrong, or the clock was set."""
PACE: Final = 100 * MILLISECOND
"""Whatever a quote without venue time says, a change of its book, with one, says again within so long (Binance spot:
"``<symbol>@depth@100ms``"). So much older than it seems such a quote may be, and no more."""
STEPS_TO_BELIEVE: Final = 16
"""So many such messages without an ordinary one between them: the clock was set."""
NEVER: Final = 1 << 62


class Bucket(Struct, frozen=True):
    """The least difference of one part of the window."""

    ended_at: Nanos
    least: int


class VenueClock:
    """One venue's clock. The attributes are public because the hot lane reads and writes them itself.

    While ``low <= difference < high`` a message has nothing to tell the estimate; otherwise `observe`
    is called: a few times per second and venue. `roll` is called once per second.
    """

    __slots__ = (
        "_age_max",
        "_buckets",
        "_path_delay",
        "_samples",
        "_spread",
        "_steps",
        "_told",
        "_window",
        "delay",
        "envelope",
        "high",
        "low",
        "offset",
        "paced",
        "reach",
        "uncertainty",
        "untimed",
        "venue",
    )

    def __init__(self, venue: VenueId, settings: FeedSettings) -> None:
        """Nothing heard yet."""
        self.venue = venue
        self.offset = 0
        """Venue time minus our time, nanoseconds."""
        self.reach = 0
        """Until when, in our time, the venue's messages are known. Grows only."""
        self.delay = 0
        """What an ordinary message takes longer than the fastest; for streams without venue time."""
        self.untimed = False
        """Set by the feeder once a quote without venue time was heard."""
        self.paced = NEVER
        """No quote without venue time reaches further: `PACE` after the newest change of a book, which has a time.

        Those that come in a burst, after having been held up, are so not taken for new. NEVER where no books are
        told."""
        self.envelope = NEVER
        """The least `received_at - venue_time` of the window."""
        self._path_delay = from_millis(settings.path_delay_ms_max)
        self.uncertainty = int(self._path_delay)
        self._age_max = from_millis(settings.age_ms_max) if settings.enable_validation else NEVER
        self._window = from_millis(settings.clock_window_ms)
        self._spread = 0
        self._buckets: deque[Bucket] = deque()
        self._samples: deque[ClockSample] = deque(maxlen=SAMPLES)
        self._steps = 0
        self._told: tuple[int, int] | None = None
        self.low = NEVER
        self.high = -NEVER

    @property
    def known(self) -> bool:
        """Whether anything has been learnt of it."""
        return self._told is not None

    def observe(self, difference: int, received_at: Nanos) -> Reason | None:
        """Take in a message's `received_at - venue_time`; AGE or FUTURE when its time cannot be believed."""
        if difference < self.envelope - STEP_MAX and self.envelope != NEVER:
            self._steps += 1
            if self._steps < STEPS_TO_BELIEVE:
                return Reason.FUTURE
            self._forget()
        self._steps = 0
        if difference < self.low:
            self.low = difference
            if difference < self.envelope:
                self.envelope = difference
                self._estimate(received_at)
        return Reason.AGE if difference >= self.high else None

    def untimed_reach(self, received_at: Nanos) -> tuple[int, Reason | None]:
        """How far a quote without venue time reaches; AGE when it may have been held up for longer than is allowed."""
        self.untimed = True
        reach = received_at - self.delay
        if reach <= self.paced:
            return reach, None
        return self.paced, Reason.AGE if reach - self.paced > self._age_max else None

    def pace(self, reach: int) -> None:
        """A change of a book reaches so far."""
        if reach + PACE > self.paced or self.paced == NEVER:
            self.paced = reach + PACE

    def sample(self, sample: ClockSample) -> None:
        """Take in an answer to a question for the venue's time; those it contradicts were given before it was set."""
        self._samples = deque(filter(sample.agrees_with, self._samples), SAMPLES)
        self._samples.append(sample)
        self._estimate(sample.received_at)

    def roll(self, now: Nanos) -> None:
        """Close a part of the window; the parts that have left it are forgotten."""
        buckets = self._buckets
        if self.low != NEVER:
            while buckets and buckets[-1].least >= self.low:
                buckets.pop()
            buckets.append(Bucket(now, self.low))
            self.low = NEVER
        while buckets and buckets[0].ended_at <= now - self._window:
            buckets.popleft()
        self.envelope = buckets[0].least if buckets else NEVER

    def settle(self, differences: Sequence[int], now: Nanos) -> ClockEstimated | None:
        """Once per second: learn the ordinary delay from recent differences; the estimate, when it is news."""
        if self.envelope == NEVER and not self._samples:
            return None
        ordered = sorted(differences)
        if ordered:
            self.delay = max(0, ordered[len(ordered) // 2] + self.offset)
            self._spread = ordered[ceil(len(ordered) * 0.95) - 1] - ordered[0] if self.untimed else 0
        self._estimate(now)
        if self._told == (self.offset, self.uncertainty):
            return None
        self._told = (self.offset, self.uncertainty)
        return ClockEstimated(self.venue, Nanos(self.offset), Nanos(self.uncertainty), now)

    def _estimate(self, now: Nanos) -> None:
        """Middle and half width of what the envelope and the best answer leave."""
        lower = upper = None
        if self.envelope != NEVER:
            lower = -self.envelope
        while self._samples and now - self._samples[0].received_at > SAMPLE_AGE_MAX:
            self._samples.popleft()
        if self._samples:
            best = min(self._samples, key=lambda sample: sample.round_trip)
            upper = best.venue_time - best.sent_at
            least = best.venue_time - best.received_at
            lower = least if lower is None or lower < least else lower
        if lower is None:
            return
        if upper is None or upper < lower:  # no answers, or they contradict what the stream proves
            self.offset = lower
            self.uncertainty = self._path_delay + self._spread
        else:
            self.offset = (lower + upper) // 2
            self.uncertainty = (upper - lower + 1) // 2 + self._spread
        self.high = self._age_max - self.offset

    def _forget(self) -> None:
        """The venue's clock was set: what was learnt from it is void."""
        self._buckets.clear()
        self._samples.clear()
        self.low = self.envelope = NEVER


class Clocks:
    """The clock of every venue. Written by the feeder, read by the synchronizers; lives outside both."""

    def __init__(self, settings: FeedSettings) -> None:
        """None yet."""
        self._settings = settings
        self._clocks: dict[VenueId, VenueClock] = {}

    def of(self, venue: VenueId) -> VenueClock:
        """This venue's clock; always the same object."""
        clock = self._clocks.get(venue)
        if clock is None:
            clock = self._clocks[venue] = VenueClock(venue, self._settings)
        return clock

    def all(self) -> tuple[VenueClock, ...]:
        """Every venue's, in order of first mention."""
        return tuple(self._clocks.values())
