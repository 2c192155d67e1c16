"""Bybit's public messages: what each becomes, and that nothing makes the codec fail."""

import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrated_trading_system.domain.book import Book
from integrated_trading_system.domain.health import Quarantined
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
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, Pong, VenueEvent
from tests.support import bybit

AT = Nanos(7)
BTC = InstrumentId("bybit:linear:BTCUSDT")

QUOTE = (
    b'{"topic":"orderbook.1.BTCUSDT","ts":1687940967466,"type":"snapshot","data":{"s":"BTCUSDT",'
    b'"b":[["30247.20","30.028"]],"a":[["30248.70","0.5"]],"u":18,"seq":66544703342},"cts":1687940967464}'
)
DEPTH = (
    b'{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1687940967466,"data":{"s":"BTCUSDT","b":[["30247.20","30.028"],'
    b'["30240.00","0"]],"a":[["30248.70","0"]],"u":177400507,"seq":66544703342},"cts":1687940967464}'
)
SNAPSHOT = DEPTH.replace(b'"delta"', b'"snapshot"')
TRADES = (
    b'{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1672304486868,"data":[{"T":1672304486865,"s":"BTCUSDT",'
    b'"S":"Buy","v":"0.001","p":"16578.50","L":"PlusTick","i":"20f43950","BT":false,"seq":1783284617},'
    b'{"T":1672304486866,"s":"BTCUSDT","S":"Sell","v":"2","p":"16578.00","i":"20f43951","BT":false}]}'
)
TICKER = (
    b'{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","price24hPcnt":"0.017103",'
    b'"lastPrice":"17216.00","turnover24h":"1570383121.9","volume24h":"91705.276","nextFundingTime":""},'
    b'"cs":24987956059,"ts":1673272861686}'
)
KLINE = (
    b'{"topic":"kline.1.BTCUSDT","data":[{"start":1672324800000,"end":1672324859999,"interval":"1","open":"16649.5",'
    b'"close":"16677","high":"16680","low":"16608","volume":"2.081","turnover":"34666.4","confirm":true,'
    b'"timestamp":1672324988882}],"ts":1672324988882,"type":"snapshot"}'
)
FULL_TICKER = TICKER.replace(
    b'"nextFundingTime":""',
    b'"markPrice":"17217.33","indexPrice":"17227.36","nextFundingTime":"1673280000000","fundingRate":"-0.000212"',
)
FRAMES = (QUOTE, DEPTH, SNAPSHOT, TRADES, TICKER, FULL_TICKER, KLINE)


def codec_of(flavour: str, *symbols: str) -> Codec:
    codec = bybit.venue(flavour).codec
    codec.list([bybit.instrument(flavour, symbol) for symbol in symbols])
    return codec


@pytest.fixture
def linear() -> Codec:
    return codec_of("linear", "BTCUSDT")


def only(codec: Codec, frame: bytes) -> VenueEvent:
    (event,) = codec.decode(frame, AT)
    return event


def reason(codec: Codec, frame: bytes) -> str:
    event = only(codec, frame)
    assert isinstance(event, Quarantined)
    assert event.frame == frame
    return event.reason


# -- what messages become ------------------------------------------------------------------------


def test_the_first_level_is_a_quote_as_of_the_matching_engines_time(linear: Codec) -> None:
    assert only(linear, QUOTE) == Quote(
        BTC, 30247.20, 30.028, 30248.70, 0.5, 66544703342, Nanos(1687940967464_000_000), AT
    )


def test_without_the_matching_engines_time_the_gateways_counts(linear: Codec) -> None:
    quote = only(linear, QUOTE.replace(b',"cts":1687940967464', b""))
    assert isinstance(quote, Quote)
    assert quote.venue_time == Nanos(1687940967466_000_000)


@pytest.mark.parametrize("side", [b'"b":[["30247.20","30.028"]]', b'"a":[["30248.70","0.5"]]'])
def test_a_book_with_an_empty_side_has_no_quote(linear: Codec, side: bytes) -> None:
    assert only(linear, QUOTE.replace(side, side[:4] + b"[]")) == Ignored("one-sided")


TOP_CHANGE = QUOTE.replace(b'"snapshot"', b'"delta"')


