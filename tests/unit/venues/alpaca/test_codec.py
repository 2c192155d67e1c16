"""Alpaca's market data: what each row becomes, and that nothing makes the codec fail."""

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Candle, Quote, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.machine import BookMachine, Outcome
from integrated_trading_system.venues.alpaca.wire import nanos
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, StreamRestarted, VenueEvent
from tests.support import alpaca
from tests.support.alpaca import BTC

AT = Nanos(7)
AMD = InstrumentId("alpaca:stocks:AMD")

TRADE = (
    b'{"T":"t","S":"BTC/USD","p":47.299,"s":29.205707815,"t":"2024-03-12T10:27:48.858228144Z",'
    b'"i":3447222699101865076,"tks":"S"}'
)
QUOTE = (
    b'{"T":"q","S":"BTC/USD","bp":0.35718,"bs":13445.46,"ap":0.3581,"as":13561.902,'
    b'"t":"2024-03-12T10:29:43.111588173Z"}'
)
BOOK = (
    b'{"T":"o","S":"BTC/USD","t":"2022-12-16T06:35:31.585113205Z","b":[{"p":17394.37,"s":0.015499}],'
    b'"a":[{"p":17398.8,"s":0.042919}],"r":true}'
)
CHANGE = b'{"T":"o","S":"BTC/USD","t":"2022-12-16T06:35:31.683Z","b":[{"p":17394.37,"s":0}],"a":[]}'
BAR = (
    b'{"T":"b","S":"BTC/USD","o":28999,"h":29003,"l":28998,"c":29003,"v":0.01,"t":"2022-05-27T10:18:00Z",'
    b'"n":4,"vw":29001}'
)
STOCK_QUOTE = (
    b'{"T":"q","S":"AMD","bx":"U","bp":87.66,"bs":1,"ax":"Q","ap":87.68,"as":4,'
    b'"t":"2021-02-22T15:51:45.335689322Z","c":["R"],"z":"C"}'
)
ROWS = (TRADE, QUOTE, BOOK, CHANGE, BAR)


def frame(*rows: bytes) -> bytes:
    return b"[" + b",".join(rows) + b"]"


@pytest.fixture
def crypto() -> Codec:
    codec = alpaca.venue("crypto").codec
    codec.list([alpaca.instrument()])
    return codec


@pytest.fixture
def stocks() -> Codec:
    codec = alpaca.venue("stocks").codec
    codec.list([alpaca.instrument("AMD", "stocks")])
    return codec


def only(codec: Codec, *rows: bytes) -> VenueEvent:
    (event,) = codec.decode(frame(*rows), AT)
    return event


def reason(event: VenueEvent) -> str:
    assert isinstance(event, Quarantined)
    return event.reason


# -- what rows become ----------------------------------------------------------------------------


def test_a_time_keeps_all_nine_digits_and_knows_its_zone() -> None:
    assert nanos("2024-03-12T10:27:48.858228144Z") == 1_710_239_268_858_228_144
    assert nanos("2024-03-12T10:27:48Z") == 1_710_239_268_000_000_000
    assert nanos("2024-03-12T06:27:48.5-04:00") == 1_710_239_268_500_000_000


@pytest.mark.parametrize("text", ["", "2024-03-12", "2024-13-12T10:27:48Z", "2024-03-12T10:27:48", "١٢", "x" * 30])
def test_what_is_no_time_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(ValueError):
        nanos(text)


def test_a_quote_is_placed_by_its_time(crypto: Codec) -> None:
    at = Nanos(1_710_239_383_111_588_173)
    assert only(crypto, QUOTE) == Quote(BTC, 0.35718, 13445.46, 0.3581, 13561.902, at, at, AT)


@pytest.mark.parametrize("side", [(b"0.35718", b"0"), (b"0.3581,", b"0,")])
def test_a_side_without_an_order_has_no_top(crypto: Codec, side: tuple[bytes, bytes]) -> None:
    assert only(crypto, QUOTE.replace(*side)) == Ignored("one-sided")


