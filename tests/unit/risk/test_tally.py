"""How often something happened within the last while."""

from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.risk.tally import Tally


def test_what_leaves_the_window_is_forgotten_one_by_one() -> None:
    tally: Tally[str] = Tally(Nanos(10))
    assert [tally.add("a", Nanos(at)) for at in (0, 5, 5)] == [1, 2, 3]
    assert [tally.count("a", Nanos(at)) for at in (9, 10, 14, 15)] == [3, 2, 2, 0]
    assert tally.add("a", Nanos(20)) == 1


def test_each_key_counts_by_itself_and_nothing_after_a_clear() -> None:
    tally: Tally[str] = Tally(Nanos(10))
    assert [tally.add(key, Nanos(0)) for key in ("a", "b", "a")] == [1, 1, 2]
    tally.clear()
    assert [tally.count(key, Nanos(0)) for key in ("a", "b")] == [0, 0]
    assert tally.count("a", Nanos(10)) == 0
