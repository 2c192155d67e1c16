"""What risk and the position management start from."""

from decimal import Decimal

from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.order import OrderStatus
from integrated_trading_system.domain.plan import HedgePolicy
from integrated_trading_system.domain.position import ExternalFlow, FundingPaid, OpeningBalance
from integrated_trading_system.oms.memory import Memory, remember
from integrated_trading_system.oms.records import decode
from integrated_trading_system.simulation.campaign.control import picture
from tests.support.collector import Collector
from tests.support.hostile import VENUES, account_of, instrument_of
from tests.support.oms_rig import START, Rig
from tests.support.oms_world import pair, single

OPENING = OpeningBalance(
    venue=VENUES[0], account=account_of(VENUES[0]), asset=Asset("Y"), amount=Decimal(1000), at=START
)
FLOW = ExternalFlow(venue=VENUES[0], account=account_of(VENUES[0]), asset=Asset("Y"), amount=Decimal(-30), at=START)
FUNDING = FundingPaid(
    venue=VENUES[0],
    account=account_of(VENUES[0]),
    instrument=instrument_of(VENUES[0]),
    asset=Asset("Y"),
    amount=Decimal("-0.5"),
    funding_id="1",
    venue_time=START,
    received_at=START,
)


def memory_of(lines: list[bytes]) -> Memory:
    return remember(map(decode, lines))


def test_opening_balances_and_what_came_from_outside_are_journaled_for_the_next_run() -> None:
    rig = Rig()
    before = picture(rig.oms._state)
    rig.tell(OPENING, FLOW)
    assert memory_of(rig.records).openings == {(FLOW.venue, FLOW.account, FLOW.asset): 970}
    assert picture(rig.oms._state) == before


def test_funding_is_kept_told_to_all_and_changes_no_order() -> None:
    rig = Rig()
    before = picture(rig.oms._state)
    heard = Collector()
    rig.system.bus.subscribe(FundingPaid, heard)
    rig.tell(FUNDING)
    assert memory_of(rig.records).funding == [FUNDING]
    assert heard.of(FundingPaid) == [FUNDING]
    assert picture(rig.oms._state) == before


def test_every_order_ever_intended_is_known_again() -> None:
    rig = Rig()
    plan = pair(1, 5, HedgePolicy.REVERSE, START)
    rig.approve(plan)
    buy, sell = (submit.request for submit in rig.submits())
    rig.complete(buy, 5, "t1")
    rig.complete(sell, 0, "")
    names = [submit.request.client_order_id for submit in rig.submits()]
    assert len(names) > 2
    assert memory_of(rig.records).owners == dict.fromkeys(names, (plan.plan_id, plan.strategy))


def test_what_each_leg_traded_is_known_again_and_undoing_subtracts() -> None:
    rig = Rig()
    plan = pair(1, 5, HedgePolicy.REVERSE, START)
    rig.approve(plan)
    buy, sell = (submit.request for submit in rig.submits())
    rig.tell(rig.fill(buy, 3, "t1"))
    rig.complete(sell, 0, "")
    assert memory_of(rig.records).traded == {plan.plan_id: [3, 0]}
    rig.tell(rig.done(buy, OrderStatus.EXPIRED, 3))
    undo = rig.submits()[1].request
    assert undo.side is buy.side.opposite
    rig.tell(rig.fill(undo, 2, "t2"))
    assert memory_of(rig.records).traded == {plan.plan_id: [1, 0]}


def test_of_a_finished_plan_only_fills_and_owners_are_kept() -> None:
    rig = Rig()
    plan = single(2, 5, START)
    rig.approve(plan)
    assert memory_of(rig.records).plans == {plan.plan_id: plan}
    rig.complete(rig.submits()[0].request, 5, "t1")
    memory = memory_of(rig.records)
    assert (memory.plans, memory.traded, memory.legs) == ({}, {}, {})
    assert [fill.trade_id for fill in memory.fills] == ["t1"]