def test_a_crypto_trade_has_the_takers_side_and_its_whole_id(crypto: Codec) -> None:
    at = Nanos(1_710_239_268_858_228_144)
    assert only(crypto, TRADE) == Trade(BTC, "3447222699101865076", 47.299, 29.205707815, Side.SELL, at, AT)


def stock_trade(price: str, number: int = 1) -> bytes:
    return b'{"T":"t","S":"AMD","i":%d,"x":"V","p":%s,"s":100,"c":["@"],"t":"2021-02-22T15:51:45.4Z","z":"C"}' % (
        number,
        price.encode(),
    )


@pytest.mark.parametrize(("price", "side"), [("87.68", Side.BUY), ("87.70", Side.BUY), ("87.66", Side.SELL)])
def test_a_stock_trade_at_a_quote_was_made_by_whoever_crossed_the_spread(stocks: Codec, price: str, side: Side) -> None:
    quote, trade = stocks.decode(frame(STOCK_QUOTE, stock_trade(price)), AT)
    assert isinstance(quote, Quote)
    assert isinstance(trade, Trade)
    assert (trade.instrument, trade.trade_id, trade.side) == (AMD, "V-1", side)


def test_a_stock_trade_within_the_spread_was_made_by_the_side_towards_which_the_price_moved(stocks: Codec) -> None:
    rows = [STOCK_QUOTE, stock_trade("87.66"), stock_trade("87.67"), stock_trade("87.67"), stock_trade("87.665")]
    sides = [event.side for event in stocks.decode(frame(*rows), AT) if isinstance(event, Trade)]
    assert sides == [Side.SELL, Side.BUY, Side.BUY, Side.SELL]


def test_a_trade_of_which_nothing_says_who_made_it_is_not_given_a_side(stocks: Codec) -> None:
    assert only(stocks, stock_trade("87.66")) == Ignored("side unknown")


def test_a_bar_is_a_closed_candle_of_one_minute(crypto: Codec) -> None:
    opened = Nanos(1_653_646_680_000_000_000)
    found = only(crypto, BAR)
    assert isinstance(found, Candle)
    assert found.quote_volume == pytest.approx(290.01)
    assert msgspec.structs.replace(found, quote_volume=0.0) == Candle(
        BTC, "1m", opened, 28999.0, 29003.0, 28998.0, 29003.0, 0.01, 4, True, AT
    )


def test_a_reset_is_a_whole_book_and_the_next_change_continues_it(crypto: Codec) -> None:
    snapshot, change = crypto.decode(frame(BOOK, CHANGE), AT)
    at, later = Nanos(1_671_172_531_585_113_205), Nanos(1_671_172_531_683_000_000)
    bids, asks = [(17394.37, 0.015499)], [(17398.8, 0.042919)]
    assert snapshot == BookSnapshot(BTC, bids, asks, at, at + 1, at, at, AT, in_stream=True)
    assert change == BookDelta(BTC, [(17394.37, 0.0)], [], at + 1, later, at, later, later, AT)


def test_a_side_that_did_not_change_may_be_missing(crypto: Codec) -> None:
    event = only(crypto, CHANGE.replace(b',"a":[]', b""))
    assert isinstance(event, BookDelta)
    assert (event.bids, event.asks) == ([(17394.37, 0.0)], [])


def test_a_change_that_goes_back_in_time_makes_the_book_be_proven_anew(crypto: Codec) -> None:
    _, event = crypto.decode(frame(CHANGE, CHANGE.replace(b"31.683Z", b"31.682Z")), AT)
    assert event == StreamRestarted(BTC)


def test_the_books_of_a_stream_and_of_rest_continue_each_other_by_their_times(crypto: Codec) -> None:
    machine = BookMachine(10)
    market, instrument = alpaca.venue().market, alpaca.instrument()
    rest = alpaca.reply(
        {
            "orderbooks": {
                "BTC/USD": {"t": "2022-12-16T06:35:31.6Z", "b": [{"p": 17390, "s": 1}], "a": [{"p": 17399, "s": 1}]}
            }
        }
    )
    before, after = CHANGE.replace(b"31.683Z", b"31.5Z"), CHANGE.replace(b"17394.37", b"17391").replace(b":0}", b":2}")
    for row in (before, after):
        delta = only(crypto, row)
        assert isinstance(delta, BookDelta)
        assert machine.delta(delta) is Outcome.WAITING
    assert machine.snapshot(market.decode_snapshot(instrument, rest)) is Outcome.APPLIED
    assert machine.top is not None
    assert machine.top[0] == 17391


