"""Advanced Trade's public messages: what each becomes, and that a missing one is noticed on its connection."""

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from integrated_trading_system.domain.health import BookBroken, Quarantined
from integrated_trading_system.domain.ids import InstrumentId
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Candle, Quote, Statistics, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.feed.machine import BookMachine, Outcome
from integrated_trading_system.venues.coinbase.streams.numbers import AFTER_QUOTES, CONNECTIONS_MAX, FORGOTTEN_AFTER
from integrated_trading_system.venues.coinbase.wire import moment
from integrated_trading_system.venues.venue import Acknowledged, Codec, Ignored, Pong, StreamRestarted, VenueEvent
from tests.support import coinbase
from tests.support.coinbase import advanced, books

AT = Nanos(7)
BTC, USDC, ETH = (InstrumentId(f"coinbase:advanced:{symbol}") for symbol in ("BTC-USD", "BTC-USDC", "ETH-USD"))
STAMP = "2026-04-07T14:30:01.456789Z"
NUMBER = moment(STAMP)

SNAPSHOT = books("snapshot", "BTC-USD", ("bid", "100", "1.5"), ("offer", "101", "0.5"), ("offer", "102", "3"))
UPDATE = books("update", "BTC-USD", ("bid", "100.5", "2"), ("offer", "101", "0.00000000"))
TICKER: dict[str, Any] = {
    "type": "update",
    "tickers": [
        {
            "type": "ticker",
            "product_id": "BTC-USD",
            "price": "100.25",
            "volume_24_h": "15328.5",
            "price_percent_chg_24_h": "-1.85",
            "best_bid": "100",
            "best_bid_quantity": "1.5",
            "best_ask": "101",
            "best_ask_quantity": "0.5",
        }
    ],
}
TRADE = {"trade_id": "9", "product_id": "BTC-USD", "price": "100", "size": "2", "side": "SELL", "time": STAMP}
TRADES = {"type": "update", "trades": [TRADE | {"trade_id": "10", "side": "BUY"}, TRADE]}
CANDLES = {
    "type": "snapshot",
    "candles": [
        {
            "start": str(start),
            "high": "4",
            "low": "1",
            "open": "2",
            "close": "3",
            "volume": "42",
            "product_id": "BTC-USD",
        }
        for start in (1775572200, 1775571900)
    ],
}
FRAMES = [
    advanced("l2_data", 0, SNAPSHOT),
    advanced("l2_data", 0, UPDATE),
    advanced("ticker", 0, TICKER),
    advanced("market_trades", 0, TRADES),
    advanced("candles", 0, CANDLES),
]


def codec(*symbols: str) -> Codec:
    made = coinbase.venue("advanced").codec
    made.list([coinbase.instrument("advanced", symbol) for symbol in symbols or ("BTC-USD", "ETH-USD")])
    return made


def kinds(events: Any) -> list[type]:
    return [type(event) for event in events]


def test_a_snapshot_and_a_change_that_continues_it() -> None:
    one, machine = codec(), BookMachine(10)
    (snapshot,) = one.decode(advanced("l2_data", 0, SNAPSHOT), AT)
    assert isinstance(snapshot, BookSnapshot)
    assert (snapshot.bids, snapshot.asks) == ([(100.0, 1.5)], [(101.0, 0.5), (102.0, 3.0)])
    assert (snapshot.in_stream, snapshot.venue_time, snapshot.order) == (True, NUMBER, NUMBER + AFTER_QUOTES)
    (delta,) = one.decode(advanced("l2_data", 1, UPDATE), AT)
    assert isinstance(delta, BookDelta)
    assert (delta.bids, delta.asks, delta.venue_time) == ([(100.5, 2.0)], [(101.0, 0.0)], NUMBER)
    assert machine.snapshot(snapshot) is machine.delta(delta) is Outcome.APPLIED
    assert machine.top == (100.5, 2.0, 102.0, 3.0)


def test_a_ticker_is_the_days_figures_and_the_best_prices() -> None:
    assert codec().decode(advanced("ticker", 0, TICKER), AT) == [
        Statistics(BTC, 100.25, 15328.5, 0.0, -1.85, NUMBER, AT),
        Quote(BTC, 100.0, 1.5, 101.0, 0.5, NUMBER, NUMBER, AT),
    ]


def test_a_ticker_of_the_batch_has_no_best_prices() -> None:
    row = {"product_id": "BTC-USD", "price": "100.25", "volume_24_h": "1", "price_percent_chg_24_h": "0"}
    assert kinds(codec().decode(advanced("ticker_batch", 0, {"tickers": [row]}), AT)) == [Statistics]


