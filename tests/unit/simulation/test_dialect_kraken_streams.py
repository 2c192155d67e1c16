"""The simulated Kraken's stream: answers, greetings, books that prove themselves, and an account's events."""

from typing import Any
from zlib import crc32

import msgspec
import pytest

from integrated_trading_system.domain.ids import LinkId
from tests.support.kraken_exchange import SYMBOL, KrakenClient, kraken


@pytest.fixture
def client() -> KrakenClient:
    made = kraken()
    made.greeted("a")
    return made


# -- links ---------------------------------------------------------------------------------------


def test_whoever_connects_is_told_how_the_market_is() -> None:
    client = kraken()
    assert not client.connect("x", "/v1")
    assert client.connect("a", "/v2")
    (status,) = client.frames("a")
    assert (status["channel"], status["data"][0]["system"]) == ("status", "online")


def test_a_heartbeat_breaks_the_silence_once_something_is_subscribed_to(client: KrakenClient) -> None:
    client.wait(5_000)
    assert client.frames("a") == []
    client.subscribe("a", "trade")
    client.frames("a")
    client.wait(3_000)
    assert client.frames("a") == [{"channel": "heartbeat"}] * 3


def test_a_ping_is_answered(client: KrakenClient) -> None:
    client.send("a", {"method": "ping", "req_id": 5})
    (pong,) = client.frames("a")
    assert (pong["method"], pong["req_id"]) == ("pong", 5)
    assert pong["time_in"].endswith("Z")


def test_every_symbol_is_answered_by_itself(client: KrakenClient) -> None:
    params = {"channel": "trade", "symbol": [SYMBOL, "FOO/BAR"]}
    client.send("a", {"method": "subscribe", "params": params, "req_id": 5})
    good, bad = client.frames("a")
    assert (good["success"], good["req_id"], good["result"]["symbol"]) == (True, 5, SYMBOL)
    assert (bad["success"], bad["error"], bad["symbol"]) == (False, "Currency pair not supported FOO/BAR", "FOO/BAR")


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (b"nonsense", "Malformed request"),
        (b"[]", "Malformed request"),
        (b'{"method":"dance"}', "Method not supported dance"),
        (b'{"method":"subscribe","params":{"channel":"book"}}', "Symbol(s) not found"),
        (b'{"method":"subscribe","params":{"channel":"mark","symbol":["BTC/USD"]}}', "Channel not supported mark"),
        (
            b'{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":7}}',
            "Subscription depth not supported",
        ),
        (b'{"method":"unsubscribe","params":{"channel":"trade","symbol":["BTC/USD"]}}', "Subscription Not Found"),
        (b'{"method":"subscribe","params":{"channel":"executions","token":"no"}}', "EAPI:Invalid token"),
    ],
)
def test_what_is_not_offered_is_refused_in_words(client: KrakenClient, frame: bytes, error: str) -> None:
    client.send("a", frame)
    (answer,) = client.frames("a")
    assert (answer["success"], answer["error"]) == (False, error)


def test_a_subscription_is_not_made_twice_and_ends_when_it_is_left(client: KrakenClient) -> None:
    client.subscribe("a", "book", depth=10)
    client.subscribe("a", "book", depth=25)
    assert client.frames("a")[-1]["error"] == "Already subscribed"
    client.send("a", {"method": "unsubscribe", "params": {"channel": "book", "symbol": [SYMBOL], "depth": 10}})
    client.frames("a")
    client.order()
    assert client.frames("a") == []


# -- market --------------------------------------------------------------------------------------