@pytest.mark.parametrize(
    ("bids", "asks", "top"),
    [
        (b'["30247.20","9"]', b"", (30247.20, 9.0, 30248.70, 0.5)),
        (b"", b'["30248.60","7"]', (30247.20, 30.028, 30248.60, 7.0)),
        (b'["30247.20","0"],["30247.10","3"]', b"", (30247.10, 3.0, 30248.70, 0.5)),
        (b'["30247.30","3"],["30247.20","0"]', b'["30248.60","7"]', (30247.30, 3.0, 30248.60, 7.0)),
    ],
)
def test_a_change_of_the_top_as_old_captures_have_it_is_laid_over_what_was_known(
    linear: Codec, bids: bytes, asks: bytes, top: tuple[float, ...]
) -> None:
    change = TOP_CHANGE.replace(b'["30247.20","30.028"]', bids).replace(b'["30248.70","0.5"]', asks)
    assert only(linear, change) == Ignored("incomplete")
    linear.decode(QUOTE, AT)
    quote = only(linear, change)
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == top


def test_a_change_that_takes_the_last_level_of_a_side_leaves_no_quote(linear: Codec) -> None:
    linear.decode(QUOTE, AT)
    assert only(linear, TOP_CHANGE.replace(b'"30.028"', b'"0"')) == Ignored("one-sided")


def test_a_change_of_the_book_continues_it_at_the_update_before(linear: Codec) -> None:
    bids, asks = [(30247.20, 30.028), (30240.0, 0.0)], [(30248.70, 0.0)]
    at = Nanos(1687940967464_000_000)
    assert only(linear, DEPTH) == BookDelta(BTC, bids, asks, 177400507, 177400507, 177400506, 66544703342, at, AT)


def test_a_snapshot_of_the_stream_is_resumed_by_the_next_update_within_fifty_levels(linear: Codec) -> None:
    bids, asks = [(30247.20, 30.028), (30240.0, 0.0)], [(30248.70, 0.0)]
    at = Nanos(1687940967464_000_000)
    assert only(linear, SNAPSHOT) == BookSnapshot(
        BTC, bids, asks, 177400507, 177400508, 66544703342, at, AT, in_stream=True, window=50
    )


def test_update_one_is_a_snapshot_whatever_its_type_says(linear: Codec) -> None:
    restarted = only(linear, DEPTH.replace(b'"u":177400507', b'"u":1'))
    assert isinstance(restarted, BookSnapshot)
    assert restarted.resume_from == 2


def test_each_public_trade_is_told_with_the_takers_side(linear: Codec) -> None:
    assert linear.decode(TRADES, AT) == [
        Trade(BTC, "20f43950", 16578.50, 0.001, Side.BUY, Nanos(1672304486865_000_000), AT),
        Trade(BTC, "20f43951", 16578.00, 2.0, Side.SELL, Nanos(1672304486866_000_000), AT),
    ]


def test_a_kline_is_a_candle_of_one_minute(linear: Codec) -> None:
    opened_at = from_millis(1672324800000)
    assert only(linear, KLINE) == Candle(
        BTC, "1m", opened_at, 16649.5, 16680.0, 16608.0, 16677.0, 2.081, 0, True, AT, 34666.4
    )


def test_the_change_of_a_ticker_is_told_in_percent(linear: Codec) -> None:
    at = from_millis(1673272861686)
    statistics = only(linear, TICKER)
    assert isinstance(statistics, Statistics)
    assert statistics.change_pct == pytest.approx(1.7103)
    assert statistics == Statistics(BTC, 17216.0, 91705.276, 1570383121.9, statistics.change_pct, at, AT)


def ticker_delta(fields: bytes) -> bytes:
    return (
        b'{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT",%b},"cs":1,"ts":1673272861700}' % fields
    )


def test_a_ticker_change_is_laid_over_what_was_known(linear: Codec) -> None:
    before = only(linear, TICKER)
    after = only(linear, ticker_delta(b'"lastPrice":"17217.00"'))
    assert isinstance(before, Statistics)
    assert isinstance(after, Statistics)
    assert after.last_price == 17217.0
    assert (after.volume, after.quote_volume, after.change_pct) == (
        before.volume,
        before.quote_volume,
        before.change_pct,
    )


