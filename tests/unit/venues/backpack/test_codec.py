"""Backpack's public messages: what each becomes, and that nothing makes the codec fail."""

from math import isfinite
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import BookDelta, Candle, FundingRate, MarkPrice, Quote, Statistics, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, VenueEvent
from tests.support import backpack

AT = Nanos(7)
SOL = InstrumentId("backpack:spot:SOL_USDC")

QUOTE = (
    b'{"stream":"bookTicker.SOL_USDC","data":{"e":"bookTicker","E":1694687965941000,"s":"SOL_USDC","a":"18.70",'
    b'"A":"1.000","b":"18.67","B":"2.000","u":"111063070525358080","T":1694687965940999}}'
)
DEPTH = (
    b'{"stream":"depth.SOL_USDC","data":{"e":"depth","E":1694687965941000,"s":"SOL_USDC","a":[["18.70","0.000"]],'
    b'"b":[["18.67","0.832"],["18.68","0.000"]],"U":94978271,"u":94978273,"T":1694687965940999}}'
)
TRADE = (
    b'{"stream":"trade.SOL_USDC","data":{"e":"trade","E":1694688638091000,"s":"SOL_USDC","p":"18.68","q":"0.122",'
    b'"b":"111063114377265150","a":"111063114585735170","t":12345,"T":1694688638089000,"m":true}}'
)
TICKER = (
    b'{"stream":"ticker.SOL_USDC","data":{"e":"ticker","E":1694687692980000,"s":"SOL_USDC","o":"18.00","c":"18.90",'
    b'"h":"19.80","l":"18.50","v":"32123","V":"928190","n":93828}}'
)
KLINE = (
    b'{"stream":"kline.1m.SOL_USDC","data":{"e":"kline","E":1694687692980000,"s":"SOL_USDC","t":"2024-09-11T12:00:00",'
    b'"T":"2024-09-11T12:01:00","o":"18.75","c":"19.25","h":"19.80","l":"18.50","v":"32123","n":93828,"X":false}}'
)
FRAMES = (QUOTE, DEPTH, TRADE, TICKER, KLINE)


def codec_of(flavour: str, *symbols: str) -> Codec:
    codec = backpack.venue(flavour).codec
    codec.list([backpack.instrument(flavour, symbol) for symbol in symbols])
    return codec


@pytest.fixture
def spot() -> Codec:
    return codec_of("spot", "SOL_USDC")


def only(codec: Codec, frame: bytes) -> VenueEvent:
    (event,) = codec.decode(frame, AT)
    return event


def reason(codec: Codec, frame: bytes) -> str:
    event = only(codec, frame)
    assert isinstance(event, Quarantined)
    assert event.frame == frame
    return event.reason


# -- what messages become ------------------------------------------------------------------------


def test_a_book_ticker_is_a_quote_whose_update_id_may_be_a_text(spot: Codec) -> None:
    at = Nanos(1694687965940999_000)
    quote = Quote(SOL, 18.67, 2.0, 18.70, 1.0, 111063070525358080, at, AT)
    assert only(spot, QUOTE) == quote
    assert only(spot, QUOTE.replace(b'"111063070525358080"', b"111063070525358080")) == quote


@pytest.mark.parametrize("side", [b'"a":"18.70","A":"1.000",', b'"b":"18.67",', b'"B":"2.000",'])
def test_a_book_with_an_empty_side_has_no_quote(spot: Codec, side: bytes) -> None:
    assert only(spot, QUOTE.replace(side, b"")) == Ignored("one-sided")


def test_a_depth_event_continues_the_book_at_its_first_update_less_one(spot: Codec) -> None:
    bids, asks = [(18.67, 0.832), (18.68, 0.0)], [(18.70, 0.0)]
    at = Nanos(1694687965940999_000)
    assert only(spot, DEPTH) == BookDelta(SOL, bids, asks, 94978271, 94978273, 94978270, 94978273, at, AT)


