"""Binance's public frames: what each becomes, and that nothing makes the codec fail."""

from math import isfinite

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import BookDelta, Candle, FundingRate, MarkPrice, Quote, Statistics, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, Pong, ServerClosing, VenueEvent
from tests.support import binance

AT = Nanos(7)
SPOT = InstrumentId("binance:spot:BTCUSDT")
USDM = InstrumentId("binance:usdm:BTCUSDT")
COINM = InstrumentId("binance:coinm:BTCUSD_PERP")

QUOTE = b'{"stream":"btcusdt@bookTicker","data":{"u":11,"s":"BTCUSDT","b":"100.10","B":"2.5","a":"100.20","A":"0.5"}}'
TRADE = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1672515782137,"s":"BTCUSDT","t":12345,"p":"100.10",'
    b'"q":"2.0","T":1672515782136,"m":true,"M":true}}'
)
DEPTH = (
    b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1672515782136,"s":"BTCUSDT","U":157,"u":160,'
    b'"b":[["100.10","1.5"],["100.00","0.00000000"]],"a":[]}}'
)
FUTURES_DEPTH = (
    b'{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1672515782136,"T":1672515782130,"s":"BTCUSDT",'
    b'"U":157,"u":160,"pu":149,"b":[],"a":[["100.20","3"]]}}'
)
KLINE = (
    b'{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1672515782136,"s":"BTCUSDT","k":{"t":1672515780000,'
    b'"T":1672515839999,"s":"BTCUSDT","i":"1m","f":1,"L":9,"o":"1.0","c":"2.0","h":"2.5","l":"0.5","v":"10","n":9,'
    b'"x":false,"q":"15","V":"5","Q":"7","B":"0"}}}'
)
MARK = (
    b'{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15",'
    b'"ap":"11790.1","i":"11784.62","P":"11784.25","r":"-0.00038167","T":1562306400000,"st":1}}'
)
MINI_TICKER = (
    b'{"stream":"btcusdt@miniTicker","data":{"e":"24hrMiniTicker","E":1672515782136,"s":"BTCUSDT","c":"110","o":"100",'
    b'"h":"120","l":"90","v":"7","q":"700"}}'
)
FRAMES = (QUOTE, TRADE, DEPTH, KLINE, MINI_TICKER, MARK)


def codec_of(flavour: str, symbol: str = "BTCUSDT") -> Codec:
    codec = binance.venue(flavour).codec
    codec.list([binance.instrument(flavour, symbol)])
    return codec


@pytest.fixture
def spot() -> Codec:
    return codec_of("spot")


@pytest.fixture
def usdm() -> Codec:
    return codec_of("usdm")


def only(codec: Codec, frame: bytes) -> VenueEvent:
    (event,) = codec.decode(frame, AT)
    return event


def reason(codec: Codec, frame: bytes) -> str:
    event = only(codec, frame)
    assert isinstance(event, Quarantined)
    assert event.frame == frame
    return event.reason


# -- what frames become --------------------------------------------------------------------------


def test_a_spot_book_ticker_is_a_quote_without_venue_time(spot: Codec) -> None:
    assert only(spot, QUOTE) == Quote(SPOT, 100.10, 2.5, 100.20, 0.5, 11, Nanos(0), AT)


def test_a_futures_book_ticker_is_a_quote_with_the_time_it_was_sent(usdm: Codec) -> None:
    frame = QUOTE.replace(b'{"u"', b'{"e":"bookTicker","E":1672515782136,"T":1672515782130,"u"')
    assert only(usdm, frame) == Quote(USDM, 100.10, 2.5, 100.20, 0.5, 11, Nanos(1672515782136_000_000), AT)


@pytest.mark.parametrize(("maker", "side"), [(b"true", Side.SELL), (b"false", Side.BUY)])
def test_the_aggressor_sold_when_the_buyer_was_the_maker(spot: Codec, maker: bytes, side: Side) -> None:
    frame = TRADE.replace(b'"m":true', b'"m":' + maker)
    assert only(spot, frame) == Trade(SPOT, "12345", 100.10, 2.0, side, Nanos(1672515782136_000_000), AT)