def test_a_ticker_change_in_other_fields_says_nothing_new(linear: Codec) -> None:
    linear.decode(TICKER, AT)
    assert only(linear, ticker_delta(b'"bid1Price":"1"')) == Ignored("unchanged")


def test_a_ticker_change_before_any_snapshot_is_not_completed_by_guesses(linear: Codec) -> None:
    assert only(linear, ticker_delta(b'"lastPrice":"17217.00"')) == Ignored("incomplete")


def test_a_ticker_snapshot_without_a_volume_says_too_little(linear: Codec) -> None:
    assert only(linear, TICKER.replace(b'"volume24h":"91705.276",', b"")) == Ignored("incomplete")


def test_one_ticker_of_a_contract_is_figures_a_mark_price_and_a_funding_rate(linear: Codec) -> None:
    at = from_millis(1673272861686)
    figures, mark, funding = linear.decode(FULL_TICKER, AT)
    assert isinstance(figures, Statistics)
    assert mark == MarkPrice(BTC, 17217.33, 17227.36, at, AT)
    assert funding == FundingRate(BTC, -0.000212, from_millis(1673280000000), at, AT)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (b'"lastPrice":"17217.00"', Statistics),
        (b'"markPrice":"17218.00"', MarkPrice),
        (b'"indexPrice":"17218.00"', MarkPrice),
        (b'"fundingRate":"0.0001"', FundingRate),
        (b'"nextFundingTime":"1673308800000"', FundingRate),
    ],
)
def test_a_ticker_change_tells_only_the_kind_that_it_changes(
    linear: Codec, fields: bytes, expected: type[VenueEvent]
) -> None:
    linear.decode(FULL_TICKER, AT)
    assert isinstance(only(linear, ticker_delta(fields)), expected)
    assert only(linear, ticker_delta(fields)) == Ignored("unchanged")


def test_a_changed_mark_price_keeps_the_index_that_was_known(linear: Codec) -> None:
    linear.decode(FULL_TICKER, AT)
    mark = only(linear, ticker_delta(b'"markPrice":"17218.00"'))
    assert mark == MarkPrice(BTC, 17218.0, 17227.36, from_millis(1673272861700), AT)


def test_a_new_snapshot_tells_everything_again(linear: Codec) -> None:
    assert linear.decode(FULL_TICKER, AT) == linear.decode(FULL_TICKER, AT)


@pytest.mark.parametrize("due", [b'"nextFundingTime":""', b'"nextFundingTime":"0"'])
def test_a_contract_that_is_delivered_has_no_funding(linear: Codec, due: bytes) -> None:
    frame = FULL_TICKER.replace(b'"-0.000212"', b'""').replace(b'"nextFundingTime":"1673280000000"', due)
    assert [type(event) for event in linear.decode(frame, AT)] == [Statistics, MarkPrice]


@pytest.mark.parametrize("missing", [b"", b"0"])
def test_a_contract_whose_mark_price_is_not_known_yet_has_its_figures_all_the_same(
    linear: Codec, missing: bytes
) -> None:
    frame = FULL_TICKER.replace(b'"17217.33"', b'"%b"' % missing).replace(b'"17227.36"', b'""')
    assert [type(event) for event in linear.decode(frame, AT)] == [Statistics, FundingRate]


@pytest.mark.parametrize("price", [b"-1", b"nan", b"1e400", b"9" * 16])
def test_a_mark_price_that_is_no_price_is_quarantined(linear: Codec, price: bytes) -> None:
    assert reason(linear, FULL_TICKER.replace(b"17217.33", price)) == "shape"


@pytest.mark.parametrize("rate", [b"nan", b"1e400", b"--1", b"0x1"])
def test_a_rate_that_is_no_plain_number_is_quarantined(linear: Codec, rate: bytes) -> None:
    assert reason(linear, FULL_TICKER.replace(b"-0.000212", rate)) == "shape"


@pytest.mark.parametrize("frame", FRAMES)
def test_the_order_of_keys_and_blanks_do_not_matter(linear: Codec, frame: bytes) -> None:
    message = msgspec.json.decode(frame)
    turned = json.dumps(dict(reversed(message.items())), indent=1).encode()
    assert linear.decode(turned, AT) == codec_of("linear", "BTCUSDT").decode(frame, AT)


