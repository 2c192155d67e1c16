"""Backpack over its wire: streams of the market and of an account."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.simulation.exchange.dialects.backpack.dialect import BackpackSpot
from integrated_trading_system.simulation.exchange.exchange import Exchange
from tests.support.backpack_exchange import desk, venue
from tests.support.dialect_clients import BackpackClient
from tests.support.exchange import START, customer, rules, spot_listing

DEPTH = "depth.SOL_USDC"


def subscribe(client: BackpackClient, link: str, *streams: str) -> None:
    """On a link of its own."""
    assert client.connect(link, "/")
    client.send(link, {"method": "SUBSCRIBE", "params": list(streams)})


def follow(client: BackpackClient) -> None:
    """To the account's orders."""
    client.connect("u", "/")
    client.send("u", {"method": "SUBSCRIBE", "params": ["account.orderUpdate"], "signature": client.proof()})


def data(frames: list[Any]) -> list[Any]:
    return [frame["data"] for frame in frames]


def test_a_subscription_is_not_acknowledged_and_neither_is_its_end() -> None:
    client = venue(levels=20)
    assert not client.connect("x", "/stream")
    subscribe(client, "m", DEPTH)
    assert client.frames("m") == []
    client.wait(1_000)
    assert {frame["stream"] for frame in client.frames("m")} == {DEPTH}
    client.send("m", {"method": "UNSUBSCRIBE", "params": [DEPTH]})
    client.wait(1_000)
    assert client.frames("m") == []


def test_streams_that_do_not_exist_are_refused_one_by_one() -> None:
    client = venue(levels=20)
    subscribe(client, "m", "depth.NOPE", "depth.300ms.SOL_USDC", "kline.7m.SOL_USDC", "trade", "depth.sol_usdc", DEPTH)
    assert [frame["error"] for frame in client.frames("m")] == [{"code": 4006, "message": "Invalid stream"}] * 5
    client.wait(1_000)
    assert client.frames("m") != []


@pytest.mark.parametrize(
    "frame", [b"hello", b"[]", b"\xff", b'{"method":"PING"}', b'{"method":"SUBSCRIBE","params":[1]}']
)
def test_a_frame_that_cannot_be_read_is_answered_by_an_error(frame: bytes) -> None:
    client = venue()
    client.connect("m", "/")
    client.send("m", frame)
    assert [list(one) for one in client.frames("m")] == [["id", "error"]]


@settings(max_examples=20)
@given(st.integers(0, 2**32), st.integers(0, 500))
def test_a_snapshot_and_the_events_after_it_make_the_exchanges_book(seed: int, delay: int) -> None:
    """First event: `U` <= lastUpdateId + 1 <= `u`; afterwards `U` is the previous `u` + 1."""
    client = venue(levels=20, seed=seed)
    client.wait(100)
    subscribe(client, "m", DEPTH)
    client.wait(delay)
    snapshot = client.get("depth", symbol="SOL_USDC")
    client.wait(1_000)
    last = int(snapshot["lastUpdateId"])
    sides = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}
    for event in data(client.frames("m")):
        if event["u"] <= last:
            continue
        assert event["U"] == last + 1
        for name, levels in sides.items():
            for price, size in event[name]:
                if Decimal(size):
                    levels[price] = size
                else:
                    del levels[price]
        last = event["u"]
    now = client.get("depth", symbol="SOL_USDC")
    assert (sides["b"], sides["a"], str(last)) == (dict(now["bids"]), dict(now["asks"]), now["lastUpdateId"])


def test_aggregated_depth_has_a_chain_of_its_own_and_the_same_book() -> None:
    client = venue(levels=20)
    client.wait(100)
    subscribe(client, "m", "depth.200ms.SOL_USDC", DEPTH)
    client.wait(10_000)
    frames = client.frames("m")
    merged = data([frame for frame in frames if frame["stream"] != DEPTH])
    single = data([frame for frame in frames if frame["stream"] == DEPTH])
    assert len(merged) <= 50
    assert [event["U"] for event in merged[1:]] == [event["u"] + 1 for event in merged[:-1]]
    assert (merged[0]["U"], merged[-1]["u"]) == (
        single[0]["U"],
        [e["u"] for e in single if e["u"] <= merged[-1]["u"]][-1],
    )
    final: dict[str, str] = {}
    for event in single:
        if event["u"] <= merged[-1]["u"]:
            final |= dict(event["a"])
    assert final == {price: size for event in merged for price, size in event["a"]}


