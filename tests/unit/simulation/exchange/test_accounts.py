"""What an account remembers, and for how long."""

from decimal import Decimal

import pytest

from integrated_trading_system.domain.order import Side
from integrated_trading_system.simulation.exchange import accounts
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.orders import OrderState
from tests.support.exchange import START, Desk, customer, rules, spot_listing


@pytest.fixture
def desk() -> Desk:
    people = [customer("ann", key="a", BTC=100), customer("bob", USDT=10_000)]
    return Desk(Exchange([spot_listing(), spot_listing(symbol="ETHUSDT", base="ETH")], rules(), people, start=START))


def test_closed_orders_can_still_be_asked_for_by_either_id(desk: Desk) -> None:
    order = desk.sell("ann", "1", "100", client_id="mine")
    desk.buy("bob", "1", "100")
    ann = desk.account("ann")
    assert desk.exchange.order(ann, order.order_id) is order
    assert desk.exchange.order_by_client_id(ann, "BTCUSDT", "mine") is order
    assert order.state is OrderState.FILLED
    assert desk.exchange.open_orders(ann) == []
    assert desk.exchange.orders(ann) == [order]
    assert desk.exchange.orders(ann, "ETHUSDT") == []


def test_the_oldest_history_is_forgotten_first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "HISTORY_MAX", 2)
    orders = [desk.sell("ann", "1", "100", client_id=f"o{number}") for number in range(3)]
    desk.buy("bob", "3", "100")
    ann = desk.account("ann")
    assert desk.exchange.orders(ann) == orders[1:]
    assert desk.exchange.order_by_client_id(ann, "BTCUSDT", "o0") is None
    assert [fill.order_id for fill in desk.exchange.executions(ann)] == [order.order_id for order in orders[1:]]


def test_a_reused_client_id_survives_the_forgetting_of_its_first_order(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "HISTORY_MAX", 1)
    for _ in range(2):
        last = desk.sell("ann", "1", "100", client_id="same")
        desk.buy("bob", "1", "100")
        assert desk.exchange.order_by_client_id(desk.account("ann"), "BTCUSDT", "same") is last


def test_a_revoked_key_opens_nothing(desk: Desk) -> None:
    ann = desk.exchange.account_of_key("a")
    assert ann is desk.account("ann")
    desk.account("ann").revoked = True
    assert desk.exchange.account_of_key("a") is None
    assert desk.exchange.account_of_key("b") is None


def test_open_orders_are_limited_per_symbol() -> None:
    two = rules(open_orders_max=2)
    exchange = Exchange([spot_listing()], two, [customer("ann", BTC=100)], start=START)
    desk = Desk(exchange)
    desk.sell("ann", "1", "100")
    desk.sell("ann", "1", "100")
    assert desk.ask("ann", Side.SELL, "1", "100") == "too-many-orders"


def test_a_quantity_above_the_most_is_refused() -> None:
    listing = spot_listing(quantity_max=Decimal(5))
    desk = Desk(Exchange([listing], rules(), [customer("ann", BTC=100)], start=START))
    assert desk.ask("ann", Side.SELL, "6", "100") == "quantity-max"
