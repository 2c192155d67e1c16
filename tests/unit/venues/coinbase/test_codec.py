"""Exchange's public messages: what each becomes, how a loss is noticed, and that nothing makes the codec fail."""

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrated_trading_system.domain.health import BookBroken, Quarantined
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Quote, Statistics, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.machine import BookMachine, Outcome
from integrated_trading_system.venues.coinbase.codec import ExchangeCodec
from integrated_trading_system.venues.coinbase.streams.numbers import AFTER_QUOTES
from integrated_trading_system.venues.coinbase.wire import ITEMS_MAX, moment, written
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, Pong, StreamRestarted, VenueEvent
from tests.support import coinbase
from tests.support.coinbase import message

AT = Nanos(7)
BTC = InstrumentId("coinbase:exchange:BTC-USD")
ETH = InstrumentId("coinbase:exchange:ETH-USD")
NOON = "2026-04-07T12:00:00.000001Z"
NOON_NS = 1_775_563_200_000_001_000

TICKER: dict[str, Any] = {
    "type": "ticker",
    "sequence": 50978628538,
    "product_id": "BTC-USD",
    "price": "17165.16",
    "open_24h": "16437.94",
    "volume_24h": "42492.05081975",
    "low_24h": "16423.37",
    "high_24h": "17259.37",
    "volume_30d": "1093827.95195495",
    "best_bid": "17165.15",
    "best_bid_size": "0.61540890",
    "best_ask": "17167.76",
    "best_ask_size": "0.18528568",
    "side": "sell",
    "time": NOON,
    "trade_id": 463751434,
    "last_size": "0.05",
}
MATCH: dict[str, Any] = {
    "type": "match",
    "trade_id": 10,
    "maker_order_id": "ac928c66",
    "taker_order_id": "132fb6ae",
    "side": "sell",
    "size": "5.23512",
    "price": "400.23",
    "product_id": "BTC-USD",
    "sequence": 50,
    "time": NOON,
}
HEARTBEAT: dict[str, Any] = {
    "type": "heartbeat",
    "last_trade_id": 10,
    "product_id": "BTC-USD",
    "sequence": 90,
    "time": NOON,
}
SNAPSHOT: dict[str, Any] = {
    "type": "snapshot",
    "product_id": "BTC-USD",
    "asks": [["101.5", "0.5"], ["102", "3"]],
    "bids": [["101", "0.45054140"]],
    "time": NOON,
}
UPDATE: dict[str, Any] = {
    "type": "l2update",
    "product_id": "BTC-USD",
    "changes": [["buy", "101", "0.00000000"], ["sell", "101.6", "2"]],
    "time": "2026-04-07T12:00:00.000002Z",
}
FRAMES = [message(each) for each in (TICKER, MATCH, HEARTBEAT, SNAPSHOT, UPDATE)]


def codec() -> Codec:
    made = coinbase.venue("exchange").codec
    made.list([coinbase.instrument("exchange", "BTC-USD"), coinbase.instrument("exchange", "ETH-USD")])
    return made


def decode(codec: Codec, content: dict[str, Any], **changed: Any) -> list[VenueEvent]:
    return list(codec.decode(message(content | changed), AT))


def kinds(events: list[VenueEvent]) -> list[type]:
    return [type(event) for event in events]


# -- what each message becomes -------------------------------------------------------------------


def test_a_ticker_is_the_best_prices_and_the_days_figures() -> None:
    change = pytest.approx((17165.16 / 16437.94 - 1) * 100)
    assert decode(codec(), TICKER) == [
        Statistics(BTC, 17165.16, 42492.05081975, 0.0, change, Nanos(NOON_NS), AT),  # type: ignore[arg-type] # approx
        Quote(BTC, 17165.15, 0.6154089, 17167.76, 0.18528568, NOON_NS, Nanos(NOON_NS), AT),
    ]


def test_a_ticker_that_tells_no_sizes_is_no_quote() -> None:
    old = {key: value for key, value in TICKER.items() if not key.endswith("_size")}
    assert kinds(decode(codec(), old)) == [Statistics]


def test_a_ticker_without_a_time_is_no_quote() -> None:
    assert kinds(decode(codec(), {key: value for key, value in TICKER.items() if key != "time"})) == [Statistics]
    assert kinds(decode(codec(), TICKER, time="0001-01-01T00:00:00.000000Z", open_24h="0")) == [Ignored]


