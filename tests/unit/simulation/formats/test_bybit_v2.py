"""Captures of Bybit's second interface are told in the words of the fifth, every price with its text."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.simulation.capture import Kind, Line
from integrated_trading_system.simulation.formats import in_todays_words
from integrated_trading_system.simulation.formats.bybit_v2 import BybitV2

BOOK = "orderBookL2_25.BTCUSD"


def line(message: Any, kind: Kind = Kind.FRAME) -> Line:
    return Line(Nanos(5), kind, "", message if isinstance(message, bytes) else msgspec.json.encode(message))


def told(message: Any, translate: BybitV2 | None = None) -> Any:
    return msgspec.json.decode((translate or BybitV2())(line(message)).payload)


def row(price: str, side: str, size: float | None = None) -> dict[str, Any]:
    found = {"price": price, "symbol": "BTCUSD", "id": int(float(price) * 10_000), "side": side}
    return found if size is None else found | {"size": size}


def snapshot(*rows: dict[str, Any]) -> dict[str, Any]:
    return {
        "topic": BOOK,
        "type": "snapshot",
        "data": list(rows),
        "cross_seq": 5938954546,
        "timestamp_e6": 1618677785397906,
    }


def delta(**parts: list[dict[str, Any]]) -> dict[str, Any]:
    content = {"delete": [], "update": [], "insert": [], "transactTimeE6": 0} | parts
    return {
        "topic": BOOK,
        "type": "delta",
        "data": content,
        "cross_seq": 5938954547,
        "timestamp_e6": 1618677785417939,
    }


def test_a_book_keeps_its_text_and_gets_a_number() -> None:
    message = told(snapshot(row("60591.00", "Buy", 14431), row("60591.50", "Sell", 0.25)))
    assert message == {
        "topic": "orderbook.50.BTCUSD",
        "type": "snapshot",
        "ts": 1618677785397,
        "data": {"s": "BTCUSD", "b": [["60591.00", "14431"]], "a": [["60591.50", "0.25"]], "u": 2, "seq": 5938954546},
    }


def test_changes_continue_the_book_and_what_is_deleted_has_no_size() -> None:
    translate = BybitV2()
    translate(line(snapshot(row("60591.00", "Buy", 1), row("60592.00", "Sell", 1))))
    first = delta(
        delete=[row("60591.00", "Buy")], update=[row("60592.00", "Sell", 5)], insert=[row("60590.00", "Buy", 2)]
    )
    data = told(first, translate)["data"]
    assert data["b"] == [["60591.00", "0"], ["60590.00", "2"]]
    assert (data["a"], data["u"]) == ([["60592.00", "5"]], 3)
    assert told(delta(), translate)["data"]["u"] == 4


def test_a_price_that_changes_its_side_leaves_the_other() -> None:
    """A level was known by its price alone."""
    translate = BybitV2()
    translate(line(snapshot(row("60591.00", "Buy", 1), row("60592.00", "Sell", 1))))
    data = told(delta(update=[row("60591.00", "Sell", 3)]), translate)["data"]
    assert (data["b"], data["a"]) == ([["60591.00", "0"]], [["60591.00", "3"]])
    data = told(delta(delete=[row("60591.00", "Sell")], insert=[row("60591.00", "Buy", 3)]), translate)["data"]
    assert (data["b"], data["a"]) == ([["60591.00", "3"]], [["60591.00", "0"]])


def test_the_linear_spelling_of_the_same_fields_is_read_too() -> None:
    content = {"order_book": [row("1.5", "Buy", 2)]}
    message = told(
        {"topic": BOOK, "type": "snapshot", "data": content, "crossSeq": "7", "timestampE6": "1655804279360632"}
    )
    assert (message["data"]["seq"], message["ts"]) == (7, 1655804279360)


@pytest.mark.parametrize(
    ("time", "expected"),
    [({"trade_time_ms": "1618677780476"}, 1618677780476), ({"timestamp": "2021-04-17T16:43:00.000Z"}, 1618677780000)],
)
def test_a_trade_is_told_with_its_own_time(time: dict[str, str], expected: int) -> None:
    trade = {"symbol": "LTCUSDT", "price": 313.14, "size": 0.6, "side": "Sell", "trade_id": "55e1"} | time
    message = told({"topic": "trade.LTCUSDT", "data": [trade]})
    assert (message["topic"], message["ts"]) == ("publicTrade.LTCUSDT", expected)
    assert message["data"] == [
        {"T": expected, "s": "LTCUSDT", "S": "Sell", "v": "0.6", "p": "313.14", "i": "55e1", "BT": False}
    ]


@pytest.mark.parametrize(
    "message",
    [
        {"success": True, "ret_msg": "", "request": {"op": "subscribe"}},
        {"topic": "instrument_info.100ms.BTCUSD", "type": "delta", "data": {}},
        {"topic": "orderbook.50.BTCUSD", "type": "delta", "ts": 1, "data": {}},
        {"topic": "publicTrade.BTCUSD", "ts": 1, "data": []},
        {"topic": BOOK, "type": "delta", "data": {"delete": []}},
        {"topic": BOOK, "type": "snapshot", "data": [{"price": "1", "side": "Up"}]},
        {"topic": "trade.BTCUSD", "data": []},
        {"topic": 5},
        [],
        b'{"torn',
    ],
)
def test_what_is_not_understood_stays_for_the_codec_to_judge(message: Any) -> None:
    given_line = line(message)
    assert BybitV2()(given_line) == given_line


def test_only_frames_are_translated() -> None:
    sent = line(snapshot(row("1.5", "Buy", 2)), Kind.SENT)
    assert list(in_todays_words(VenueId("bybit:linear"), [sent])) == [sent]
    (changed,) = in_todays_words(VenueId("bybit:linear"), [line(snapshot(row("1.5", "Buy", 2)))])
    assert b"orderbook.50." in changed.payload


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["data", "delete", "update", "insert", "price", "side"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(content=json_values, topic=st.sampled_from([BOOK, "trade.BTCUSD"]), kind=st.sampled_from(["snapshot", "delta"]))
def test_no_message_makes_the_translation_fail(content: Any, topic: str, kind: str) -> None:
    BybitV2()(line({"topic": topic, "type": kind, "data": content, "cross_seq": 1, "timestamp_e6": 1}))
