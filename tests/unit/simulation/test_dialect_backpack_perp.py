"""Backpack's perpetuals over their wire: what differs from spot."""

from base64 import b64encode
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrated_trading_system.domain.time import MILLISECOND
from integrated_trading_system.simulation.exchange.dialects.backpack.dialect import BackpackPerp
from integrated_trading_system.simulation.exchange.exchange import Exchange
from tests.support.dialect_clients import SEED, BackpackClient, error
from tests.support.exchange import START, Desk, customer, linear_listing, rules

SYMBOL = "SOL_USDC_PERP"


@pytest.fixture
def client() -> BackpackClient:
    """Offered: 5 at 101; wanted: 5 at 99."""
    key = b64encode(Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()).decode()
    listing = linear_listing(symbol=SYMBOL, base="SOL", quote="USDC", settle="USDC", notional_min=Decimal(0))
    accounts = [customer("me", key=key, USDC=1_000), customer("you", USDC=100_000)]
    venue_rules = rules(taker_bps=Decimal(0), maker_bps=Decimal(0), post_only_refused=False, client_id_unique=False)
    desk = Desk(Exchange([listing], venue_rules, accounts, start=START))
    desk.sell("you", "5", "101", symbol=SYMBOL)
    desk.buy("you", "5", "99", symbol=SYMBOL)
    client = BackpackClient(BackpackPerp(desk.exchange))
    client.settle()
    return client


def exchange(client: BackpackClient) -> Exchange:
    assert isinstance(client.dialect, BackpackPerp)
    return client.dialect.exchange


def order(client: BackpackClient, **changes: Any) -> Any:
    return client.order(**{"symbol": SYMBOL} | changes)


def test_markets_are_perpetuals_with_a_funding_interval(client: BackpackClient) -> None:
    (market,) = client.get("markets")
    assert (market["marketType"], market["fundingInterval"]) == ("PERP", 8 * 3_600_000)
    assert client.get("markets", marketType="SPOT") == []


def test_a_position_is_told_signed_with_its_entry_price(client: BackpackClient) -> None:
    assert client.ask("GET", "/api/v1/position", "positionQuery") == []
    assert order(client, side="Ask", quantity="2", price="99")["status"] == "Filled"
    (position,) = client.ask("GET", "/api/v1/position", "positionQuery")
    assert (position["symbol"], position["netQuantity"], position["entryPrice"]) == (SYMBOL, "-2", "99")
    assert position["pnlUnrealized"] == "-2"


def test_what_positions_and_orders_bind_is_locked(client: BackpackClient) -> None:
    order(client, quantity="2", price="101")
    capital = client.ask("GET", "/api/v1/capital", "balanceQuery")["USDC"]
    assert Decimal(capital["available"]) + Decimal(capital["locked"]) == 1_000
    assert Decimal(capital["locked"]) > 0


def test_an_order_may_only_reduce_a_position(client: BackpackClient) -> None:
    fields = client.fields(symbol=SYMBOL, side="Ask", price="99", reduceOnly=True)
    assert error(client.signed("POST", "/api/v1/order", "orderExecute", fields))[1] == "INVALID_ORDER"
    order(client, quantity="1", price="101")
    reduced = order(client, side="Ask", price="99", reduceOnly=True)
    assert (reduced["status"], reduced["reduceOnly"]) == ("Filled", True)
    assert client.ask("GET", "/api/v1/position", "positionQuery") == []


def test_an_order_beyond_the_margin_is_refused(client: BackpackClient) -> None:
    fields = client.fields(symbol=SYMBOL, quantity="10000", price="98")
    assert error(client.signed("POST", "/api/v1/order", "orderExecute", fields)) == (400, "INSUFFICIENT_MARGIN")


def test_mark_price_index_and_the_next_funding_are_told_by_rest_and_by_stream(client: BackpackClient) -> None:
    due = exchange(client).next_funding
    assert due is not None
    (row,) = client.get("markPrices", symbol=SYMBOL)
    assert (row["markPrice"], row["fundingRate"], row["nextFundingTimestamp"]) == ("100", "0.0001", due // MILLISECOND)
    client.connect("m", "/")
    client.send("m", {"method": "SUBSCRIBE", "params": [f"markPrice.{SYMBOL}"]})
    client.wait(1_000)
    (frame,) = client.frames("m")
    assert frame["stream"] == f"markPrice.{SYMBOL}"
    told = frame["data"]
    assert (told["e"], told["p"], told["f"], told["n"]) == ("markPrice", "100", "0.0001", due // MILLISECOND)
    assert told["T"] == client.now // 1_000


def test_funding_is_paid_and_the_rates_are_listed_newest_first(client: BackpackClient) -> None:
    order(client, quantity="2", price="101")
    due = exchange(client).next_funding
    assert due is not None
    client.wait((due - START) // MILLISECOND)
    capital = client.ask("GET", "/api/v1/capital", "balanceQuery")["USDC"]
    assert Decimal(capital["available"]) + Decimal(capital["locked"]) == 1_000 - Decimal(2 * 100) * Decimal("0.0001")
    rates = client.get("fundingRates", symbol=SYMBOL)
    assert [rate["intervalEndTimestamp"] for rate in rates] == ["2023-11-15T08:00:00", "2023-11-15T00:00:00"]
    assert {rate["fundingRate"] for rate in rates} == {"0.0001"}
    assert client.get("fundingRates", symbol=SYMBOL, limit=1, offset=1) == rates[1:]


def test_open_interest_is_the_sum_of_long_positions(client: BackpackClient) -> None:
    order(client, quantity="2", price="101")
    assert client.get("openInterest", symbol=SYMBOL)[0]["openInterest"] == "2"


def test_the_accounts_events_tell_whether_an_order_only_reduces(client: BackpackClient) -> None:
    client.connect("u", "/")
    client.send("u", {"method": "SUBSCRIBE", "params": ["account.orderUpdate"], "signature": client.proof()})
    order(client, quantity="1", price="101")
    assert [frame["data"]["e"] for frame in client.frames("u")] == ["orderAccepted", "orderFill"]
    order(client, side="Ask", price="99", reduceOnly=True)
    assert {frame["data"]["r"] for frame in client.frames("u")} == {True}