def test_one_symbol_is_two_instruments_in_two_categories() -> None:
    quote = only(codec_of("spot", "BTCUSDT"), QUOTE)
    assert isinstance(quote, Quote)
    assert quote.instrument == "bybit:spot:BTCUSDT"


# -- what is not data ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (
            b'{"success":true,"ret_msg":"subscribe","conn_id":"c","req_id":"1","op":"subscribe"}',
            Acknowledged("1", ok=True),
        ),
        (b'{"success":true,"ret_msg":"","conn_id":"c","req_id":"","op":"subscribe"}', Acknowledged("", ok=True)),
        (b'{"success":true,"ret_msg":"pong","conn_id":"c","op":"ping"}', Pong()),
        (b'{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"","op":"ping"}', Pong()),
        (b'{"req_id":"p","op":"pong","args":["1675418560633"],"conn_id":"c"}', Pong()),
        (
            b'{"success":false,"ret_msg":"Invalid topic","conn_id":"c","req_id":"1","op":"subscribe"}',
            Acknowledged("1", ok=False, detail="Invalid topic"),
        ),
        (
            b'{"success":false,"ret_msg":"error:invalid op","conn_id":"c","req_id":"","op":"","request":{"op":"x"}}',
            Acknowledged("", ok=False, detail="error:invalid op"),
        ),
        (b'{"success":true,"ret_msg":"","op":"auth","conn_id":"c"}', Acknowledged("auth", ok=True)),
        (b'{"op":"auth","success":true,"retCode":0,"retMsg":"","connId":"c"}', Acknowledged("auth", ok=True)),
        (b'{"retCode":0,"retMsg":"OK","op":"auth","connId":"c"}', Acknowledged("auth", ok=True)),
        (
            b'{"op":"auth","success":false,"retCode":10003,"retMsg":"Invalid apikey","connId":"c"}',
            Acknowledged("auth", ok=False, detail="Invalid apikey"),
        ),
        (QUOTE.replace(b"orderbook.1.BTCUSDT", b"orderbook.1.ETHUSDT"), Ignored("topic")),
        (QUOTE.replace(b"orderbook.1.", b"orderbook.200."), Ignored("topic")),
        (b'{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":1,"data":[]}', Ignored("topic")),
    ],
)
def test_answers_and_strange_topics_are_told_apart_from_data(linear: Codec, frame: bytes, event: VenueEvent) -> None:
    assert only(linear, frame) == event


def test_listing_anew_forgets_the_symbols_before(linear: Codec) -> None:
    linear.list([bybit.instrument("linear", "ETHUSDT")])
    assert only(linear, QUOTE) == Ignored("topic")


# -- what cannot be believed ---------------------------------------------------------------------


@pytest.mark.parametrize("price", [b"0", b"-1", b"nan", b"Infinity", b"1e16"])
def test_a_price_that_is_not_finite_and_positive_is_quarantined(linear: Codec, price: bytes) -> None:
    assert reason(linear, QUOTE.replace(b"30247.20", price)) == "price"
    assert reason(linear, DEPTH.replace(b"30240.00", price)) == "price"
    assert reason(linear, TRADES.replace(b"16578.50", price)) == "price"


