"""Kraken's public messages: what each becomes, how a book is proven, and that nothing makes the codec fail."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrated_trading_system.domain.health import BookBroken, Quarantined
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Candle, Quote, Statistics, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, Pong, VenueEvent
from tests.support import kraken
from tests.support.kraken import BTC, book, message, summed

AT = Nanos(7)
TIME = Nanos(1696613755_440295_000)

# The venue's own example of a checksum.
ASKS = [
    ("45285.2", "0.00100000"),
    ("45286.4", "1.54571953"),
    ("45286.6", "1.54571109"),
    ("45289.6", "1.54560911"),
    ("45290.2", "0.15890660"),
    ("45291.8", "1.54553491"),
    ("45294.7", "0.04454749"),
    ("45296.1", "0.35380000"),
    ("45297.5", "0.09945542"),
    ("45299.5", "0.18772827"),
]
BIDS = [
    ("45283.5", "0.10000000"),
    ("45283.4", "1.54582015"),
    ("45282.1", "0.10000000"),
    ("45281.0", "0.10000000"),
    ("45280.3", "1.54592586"),
    ("45279.0", "0.07990000"),
    ("45277.6", "0.03310103"),
    ("45277.5", "0.30000000"),
    ("45277.3", "1.54602737"),
    ("45276.6", "0.15445238"),
]
PUBLISHED = 3310070434
SNAPSHOT = book("snapshot", BIDS, ASKS, PUBLISHED)
TICKER = message(
    "ticker",
    "update",
    '{"symbol":"BTC/USD","bid":105944.20,"bid_qty":2.5,"ask":105944.30,"ask_qty":3.2,"last":105899.40,"volume":2.0,'
    '"vwap":105000.5,"low":104711.00,"high":106613.10,"change":250.00,"change_pct":0.24,'
    '"timestamp":"2023-10-06T17:35:55.440295Z"}',
)
TRADES = message(
    "trade",
    "update",
    '{"symbol":"BTC/USD","side":"buy","price":105944.20,"qty":0.00027625,"ord_type":"limit","trade_id":10218208,'
    '"timestamp":"2023-10-06T17:35:55.440295Z"}',
    '{"symbol":"BTC/USD","side":"sell","price":105910.50,"qty":0.00012460,"ord_type":"market","trade_id":10218209,'
    '"timestamp":"2023-10-06T17:35:55.440296Z"}',
)


def bar(begin: str = "2023-10-04T16:25:00.000000000Z", close: str = "106040.1", interval: int = 1) -> str:
    return (
        f'{{"symbol":"BTC/USD","open":106038.2,"high":106044.3,"low":106038.1,"close":{close},"trades":12,"volume":2.0,'
        f'"vwap":106039.5,"interval_begin":"{begin}","interval":{interval}}}'
    )


OHLC = message("ohlc", "update", bar())
FRAMES = (SNAPSHOT, book("update", BIDS[:1], [], PUBLISHED), TICKER, TRADES, OHLC)


@pytest.fixture
def codec() -> Codec:
    made = kraken.venue().codec
    made.list([kraken.instrument()])
    return made


def only(codec: Codec, frame: bytes) -> VenueEvent:
    (event,) = codec.decode(frame, AT)
    return event


def reason(codec: Codec, frame: bytes) -> str:
    event = only(codec, frame)
    assert isinstance(event, Quarantined), event
    assert event.frame == frame
    return event.reason


def floats(levels: kraken.Levels) -> list[tuple[float, float]]:
    return [(float(price), float(size)) for price, size in levels]


def levels(text: str) -> kraken.Levels:
    """Prices and sizes, one after the other."""
    return list(zip(text.split()[::2], text.split()[1::2], strict=True))


def change(codec: Codec, bids: kraken.Levels, asks: kraken.Levels, total: int, micros: int) -> VenueEvent:
    """An update so many microseconds after the snapshot."""
    return only(codec, book("update", bids, asks, total, f"2023-10-06T17:35:55.{440295 + micros:06d}Z"))


# -- the book ------------------------------------------------------------------------------------


def test_the_published_checksum_proves_the_published_book(codec: Codec) -> None:
    assert only(codec, SNAPSHOT) == BookSnapshot(
        BTC, floats(BIDS), floats(ASKS), TIME, TIME + 1, TIME, TIME, AT, in_stream=True, window=100
    )


def test_a_change_continues_what_was_seen_before_it(codec: Codec) -> None:
    codec.decode(SNAPSHOT, AT)
    bids = [("45283.5", "0.20000000"), *BIDS[1:]]
    at = Nanos(TIME + 5_000)
    delta = change(codec, bids[:1], [], summed(bids, ASKS), 5)
    assert delta == BookDelta(BTC, [(45283.5, 0.2)], [], TIME + 1, at, TIME, at, at, AT)


def test_the_checksum_is_over_the_text_so_that_zeros_count(codec: Codec) -> None:
    codec.decode(SNAPSHOT, AT)
    shorter = [("45283.5", "0.1"), *BIDS[1:]]
    broken = change(codec, shorter[:1], [], summed(shorter, ASKS), 5)
    assert isinstance(broken, BookBroken), "the lot has eight decimals: the venue prints all of them"
    assert broken.received == PUBLISHED


def test_zeros_that_were_lost_on_the_way_are_put_back_to_the_pairs_precision() -> None:
    """The venue's other example, whose numbers are printed without their last zeros."""
    bids = "0.5666 4831.75496356 0.5665 6658.22734739 0.5664 18724.91513344 0.5663 11563.92544914 0.5662 14006.65365711"
    bids += " 0.5661 17454.85679807 0.566 18097.1547 0.5659 33644.89175666 0.5658 148.3464 0.5657 606.70854372"
    asks = "0.5668 4410.79769741 0.5669 4655.40412487 0.567 49844.89424998 0.5671 24306.41678 0.5672 29783.25223475"
    asks += " 0.5673 57234.71239278 0.5674 45065.04744 0.5675 5912.76380354 0.5676 42514.92434778 0.5677 36304.0847022"
    codec = kraken.venue().codec
    codec.list([kraken.instrument("MATIC/USD", tick="0.0001")])
    frame = book("snapshot", levels(bids), levels(asks), 2439117997, symbol="MATIC/USD")
    assert isinstance(only(codec, frame), BookSnapshot)


