"""Two legs that came out differently, repaired within the envelope of their plan."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from integrated_trading_system.config.oms import OmsSettings
from integrated_trading_system.domain.execution import SubmitRefused, SubmitUncertain
from integrated_trading_system.domain.health import TradingState
from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.journal import JournalCommitted
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.order import OrderRequest, Side, TimeInForce
from integrated_trading_system.domain.plan import HedgePolicy, Plan
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.oms import plans
from integrated_trading_system.oms.records import Purpose
from integrated_trading_system.oms.steps import Repair
from tests.support.hostile import VENUES
from tests.support.oms_rig import START, Rig, left
from tests.support.oms_world import pair, single
from tests.support.seen import seen

PROCEED, REVERSE, CANCEL = HedgePolicy.PROCEED, HedgePolicy.REVERSE, HedgePolicy.CANCEL


def begin(rig: Rig, policy: HedgePolicy = PROCEED, quantity: int = 4, **changes: object) -> tuple[OrderRequest, ...]:
    """Buy on the first venue, sell on the second; both sent."""
    plan: Plan = replace(pair(1, quantity, policy, rig.now), **changes)
    rig.approve(plan)
    requests = tuple(message.request for message in rig.submits())
    assert [request.side for request in requests] == [Side.BUY, Side.SELL]
    rig.take()
    return requests


def repair(rig: Rig) -> OrderRequest:
    """The one order that was sent to repair."""
    (submit,) = rig.submits()
    rig.take()
    return submit.request


def test_both_legs_complete() -> None:
    rig = Rig()
    buy, sell = begin(rig, expected_edge=Decimal(7))
    rig.complete(buy, 4, "t1")
    assert rig.finished() == []
    rig.complete(sell, 4, "t2")
    (finished,) = rig.finished()
    assert seen(finished.reason, left(finished), finished.hedge_orders) == ("complete", 0, 0)
    assert [leg.flow for leg in finished.legs] == [-400, 400]
    assert [leg.fees for leg in finished.legs] == [Decimal("0.01")] * 2
    assert finished.legs[0].fees_paid == (Money(Decimal("0.01"), Asset("Y")),)
    assert finished.expected_edge == 7


def test_what_is_missing_is_traded_up_to_the_worst_price() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    rig.complete(buy, 4, "t1")
    rig.complete(sell, 1, "t2")
    order = repair(rig)
    assert seen(order.side, order.quantity, order.price) == (Side.SELL, 3, Decimal(99))
    assert order.time_in_force is TimeInForce.IOC
    rig.complete(order, 3, "t3")
    (finished,) = rig.finished()
    assert seen(finished.reason, left(finished), finished.hedge_orders) == ("hedged", 0, 1)
    assert finished.legs[1].average_price == (Decimal(100) + 3 * 99) / 4


def test_a_hedge_that_finds_nothing_turns_back() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    rig.complete(buy, 4, "t1")
    rig.complete(sell, 0, "")
    rig.complete(repair(rig), 0, "")
    assert rig.submits() == [], "the books need time"
    rig.wait(250)
    order = repair(rig)
    assert seen(order.instrument, order.side, order.quantity, order.price) == (
        buy.instrument,
        Side.SELL,
        4,
        Decimal(99),
    )
    rig.complete(order, 4, "t3")
    (finished,) = rig.finished()
    assert seen(finished.reason, left(finished), finished.hedge_orders) == ("unwound", 0, 2)
    assert [leg.filled for leg in finished.legs] == [0, 0]
    assert finished.legs[0].flow == -4, "what it cost to turn back"


def test_what_the_venue_kept_of_a_purchase_is_not_traded_back_and_nothing_waits_for_it() -> None:
    rig = Rig()
    buy, sell = begin(rig, REVERSE)
    for trade in ("t1", "t2"):
        rig.tell(replace(rig.fill(buy, 2, trade), fee=Money(Decimal("0.2"), Asset("X"))))
    rig.complete(sell, 0, "")
    order = repair(rig)
    assert seen(order.instrument, order.side, order.quantity) == (buy.instrument, Side.SELL, 3)
    rig.complete(order, 3, "t3")
    rig.wait(250)
    (finished,) = rig.finished()
    assert seen(finished.reason, left(finished), finished.hedge_orders) == (
        "residual: below the venue's minimum",
        Decimal("0.6"),
        1,
    )


def test_a_hedge_that_found_too_little_is_repeated_after_a_pause() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    rig.complete(buy, 4, "t1")
    rig.complete(sell, 0, "")
    rig.complete(repair(rig), 1, "t2")
    rig.wait(249)
    assert rig.submits() == [], "the books need time"
    rig.wait(1)
    again = repair(rig)
    assert seen(again.instrument, again.side, again.quantity) == (sell.instrument, Side.SELL, 3)


def test_reverse_trades_the_excess_back_at_once() -> None:
    rig = Rig()
    buy, sell = begin(rig, REVERSE)
    rig.complete(buy, 1, "t1")
    rig.complete(sell, 4, "t2")
    order = repair(rig)
    assert seen(order.instrument, order.side, order.quantity, order.price) == (
        sell.instrument,
        Side.BUY,
        3,
        Decimal(101),
    )


def test_cancel_leaves_what_came_about() -> None:
    rig = Rig()
    buy, sell = begin(rig, CANCEL)
    rig.complete(buy, 4, "t1")
    rig.complete(sell, 1, "t2")
    (finished,) = rig.finished()
    assert seen(finished.reason, left(finished)) == ("residual: policy", 3)


def test_nothing_filled_needs_no_repair() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    rig.complete(buy, 0, "")
    rig.complete(sell, 0, "")
    assert rig.finished()[0].reason == "unfilled"


def test_an_equal_part_of_both_needs_no_repair() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    rig.complete(buy, 2, "t1")
    rig.complete(sell, 2, "t2")
    assert rig.finished()[0].reason == "partial"


def test_a_leg_in_doubt_is_not_repaired_however_long_that_takes() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    rig.complete(buy, 4, "t1")
    rig.tell(SubmitUncertain(client_order_id=sell.client_order_id, reason="timeout", received_at=START))
    rig.wait(600_000)
    assert rig.submits() == []
    assert rig.finished() == []
    assert rig.oms.view().unknown == rig.oms.view().plans == 1


def test_a_rejected_leg_is_repaired_once_the_reject_is_proven() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    rig.complete(buy, 4, "t1")
    rig.tell(SubmitUncertain(client_order_id=sell.client_order_id, reason="timeout", received_at=START))
    rig.wait(8_001)
    rig.tell(rig.not_found(sell), rig.open_orders(VENUES[1]))
    assert rig.submits() == []
    rig.tell(rig.fills(VENUES[1]))
    assert repair(rig).quantity == 4


def test_a_leg_that_certainly_did_not_leave_is_repaired_at_once() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    rig.complete(buy, 4, "t1")
    rig.tell(SubmitRefused(client_order_id=sell.client_order_id, reason="rate limit", received_at=START))
    assert repair(rig).side is Side.SELL


def test_a_repair_is_durable_before_it_is_sent() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    rig.complete(buy, 4, "t1")
    rig.durable = False
    rig.complete(sell, 0, "")
    assert rig.submits() == []
    rig.tell(JournalCommitted(len(rig.records)))
    assert len(rig.submits()) == 1


def test_a_repair_leaves_before_the_deadline_or_never() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    rig.complete(buy, 4, "t1")
    rig.wait(19_500)
    rig.complete(sell, 0, "")
    assert rig.submits()[0].latest_send == START + 20 * SECOND


def test_after_the_deadline_the_residual_is_reported() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    rig.complete(buy, 4, "t1")
    rig.wait(20_000)
    rig.complete(sell, 1, "t2")
    assert rig.finished()[0].reason == "residual: deadline"
    assert left(rig.finished()[0]) == 3


def test_repair_orders_are_counted() -> None:
    rig = Rig(OmsSettings(repair_pause_ms=0))
    buy, sell = begin(rig, REVERSE, hedge_orders_max=2)
    rig.complete(buy, 4, "t1")
    rig.complete(sell, 0, "")
    rig.complete(repair(rig), 1, "t3")
    rig.complete(repair(rig), 1, "t4")
    assert rig.finished()[0].reason == "residual: repair orders spent"
    assert left(rig.finished()[0]) == 2


@pytest.mark.parametrize(
    ("state", "side"), [(TradingState.REDUCING, Side.SELL), (TradingState.HALTED, None), (TradingState.ACTIVE, None)]
)
def test_trading_states_narrow_the_envelope(state: TradingState, side: Side | None) -> None:
    rig = Rig()
    buy, sell = begin(rig)
    rig.complete(buy, 4, "t1")
    rig.set_state(state)
    rig.take()
    rig.complete(sell, 0, "")
    if state is TradingState.HALTED:
        assert rig.finished()[0].reason == "residual: halted"
        return
    order = repair(rig)
    if side is not None:
        assert (order.instrument, order.side) == (buy.instrument, side), "reducing: only back"
    else:
        assert order.instrument == sell.instrument


def test_less_than_the_venues_minimum_is_left() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    for venue in VENUES:
        rig.oms._plans.instruments[rig.fills(venue).instrument] = replace(
            rig.oms._plans.instruments[rig.fills(venue).instrument], quantity_min=Decimal(2)
        )
    rig.complete(buy, 4, "t1")
    rig.complete(sell, 3, "t2")
    assert rig.finished()[0].reason == "residual: below the venue's minimum"
    assert left(rig.finished()[0]) == 1


def test_what_the_missing_legs_venue_refuses_is_traded_back_on_the_other() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    name = sell.instrument
    rig.oms._plans.instruments[name] = replace(rig.oms._plans.instruments[name], quantity_min=Decimal(2))
    rig.complete(buy, 4, "t1")
    rig.complete(sell, 3, "t2")
    assert repair(rig).instrument == buy.instrument


def test_legs_are_matched_in_base_units() -> None:
    rig = Rig()
    plan = pair(1, 4, PROCEED, START)
    sell = replace(plan.legs[1], multiplier=Decimal(2), quantity=Decimal(2))
    rig.approve(replace(plan, legs=(plan.legs[0], sell)))
    first, second = (message.request for message in rig.submits())
    rig.take()
    rig.complete(first, 4, "t1")
    rig.complete(second, 1, "t2")
    assert repair(rig).quantity == 1


def test_fees_in_base_are_counted_at_the_price_paid() -> None:
    rig = Rig()
    buy, sell = begin(rig)
    in_base = replace(rig.fill(buy, 4, "t1"), fee=Money(Decimal("0.5"), Asset("X")))
    in_third = replace(rig.fill(sell, 4, "t2"), fee=Money(Decimal("0.25"), Asset("Z")))
    rig.tell(in_base, in_third)
    buy_leg, sell_leg = rig.finished()[0].legs
    assert buy_leg.fees == 50
    assert seen(sell_leg.fees, sell_leg.fees_paid) == (0, (Money(Decimal("0.25"), Asset("Z")),))


def test_a_repair_for_which_no_id_is_left_ends_the_plan() -> None:
    rig = Rig(OmsSettings(numeric_fence_bits=29), rules=dict.fromkeys(VENUES, 2**32 - 1))
    buy, sell = begin(rig)
    for number in range(5):  # others' orders take the ids that were there when it began
        rig.approve(single(number, 1, rig.now))
    assert len(rig.submits()) == 5
    rig.take()
    rig.complete(buy, 4, "t1")
    rig.complete(sell, 0, "")
    rig.wait(250)
    assert rig.finished()[0].reason.startswith("residual: client order ids")


def test_every_repair_is_asserted_to_be_inside_the_envelope(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    buy, sell = begin(rig)
    rig.complete(buy, 4, "t1")
    too_much = Repair(1, Purpose.HEDGE, Side.SELL, Decimal(5), Decimal(99))
    monkeypatch.setattr(plans, "next_step", lambda *_: too_much)
    rig.complete(sell, 0, "")
    assert rig.system.escalated is not None
    assert "outside the envelope" in rig.system.escalated.error
    assert rig.submits() == []
