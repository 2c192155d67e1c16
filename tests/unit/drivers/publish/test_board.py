"""A board shows the newest of each symbol, seldom enough, again before it expires, and nothing that is not believed."""

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from msgspec.structs import replace

from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.drivers.publish.board import Board, Picture, book_painter, price_painter
from tests.support.outputs import USDM, OneBook, quote


class Bench:
    """A board, the books it reads, and its time."""

    def __init__(self, *, levels: int = 0, **changes: Any) -> None:
        self.now = 100.0
        self.books = OneBook()
        terms: dict[str, Any] = {"every_s": 0.5, "renew_s": 10.0, "look_s": 10.0, "symbols_max": 3}
        painter = book_painter(self.books, levels) if levels else price_painter(self.books)
        self.board = Board("test", USDM, painter, clock=lambda: self.now, **(terms | changes))

    def tell(self, number: int, symbol: str = "BTCUSDT", **changes: Any) -> None:
        told = quote(number, symbol, **changes)
        self.books.tell(told)
        self.board.tell(told)

    def shown(self, limit: int = 100) -> list[Picture]:
        """What goes out now, and arrives."""
        pictures = self.board.take(limit)
        self.board.settle()
        return pictures

    def balance(self) -> int:
        seen = self.board.statistics()
        return seen.told - seen.delivered - seen.conflated - sum(seen.dropped.values()) - seen.waiting


def test_a_price_is_bid_ask_mid_time_and_source() -> None:
    bench = Bench()
    bench.tell(7)
    (picture,) = bench.shown()
    assert picture.symbol == "BTCUSDT"
    assert json.decode(picture.value) == {"bid": 107.0, "ask": 108.0, "mid": 107.5, "ts": 7, "source": "l1"}
    assert json.decode(picture.news) == {"symbol": "BTCUSDT", **json.decode(picture.value)}


def test_where_the_venue_does_not_stamp_the_time_is_our_receipt() -> None:
    bench = Bench()
    bench.tell(7, venue_time=Nanos(0), received_at=Nanos(9_999_999))
    assert json.decode(bench.shown()[0].value)["ts"] == 9


@pytest.mark.parametrize(
    "side", [{"bid": 0.0}, {"ask": inf}, {"bid": nan}, {"ask": nan}, {"bid_size": 0.0}, {"ask_size": 0.0}]
)
def test_a_one_sided_book_is_not_written(side: dict[str, float]) -> None:
    bench = Bench()
    told = replace(quote(1), **side)
    bench.books.tell(told)
    bench.board.tell(told)
    assert bench.shown() == []
    assert bench.board.dropped == {"one_sided": 1}
    assert bench.balance() == 0


def test_a_book_that_is_not_believed_is_not_written() -> None:
    bench = Bench()
    bench.board.tell(quote(1))
    assert bench.shown() == []
    assert bench.board.dropped == {"not_valid": 1}


def test_a_symbol_is_written_once_in_its_interval_and_then_with_its_newest() -> None:
    bench = Bench()
    bench.tell(1)
    assert len(bench.shown()) == 1
    for number in range(2, 6):
        bench.tell(number)
    bench.now += 0.499
    assert bench.shown() == []
    assert bench.board.pause() == pytest.approx(0.001)
    bench.now += 0.001
    (picture,) = bench.shown()
    assert json.decode(picture.value)["ts"] == 5
    assert (bench.board.delivered, bench.board.conflated, bench.balance()) == (2, 3, 0)


def test_one_symbol_does_not_hold_up_another() -> None:
    bench = Bench()
    bench.tell(1, "A")
    bench.shown()
    bench.tell(2, "A")
    bench.tell(3, "B")
    assert [picture.symbol for picture in bench.shown()] == ["B"]


def test_other_venues_are_of_no_concern() -> None:
    bench = Bench()
    for venue in ("binance:spot", "bybit:linear", "binance:usdm2"):
        bench.tell(1, venue=venue)
    assert (bench.board.told, bench.shown()) == (0, [])


def test_symbols_beyond_the_limit_are_counted_and_not_kept() -> None:
    bench = Bench()
    for symbol in "ABCDE":
        bench.tell(1, symbol)
    bench.tell(2, "E")
    assert [picture.symbol for picture in bench.shown()] == ["A", "B", "C"]
    assert bench.board.dropped == {"too_many_symbols": 3}
    assert bench.balance() == 0


