"""Every way in which two legs and their repairs can come out, one by one, up to a small size."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import product

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.order import TERMINAL, OrderStatus, Side
from integrated_trading_system.domain.plan import HedgePolicy, Plan
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.envelope import keeps_envelope
from integrated_trading_system.oms.holding import residuals
from integrated_trading_system.oms.legs import next_step
from integrated_trading_system.oms.progress import net
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.oms.state import InFlight, Tracked
from integrated_trading_system.oms.steps import Around, Finish, Permission, Repair, Wait
from tests.support.oms_orders import INSTRUMENTS, request, tracked
from tests.support.oms_world import START, pair

OPEN = [status for status in OrderStatus if status not in TERMINAL]


def plan_of(policy: HedgePolicy, repairs: int, quantity: int = 3) -> Plan:
    return replace(pair(1, quantity, policy, START), hedge_orders_max=repairs)


def over(plan: Plan, leg: int, side: Side, quantity: Decimal, filled: int, purpose: Purpose) -> Tracked:
    status = OrderStatus.FILLED if filled == quantity else OrderStatus.EXPIRED
    order = request(f"{purpose}{leg}", quantity=int(quantity), leg=leg, side=side)
    return tracked(order, status, filled, purpose, at=START)


def around(permission: Permission = Permission.ALL) -> Around:
    return Around(instruments=INSTRUMENTS, permission=permission, now=START, pause=Nanos(0))


def residual(plan: Plan, orders: list[Tracked]) -> Decimal:
    """Both venues trade the same asset."""
    return sum((money.amount for money in residuals(plan, orders, INSTRUMENTS)), Decimal(0))


def endings(plan: Plan, orders: list[Tracked], permission: Permission) -> Iterator[list[Tracked]]:
    """Every end of the plan from here; on the way every repair is checked."""
    before = residual(plan, orders)
    step = next_step(InFlight(plan, orders), around(permission))
    if isinstance(step, Finish):
        yield orders
        return
    assert isinstance(step, Repair), step
    assert keeps_envelope(plan, orders, step, START, INSTRUMENTS)
    for filled in range(int(step.quantity) + 1):
        after = [*orders, over(plan, step.leg, step.side, step.quantity, filled, step.purpose)]
        assert abs(residual(plan, after)) <= abs(before), "a repair never makes it worse"
        yield from endings(plan, after, permission)


@pytest.mark.parametrize("policy", HedgePolicy)
@pytest.mark.parametrize("repairs", range(5))
@pytest.mark.parametrize("permission", [Permission.ALL, Permission.UNWIND, Permission.NONE])
def test_every_outcome_ends_within_the_envelope(policy: HedgePolicy, repairs: int, permission: Permission) -> None:
    plan = plan_of(policy, repairs)
    seen = 0
    for first, second in product(range(4), repeat=2):
        start = [
            over(plan, leg, plan.legs[leg].side, Decimal(3), filled, Purpose.FIRST)
            for leg, filled in enumerate((first, second))
        ]
        for orders in endings(plan, start, permission):
            seen += 1
            assert abs(residual(plan, orders)) <= abs(first - second) <= 3, "never more than one leg"
            assert len(orders) - 2 <= repairs
            assert all(0 <= net(orders, leg) <= 3 for leg in (0, 1))
            spent = [each for each in orders if each.purpose is not Purpose.FIRST]
            if permission is Permission.NONE or policy is HedgePolicy.CANCEL:
                assert not spent
            if permission is Permission.UNWIND or policy is HedgePolicy.REVERSE:
                assert all(each.purpose is Purpose.UNWIND for each in spent)
            if residual(plan, orders) and permission is not Permission.NONE and policy is not HedgePolicy.CANCEL:
                assert len(spent) == repairs, "nothing is left while an order could still repair it"
            if spent and spent[-1].order.status is OrderStatus.FILLED:
                assert residual(plan, orders) == 0, "one repair that finds its price is enough"
    assert seen >= 16


@pytest.mark.parametrize("policy", HedgePolicy)
@pytest.mark.parametrize("status", OPEN)
@pytest.mark.parametrize("leg", [0, 1])
def test_nothing_is_repaired_while_the_fate_of_any_order_is_open(
    policy: HedgePolicy, status: OrderStatus, leg: int
) -> None:
    plan = plan_of(policy, 4)
    for filled, other in product(range(4), repeat=2):
        waiting = tracked(request("w", quantity=4, leg=leg), status, filled)
        ended = over(plan, 1 - leg, plan.legs[1 - leg].side, Decimal(3), other, Purpose.FIRST)
        step = next_step(InFlight(plan, [waiting, ended]), around())
        assert step == Wait(plan.hedge_by)


def test_the_missing_leg_is_bought_first_and_the_excess_sold_after_half_of_the_orders() -> None:
    plan = plan_of(HedgePolicy.PROCEED, 4)
    ways = {
        tuple(each.purpose for each in orders[2:])
        for orders in endings(
            plan,
            [
                over(plan, 0, plan.legs[0].side, Decimal(3), 3, Purpose.FIRST),
                over(plan, 1, plan.legs[1].side, Decimal(3), 0, Purpose.FIRST),
            ],
            Permission.ALL,
        )
    }
    longest = max(ways, key=len)
    assert all(way[0] is Purpose.HEDGE for way in ways)
    assert all(list(way) == sorted(way) for way in ways), "once it turned back it does not turn again"
    assert max(way.count(Purpose.HEDGE) for way in ways) == 2
    assert len(longest) == 4
