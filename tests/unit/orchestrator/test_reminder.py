"""A strategy that was restarted hears of its orders that are open, and of no others."""

from typing import Any

from integrated_trading_system.domain.comparison import Comparison
from integrated_trading_system.domain.health import ActorFailed
from integrated_trading_system.domain.ids import ActorName, Asset
from integrated_trading_system.domain.order import Order, OrderStatus, Side, TimeInForce
from integrated_trading_system.orchestrator.reminder import Reminder
from integrated_trading_system.runtime.system import System
from integrated_trading_system.strategies.strategy import Strategy
from tests.support.collector import Collector
from tests.support.trading import START, instrument, leg, order, plan

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