def test_the_same_ticker_from_two_channels_is_one_quote() -> None:
    one = codec()
    assert kinds(decode(one, TICKER)) == [Statistics, Quote]
    assert kinds(decode(one, TICKER)) == [Statistics]
    assert decode(one, TICKER, open_24h="0") == [Ignored("repeated")]


def test_tickers_of_one_microsecond_grow_in_the_order_of_their_sequence() -> None:
    one = codec()
    quotes = [decode(one, TICKER, sequence=number)[1] for number in (1, 2, 3)]
    assert [quote.sequence for quote in quotes if isinstance(quote, Quote)] == [NOON_NS, NOON_NS + 1, NOON_NS + 2]


def test_the_side_of_a_match_is_the_makers() -> None:
    assert decode(codec(), MATCH) == [Trade(BTC, "10", 400.23, 5.23512, Side.BUY, Nanos(NOON_NS), AT)]
    (bought,) = decode(codec(), MATCH, side="buy")
    assert isinstance(bought, Trade)
    assert bought.side is Side.SELL


def test_the_match_before_the_subscription_is_no_news() -> None:
    assert decode(codec(), MATCH, type="last_match") == [Ignored("last match")]


def test_a_snapshot_and_a_change_that_continues_it() -> None:
    one = codec()
    (snapshot,) = decode(one, SNAPSHOT)
    assert snapshot == BookSnapshot(
        instrument=BTC,
        bids=[(101.0, 0.4505414)],
        asks=[(101.5, 0.5), (102.0, 3.0)],
        last_sequence=NOON_NS + AFTER_QUOTES,
        resume_from=NOON_NS + AFTER_QUOTES + 1,
        order=NOON_NS + AFTER_QUOTES,
        venue_time=Nanos(NOON_NS),
        received_at=AT,
        in_stream=True,
    )
    (delta,) = decode(one, UPDATE)
    number = NOON_NS + 1000 + AFTER_QUOTES
    assert delta == BookDelta(
        BTC,
        [(101.0, 0.0)],
        [(101.6, 2.0)],
        NOON_NS + AFTER_QUOTES + 1,
        number,
        NOON_NS + AFTER_QUOTES,
        number,
        Nanos(NOON_NS + 1000),
        AT,
    )


def test_a_book_without_times_is_proven_and_goes_on() -> None:
    one, machine = codec(), BookMachine(10)
    untimed = {key: value for key, value in SNAPSHOT.items() if key != "time"}
    (snapshot,) = decode(one, untimed)
    assert isinstance(snapshot, BookSnapshot)
    assert machine.snapshot(snapshot) is Outcome.APPLIED
    for text in ("0001-01-01T00:00:00.000000Z", NOON, NOON, "0001-01-01T00:00:00.000000Z"):
        changes = decode(one, UPDATE, time=text)
        assert isinstance(changes[0], BookDelta)
        assert machine.delta(changes[0]) is Outcome.APPLIED
        assert changes[0].venue_time in (0, NOON_NS)


@pytest.mark.parametrize(
    ("content", "event"),
    [
        ({"type": "subscriptions", "channels": []}, Acknowledged("", ok=True)),
        (
            {"type": "error", "message": "Failed to subscribe", "reason": "BTC-XYZ is not a valid product"},
            Acknowledged("", ok=False, detail="Failed to subscribe: BTC-XYZ is not a valid product"),
        ),
        ({"type": "status", "products": []}, Ignored("status")),
        ({"type": "auction", "product_id": "BTC-USD"}, Ignored("type")),
        (UPDATE | {"product_id": "DOGE-USD"}, Ignored("symbol")),
        (TICKER | {"product_id": "DOGE-USD"}, Ignored("symbol")),
        (MATCH | {"product_id": "DOGE-USD"}, Ignored("symbol")),
        (MATCH | {"type": "last_match", "product_id": "DOGE-USD"}, Ignored("symbol")),
        (SNAPSHOT | {"product_id": "DOGE-USD"}, Ignored("symbol")),
        (HEARTBEAT, Pong()),
    ],
)
def test_everything_else_is_told_for_what_it_is(content: dict[str, Any], event: VenueEvent) -> None:
    assert decode(codec(), content) == [event]


