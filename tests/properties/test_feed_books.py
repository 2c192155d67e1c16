"""Whatever is lost, doubled or swapped on the way, a book that is VALID is the venue's own at that sequence."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.book import Book
from integrated_trading_system.domain.health import BookState
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Level, Quote
from integrated_trading_system.domain.order import Side
from tests.support.feed_rig import BOTH, BTC, DEPTH, FeedRig, delta, quote, snapshot

EVERY = 100
"""Milliseconds between changes."""
ALL = 1_000


@dataclass
class Market:
    """The venue's side: every change it makes, and its book after each."""

    futures: bool
    sequence: int = 0
    deltas: list[BookDelta] = field(default_factory=list)
    depths: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    book: Book = field(default_factory=Book)

    def __post_init__(self) -> None:
        self.book.apply([(89.0, 1.0)], [(111.0, 1.0)])

    def change(self, bids: list[Level], asks: list[Level], width: int) -> None:
        before, self.sequence = self.sequence, self.sequence + width
        self.book.apply(bids, asks)
        self.depths[self.sequence] = (self.book.bids(ALL), self.book.asks(ALL))
        at = len(self.deltas) * EVERY
        first = before + width if self.futures else before + 1  # futures number with holes
        self.deltas.append(delta(first, self.sequence, at, bids=bids, asks=asks, previous_sequence=before))

    def snapshot(self, index: int) -> BookSnapshot:
        """Of the book after the change at `index`."""
        last = self.deltas[index].last_sequence
        bids, asks = self.depths[last]
        resume = last if self.futures else last + 1
        return snapshot(last, index * EVERY, bids=list(bids), asks=list(asks), resume_from=resume)

    def quote(self, index: int) -> Quote:
        last = self.deltas[index].last_sequence
        (bid, bid_size), (ask, ask_size) = (levels[0] for levels in self.depths[last])
        return quote(last, index * EVERY, bid=bid, bid_size=bid_size, ask=ask, ask_size=ask_size)


sizes = st.sampled_from([0.0, 1.0, 2.0])
bids = st.lists(st.tuples(st.integers(90, 99).map(float), sizes), max_size=3)
asks = st.lists(st.tuples(st.integers(101, 110).map(float), sizes), max_size=3)
changes = st.lists(st.tuples(bids, asks, st.integers(1, 3)), min_size=12, max_size=40)
faults = st.dictionaries(st.integers(0, 39), st.sampled_from(["drop", "double", "swap", "late-double"]), max_size=8)


def on_the_way(count: int, damage: dict[int, str]) -> list[int]:
    """Indices of the changes in the order in which they arrive."""
    order: list[int] = []
    for index in range(count):
        kind = damage.get(index)
        if kind == "swap" and order:
            order.insert(len(order) - 1, index)
        elif kind == "late-double" and index >= 5:
            order += [index, index - 5]
        elif kind != "drop":
            order += [index] * (2 if kind == "double" else 1)
    return order


def market_of(futures: bool, made: list[tuple[list[Level], list[Level], int]]) -> Market:
    market = Market(futures)
    for bid_levels, ask_levels, width in made:
        market.change(bid_levels, ask_levels, width)
    return market


class Desk:
    """Answers requests for snapshots, late and with a book that may be older than the changes at hand."""

    def __init__(self, market: Market, rig: FeedRig, lag: int, delay: int) -> None:
        self.market, self.rig, self.lag, self.delay = market, rig, lag, delay
        self.due: list[tuple[int, BookSnapshot]] = []

    def step(self, step: int, index: int) -> None:
        for _ in self.rig.connector.take():
            self.due.append((step + self.delay, self.market.snapshot(max(0, index - self.lag))))
        while self.due and self.due[0][0] <= step:
            self.rig.tell(self.due.pop(0)[1])


@given(st.booleans(), changes, faults, st.integers(0, 3), st.integers(0, 3))
def test_a_valid_book_is_the_venues_book(
    futures: bool, made: list[tuple[list[Level], list[Level], int]], damage: dict[int, str], lag: int, delay: int
) -> None:
    market = market_of(futures, made)
    rig = FeedRig(DEPTH)
    desk = Desk(market, rig, lag, delay)
    for step, index in enumerate(on_the_way(len(made), damage)):
        rig.tell(market.deltas[index])
        desk.step(step, index)
        top = rig.books.top(BTC)
        if top is not None:
            expected = market.depths[top.sequence]
            assert (rig.books.depth(BTC, Side.SELL, ALL), rig.books.depth(BTC, Side.BUY, ALL)) == expected
    for told in rig.synchronizer.of(Quote):
        assert [(told.bid, told.bid_size), (told.ask, told.ask_size)] == [
            side[0] for side in market.depths[told.sequence]
        ]


@given(changes, faults, st.lists(st.integers(0, 39), max_size=20))
def test_with_a_second_source_the_top_is_the_venues_at_its_own_sequence(
    made: list[tuple[list[Level], list[Level], int]], damage: dict[int, str], quoted: list[int]
) -> None:
    market = market_of(False, made)
    rig = FeedRig(BOTH)
    desk = Desk(market, rig, lag=0, delay=1)
    for step, index in enumerate(on_the_way(len(made), damage)):
        if index in quoted:
            rig.tell(market.quote(index))
        rig.tell(market.deltas[index])
        desk.step(step, index)
        top = rig.books.top(BTC)
        if top is not None:
            best = tuple(levels[0] for levels in market.depths[top.sequence])
            assert ((top.bid, top.bid_size), (top.ask, top.ask_size)) == best
            assert rig.books.depth(BTC, Side.SELL, 1) + rig.books.depth(BTC, Side.BUY, 1) == best
    assert rig.book.compared == rig.book.equal


@given(changes, faults)
def test_five_seconds_after_the_last_fault_a_book_is_valid_again(
    made: list[tuple[list[Level], list[Level], int]], damage: dict[int, str]
) -> None:
    market = market_of(False, made + [([(95.0, 1.0)], [], 1)] * 50)
    rig = FeedRig(DEPTH)
    desk = Desk(market, rig, lag=0, delay=0)
    damage = {index: kind for index, kind in damage.items() if index < len(made)}
    for step, index in enumerate(on_the_way(len(market.deltas), damage)):
        rig.tell(market.deltas[index])
        desk.step(step, index)
    assert rig.books.state(BTC) is BookState.VALID
    assert rig.book.last_sequence == market.sequence
