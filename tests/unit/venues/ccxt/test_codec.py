"""Frames of the library's driver: what each becomes, and that nothing makes the codec fail."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.market import BookSnapshot, Candle, Quote, Statistics, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.feed.machine import BookMachine, Outcome
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, VenueEvent
from tests.support.ccxt_core import BTC, frame, instrument, venue

AT = Nanos(7)
MILLIS = 1_700_000_000_123
TIME = from_millis(MILLIS)

BOOK = {"bids": [[100.0, 2.0], [99.5, 1.0]], "asks": [[100.5, 3.0]], "timestamp": MILLIS, "nonce": None}
TOP = {"bid": 100.0, "bidVolume": 2.0, "ask": 100.5, "askVolume": 3.0, "timestamp": MILLIS}
TRADES = [{"id": "t1", "price": 100.0, "amount": 0.5, "side": "buy", "timestamp": MILLIS}]
TICKER = {"last": 100.0, "baseVolume": 5.0, "quoteVolume": 500.0, "percentage": -1.5, "timestamp": MILLIS}
CANDLES = [[MILLIS, 1.0, 3.0, 0.5, 2.0, 4.0], [MILLIS + 60_000, 2.0, 2.0, 2.0, 2.0, None]]
SAMPLES = {"depth": BOOK, "quotes": TOP, "trades": TRADES, "statistics": TICKER, "candles": CANDLES}


@pytest.fixture
def codec() -> Codec:
    return listed()


def listed() -> Codec:
    made = venue().codec
    made.list([instrument()])
    return made


def only(codec: Codec, data: bytes, at: Nanos = AT) -> VenueEvent:
    (event,) = codec.decode(data, at)
    return event


def test_a_book_is_whole_and_true_at_once(codec: Codec) -> None:
    bids, asks = [(100.0, 2.0), (99.5, 1.0)], [(100.5, 3.0)]
    assert only(codec, frame("depth", BOOK)) == BookSnapshot(BTC, bids, asks, AT, AT + 1, AT, TIME, AT, in_stream=True)


def test_of_two_books_the_later_one_holds(codec: Codec) -> None:
    machine = BookMachine(10)
    for at, bid in ((8, 99.0), (9, 98.0)):
        book = only(codec, frame("depth", BOOK | {"bids": [[bid, 1.0]]}), Nanos(at))
        assert isinstance(book, BookSnapshot)
        assert machine.snapshot(book) is Outcome.APPLIED
        assert machine.top is not None
        assert (machine.top[0], machine.order) == (bid, at)


def test_a_top_is_a_quote_in_the_order_of_receipt(codec: Codec) -> None:
    assert only(codec, frame("quotes", TOP)) == Quote(BTC, 100.0, 2.0, 100.5, 3.0, AT, TIME, AT)


def test_sizes_and_times_that_are_not_told_are_nothing(codec: Codec) -> None:
    top = {"bid": 100.0, "ask": 100.5, "bidVolume": None, "askVolume": None, "timestamp": None}
    assert only(codec, frame("quotes", top)) == Quote(BTC, 100.0, 0.0, 100.5, 0.0, AT, Nanos(0), AT)


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_ticker_without_a_side_is_no_quote(codec: Codec, side: str) -> None:
    assert only(codec, frame("quotes", TOP | {side: None})) == Ignored("one-sided")


def test_a_trade_has_the_takers_side(codec: Codec) -> None:
    assert only(codec, frame("trades", TRADES)) == Trade(BTC, "t1", 100.0, 0.5, Side.BUY, TIME, AT)


def test_a_trade_without_an_id_is_named_by_its_figures_and_one_without_a_side_is_not_told(codec: Codec) -> None:
    unnamed, unknown = TRADES[0] | {"id": None}, TRADES[0] | {"side": None}
    trade, ignored = codec.decode(frame("trades", [unnamed, unknown]), AT)
    assert isinstance(trade, Trade)
    assert trade.trade_id == f"{TIME}-buy-100.0-0.5"
    assert ignored == Ignored("side unknown")


def test_a_ticker_is_the_days_figures(codec: Codec) -> None:
    assert only(codec, frame("statistics", TICKER)) == Statistics(BTC, 100.0, 5.0, 500.0, -1.5, TIME, AT)
    assert only(codec, frame("statistics", TICKER | {"last": None})) == Ignored("incomplete")


def test_a_candle_that_is_followed_by_another_is_over(codec: Codec) -> None:
    first, second = codec.decode(frame("candles", CANDLES), AT)
    assert first == Candle(BTC, "1m", TIME, 1.0, 3.0, 0.5, 2.0, 4.0, 0, True, AT)
    assert isinstance(second, Candle)
    assert (second.closed, second.volume) == (False, 0.0)


@pytest.mark.parametrize(
    ("data", "event"),
    [
        (b'{"id":"1","error":""}', Acknowledged("1", ok=True)),
        (b'{"id":"1","error":"no market X"}', Acknowledged("1", ok=False, detail="no market X")),
        (frame("depth", BOOK, "ETH/USDT"), Ignored("symbol")),
        (frame("funding", {}), Ignored("stream")),
    ],
)
def test_what_is_not_data_is_told_apart(codec: Codec, data: bytes, event: VenueEvent) -> None:
    assert only(codec, data) == event


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "json"),
        (b"\xff", "json"),
        (b"[]", "shape"),
        (b"{}", "shape"),
        (frame("weather", {}), "shape"),
        (frame("depth", BOOK | {"bids": [[0, 1]]}), "price"),
        (frame("depth", BOOK | {"bids": [[1, -1]]}), "size"),
        (frame("depth", BOOK | {"bids": [[1]]}), "shape"),
        (frame("quotes", TOP | {"bid": -1}), "price"),
        (frame("trades", [TRADES[0] | {"price": "NaN"}]), "price"),
        (frame("candles", [[1, 2]]), "shape"),
    ],
)
def test_what_cannot_be_believed_is_quarantined(codec: Codec, data: bytes, word: str) -> None:
    event = only(codec, data)
    assert isinstance(event, Quarantined)
    assert (event.reason, event.frame) == (word, data)


VALUES = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    assert all(isinstance(event, Quarantined | Ignored | Acknowledged) for event in listed().decode(data, AT))


@given(st.sampled_from(sorted(SAMPLES)), JSON)
def test_no_data_makes_it_fail(stream: str, data: Any) -> None:
    assert isinstance(listed().decode(frame(stream, data), AT), list | tuple)


@given(st.sampled_from(["depth", "quotes", "statistics"]), st.data())
def test_no_change_of_a_field_makes_it_fail(stream: str, draw: st.DataObject) -> None:
    sample: Any = SAMPLES[stream]
    changed = sample | {draw.draw(st.sampled_from(sorted(sample))): draw.draw(JSON)}
    (event,) = listed().decode(frame(stream, changed), AT)
    if isinstance(event, Quote):
        assert 0 < event.bid < 1e15
    assert msgspec.json.encode(event)