def test_several_changes_of_one_price_hold_in_their_order(codec: Codec) -> None:
    codec.decode(SNAPSHOT, AT)
    bids = [("45283.5", "0.30000000"), *BIDS[1:]]
    steps = [("45283.5", "0.00000000"), ("45283.5", "0.30000000")]
    assert isinstance(change(codec, steps, [], summed(bids, ASKS), 5), BookDelta)


def test_a_wrong_checksum_breaks_the_book_until_it_is_sent_anew(codec: Codec) -> None:
    codec.decode(SNAPSHOT, AT)
    assert change(codec, [("45283.5", "0.20000000")], [], 1, 5) == BookBroken(
        BTC, "checksum", 1, summed([("45283.5", "0.20000000"), *BIDS[1:]], ASKS), AT
    )
    assert change(codec, [("45283.5", "0.10000000")], [], PUBLISHED, 6) == Ignored("unproven book")
    assert isinstance(only(codec, SNAPSHOT), BookSnapshot), "whatever its time: nothing better is known"
    assert isinstance(change(codec, [("45283.5", "0.10000000")], [("45285.2", "0.00100000")], PUBLISHED, 9), BookDelta)


def test_a_snapshot_with_a_wrong_checksum_is_not_believed(codec: Codec) -> None:
    broken = only(codec, book("snapshot", BIDS, ASKS, 5))
    assert broken == BookBroken(BTC, "checksum", 5, PUBLISHED, AT)


