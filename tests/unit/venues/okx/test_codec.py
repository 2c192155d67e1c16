"""OKX's public messages: what each becomes, and that nothing makes the codec fail."""

import json
from typing import Any
from zlib import crc32

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrated_trading_system.domain.health import BookBroken, Quarantined
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import (
    BookDelta,
    BookSnapshot,
    Candle,
    FundingRate,
    MarkPrice,
    Quote,
    Statistics,
    Trade,
)
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.okx.codec import checksum
from integrated_trading_system.venues.textbook import TextBook
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, Pong, ServerClosing, VenueEvent
from tests.support import okx

AT = Nanos(7)
SWAP = InstrumentId("okx:swap:BTC-USDT-SWAP")
SPOT = InstrumentId("okx:spot:BTC-USDT")
TS = 1626535709008


def message(channel: str, *data: Any, symbol: str = "BTC-USDT-SWAP", **fields: Any) -> bytes:
    return msgspec.json.encode({"arg": {"channel": channel, "instId": symbol}, **fields, "data": list(data)})


def book(bids: Any, asks: Any, previous: int, last: int, **fields: Any) -> dict[str, Any]:
    row = {"asks": asks, "bids": bids, "ts": str(TS), "checksum": 0, "prevSeqId": previous, "seqId": last}
    return row | fields


BIDS = [["31642.9", "0.50296385", "0", "4"], ["31642.8", "1", "0", "1"]]
ASKS = [["31657.7", "2", "0", "3"]]
QUOTE = message("bbo-tbt", {"asks": ASKS, "bids": BIDS[:1], "ts": str(TS), "seqId": 123})
SNAPSHOT = message("books", book(BIDS, ASKS, -1, 100), action="snapshot")
DELTA = message("books", book([["31642.8", "0", "0", "0"]], [], 100, 117), action="update")
TRADES = message(
    "trades",
    {"instId": "x", "tradeId": "7", "px": "42219.9", "sz": "0.12", "side": "buy", "ts": str(TS), "count": "3"},
    {"instId": "x", "tradeId": "8", "px": "42219", "sz": "2", "side": "sell", "ts": str(TS + 1)},
)
TICKER = {
    "instType": "SWAP",
    "last": "110",
    "open24h": "100",
    "vol24h": "5000",
    "volCcy24h": "50",
    "ts": str(TS),
    "askPx": "",
}
CANDLE = ["1597026360000", "3.7", "3.8", "3.6", "3.75", "1000", "10", "37.5", "1"]
MARK = {"instType": "SWAP", "instId": "x", "markPx": "42310.6", "ts": str(TS)}
FUNDING = {"fundingRate": "0.000187", "fundingTime": "1700726400000", "nextFundingRate": "", "ts": str(TS)}
FRAMES = (
    QUOTE,
    SNAPSHOT,
    DELTA,
    TRADES,
    message("tickers", TICKER),
    message("candle1m", CANDLE),
    message("mark-price", MARK),
    message("funding-rate", FUNDING),
)


def codec_of(flavour: str) -> Codec:
    codec = okx.venue(flavour).codec
    codec.list([okx.instrument(flavour)])
    return codec


@pytest.fixture
def swap() -> Codec:
    return codec_of("swap")


def only(codec: Codec, frame: bytes) -> VenueEvent:
    (event,) = codec.decode(frame, AT)
    return event


def reason(codec: Codec, frame: bytes) -> str:
    event = only(codec, frame)
    assert isinstance(event, Quarantined)
    assert event.frame == frame
    return event.reason


# -- what messages become ------------------------------------------------------------------------


def test_the_best_level_is_a_quote_whose_place_is_the_books_time(swap: Codec) -> None:
    assert only(swap, QUOTE) == Quote(SWAP, 31642.9, 0.50296385, 31657.7, 2.0, TS, from_millis(TS), AT)


@pytest.mark.parametrize("side", ["bids", "asks"])
def test_a_book_with_an_empty_side_has_no_quote(swap: Codec, side: str) -> None:
    row = {"asks": ASKS, "bids": BIDS, "ts": str(TS), "seqId": 1} | {side: []}
    assert only(swap, message("bbo-tbt", row)) == Ignored("one-sided")