def test_trades_are_told_oldest_first_with_the_side_of_the_taker() -> None:
    assert codec().decode(advanced("market_trades", 0, TRADES), AT) == [
        Trade(BTC, "9", 100.0, 2.0, Side.BUY, NUMBER, AT),
        Trade(BTC, "10", 100.0, 2.0, Side.SELL, NUMBER, AT),
    ]


def test_trades_from_before_the_subscription_are_no_news() -> None:
    assert codec().decode(advanced("market_trades", 0, TRADES | {"type": "snapshot"}), AT) == [Ignored("past trades")]


def test_a_candle_is_closed_once_the_venues_clock_has_passed_its_end() -> None:
    first, second = codec().decode(advanced("candles", 0, CANDLES, at="2026-04-07T14:34:59Z"), AT)
    assert isinstance(first, Candle)
    assert isinstance(second, Candle)
    assert (first.opened_at, first.closed) == (1775571900 * SECOND, True)
    assert (second.opened_at, second.closed, second.interval) == (1775572200 * SECOND, False, "5m")
    assert (first.open, first.high, first.low, first.close, first.volume, first.trades) == (2, 4, 1, 3, 42, 0)


def test_what_comes_under_the_dollars_id_is_the_book_of_the_dollar_coin_too() -> None:
    one = codec("BTC-USD", "BTC-USDC", "USDT-USDC")
    events = one.decode(advanced("l2_data", 0, SNAPSHOT), AT)
    assert [event.instrument for event in events if isinstance(event, BookSnapshot)] == [BTC, USDC]
    alone = codec("BTC-USDC").decode(advanced("ticker", 0, TICKER), AT)
    assert [event.instrument for event in alone if isinstance(event, Quote)] == [USDC]
    assert one.decode(advanced("l2_data", 1, SNAPSHOT | {"product_id": "USDT-USD"}), AT) == [Ignored("symbol")]


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (advanced("subscriptions", 0, {"subscriptions": {"level2": ["BTC-USD"]}}), Acknowledged("", ok=True)),
        (b'{"type":"error","message":"authentication failure"}', Acknowledged("", False, "authentication failure")),
        (advanced("heartbeats", 0, {"current_time": "2026-04-07 14:30:10 +0000 UTC m=+9"}), Pong()),
        (advanced("status", 0, {"products": []}), Ignored("channel")),
        (advanced("l2_data", 0, SNAPSHOT | {"product_id": "DOGE-USD"}), Ignored("symbol")),
    ],
)
def test_everything_else_is_told_for_what_it_is(frame: bytes, event: VenueEvent) -> None:
    assert list(codec().decode(frame, AT)) == [event]


# -- what was lost -------------------------------------------------------------------------------


def test_a_missing_number_breaks_everything_that_the_connection_brought() -> None:
    one = codec()
    one.decode(advanced("l2_data", 0, SNAPSHOT), AT)
    one.decode(advanced("ticker", 1, {"tickers": [TICKER["tickers"][0] | {"product_id": "ETH-USD"}]}), AT)
    events = one.decode(advanced("heartbeats", 4, {"heartbeat_counter": 42}), AT)
    assert events == (
        StreamRestarted(BTC),
        BookBroken(BTC, "sequence", 2, 4, AT),
        StreamRestarted(ETH),
        Pong(),
    )
    assert one.decode(advanced("heartbeats", 5), AT) == (Pong(),)


def test_every_channel_counts() -> None:
    one = codec()
    for number, channel in enumerate(("subscriptions", "l2_data", "heartbeats", "status", "ticker")):
        assert StreamRestarted not in kinds(one.decode(advanced(channel, number), AT))


def test_a_new_connection_counts_from_zero_and_the_one_before_it_is_soon_forgotten() -> None:
    one = codec()
    for number in (0, 1, 2):
        one.decode(advanced("l2_data", number, SNAPSHOT), AT)
    later = Nanos(AT + FORGOTTEN_AFTER + 1)
    for number in (0, 1, 3):  # 3 is what the first one would have gone on with
        found = one.decode(advanced("l2_data", number, SNAPSHOT), later)
        assert (StreamRestarted in kinds(found)) is (number == 3)


def test_two_connections_are_counted_apart() -> None:
    one = codec()
    for number in (0, 1, 2, 3, 0, 4, 1, 5, 2, 6):
        assert StreamRestarted not in kinds(one.decode(advanced("l2_data", number, SNAPSHOT), AT))


