"""OKX v5 over its wire: public channels, the account's stream, and what keeps a connection alive."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrated_trading_system.simulation.exchange.dialects.okx.channels import IDLE_MAX
from tests.support.exchange import KEY
from tests.support.okx_exchange import OkxClient, desk, venue

FLAVOURS = ("spot", "swap")


@pytest.fixture(params=FLAVOURS)
def client(request: pytest.FixtureRequest) -> OkxClient:
    flavour: str = request.param
    return venue(flavour)


class Book:
    """A local book as the venue's documentation says to keep it."""

    def __init__(self) -> None:
        self.bids: dict[str, str] = {}
        self.asks: dict[str, str] = {}
        self.last = -1

    def take(self, message: Any) -> None:
        (data,) = message["data"]
        assert data["checksum"] == 0
        if message["action"] == "snapshot":
            assert data["prevSeqId"] == -1
            self.bids, self.asks = ({row[0]: row[1] for row in data[side]} for side in ("bids", "asks"))
        else:
            assert data["prevSeqId"] == self.last
            for side, rows in ((self.bids, data["bids"]), (self.asks, data["asks"])):
                for price, size, _, _ in rows:
                    if size == "0":
                        del side[price]
                    else:
                        side[price] = size
        self.last = data["seqId"]


def books(frames: list[Any]) -> list[Any]:
    return [frame for frame in frames if frame and frame.get("arg", {}).get("channel") == "books"]


# -- books -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_changes_add_up_to_the_book_that_rest_tells(flavour: str) -> None:
    client, book = venue(flavour, lively=True), Book()
    for message in client.subscribe("m", "books"):
        book.take(message)
    client.wait(3_000)
    for message in books(client.frames("m")):
        book.take(message)
    (now,) = client.get("market/books", instId=client.symbol, sz=400)
    assert book.bids == {row[0]: row[1] for row in now["bids"]}
    assert book.asks == {row[0]: row[1] for row in now["asks"]}
    assert book.last <= now["seqId"]


@given(seconds=st.lists(st.integers(1, 900), min_size=1, max_size=4))
@settings(max_examples=10)
def test_a_late_listener_is_sent_what_the_others_were_told(seconds: list[int]) -> None:
    client, first, second = venue("swap", lively=True), Book(), Book()
    for message in client.subscribe("a", "books"):
        first.take(message)
    for wait in seconds:
        client.wait(wait)
        for message in books(client.frames("a")):
            first.take(message)
    (message,) = client.subscribe("b", "books")
    second.take(message)
    assert (first.bids, first.asks, first.last) == (second.bids, second.asks, second.last)


def test_a_quiet_book_says_once_a_minute_that_it_is_still_there(client: OkxClient) -> None:
    (message,) = client.subscribe("m", "books")
    for _ in range(3):
        client.send("m", b"ping")
        client.wait(20_001)
    (idle,) = [msgspec.json.decode(raw) for raw in client.raw("m") if raw and b"books" in raw]
    (data,) = idle["data"]
    assert (data["prevSeqId"], data["seqId"]) == (message["data"][0]["seqId"],) * 2
    assert data["bids"] == data["asks"] == []


def test_after_maintenance_the_numbers_begin_anew_and_still_continue_the_book() -> None:
    client, book = venue("swap", lively=True), Book()
    client.subscribe("m", "trades")
    client.wait(5_000)
    client.frames("m")
    for message in client.subscribe("m", "books"):
        book.take(message)
    before = book.last
    client.okx.restart_books(client.symbol, client.now)
    client.wait(200)
    for message in books(client.frames("m")):
        book.take(message)
    (now,) = client.get("market/books", instId=client.symbol, sz=400)
    assert now["seqId"] >= book.last
    assert book.last < before
    assert book.bids == {row[0]: row[1] for row in now["bids"]}


def test_the_snapshot_can_be_missing_as_announced(client: OkxClient) -> None:
    client.okx.feed.book_snapshots = False
    assert client.subscribe("m", "books") == []


