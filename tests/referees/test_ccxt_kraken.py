"""ccxt trades on the simulated Kraken and reads back what it should, by REST and by the second WebSocket protocol."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.referees import decimal, visit

pytestmark = pytest.mark.xdist_group("referees")

AMOUNT = Decimal("0.02")
TAKER = Decimal("0.004")


@pytest.fixture(scope="module")
def saw(referees: Path) -> dict[str, Any]:
    place = {"venue": "kraken:spot", "symbol": "BTC/USDT", "amount": str(AMOUNT)}
    diary: dict[str, Any] = visit(referees, "through_ccxt_kraken.py", [place])["kraken:spot"]
    assert "stopped" not in diary
    return diary


def test_the_market_is_the_one_that_is_listed(saw: dict[str, Any]) -> None:
    market = saw["market"]
    assert (market["id"], market["base"], market["quote"], market["active"]) == ("XBTUSDT", "BTC", "USDT", True)
    assert (decimal(market["precision"]["price"]), decimal(market["precision"]["amount"])) == (
        Decimal("0.01"),
        Decimal("0.00001"),
    )
    assert (decimal(market["taker"]), decimal(market["maker"])) == (TAKER, Decimal("0.0025"))


def test_books_tickers_candles_and_trades_are_understood(saw: dict[str, Any]) -> None:
    bids, asks = ([decimal(level[0]) for level in saw["book"][side]] for side in ("bids", "asks"))
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert decimal(saw["ticker"]["bid"]) < decimal(saw["ticker"]["ask"])
    times = [candle[0] for candle in saw["candles"]]
    assert times == sorted(times)
    assert len(times) > 100
    assert saw["trades"]


def test_an_order_rests_and_is_cancelled(saw: dict[str, Any]) -> None:
    (resting,) = saw["open_orders"]
    assert (resting["id"], resting["status"], resting["side"]) == (saw["placed"]["id"], "open", "buy")
    assert (decimal(resting["amount"]), decimal(resting["filled"])) == (AMOUNT, Decimal(0))
    assert (saw["fetched"]["id"], saw["fetched"]["status"]) == (saw["placed"]["id"], "canceled")


def test_a_market_order_moves_exactly_what_its_trades_say(saw: dict[str, Any]) -> None:
    trades = [trade for trade in saw["my_trades"] if trade["order"] == saw["bought_id"]]
    assert sum(decimal(trade["amount"]) for trade in trades) == AMOUNT
    value = sum((decimal(trade["price"]) * decimal(trade["amount"]) for trade in trades), Decimal(0))
    fee = sum((decimal(trade["fee"]["cost"]) for trade in trades), Decimal(0))
    assert {trade["fee"]["currency"] for trade in trades} == {"USDT"}
    assert fee == value * TAKER
    before, after = saw["balance"]["total"], saw["balance_bought"]["total"]
    assert decimal(after["BTC"]) - decimal(before["BTC"]) == AMOUNT
    assert decimal(before["USDT"]) - decimal(after["USDT"]) == value + fee


def test_refusals_are_understood(saw: dict[str, Any]) -> None:
    assert saw["too_much"]["error"] == "InsufficientFunds"
    assert saw["unknown_order"]["error"] == "OrderNotFound"
    assert "EAPI:Invalid signature" in saw["wrong_secret"]["text"]


def test_the_stream_tells_of_the_market_and_of_our_orders(saw: dict[str, Any]) -> None:
    assert {trade["symbol"] for trade in saw["streamed_trades"]} == {"BTC/USDT"}
    assert decimal(saw["streamed_ticker"]["bid"]) < decimal(saw["streamed_ticker"]["ask"])
    book = saw["streamed_book"]
    assert decimal(book["bids"][0][0]) < decimal(book["asks"][0][0])
    assert isinstance(saw["streamed_order"], list), saw["streamed_order"]
    assert saw["streamed_order"][0]["symbol"] == "BTC/USDT"
