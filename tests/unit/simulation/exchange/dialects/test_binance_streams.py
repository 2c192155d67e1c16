"""Binance market streams, spot and futures: control frames, envelopes, and books that add up."""

from typing import Any

import pytest

from integrated_trading_system.domain.ids import LinkId, VenueId
from integrated_trading_system.domain.time import DAY, MILLISECOND, SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.binance.spot import BinanceSpot
from integrated_trading_system.simulation.exchange.dialects.binance.usdm import BinanceUsdm
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.market import Market, MarketSettings
from integrated_trading_system.simulation.participants import populate
from tests.support.exchange import KEY, START, BinanceClient, customer, linear_listing, rules, spot_listing

SETTINGS = MarketSettings(history_minutes=0, level_bps=60.0, level_notional=500.0, dislocation_every=Nanos(0))
EVERYTHING = ("bookTicker", "trade", "aggTrade", "depth@100ms", "depth5@100ms", "miniTicker", "ticker", "kline_1m")


def spot() -> BinanceClient:
    exchange = Exchange([spot_listing()], rules(), [customer("me", key=KEY, USDT=10_000)], start=START)
    populate(exchange, Market(7, START, SETTINGS), VenueId("binance:spot"))
    return BinanceClient(BinanceSpot(exchange))


def usdm() -> BinanceClient:
    exchange = Exchange([linear_listing()], rules(), [customer("me", key=KEY, USDT=10_000)], start=START)
    populate(exchange, Market(7, START, SETTINGS), VenueId("binance:usdm"))
    return BinanceClient(BinanceUsdm(exchange))


def apply(book: dict[str, dict[str, str]], event: dict[str, Any]) -> None:
    for side in ("b", "a"):
        for price, size in event[side]:
            if float(size):
                book[side][price] = size
            else:
                book[side].pop(price, None)


def as_book(snapshot: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}


def test_spot_diffs_continue_a_snapshot_without_a_hole_and_give_the_venues_book() -> None:
    client = spot()
    client.connect("m", "/ws/btcusdt@depth@100ms")
    client.wait(730)
    snapshot = client.get("/api/v3/depth", symbol="BTCUSDT", limit=5000)
    client.wait(5_070)
    events = client.frames("m")
    last = snapshot["lastUpdateId"]
    assert events[0]["U"] <= last
    book = as_book(snapshot)
    for event in events:
        if event["u"] <= last:
            continue
        assert event["U"] <= last + 1 <= event["u"]
        last = event["u"]
        apply(book, event)
    assert [b["U"] for b in events[1:]] == [a["u"] + 1 for a in events[:-1]]
    final = client.get("/api/v3/depth", symbol="BTCUSDT", limit=5000)
    assert final["lastUpdateId"] == last
    assert as_book(final) == book


def test_futures_diffs_are_chained_by_pu_and_give_the_venues_book() -> None:
    client = usdm()
    client.connect("m", "/public/stream", "streams=btcusdt@depth@100ms")
    client.wait(730)
    snapshot = client.get("/fapi/v1/depth", symbol="BTCUSDT", limit=1000)
    client.wait(5_070)
    events = [frame["data"] for frame in client.frames("m")]
    kept = [event for event in events if event["u"] >= snapshot["lastUpdateId"]]
    assert kept[0]["U"] <= snapshot["lastUpdateId"] <= kept[0]["u"]
    assert [event["pu"] for event in events[1:]] == [event["u"] for event in events[:-1]]
    assert all(event["U"] > event["pu"] + 1 for event in events[1:])
    book = as_book(snapshot)
    for event in kept:
        apply(book, event)
    assert as_book(client.get("/fapi/v1/depth", symbol="BTCUSDT", limit=1000)) == book


def test_the_last_quote_is_the_top_of_the_book() -> None:
    client = spot()
    client.connect("m", "/ws/btcusdt@bookTicker")
    client.wait(3_000)
    quotes = client.frames("m")
    book = client.get("/api/v3/depth", symbol="BTCUSDT", limit=1)
    assert set(quotes[-1]) == {"u", "s", "b", "B", "a", "A"}
    last = quotes[-1]
    assert [[last["b"], last["B"]], [last["a"], last["A"]]] == [book["bids"][0], book["asks"][0]]
    assert [quote["u"] for quote in quotes] == sorted({quote["u"] for quote in quotes})


