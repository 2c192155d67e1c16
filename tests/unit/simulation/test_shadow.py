"""A shadow answers every request truly, and passes on nothing but the question for balances."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from integrated_trading_system.domain.execution import (
    BalancesReported,
    FillsListed,
    OpenOrdersListed,
    OrderNotFound,
    SubmitRefused,
    UserStreamChanged,
)
from integrated_trading_system.domain.ids import (
    AccountId,
    ActorName,
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    VenueId,
)
from integrated_trading_system.domain.order import (
    CancelOrder,
    CancelOrders,
    OrderRequest,
    OrderType,
    QueryBalances,
    QueryFills,
    QueryOpenOrders,
    QueryOrder,
    Side,
    SubmitOrder,
    TimeInForce,
)
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.runtime.system import System
from integrated_trading_system.simulation.shadow import NOT_SENT, Shadow
from tests.support.collector import Collector

ACCOUNT = AccountId("venue:spot/main")
INSTRUMENT = InstrumentId("venue:spot:BTCUSDT")
ONE, OTHER = ClientOrderId("one"), ClientOrderId("other")
NOW = SECOND
CANCELS = tuple(CancelOrder(name, INSTRUMENT, ACCOUNT) for name in (ONE, OTHER))


class Rig:
    """A shadow, what it tells, and what it passes on."""

    def __init__(self, *, keyed: bool = False) -> None:
        self.told, self.passed_on = Collector(), Collector()
        self.system = System()
        balances = {Asset("USDT"): Decimal(5), Asset("BTC"): Decimal(1)}
        real = self.passed_on if keyed else None
        self.name = ActorName("shadow")
        self.system.spawn(self.name, partial(Shadow, VenueId("venue:spot"), ACCOUNT, balances, self.told, real))
        self.system.start(NOW)
        self.system.run(NOW, 100)
        (up,) = self.told.take()
        assert isinstance(up, UserStreamChanged)

    def answers(self, request: Any) -> list[Any]:
        self.system.tell(self.name, request)
        self.system.run(NOW, 100)
        return self.told.take()


def submit() -> SubmitOrder:
    request = OrderRequest(
        client_order_id=ONE,
        plan_id=PlanId("plan"),
        strategy=StrategyId("strategy"),
        leg=0,
        instrument=INSTRUMENT,
        account=ACCOUNT,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.IOC,
        quantity=Decimal(1),
        price=Decimal(100),
    )
    return SubmitOrder(request, Nanos(NOW + SECOND))


@pytest.mark.parametrize("keyed", [True, False])
def test_an_order_is_refused_because_certainly_nothing_of_it_left(keyed: bool) -> None:
    rig = Rig(keyed=keyed)
    (answer,) = rig.answers(submit())
    assert answer == SubmitRefused(client_order_id=ONE, reason=NOT_SENT, received_at=NOW)
    assert rig.passed_on.messages == []


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (CANCELS[0], [ONE]),
        (QueryOrder(OTHER, INSTRUMENT, ACCOUNT), [OTHER]),
        (CancelOrders(ACCOUNT, CANCELS, all_open=True), [ONE, OTHER]),
    ],
)
def test_there_is_no_order_to_cancel_or_to_ask_about(request_: Any, names: list[ClientOrderId]) -> None:
    rig = Rig(keyed=True)
    answers = rig.answers(request_)
    assert answers == [OrderNotFound(client_order_id=name, asked_at=NOW, received_at=NOW) for name in names]
    assert rig.passed_on.messages == []


def test_nothing_is_open_and_nothing_was_filled() -> None:
    rig = Rig(keyed=True)
    (orders,) = rig.answers(QueryOpenOrders(ACCOUNT))
    assert isinstance(orders, OpenOrdersListed)
    assert orders.orders == ()
    (fills,) = rig.answers(QueryFills(INSTRUMENT, ACCOUNT, NOW))
    assert isinstance(fills, FillsListed)
    assert fills.fills == ()
    assert rig.passed_on.messages == []


def test_without_a_key_the_balances_are_the_declared_ones() -> None:
    (report,) = Rig().answers(QueryBalances(ACCOUNT))
    assert isinstance(report, BalancesReported)
    assert report.complete
    assert {row.asset: row.free for row in report.balances} == {"BTC": Decimal(1), "USDT": Decimal(5)}


def test_with_a_key_the_venue_is_asked_for_the_balances() -> None:
    rig = Rig(keyed=True)
    assert rig.answers(QueryBalances(ACCOUNT)) == []
    assert rig.passed_on.messages == [QueryBalances(ACCOUNT)]