def test_changes_before_a_snapshot_say_nothing(codec: Codec) -> None:
    assert change(codec, BIDS[:1], [], PUBLISHED, 5) == Ignored("unproven book")


def test_what_a_second_connection_brings_again_is_left_out(codec: Codec) -> None:
    codec.decode(SNAPSHOT, AT)
    bids = [("45283.5", "0.20000000"), *BIDS[1:]]
    total = summed(bids, ASKS)
    assert isinstance(change(codec, bids[:1], [], total, 5), BookDelta)
    assert change(codec, bids[:1], [], total, 5) == Ignored("duplicate")
    assert only(codec, SNAPSHOT) == Ignored("duplicate"), "the new connection is behind the old one"
    later = [("45283.5", "0.30000000"), *BIDS[1:]]
    assert isinstance(change(codec, later[:1], [], summed(later, ASKS), 9), BookDelta)


def test_two_changes_of_one_microsecond_are_two(codec: Codec) -> None:
    codec.decode(SNAPSHOT, AT)
    one, two = ([("45283.5", size), *BIDS[1:]] for size in ("0.20000000", "0.30000000"))
    first = change(codec, one[:1], [], summed(one, ASKS), 5)
    second = change(codec, two[:1], [], summed(two, ASKS), 5)
    assert isinstance(first, BookDelta)
    assert isinstance(second, BookDelta)
    assert (second.previous_sequence, second.last_sequence) == (first.last_sequence, first.last_sequence + 1)


def test_a_snapshot_of_long_ago_says_that_the_venue_began_anew(codec: Codec) -> None:
    codec.decode(SNAPSHOT, AT)
    assert only(codec, book("snapshot", BIDS, ASKS, PUBLISHED, "2023-10-06T17:35:50Z")) == Ignored("duplicate")
    assert isinstance(only(codec, book("snapshot", BIDS, ASKS, PUBLISHED, "2023-10-06T17:35:40Z")), BookSnapshot)


def test_a_snapshot_without_a_time_is_continued_by_the_first_change(codec: Codec) -> None:
    snapshot = only(codec, book("snapshot", BIDS, ASKS, PUBLISHED, None))
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.venue_time == 0
    delta = change(codec, BIDS[:1], [], PUBLISHED, 5)
    assert isinstance(delta, BookDelta)
    assert delta.previous_sequence == snapshot.last_sequence
    assert delta.first_sequence == snapshot.resume_from


def test_the_window_is_what_the_venue_has_confirmed_and_deeper_levels_are_forgotten(codec: Codec) -> None:
    answer = b'{"method":"subscribe","result":{"channel":"book","depth":10,"symbol":"BTC/USD"},"success":true}'
    assert only(codec, answer) == Acknowledged("", ok=True)
    snapshot = only(codec, SNAPSHOT)
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.window == 10
    better = [("45283.6", "1.00000000"), *BIDS[:9]]
    assert isinstance(change(codec, better[:1], [], summed(better, ASKS), 5), BookDelta)
    gone = BIDS[:9]  # the tenth fell out when the better one came: it does not come back by itself
    assert isinstance(change(codec, [("45283.6", "0.00000000")], [], summed(gone, ASKS), 9), BookDelta)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (("0.0", "1"), "price"),
        (("1000000000000000.0", "1"), "price"),
        (("-5", "1"), "shape"),
        (("1e2", "1"), "shape"),
        (('"5"', "1"), "shape"),
        (("null", "1"), "shape"),
        (("5", "-1"), "shape"),
        (("5", "99999999999999999"), "size"),
    ],
)
def test_a_level_that_cannot_be_is_quarantined_and_the_book_untouched(
    codec: Codec, level: tuple[str, str], expected: str
) -> None:
    codec.decode(SNAPSHOT, AT)
    frame = book("update", [level], [], PUBLISHED, "2023-10-06T17:35:56Z")
    assert reason(codec, frame) == expected
    assert isinstance(change(codec, [], [("45285.2", "0.00100000")], PUBLISHED, 9), BookDelta)


