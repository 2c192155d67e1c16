"""A strategy that was restarted hears of its orders that are open, and of no others."""

from typing import Any

from msgspec.structs import replace

from integrated_trading_system.domain.comparison import Comparison, Member
from integrated_trading_system.domain.execution import BalancesReported
from integrated_trading_system.domain.health import ActorFailed
from integrated_trading_system.domain.ids import ActorName, Asset, account_id, venue_of
from integrated_trading_system.domain.order import Order, OrderStatus, QueryBalances, Side, TimeInForce
from integrated_trading_system.orchestrator.reminder import Reminder
from integrated_trading_system.runtime.system import System
from integrated_trading_system.strategies.strategy import Strategy
from tests.support.collector import Collector
from tests.support.trading import START, balances, instrument, leg, order, plan

A = instrument().instrument
MINE = ActorName("strategy.arb")


def test_open_orders_are_told_again_to_the_next_life() -> None:
    system = System()
    heard: Any = Collector()
    reminder = Reminder(system, {}, {})
    reminder.follow_strategy(MINE, heard, Strategy, Comparison(name="c", currency=Asset("USDT"), members=()))
    made = plan(leg(A, Side.SELL, "2", "100", time_in_force=TimeInForce.GTC))
    for name, status in (("open", OrderStatus.WORKING), ("over", OrderStatus.WORKING), ("over", OrderStatus.CANCELLED)):
        system.bus.publish(order(made, 0, name, status))
    assert heard.of(Order) == []
    system.bus.publish(ActorFailed(actor=MINE, error="", restarted=True, at=START))
    assert [one.request.client_order_id for one in heard.of(Order)] == ["open"]


def test_balances_are_told_again_and_asked_for_by_account() -> None:
    system = System()
    heard, first, second = Collector(), Collector(), Collector()
    venue = venue_of(A)
    one, two = account_id(venue, "one"), account_id(venue, "two")
    reminder = Reminder(system, (venue,), {one: first, two: second})
    compared = Comparison(name="c", currency=Asset("USDT"), members=(Member(instrument=A),))
    reminder.follow_strategy(MINE, heard, Strategy, compared)
    told = [replace(balances(A, {"USDT": amount}), account=account) for account, amount in ((one, "1"), (two, "2"))]
    for report in told:
        system.bus.publish(report)
    system.bus.publish(ActorFailed(actor=MINE, error="", restarted=True, at=START))
    assert heard.of(BalancesReported) == told
    assert [ref.of(QueryBalances) for ref in (first, second)] == [[QueryBalances(one)], [QueryBalances(two)]]
