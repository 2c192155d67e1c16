"""What risk approved is all that may be ordered, whoever decides on it."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.plan import HedgePolicy, Plan
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.envelope import keeps_envelope, reserve
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.oms.state import Tracked
from integrated_trading_system.oms.steps import Repair
from tests.support.oms_orders import INSTRUMENTS, request, tracked
from tests.support.oms_world import START, cycle, maker_taker, pair

HEDGE, UNWIND = Purpose.HEDGE, Purpose.UNWIND
OVER, OPEN = OrderStatus.EXPIRED, OrderStatus.WORKING
FOUR, THREE, ONE = Decimal(4), Decimal(3), Decimal(1)
PAIR = pair(1, 4, HedgePolicy.PROCEED, START)
MAKER = maker_taker(1, 4, HedgePolicy.PROCEED, START)


def came_out(*orders: tuple[int, OrderStatus, int, Purpose]) -> list[Tracked]:
    """Orders of four lots: leg, status, filled, purpose."""
    return [
        tracked(request(f"{number}", quantity=4, leg=leg), status, filled, purpose)
        for number, (leg, status, filled, purpose) in enumerate(orders)
    ]


UNEQUAL = came_out((0, OVER, 4, Purpose.FIRST), (1, OVER, 1, Purpose.FIRST))
RESTS = came_out((0, OPEN, 3, Purpose.FIRST))
GOOD = [
    (PAIR, UNEQUAL, Repair(1, HEDGE, Side.SELL, THREE, Decimal(99))),
    (PAIR, UNEQUAL, Repair(0, UNWIND, Side.SELL, THREE, Decimal(99))),
    (MAKER, RESTS, Repair(1, HEDGE, Side.SELL, THREE, Decimal(99))),
]


def kept(plan: Plan, orders: list[Tracked], repair: Repair, now: Nanos = START) -> bool:
    return keeps_envelope(plan, orders, repair, now, INSTRUMENTS)


@pytest.mark.parametrize(("plan", "orders", "repair"), GOOD)
def test_what_repairs_the_plan_is_inside(plan: Plan, orders: list[Tracked], repair: Repair) -> None:
    assert kept(plan, orders, repair)
    assert not kept(plan, orders, repair, plan.hedge_by), "nothing leaves after the time to flat"
    assert not kept(replace(plan, hedge_orders_max=0), orders, repair)


@pytest.mark.parametrize(("plan", "orders", "repair"), GOOD)
def test_more_than_is_needed_another_side_or_a_worse_price_is_outside(
    plan: Plan, orders: list[Tracked], repair: Repair
) -> None:
    worse = Repair(repair.leg, repair.purpose, repair.side, repair.quantity, repair.price - ONE)
    more = Repair(repair.leg, repair.purpose, repair.side, FOUR, repair.price)
    turned = Repair(repair.leg, repair.purpose, Side.BUY, repair.quantity, repair.price)
    assert not any(kept(plan, orders, each) for each in (worse, more, turned))


@pytest.mark.parametrize("purpose", [HEDGE, UNWIND])
@pytest.mark.parametrize("leg", [0, 1])
def test_a_leg_with_an_open_order_gets_no_second_one(purpose: Purpose, leg: int) -> None:
    orders = [*UNEQUAL, *came_out((leg, OPEN, 0, HEDGE))]
    repair = Repair(leg, purpose, Side.SELL, ONE, Decimal(99))
    assert not kept(PAIR, orders, repair)


def test_only_followers_are_ordered_while_another_leg_is_open() -> None:
    orders = came_out((0, OPEN, 4, Purpose.FIRST), (1, OVER, 1, Purpose.FIRST))
    assert not kept(PAIR, orders, Repair(1, HEDGE, Side.SELL, ONE, Decimal(99)))
    assert not kept(MAKER, RESTS, Repair(0, UNWIND, Side.SELL, ONE, Decimal(99)))


def test_orders_are_counted_over_the_whole_plan() -> None:
    spent = [*UNEQUAL, *came_out(*[(1, OVER, 0, HEDGE)] * 4)]
    repair = Repair(1, HEDGE, Side.SELL, ONE, Decimal(99))
    assert not kept(PAIR, spent, repair)
    assert kept(replace(PAIR, hedge_orders_max=5), spent, repair, Nanos(PAIR.hedge_by - 1))


def test_what_was_paid_away_in_fees_is_not_traded_back() -> None:
    orders = came_out((0, OVER, 4, Purpose.FIRST), (1, OVER, 0, Purpose.FIRST))
    orders[0].fees = {Asset("X"): Decimal("0.1")}
    back = [Repair(0, UNWIND, Side.SELL, Decimal(quantity), Decimal(99)) for quantity in ("3.9", "3.91")]
    assert [kept(PAIR, orders, each) for each in back] == [True, False]


def test_a_leg_that_another_one_supplies_does_not_sell_what_was_paid_away_in_fees() -> None:
    buy, sell = PAIR.legs
    plan = replace(PAIR, legs=(buy, replace(sell, instrument=buy.instrument, account=buy.account, follows=0)))
    orders = came_out((0, OVER, 4, Purpose.FIRST))
    orders[0].fees = {Asset("X"): Decimal("0.1")}
    hedges = [Repair(1, HEDGE, Side.SELL, Decimal(quantity), Decimal(99)) for quantity in ("3.9", "3.91")]
    assert [kept(plan, orders, each) for each in hedges] == [True, False]


def test_what_is_kept_for_turning_back_leaves_enough_to_follow() -> None:
    round_trip = cycle(1, 4, HedgePolicy.REVERSE, START)
    assert [reserve(replace(PAIR, hedge_orders_max=most)) for most in (0, 1, 4, 5)] == [0, 0, 2, 2]
    assert [reserve(replace(MAKER, hedge_orders_max=most)) for most in (2, 3, 10)] == [0, 1, 1]
    assert [reserve(replace(round_trip, hedge_orders_max=most)) for most in (2, 3, 4, 9)] == [0, 1, 2, 2]
    assert reserve(replace(MAKER, policy=HedgePolicy.CANCEL)) == 0
