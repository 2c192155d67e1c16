"""Fixed and sliding windows."""

from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.simulation.exchange.limits import FixedWindow, SlidingWindow


def at(seconds: float) -> Nanos:
    return Nanos(int(seconds * SECOND))


def test_a_fixed_window_falls_to_zero_on_the_clock() -> None:
    window = FixedWindow(10, Nanos(10 * SECOND))
    assert window.spend(6, at(8))
    assert not window.spend(5, at(9))
    assert window.used(at(9)) == 11
    assert window.ends_in(at(9)) == SECOND
    assert window.used(at(10)) == 0
    assert window.spend(10, at(10))


def test_what_is_given_back_never_makes_a_negative_count() -> None:
    window = FixedWindow(10, Nanos(10 * SECOND))
    window.spend(1, at(1))
    window.give_back(3, at(2))
    assert window.used(at(2)) == 0


def test_a_sliding_window_holds_in_every_span() -> None:
    window = SlidingWindow(2, SECOND)
    assert [window.spend(at(0)), window.spend(at(0.9)), window.spend(at(0.95))] == [True, True, False]
    assert window.left(at(0.95)) == 0
    assert window.opens_at(at(0.95)) == at(1)
    assert [window.spend(at(1.0)), window.spend(at(1.5)), window.spend(at(1.9))] == [True, False, True]
    assert window.opens_at(at(3)) == at(3)