def test_an_aggregate_trade_is_a_trade_under_its_own_id(usdm: Codec) -> None:
    frame = TRADE.replace(b"@trade", b"@aggTrade").replace(b'"t":12345', b'"a":77,"f":1,"l":3')
    assert only(usdm, frame) == Trade(USDM, "77", 100.10, 2.0, Side.SELL, Nanos(1672515782136_000_000), AT)


def test_a_spot_delta_continues_the_book_at_its_first_id_less_one(spot: Codec) -> None:
    bids = [(100.10, 1.5), (100.0, 0.0)]
    assert only(spot, DEPTH) == BookDelta(SPOT, bids, [], 157, 160, 156, 160, Nanos(1672515782136_000_000), AT)


def test_a_futures_delta_continues_the_book_at_pu(usdm: Codec) -> None:
    asks = [(100.20, 3.0)]
    assert only(usdm, FUTURES_DEPTH) == BookDelta(USDM, [], asks, 157, 160, 149, 160, Nanos(1672515782136_000_000), AT)


@pytest.mark.parametrize("speed", [b"depth", b"depth@100ms", b"depth@500ms", b"depth@0ms"])
def test_every_speed_of_the_depth_stream_is_understood(usdm: Codec, speed: bytes) -> None:
    assert isinstance(only(usdm, FUTURES_DEPTH.replace(b"depth@0ms", speed)), BookDelta)


def test_a_mini_ticker_yields_the_change_from_open_to_close(spot: Codec) -> None:
    statistics = only(spot, MINI_TICKER)
    assert isinstance(statistics, Statistics)
    assert statistics.change_pct == pytest.approx(10.0)
    assert (statistics.last_price, statistics.volume, statistics.quote_volume) == (110.0, 7.0, 700.0)


def test_an_instrument_that_has_not_traded_has_not_changed(spot: Codec) -> None:
    statistics = only(spot, MINI_TICKER.replace(b'"o":"100"', b'"o":"0.0"'))
    assert isinstance(statistics, Statistics)
    assert statistics.change_pct == 0.0


def test_a_ticker_yields_the_change_that_the_venue_states(spot: Codec) -> None:
    statistics = only(spot, MINI_TICKER.replace(b"miniTicker", b"ticker").replace(b'"s"', b'"P":"-3.25","s"', 1))
    assert isinstance(statistics, Statistics)
    assert statistics.change_pct == -3.25


def test_statistics_of_an_inverse_contract_count_contracts_as_their_worth() -> None:
    frame = MINI_TICKER.replace(b"btcusdt", b"btcusd_perp").replace(b"BTCUSDT", b"BTCUSD_PERP")
    statistics = only(codec_of("coinm", "BTCUSD_PERP"), frame)
    assert isinstance(statistics, Statistics)
    assert statistics.instrument == COINM
    assert (statistics.volume, statistics.quote_volume) == (700.0, 7 * 100.0)


def test_a_kline_is_a_candle(spot: Codec) -> None:
    opened_at = Nanos(1672515780000_000_000)
    assert only(spot, KLINE) == Candle(SPOT, "1m", opened_at, 1.0, 2.5, 0.5, 2.0, 10.0, 9, False, AT, 15.0)


@pytest.mark.parametrize("frame", FRAMES)
def test_data_is_the_same_without_its_envelope_and_in_another_order(spot: Codec, frame: bytes) -> None:
    stream, data = frame[11 : frame.index(b'"', 11)], frame[frame.index(b'"data":') + 7 : -1]
    assert only(spot, data) == only(spot, frame)
    assert only(spot, b'{"data":%b, "stream" : "%b"}' % (data, stream)) == only(spot, frame)


def test_a_symbol_that_is_not_ascii_is_a_symbol() -> None:
    codec = codec_of("testnet", "这是测试币456")
    frame = QUOTE.replace(b"btcusdt", "这是测试币456".encode()).replace(b"BTCUSDT", "这是测试币456".encode())
    assert isinstance(only(codec, frame), Quote)