def test_trades_on_the_stream_are_those_that_can_be_asked_for() -> None:
    client = spot()
    client.connect("m", "/stream", "streams=btcusdt@trade/btcusdt@aggTrade")
    client.wait(10_000)
    frames = client.frames("m")
    told = [frame["data"] for frame in frames if frame["stream"] == "btcusdt@trade"]
    asked = client.get("/api/v3/trades", symbol="BTCUSDT", limit=1000)
    assert [(t["t"], t["p"], t["q"], t["T"], t["m"]) for t in told] == [
        (t["id"], t["price"], t["qty"], t["time"], t["isBuyerMaker"]) for t in asked
    ]
    ranges = [(frame["data"]["f"], frame["data"]["l"]) for frame in frames if frame["stream"] == "btcusdt@aggTrade"]
    covered = [number for first, last in ranges for number in range(first, last + 1)]
    assert covered == [trade["t"] for trade in told]


def test_a_candle_is_told_as_closed_exactly_once() -> None:
    client = spot()
    client.connect("m", "/ws/btcusdt@kline_1m")
    client.wait(130_000)
    closed = [frame["k"] for frame in client.frames("m") if frame["k"]["x"]]
    assert len(closed) == 2
    asked = client.get("/api/v3/klines", symbol="BTCUSDT", interval="1m", startTime=closed[0]["t"], limit=2)
    assert [[k["t"], k["o"], k["h"], k["l"], k["c"], k["v"], k["T"]] for k in closed] == [row[:7] for row in asked]


@pytest.mark.parametrize("kind", EVERYTHING)
def test_every_stream_speaks_within_some_seconds(kind: str) -> None:
    client = spot()
    client.connect("m", f"/ws/btcusdt@{kind}")
    client.wait(4_000)
    assert client.frames("m")


def test_raw_payloads_on_ws_and_envelopes_on_stream_until_told_otherwise() -> None:
    client = spot()
    client.connect("raw", "/ws/btcusdt@miniTicker")
    client.connect("combined", "/stream", "streams=btcusdt@miniTicker")
    client.wait(1_000)
    raw, combined = client.frames("raw")[0], client.frames("combined")[0]
    assert combined == {"stream": "btcusdt@miniTicker", "data": raw}
    client.send("raw", {"method": "SET_PROPERTY", "params": ["combined", True], "id": 5})
    client.send("raw", {"method": "GET_PROPERTY", "params": ["combined"], "id": 6})
    client.wait(1_000)
    assert client.frames("raw")[:2] == [{"result": None, "id": 5}, {"result": True, "id": 6}]


def test_subscriptions_come_and_go_by_frames() -> None:
    client = spot()
    client.connect("m", "/ws")
    client.send("m", {"method": "SUBSCRIBE", "params": ["btcusdt@trade", "nosuch@trade"], "id": "a"})
    client.send("m", {"method": "LIST_SUBSCRIPTIONS", "id": 2})
    client.send("m", {"method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 3})
    client.wait(5_000)
    assert client.frames("m") == [
        {"result": None, "id": "a"},
        {"result": ["btcusdt@trade", "nosuch@trade"], "id": 2},
        {"result": None, "id": 3},
    ]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"{", 3),
        (b"[1]", 2),
        (b'{"method":"DANCE","id":1}', 2),
        (b'{"id":1}', 2),
        (b'{"method":"SUBSCRIBE","params":["no stream"],"id":1}', 2),
        (b'{"method":"SUBSCRIBE","params":"btcusdt@trade","id":1}', 2),
        (b'{"method":"SUBSCRIBE","params":["a@trade"],"id":[1]}', 2),
        (b'{"method":"SET_PROPERTY","params":["colour",true],"id":1}', 0),
        (b'{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1),
    ],
)
def test_a_bad_frame_is_answered_by_an_error(frame: bytes, code: int) -> None:
    client = spot()
    client.connect("m", "/ws")
    client.dialect.receive(LinkId("m"), frame, client.now)
    assert [reply["code"] for reply in client.frames("m")] == [code]


