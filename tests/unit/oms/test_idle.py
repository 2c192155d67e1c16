"""What an order management does by itself while nothing happens: asks now and then, however much is open."""

from collections.abc import Callable

import pytest

from integrated_trading_system.domain.ids import ClientOrderId
from integrated_trading_system.domain.order import (
    OrderRequest,
    OrderStatus,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
)
from integrated_trading_system.oms.desk import ORDERS_ASKED_MAX
from tests.support.hostile import VENUES
from tests.support.oms_rig import Rig
from tests.support.oms_world import single

ORDERS = 1_000
SECONDS = 300


def resting() -> tuple[Rig, dict[ClientOrderId, OrderRequest]]:
    """Orders in the books of two venues, all of them accepted."""
    rig = Rig()
    for number in range(ORDERS):
        rig.approve(single(number, 3, rig.now))
    requests = {message.request.client_order_id: message.request for message in rig.submits()}
    for request in requests.values():
        rig.tell(rig.accepted(request))
    rig.take()
    assert len(rig.oms.view().orders) == ORDERS
    return rig, requests


def silence(rig: Rig, requests: dict[ClientOrderId, OrderRequest]) -> int:
    """No venue answers; how often they were asked."""
    return len(rig.take())


def answers(rig: Rig, requests: dict[ClientOrderId, OrderRequest]) -> int:
    """Everything rests, nothing trades; how often they were asked."""
    count = 0
    for venue in VENUES:
        for question in rig.venues[venue].take():
            count += 1
            match question:
                case QueryOrder(client_order_id):
                    rig.tell(rig.report(requests[client_order_id], OrderStatus.WORKING))
                case QueryFills(_, _, since):
                    rig.tell(rig.fills(venue, since=since))
                case QueryOpenOrders():
                    here = [request for request in requests.values() if request.instrument.startswith(venue)]
                    rig.tell(rig.open_orders(venue, *(rig.report(request, OrderStatus.WORKING) for request in here)))
                case QueryBalances():
                    rig.tell(rig.balances(venue))
                case _:
                    pytest.fail(f"nothing was to be done but to ask: {question}")
    return count


@pytest.mark.parametrize(
    ("venues", "most"),
    [
        # A round of questions every five seconds; every minute all fills, lists and balances beside them.
        (answers, (ORDERS_ASKED_MAX + 2) / 5 + 1),
        # And each question that found no answer again, every 30 seconds in the end.
        (silence, (ORDERS_ASKED_MAX + 2) / 5 + 1 + (ORDERS + 6) / 30 * 2),
    ],
)
def test_a_thousand_resting_orders_cost_few_questions_and_timers_a_second(
    venues: Callable[[Rig, dict[ClientOrderId, OrderRequest]], int], most: float
) -> None:
    rig, requests = resting()
    timers, asked = rig.system._timer_count, 0
    pending = len(rig.system._timers)
    for _ in range(SECONDS):
        rig.wait(1_000)
        asked += venues(rig, requests)
    assert ORDERS_ASKED_MAX < asked <= most * SECONDS
    assert rig.system._timer_count - timers <= SECONDS, "a timer a second at most: to poll, and to repeat questions"
    assert len(rig.system._timers) <= pending, "none is left over"
    assert rig.halts() == []
