"""What a venue's frames become: every kind of data on offer, books that are right, and losses that are noticed."""

from math import isfinite

import pytest

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.market import (
    BookDelta,
    BookSnapshot,
    Candle,
    DataType,
    FundingRate,
    MarketEvent,
    MarkPrice,
    Quote,
    Statistics,
    Trade,
)
from integrated_trading_system.domain.time import MILLISECOND, Nanos
from integrated_trading_system.venues.venue import Ignored, Pong, VenueEvent
from tests.conformance.books import Follower, followed, integrity
from tests.conformance.description import CHECKSUM, NOTHING, SENT, SEQUENCE, WHOLE, BookTraffic
from tests.conformance.subjects import Subject

EVENTS: dict[DataType, tuple[type, ...]] = {
    DataType.QUOTES: (Quote,),
    DataType.TRADES: (Trade,),
    DataType.DEPTH: (BookDelta, BookSnapshot),
    DataType.STATISTICS: (Statistics,),
    DataType.CANDLES: (Candle,),
    DataType.MARK_PRICE: (MarkPrice,),
    DataType.FUNDING: (FundingRate,),
}


def decoded(subject: Subject, frames: tuple[bytes, ...]) -> list[VenueEvent]:
    codec, found = subject.listed().codec, list[VenueEvent]()
    for number, frame in enumerate(frames, 1):
        found += codec.decode(frame, Nanos(SENT + number * MILLISECOND))
    return found


def test_every_kind_of_data_on_offer_becomes_its_events(subject: Subject) -> None:
    for data_type, frames in subject.traffic.events.items():
        events = decoded(subject, frames)
        assert [event for event in events if isinstance(event, Quarantined)] == []
        mine = [event for event in events if isinstance(event, MarketEvent) and isinstance(event, EVENTS[data_type])]
        assert mine, data_type
        assert {event.instrument for event in mine} == {subject.instrument.instrument}


def test_quotes_and_trades_are_prices_of_a_market(subject: Subject) -> None:
    for frames in subject.traffic.events.values():
        for event in decoded(subject, frames):
            if isinstance(event, Quote):
                assert 0 < event.bid < event.ask
                assert isfinite(event.ask)
                assert min(event.bid_size, event.ask_size) >= 0
                assert not subject.build().time_in_quotes or event.venue_time > 0
            elif isinstance(event, Trade):
                assert event.price > 0
                assert event.quantity > 0
                assert event.trade_id
                assert event.venue_time > 0
            elif isinstance(event, Candle):
                assert event.low <= min(event.open, event.close) <= max(event.open, event.close) <= event.high


def test_a_trade_was_made_by_whose_order_took(subject: Subject) -> None:
    trades = decoded(subject, subject.traffic.events[DataType.TRADES])
    first = next(event for event in trades if isinstance(event, Trade))
    assert (first.price, first.side) == subject.traffic.trade


def test_what_nobody_listed_is_ignored_and_not_quarantined(subject: Subject) -> None:
    never, no_more = subject.build().codec, subject.listed().codec
    no_more.list([])
    for data_type, frames in subject.traffic.events.items():
        for frame in frames:
            events = (*never.decode(frame, SENT), *no_more.decode(frame, SENT))
            assert not any(isinstance(event, (Quarantined, *EVENTS[data_type])) for event in events)


def test_its_own_keep_alive_is_answered(subject: Subject) -> None:
    door, kinds = next(iter(subject.doors().items()))
    plan = subject.plan(door, *kinds)
    if plan.ping is None or subject.traffic.pong is None:
        pytest.skip("it is kept alive below the frames, or by the venue's own heartbeats")
    assert list(subject.listed().codec.decode(subject.traffic.pong, SENT)) == [Pong()]


# -- books ---------------------------------------------------------------------------------------


@pytest.fixture
def book(subject: Subject) -> BookTraffic:
    found = subject.traffic.book
    if found is None:
        assert DataType.DEPTH not in subject.offered()
        pytest.skip("no book is offered")
    return found


def test_a_book_is_proven_and_has_the_venues_best_prices(subject: Subject, book: BookTraffic) -> None:
    follower = followed(subject, book)
    assert follower.noticed == set()
    assert follower.best == book.best


def test_a_book_that_the_stream_brings_is_true_at_once(subject: Subject, book: BookTraffic) -> None:
    if book.snapshot is not None:
        pytest.skip("it is brought by REST")
    first = next(number for number, frame in enumerate(book.frames, 1) if brings_a_book(subject, frame))
    follower = Follower(subject)
    follower.hear(book.frames[:first])
    assert follower.best is not None


def test_nothing_is_believed_of_changes_alone(subject: Subject, book: BookTraffic) -> None:
    follower = Follower(subject)
    follower.hear([frame for frame in book.frames[1:] if not brings_a_book(subject, frame)])
    assert follower.best is None


def brings_a_book(subject: Subject, frame: bytes) -> bool:
    return any(isinstance(event, BookSnapshot) for event in subject.listed().codec.decode(frame, SENT))


def test_a_lost_change_is_noticed_as_far_as_the_venue_lets_it_be(subject: Subject, book: BookTraffic) -> None:
    assert integrity(subject) == subject.traffic.integrity
    assert subject.traffic.integrity in (SEQUENCE, CHECKSUM, WHOLE, NOTHING)


def test_a_change_that_comes_twice_makes_no_wrong_price(subject: Subject, book: BookTraffic) -> None:
    follower, place = Follower(subject), book.lost + 1
    after = book.snapshot_after + (place <= book.snapshot_after)
    follower.hear((*book.frames[:place], *book.frames[book.lost :]), book.snapshot, after)
    assert follower.best in (None, book.best)


def test_a_wrong_checksum_is_noticed(subject: Subject, book: BookTraffic) -> None:
    if book.spoiled is None:
        assert subject.traffic.integrity != CHECKSUM
        pytest.skip("there is no checksum")
    follower = Follower(subject)
    follower.hear(
        (*book.frames[: book.lost], book.spoiled),
        book.snapshot,
        book.snapshot_after,
    )
    if subject.traffic.integrity == CHECKSUM:
        assert CHECKSUM in follower.noticed
        assert follower.best is None


def test_a_second_connection_begins_anew(subject: Subject, book: BookTraffic) -> None:
    follower = Follower(subject)
    follower.hear(book.frames[: book.lost], book.snapshot, book.snapshot_after)
    follower.reconnect()
    assert follower.best is None
    follower.noticed.clear()
    follower.hear(book.again or book.frames, book.snapshot_again or book.snapshot, book.snapshot_after)
    assert follower.noticed == set()
    assert follower.best == (book.best_again or book.best)


def test_a_book_by_rest_is_the_same_book(subject: Subject, book: BookTraffic) -> None:
    if book.snapshot is None:
        pytest.skip("the stream brings it")
    found = subject.listed().market.decode_snapshot(subject.instrument, book.snapshot.reply)
    assert found.instrument == subject.instrument.instrument
    assert max(price for price, _ in found.bids) < min(price for price, _ in found.asks)
    assert all(size > 0 for _, size in (*found.bids, *found.asks))


def test_an_empty_frame_is_told_for_what_it_is(subject: Subject) -> None:
    (event,) = subject.listed().codec.decode(b"", SENT)
    assert isinstance(event, Quarantined | Ignored)
