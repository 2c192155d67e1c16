"""Journal records as bytes."""

from decimal import Decimal

import pytest

from integrated_trading_system.domain.errors import JournalUnavailable
from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.order import OrderStatus
from integrated_trading_system.domain.plan import HedgePolicy
from integrated_trading_system.domain.position import ExternalFlow, FundingPaid, OpeningBalance
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.oms.records import (
    BalanceOpened,
    ExternalBooked,
    FillBooked,
    FillsCovered,
    FundingBooked,
    OrderChanged,
    PlanIntended,
    Purpose,
    Record,
    RepairIntended,
    Started,
    decode,
    encode,
    fills_of,
    funding_of,
    openings_of,
    orders_of,
    traded_by_leg,
)
from integrated_trading_system.simulation.campaign.control import picture
from tests.support.collector import Collector
from tests.support.hostile import VENUES, account_of, instrument_of
from tests.support.oms_orders import request
from tests.support.oms_rig import START, Rig
from tests.support.oms_world import campaign, pair, single

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

RECORDS: list[Record] = [
    Started(fence=3, at=START),
    PlanIntended(plan=pair(1, 3, HedgePolicy.REVERSE, START), orders=(request(),), latest_send=START, at=START),
    RepairIntended(order=request(), purpose=Purpose.UNWIND, latest_send=START, at=START),
    OrderChanged(
        client_order_id=request().client_order_id,
        status=OrderStatus.WORKING,
        venue_order_id=None,
        venue_filled=Decimal("0.10"),
        done=OrderStatus.CANCELLED,
        reason="é",
        at=START,
    ),
    FillsCovered(instrument=instrument_of(VENUES[0]), until=Nanos(5)),
    BalanceOpened(balance=OPENING),
    ExternalBooked(flow=FLOW),
    FundingBooked(funding=FUNDING),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_read_back_as_it_was_written(record: Record) -> None:
    assert decode(encode(record)) == record
    assert encode(decode(encode(record))) == encode(record)


def test_every_record_of_a_run_is_read_back_as_it_was_written() -> None:
    for line in campaign(1).appended:
        assert encode(decode(line)) == line


def test_a_record_is_one_line_of_text_with_its_version_in_front() -> None:
    line = encode(RECORDS[0])
    assert line == b'{"version":1,"record":{"type":"started","fence":3,"at":1700000000000000000}}'


def test_a_newer_journal_is_refused() -> None:
    with pytest.raises(JournalUnavailable, match="version 2; this program reads up to 1"):
        decode(b'{"version":2,"record":{"type":"unheard of"}}')


@pytest.mark.parametrize("line", [b"", b"{}", b'{"version":1}', b'{"version":1,"record":{"type":"other"}}', b"\xff"])
def test_a_damaged_record_is_refused(line: bytes) -> None:
    with pytest.raises(JournalUnavailable, match="not an order journal record"):
        decode(line)


def test_the_fills_of_a_journal_come_in_order() -> None:
    rig = Rig()
    rig.approve(single(2, 5, START))
    order = rig.submits()[0].request
    rig.tell(rig.fill(order, 2, "t1"), rig.fill(order, 3, "t2"))
    assert [fill.trade_id for fill in fills_of(rig.records)] == ["t1", "t2"]
    assert [record for record in map(decode, rig.records) if isinstance(record, FillBooked)]


def test_opening_balances_and_what_came_from_outside_are_journaled_for_the_next_run() -> None:
    rig = Rig()
    before = picture(rig.oms._state)
    rig.tell(OPENING, FLOW)
    assert openings_of(rig.records) == {(FLOW.venue, FLOW.account, FLOW.asset): 970}
    assert picture(rig.oms._state) == before


def test_funding_is_kept_told_to_all_and_changes_no_order() -> None:
    rig = Rig()
    before = picture(rig.oms._state)
    heard = Collector()
    rig.system.bus.subscribe(FundingPaid, heard)
    rig.tell(FUNDING)
    assert funding_of(rig.records) == (FUNDING,)
    assert heard.of(FundingPaid) == [FUNDING]
    assert picture(rig.oms._state) == before


def test_every_order_ever_intended_is_known_again() -> None:
    lines = [encode(record) for record in RECORDS]
    assert list(orders_of(lines)) == [request(), request()]


def test_what_each_leg_traded_is_known_again_and_undoing_subtracts() -> None:
    rig = Rig()
    plan = pair(1, 5, HedgePolicy.REVERSE, START)
    rig.approve(plan)
    buy, sell = (submit.request for submit in rig.submits())
    rig.tell(rig.fill(buy, 3, "t1"))
    rig.complete(sell, 0, "")
    assert traded_by_leg(rig.records) == {plan.plan_id: [3, 0]}
    rig.tell(rig.done(buy, OrderStatus.EXPIRED, 3))
    undo = rig.submits()[1].request
    assert undo.side is buy.side.opposite
    rig.tell(rig.fill(undo, 2, "t2"))
    assert traded_by_leg(rig.records) == {plan.plan_id: [1, 0]}