def test_a_quote_comes_before_the_depth_of_the_same_update_and_a_level_that_is_gone_is_zero() -> None:
    client = venue()
    subscribe(client, "m", "bookTicker.SOL_USDC", DEPTH)
    desk(client).buy("me", "5", "101", symbol="SOL_USDC")
    desk(client).sell("you", "1", "102", symbol="SOL_USDC")
    client.settle()
    quote, depth = client.frames("m")
    assert (quote["stream"], depth["stream"]) == ("bookTicker.SOL_USDC", DEPTH)
    assert quote["data"]["u"] == depth["data"]["u"]
    assert (quote["data"]["a"], quote["data"]["A"]) == ("102.0", "1.000")
    assert depth["data"]["a"] == [["101.0", "0.000"], ["102.0", "1.000"]]


def test_a_quote_leaves_out_an_empty_side() -> None:
    client = venue()
    subscribe(client, "m", "bookTicker.SOL_USDC")
    desk(client).buy("me", "5", "101", symbol="SOL_USDC")
    client.settle()
    (quote,) = data(client.frames("m"))
    assert "b" in quote
    assert "a" not in quote


def test_prints_name_both_orders_and_say_whether_the_buyer_was_the_maker() -> None:
    client = venue()
    subscribe(client, "m", "trade.SOL_USDC")
    bought = client.order(price="101", quantity="1")
    sold = client.order(side="Ask", price="99", quantity="1")
    first, second = data(client.frames("m"))
    assert (first["b"], first["m"], first["p"], first["q"]) == (bought["id"], False, "101.0", "1.000")
    assert (second["a"], second["m"], second["t"]) == (sold["id"], True, first["t"] + 1)


def test_a_candle_closes_once_and_has_no_prices_without_trades() -> None:
    client = venue()
    subscribe(client, "m", "kline.1m.SOL_USDC")
    client.wait(1_000)
    client.order(price="101", quantity="1")
    client.wait(100_000)
    rows = data(client.frames("m"))
    assert [(row["X"], row["n"], row["o"]) for row in rows] == [
        (False, 0, None),
        (False, 1, "101.0"),
        (True, 1, "101.0"),
        (True, 0, None),
    ]
    assert [(row["t"], row["T"]) for row in rows[2:]] == [
        ("2023-11-14T22:13:00", "2023-11-14T22:14:00"),
        ("2023-11-14T22:14:00", "2023-11-14T22:15:00"),
    ]


def test_frames_look_like_the_recorded_ones(recordings: Path) -> None:
    """Members in order of the alphabet, the envelope's name last."""
    client = venue(levels=20)
    client.wait(1_000)
    subscribe(client, "m", "bookTicker.SOL_USDC", DEPTH, "ticker.SOL_USDC")
    client.wait(2_000)
    ours = {frame["data"]["e"]: frame for frame in client.frames("m")}
    lines = (recordings / "backpack" / "backpack_ws_raw.first56.jsonl").read_bytes().splitlines()
    theirs = {frame["data"]["e"]: frame for frame in map(msgspec.json.decode, lines)}
    for kind in ("bookTicker", "depth", "ticker"):
        assert shape(ours[kind]) == shape(theirs[kind]), kind


def shape(value: Any) -> Any:
    """Names and types, in order."""
    if isinstance(value, dict):
        return [(name, shape(inner)) for name, inner in value.items()]
    return type(value).__name__


# -- the account's stream ------------------------------------------------------------------------