# -- everything else -----------------------------------------------------------------------------


def test_a_ticker_is_a_quote_in_the_order_of_the_book_and_the_days_figures(codec: Codec) -> None:
    assert codec.decode(TICKER, AT) == [
        Quote(BTC, 105944.20, 2.5, 105944.30, 3.2, TIME, TIME, AT),
        Statistics(BTC, 105899.40, 2.0, 210001.0, 0.24, TIME, AT),
    ]


def test_the_days_figures_are_told_again_only_when_one_differs(codec: Codec) -> None:
    codec.decode(TICKER, AT)
    assert len(codec.decode(TICKER, AT)) == 1
    assert len(codec.decode(TICKER.replace(b'"volume":2.0', b'"volume":2.1'), AT)) == 2


def test_a_quote_without_a_time_cannot_be_placed(codec: Codec) -> None:
    events = codec.decode(TICKER.replace(b',"timestamp":"2023-10-06T17:35:55.440295Z"', b""), AT)
    assert events[0] == Ignored("quote without a time")


@pytest.mark.parametrize("side", [b'"bid":105944.20', b'"ask":105944.30'])
@pytest.mark.parametrize("nothing", [b"0", b"null"])
def test_a_book_with_an_empty_side_has_no_quote(codec: Codec, side: bytes, nothing: bytes) -> None:
    events = codec.decode(TICKER.replace(side, side[:6] + nothing), AT)
    assert events[0] == Ignored("one-sided")


def test_each_public_trade_is_told_with_the_takers_side(codec: Codec) -> None:
    assert codec.decode(TRADES, AT) == [
        Trade(BTC, "10218208", 105944.20, 0.00027625, Side.BUY, TIME, AT),
        Trade(BTC, "10218209", 105910.50, 0.0001246, Side.SELL, Nanos(TIME + 1_000), AT),
    ]


def test_trades_of_before_the_subscription_are_left_out(codec: Codec) -> None:
    assert only(codec, TRADES.replace(b'"update"', b'"snapshot"')) == Ignored("trades of before")


def candle(opened_at: int, close: float, *, closed: bool) -> Candle:
    at = Nanos(opened_at * 1_000_000_000)
    return Candle(BTC, "1m", at, 106038.2, 106044.3, 106038.1, close, 2.0, 12, closed, AT, 212079.0)


def test_a_candle_is_closed_once_the_next_one_is_there(codec: Codec) -> None:
    begin = 1696436700
    assert only(codec, OHLC) == candle(begin, 106040.1, closed=False)
    assert only(codec, message("ohlc", "update", bar(close="106041.0"))) == candle(begin, 106041.0, closed=False)
    following = codec.decode(message("ohlc", "update", bar("2023-10-04T16:26:00Z")), AT)
    assert following == [candle(begin, 106041.0, closed=True), candle(begin + 60, 106040.1, closed=False)]
    assert only(codec, OHLC) == Ignored("old candle")


def test_a_snapshot_of_candles_closes_all_but_the_last(codec: Codec) -> None:
    rows = [bar("2023-10-04T16:27:00Z"), bar("2023-10-04T16:25:00Z"), bar("2023-10-04T16:26:00Z")]
    events = codec.decode(message("ohlc", "snapshot", *rows), AT)
    closed = [event.opened_at for event in events if isinstance(event, Candle) and event.closed]
    assert closed == [1696436700_000000000, 1696436760_000000000]


def test_candles_of_an_interval_that_nobody_asked_for_are_left_out(codec: Codec) -> None:
    assert only(codec, message("ohlc", "update", bar(interval=5))) == Ignored("interval")


@pytest.mark.parametrize("frame", FRAMES, ids=range(len(FRAMES)))
def test_what_is_not_listed_is_counted_and_left_out(codec: Codec, frame: bytes) -> None:
    codec.list([])
    assert set(codec.decode(frame, AT)) == {Ignored("symbol")}