def test_a_snapshot_of_the_stream_is_the_book_at_its_number_four_hundred_levels_deep(swap: Codec) -> None:
    bids, asks = [(31642.9, 0.50296385), (31642.8, 1.0)], [(31657.7, 2.0)]
    assert only(swap, SNAPSHOT) == BookSnapshot(
        SWAP, bids, asks, 100, 101, TS, from_millis(TS), AT, in_stream=True, window=400
    )


def test_a_change_continues_the_number_that_it_names_whatever_the_distance(swap: Codec) -> None:
    assert only(swap, DELTA) == BookDelta(SWAP, [(31642.8, 0.0)], [], 101, 117, 100, TS, from_millis(TS), AT)


def test_where_nothing_changed_for_a_while_the_number_stays(swap: Codec) -> None:
    quiet = only(swap, message("books", book([], [], 117, 117), action="update"))
    assert isinstance(quiet, BookDelta)
    assert (quiet.previous_sequence, quiet.last_sequence, quiet.bids, quiet.asks) == (117, 117, [], [])


def test_after_maintenance_the_number_is_lower_and_still_continues_the_book(swap: Codec) -> None:
    reset = only(swap, message("books", book([], [], 117, 3), action="update"))
    assert isinstance(reset, BookDelta)
    assert (reset.previous_sequence, reset.last_sequence) == (117, 3)


def test_each_public_trade_is_told_with_the_takers_side(swap: Codec) -> None:
    assert swap.decode(TRADES, AT) == [
        Trade(SWAP, "7", 42219.9, 0.12, Side.BUY, from_millis(TS), AT),
        Trade(SWAP, "8", 42219.0, 2.0, Side.SELL, from_millis(TS + 1), AT),
    ]


def test_a_swaps_statistics_are_in_base_and_nothing_is_told_in_quote(swap: Codec) -> None:
    statistics = only(swap, message("tickers", TICKER))
    assert isinstance(statistics, Statistics)
    assert statistics.change_pct == pytest.approx(10.0)
    assert (statistics.last_price, statistics.volume, statistics.quote_volume) == (110.0, 50.0, 0.0)


def test_a_spot_pairs_statistics_are_in_base_and_quote() -> None:
    statistics = only(codec_of("spot"), message("tickers", TICKER | {"instType": "SPOT"}, symbol="BTC-USDT"))
    assert isinstance(statistics, Statistics)
    assert (statistics.instrument, statistics.volume, statistics.quote_volume) == (SPOT, 5000.0, 50.0)


@pytest.mark.parametrize("field", ["last", "open24h"])
def test_what_was_never_traded_has_no_statistics(swap: Codec, field: str) -> None:
    assert only(swap, message("tickers", TICKER | {field: ""})) == Ignored("incomplete")


@pytest.mark.parametrize(("confirm", "closed"), [("1", True), ("0", False)])
def test_a_candle_is_closed_once_the_venue_confirms_it(swap: Codec, confirm: str, closed: bool) -> None:
    candle = only(swap, message("candle1m", [*CANDLE[:-1], confirm]))
    opened_at = from_millis(1597026360000)
    assert candle == Candle(SWAP, "1m", opened_at, 3.7, 3.8, 3.6, 3.75, 1000.0, 0, closed, AT, quote_volume=37.5)


def test_the_mark_price_comes_without_an_index(swap: Codec) -> None:
    assert only(swap, message("mark-price", MARK)) == MarkPrice(SWAP, 42310.6, 0.0, from_millis(TS), AT)


def test_the_funding_rate_is_that_of_the_next_payment(swap: Codec) -> None:
    due = from_millis(1700726400000)
    assert only(swap, message("funding-rate", FUNDING)) == FundingRate(SWAP, 0.000187, due, from_millis(TS), AT)


def test_a_message_about_the_rate_after_the_next_says_nothing_yet(swap: Codec) -> None:
    later = {"fundingTime": "1640851200000", "nextFundingRate": "0.0003"}
    assert only(swap, message("funding-rate", later)) == Ignored("incomplete")


@pytest.mark.parametrize("frame", FRAMES)
def test_the_order_of_keys_and_blanks_do_not_matter(frame: bytes) -> None:
    turned = json.dumps(dict(reversed(msgspec.json.decode(frame).items())), indent=1).encode()
    assert codec_of("swap").decode(turned, AT) == codec_of("swap").decode(frame, AT)