def test_a_connection_that_was_silent_for_long_still_owes_what_it_lost() -> None:
    one = codec()
    one.decode(advanced("l2_data", 0, SNAPSHOT), AT)
    later = Nanos(AT + 100 * FORGOTTEN_AFTER)
    assert StreamRestarted in kinds(one.decode(advanced("l2_data", 7, SNAPSHOT), later))


def test_a_message_that_comes_twice_or_late_is_of_the_connection_that_it_came_by() -> None:
    one = codec()
    one.decode(advanced("l2_data", 0, SNAPSHOT), AT)
    for number in (1, 1, 2):
        assert kinds(one.decode(advanced("l2_data", number, UPDATE), AT)) == [BookDelta]
    assert kinds(one.decode(advanced("l2_data", 4, UPDATE), AT)) == [StreamRestarted, BookBroken, BookDelta]
    assert kinds(one.decode(advanced("l2_data", 3, UPDATE), AT)) == [BookDelta]
    assert kinds(one.decode(advanced("heartbeats", 6), AT)) == [StreamRestarted, BookBroken, Pong]


def test_a_capture_that_begins_in_the_middle_is_taken_as_it_is() -> None:
    one = codec()
    assert kinds(one.decode(advanced("l2_data", 500, SNAPSHOT), AT)) == [BookSnapshot]
    assert kinds(one.decode(advanced("l2_data", 501, UPDATE), AT)) == [BookDelta]


def test_no_number_of_connections_fills_the_memory() -> None:
    one = codec()
    for _ in range(10 * CONNECTIONS_MAX):
        one.decode(advanced("heartbeats", 0), AT)
    assert len(one._connections._all) <= CONNECTIONS_MAX + 1  # type: ignore[attr-defined] # what it keeps


def test_an_unreadable_change_breaks_the_book_it_names() -> None:
    one = codec()
    for number, product in enumerate(("BTC-USD", "ETH-USD")):
        one.decode(advanced("l2_data", number, SNAPSHOT | {"product_id": product}), AT)
    events = one.decode(advanced("l2_data", 2, books("update", "ETH-USD", ("ask", "1", "1"))), AT)
    assert kinds(events) == [StreamRestarted, BookBroken, Quarantined]
    assert isinstance(events[0], StreamRestarted)
    assert events[0].instrument == ETH
    both = one.decode(advanced("l2_data", 3, {"type": "update"}), AT)
    assert kinds(both) == [StreamRestarted, BookBroken] * 2 + [Quarantined]


def test_an_unreadable_envelope_shows_at_the_next_message() -> None:
    one = codec()
    one.decode(advanced("l2_data", 0, SNAPSHOT), AT)
    assert kinds(one.decode(advanced("l2_data", 1, UPDATE)[:-1], AT)) == [Quarantined]
    assert kinds(one.decode(advanced("l2_data", 2, UPDATE), AT)) == [StreamRestarted, BookBroken, BookDelta]


def test_a_new_list_of_symbols_forgets_nothing_of_those_that_stay() -> None:
    one = codec()
    one.decode(advanced("l2_data", 0, SNAPSHOT), AT)
    one.list([coinbase.instrument("advanced", "BTC-USD")])
    (delta,) = one.decode(advanced("l2_data", 1, UPDATE), AT)
    assert isinstance(delta, BookDelta)
    assert delta.previous_sequence == NUMBER + AFTER_QUOTES


# -- whatever comes ------------------------------------------------------------------------------


@given(st.binary(max_size=200))
@example(b"[" * 100_000)
def test_random_bytes_yield_events_and_no_exception(frame: bytes) -> None:
    assert codec().decode(frame, AT)


@given(st.sampled_from(FRAMES), st.integers(0, 600), st.integers(0, 5), st.binary(max_size=6))
def test_a_damaged_frame_is_decoded_or_quarantined_but_never_raises(
    frame: bytes, at: int, removed: int, inserted: bytes
) -> None:
    at %= len(frame)
    for event in codec().decode(frame[:at] + inserted + frame[at + removed :], AT):
        if isinstance(event, BookDelta | BookSnapshot):
            assert all(price > 0 and size >= 0 for price, size in event.bids + event.asks)


@given(st.sampled_from(FRAMES), st.data())
def test_a_field_of_any_type_never_raises(frame: bytes, data: st.DataObject) -> None:
    content = msgspec.json.decode(frame)
    place = data.draw(st.sampled_from([content, content["events"][0]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.integers(), max_size=2)
    )
    assert codec().decode(coinbase.message(content), AT)