# -- what is not data ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (b'{"result":null,"id":3}', Acknowledged("3", ok=True)),
        (b'{"id":"a-3","status":200,"result":{"subscriptionId":0}}', Acknowledged("a-3", ok=True)),
        (b'{"code":2,"msg":"Invalid request","id":3}', Acknowledged("3", ok=False, detail="2 Invalid request")),
        (b'{"error":{"code":2,"msg":"no"},"id":3}', Acknowledged("3", ok=False, detail="2 no")),
        (b'{"code":3,"msg":"Invalid JSON"}', Acknowledged("", ok=False, detail="3 Invalid JSON")),
        (b'{"result":["btcusdt@trade"],"id":0}', Pong()),
        (b'{"e":"serverShutdown","E":1770123456789}', ServerClosing("serverShutdown")),
        (b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}', ServerClosing("serverShutdown")),
        (QUOTE.replace(b"btcusdt", b"ethusdt"), Ignored("stream")),
        (QUOTE.replace(b"bookTicker", b"avgPrice"), Ignored("stream")),
        (b'{"e":"trade","s":"ETHUSDT","t":1}', Ignored("stream")),
        (b'{"stream":"!miniTicker@arr","data":[]}', Ignored("stream")),
    ],
)
def test_answers_and_notices_are_told_apart_from_data(spot: Codec, frame: bytes, event: VenueEvent) -> None:
    assert only(spot, frame) == event


@pytest.mark.parametrize(("price", "size"), [(b'"100.20"', b'"0.5"'), (b'"100.10"', b'"2.5"')])
def test_a_book_with_an_empty_side_has_no_quote_and_is_not_broken(spot: Codec, price: bytes, size: bytes) -> None:
    without_price = QUOTE.replace(price, b'"0.00000000"')
    assert only(spot, without_price.replace(size, b'"0.00000000"')) == Ignored("one-sided")
    assert reason(spot, without_price) == "price"


def test_listing_anew_forgets_the_symbols_before(spot: Codec) -> None:
    spot.list([binance.instrument("spot", "ETHUSDT")])
    assert only(spot, QUOTE) == Ignored("stream")


# -- what cannot be believed ---------------------------------------------------------------------


@pytest.mark.parametrize("price", [b"0", b"-1", b"nan", b"Infinity", b"1e16", b"1e400"])
def test_a_price_that_is_not_finite_and_positive_is_quarantined(spot: Codec, price: bytes) -> None:
    assert reason(spot, QUOTE.replace(b"100.10", price)) in ("price", "shape")
    assert reason(spot, DEPTH.replace(b"100.00", price)) in ("price", "shape")


@pytest.mark.parametrize("size", [b"-1", b"-0.1", b"nan", b"inf", b"1e16"])
def test_a_size_that_is_not_finite_or_is_negative_is_quarantined(spot: Codec, size: bytes) -> None:
    assert reason(spot, QUOTE.replace(b'"2.5"', b'"%b"' % size)) == "size"
    assert reason(spot, DEPTH.replace(b'"1.5"', b'"%b"' % size)) == "size"


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (b"", "json"),
        (b"null", "shape"),
        (b"[1]", "shape"),
        (b"{}", "shape"),
        (b'{"lastUpdateId":1,"bids":[],"asks":[]}', "shape"),
        (b"[" * 100_000, "shape"),
        (b'{"x":' + b"[" * 100_000, "shape"),
        (b'{"id":' + b"9" * 5_000 + b"}", "shape"),
        (b'{"s":"\xff"}', "json"),
        (QUOTE[:-1], "json"),
        (QUOTE + b"x", "json"),
        (QUOTE.replace(b'"u":11', b'"u":-1'), "shape"),
        (QUOTE.replace(b'"u":11', b'"u":' + b"9" * 30), "shape"),
        (QUOTE.replace(b'"u":11,', b""), "shape"),
        (QUOTE.replace(b'"100.10"', b"true"), "shape"),
        (QUOTE.replace(b"BTCUSDT", b"ETHUSDT"), "symbol"),
        (QUOTE.replace(b'"s":"BTCUSDT"', b'"s":null'), "shape"),
        (DEPTH.replace(b'"U":157', b'"U":161'), "sequence"),
        (DEPTH.replace(b'"1.5"]', b'"1.5","x"]'), "shape"),
        (DEPTH.replace(b'"a":[]', b'"a":[%b]' % b",".join([b'["1","1"]'] * 20_001)), "oversized"),
        (TRADE.replace(b'"T":1672515782136', b'"T":9' + b"0" * 18), "shape"),
        (b'{"stream":"btcusdt@bookTicker"}', "shape"),
    ],
)
def test_what_cannot_be_believed_is_quarantined_with_its_bytes(spot: Codec, frame: bytes, expected: str) -> None:
    assert reason(spot, frame) == expected


