"""Books are read under their newest best price, and only while they are VALID."""

import pytest

from integrated_trading_system.domain.health import BookState
from integrated_trading_system.domain.market import Quote
from integrated_trading_system.domain.order import Side
from integrated_trading_system.feed.books import Books, Entry
from integrated_trading_system.feed.machine import BookMachine
from tests.support.feed_rig import BTC, delta, quote, snapshot

BIDS = [(100.0 - level, 1.0 + level) for level in range(5)]
ASKS = [(101.0 + level, 1.0 + level) for level in range(5)]


def valid(books: Books, top: Quote) -> Entry:
    """A proven book at sequence 11, under `top`."""
    machine = BookMachine(10)
    machine.snapshot(snapshot(10, bids=BIDS, asks=ASKS))
    machine.delta(delta(11, 11))
    entry = books.enter(BTC, machine)
    entry.state = BookState.VALID
    entry.top = top
    return entry


@pytest.fixture
def books() -> Books:
    return Books()


def test_a_buy_order_meets_asks_and_a_sell_order_meets_bids(books: Books) -> None:
    valid(books, quote(11))
    assert books.depth(BTC, Side.BUY, 2) == ((101.0, 1.0), (102.0, 2.0))
    assert books.depth(BTC, Side.SELL, 2) == ((100.0, 1.0), (99.0, 2.0))
    assert books.depth(BTC, Side.SELL, 0) == ()


@pytest.mark.parametrize("state", [state for state in BookState if state is not BookState.VALID])
def test_a_book_that_is_not_valid_has_no_depth(books: Books, state: BookState) -> None:
    valid(books, quote(11)).state = state
    assert books.depth(BTC, Side.BUY, 2) == ()
    assert books.top(BTC) is None
    assert books.state(BTC) is state


def test_levels_better_than_a_newer_quote_are_gone(books: Books) -> None:
    valid(books, quote(12, bid=97.0, ask=103.0, bid_size=9.0, ask_size=8.0))
    assert books.depth(BTC, Side.BUY, 3) == ((103.0, 8.0), (104.0, 4.0), (105.0, 5.0))
    assert books.depth(BTC, Side.SELL, 3) == ((97.0, 9.0), (96.0, 5.0))


def test_a_newer_quote_may_lie_inside_the_book(books: Books) -> None:
    valid(books, quote(12, bid=100.5, ask=100.6, bid_size=9.0, ask_size=8.0))
    assert books.depth(BTC, Side.BUY, 2) == ((100.6, 8.0), (101.0, 1.0))
    assert books.depth(BTC, Side.SELL, 1) == ((100.5, 9.0),)


def test_without_depth_the_quote_is_the_only_level(books: Books) -> None:
    entry = books.enter(BTC, None)
    entry.top, entry.state = quote(5), BookState.VALID
    assert books.depth(BTC, Side.BUY, 10) == ((101.0, 1.0),)
    assert books.depth(BTC, Side.SELL, 10) == ((100.0, 1.0),)
    assert books.top(BTC) == quote(5)


def test_an_instrument_that_was_never_heard_of_has_nothing(books: Books) -> None:
    assert books.depth(BTC, Side.BUY, 1) == ()
    assert books.state(BTC) is BookState.SYNCING
    assert books.top(BTC) is None


def test_cleared_books_know_nothing(books: Books) -> None:
    valid(books, quote(11))
    books.clear()
    assert books.depth(BTC, Side.BUY, 1) == ()
