"""What operators are told of clocks and latency."""

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.config.reliability import AlarmSettings
from integrated_trading_system.domain.health import Alarm, AlarmKind, ClockSample
from integrated_trading_system.domain.ids import ActorName, InstrumentId, VenueId
from integrated_trading_system.domain.market import DataType, Quote
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.feed.alarms import CALM_LOOKS, Alarms
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import Clocks
from integrated_trading_system.runtime.system import System
from tests.support.collector import Collector

TOY = VenueId("toy:spot")
BTC = InstrumentId("toy:spot:BTC")
START = Nanos(1_700_000_000 * SECOND)
NAME = ActorName("alarms")


class Rig:
    """Alarms over a clock and a buffer that the test fills."""

    def __init__(self, **limits: float) -> None:
        self.clocks = Clocks(FeedSettings())
        self.buffers = Buffers(1_000)
        self.told = Collector()
        self.system = System()
        self.system.bus.subscribe(Alarm, self.told)
        off = dict.fromkeys(AlarmSettings.model_fields, 0.0)
        settings = AlarmSettings.model_validate(off | limits)
        self.system.spawn(NAME, lambda: Alarms(settings, (TOY,), self.clocks, self.buffers))
        self.system.start(START)
        self.now = START

    def clock(self, offset_ms: float, round_trip_ms: float = 2.0) -> None:
        clock = self.clocks.of(TOY)
        sent = Nanos(self.now - int(round_trip_ms * MILLISECOND))
        middle = (sent + self.now) // 2
        clock.sample(ClockSample(TOY, Nanos(middle + int(offset_ms * MILLISECOND)), sent, self.now))
        clock.settle((), self.now)

    def quotes(self, *delays_ms: float) -> None:
        for number, delay in enumerate(delays_ms):
            made = Nanos(self.now - int(delay * MILLISECOND))
            quote = Quote(BTC, 1.0, 1.0, 2.0, 1.0, number, made, self.now)
            self.buffers.of(BTC, DataType.QUOTES).append(quote)

    def look(self, times: int = 1) -> list[tuple[AlarmKind, bool]]:
        for _ in range(times):
            self.now = Nanos(self.now + SECOND)
            self.system.run(self.now)
        return [(one.kind, one.raised) for one in self.told.take()]


def test_a_clock_far_from_ours_raises_an_alarm_once() -> None:
    rig = Rig(clock_offset_ms_max=1000)
    rig.clock(-1500)
    assert rig.look(3) == [(AlarmKind.CLOCK_OFFSET, True)]
    assert rig.system.view(NAME) == ((TOY, AlarmKind.CLOCK_OFFSET),)


def test_an_alarm_tells_the_figure_and_the_limit() -> None:
    rig = Rig(clock_offset_ms_max=1000)
    rig.clock(1500)
    rig.now = Nanos(rig.now + SECOND)
    rig.system.run(rig.now)
    (alarm,) = rig.told.of(Alarm)
    assert (alarm.venue, alarm.limit) == (TOY, 1000)
    assert abs(alarm.figure - 1500) < 2


def test_an_alarm_is_lowered_after_it_has_been_well_for_a_while() -> None:
    rig = Rig(latency_ms_p50_max=100)
    rig.clock(0)
    rig.quotes(*[200.0] * 10)
    assert rig.look() == [(AlarmKind.LATENCY_P50, True)]
    rig.buffers.of(BTC, DataType.QUOTES).clear()
    rig.quotes(*[1.0] * 10)
    assert rig.look(CALM_LOOKS - 1) == []
    assert rig.look() == [(AlarmKind.LATENCY_P50, False)]


def test_a_venue_whose_answers_take_long_has_an_uncertain_clock() -> None:
    rig = Rig(clock_uncertainty_ms_max=250)
    rig.clock(0, round_trip_ms=800)
    assert rig.look() == [(AlarmKind.CLOCK_UNCERTAINTY, True)]


def test_one_late_message_in_a_hundred_is_no_alarm_and_two_are() -> None:
    rig = Rig(latency_ms_p99_max=1000)
    rig.clock(0)
    rig.quotes(*[1.0] * 99, 5000.0)
    assert rig.look() == []
    rig.quotes(5000.0)
    assert rig.look() == [(AlarmKind.LATENCY_P99, True)]


def test_old_messages_say_nothing_about_now() -> None:
    rig = Rig(latency_ms_p50_max=100)
    rig.clock(0)
    rig.quotes(*[200.0] * 10)
    rig.now = Nanos(rig.now + 30 * SECOND)
    assert rig.look() == []


def test_a_clock_that_nothing_is_known_of_and_a_limit_of_zero_are_silent() -> None:
    rig = Rig(clock_offset_ms_max=1)
    assert rig.look(3) == []
    quiet = Rig()
    quiet.clock(99_999)
    assert quiet.look(3) == []
