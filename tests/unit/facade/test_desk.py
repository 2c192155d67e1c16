"""A request by hand is a plan told to risk; its outcome is known when nothing more will happen, or when it rests."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from integrated_trading_system.domain.errors import ConfigurationError, Refused
from integrated_trading_system.domain.execution import Fill, Liquidity
from integrated_trading_system.domain.ids import (
    AccountId,
    ActorName,
    Asset,
    ClientOrderId,
    InstrumentId,
    PlanId,
    StrategyId,
    TradeId,
    VenueId,
    VenueOrderId,
)
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import (
    CancelOrder,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from integrated_trading_system.domain.plan import Plan, PlanDenied, PlanFinished
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.facade import desk as desk_module
from integrated_trading_system.facade.desk import Desk, OrderOutcome
from integrated_trading_system.orchestrator.platform import OMS, RISK, Platform
from tests.support.virtual_platform import SPOT, VirtualPlatform, dev_settings

T = TypeVar("T")

BTC = Instrument(
    instrument=InstrumentId(SPOT),
    venue=VenueId("binance:spot"),
    symbol="BTCUSDT",
    base=Asset("BTC"),
    quote=Asset("USDT"),
    settle=Asset("USDT"),
    kind=Kind.SPOT,
    tick=Decimal("0.01"),
    lot=Decimal("0.001"),
)
CLIENT = ClientOrderId("its1z1")


class Host:
    """A platform whose core does only what a test publishes."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.running = True
        self.told: list[tuple[ActorName, Any]] = []
        self.ended = False

    def now(self) -> Nanos:
        return Nanos(1_000)

    def tell(self, actor: ActorName, message: Any) -> None:
        self.told.append((actor, message))

    async def answer(self, future: asyncio.Future[T]) -> T:
        if self.ended:
            raise Refused("the platform ended")
        return await future

    @property
    def plan(self) -> Plan:
        """The newest that risk was told."""
        plan = self.told[-1][1]
        assert isinstance(plan, Plan)
        return plan

    def publish(self, *messages: Any) -> None:
        for message in messages:
            self.platform.system.bus.publish(message)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(VirtualPlatform(dev_settings(tmp_path)).platform)


@pytest.fixture
def desk(host: Host) -> Desk:
    return Desk(host, 1)


async def place(desk: Desk, time_in_force: TimeInForce = TimeInForce.IOC, **changes: Any) -> asyncio.Task[OrderOutcome]:
    """Asked for, and waiting."""
    terms: dict[str, Any] = {
        "quantity": Decimal("0.0129"),
        "price": Decimal("65000.129"),
        "order_type": OrderType.LIMIT,
        **changes,
    }
    task = asyncio.create_task(desk.place(BTC, Side.BUY, time_in_force=time_in_force, **terms))
    await asyncio.sleep(0)
    return task


def order(plan: Plan, status: OrderStatus, *, client_order_id: ClientOrderId = CLIENT, reason: str = "") -> Order:
    leg = plan.legs[0]
    request = OrderRequest(
        client_order_id=client_order_id,
        instrument=leg.instrument,
        account=leg.account,
        side=leg.side,
        order_type=leg.order_type,
        price=leg.price,
        quantity=leg.quantity,
        time_in_force=leg.time_in_force,
        strategy=plan.strategy,
        plan_id=plan.plan_id,
        leg=0,
    )
    return Order(request=request, status=status, reason=reason)


def fill(quantity: str, price: str, *, client_order_id: ClientOrderId = CLIENT) -> Fill:
    return Fill(
        client_order_id=client_order_id,
        venue_order_id=VenueOrderId("1"),
        trade_id=TradeId(quantity),
        instrument=BTC.instrument,
        account=AccountId("binance:spot/main"),
        side=Side.BUY,
        price=Decimal(price),
        quantity=Decimal(quantity),
        fee=Money(Decimal(0), Asset("USDT")),
        liquidity=Liquidity.TAKER,
        venue_time=Nanos(0),
        received_at=Nanos(0),
    )


def finished(plan: Plan, reason: str = "complete") -> PlanFinished:
    return PlanFinished(
        plan_id=plan.plan_id,
        strategy=plan.strategy,
        legs=(),
        hedge_orders=0,
        reason=reason,
        at=Nanos(0),
    )


async def test_risk_is_told_one_leg_on_tick_and_lot_never_more_than_asked(desk: Desk, host: Host) -> None:
    task = await place(desk)
    ((actor, plan),) = host.told
    (leg,) = plan.legs
    assert actor == RISK
    assert (leg.price, leg.quantity, leg.side) == (Decimal("65000.12"), Decimal("0.012"), Side.BUY)
    assert (leg.account, plan.hedge_orders_max) == ("binance:spot/main", 0)
    task.cancel()


async def test_an_order_that_traded_is_told_with_its_fills_and_their_average(desk: Desk, host: Host) -> None:
    task = await place(desk)
    host.publish(order(host.plan, OrderStatus.SUBMITTED), fill("0.004", "64000"), fill("0.008", "65500"))
    await asyncio.sleep(0)
    assert not task.done()
    host.publish(order(host.plan, OrderStatus.FILLED), finished(host.plan))
    outcome = await task
    assert (outcome.status, outcome.final, outcome.reason, outcome.code) == ("filled", True, "", "")
    assert (outcome.filled, outcome.average_price) == (Decimal("0.012"), Decimal(65_000))
    assert outcome.client_order_id == CLIENT