def test_more_than_five_messages_a_second_cut_the_client_off() -> None:
    client = spot()
    client.connect("m", "/ws")
    for number in range(6):
        client.send("m", {"method": "LIST_SUBSCRIPTIONS", "id": number})
    assert client.frames("m")[-1] is None
    client.send("m", {"method": "LIST_SUBSCRIPTIONS", "id": 7})
    assert client.frames("m") == []


def test_a_connection_ends_after_24_hours() -> None:
    exchange = Exchange([spot_listing()], rules(), [], start=START)
    client = BinanceClient(BinanceSpot(exchange))
    client.connect("m", "/ws")
    client.connect("gone", "/ws")
    client.dialect.disconnect(LinkId("gone"), client.now)
    client.wait(DAY // 1_000_000 - 1)
    assert client.frames("m") == []
    client.wait(1)
    assert client.frames("m") == [None]
    assert client.frames("gone") == []


def test_unknown_paths_are_refused() -> None:
    assert not spot().connect("m", "/elsewhere")
    assert not usdm().connect("m", "/private/elsewhere")


def test_a_futures_stream_on_the_wrong_path_is_accepted_and_silent() -> None:
    client = usdm()
    client.connect("wrong", "/market/stream", "streams=btcusdt@bookTicker")
    client.connect("right", "/public/stream", "streams=btcusdt@bookTicker")
    client.connect("old", "/stream", "streams=btcusdt@bookTicker/btcusdt@markPrice@1s")
    client.wait(3_000)
    assert client.frames("wrong") == []
    assert client.frames("right")
    assert {frame["stream"] for frame in client.frames("old")} == {"btcusdt@bookTicker", "btcusdt@markPrice@1s"}


@pytest.mark.parametrize("make", [spot, usdm])
def test_frames_do_not_depend_on_how_often_time_passes(make: Any) -> None:
    def run(steps: list[int]) -> list[Any]:
        client = make()
        client.connect("m", "/stream", "streams=" + "/".join(f"btcusdt@{kind}" for kind in EVERYTHING))
        frames: list[Any] = []
        for step in steps:
            client.wait(step)
            frames += client.frames("m")
        return frames

    fine, coarse = run([7] * 1_000), run([3_333, 3_667])
    assert len(fine) > 100
    assert fine == coarse


def test_a_client_of_a_quiet_venue_hears_of_now_and_not_of_the_past() -> None:
    client = BinanceClient(BinanceSpot(Exchange([spot_listing()], rules(), [], start=START)))
    client.now = Nanos(client.now + 600 * SECOND + 1)
    client.connect("m", "/ws/btcusdt@ticker")
    client.wait(1_000)
    assert [frame["E"] for frame in client.frames("m")] == [(START + 601 * SECOND) // MILLISECOND]


def test_average_price_and_kline_streams_of_a_quiet_symbol() -> None:
    client = BinanceClient(BinanceSpot(Exchange([spot_listing()], rules(), [], start=START)))
    client.connect("m", "/stream", "streams=btcusdt@avgPrice/btcusdt@kline_1m/btcusdt@kline_7m/btcusdt@depth5@7ms")
    client.connect("m2", "/ws/btcusdt@kline_1m")
    client.wait(60_000)
    frames = client.frames("m")
    assert {frame["data"]["w"] for frame in frames if frame["stream"] == "btcusdt@avgPrice"} == {"100.00000000"}
    assert [frame["data"]["k"]["x"] for frame in frames if frame["stream"] == "btcusdt@kline_1m"] == [False, True]


def test_a_depth_stream_ends_with_its_last_listener_and_begins_anew() -> None:
    client = spot()
    for link in ("one", "two"):
        client.connect(link, "/ws/btcusdt@depth@100ms")
    client.wait(500)
    client.dialect.disconnect(LinkId("one"), client.now)
    client.wait(500)
    assert len(client.frames("two")) == 10
    client.dialect.disconnect(LinkId("two"), client.now)
    client.wait(500)
    client.connect("three", "/ws/btcusdt@depth@100ms")
    client.wait(1_000)
    events = client.frames("three")
    assert [b["U"] for b in events[1:]] == [a["u"] + 1 for a in events[:-1]]
    assert len(events) == 10
