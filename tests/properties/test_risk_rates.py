"""In no window, however aligned, leaves more than the limit: with hedges at any time after approval."""

from hypothesis import given
from hypothesis import strategies as st

from integrated_trading_system.domain.ids import PlanId
from integrated_trading_system.domain.order import Order, OrderStatus, Side, TimeInForce
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.risk.rates import RateLimit, Throttle, sent_by
from tests.support.risk_rig import A, B
from tests.support.trading import leg, order, plan

WINDOW = 100
LIMIT = 6

plans = st.tuples(
    st.integers(0, 60),  # time since the one before
    st.integers(1, 2),  # legs
    st.integers(0, 2),  # repairs that it may make
    st.booleans(),  # rests
    st.lists(st.tuples(st.integers(0, 150), st.integers(0, 50)), max_size=4),  # orders: sent after, over after
)


def busiest(times: list[int]) -> int:
    """The most in any half-open window: it is enough to look at those that end with a message."""
    return max((sum(end - WINDOW < at <= end for at in times) for end in times), default=0)


@given(st.lists(plans, max_size=12))
def test_no_window_holds_more_than_the_limit(drawn: list[tuple[int, int, int, bool, list[tuple[int, int]]]]) -> None:
    throttle = Throttle(RateLimit(LIMIT, Nanos(WINDOW)), RateLimit(LIMIT + 2, Nanos(WINDOW)))
    agenda: list[tuple[int, int, str, Plan, Order | None]] = []
    now = 0
    for number, (pause, legs, repairs, rests, orders) in enumerate(drawn):
        now += pause
        force = TimeInForce.GTC if rests else TimeInForce.IOC
        made = plan(
            *(leg(one.instrument, Side.BUY, "1", "100", time_in_force=force) for one in (A, B)[:legs]),
            name=f"p-{number}",
            hedge_orders_max=repairs,
        )
        agenda.append((now, len(agenda), "ask", made, None))
        over = now
        for index, (delay, life) in enumerate(orders[: legs + repairs]):
            sent = order(made, min(index, legs - 1), f"{number}/{index}", OrderStatus.WORKING, undo=index >= legs)
            agenda.append((now + delay, len(agenda), "sent", made, sent))
            agenda.append((now + delay + life, len(agenda), "over", made, sent))
            over = max(over, now + delay + life)
        agenda.append((over, len(agenda), "end", made, None))
    approved: dict[PlanId, None] = {}
    sent_at: list[int] = []
    cancelled_at: list[int] = []
    for at, _, what, made, of in sorted(agenda, key=lambda item: item[:2]):
        instant = Nanos(at)
        if what == "ask":
            orders_most, messages_most = sent_by(made)
            if orders_most <= throttle.orders.room(instant) and messages_most <= throttle.messages.room(instant):
                approved[made.plan_id] = None
                throttle.claim(made)
        elif made.plan_id not in approved:
            continue
        elif of is None:
            throttle.finish(made.plan_id)
        elif what == "sent":
            sent_at.append(at)
            throttle.order(of, instant)
        else:
            if of.request.time_in_force is TimeInForce.GTC:
                cancelled_at.append(at)
            throttle.order(Order(request=of.request, status=OrderStatus.CANCELLED), instant)
    assert busiest(sent_at) <= LIMIT
    assert busiest(sent_at + cancelled_at) <= LIMIT + 2


def test_the_measure_sees_a_burst_across_two_windows() -> None:
    assert busiest([99, 100, 101, 198]) == 4
    assert busiest([0, 100]) == 1