async def test_a_denial_is_an_outcome_with_its_code(desk: Desk, host: Host) -> None:
    task = await place(desk)
    plan = host.plan
    host.publish(PlanDenied(plan_id=plan.plan_id, strategy=plan.strategy, code="halted", detail="enough", at=Nanos(0)))
    outcome = await task
    assert (outcome.status, outcome.code, outcome.reason) == ("denied", "halted", "enough")
    assert (outcome.order, outcome.client_order_id) == (None, None)
    assert outcome.filled == outcome.average_price == 0


async def test_a_plan_that_risk_approved_and_nothing_left_of_is_unsent(desk: Desk, host: Host) -> None:
    task = await place(desk)
    host.publish(finished(host.plan, "shutdown"))
    outcome = await task
    assert (outcome.status, outcome.reason, outcome.final) == ("unsent", "shutdown", True)


async def test_an_order_that_rests_is_told_once_the_venue_has_it(desk: Desk, host: Host) -> None:
    task = await place(desk, TimeInForce.GTC)
    host.publish(order(host.plan, OrderStatus.SUBMITTED))
    await asyncio.sleep(0)
    assert not task.done()
    host.publish(order(host.plan, OrderStatus.WORKING))
    outcome = await task
    assert (outcome.status, outcome.final) == ("working", False)


async def test_an_immediate_order_is_not_told_while_it_works(desk: Desk, host: Host) -> None:
    task = await place(desk, TimeInForce.IOC)
    host.publish(order(host.plan, OrderStatus.WORKING))
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()


async def test_a_resting_order_is_followed_after_it_was_told(desk: Desk, host: Host) -> None:
    task = await place(desk, TimeInForce.GTC)
    plan = host.plan
    host.publish(order(plan, OrderStatus.WORKING))
    await task
    host.publish(fill("0.012", "65000"), order(plan, OrderStatus.FILLED), finished(plan))
    assert desk.outcome(CLIENT).status == "filled"
    assert desk.outcome(CLIENT).final


async def test_a_cancel_goes_past_risk_and_its_outcome_is_the_orders_end(desk: Desk, host: Host) -> None:
    task = await place(desk, TimeInForce.GTC)
    plan = host.plan
    host.publish(order(plan, OrderStatus.WORKING))
    await task
    cancelling = asyncio.create_task(desk.cancel(CLIENT))
    await asyncio.sleep(0)
    assert host.told[-1] == (OMS, CancelOrder(CLIENT, BTC.instrument, plan.legs[0].account))
    host.publish(order(plan, OrderStatus.CANCELLED, reason="by user"), finished(plan, "unfilled: by user"))
    outcome = await cancelling
    assert (outcome.status, outcome.reason) == ("cancelled", "unfilled: by user")


async def test_cancelling_what_is_over_asks_nobody(desk: Desk, host: Host) -> None:
    task = await place(desk)
    host.publish(order(host.plan, OrderStatus.FILLED), finished(host.plan))
    await task
    told = len(host.told)
    assert (await desk.cancel(CLIENT)).status == "filled"
    assert len(host.told) == told


async def test_an_order_of_somebody_else_is_refused(desk: Desk) -> None:
    with pytest.raises(ConfigurationError, match="no order 'its1z9' was placed here"):
        await desk.cancel(ClientOrderId("its1z9"))


async def test_orders_of_strategies_are_none_of_ours(desk: Desk, host: Host) -> None:
    task = await place(desk)
    mine = order(host.plan, OrderStatus.FILLED)
    other = replace(mine, request=replace(mine.request, plan_id=PlanId("arb-1-1"), client_order_id=ClientOrderId("x")))
    host.publish(other, fill("1", "1", client_order_id=ClientOrderId("x")))
    host.publish(mine, finished(host.plan))
    outcome = await task
    assert len(outcome.orders) == 1
    assert outcome.filled == 0


async def test_two_requests_at_once_have_their_own_outcomes(desk: Desk, host: Host) -> None:
    first, one = await place(desk), host.plan
    second, two = await place(desk), host.plan
    assert one.plan_id != two.plan_id
    host.publish(finished(two, "second"), finished(one, "first"))
    assert [(await task).reason for task in (first, second)] == ["first", "second"]


async def test_a_user_who_gives_up_waiting_does_not_lose_the_order(desk: Desk, host: Host) -> None:
    task = await place(desk)
    plan = host.plan
    host.publish(order(plan, OrderStatus.SUBMITTED))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    host.publish(order(plan, OrderStatus.FILLED), finished(plan))
    assert desk.outcome(CLIENT).status == "filled"


async def test_nothing_is_asked_of_a_platform_that_does_not_run(desk: Desk, host: Host) -> None:
    host.running = False
    with pytest.raises(Refused, match="does not run"):
        await desk.place(BTC, Side.BUY, Decimal(1), Decimal(1), OrderType.LIMIT, TimeInForce.IOC)
    assert host.told == []


async def test_plans_by_hand_have_an_owner_that_no_strategy_can_be_called(desk: Desk, host: Host) -> None:
    task = await place(desk)
    assert host.plan.strategy == StrategyId("by.hand")
    task.cancel()


async def test_of_very_many_outcomes_the_oldest_are_forgotten_and_what_is_open_stays(
    desk: Desk, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "OUTCOMES_KEPT_MAX", 2)
    names = [ClientOrderId(f"order-{number}") for number in range(4)]
    for name in names:
        task = await place(desk, TimeInForce.GTC)
        host.publish(order(host.plan, OrderStatus.WORKING, client_order_id=name))
        await task
        if name != names[0]:
            host.publish(order(host.plan, OrderStatus.FILLED, client_order_id=name), finished(host.plan))
    assert desk.outcome(names[0]).status == "working"
    assert desk.outcome(names[3]).status == "filled"
    with pytest.raises(ConfigurationError):
        desk.outcome(names[1])
