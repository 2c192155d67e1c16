"""Bybit v5 over its wire: public topics."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.bybit.dialect import Bybit, BybitLinear
from integrated_trading_system.simulation.exchange.exchange import Exchange
from tests.support.bybit_exchange import desk, venue
from tests.support.dialect_clients import BybitClient
from tests.support.exchange import KEY, START, customer, linear_listing, rules

PRODUCTS = ("linear", "spot")
BOOK = "orderbook.50.BTCUSDT"


def subscribe(client: BybitClient, link: str, *topics: str) -> list[Any]:
    """On a link of its own; what came, without the acknowledgement."""
    assert client.connect(link, f"/v5/public/{client.category}")
    client.send(link, {"req_id": "r", "op": "subscribe", "args": list(topics)})
    ack, *rest = client.frames(link)
    assert ack["success"] is True
    return rest


class Book:
    """A local book as the venue's documentation says to keep it."""

    def __init__(self) -> None:
        self.bids: dict[str, str] = {}
        self.asks: dict[str, str] = {}
        self.last = 0
        self.sequence = 0

    def take(self, message: Any) -> None:
        data = message["data"]
        if message["type"] == "snapshot":
            self.bids, self.asks = dict(data["b"]), dict(data["a"])
        else:
            assert data["u"] == self.last + 1
            assert data["b"] or data["a"]
            for side, changes in ((self.bids, data["b"]), (self.asks, data["a"])):
                for price, size in changes:
                    if size == "0":
                        del side[price]
                    else:
                        side[price] = size
        assert data["seq"] >= self.sequence
        self.last, self.sequence = data["u"], data["seq"]


# -- control frames ------------------------------------------------------------------------------


@pytest.mark.parametrize(("product", "text", "left"), [("linear", "", ""), ("spot", "subscribe", "unsubscribe")])
def test_each_product_acknowledges_in_its_own_words(product: str, text: str, left: str) -> None:
    client = venue(product)
    assert not client.connect("x", "/v5/public/option")
    client.connect("m", f"/v5/public/{product}")
    for op in ("subscribe", "unsubscribe", "ping"):
        client.send("m", {"req_id": "7", "op": op, "args": ["publicTrade.BTCUSDT"]})
    frames = client.frames("m")
    common = {"success": True, "conn_id": frames[0]["conn_id"], "req_id": "7"}
    assert frames == [
        common | {"ret_msg": text, "op": "subscribe"},
        common | {"ret_msg": left, "op": "unsubscribe"},
        common | {"ret_msg": "pong", "op": "ping"},
    ]


@pytest.mark.parametrize(
    ("topics", "text"),
    [
        (["tickers.BTCUSDT", "orderbook.30.BTCUSDT"], "error:handler not found,topic:orderbook.30.BTCUSDT"),
        (["orderbook.50.btcusdt"], "error:handler not found,topic:orderbook.50.btcusdt"),
        (["order"], "error:handler not found,topic:order"),
        (["publicTrade.BTCUSDT"], "error:already subscribed,topic:publicTrade.BTCUSDT"),
        (["x" * 22_000], "args length >21000"),
        ([], "error:invalid args"),
    ],
)
def test_one_bad_topic_fails_the_whole_request(topics: list[str], text: str) -> None:
    client = venue(levels=20)
    subscribe(client, "m", "publicTrade.BTCUSDT")
    client.send("m", {"req_id": "r", "op": "subscribe", "args": topics})
    (refusal,) = client.frames("m")
    assert (refusal["success"], refusal["ret_msg"], refusal["op"]) == (False, text, "subscribe")
    client.wait(5_000)
    assert {frame["topic"] for frame in client.frames("m")} == {"publicTrade.BTCUSDT"}


def test_spot_takes_ten_topics_in_one_request() -> None:
    client = venue("spot")
    client.connect("m", "/v5/public/spot")
    client.send("m", {"op": "subscribe", "args": ["tickers.BTCUSDT"] * 11})
    assert client.frames("m")[0]["ret_msg"] == "args size >10"


@pytest.mark.parametrize("path", ["/v5/public/linear", "/v5/private"])
def test_a_frame_that_cannot_be_read_is_answered_and_the_link_stays(path: str) -> None:
    client = venue()
    client.connect("m", path)
    for frame in (b"hello", b"[]", b'"ping"', b"\xff", b'{"op":5}', b'{"op":"subscribe","args":[{}]}'):
        client.send("m", frame)
    frames = client.frames("m")
    assert len(frames) == 6
    assert not any(frame["success"] for frame in frames)
    client.send("m", {"op": "ping"})
    assert len(client.frames("m")) == 1