@pytest.mark.parametrize("channel", ["books", "mark-price", "tickers"])
def test_a_symbol_that_is_not_listed_is_ignored(swap: Codec, channel: str) -> None:
    assert only(swap, message(channel, symbol="ETH-USDT-SWAP")) == Ignored("channel")


def test_a_spot_pair_has_no_mark_price() -> None:
    assert only(codec_of("spot"), message("mark-price", MARK, symbol="BTC-USDT")) == Ignored("channel")


# -- checksums, of recordings from before they were switched off -----------------------------------


def text_book(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> TextBook:
    found = TextBook()
    found.replace(bids, asks)
    return found


def test_the_checksums_are_those_that_the_venue_has_published() -> None:
    assert checksum(text_book([("3366.1", "7"), ("3366", "6")], [("3366.8", "9"), ("3368", "8")])) == -1881014294
    lopsided = text_book([("3366.1", "7")], [("3366.8", "9"), ("3368", "8"), ("3372", "8")])
    assert checksum(lopsided) == 831078360


def signed_crc(text: str) -> int:
    value = crc32(text.encode())
    return value - 2**32 if value >= 2**31 else value


FIRST = signed_crc("2.10:5:3:1")
SECOND = signed_crc("2.20:1.0:3:1:2.10:5")


def checked(action: str, bids: list[list[str]], asks: list[list[str]], expected: int, **numbers: Any) -> bytes:
    row = {"bids": bids, "asks": asks, "ts": str(TS), "checksum": expected, **numbers}
    return message("books", row, action=action)


BEGIN = checked("snapshot", [["2.10", "5", "0", "1"]], [["3", "1", "0", "1"]], FIRST)
NEXT = checked("update", [["2.20", "1.0", "0", "1"]], [], SECOND)


def test_recordings_without_numbers_are_counted_and_proven_by_their_checksums(swap: Codec) -> None:
    begin, after = only(swap, BEGIN), only(swap, NEXT)
    assert isinstance(begin, BookSnapshot)
    assert isinstance(after, BookDelta)
    assert (after.previous_sequence, after.last_sequence) == (begin.last_sequence, begin.last_sequence + 1)


def test_a_wrong_checksum_breaks_the_book_instead_of_changing_it(swap: Codec) -> None:
    swap.decode(BEGIN, AT)
    wrong = checked("update", [["2.20", "1.00", "0", "1"]], [], SECOND)
    ours = signed_crc("2.20:1.00:3:1:2.10:5")
    assert only(swap, wrong) == BookBroken(SWAP, "checksum", SECOND, ours, AT)


def test_a_wrong_snapshot_is_not_told_either(swap: Codec) -> None:
    assert isinstance(only(swap, checked("snapshot", [["2.10", "5", "0", "1"]], [], FIRST)), BookBroken)


def test_a_change_that_was_lost_shows_in_the_next_checksum(swap: Codec) -> None:
    swap.decode(BEGIN, AT)
    assert isinstance(only(swap, checked("update", [["1", "1", "0", "1"]], [], SECOND)), BookBroken)


def test_after_a_break_nothing_is_checked_until_a_snapshot_begins_the_book_anew(swap: Codec) -> None:
    swap.decode(BEGIN, AT)
    swap.decode(checked("update", [], [], 1), AT)
    assert isinstance(only(swap, checked("update", [], [], 2)), BookDelta)
    assert isinstance(only(swap, BEGIN), BookSnapshot)
    assert isinstance(only(swap, checked("update", [], [], 2)), BookBroken)


def test_a_change_that_continues_another_link_is_passed_on_unchecked(swap: Codec) -> None:
    swap.decode(
        checked("snapshot", [["2.10", "5", "0", "1"]], [["3", "1", "0", "1"]], FIRST, prevSeqId=-1, seqId=5), AT
    )
    stale = only(swap, checked("update", [], [], 1, prevSeqId=3, seqId=4))
    assert isinstance(stale, BookDelta)
    good = checked("update", [["2.20", "1.0", "0", "1"]], [], SECOND, prevSeqId=5, seqId=9)
    assert isinstance(only(swap, good), BookDelta)


# -- answers and news ------------------------------------------------------------------------------


def test_each_argument_is_acknowledged_with_the_id_of_its_frame(swap: Codec) -> None:
    frame = b'{"id":"s1","event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT-SWAP"},"connId":"a4d3ae55"}'
    assert only(swap, frame) == Acknowledged("s1", ok=True)
    assert only(swap, frame.replace(b"subscribe", b"unsubscribe")) == Acknowledged("s1", ok=True)


def test_a_refusal_says_why(swap: Codec) -> None:
    frame = b'{"id":"s1","event":"error","code":"60018","msg":"Wrong URL or channel","connId":"a4d3ae55"}'
    assert only(swap, frame) == Acknowledged("s1", ok=False, detail="60018 Wrong URL or channel")


def test_too_many_connections_for_a_channel_are_a_refusal(swap: Codec) -> None:
    frame = b'{"event":"channel-conn-count-error","channel":"orders","connCount":"30","connId":"a4d3ae55"}'
    assert only(swap, frame) == Acknowledged("", ok=False, detail="channel-conn-count-error")


def test_the_count_of_connections_is_no_news(swap: Codec) -> None:
    frame = b'{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"abcd1234"}'
    assert only(swap, frame) == Ignored("channel-conn-count")


def test_a_notice_before_an_upgrade_asks_to_roll_over(swap: Codec) -> None:
    frame = b'{"event":"notice","code":"64008","msg":"The connection will soon be closed","connId":"a4d3ae55"}'
    assert only(swap, frame) == ServerClosing("64008 The connection will soon be closed")
    assert only(swap, frame.replace(b"64008", b"64009")) == Ignored("notice")


def test_the_answer_to_a_ping_is_a_sign_of_life(swap: Codec) -> None:
    assert only(swap, b"pong") == Pong()


# -- what cannot be believed -----------------------------------------------------------------------


@pytest.mark.parametrize("text", ["nan", "-1", "0", "Infinity", "1e400"])
def test_a_price_that_cannot_be_is_quarantined(swap: Codec, text: str) -> None:
    frame = message("books", book([[text, "1", "0", "1"]], [], 100, 117), action="update")
    assert reason(swap, frame) in ("price", "shape")


@pytest.mark.parametrize("text", ["nan", "-1", "Infinity", ""])
def test_a_size_that_cannot_be_is_quarantined(swap: Codec, text: str) -> None:
    frame = message("books", book([["1", text, "0", "1"]], [], 100, 117), action="update")
    assert reason(swap, frame) in ("size", "shape")


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{",
        b"null",
        b'"pong"',
        b"\xff",
        b'{"event":"dance"}',
        b'{"data":[]}',
        DELTA.replace(b'"prevSeqId":100,', b""),
        DELTA.replace(b'"update"', b'"upsert"'),
        DELTA.replace(b"117", b"1e99"),
        message("tickers", TICKER | {"last": "nan"}),
        message("funding-rate", FUNDING | {"fundingRate": "much"}),
        message("candle1m", CANDLE[:-1]),
        b"[" * 5000,
    ],
)
def test_frames_that_say_nothing_believable_are_quarantined(swap: Codec, frame: bytes) -> None:
    assert reason(swap, frame) in ("json", "shape", "price", "size")