class Copy:
    """A client's copy of a book, from the raw bytes: numbers stay as they were printed."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}

    def take(self, data: bytes) -> tuple[int, int]:
        """Apply it as the venue says; the checksum that it has, and ours."""
        row = TEXT.decode(data)["data"][0]
        if TEXT.decode(data)["type"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        for side, levels in self.sides.items():
            for level in row[side]:
                levels[level["price"]] = level["qty"]
                if float(level["qty"]) == 0:
                    del levels[level["price"]]
            for price in self.best(side)[self.depth :]:
                del levels[price]
        text = "".join(
            number.replace(".", "").lstrip("0")
            for side in ("asks", "bids")
            for price in self.best(side)[:10]
            for number in (price, self.sides[side][price])
        )
        return row["checksum"], crc32(text.encode())

    def best(self, side: str) -> list[str]:
        return sorted(self.sides[side], key=float, reverse=side == "bids")


TEXT = msgspec.json.Decoder(float_hook=str)


@pytest.mark.parametrize("depth", [10, 25])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_message_of_a_lively_book_proves_the_copy_that_a_client_keeps(depth: int, seed: int) -> None:
    client = kraken(levels=40, seed=seed)
    client.greeted("a")
    client.subscribe("a", "book", depth=depth)
    copy, checked, stamps = Copy(depth), 0, set()
    client.wait(20_000)
    for outgoing in client.dialect.take():
        frame = outgoing.frame
        assert frame is not None
        if frame.startswith(b'{"channel":"book"'):
            told, found = copy.take(frame)
            assert told == found
            checked += 1
            stamps.add(msgspec.json.decode(frame)["data"][0]["timestamp"])
    assert checked > 50
    assert len(stamps) >= checked - 1, "no two changes have one time; the first may be that of the snapshot"


def test_a_ticker_follows_the_best_prices_or_the_trades(client: KrakenClient) -> None:
    client.greeted("b")
    client.subscribe("a", "ticker", event_trigger="bbo")
    client.subscribe("b", "ticker")
    assert [len(client.of(link, "ticker")) for link in "ab"] == [1, 1]
    client.order(price="100")
    client.order(price="90")
    (told,) = client.of("a", "ticker")
    assert (told["type"], told["data"][0]["bid"], told["data"][0]["bid_qty"]) == ("update", 100.0, 1.0)
    assert client.of("b", "ticker") == []
    client.order(price="101")
    (traded,) = client.of("b", "ticker")
    assert (traded["data"][0]["last"], traded["data"][0]["volume"]) == (101.0, 1.0)


def test_trades_are_told_as_they_happen_and_before_only_when_asked_for(client: KrakenClient) -> None:
    client.order(price="101")
    client.subscribe("a", "trade")
    assert client.of("a", "trade") == []
    client.order(price="101", volume="0.5")
    (told,) = client.of("a", "trade")
    (row,) = told["data"]
    assert (row["side"], row["price"], row["qty"], row["trade_id"]) == ("buy", 101.0, 0.5, 2)
    client.greeted("b")
    client.subscribe("b", "trade", snapshot=True)
    (before,) = client.of("b", "trade")
    assert (before["type"], [each["trade_id"] for each in before["data"]]) == ("snapshot", [1, 2])


def test_a_candle_is_told_with_every_trade(client: KrakenClient) -> None:
    client.subscribe("a", "ohlc", interval=1)
    assert client.of("a", "ohlc")[0]["type"] == "snapshot"
    client.order(price="101", volume="0.5")
    (told,) = client.of("a", "ohlc")
    (row,) = told["data"]
    assert (row["close"], row["volume"], row["trades"], row["interval"]) == (101.0, 0.5, 1, 1)
    assert row["interval_begin"] == "2023-11-14T22:13:00.000000000Z"


# -- the account ---------------------------------------------------------------------------------


def watched(client: KrakenClient, channel: str) -> list[Any]:
    """Subscribe with a token; the greeting."""
    client.subscribe("a", channel, token=client.private("GetWebSocketsToken")["token"])
    (greeting,) = client.of("a", channel)
    return list(greeting["data"])


def test_open_orders_are_the_greeting(client: KrakenClient) -> None:
    name = client.order(cl_ord_id="mine-1")
    (row,) = watched(client, "executions")
    assert (row["order_id"], row["cl_ord_id"], row["exec_type"], row["order_status"]) == (name, "mine-1", "new", "new")
    assert (row["symbol"], row["side"], row["order_qty"], row["limit_price"]) == (SYMBOL, "buy", 1.0, 100.0)


def test_an_order_that_trades_at_once_is_told_in_four_steps(client: KrakenClient) -> None:
    assert watched(client, "executions") == []
    client.order(price="101", cl_ord_id="mine-1")
    messages = client.of("a", "executions")
    rows = [row for each in messages for row in each["data"]]
    assert [row["exec_type"] for row in rows] == ["pending_new", "new", "trade", "filled"]
    assert [row["order_status"] for row in rows] == ["pending_new", "new", "partially_filled", "filled"]
    assert "symbol" not in rows[1], "an update tells only what changed"
    assert (rows[2]["last_qty"], rows[2]["last_price"], rows[2]["liquidity_ind"]) == (1.0, 101.0, "t")
    assert rows[2]["fees"] == [{"asset": "USD", "qty": 0.101}]
    assert rows[2]["exec_id"] in client.private("TradesHistory")["trades"]
    assert [each["sequence"] for each in messages] == [2, 3, 4, 5]


def test_a_cancel_says_why(client: KrakenClient) -> None:
    watched(client, "executions")
    client.order(cl_ord_id="mine-1")
    client.private("CancelOrder", cl_ord_id="mine-1")
    row = client.of("a", "executions")[-1]["data"][0]
    assert (row["exec_type"], row["order_status"], row["reason"]) == ("canceled", "canceled", "User requested")


def test_balances_are_totals_and_only_the_ledger_changes_them(client: KrakenClient) -> None:
    held = {row["asset"]: row["balance"] for row in watched(client, "balances")}
    assert held == {"USD": 1000.0, "BTC": 2.0}
    client.order(price="100", volume="0.1")
    assert client.of("a", "balances") == [], "what an order holds is not told"
    client.order(price="101")
    (told,) = client.of("a", "balances")
    assert {row["asset"]: row["balance"] for row in told["data"]} == {"USD": 898.899, "BTC": 3.0}


def test_a_token_is_good_for_a_quarter_of_an_hour(client: KrakenClient) -> None:
    token = client.private("GetWebSocketsToken")["token"]
    client.wait(15 * 60 * 1_000)
    client.frames("a")
    client.subscribe("a", "executions", token=token)
    (answer,) = client.frames("a")
    assert answer["error"] == "EAPI:Invalid token"


def test_nobody_hears_of_anothers_account(client: KrakenClient) -> None:
    watched(client, "executions")
    client.desk.buy("you", "1", "90", symbol=SYMBOL)
    client.settle()
    assert client.of("a", "executions") == []


def test_a_client_that_is_gone_is_told_nothing(client: KrakenClient) -> None:
    client.subscribe("a", "book")
    client.frames("a")
    client.dialect.disconnect(LinkId("a"), client.now)
    client.order()
    client.wait(2_000)
    assert client.frames("a") == []