def test_blanks_and_another_order_of_keys_change_nothing() -> None:
    frame = msgspec.json.format(message(dict(reversed(UPDATE.items()))), indent=2)
    assert kinds(list(codec().decode(frame, AT))) == [BookDelta]


def test_a_new_list_of_symbols_forgets_nothing_of_those_that_stay() -> None:
    one = codec()
    assert isinstance(one, ExchangeCodec)
    decode(one, SNAPSHOT)
    one.list([coinbase.instrument("exchange", "BTC-USD")])
    (delta,) = decode(one, UPDATE)
    assert isinstance(delta, BookDelta)
    assert delta.previous_sequence == NOON_NS + AFTER_QUOTES
    assert decode(one, MATCH, product_id="ETH-USD") == [Ignored("symbol")]


# -- what was lost -------------------------------------------------------------------------------


def lost(events: list[VenueEvent]) -> list[tuple[InstrumentId, str, int, int]]:
    """Which books are told to be broken, each once its streams were begun anew."""
    broken = [event for event in events if isinstance(event, BookBroken)]
    restarted = [event.instrument for event in events if isinstance(event, StreamRestarted)]
    assert restarted == [event.instrument for event in broken]
    return [(event.instrument, event.reason, event.expected, event.received) for event in broken]


def test_a_match_that_skips_an_id_proves_that_the_connection_lost_messages() -> None:
    one = codec()
    decode(one, SNAPSHOT)
    decode(one, MATCH)
    events = decode(one, MATCH, trade_id=13)
    assert lost(events) == [(BTC, "trade-id", 11, 13)]
    assert kinds(events)[-1] is Trade
    assert kinds(decode(one, MATCH, trade_id=14)) == [Trade]
    assert kinds(decode(one, MATCH, trade_id=12)) == [Trade]  # late or repeated: not skipped


def test_where_no_book_is_kept_only_the_streams_begin_anew() -> None:
    one = codec()
    decode(one, MATCH)
    assert kinds(decode(one, MATCH, trade_id=12)) == [StreamRestarted, Trade]


def test_a_heartbeat_may_overtake_a_match_but_not_by_a_second() -> None:
    one = codec()
    decode(one, SNAPSHOT)
    decode(one, MATCH)
    assert decode(one, HEARTBEAT, last_trade_id=11) == [Pong()]
    decode(one, MATCH, trade_id=11)
    assert decode(one, HEARTBEAT, last_trade_id=12) == [Pong()]
    assert lost(decode(one, HEARTBEAT, last_trade_id=12)) == [(BTC, "trade-id", 12, 12)]
    assert decode(one, HEARTBEAT, last_trade_id=12) == [Pong()]


def test_a_heartbeat_proves_nothing_where_no_matches_are_subscribed() -> None:
    one = codec()
    assert [decode(one, HEARTBEAT, last_trade_id=number) for number in (5, 9, 20)] == [[Pong()]] * 3


def test_subscribing_anew_counts_trades_from_the_last_one_on() -> None:
    one = codec()
    decode(one, MATCH)
    decode(one, MATCH, type="last_match", trade_id=50)
    assert kinds(decode(one, MATCH, trade_id=51)) == [Trade]


def test_a_change_stamped_before_the_last_one_is_not_applied() -> None:
    one = codec()
    decode(one, SNAPSHOT, time="2026-04-07T12:00:01Z")
    (found,) = lost(decode(one, UPDATE))
    assert found[:2] == (BTC, "stamp")


def test_an_unreadable_change_breaks_the_book_it_names() -> None:
    one = codec()
    for product in ("BTC-USD", "ETH-USD"):
        decode(one, SNAPSHOT, product_id=product)
    events = decode(one, UPDATE, changes=[["buy", "-101", "1"]])
    assert [name for name, *_ in lost(events)] == [BTC]
    assert isinstance(events[-1], Quarantined)
    assert events[-1].reason == "price"


def test_an_unreadable_message_about_nobody_knows_whom_breaks_every_book() -> None:
    one = codec()
    for product in ("BTC-USD", "ETH-USD"):
        decode(one, SNAPSHOT, product_id=product)
    assert [name for name, *_ in lost(list(one.decode(b'{"type":"l2upd', AT)))] == [BTC, ETH]