def test_a_futures_delta_without_its_predecessor_is_quarantined(usdm: Codec) -> None:
    assert reason(usdm, DEPTH) == "shape"


# -- contracts -----------------------------------------------------------------------------------


def test_one_mark_price_update_tells_the_price_and_the_rate_paid_next(usdm: Codec) -> None:
    at = Nanos(1562305380000_000_000)
    assert usdm.decode(MARK, AT) == (
        MarkPrice(USDM, 11794.15, 11784.62, at, AT),
        FundingRate(USDM, -0.00038167, Nanos(1562306400000_000_000), at, AT),
    )


@pytest.mark.parametrize("rate", [b'"r":"","T":0', b'"r":"0.0001","T":0', b'"r":"","T":1562306400000'])
def test_a_contract_that_is_delivered_has_a_mark_price_and_no_funding(usdm: Codec, rate: bytes) -> None:
    (mark,) = usdm.decode(MARK.replace(b'"r":"-0.00038167","T":1562306400000', rate), AT)
    assert isinstance(mark, MarkPrice)


@pytest.mark.parametrize("rate", [b"nan", b"1e400", b"--1", b"0x1"])
def test_a_rate_that_is_no_plain_number_is_quarantined(usdm: Codec, rate: bytes) -> None:
    assert reason(usdm, MARK.replace(b"-0.00038167", rate)) == "shape"


def test_spot_has_no_mark_price(spot: Codec) -> None:
    assert only(spot, MARK) == Ignored("stream")


def test_an_inverse_candle_counts_base_units_and_what_they_are_worth() -> None:
    frame = KLINE.replace(b"btcusdt", b"btcusd_perp").replace(b"BTCUSDT", b"BTCUSD_PERP")
    candle = only(codec_of("coinm", "BTCUSD_PERP"), frame)
    assert isinstance(candle, Candle)
    assert (candle.volume, candle.quote_volume) == (15.0, 1000.0)


# -- whatever the bytes --------------------------------------------------------------------------

CODECS = (codec_of("spot"), codec_of("usdm"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@given(st.binary(max_size=200))
@example(b'{"stream":"btcusdt@trade"')
@example(b'           btcusdt@trade"')
def test_random_bytes_yield_events_and_no_exception(frame: bytes) -> None:
    assert all(codec.decode(frame, AT) for codec in CODECS)


@given(st.sampled_from(CODECS), st.sampled_from(FRAMES), st.integers(0, 400), st.integers(0, 5), st.binary(max_size=6))
def test_a_damaged_frame_is_decoded_or_quarantined_but_never_raises(
    codec: Codec, frame: bytes, at: int, removed: int, inserted: bytes
) -> None:
    at %= len(frame)
    for event in codec.decode(frame[:at] + inserted + frame[at + removed :], AT):
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
            case MarkPrice():
                assert 0 < event.mark_price < 1e15
                assert event.index_price >= 0
            case FundingRate():
                assert isfinite(event.rate)
                assert event.funding_at > 0
            case _:
                pass


@given(st.sampled_from(CODECS), st.sampled_from(FRAMES), st.data())
def test_a_field_of_any_type_never_raises(codec: Codec, frame: bytes, data: st.DataObject) -> None:
    message = msgspec.json.decode(frame)
    place = data.draw(st.sampled_from([message, message["data"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(json_values)
    assert codec.decode(msgspec.json.encode(message), AT)