def test_the_best_level_is_told_whole_whenever_it_changed(client: OkxClient) -> None:
    (message,) = client.subscribe("m", "bbo-tbt")
    assert message["data"][0]["bids"] == [["99.0", "5.000", "0", "1"]]
    desk(client).buy("you", "1", "98", symbol=client.symbol)
    desk(client).buy("you", "1", "99.5", symbol=client.symbol)
    client.settle()
    client.wait(100)
    (change,) = client.frames("m")
    (data,) = change["data"]
    assert (data["bids"][0][:2], data["asks"][0][:2]) == (["99.5", "1.000"], ["101.0", "5.000"])
    assert data["seqId"] > message["data"][0]["seqId"]


# -- other channels ----------------------------------------------------------------------------------


def test_trades_are_told_as_they_happen(client: OkxClient) -> None:
    assert client.subscribe("m", "trades") == []
    client.order(px="101")
    (message,) = client.frames("m")
    (trade,) = message["data"]
    assert (trade["px"], trade["sz"], trade["side"], trade["ts"]) == ("101.0", "1.000", "buy", str(client.millis))


def test_a_ticker_is_told_at_once_and_when_it_changes(client: OkxClient) -> None:
    (first,) = client.subscribe("m", "tickers")
    client.wait(1_000)
    assert client.frames("m") == []
    client.order(px="101", sz="2")
    client.wait(1_000)
    (second,) = client.frames("m")
    assert (first["data"][0]["vol24h"], second["data"][0]["vol24h"]) == ("0", "2")
    assert second["data"][0]["volCcy24h"] == ("202" if client.spot else "0.2")


def test_a_candle_is_confirmed_when_it_is_over(client: OkxClient) -> None:
    (message,) = client.subscribe("m", "candle1m", door="business")
    assert message["data"][0][8] == "0"
    client.order(px="101")
    for _ in range(4):
        client.send("m", b"ping")
        client.wait(15_000)
    rows = [row for raw in client.raw("m") if raw and b"candle1m" in raw for row in msgspec.json.decode(raw)["data"]]
    assert [row[8] for row in rows][:2] == ["0", "1"]
    assert rows[1][0] == message["data"][0][0]
    assert rows[1][5] == "1"


def test_mark_prices_and_funding_are_told_of_swaps_alone() -> None:
    client = venue("swap")
    mark, funding = client.subscribe("m", "mark-price", "funding-rate")
    assert mark["data"][0]["markPx"] == "100.0"
    assert funding["data"][0]["fundingRate"] == "0.0001"
    assert int(funding["data"][0]["fundingTime"]) > client.millis
    client.wait(10_000)
    (again,) = client.frames("m")
    assert again["arg"]["channel"] == "mark-price"


# -- control frames ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "door", "wanted"),
    [
        ("candle1m", "public", "64001"),
        ("books", "business", "60018"),
        ("candle7m", "business", "60018"),
        ("gossip", "public", "60018"),
    ],
)
def test_what_is_asked_for_at_the_wrong_door_is_refused(
    client: OkxClient, channel: str, door: str, wanted: str
) -> None:
    client.connect("m", f"/ws/v5/{door}")
    args = [{"channel": channel, "instId": client.symbol}]
    client.send("m", {"id": "9", "op": "subscribe", "args": args})
    (answer,) = client.frames("m")
    assert (answer["event"], answer["code"], answer["id"]) == ("error", wanted, "9")


def test_each_argument_stands_by_itself(client: OkxClient) -> None:
    client.connect("m", "/ws/v5/public")
    args = [{"channel": "trades", "instId": symbol} for symbol in ("NOPE", client.symbol)]
    client.send("m", {"op": "subscribe", "args": args})
    refused, taken = client.frames("m")
    assert (refused["event"], taken["event"]) == ("error", "subscribe")
    client.send("m", {"op": "unsubscribe", "args": args[1:]})
    client.order(px="101")
    assert [frame["event"] for frame in client.frames("m")] == ["unsubscribe"]


@pytest.mark.parametrize("frame", [b"", b"{", b"[]", b'{"op":"dance","args":[{}]}', b'{"op":"subscribe"}', b"\xff"])
@pytest.mark.parametrize("door", ["public", "business", "private"])
def test_a_frame_that_makes_no_sense_is_refused(client: OkxClient, door: str, frame: bytes) -> None:
    client.connect("m", f"/ws/v5/{door}")
    client.send("m", frame)
    (answer,) = client.frames("m")
    assert (answer["event"], answer["code"]) == ("error", "60012")