# -- books ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_book_kept_from_deltas_is_the_exchanges_and_never_deeper_than_its_window(product: str) -> None:
    client = venue(product, levels=80)
    client.wait(1_000)
    book = Book()
    for message in subscribe(client, "m", BOOK):
        book.take(message)
    assert (len(book.bids), len(book.asks)) == (50, 50)
    kinds = []
    for _ in range(200):
        client.wait(100)
        for message in client.frames("m"):
            kinds.append(message["type"])
            book.take(message)
            assert len(book.bids) <= 50
            assert len(book.asks) <= 50
        at_rest = client.get("orderbook", category=product, symbol="BTCUSDT", limit=50)
        if at_rest["cts"] < client.millis - 20:
            assert (book.bids, book.asks) == (dict(at_rest["b"]), dict(at_rest["a"]))
    assert set(kinds) == {"delta"}
    assert len(kinds) > 100


def test_a_level_leaves_the_window_when_a_better_one_pushes_it_out_and_comes_back() -> None:
    client = venue()
    for place in range(51):
        desk(client).buy("you", "1", str(90 - place))
    client.settle()
    subscribe(client, "m", BOOK)
    best = desk(client).buy("you", "2", "91")
    client.settle()
    client.wait(20)
    (pushed,) = client.frames("m")
    assert pushed["data"]["b"] == [["91.0", "2.000"], ["41.0", "0"]]
    desk(client).exchange.cancel(desk(client).account("you"), best.order_id, client.now)
    client.settle()
    client.wait(20)
    (back,) = client.frames("m")
    assert back["data"]["b"] == [["91.0", "0"], ["41.0", "1.000"]]
    assert back["data"]["u"] == pushed["data"]["u"] + 1


def test_what_happens_below_the_window_is_not_told() -> None:
    client = venue()
    for place in range(51):
        desk(client).buy("you", "1", str(90 - place))
    client.settle()
    subscribe(client, "m", BOOK, "orderbook.200.BTCUSDT")
    desk(client).buy("you", "1", "40")
    client.settle()
    client.wait(200)
    assert [frame["topic"] for frame in client.frames("m")] == ["orderbook.200.BTCUSDT"]


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(1, 3_000))
def test_who_comes_later_has_the_same_book_from_then_on(seed: int, delay: int) -> None:
    """Also between two beats, when the first listener has not yet been told of the last changes."""
    client = venue(levels=60, seed=seed)
    client.wait(500)
    early, late = Book(), Book()
    for message in subscribe(client, "early", BOOK):
        early.take(message)
    client.wait(delay)
    for message in client.frames("early"):
        early.take(message)
    for message in subscribe(client, "late", BOOK):
        late.take(message)
    assert vars(early) == vars(late)
    client.wait(300)
    for link, book in (("early", early), ("late", late)):
        for message in client.frames(link):
            book.take(message)
    assert vars(early) == vars(late)


def test_update_ids_go_on_while_nobody_listens_and_differ_by_depth() -> None:
    client = venue(levels=20)
    client.wait(100)
    (first,) = subscribe(client, "a", BOOK)
    client.wait(1_000)
    last = client.frames("a")[-1]["data"]["u"]
    client.send("a", {"op": "unsubscribe", "args": [BOOK]})
    client.wait(1_000)
    assert [frame["op"] for frame in client.frames("a")] == ["unsubscribe"]
    (again, other) = subscribe(client, "b", BOOK, "orderbook.200.BTCUSDT")
    assert first["data"]["u"] < last < again["data"]["u"]
    assert other["data"]["u"] < again["data"]["u"]
    assert other["data"]["seq"] == again["data"]["seq"]


def test_the_best_prices_are_always_a_snapshot_and_repeated_after_three_seconds_without_change() -> None:
    client = venue()
    desk(client).buy("you", "1", "90")
    client.wait(100)
    (first,) = subscribe(client, "m", "orderbook.1.BTCUSDT")
    assert (first["type"], first["data"]["b"], first["data"]["a"]) == ("snapshot", [["90.0", "1.000"]], [])
    client.wait(2_999)
    assert client.frames("m") == []
    client.wait(1)
    (again,) = client.frames("m")
    assert again["data"] == first["data"]
    assert again["ts"] == first["ts"] + 3_000
    desk(client).buy("you", "1", "89")
    client.settle()
    client.wait(1_000)
    assert client.frames("m") == [], "a change below the best price is none"
    desk(client).sell("you", "1", "95")
    client.settle()
    client.wait(10)
    (changed,) = client.frames("m")
    assert (changed["type"], changed["data"]["a"]) == ("snapshot", [["95.0", "1.000"]])
    assert changed["data"]["u"] == first["data"]["u"] + 1


def test_after_a_fault_every_book_of_the_symbol_begins_anew_with_update_one() -> None:
    client = venue(levels=20)
    client.wait(100)
    subscribe(client, "m", BOOK, "orderbook.1.BTCUSDT")
    assert isinstance(client.dialect, Bybit)
    client.dialect.restart_books("BTCUSDT", client.now)
    assert [(frame["type"], frame["data"]["u"]) for frame in client.frames("m")] == [("snapshot", 1)] * 2
    client.wait(1_000)
    ids = [frame["data"]["u"] for frame in client.frames("m") if frame["topic"] == BOOK]
    assert ids == list(range(2, 2 + len(ids)))