def test_a_depth_event_without_engine_time_is_as_old_as_its_message(spot: Codec) -> None:
    delta = only(spot, DEPTH.replace(b',"T":1694687965940999', b""))
    assert isinstance(delta, BookDelta)
    assert delta.venue_time == 1694687965941000_000


@pytest.mark.parametrize(("maker", "side"), [(b"true", Side.SELL), (b"false", Side.BUY)])
def test_the_taker_sold_when_the_buyer_was_the_maker(spot: Codec, maker: bytes, side: Side) -> None:
    frame = TRADE.replace(b'"m":true', b'"m":' + maker)
    assert only(spot, frame) == Trade(SOL, "12345", 18.68, 0.122, side, Nanos(1694688638089000_000), AT)


def test_a_ticker_yields_the_change_from_the_first_price_to_the_last(spot: Codec) -> None:
    statistics = only(spot, TICKER)
    assert isinstance(statistics, Statistics)
    assert statistics.change_pct == pytest.approx(5.0)
    assert (statistics.last_price, statistics.volume, statistics.quote_volume) == (18.90, 32123.0, 928190.0)
    assert statistics.venue_time == 1694687692980000_000


@pytest.mark.parametrize("price", [b'"o":"18.00"', b'"c":"18.90"'])
def test_a_market_that_has_not_traded_has_no_statistics(spot: Codec, price: bytes) -> None:
    assert only(spot, TICKER.replace(price, price[:4] + b'"0"')) == Ignored("untraded")


def test_a_kline_is_a_candle_whose_time_is_utc(spot: Codec) -> None:
    opened_at = from_millis(1726056000000)
    assert only(spot, KLINE) == Candle(SOL, "1m", opened_at, 18.75, 19.80, 18.50, 19.25, 32123.0, 93828, False, AT)
    assert only(spot, KLINE.replace(b"T12:00:00", b"T12:00:00Z")) == only(spot, KLINE)


def test_a_kline_without_prices_is_no_candle(spot: Codec) -> None:
    assert only(spot, KLINE.replace(b'"o":"18.75"', b'"o":null')) == Ignored("untraded")


@pytest.mark.parametrize("frame", FRAMES)
def test_the_stream_may_be_named_first_or_last_or_with_blanks(spot: Codec, frame: bytes) -> None:
    message = msgspec.json.decode(frame)
    turned = msgspec.json.encode(dict(reversed(message.items())))
    assert turned.startswith(b'{"data"')
    assert only(spot, turned) == only(spot, frame)
    assert only(spot, msgspec.json.format(turned)) == only(spot, frame)


def test_the_perpetual_of_a_pair_is_another_instrument() -> None:
    both = codec_of("perp", "SOL_USDC_PERP")
    quote = only(both, QUOTE.replace(b"SOL_USDC", b"SOL_USDC_PERP"))
    assert isinstance(quote, Quote)
    assert quote.instrument == "backpack:perp:SOL_USDC_PERP"
    assert only(both, QUOTE) == Ignored("stream")


MARK = (
    b'{"stream":"markPrice.SOL_USDC_PERP","data":{"e":"markPrice","E":1694687965941000,"s":"SOL_USDC_PERP",'
    b'"p":"18.70","f":"-0.0000125","i":"19.70","n":1694687965941,"T":1694687965940999}}'
)


def test_a_mark_price_tells_the_funding_rate_along_and_its_time_in_milliseconds() -> None:
    name, at = InstrumentId("backpack:perp:SOL_USDC_PERP"), Nanos(1694687965940999_000)
    assert codec_of("perp", "SOL_USDC_PERP").decode(MARK, AT) == (
        MarkPrice(name, 18.7, 19.7, at, AT),
        FundingRate(name, -0.0000125, Nanos(1694687965941_000_000), at, AT),
    )