# -- what is not data ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "event"),
    [
        (b'{"T":"success","msg":"connected"}', Ignored("connected")),
        (b'{"T":"success","msg":"authenticated"}', Acknowledged("logon", ok=True)),
        (b'{"T":"subscription","trades":["BTC/USD"],"quotes":[],"bars":[]}', Acknowledged("", ok=True)),
        (
            b'{"T":"error","code":405,"msg":"symbol limit exceeded"}',
            Acknowledged("", ok=False, detail="405 symbol limit exceeded"),
        ),
        (b'{"T":"error","code":402,"msg":"auth failed"}', Acknowledged("", ok=False, detail="402 auth failed")),
        (b'{"T":"error","code":403,"msg":"already authenticated"}', Ignored("already authenticated")),
        (b'{"T":"c","S":"AMD","oi":1,"op":1,"ci":2,"cp":2}', Ignored("correction")),
        (b'{"T":"x","S":"AMD","i":1,"x":"V","p":1,"s":1,"a":"C"}', Ignored("cancelled trade")),
        (b'{"T":"s","S":"AMD","sc":"H"}', Ignored("trading status")),
        (TRADE.replace(b"BTC/USD", b"ETH/USD"), Ignored("symbol")),
    ],
)
def test_what_is_not_data_is_told_apart(crypto: Codec, row: bytes, event: VenueEvent) -> None:
    assert only(crypto, row) == event


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (b'{"T":"z"}', "shape"),
        (b"{}", "shape"),
        (b"7", "shape"),
        (QUOTE.replace(b"0.35718", b"-1"), "size"),
        (QUOTE.replace(b"0.35718", b'"1"'), "shape"),
        (TRADE.replace(b"47.299", b"0"), "price"),
        (TRADE.replace(b"48.858228144Z", b"61.0Z"), "shape"),
        (CHANGE.replace(b'"s":0', b'"s":-1'), "size"),
    ],
)
def test_what_cannot_be_believed_is_quarantined_and_hides_no_other_row(crypto: Codec, row: bytes, word: str) -> None:
    events = crypto.decode(frame(row, QUOTE), AT)
    assert reason(events[0]) == word
    assert isinstance(events[1], Quote)


@pytest.mark.parametrize("data", [b"", b"{}", b"[", b"null", b"\xff\xfe", b"[" * 5_000])
def test_a_frame_that_is_no_list_of_rows_is_quarantined(crypto: Codec, data: bytes) -> None:
    (event,) = crypto.decode(data, AT)
    assert reason(event) in ("json", "shape")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["T", "S", "p", "s", "t", "i", "x", "tks", "bp", "bs", "ap", "as", "b", "a", "r", "o", "code"])


@given(st.binary(max_size=200))
@example(frame(*ROWS)[:-1])
def test_no_bytes_make_it_fail(data: bytes) -> None:
    codec = alpaca.venue().codec
    codec.list([alpaca.instrument()])
    assert all(isinstance(event, Quarantined | Ignored | Acknowledged) for event in codec.decode(data, AT))


@given(st.sampled_from(ROWS), st.dictionaries(FIELDS, JSON, max_size=3))
def test_no_change_of_a_row_makes_it_fail(row: bytes, changes: dict[str, Any]) -> None:
    codec = alpaca.venue().codec
    codec.list([alpaca.instrument()])
    altered = msgspec.json.encode([msgspec.json.decode(row) | changes])
    (event,) = codec.decode(altered, AT)
    if isinstance(event, Quote):
        assert event.bid > 0
        assert event.ask > 0
    if isinstance(event, Trade):
        assert event.price > 0
