"""A book as the venue wrote it: every text comes back to the character, the best level first."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.venues.textbook import Checksums, TextBook

ALL = 1_000

prices = st.integers(1, 40).map(lambda ticks: f"{Decimal(ticks) / 10:.1f}")
sizes = st.sampled_from(["0", "0.000", "0.00000000", "1", "1.50", "0.00100000", "7.0"])
changes = st.lists(st.tuples(prices, sizes), max_size=30)


@pytest.fixture
def book() -> TextBook:
    made = TextBook()
    made.replace([("9.90", "1.000"), ("10.00", "0.00100000")], [("10.20", "5"), ("10.10", "2.50")])
    return made


def test_the_best_levels_come_first_and_every_text_is_as_the_venue_wrote_it(book: TextBook) -> None:
    assert book.bids(ALL) == [("10.00", "0.00100000"), ("9.90", "1.000")]
    assert book.asks(ALL) == [("10.10", "2.50"), ("10.20", "5")]
    assert book.bids(1) == [("10.00", "0.00100000")]
    assert book.asks(0) == []


def test_a_change_replaces_the_text_of_its_price_and_a_new_price_takes_its_place(book: TextBook) -> None:
    book.apply([("10.00", "0.00200000"), ("9.95", "3")], [("10.1", "2.5")])
    assert book.bids(ALL) == [("10.00", "0.00200000"), ("9.95", "3"), ("9.90", "1.000")]
    assert book.asks(ALL) == [("10.1", "2.5"), ("10.20", "5")]


@pytest.mark.parametrize("zero", ["0", "0.0", "0.00000000", "0e-8"])
def test_a_size_of_zero_removes_its_level_however_it_is_written(book: TextBook, zero: str) -> None:
    book.apply([("10.00", zero)], [("10.10", zero), ("99.0", zero)])
    assert book.bids(ALL) == [("9.90", "1.000")]
    assert book.asks(ALL) == [("10.20", "5")]


def test_several_changes_of_one_price_hold_in_their_order(book: TextBook) -> None:
    book.apply([("10.00", "0"), ("10.00", "8"), ("9.90", "4"), ("9.90", "0")], [])
    assert book.bids(ALL) == [("10.00", "8")]


def test_what_falls_out_of_the_window_is_forgotten_and_does_not_come_back(book: TextBook) -> None:
    book.trim(1)
    book.apply([("10.00", "0")], [("10.10", "0")])
    assert (book.bids(ALL), book.asks(ALL)) == ([], [])


def test_a_new_picture_replaces_all_that_was_known(book: TextBook) -> None:
    book.replace([("1", "2")], [])
    assert (book.bids(ALL), book.asks(ALL)) == ([("1", "2")], [])


def test_a_text_that_is_no_number_is_refused(book: TextBook) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        book.apply([("ten", "1")], [])


@given(rounds=st.lists(st.tuples(changes, changes), max_size=6), window=st.integers(1, 12))
def test_any_changes_give_the_book_that_sorting_everything_would_give(
    rounds: list[tuple[list[tuple[str, str]], list[tuple[str, str]]]], window: int
) -> None:
    book = TextBook()
    bids: dict[Decimal, tuple[str, str]] = {}
    asks: dict[Decimal, tuple[str, str]] = {}
    for new_bids, new_asks in rounds:
        book.apply(new_bids, new_asks)
        book.trim(window)
        bids = _plainly(bids, new_bids, window, highest_first=True)
        asks = _plainly(asks, new_asks, window, highest_first=False)
        assert book.bids(ALL) == list(bids.values())
        assert book.asks(ALL) == list(asks.values())


def _plainly(
    side: dict[Decimal, tuple[str, str]], changed: list[tuple[str, str]], window: int, *, highest_first: bool
) -> dict[Decimal, tuple[str, str]]:
    side = dict(side)
    for price, size in changed:
        side[Decimal(price)] = (price, size)
        if Decimal(size) == 0:
            del side[Decimal(price)]
    return dict(sorted(side.items(), reverse=highest_first)[:window])


def test_comparisons_of_checksums_are_counted_and_what_was_found_is_handed_on() -> None:
    counts = Checksums()
    assert [counts.count(equal) for equal in (True, False, True)] == [True, False, True]
    assert counts == Checksums(checked=3, failed=1)