@pytest.mark.parametrize("field", [b'"f":"-0.0000125",', b'"n":1694687965941,'])
def test_a_mark_price_without_a_rate_or_its_time_tells_no_funding(field: bytes) -> None:
    (mark,) = codec_of("perp", "SOL_USDC_PERP").decode(MARK.replace(field, b""), AT)
    assert isinstance(mark, MarkPrice)


@given(st.integers(0, 300), st.integers(0, 5), st.binary(max_size=6))
def test_a_damaged_mark_price_is_decoded_or_quarantined_but_never_raises(
    at: int, removed: int, inserted: bytes
) -> None:
    at %= len(MARK)
    for event in codec_of("perp", "SOL_USDC_PERP").decode(MARK[:at] + inserted + MARK[at + removed :], AT):
        if isinstance(event, MarkPrice):
            assert 0 < event.mark_price < 1e15
        elif isinstance(event, FundingRate):
            assert isfinite(event.rate)


# -- what is not data ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (
            b'{"id":null,"error":{"code":4005,"message":"Invalid market"}}',
            Acknowledged("", ok=False, detail='{"code":4005,"message":"Invalid market"}'),
        ),
        (b'{"error":"no"}', Acknowledged("", ok=False, detail='"no"')),
        (QUOTE.replace(b"SOL_USDC", b"BTC_USDC"), Ignored("stream")),
        (b'{"stream":"markPrice.SOL_USDC","data":{"e":"markPrice"}}', Ignored("stream")),
    ],
)
def test_refusals_and_strange_streams_are_told_apart_from_data(spot: Codec, frame: bytes, event: VenueEvent) -> None:
    assert only(spot, frame) == event


def test_listing_anew_forgets_the_symbols_before(spot: Codec) -> None:
    spot.list([backpack.instrument("spot", "BTC_USDC")])
    assert only(spot, QUOTE) == Ignored("stream")


# -- what cannot be believed ---------------------------------------------------------------------


@pytest.mark.parametrize("price", [b"0", b"-1", b"nan", b"Infinity", b"1e16"])
def test_a_price_that_is_not_finite_and_positive_is_quarantined(spot: Codec, price: bytes) -> None:
    assert reason(spot, QUOTE.replace(b"18.67", price)) == "price"
    assert reason(spot, DEPTH.replace(b"18.67", price)) == "price"
    assert reason(spot, TRADE.replace(b"18.68", price)) == "price"


@pytest.mark.parametrize("size", [b"-1", b"-0.1", b"nan", b"inf", b"1e16"])
def test_a_size_that_is_not_finite_or_is_negative_is_quarantined(spot: Codec, size: bytes) -> None:
    assert reason(spot, QUOTE.replace(b"2.000", size)) == "size"
    assert reason(spot, DEPTH.replace(b"0.832", size)) == "size"
    assert reason(spot, TRADE.replace(b"0.122", size)) == "size"


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (b"", "json"),
        (b"null", "shape"),
        (b"[1]", "shape"),
        (b"{}", "shape"),
        (b"[" * 100_000, "shape"),
        (b'{"x":' + b"[" * 100_000, "shape"),
        (b'{"stream":"depth.SOL_USDC","x":' + b"[" * 100_000, "shape"),
        (b'{"stream":"\xff"}', "json"),
        (b'{"error":' + b"[" * 100_000, "shape"),
        (QUOTE[:-1], "json"),
        (QUOTE + b"x", "json"),
        (QUOTE.replace(b'"111063070525358080"', b"-1"), "shape"),
        (QUOTE.replace(b'"18.67"', b"true"), "shape"),
        (DEPTH.replace(b'"U":94978271', b'"U":94978274'), "sequence"),
        (DEPTH.replace(b'["18.70","0.000"]', b'["18.70"]'), "shape"),
        (DEPTH.replace(b'["18.70","0.000"]', b",".join([b'["1","1"]'] * 20_001)), "oversized"),
        (DEPTH.replace(b'"T":1694687965940999', b'"T":9' + b"0" * 18), "shape"),
        (KLINE.replace(b"2024-09-11T12:00:00", b"noon"), "shape"),
        (KLINE.replace(b"2024-09-11T12:00:00", b"1924-09-11T12:00:00"), "shape"),
        (KLINE.replace(b"2024-09-11T12:00:00", b"0001-01-01T00:00:00+10:00"), "shape"),
        (b'{"stream":"depth.SOL_USDC"}', "shape"),
    ],
)
def test_what_cannot_be_believed_is_quarantined_with_its_bytes(spot: Codec, frame: bytes, expected: str) -> None:
    assert reason(spot, frame) == expected


