"""Our own orders in the book: counted while they may stand there, gone when they cannot."""

from decimal import Decimal

from integrated_trading_system.domain.order import Order, OrderStatus, Side, TimeInForce
from integrated_trading_system.strategies.resting import Resting
from tests.support.trading import instrument, leg, order, plan

A = instrument().instrument


def resting(status: OrderStatus = OrderStatus.WORKING, name: str = "o-1", filled: str = "0") -> Order:
    made = plan(leg(A, Side.SELL, "2", "100", time_in_force=TimeInForce.GTC))
    return order(made, 0, name, status, filled=Decimal(filled))


def test_an_order_that_rests_stands_in_the_way_of_the_other_side() -> None:
    book = Resting()
    book.order(resting())
    assert book.against(A, Side.BUY) == {Decimal(100): Decimal(2)}
    assert book.against(A, Side.SELL) == {}


def test_two_orders_at_one_price_add_up_and_fills_take_away() -> None:
    book = Resting()
    book.order(resting())
    book.order(resting(name="o-2"))
    book.order(resting(name="o-2", filled="1.5"))
    assert book.against(A, Side.BUY) == {Decimal(100): Decimal("2.5")}


def test_an_order_whose_fate_is_unknown_may_stand_there() -> None:
    book = Resting()
    book.order(resting(OrderStatus.UNKNOWN))
    assert book.against(A, Side.BUY) == {Decimal(100): Decimal(2)}


def test_what_is_over_or_not_sent_yet_or_never_stays_does_not_count() -> None:
    book = Resting()
    immediate = order(plan(leg(A, Side.SELL, "2", "100")), 0, "o-3", OrderStatus.WORKING)
    for one in (resting(OrderStatus.INTENDED), immediate):
        book.order(one)
    assert book.against(A, Side.BUY) == {}
    book.order(resting())
    book.order(resting(OrderStatus.CANCELLED))
    assert book.against(A, Side.BUY) == {}
