"""Proof and disproof of a book beside its sequence: a checksum, the stream of best prices, and its own levels."""

import pytest

from integrated_trading_system.domain.audit import BookDiverged
from integrated_trading_system.domain.health import (
    BookBroken,
    BookState,
    BookStateChanged,
    LinkState,
    Quarantined,
    SnapshotWanted,
)
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, DataType, Level, Quote
from tests.support.feed_rig import BOTH, BTC, DEPTH, FeedRig, delta, link, ms, quote, snapshot

BROKEN = BookBroken(BTC, "checksum", expected=123, received=456, at=ms(1))


def proven() -> FeedRig:
    rig = FeedRig(DEPTH)
    for kind in (BookBroken, BookDiverged):
        rig.system.bus.subscribe(kind, rig.bus)
    rig.tell(snapshot(10), delta(11, 11))
    rig.forget()
    return rig


def test_a_wrong_checksum_discards_the_book_and_asks_for_another() -> None:
    rig = proven()
    rig.tell(BROKEN)
    assert rig.bus.messages[0] == BROKEN
    (changed,) = rig.bus.of(BookStateChanged)
    assert (changed.state, changed.reason) == (BookState.SUSPECT, "checksum")
    assert rig.connector.messages == [SnapshotWanted(BTC)]
    assert (rig.books.top(BTC), rig.book.levels, rig.book.resyncs) == (None, (0, 0), 1)


def test_after_a_wrong_checksum_nothing_is_told_until_the_book_is_proven_anew() -> None:
    rig = proven()
    rig.tell(BROKEN, delta(12, 12, 2, bids=[(100.5, 1.0)]), delta(13, 13, 3))
    assert [*rig.bus.of(Quote), *rig.bus.of(BookDelta), *rig.synchronizer.of(Quote)] == []
    rig.tell(snapshot(13, 4, bids=[(100.2, 1.0)], in_stream=True))
    assert rig.book.state is BookState.VALID
    assert [told.bid for told in rig.synchronizer.of(Quote)] == [100.2]


def test_a_wrong_checksum_of_a_book_that_nobody_has_changes_nothing_but_its_state() -> None:
    rig = FeedRig()
    rig.tell(BROKEN)
    assert rig.book.state is BookState.SUSPECT
    rig = proven()
    rig.tell(link(LinkState.LIVE), link(LinkState.DOWN))
    rig.forget()
    rig.tell(BROKEN)
    assert rig.bus.messages == []
    assert rig.book.state is BookState.STALE


@pytest.mark.parametrize("book_first", [True, False])
def test_a_book_and_quotes_that_disagree_on_one_moment_are_both_doubted(book_first: bool) -> None:
    rig = FeedRig(BOTH)
    rig.system.bus.subscribe(BookDiverged, rig.bus)
    rig.tell(snapshot(10), delta(11, 11))
    rig.forget()
    change, told = delta(12, 12, 1, bids=[(100.0, 5.0)]), quote(12, 1)
    rig.tell(*((change, told) if book_first else (told, change)))
    assert rig.book.state is BookState.SUSPECT
    (diverged,) = rig.bus.of(BookDiverged)
    assert diverged.against == "quotes"
    assert rig.books.top(BTC) is None
    assert rig.connector.messages == [SnapshotWanted(BTC)]
    rig.tell(quote(13, 2), delta(13, 13, 2), snapshot(13, 3))
    assert rig.books.top(BTC) is None
    rig.tell(delta(14, 14, 4))
    assert rig.books.state(BTC) is BookState.VALID


def test_a_book_and_quotes_that_agree_are_believed() -> None:
    rig = FeedRig(BOTH)
    rig.tell(snapshot(10), delta(11, 11), quote(11), quote(12, 1), delta(12, 12, 1))
    assert (rig.book.compared, rig.book.equal, rig.book.state) == (2, 2, BookState.VALID)


@pytest.mark.parametrize(
    ("bids", "reason"),
    [([(-1.0, 1.0)], "price"), ([(float("nan"), 1.0)], "price"), ([(100.0, float("inf"))], "size")],
)
@pytest.mark.parametrize("in_stream", [True, False])
def test_a_whole_book_with_a_level_that_cannot_be_is_refused(bids: list[Level], reason: str, in_stream: bool) -> None:
    rig = FeedRig(DEPTH)
    rig.tell(delta(9, 9), snapshot(10, 1, bids=bids, in_stream=in_stream))
    assert rig.bus.of(BookSnapshot) == []
    (refused,) = rig.bus.of(Quarantined)
    assert refused.reason == reason
    view = rig.view.instruments[BTC].streams[DataType.DEPTH]
    assert (view.quarantined, view.received, view.reasons) == (1, 2, {reason: 1})
    assert rig.connector.messages == [SnapshotWanted(BTC)] * 2  # at once: the answer was no answer
    rig.tell(snapshot(10, 2), delta(11, 11, 3))
    assert rig.book.state is BookState.VALID


def test_a_refused_book_leaves_nothing_of_the_one_before() -> None:
    rig = proven()
    rig.tell(snapshot(12, 1, bids=[(0.0, 1.0)], in_stream=True))
    assert (rig.book.state, rig.book.levels) == (BookState.SUSPECT, (0, 0))


def test_of_a_huge_book_in_quarantine_only_the_beginning_is_kept() -> None:
    rig = FeedRig(DEPTH)
    rig.tell(snapshot(10, bids=[(-1.0, 1.0)] * 10_000))
    (kept,) = rig.view.quarantine
    assert len(kept.frame) == 16_384