def test_a_new_list_keeps_the_books_that_it_still_has(codec: Codec) -> None:
    codec.decode(SNAPSHOT, AT)
    codec.list([kraken.instrument("ETH/USD"), kraken.instrument()])
    assert isinstance(change(codec, [], [("45285.2", "0.00100000")], PUBLISHED, 9), BookDelta)


def test_data_whose_channel_does_not_come_first_is_read_all_the_same(codec: Codec) -> None:
    moved = TRADES.replace(b'{"channel":"trade","type":"update"', b'{"type":"update","channel":"trade"')
    assert codec.decode(moved, AT) == codec.decode(TRADES, AT)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (b'{"channel":"heartbeat"}', Pong()),
        (b'{"method":"pong","req_id":42,"time_in":"2023-09-25T09:05:00.123456Z"}', Pong()),
        (b'{"channel":"status","type":"update","data":[{"system":"online"}]}', Ignored("system online")),
        (b'{"channel":"status","type":"update","data":[{"system":"cancel_only"}]}', Ignored("system cancel_only")),
        (b'{"channel":"status","type":"update","data":[{"system":"on strike"}]}', Ignored("system")),
        (b'{"channel":"instrument","type":"update","data":{}}', Ignored("channel")),
    ],
)
def test_what_is_no_data_is_told_for_what_it_is(codec: Codec, frame: bytes, expected: VenueEvent) -> None:
    assert only(codec, frame) == expected


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (b"", "json"),
        (b'{"channel":"trade"', "json"),
        (b"[]", "shape"),
        (b"{}", "shape"),
        (b'{"Error":"Exceeded msg rate"}', "shape"),
        (TRADES.replace(b"105944.20", b"-1"), "price"),
        (TRADES.replace(b"0.00012460", b"-1"), "size"),
        (TRADES.replace(b"105944.20", b'"105944.20"'), "shape"),
        (TRADES.replace(b"55.440295Z", b"55.440295"), "shape"),
        (TRADES.replace(b"2023-", b"0003-"), "shape"),
        (TICKER.replace(b'"bid":105944.20', b'"bid":-3'), "price"),
        (TICKER.replace(b'"last":105899.40', b'"last":-3'), "price"),
        (OHLC.replace(b"106044.3", b"0"), "price"),
        (b'{"channel":"status","data":[{}]}', "shape"),
        (b"\xff\xfe", "json"),
    ],
)
def test_what_cannot_be_believed_is_quarantined_by_a_fixed_word(codec: Codec, frame: bytes, expected: str) -> None:
    assert reason(codec, frame) == expected


@given(frame=st.binary(max_size=200))
@example(frame=b'{"channel":"book"' + b"[" * 5_000)
@example(frame=b'{"method":"subscribe","success":true,"req_id":-1}')
def test_no_bytes_make_the_codec_fail(frame: bytes) -> None:
    codec = kraken.venue().codec
    codec.list([kraken.instrument()])
    assert codec.decode(frame, AT)


@given(frame=st.sampled_from(FRAMES), at=st.integers(0, 2_000), junk=st.binary(min_size=1, max_size=6), data=st.data())
def test_no_damage_to_a_message_makes_the_codec_fail(frame: bytes, at: int, junk: bytes, data: st.DataObject) -> None:
    codec = kraken.venue().codec
    codec.list([kraken.instrument()])
    codec.decode(SNAPSHOT, AT)
    place = at % len(frame)
    length = data.draw(st.integers(0, 20))
    for event in codec.decode(frame[:place] + junk + frame[place + length :], AT):
        if isinstance(event, Quote):
            assert 0 < event.bid < 1e15
        if isinstance(event, BookSnapshot | BookDelta):
            assert all(0 < price < 1e15 and 0 <= size <= 1e15 for price, size in (*event.bids, *event.asks))
