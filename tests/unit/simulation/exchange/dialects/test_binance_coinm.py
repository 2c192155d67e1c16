"""Binance COIN-M over its wire: what differs from USD-M."""

from typing import Any

import pytest

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import DAY, MILLISECOND
from integrated_trading_system.simulation.exchange.dialects.binance.coinm import BinanceCoinm
from integrated_trading_system.simulation.market import Market, MarketSettings
from integrated_trading_system.simulation.venues import build_exchange, listings
from tests.support.exchange import START, BinanceClient, failure

VENUE = VenueId("binance:coinm")
BTC, ETH = "BTCUSD_PERP", "ETHUSD_PERP"


@pytest.fixture
def client() -> BinanceClient:
    settings = MarketSettings(history_minutes=5, levels=3)
    exchange = build_exchange(VENUE, listings(VENUE, [BTC, ETH]), [], Market(7, START, settings), START)
    client = BinanceClient(BinanceCoinm(exchange))
    client.wait(10_000)
    return client


def test_a_contract_is_worth_a_hundred_dollars_of_bitcoin_and_ten_of_everything_else(client: BinanceClient) -> None:
    rows = client.get("/dapi/v1/exchangeInfo")["symbols"]
    names = ("symbol", "pair", "contractSize", "marginAsset", "contractStatus")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (BTC, "BTCUSD", 100, "BTC", "TRADING"),
        (ETH, "ETHUSD", 10, "ETH", "TRADING"),
    ]
    assert all("status" not in row for row in rows)


@pytest.mark.parametrize("symbol", [BTC, ETH])
def test_volumes_are_contracts_and_amounts_are_base_units(client: BinanceClient, symbol: str) -> None:
    size = 100 if symbol == BTC else 10
    rows = client.get("/dapi/v1/klines", symbol=symbol, interval="1m")
    for _, _, high, low, _, volume, _, amount, *_ in (row for row in rows if float(row[5])):
        assert float(low) * 0.99 < float(volume) * size / float(amount) < float(high) * 1.01
    assert len(rows) >= 5


def test_payloads_name_the_pair_and_the_product(client: BinanceClient) -> None:
    client.connect("m", "/stream")
    names = [f"{BTC.lower()}@{kind}" for kind in ("bookTicker", "depth@100ms", "ticker")]
    client.send("m", {"method": "SUBSCRIBE", "params": names, "id": 1})
    client.wait(4_000)
    told: dict[str, Any] = {
        frame["stream"].partition("@")[2]: frame["data"] for frame in client.frames("m") if "stream" in frame
    }
    assert set(told) == {"bookTicker", "depth@100ms", "ticker"}
    assert {(data["ps"], data["st"]) for data in told.values()} == {("BTCUSD", 2)}


@pytest.mark.parametrize("path", ["klines", "markPriceKlines"])
def test_no_more_than_two_hundred_days_are_told_at_once(client: BinanceClient, path: str) -> None:
    day = DAY // MILLISECOND
    fields = {"symbol": BTC, "interval": "1d", "startTime": client.millis - 200 * day}
    assert client.get(f"/dapi/v1/{path}", **fields, endTime=client.millis)
    reply = client.request("GET", f"/dapi/v1/{path}", fields | {"endTime": client.millis + 1})
    assert failure(reply)[0] == -1130


def test_nothing_that_takes_a_signature_is_served(client: BinanceClient) -> None:
    assert client.signed("GET", "/dapi/v1/account").status == 404
    assert client.request("POST", "/dapi/v1/listenKey", key=True).status == 404