@given(st.binary(max_size=300))
@example(b'{"arg":{"channel":"books","instId":"BTC-USDT-SWAP"}')
def test_no_bytes_make_the_codec_fail(frame: bytes) -> None:
    assert len(codec_of("swap").decode(frame, AT)) == 1


SCRAPS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(frame=st.sampled_from(FRAMES), place=st.integers(0, 10_000), scrap=SCRAPS)
def test_no_value_in_any_place_of_a_message_makes_the_codec_fail(frame: bytes, place: int, scrap: Any) -> None:
    codec = codec_of("swap")
    changed = msgspec.json.encode(_replaced(msgspec.json.decode(frame), [place], scrap))
    for event in codec.decode(changed, AT):
        assert not isinstance(event, Quarantined) or event.frame == changed


def _replaced(value: Any, place: list[int], scrap: Any) -> Any:
    """The value with one of its inner values replaced: the one that is `place` steps on, counted round."""
    if isinstance(value, dict) and value and place[0] % 7:
        names = list(value)
        chosen = names[place[0] % len(names)]
        return value | {chosen: _replaced(value[chosen], [place[0] // 7], scrap)}
    if isinstance(value, list) and value and place[0] % 5:
        index = place[0] % len(value)
        return [*value[:index], _replaced(value[index], [place[0] // 5], scrap), *value[index + 1 :]]
    return scrap