def test_a_quiet_price_is_renewed_before_it_expires_and_no_news() -> None:
    bench = Bench()
    bench.tell(1)
    bench.shown()
    assert bench.board.idle() == 10.0
    bench.now += 10.0
    (picture,) = bench.shown()
    assert (picture.symbol, picture.news) == ("BTCUSDT", b"")
    assert bench.balance() == 0


def test_what_is_no_longer_believed_is_not_renewed() -> None:
    bench = Bench()
    bench.tell(1)
    bench.shown()
    bench.books.tops.clear()
    bench.now += 10.0
    assert bench.shown() == []
    assert (bench.board.dropped, bench.balance()) == ({}, 0)


def test_after_a_failure_everything_is_shown_again_because_it_may_be_gone() -> None:
    bench = Bench()
    for symbol in "ABC":
        bench.tell(1, symbol)
    bench.shown()
    bench.now += 1.0
    bench.tell(2, "B")
    bench.board.take(100)
    bench.board.put_back()
    assert bench.balance() == 0
    bench.now += 0.5
    assert sorted(picture.symbol for picture in bench.shown()) == ["A", "B", "C"]
    assert bench.balance() == 0


def test_a_write_whose_answer_was_lost_counts_for_the_interval() -> None:
    bench = Bench()
    bench.tell(1)
    bench.board.take(100)
    bench.board.put_back()
    bench.now += 0.4
    assert bench.shown() == []


def test_news_of_a_symbol_that_is_leaving_is_shown_later() -> None:
    bench = Bench()
    bench.tell(1)
    bench.board.take(100)
    bench.tell(2)
    bench.board.settle()
    bench.now += 0.5
    assert json.decode(bench.shown()[0].value)["ts"] == 2


def test_what_was_refused_is_counted_and_shown_again_with_the_next_news() -> None:
    bench = Bench()
    bench.tell(1)
    bench.board.take(100)
    bench.board.settle((0,))
    assert (bench.board.dropped, bench.balance()) == ({"refused": 1}, 0)


def test_a_book_holds_its_best_levels_of_both_sides_best_first() -> None:
    bench = Bench(levels=2)
    bench.tell(7)
    (picture,) = bench.shown()
    assert json.decode(picture.value) == {
        "bids": [[107.0, 1.0], [106.0, 2.0]],
        "asks": [[108.0, 1.0], [109.0, 2.0]],
        "ts": 7,
        "source": "l2",
    }
    assert picture.news == b""


def test_a_book_that_changed_without_a_quote_is_found_and_one_that_did_not_is_left() -> None:
    bench = Bench(levels=2, look_s=1.0)
    bench.tell(1)
    bench.shown()
    bench.now += 1.0
    assert bench.shown() == []
    bench.books.tell(quote(2))
    bench.now += 1.0
    assert json.decode(bench.shown()[0].value)["ts"] == 2
    assert bench.balance() == 0


STEPS = st.one_of(
    st.tuples(st.just("tell"), st.integers(1, 9), st.sampled_from("ABCDE"), st.booleans()),
    st.tuples(st.just("take"), st.integers(1, 4), st.sampled_from(["settle", "refuse", "back"]), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 0.5, 3.0, 11.0]), st.none(), st.none()),
)


@given(st.lists(STEPS, max_size=60))
def test_told_is_delivered_and_conflated_and_dropped_and_waiting(steps: list[tuple[str, Any, Any, Any]]) -> None:
    bench = Bench()
    written: dict[str, float] = {}
    for what, number, how, flag in steps:
        if what == "wait":
            bench.now += number
        elif what == "tell":
            bench.tell(number, how, bid=0.0 if flag else 1.0)
        else:
            pictures = bench.board.take(number)
            for picture in pictures:
                assert bench.now - written.get(picture.symbol, -inf) >= 0.5 - 1e-9
                written[picture.symbol] = bench.now
            if how == "back":
                bench.board.put_back()
            else:
                bench.board.settle((0,) if pictures and how == "refuse" else ())
        assert bench.balance() == 0
        assert len(bench.board) <= 3
