"""Depth through the feeder: books, their snapshots, and which of two sources tells the best price."""

import pytest

from integrated_trading_system.domain.health import (
    BookState,
    BookStateChanged,
    FeedStale,
    Gap,
    LinkState,
    Quarantined,
    SnapshotWanted,
)
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, DataType, Quote
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.streams import Stream, StreamsWanted
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.statistics import StreamView
from tests.support.feed_rig import BOTH, BTC, DEPTH, VENUE, FeedRig, delta, link, ms, quote, snapshot, trade

WANTED = SnapshotWanted(BTC)


@pytest.fixture
def rig() -> FeedRig:
    """Depth only, proven at sequence 11: bid 100, ask 101."""
    rig = FeedRig(DEPTH)
    rig.tell(delta(10, 10), snapshot(10), delta(11, 11))
    rig.forget()
    return rig


@pytest.fixture
def both() -> FeedRig:
    """Quotes and depth, the same."""
    rig = FeedRig(BOTH)
    rig.tell(delta(10, 10), snapshot(10), delta(11, 11))
    rig.forget()
    return rig


def states(rig: FeedRig) -> list[BookState]:
    return [changed.state for changed in rig.bus.of(BookStateChanged)]


def test_a_snapshot_is_asked_for_with_the_first_change_and_not_before() -> None:
    rig = FeedRig(DEPTH)
    rig.tell(link(LinkState.LIVE))
    rig.run(ms(3_000))
    assert rig.connector.messages == []
    rig.tell(delta(10, 10), delta(11, 11))
    assert rig.connector.messages == [WANTED]


def test_nothing_is_told_before_a_change_has_covered_the_snapshot() -> None:
    rig = FeedRig(DEPTH)
    rig.tell(delta(10, 10), snapshot(10))
    assert rig.synchronizer.of(Quote) == []
    assert rig.books.depth(BTC, Side.BUY, 5) == ()
    rig.tell(delta(11, 11, 3))
    assert rig.synchronizer.of(Quote) == [quote(11, 3)]
    assert rig.books.depth(BTC, Side.BUY, 5) == ((101.0, 1.0),)


def test_an_applied_change_tells_the_new_top_and_itself(rig: FeedRig) -> None:
    change = delta(12, 12, 5, bids=[(100.5, 2.0)])
    rig.tell(change)
    made = quote(12, 5, bid=100.5, bid_size=2.0)
    assert rig.synchronizer.messages == [made]
    assert rig.bus.messages == [made, change]
    assert rig.buffers.latest(BTC, DataType.QUOTES) == (made,)


def test_a_gap_discards_the_book_and_asks_for_a_snapshot(rig: FeedRig) -> None:
    rig.tell(delta(14, 15, 1))
    assert rig.bus.of(Gap) == [Gap(BTC, expected=12, received=14, at=ms(1))]
    assert states(rig) == [BookState.SUSPECT]
    assert rig.synchronizer.messages == rig.bus.of(BookStateChanged)
    assert rig.connector.messages == [WANTED]
    assert rig.books.top(BTC) is None
    rig.tell(snapshot(14, 2))
    assert rig.books.state(BTC) is BookState.VALID
    assert rig.synchronizer.messages[-1] == quote(15, 1)
    assert (rig.book.gaps, rig.book.resyncs) == (1, 1)


def test_a_crossed_book_is_never_told_and_a_snapshot_is_asked_for(rig: FeedRig) -> None:
    rig.tell(delta(12, 12, 1, bids=[(101.5, 1.0)]))
    assert rig.synchronizer.of(Quote) == []
    assert states(rig) == [BookState.SUSPECT]
    assert rig.connector.messages == [WANTED]
    assert rig.book.crossed == 1


def test_a_snapshot_that_is_too_old_is_asked_for_again_three_times_then_with_pauses() -> None:
    rig = FeedRig(DEPTH)
    rig.tell(delta(50, 50))
    for _ in range(6):
        rig.tell(snapshot(1))
    assert rig.connector.messages == [WANTED] * 3
    rig.run(ms(1_999))
    assert rig.connector.messages == [WANTED] * 3
    rig.run(ms(2_000))
    assert rig.connector.messages == [WANTED] * 4


def test_an_unanswered_request_is_repeated_after_a_while() -> None:
    rig = FeedRig(DEPTH)
    rig.tell(delta(50, 50))
    rig.run(ms(1_999))
    assert len(rig.connector.messages) == 1
    rig.run(ms(2_000))
    assert len(rig.connector.messages) == 2


def test_tries_begin_anew_once_a_book_has_stood_for_a_while(rig: FeedRig) -> None:
    for round_number in range(3):
        at = round_number * 2_000 + 100
        last = 100 * (round_number + 1)
        rig.tell(delta(last, last, at), snapshot(last, at), delta(last + 1, last + 1, at))
        rig.run(ms(at + 1_500))
    rig.forget()
    rig.tell(delta(900, 900, 8_000), snapshot(1), snapshot(2), snapshot(3))
    assert rig.connector.messages == [WANTED] * 3