@pytest.mark.parametrize("size", [b"-1", b"-0.1", b"nan", b"inf", b"1e16"])
def test_a_size_that_is_not_finite_or_is_negative_is_quarantined(linear: Codec, size: bytes) -> None:
    assert reason(linear, QUOTE.replace(b"30.028", size)) == "size"
    assert reason(linear, DEPTH.replace(b"30.028", size)) == "size"
    assert reason(linear, TRADES.replace(b"0.001", size)) == "size"


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (b"", "json"),
        (b"null", "shape"),
        (b"[1]", "shape"),
        (b"{}", "shape"),
        (b"[" * 100_000, "shape"),
        (b'{"x":' + b"[" * 100_000, "shape"),
        (b'{"topic":"orderbook.1.BTCUSDT","x":' + b"[" * 100_000, "shape"),
        (b'{"topic":"\xff"}', "json"),
        (QUOTE[:-1], "json"),
        (QUOTE + b"x", "json"),
        (QUOTE.replace(b'"snapshot"', b'"update"'), "shape"),
        (QUOTE.replace(b'"seq":66544703342', b'"seq":-1'), "shape"),
        (QUOTE.replace(b'"seq":66544703342', b'"seq":' + b"9" * 30), "shape"),
        (QUOTE.replace(b'"seq":66544703342', b'"sequence":1'), "shape"),
        (QUOTE.replace(b'"30247.20"', b"true"), "shape"),
        (QUOTE.replace(b'"30247.20"', b"1e400"), "shape"),
        (QUOTE.replace(b'"cts":1687940967464', b'"cts":9' + b"0" * 18), "shape"),
        (DEPTH.replace(b'"delta"', b'"update"'), "shape"),
        (DEPTH.replace(b'"0"]],"a"', b'"0","x"]],"a"'), "shape"),
        (DEPTH.replace(b'["30248.70","0"]', b",".join([b'["1","1"]'] * 20_001)), "oversized"),
        (TRADES.replace(b'"Buy"', b'"buy"'), "shape"),
        (b'{"topic":"orderbook.1.BTCUSDT"}', "shape"),
        (b'{"topic":7}', "shape"),
    ],
)
def test_what_cannot_be_believed_is_quarantined_with_its_bytes(linear: Codec, frame: bytes, expected: str) -> None:
    assert reason(linear, frame) == expected


# -- whatever the bytes --------------------------------------------------------------------------

CODEC = codec_of("linear", "BTCUSDT")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@given(st.binary(max_size=200))
@example(b'{"topic":"orderbook.1.BTCUSDT"')
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
            case BookDelta() | BookSnapshot():
                assert all(price > 0 and size >= 0 for price, size in event.bids + event.asks)
            case Trade():
                assert event.price > 0
                assert event.quantity >= 0
            case _:
                pass