# -- whatever the bytes --------------------------------------------------------------------------

CODEC = codec_of("spot", "SOL_USDC")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@given(st.binary(max_size=200))
@example(b'{"stream":"depth.SOL_USDC"')
@example(b'"stream":"depth.SOL_USDC"}')
def test_random_bytes_yield_events_and_no_exception(frame: bytes) -> None:
    assert CODEC.decode(frame, AT)


@given(st.sampled_from(FRAMES), st.integers(0, 600), st.integers(0, 5), st.binary(max_size=6))
def test_a_damaged_frame_is_decoded_or_quarantined_but_never_raises(
    frame: bytes, at: int, removed: int, inserted: bytes
) -> None:
    at %= len(frame)
    for event in CODEC.decode(frame[:at] + inserted + frame[at + removed :], AT):
        match event:
            case Quote():
                assert 0 < event.bid < 1e15
                assert 0 < event.ask < 1e15
                assert 0 <= event.bid_size <= 1e15
                assert 0 <= event.ask_size <= 1e15
            case BookDelta():
                assert all(price > 0 and size >= 0 for price, size in event.bids + event.asks)
                assert event.first_sequence <= event.last_sequence
            case Trade():
                assert event.price > 0
                assert event.quantity >= 0
            case _:
                pass


@given(st.sampled_from(FRAMES), st.data())
def test_a_field_of_any_type_never_raises(frame: bytes, data: st.DataObject) -> None:
    message = msgspec.json.decode(frame)
    place = data.draw(st.sampled_from([message, message["data"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(json_values)
    assert CODEC.decode(msgspec.json.encode(message), AT)


# -- recorded traffic ----------------------------------------------------------------------------


def test_recorded_changes_have_no_gap_and_agree_with_recorded_quotes(recordings: Path) -> None:
    codec = codec_of("spot", "SOL_USDC")
    quotes: dict[int, Quote] = {}
    sizes: dict[int, dict[float, float]] = {}
    last = others = overtaken = 0
    for line in (recordings / "backpack" / "backpack_ws_raw.first56.jsonl").read_bytes().splitlines():
        match only(codec, line):
            case BookDelta() as delta:
                assert last in (0, delta.previous_sequence)
                last = delta.last_sequence
                sizes[last] = dict(delta.bids + delta.asks)
            case Quote() as quote:
                overtaken += quote.sequence > last
                quotes[quote.sequence] = quote
            case Statistics() as statistics:
                assert statistics.last_price == 98.98
            case event:
                assert event == Ignored("stream")  # the mark price of a perpetual
                others += 1
    assert (len(sizes), len(quotes), others) == (41, 13, 1)
    assert overtaken > 0
    for sequence, quote in quotes.items():
        changed = sizes[sequence]
        assert quote.bid < quote.ask
        assert changed.get(quote.bid, quote.bid_size) == quote.bid_size
        assert changed.get(quote.ask, quote.ask_size) == quote.ask_size


def test_a_recorded_removal_is_a_size_of_zero(recordings: Path) -> None:
    lines = (recordings / "backpack" / "backpack_ws_raw.first56.jsonl").read_bytes().splitlines()
    (removal,) = (only(CODEC, line) for line in lines if b'"0.00"' in line)
    assert isinstance(removal, BookDelta)
    assert removal.asks == [(99.14, 0.0)]
