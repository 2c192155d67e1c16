"""Captures of Kraken's first protocol are told in the words of the second, every number with its text."""

from typing import Any
from zlib import crc32

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.capture import Kind, Line
from integrated_trading_system.simulation.formats import in_todays_words
from integrated_trading_system.simulation.formats.kraken_v1 import KrakenV1

TEXT = msgspec.json.Decoder(float_hook=str)


def line(message: Any, kind: Kind = Kind.FRAME) -> Line:
    return Line(Nanos(5), kind, "", message if isinstance(message, bytes) else msgspec.json.encode(message))


def told(message: Any) -> Any:
    """Its floats as they are printed."""
    return TEXT.decode(KrakenV1()(line(message)).payload)


def test_a_snapshot_keeps_its_text_and_gets_its_own_checksum() -> None:
    sides = {
        "as": [["0.000022900", "13355.87450757", "1618678123.481570"]],
        "bs": [["0.000022880", "10.00000000", "1618678132.136369"], ["0.000022870", "9.50", "1618678100.000000"]],
    }
    message = told([1360, sides, "book-1000", "ADA/XBT"])
    assert (message["channel"], message["type"]) == ("book", "snapshot")
    assert message["data"] == [
        {
            "symbol": "ADA/BTC",
            "bids": [{"price": "0.000022880", "qty": "10.00000000"}, {"price": "0.000022870", "qty": "9.50"}],
            "asks": [{"price": "0.000022900", "qty": "13355.87450757"}],
            "checksum": crc32(b"229001335587450757" + b"228801000000000" + b"22870950"),
            "timestamp": "2021-04-17T16:48:52.136369Z",
        }
    ]


def test_a_change_in_two_parts_is_one_with_the_recorded_checksum() -> None:
    asks = [["5541.30000", "2.50700000", "1534614248.456738"]]
    bids = [["5541.20000", "0.00000000", "1534614248.765567", "r"]]
    message = told([0, {"a": asks}, {"b": bids, "c": "974942666"}, "book-10", "XBT/USD"])
    (row,) = message["data"]
    assert message["type"] == "update"
    assert row["asks"] == [{"price": "5541.30000", "qty": "2.50700000"}]
    assert row["bids"] == [{"price": "5541.20000", "qty": "0.00000000"}]
    assert (row["checksum"], row["timestamp"]) == (974942666, "2018-08-18T17:44:08.765567Z")


def test_trades_get_numbers_that_grow() -> None:
    translate = KrakenV1()
    same = ["5541.20000", "0.15850568", "1534614057.321597", "s", "l", ""]
    message = [0, [same, same, ["6060.00000", "0.02455000", "1534614057.324998", "b", "m", ""]], "trade", "XBT/USD"]
    rows = TEXT.decode(translate(line(message)).payload)["data"]
    assert [row["side"] for row in rows] == ["sell", "sell", "buy"]
    assert [row["ord_type"] for row in rows] == ["limit", "limit", "market"]
    numbers = [row["trade_id"] for row in rows]
    again = [row["trade_id"] for row in TEXT.decode(translate(line(message)).payload)["data"]]
    assert numbers + again == sorted(set(numbers + again))
    assert rows[0]["timestamp"] == "2018-08-18T17:40:57.321597Z"


def test_a_ticker_tells_the_last_24_hours_and_has_no_time() -> None:
    row = {
        "a": ["355.24000000", 27, "27.19106411"],
        "b": ["354.32000000", 6, "6.87748868"],
        "c": ["350.00000000", "1.20454360"],
        "v": ["1.0", "33470.74135600"],
        "p": ["355.33503706", "349.16721624"],
        "t": [6481, 10283],
        "l": ["340.88000000", "333.87000000"],
        "h": ["368.00000000", "368.00000000"],
        "o": ["340.88000000", "280.00000000"],
    }
    ((told_row,), channel) = (told([996, row, "ticker", "XMR/USD"])[name] for name in ("data", "channel"))
    assert channel == "ticker"
    assert (told_row["bid"], told_row["ask_qty"], told_row["last"]) == ("354.32000000", "27.19106411", "350.00000000")
    assert (told_row["volume"], told_row["vwap"]) == ("33470.74135600", "349.16721624")
    assert float(told_row["change_pct"]) == 25.0
    assert "timestamp" not in told_row


