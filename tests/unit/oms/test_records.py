"""Journal records as bytes."""

from decimal import Decimal

import pytest

from integrated_trading_system.domain.errors import JournalDamaged, JournalUnavailable
from integrated_trading_system.domain.ids import Asset, account_id
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
    last_fence,
)
from integrated_trading_system.oms.state import State
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
    FillsCovered(instrument=instrument_of(VENUES[0]), account=account_of(VENUES[0]), until=Nanos(5)),
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
    assert line == b'{"version":3,"record":{"type":"started","fence":3,"at":1700000000000000000}}'


@pytest.mark.parametrize("version", [b"1", b"2"])
def test_lines_of_earlier_versions_are_still_read(version: bytes) -> None:
    for record in RECORDS:
        old = encode(record).replace(b'{"version":3', b'{"version":' + version, 1)
        assert decode(old) == record


def test_what_was_covered_before_there_were_several_accounts_is_covered_on_every_one() -> None:
    line = b'{"version":2,"record":{"type":"covered","instrument":"alpha:spot:XY","until":5}}'
    alpha, state = VENUES[0], State(10, 10)
    state.apply(decode(line))
    second = account_id(alpha, "second")
    state.apply(FillsCovered(instrument=instrument_of(alpha), account=second, until=Nanos(9)))
    known = [state.covered_until(instrument_of(alpha), of) for of in (account_of(alpha), second)]
    assert known == [5, 9]
    assert state.covered_until(instrument_of(VENUES[1]), second) == state.epoch


def test_a_newer_journal_is_refused() -> None:
    with pytest.raises(JournalUnavailable, match="version 4; this program reads up to 3"):
        decode(b'{"version":4,"record":{"type":"unheard of"}}')


@pytest.mark.parametrize("line", [b"", b"{}", b'{"version":1}', b'{"version":1,"record":{"type":"other"}}', b"\xff"])
def test_a_damaged_record_is_refused(line: bytes) -> None:
    with pytest.raises(JournalUnavailable, match="not an order journal record"):
        decode(line)


def test_the_last_run_is_found_without_reading_everything() -> None:
    lines = [encode(Started(fence=fence, at=START)) for fence in (2, 5)]
    assert last_fence([]) == last_fence([encode(RECORDS[-1])]) == 0
    assert last_fence([*lines, encode(RECORDS[-1])]) == 5
    with pytest.raises(JournalDamaged, match="not an order journal record"):
        last_fence([*lines, b"{"])


def test_the_fills_of_a_journal_come_in_order() -> None:
    rig = Rig()
    rig.approve(single(2, 5, START))
    order = rig.submits()[0].request
    rig.tell(rig.fill(order, 2, "t1"), rig.fill(order, 3, "t2"))
    assert [fill.trade_id for fill in fills_of(rig.records)] == ["t1", "t2"]
    assert [record for record in map(decode, rig.records) if isinstance(record, FillBooked)]
