"""How far legs have come, by their own quantities."""

from decimal import Decimal

from msgspec.structs import replace

from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.money import ZERO, Money
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.plan import HedgePolicy, Plan
from integrated_trading_system.oms.holding import residuals
from integrated_trading_system.oms.progress import excess, fresh, lack, traded
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.oms.state import Tracked
from tests.support.oms_orders import INSTRUMENTS, request, tracked
from tests.support.oms_world import START, cycle, maker_taker, pair


def traded_by(leg: int, quantity: int, filled: int, purpose: Purpose = Purpose.FIRST) -> Tracked:
    order = replace(request(f"{leg}{purpose}", quantity=quantity, leg=leg % 2, side=Side.BUY), leg=leg)
    return tracked(order, OrderStatus.EXPIRED, filled, purpose)


def scaled(plan: Plan, *quantities: str) -> Plan:
    legs = (replace(leg, quantity=Decimal(each)) for leg, each in zip(plan.legs, quantities, strict=True))
    return replace(plan, legs=tuple(legs))


def test_legs_are_compared_by_the_share_of_their_own_quantity() -> None:
    plan = scaled(pair(1, 1, HedgePolicy.PROCEED, START), "10", "4")
    orders = [traded_by(0, 10, 5), traded_by(1, 4, 1)]
    nets = traded(plan, orders)
    assert [excess(plan, nets, leg) for leg in (0, 1)] == [Decimal("2.5"), 0]
    assert [lack(plan, nets, leg) for leg in (0, 1)] == [0, 1]


def test_all_of_unequal_legs_leaves_nothing_unhedged() -> None:
    plan = scaled(pair(1, 1, HedgePolicy.PROCEED, START), "1.001", "1")
    orders = [traded_by(0, 2, 0), traded_by(1, 1, 1)]
    assert residuals(plan, orders, INSTRUMENTS) == (Money(Decimal(-1), Asset("X")),)
    whole = [Decimal("1.001"), Decimal(1)]
    assert [excess(plan, whole, leg) for leg in (0, 1)] == [0, 0]


def test_what_was_traded_back_counts_no_more() -> None:
    plan = pair(1, 4, HedgePolicy.PROCEED, START)
    orders = [traded_by(0, 4, 4), traded_by(0, 4, 3, Purpose.UNWIND)]
    assert residuals(plan, orders, INSTRUMENTS) == (Money(Decimal(1), Asset("X")),)


def test_in_a_chain_only_the_last_leg_that_traded_is_ahead() -> None:
    plan = cycle(1, 2, HedgePolicy.PROCEED, START)
    nets = [Decimal(2), Decimal(2), ZERO]
    assert [excess(plan, nets, leg) for leg in range(3)] == [0, 2, 0]
    assert [lack(plan, nets, leg) for leg in range(3)] == [0, 0, 2]


def test_a_share_is_fresh_until_the_follower_was_ordered_for_it() -> None:
    plan = maker_taker(1, 4, HedgePolicy.REVERSE, START)
    orders = [traded_by(0, 4, 3)]
    assert fresh(plan, orders, traded(plan, orders), 1) == 3
    orders.append(traded_by(1, 2, 1, Purpose.HEDGE))
    assert fresh(plan, orders, traded(plan, orders), 1) == 1, "whatever the order got"
    assert fresh(plan, orders, traded(plan, orders), 0) == 0