# -- prints, tickers, candles --------------------------------------------------------------------


def test_prints_of_one_order_come_together_with_the_takers_side() -> None:
    client = venue()
    subscribe(client, "m", "publicTrade.BTCUSDT")
    for price in ("100", "101", "101"):
        desk(client).sell("you", "1", price)
    client.order(qty="3", price="101")
    (message,) = client.frames("m")
    rows = message["data"]
    assert [(row["p"], row["v"], row["S"]) for row in rows] == [
        ("100.0", "1.000", "Buy"),
        ("101.0", "1.000", "Buy"),
        ("101.0", "1.000", "Buy"),
    ]
    assert [row["L"] for row in rows] == ["ZeroPlusTick", "PlusTick", "ZeroPlusTick"]
    assert [row["i"] for row in rows] == [
        row["execId"] for row in reversed(client.ask("execution/list", symbol="BTCUSDT")["list"])
    ]
    assert len({row["i"] for row in rows}) == 3


def test_a_linear_ticker_tells_only_what_changed() -> None:
    client = venue(levels=20)
    client.wait(1_000)
    (snapshot,) = subscribe(client, "m", "tickers.BTCUSDT")
    merged = dict(snapshot["data"])
    client.wait(5_000)
    deltas = client.frames("m")
    assert {frame["type"] for frame in deltas} == {"delta"}
    assert min(len(frame["data"]) for frame in deltas) < len(merged)
    for before, frame in zip([snapshot, *deltas], deltas, strict=False):
        changes = {name: value for name, value in frame["data"].items() if name != "symbol"}
        assert changes
        assert all(merged[name] != value for name, value in changes.items())
        assert frame["ts"] >= before["ts"] + (100 if before is not snapshot else 0)
        merged |= changes
    client.wait(100)
    for frame in client.frames("m"):
        merged |= frame["data"]
    assert merged == client.get("tickers", category="linear", symbol="BTCUSDT")["list"][0]


def test_a_spot_ticker_is_always_whole_and_has_no_best_prices() -> None:
    client = venue("spot", levels=20)
    client.wait(1_000)
    subscribe(client, "m", "tickers.BTCUSDT")
    client.wait(1_000)
    frames = client.frames("m")
    assert {frame["type"] for frame in frames} == {"snapshot"}
    assert not any("bid1Price" in frame["data"] for frame in frames)
    assert "bid1Price" in client.get("tickers", category="spot", symbol="BTCUSDT")["list"][0]


def test_a_candle_is_confirmed_once_when_its_minute_is_over() -> None:
    client = venue(levels=20)
    subscribe(client, "m", "kline.1.BTCUSDT")
    client.wait(130_000)
    rows = [row for frame in client.frames("m") for row in frame["data"]]
    confirmed = [row for row in rows if row["confirm"]]
    assert [row["start"] % 60_000 for row in confirmed] == [0] * len(confirmed)
    assert [row["start"] for row in confirmed] == sorted({row["start"] for row in confirmed})
    assert len(confirmed) == 2
    listed = {row[0]: row for row in client.get("kline", category="linear", symbol="BTCUSDT", interval="1")["list"]}
    for row in confirmed:
        fields = [str(row["start"]), *(row[name] for name in ("open", "high", "low", "close", "volume", "turnover"))]
        assert fields == listed[str(row["start"])]


@pytest.mark.parametrize(
    ("sample", "topic"),
    [
        ("orderbook_snapshot", BOOK),
        ("orderbook_delta", BOOK),
        ("public_trade", "publicTrade.BTCUSDT"),
        ("ticker_linear", "tickers.BTCUSDT"),
        ("kline", "kline.5.BTCUSDT"),
    ],
)
def test_topics_have_the_documented_keys(recordings: Path, sample: str, topic: str) -> None:
    client = venue(levels=20)
    client.wait(1_000)
    first = subscribe(client, "m", topic)
    client.wait(10_000)
    frames = {frame["type"]: frame for frame in reversed([*first, *client.frames("m")])}
    expected = msgspec.json.decode((recordings / "fixtures_nautilus" / "bybit" / f"ws_{sample}.json").read_bytes())
    frame = frames[expected["type"]]
    assert set(expected) <= set(frame)
    wanted, got = expected["data"], frame["data"]
    if isinstance(wanted, list):
        wanted, got = wanted[0], got[0]
    assert {name: type(got.get(name)) for name in wanted} == {name: type(value) for name, value in wanted.items()}


def test_times_are_those_of_the_venues_clock() -> None:
    exchange = Exchange([linear_listing()], rules(), [customer("me", key=KEY, USDT=1_000)], start=START)
    client = BybitClient(BybitLinear(exchange, Nanos(5 * SECOND)), "linear")
    (message,) = subscribe(client, "m", "orderbook.1.BTCUSDT")
    assert message["ts"] == client.millis + 5_000