def test_a_taker_is_told_of_acceptance_and_of_each_fill() -> None:
    client = venue()
    follow(client)
    desk(client).sell("you", "1", "100", symbol="SOL_USDC")
    placed = client.order(price="101", quantity="2", clientId=9)
    frames = client.frames("u")
    assert {frame["stream"] for frame in frames} == {"account.orderUpdate"}
    rows = data(frames)
    assert [(row["e"], row["X"], row["z"]) for row in rows] == [
        ("orderAccepted", "New", "0.000"),
        ("orderFill", "PartiallyFilled", "1.000"),
        ("orderFill", "Filled", "2.000"),
    ]
    assert {(row["i"], row["c"], row["o"], row["S"]) for row in rows} == {(placed["id"], 9, "LIMIT", "Bid")}
    fills = client.ask("GET", "/wapi/v1/history/fills", "fillHistoryQueryAll")
    assert [(row["t"], row["L"], row["n"], row["N"], row["m"]) for row in rows[1:]] == [
        (fill["tradeId"], fill["price"], fill["fee"], fill["feeSymbol"], False) for fill in reversed(fills)
    ]
    assert rows[2]["Z"] == placed["executedQuoteQuantity"] == "201"
    assert rows[0]["T"] == client.millis * 1_000


@pytest.mark.parametrize(
    ("changes", "reason"), [({"postOnly": True}, "PostOnlyTaker"), ({"timeInForce": "FOK"}, "FillOrKill")]
)
def test_an_order_that_its_own_rule_ends_is_told_as_expired(changes: dict[str, Any], reason: str) -> None:
    client = venue()
    follow(client)
    client.order(price="101", quantity="6", **changes)
    rows = data(client.frames("u"))
    assert [(row["e"], row["X"], row.get("R")) for row in rows] == [
        ("orderAccepted", "New", None),
        ("orderExpired", "Expired", reason),
    ]


def test_a_cancel_is_told_also_to_who_follows_the_one_market() -> None:
    client = venue()
    follow(client)
    streams = ["account.orderUpdate.SOL_USDC", "account.positionUpdate"]
    client.send("u", {"method": "SUBSCRIBE", "params": streams, "signature": client.proof()})
    placed = client.order(price="98")
    client.ask("DELETE", "/api/v1/order", "orderCancel", symbol="SOL_USDC", orderId=placed["id"])
    told = [(frame["stream"], frame["data"]["e"]) for frame in client.frames("u")]
    both = ("account.orderUpdate", "account.orderUpdate.SOL_USDC")
    assert told == [(stream, event) for event in ("orderAccepted", "orderCancelled") for stream in both]
    client.send("u", {"method": "UNSUBSCRIBE", "params": ["account.orderUpdate", *streams]})
    client.order(price="98")
    assert client.frames("u") == []


def test_private_streams_need_a_proof_of_their_own_and_stay_apart() -> None:
    client = venue()
    client.connect("u", "/")
    wrong = BackpackClient(client.dialect, b"x" * 32)
    frame = {"method": "SUBSCRIBE", "params": ["account.orderUpdate"]}
    for proof in (None, [], wrong.proof(), [*client.proof()[:3], "4000"], [1, 2, 3, 4]):
        client.send("u", frame | ({} if proof is None else {"signature": proof}))
    assert [one["error"]["code"] for one in client.frames("u")] == [4003] * 5
    client.order(price="98")
    assert client.frames("u") == []
    follow(client)
    desk(client).buy("you", "1", "98", symbol="SOL_USDC")
    client.settle()
    assert client.frames("u") == []


def test_times_are_microseconds_of_the_venues_clock() -> None:
    exchange = Exchange([spot_listing()], rules(), [customer("me", USDT=1_000)], start=START)
    client = BackpackClient(BackpackSpot(exchange, Nanos(5 * SECOND)))
    subscribe(client, "m", "depth.BTCUSDT")
    desk(client).buy("me", "1", "90")
    client.settle()
    (event,) = data(client.frames("m"))
    assert event["E"] == event["T"] == (client.millis + 5_000) * 1_000