def test_an_unreadable_message_is_kept_with_a_word_for_what_is_wrong() -> None:
    damaged = {
        "price": message(MATCH | {"price": "0"}),
        "size": message(MATCH | {"size": "-1"}),
        "shape": message(MATCH | {"side": "both"}),
        "json": message(MATCH)[:-1],
        "oversized": message(UPDATE | {"changes": [["buy", "1", "1"]] * (ITEMS_MAX + 1)}),
    }
    for reason, frame in damaged.items():
        event = codec().decode(frame, AT)[-1]
        assert isinstance(event, Quarantined)
        assert (event.reason, event.frame) == (reason, frame)


def test_a_heartbeat_of_a_symbol_that_nobody_listed_is_a_sign_of_life() -> None:
    assert decode(codec(), HEARTBEAT, product_id="DOGE-USD") == [Pong()]


def test_an_older_ticker_with_a_newer_sequence_does_not_overtake() -> None:
    one = codec()
    decode(one, TICKER)
    (_, quote) = decode(one, TICKER, sequence=TICKER["sequence"] + 1, time="2026-04-07T11:59:59Z")
    assert isinstance(quote, Quote)
    assert quote.sequence < NOON_NS


def test_an_unreadable_ticker_breaks_no_book() -> None:
    one = codec()
    decode(one, SNAPSHOT)
    assert kinds(decode(one, TICKER, price="nan")) == [Quarantined]


# -- times ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        (NOON, NOON_NS),
        ("2019-08-14T20:42:27.265Z", 1_565_815_347_265_000_000),
        ("2014-11-07T08:19:27Z", 1_415_348_367_000_000_000),
        ("2023-06-23T20:31:26.122969572Z", 1_687_552_286_122_969_572),
        ("2014-11-07T08:19:27+00:00", 1_415_348_367_000_000_000),
        ("0001-01-01T00:00:00.000000Z", 0),
    ],
)
def test_a_time_is_read_to_the_nanosecond(text: str, nanos: int) -> None:
    assert moment(text) == nanos


@pytest.mark.parametrize(
    "text", ["", "now", "2014-11-07", "2014-11-07T08:19:27", "2014-13-07T08:19:27Z", NOON + "x", "9999-01-01T00:00:00Z"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        moment(text)


@given(st.integers(0, 2**62 - 1))
def test_a_written_time_is_read_back_to_the_microsecond(nanos: int) -> None:
    assert moment(written(Nanos(nanos))) == nanos // 1000 * 1000


# -- whatever comes ------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.binary(max_size=200))
@example(b'{"type":"l2update"')
@example(b"[" * 100_000)
def test_random_bytes_yield_events_and_no_exception(frame: bytes) -> None:
    assert codec().decode(frame, AT)


@given(st.sampled_from(FRAMES), st.integers(0, 600), st.integers(0, 5), st.binary(max_size=6))
def test_a_damaged_frame_is_decoded_or_quarantined_but_never_raises(
    frame: bytes, at: int, removed: int, inserted: bytes
) -> None:
    at %= len(frame)
    for event in codec().decode(frame[:at] + inserted + frame[at + removed :], AT):
        if isinstance(event, Quote):
            assert 0 < event.bid < 1e15
            assert 0 < event.ask_size <= 1e15
        elif isinstance(event, BookDelta | BookSnapshot):
            assert all(price > 0 and size >= 0 for price, size in event.bids + event.asks)
        elif isinstance(event, Trade):
            assert 0 < event.price < 1e15


@given(st.sampled_from(FRAMES), st.data())
def test_a_field_of_any_type_never_raises(frame: bytes, data: st.DataObject) -> None:
    content = msgspec.json.decode(frame)
    content[data.draw(st.sampled_from(sorted(content)))] = data.draw(json_values)
    assert codec().decode(message(content), AT)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=30))
def test_changes_in_the_venues_order_never_make_a_gap(steps: list[tuple[int, bool]]) -> None:
    one, machine = codec(), BookMachine(10)
    at = NOON_NS
    for microseconds, again in [(0, True), *steps]:
        at += microseconds * 1000
        text = written(Nanos(at))
        (event,) = decode(one, SNAPSHOT, time=text) if again else decode(one, UPDATE, time=text)
        take = machine.snapshot if isinstance(event, BookSnapshot) else machine.delta
        assert take(event) is Outcome.APPLIED  # type: ignore[arg-type] # the one that fits
        assert machine.order >= at
