"""A book is a sorted picture of the last size said for each price."""

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.book import Book
from integrated_trading_system.domain.market import Level

levels = st.lists(st.tuples(st.integers(1, 50).map(float), st.integers(0, 3).map(float)), max_size=12)


def model(changes: list[list[Level]]) -> dict[float, float]:
    """The same by a plain dict."""
    sizes: dict[float, float] = {}
    for change in changes:
        for price, size in change:
            sizes[price] = size
    return {price: size for price, size in sizes.items() if size}


@given(st.lists(levels), st.lists(levels))
def test_the_book_equals_the_last_size_of_each_price(bids: list[list[Level]], asks: list[list[Level]]) -> None:
    book = Book()
    for change in bids:
        book.apply(change, [])
    for change in asks:
        book.apply([], change)
    expected_bids, expected_asks = model(bids), model(asks)
    assert book.bids(100) == tuple(sorted(expected_bids.items(), reverse=True))
    assert book.asks(100) == tuple(sorted(expected_asks.items()))
    assert book.best_bid == (max(expected_bids.items()) if expected_bids else None)
    assert book.best_ask == (min(expected_asks.items()) if expected_asks else None)
    assert book.depth == (len(expected_bids), len(expected_asks))


@given(levels, st.integers(1, 5))
def test_trimming_keeps_the_best(changes: list[Level], keep: int) -> None:
    book = Book()
    book.replace(changes, changes)
    best = book.bids(keep), book.asks(keep)
    book.trim(keep)
    assert (book.bids(100), book.asks(100)) == best


def test_a_replaced_book_forgets_what_was() -> None:
    book = Book()
    book.replace([(10.0, 1.0)], [(11.0, 1.0)])
    book.replace([(9.0, 2.0), (8.0, 0.0)], [])
    assert book.bids(5) == ((9.0, 2.0),)
    assert book.asks(5) == ()
    assert not book.crossed


def test_equal_bid_and_ask_count_as_crossed() -> None:
    book = Book()
    book.replace([(10.0, 1.0)], [(10.0, 1.0)])
    assert book.crossed