@given(st.sampled_from(FRAMES), st.data())
def test_a_field_of_any_type_never_raises(frame: bytes, data: st.DataObject) -> None:
    message = msgspec.json.decode(frame)
    inner = message["data"][0] if isinstance(message["data"], list) else message["data"]
    place = data.draw(st.sampled_from([message, inner]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(json_values)
    CODEC.decode(msgspec.json.encode(message), AT)


# -- recorded traffic ----------------------------------------------------------------------------


def cases(recordings: Path) -> list[dict[str, Any]]:
    """Messages of the present interface, with what another normaliser made of them."""
    everything = json.loads((recordings / "normalizer_cases" / "tardis_node_raw_to_normalized.json").read_text())
    return [case for case in everything if case["exchange"].startswith("bybit") and "ts" in case["raw"]]


def events_of(case: dict[str, Any], *before: bytes) -> list[VenueEvent]:
    codec = codec_of("linear", case["expected"][0]["symbol"])
    return [event for frame in (*before, json.dumps(case["raw"]).encode()) for event in codec.decode(frame, AT)]


def of_kind(recordings: Path, kind: str) -> list[dict[str, Any]]:
    return [case for case in cases(recordings) if case["expected"] and case["expected"][0]["type"] == kind]


def test_every_recorded_trade_is_what_others_read_in_it(recordings: Path) -> None:
    found = of_kind(recordings, "trade")
    for case in found:
        told = [
            (event.trade_id, event.price, event.quantity, event.side.value)
            for event in events_of(case)
            if isinstance(event, Trade)
        ]
        assert told == [tuple(row[name] for name in ("id", "price", "amount", "side")) for row in case["expected"]]
    assert len(found) == 2


def test_every_recorded_top_is_what_others_read_in_it(recordings: Path) -> None:
    """One of them is a change: what it does not name was told before, and is told here."""
    found = of_kind(recordings, "book_ticker")
    for case in found:
        (expected,) = case["expected"]
        names = ("bidPrice", "bidAmount", "askPrice", "askAmount")
        bid, bid_size, ask, ask_size = wanted = tuple(expected[name] for name in names)
        data = {"b": [[str(bid), "7"]], "a": [[str(ask), str(ask_size)]], "u": 1, "seq": 1}
        topic = {"topic": case["raw"]["topic"], "ts": 1, "type": "snapshot", "data": data}
        quote = events_of(case, json.dumps(topic).encode())[-1]
        assert isinstance(quote, Quote)
        assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == wanted
        assert quote.bid_size == bid_size
    assert [case["raw"]["type"] for case in found] == ["snapshot", "delta"]


def test_every_recorded_change_of_a_book_is_what_others_read_in_it(recordings: Path) -> None:
    found = of_kind(recordings, "book_change")
    for case in found:
        ((expected,), (event,)) = case["expected"], events_of(case)
        assert isinstance(event, BookSnapshot if expected["isSnapshot"] else BookDelta)
        for told, wanted in ((event.bids, expected["bids"]), (event.asks, expected["asks"])):
            assert told == [(row["price"], row["amount"]) for row in wanted]
    assert len(found) == 2


def test_recorded_tickers_of_contracts_equal_what_others_read_in_them(recordings: Path) -> None:
    tickers = [case for case in cases(recordings) if case["raw"].get("topic", "").startswith("tickers")]
    for case in tickers:
        (expected,) = case["expected"]
        events = codec_of("linear", expected["symbol"]).decode(json.dumps(case["raw"]).encode(), AT)
        told = {type(event): event for event in events}
        figures, mark, funding = told[Statistics], told[MarkPrice], told.get(FundingRate)
        assert isinstance(figures, Statistics)
        assert isinstance(mark, MarkPrice)
        assert figures.last_price == expected["lastPrice"]
        assert (mark.mark_price, mark.index_price) == (expected["markPrice"], expected["indexPrice"])
        if expected["fundingRate"] is None:
            assert funding is None
        else:
            assert isinstance(funding, FundingRate)
            assert funding.rate == expected["fundingRate"]
            paid_at = datetime.fromisoformat(expected["fundingTimestamp"])
            assert funding.funding_at == from_millis(round(paid_at.timestamp() * 1000))
    assert len(tickers) == 3


def test_a_recorded_book_has_no_gap_and_never_crosses(recordings: Path) -> None:
    with zipfile.ZipFile(recordings / "other" / "bybit_v5_xrpusdt_ob500_20241201.data.zip") as archive:
        lines = archive.read(archive.namelist()[0]).splitlines()
    codec = codec_of("linear", "XRPUSDT")
    book, last, orders = Book(), 0, [0]
    for line in lines:
        event = only(codec, line.replace(b"orderbook.500.", b"orderbook.50."))
        if isinstance(event, BookSnapshot):
            book.replace(event.bids, event.asks)
            assert event.resume_from == event.last_sequence + 1
        else:
            assert isinstance(event, BookDelta)
            assert event.previous_sequence == last
            book.apply(event.bids, event.asks)
        last = event.last_sequence
        assert event.order > orders[-1]
        orders.append(event.order)
        assert not book.crossed
    assert len(orders) == 51


def test_the_sample_kline_is_nobodys_unless_it_is_of_one_minute(recordings: Path) -> None:
    frame = (recordings / "fixtures_nautilus" / "bybit" / "ws_kline.json").read_bytes()
    codec = codec_of("linear", "BTCUSDT")
    assert only(codec, frame) == Ignored("topic")
    opened_at = from_millis(1672324800000)
    assert only(codec, frame.replace(b"kline.5.", b"kline.1.")) == Candle(
        BTC, "1m", opened_at, 16649.5, 16677.0, 16608.0, 16677.0, 2.081, 0, False, AT, 34666.4005
    )


def test_the_sample_ticker_is_read(recordings: Path) -> None:
    frame = (recordings / "fixtures_nautilus" / "bybit" / "ws_ticker_linear.json").read_bytes()
    statistics, mark, funding = codec_of("linear", "BTCUSDT").decode(frame, AT)
    assert isinstance(statistics, Statistics)
    assert isinstance(mark, MarkPrice)
    assert isinstance(funding, FundingRate)
    assert (mark.mark_price, mark.index_price) == (17217.33, 17227.36)
    assert (funding.rate, funding.funding_at) == (-0.000212, from_millis(1673280000000))
    assert (statistics.last_price, statistics.volume, statistics.quote_volume) == (
        17216.0,
        91705.276,
        1570383121.943499,
    )
