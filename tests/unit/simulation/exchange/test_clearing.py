"""Derivatives: positions, profit, margin, funding."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import HOUR, Nanos
from integrated_trading_system.simulation.exchange.accounts import Position
from integrated_trading_system.simulation.exchange.events import AccountChanged, Change, OrderChanged, Why
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.exchange.orders import EndReason, Refusal
from tests.support.exchange import START, Desk, customer, linear_listing, numbers, rules


@pytest.fixture
def desk() -> Desk:
    """Two accounts of 1000 USDT, no fees, leverage 20."""
    free = rules(maker_bps=Decimal(0), taker_bps=Decimal(0))
    accounts = [customer("ann", USDT=1000), customer("bob", USDT=1000)]
    return Desk(Exchange([linear_listing()], free, accounts, start=START))


def trade(desk: Desk, buyer: str, seller: str, quantity: str, price: str) -> None:
    desk.sell(seller, quantity, price)
    desk.buy(buyer, quantity, price)


def test_a_reduced_position_books_its_profit_and_keeps_its_entry_price(desk: Desk) -> None:
    trade(desk, "ann", "bob", "4", "100")
    trade(desk, "bob", "ann", "1", "110")
    ann = desk.exchange.position(desk.account("ann"), "BTCUSDT")
    assert (ann.quantity, ann.entry_price, ann.realised) == numbers(3, 100, 10)
    assert desk.account("ann").wallet("USDT").free == 1010
    assert desk.account("bob").wallet("USDT").free == 990
    assert desk.exchange.bank.total("USDT") == 2000


def test_a_fill_through_zero_closes_and_opens_on_the_other_side(desk: Desk) -> None:
    trade(desk, "ann", "bob", "1", "100")
    trade(desk, "bob", "ann", "3", "90")
    ann = desk.exchange.position(desk.account("ann"), "BTCUSDT")
    assert (ann.quantity, ann.entry_price, ann.realised) == numbers(-2, 90, -10)


@given(
    st.lists(
        st.tuples(st.integers(-50, 50).filter(bool), st.integers(5_000, 20_000), st.booleans()), min_size=1, max_size=30
    )
)
def test_cost_and_profit_of_a_position_always_add_up(fills: list[tuple[int, int, bool]]) -> None:
    """What was booked plus what would be booked by closing now equals what came in minus what went out."""
    position, cash = Position(Decimal(20)), Decimal(0)
    price = Decimal(1)
    for lots, ticks, _ in fills:
        quantity, price = Decimal(lots) / 1000, Decimal(ticks) / 100
        position.trade(quantity, abs(quantity) * price, inverse=False)
        cash -= quantity * price
    gain = position.realised + abs(position.quantity) * price - position.cost
    if position.quantity < 0:
        gain = position.realised + position.cost - abs(position.quantity) * price
    assert gain == cash + position.quantity * price


def test_an_inverse_contract_earns_in_base(desk: Desk) -> None:
    listing = linear_listing(symbol="BTCUSD", settle="BTC", kind=Kind.INVERSE, multiplier=Decimal(100), lot=Decimal(1))
    exchange = Exchange([listing], rules(), [customer("ann", BTC=10), customer("bob", BTC=10)], start=START)
    inverse = Desk(exchange)
    inverse.sell("bob", "10", "100", symbol="BTCUSD")
    inverse.buy("ann", "10", "100", symbol="BTCUSD")
    inverse.buy("bob", "10", "125", symbol="BTCUSD")
    inverse.sell("ann", "10", "125", symbol="BTCUSD")
    assert exchange.position(inverse.account("ann"), "BTCUSD").realised == 10 - 8
    assert exchange.bank.total("BTC") == 20


def test_margin_limits_what_may_be_opened_but_never_what_is_closed(desk: Desk) -> None:
    trade(desk, "ann", "bob", "190", "100")
    assert desk.ask("ann", Side.BUY, "20", "99") is Refusal.INSUFFICIENT_MARGIN
    assert not isinstance(desk.ask("ann", Side.BUY, "5", "99"), Refusal)
    assert not isinstance(desk.ask("ann", Side.SELL, "190", "101"), Refusal)
    assert desk.exchange.margin(desk.account("ann"), "USDT").available >= 0


def test_a_reduce_only_order_is_refused_when_flat_and_never_turns_the_position(desk: Desk) -> None:
    assert desk.ask("ann", Side.SELL, "1", "100", reduce_only=True) is Refusal.REDUCE_ONLY
    trade(desk, "ann", "bob", "1", "100")
    desk.buy("bob", "5", "100")
    order = desk.sell("ann", "3", "100", reduce_only=True)
    assert order.end_reason is EndReason.REDUCE_ONLY
    assert order.filled == 1
    assert desk.exchange.position(desk.account("ann"), "BTCUSDT").quantity == 0


def test_a_resting_reduce_only_order_expires_when_its_position_is_gone(desk: Desk) -> None:
    trade(desk, "ann", "bob", "1", "100")
    resting = desk.sell("ann", "1", "110", reduce_only=True)
    trade(desk, "bob", "ann", "1", "100")
    desk.exchange.take()
    desk.buy("bob", "1", "115")
    expired = [
        event for event in desk.exchange.take() if isinstance(event, OrderChanged) and event.order.account == "ann"
    ]
    assert [event.change for event in expired] == [Change.EXPIRED]
    assert not resting.is_open
    assert resting.filled == 0


def test_longs_pay_shorts_every_eight_hours(desk: Desk) -> None:
    trade(desk, "ann", "bob", "10", "100")
    desk.exchange.take()
    due = desk.exchange.next_funding
    assert due is not None
    assert due % (8 * HOUR) == 0
    assert desk.exchange.advance(Nanos(due - 1)) is False
    assert desk.exchange.advance(due) is True
    assert desk.account("ann").wallet("USDT").free == Decimal("999.9")
    assert desk.account("bob").wallet("USDT").free == Decimal("1000.1")
    told = [event for event in desk.exchange.take() if isinstance(event, AccountChanged)]
    assert [(event.account, event.why, event.positions) for event in told] == [
        ("ann", Why.FUNDING, ()),
        ("bob", Why.FUNDING, ()),
    ]
    assert desk.exchange.next_funding == due + 8 * HOUR


def test_a_deposit_comes_from_the_house(desk: Desk) -> None:
    desk.exchange.transfer(desk.account("ann"), "USDT", Decimal(500), START)
    assert desk.account("ann").wallet("USDT").free == 1500
    assert desk.exchange.bank.total("USDT") == 2000
    assert [event.why for event in desk.exchange.take() if isinstance(event, AccountChanged)] == [Why.TRANSFER]