def test_numbering_that_begins_anew_is_followed(rig: FeedRig) -> None:
    rig.tell(delta(1, 1, 1_000))
    assert states(rig) == [BookState.SUSPECT]
    rig.tell(snapshot(1, 1_001), delta(2, 2, 1_100))
    assert rig.synchronizer.messages[-1] == quote(2, 1_100)


def test_a_one_sided_book_has_no_top(rig: FeedRig) -> None:
    rig.tell(delta(12, 12, asks=[(101.0, 0.0)]))
    assert rig.synchronizer.of(Quote) == []
    assert states(rig) == [BookState.SUSPECT]
    rig.tell(delta(13, 13, asks=[(102.0, 1.0)]))
    assert rig.books.state(BTC) is BookState.VALID
    assert rig.synchronizer.messages[-1] == quote(13, ask=102.0)


def test_a_snapshot_in_the_stream_is_true_at_once_and_published() -> None:
    rig = FeedRig(DEPTH)
    message = snapshot(10, 2, in_stream=True, window=50)
    rig.tell(message)
    assert rig.books.state(BTC) is BookState.VALID
    assert rig.bus.of(BookSnapshot) == [message]
    assert rig.synchronizer.messages[-1] == quote(10, 2)
    assert rig.connector.messages == []


def test_depth_that_nobody_announced_is_taken_in() -> None:
    rig = FeedRig({BTC: ()})
    rig.tell(quote(1), delta(10, 10), delta(11, 11), snapshot(9))
    assert rig.books.state(BTC) is BookState.VALID
    assert rig.book.last_sequence == 11


def test_a_jump_of_the_book_is_doubted_until_the_instrument_was_stale(rig: FeedRig) -> None:
    rig.tell(delta(12, 12, 100, bids=[(100.0, 0.0), (250.0, 1.0)], asks=[(101.0, 0.0), (251.0, 1.0)]))
    assert states(rig) == [BookState.SUSPECT]
    rig.tell(*(delta(number, number, (number - 12) * 490) for number in range(13, 23)))
    assert {message.reason for message in rig.bus.of(Quarantined)} == {"jump"}
    assert rig.books.state(BTC) is BookState.SUSPECT
    rig.tell(*(delta(number, number, (number - 12) * 490) for number in range(23, 25)))
    assert states(rig) == [BookState.SUSPECT, BookState.STALE, BookState.VALID]
    assert rig.books.depth(BTC, Side.SELL, 1) == ((250.0, 1.0),)


# -- two sources ---------------------------------------------------------------------------------


def test_quotes_are_published_but_reach_no_synchronizer_before_the_book_is_proven() -> None:
    rig = FeedRig(BOTH)
    rig.tell(quote(12))
    assert rig.bus.of(Quote) == [quote(12)]
    assert rig.synchronizer.messages == []
    rig.tell(delta(10, 10), snapshot(10), delta(11, 11))
    assert rig.synchronizer.messages[-1] == quote(12)
    assert rig.books.state(BTC) is BookState.VALID


def test_the_newest_by_sequence_is_the_top(both: FeedRig) -> None:
    both.tell(quote(15, 5, bid=100.2), delta(12, 13, 6, bids=[(100.1, 1.0)]))
    assert both.synchronizer.of(Quote) == [quote(15, 5, bid=100.2)]
    both.tell(delta(14, 16, 7, bids=[(100.3, 1.0)]), quote(16, 5, bid=100.3), quote(15, 8, bid=100.2))
    assert both.synchronizer.of(Quote)[1:] == [quote(16, 7, bid=100.3)]
    assert both.view.instruments[BTC].streams[DataType.QUOTES] == StreamView(
        delivered=1, conflated=2, reasons={"nothing new": 2}
    )


def test_a_quote_older_than_the_stream_itself_is_no_late_one(both: FeedRig) -> None:
    both.tell(quote(15), delta(12, 16), quote(14))
    assert [message.reason for message in both.bus.of(Quarantined)] == ["sequence"]


def test_where_both_tell_one_moment_they_are_compared(both: FeedRig) -> None:
    both.tell(quote(12), quote(13), delta(12, 12))  # the quote was first, and is not the newest
    both.tell(delta(13, 14), quote(14))  # the book was first
    assert (both.book.compared, both.book.equal) == (2, 2)
    both.tell(quote(15, bid_size=7.0), delta(15, 15))
    assert (both.book.compared, both.book.equal) == (3, 2)


def test_a_doubted_quote_is_made_good_by_the_book(both: FeedRig) -> None:
    both.tell(quote(12), quote(13, bid=500.0))
    assert both.books.state(BTC) is BookState.SUSPECT
    both.tell(delta(12, 12))
    assert both.books.state(BTC) is BookState.SUSPECT
    both.tell(delta(13, 14))
    assert both.books.state(BTC) is BookState.VALID


