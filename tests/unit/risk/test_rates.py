"""A rate limit that no alignment of the window can get around."""

import pytest

from integrated_trading_system.domain.order import OrderStatus, Side, TimeInForce
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.risk.rates import RateLimit, Throttle, sent_by
from tests.support.risk_rig import A
from tests.support.trading import leg, order, plan

WINDOW = Nanos(1_000)


def test_a_burst_at_the_end_of_one_window_still_counts_at_the_start_of_the_next() -> None:
    limit = RateLimit(2, WINDOW)
    limit.spend(Nanos(990), claimed=False)
    limit.spend(Nanos(999), claimed=False)
    assert limit.room(Nanos(1_001)) == 0
    assert limit.room(Nanos(1_990)) == 1
    assert limit.room(Nanos(1_999)) == 2


def test_what_is_claimed_does_not_age() -> None:
    limit = RateLimit(2, WINDOW)
    limit.claim(1)
    assert limit.room(Nanos(10_000)) == 1
    limit.release(1)
    assert limit.room(Nanos(10_000)) == 2


def throttle() -> Throttle:
    return Throttle(RateLimit(10, WINDOW), RateLimit(10, WINDOW))


def test_an_order_counts_from_when_it_may_have_left_and_only_once() -> None:
    made = plan(leg(A.instrument, Side.BUY, "1", "100"))
    rates = throttle()
    rates.claim(made)
    for at, status in enumerate((OrderStatus.INTENDED, OrderStatus.SUBMITTED)):
        rates.order(order(made, 0, "o", status), Nanos(at))
    assert rates.orders.used(Nanos(5_000)) == 3, "one order and two repairs, still claimed"
    for at, status in ((5_000, OrderStatus.WORKING), (5_500, OrderStatus.UNKNOWN), (5_900, OrderStatus.FILLED)):
        rates.order(order(made, 0, "o", status), Nanos(at))
    rates.finish(made.plan_id)
    assert rates.orders.used(Nanos(5_999)) == 1
    assert rates.orders.used(Nanos(6_000)) == 0


def test_an_order_that_may_rest_counts_with_its_cancel() -> None:
    made = plan(leg(A.instrument, Side.BUY, "1", "100", time_in_force=TimeInForce.GTC), hedge_orders_max=0)
    rates = throttle()
    rates.claim(made)
    assert (rates.orders.used(Nanos(0)), rates.messages.used(Nanos(0))) == (1, 2)
    rates.order(order(made, 0, "o", OrderStatus.WORKING), Nanos(0))
    rates.order(order(made, 0, "o", OrderStatus.CANCELLED), Nanos(900))
    rates.finish(made.plan_id)
    assert rates.messages.used(Nanos(950)) == 2
    assert rates.messages.used(Nanos(1_000)) == 1


def test_orders_of_unknown_plans_count_too() -> None:
    rates = throttle()
    rates.order(order(plan(leg(A.instrument, Side.BUY, "1", "100")), 0, "o", OrderStatus.WORKING), Nanos(0))
    assert rates.orders.used(Nanos(0)) == 1
    rates.finish(plan().plan_id)
    assert rates.orders.used(Nanos(0)) == 1


def test_a_leg_that_follows_has_no_order_of_its_own_beside_the_hedges() -> None:
    made = plan(leg(A.instrument, Side.BUY, "1", "100"), leg(A.instrument, Side.SELL, "1", "100", follows=0))
    assert sent_by(made) == (1 + made.hedge_orders_max, 1 + made.hedge_orders_max)


def test_an_order_in_doubt_may_have_left() -> None:
    made = plan(leg(A.instrument, Side.BUY, "1", "100"), hedge_orders_max=0)
    rates = throttle()
    rates.claim(made)
    rates.order(order(made, 0, "o", OrderStatus.UNKNOWN), Nanos(100))
    assert rates.orders.used(Nanos(1_099)) == 1
    assert rates.orders.used(Nanos(1_100)) == 0, "then, and not when its fate was found out"


RESTING = plan(leg(A.instrument, Side.BUY, "1", "100", time_in_force=TimeInForce.GTC), hedge_orders_max=0)


def used(rates: Throttle, now: int) -> tuple[int, int]:
    return rates.orders.used(Nanos(now)), rates.messages.used(Nanos(now))


def test_moving_an_order_claims_another_one_and_two_cancels() -> None:
    rates = throttle()
    rates.claim(RESTING)
    assert rates.amend(RESTING.plan_id, Nanos(0))
    assert used(rates, 0) == (2, 4)
    for at, name in ((0, "old"), (10, "new")):
        rates.order(order(RESTING, 0, name, OrderStatus.WORKING), Nanos(at))
        rates.order(order(RESTING, 0, name, OrderStatus.CANCELLED), Nanos(at + 10))
        assert used(rates, at + 10) == (2, 4), "spent is what was claimed"
    rates.finish(RESTING.plan_id)
    assert used(rates, 20) == (2, 4)
    assert used(rates, 1_020) == (0, 0)


def test_a_move_that_never_came_about_is_free_again_with_its_plan() -> None:
    rates = throttle()
    rates.claim(RESTING)
    assert rates.amend(RESTING.plan_id, Nanos(0))
    rates.finish(RESTING.plan_id)
    assert used(rates, 0) == (0, 0)
    assert not rates.amend(RESTING.plan_id, Nanos(0)), "it is over"
    assert used(rates, 0) == (0, 0)


@pytest.mark.parametrize(("orders", "messages", "moved"), [(2, 4, True), (1, 4, False), (2, 3, False)])
def test_an_order_is_moved_only_where_both_rates_have_room(orders: int, messages: int, moved: bool) -> None:
    rates = Throttle(RateLimit(orders, WINDOW), RateLimit(messages, WINDOW))
    rates.claim(RESTING)
    assert rates.amend(RESTING.plan_id, Nanos(0)) is moved
    assert used(rates, 0) == ((2, 4) if moved else (1, 2))