def test_there_are_three_doors(client: OkxClient) -> None:
    assert [client.connect("m", f"/ws/v5/{door}") for door in ("public", "business", "private", "back")] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("door", ["public", "private"])
def test_a_ping_is_answered_and_silence_ends_the_connection(client: OkxClient, door: str) -> None:
    client.connect("m", f"/ws/v5/{door}")
    client.wait(20_000)
    client.send("m", b"ping")
    assert client.raw("m") == [b"pong"]
    client.wait(IDLE_MAX // 1_000_000 - 1)
    assert client.raw("m") == []
    client.wait(1)
    assert client.raw("m") == [None]


def test_an_upgrade_is_announced_to_everybody(client: OkxClient) -> None:
    client.connect("a", "/ws/v5/public")
    client.connect("b", "/ws/v5/private")
    client.okx.announce_closing()
    assert [client.frames(link)[0]["code"] for link in ("a", "b")] == ["64008", "64008"]


# -- the account ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"apiKey": "nobody"}, "60005"),
        ({"passphrase": "wrong"}, "60024"),
        ({"timestamp": "soon"}, "60004"),
        ({"timestamp": "1600000000"}, "60006"),
        ({"sign": "AAAA"}, "60007"),
    ],
)
def test_a_logon_that_is_not_signed_as_documented_is_refused(
    client: OkxClient, changes: dict[str, str], wanted: str
) -> None:
    answer = client.log_on("u", **changes)
    assert (answer["event"], answer["code"]) == ("error", wanted)
    client.send("u", {"op": "subscribe", "args": [{"channel": "account"}]})
    assert client.frames("u")[0]["code"] == "60011"


def test_another_products_orders_are_not_offered(client: OkxClient) -> None:
    client.log_on("u")
    client.send("u", {"op": "subscribe", "args": [{"channel": "orders", "instType": "OPTION"}]})
    assert client.frames("u")[0]["code"] == "60018"


def test_every_fill_is_told_with_the_order_as_it_was_then(client: OkxClient) -> None:
    desk(client).sell("you", "1", "100", symbol=client.symbol)
    client.settle()
    assert client.follow("u", "orders") == []
    client.order(px="101", sz="2", clOrdId="mine")
    rows = [row for frame in client.frames("u") for row in frame["data"]]
    assert [(row["state"], row["fillPx"], row["fillSz"], row["accFillSz"]) for row in rows] == [
        ("live", "", "0", "0.000"),
        ("partially_filled", "100.0", "1.000", "1.000"),
        ("filled", "101.0", "1.000", "2.000"),
    ]
    assert rows[2]["avgPx"] == "100.5"
    assert {row["clOrdId"] for row in rows} == {"mine"}
    assert [row["fillFee"] for row in rows] == (["0", "-0.001", "-0.001"] if client.spot else ["0", "-0.01", "-0.0101"])


def test_the_account_begins_with_everything_and_tells_what_changes(client: OkxClient) -> None:
    (whole,) = client.follow("u", "account")
    assert [row["ccy"] for row in whole["data"][0]["details"]] == ["USDT", "BTC"]
    client.order()
    (change,) = client.frames("u")
    (coin,) = change["data"][0]["details"]
    assert (coin["ccy"], coin["frozenBal"]) == ("USDT", "100" if client.spot else "0.5025")
    client.send("u", {"op": "unsubscribe", "args": [{"channel": "account"}]})
    client.cancel(ordId="x")
    assert [frame["event"] for frame in client.frames("u")] == ["unsubscribe"]


def test_nobody_hears_of_anothers_orders(client: OkxClient) -> None:
    client.follow("u", "orders", "account")
    desk(client).buy("you", "1", "90", symbol=client.symbol)
    client.settle()
    assert client.frames("u") == []


def test_a_revoked_key_logs_on_no_more(client: OkxClient) -> None:
    assert client.okx.exchange.account_of_key(KEY) is not None
    client.okx.exchange.bank.accounts["me"].revoked = True
    assert client.log_on("u")["code"] == "60005"