def test_a_gap_takes_nothing_from_the_quote_stream_but_its_listeners(both: FeedRig) -> None:
    both.tell(quote(20), delta(15, 15))
    both.forget()
    both.tell(quote(21))
    assert both.bus.of(Quote) == [quote(21)]
    assert both.synchronizer.messages == []
    both.tell(snapshot(14))
    assert both.synchronizer.messages[-1] == quote(21)


# -- silence and links ---------------------------------------------------------------------------


def test_a_book_that_falls_silent_is_stale_though_quotes_go_on_and_continues_without_a_snapshot(both: FeedRig) -> None:
    both.tell(*(quote(12 + second, second * 1_000) for second in range(1, 7)))
    assert both.books.state(BTC) is BookState.STALE
    assert len(both.bus.of(FeedStale)) == 1
    assert both.bus.of(Quote)[-1] == quote(18, 6_000)
    both.forget()
    both.tell(delta(12, 12, 6_500))
    assert both.books.state(BTC) is BookState.VALID
    assert both.synchronizer.of(Quote) == [quote(18, 6_000)]
    assert both.connector.messages == []


def test_a_lost_link_costs_the_book_and_what_still_comes_is_dropped(rig: FeedRig) -> None:
    rig.tell(link(LinkState.LIVE), link(LinkState.DOWN), delta(12, 12), snapshot(12))
    assert rig.books.depth(BTC, Side.BUY, 1) == ()
    assert (rig.book.state, rig.book.last_sequence, rig.book.levels) == (BookState.STALE, None, (0, 0))
    assert rig.view.instruments[BTC].streams[DataType.DEPTH].dropped == 3
    rig.tell(link(LinkState.SUBSCRIBE, number=2), link(LinkState.LIVE, number=2))
    assert states(rig) == [BookState.STALE, BookState.SYNCING]
    rig.tell(delta(50, 50))
    assert rig.connector.messages == [WANTED]


def test_every_message_of_depth_is_accounted_for(rig: FeedRig) -> None:
    more: list[BookDelta | BookSnapshot] = [delta(12, 12), delta(12, 12), delta(15, 15), snapshot(3), snapshot(15)]
    rig.tell(*more)
    view = rig.view.instruments[BTC]
    reasons = {"duplicate": 1, "in the snapshot": 2}
    assert view.streams[DataType.DEPTH] == StreamView(delivered=5, conflated=1, dropped=2, reasons=reasons)
    assert view.streams[DataType.DEPTH].received == view.messages == 3 + len(more)
    assert view.errors == 1


def test_the_view_of_a_venue_sums_its_instruments(rig: FeedRig) -> None:
    rig.tell(delta(14, 15, 4, venue_time=ms(2)), snapshot(14, 5))
    (view,) = rig.view.venues.values()
    assert (view.events, view.messages, view.gaps, view.resyncs) == (5, 5, 1, 1)
    assert rig.view.books[BTC].best_bid == (100.0, 1.0)
    assert view.latency_us.max == 2_000.0


def test_quotes_without_time_that_come_in_a_burst_are_as_old_as_the_changes_between_them(both: FeedRig) -> None:
    clock = both.clocks.of(VENUE)
    both.tell(quote(12, 12, venue_time=Nanos(0)), delta(12, 12, 13))
    for number in range(13, 40):  # one change every 100 ms, held up and told all at once, three seconds later
        both.tell(quote(2 * number, 3_000, venue_time=Nanos(0)))
        assert clock.reach <= ms((number - 13) * 100 + 113)
        both.tell(delta(number, number, 3_000, venue_time=ms((number - 12) * 100)))
    assert clock.reach >= ms(2_600)


def test_where_books_are_not_told_any_more_quotes_without_time_count_by_their_arrival_again() -> None:
    wanted = dict(BOTH)
    rig = FeedRig(wanted)
    clock = rig.clocks.of(VENUE)
    rig.tell(delta(10, 10), snapshot(10), quote(11, 12, venue_time=Nanos(0)), delta(11, 11, 13))
    rig.tell(quote(12, 2_000, venue_time=Nanos(0)))
    assert clock.reach == ms(113)
    wanted[BTC] = (DataType.QUOTES,)
    rig.tell(StreamsWanted(VENUE, (Stream(BTC, DataType.QUOTES),)))
    rig.run(ms(3_000))
    rig.tell(quote(20, 3_000, venue_time=Nanos(0)))
    assert clock.reach == ms(3_000) - clock.delay


def test_a_trade_may_come_on_a_link_of_its_own_and_proves_nothing_of_a_book(both: FeedRig) -> None:
    clock = both.clocks.of(VENUE)
    before = clock.reach
    both.tell(trade("1", 900))
    assert clock.reach == before
    both.tell(delta(12, 12, 901))
    assert clock.reach == ms(901) - clock.offset