def test_a_spread_is_a_ticker_with_a_time() -> None:
    message = told(
        [340, ["5698.40000", "5700.00000", "1542057299.545897", "1.01234567", "0.98765432"], "spread", "XBT/USD"]
    )
    (row,) = message["data"]
    assert message["channel"] == "ticker"
    assert (row["bid"], row["bid_qty"], row["ask"], row["ask_qty"]) == (
        "5698.40000",
        "1.01234567",
        "5700.00000",
        "0.98765432",
    )
    assert row["timestamp"] == "2018-11-12T21:14:59.545897Z"


def test_a_candle_is_named_by_its_beginning() -> None:
    candle = ["1542057314.748456", "1542057360.000000", "3586.7", "3586.8", "3586.6", "3586.6", "3586.7", "0.03", 2]
    (row,) = told([42, candle, "ohlc-5", "XBT/USD"])["data"]
    assert (row["interval"], row["interval_begin"]) == (5, "2018-11-12T21:11:00.000000Z")
    assert (row["open"], row["close"], row["vwap"], row["trades"]) == ("3586.7", "3586.6", "3586.7", 2)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"event": "heartbeat"}, {"channel": "heartbeat"}),
        ({"event": "pong"}, {"method": "pong"}),
        (
            {"event": "systemStatus", "status": "online", "connectionID": 5},
            {"channel": "status", "type": "update", "data": [{"system": "online"}]},
        ),
        (
            {
                "event": "subscriptionStatus",
                "pair": "XBT/CHF",
                "status": "subscribed",
                "subscription": {"name": "book", "depth": 1000},
            },
            {
                "method": "subscribe",
                "success": True,
                "result": {"channel": "book", "symbol": "BTC/CHF", "depth": 1000},
            },
        ),
        (
            {"event": "subscriptionStatus", "pair": "XBT/FOO", "status": "error", "errorMessage": "no"},
            {"method": "subscribe", "success": False, "error": "no", "symbol": "BTC/FOO"},
        ),
    ],
)
def test_events_are_told_too(event: dict[str, Any], expected: dict[str, Any]) -> None:
    assert told(event) == expected


@pytest.mark.parametrize(
    "message",
    [
        {"channel": "heartbeat"},
        {"event": "dance"},
        [],
        [5],
        [1, 2, "book-10", "XBT/USD"],
        [1, {"b": [["NaN", "1", "1.0"]], "c": "5"}, "book-10", "XBT/USD"],
        [1, {"b": [["1_0", "1", "1.0"]], "c": "5"}, "book-10", "XBT/USD"],
        [1, {"b": [], "c": "5"}, "book-10", "XBT/USD"],
        [1, [["1.0", "1.0", "x", "b", "l", ""]], "trade", "XBT/USD"],
        [1, {}, "unheard-of", "XBT/USD"],
        b'{"torn',
    ],
)
def test_what_is_not_understood_stays_for_the_codec_to_judge(message: Any) -> None:
    given_line = line(message)
    assert KrakenV1()(given_line) == given_line


def test_only_frames_and_only_of_this_venue_are_translated() -> None:
    heartbeat = {"event": "heartbeat"}
    sent = line(heartbeat, Kind.SENT)
    assert list(in_todays_words(VenueId("kraken:spot"), [sent])) == [sent]
    (changed,) = in_todays_words(VenueId("kraken:spot"), [line(heartbeat)])
    assert changed.payload == b'{"channel":"heartbeat"}'
    assert list(in_todays_words(VenueId("binance:spot"), [line(heartbeat)])) == [line(heartbeat)]


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from("abcoplhv"), inner, max_size=4),
    max_leaves=12,
)


@given(content=json_values, channel=st.sampled_from(["book-10", "trade", "ticker", "spread", "ohlc-5", "ohlc-x"]))
def test_no_message_makes_the_translation_fail(content: Any, channel: str) -> None:
    KrakenV1()(line([1, content, channel, "XBT/USD"]))
