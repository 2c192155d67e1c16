"""Who does the same again and again is stopped until an operator looks."""

from decimal import Decimal

import pytest

from integrated_trading_system.domain.health import Halt, Latched, Resume
from integrated_trading_system.domain.ids import StrategyId
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.time import DAY, MILLISECOND
from integrated_trading_system.risk.codes import Code
from integrated_trading_system.risk.past import Past
from tests.support.risk_rig import A, B, RiskRig
from tests.support.trading import fill, fill_of, finished, instrument, leg, order, plan

BUY, SELL = Side.BUY, Side.SELL


def pair(name: str, quantity: str = "1", strategy: str = "arb", at: int | None = None) -> Plan:
    made = plan(
        leg(A.instrument, BUY, quantity, "100"),
        leg(B.instrument, SELL, quantity, "99.99"),
        name=name,
        strategy=StrategyId(strategy),
    )
    return made if at is None else plan(*made.legs, name=name, strategy=made.strategy, at=at)


def carry_out(rig: RiskRig, made: Plan, bought: str, sold: str) -> str:
    """Ask, trade so much of the two legs, finish."""
    code = rig.ask(made)
    if code == "approved":
        for index, quantity in enumerate((bought, sold)):
            sent = order(made, index, f"{made.plan_id}/{index}", OrderStatus.WORKING)
            rig.tell(sent)
            if Decimal(quantity):
                rig.tell(fill_of(sent, quantity))
        rig.tell(finished(made))
    return code


def test_one_plan_of_the_same_shape_too_many_latches_the_strategy_in_its_instruments_for_good() -> None:
    rig = RiskRig(repeats_max=3, repeat_window_ms=1_000)
    for count in range(3):
        assert carry_out(rig, pair(f"p-{count}", str(count + 1)), "1", "1") == "approved"
    assert rig.ask(pair("p-4", "2")) == Code.REPEATED
    assert [(one.strategy, one.instrument) for one in rig.published.of(Latched)] == [
        ("arb", A.instrument),
        ("arb", B.instrument),
    ]
    rig.run(DAY)
    for one in (A, B):
        rig.quote(one.instrument)
    assert rig.ask(pair("p-5", at=rig.now)) == Code.LATCHED, "time does not lift it"
    rig.tell(Halt("x", "me"))
    assert rig.view.latched == {f"arb {one.instrument}": "repeats-max: 3 times within 1000 ms" for one in (A, B)}
    rig.tell(Resume("me"))
    assert rig.view.latched == {}
    assert rig.ask(pair("p-6", at=rig.now)) == "approved"


def test_others_and_other_instruments_and_the_other_way_round_go_on() -> None:
    rig = RiskRig(repeats_max=1, instruments=[A, B, instrument("c:spot")])
    assert rig.ask(pair("p-1")) == "approved"
    other = plan(leg(A.instrument, SELL, "1", "99.99"), leg(B.instrument, BUY, "1", "100"), name="p-2")
    assert rig.ask(other) == "approved", "the other way round is another shape"
    assert rig.ask(pair("p-3", "2")) == Code.REPEATED
    assert rig.ask(pair("p-4", strategy="other")) == "approved"
    elsewhere = plan(leg(instrument("c:spot").instrument, BUY, "1", "100"), name="p-5")
    assert rig.ask(elsewhere) == "approved"
    assert rig.ask(plan(leg(A.instrument, SELL, "2", "99.99"), name="p-6")) == Code.LATCHED


def test_a_latch_survives_a_restart() -> None:
    first = RiskRig(repeats_max=1)
    first.ask(pair("p-1"))
    first.ask(pair("p-2", "2"))
    again = RiskRig(past=Past(latched=first.published.of(Latched)))
    assert again.ask(pair("p-3")) == Code.LATCHED
    assert again.ask(pair("p-4", strategy="other")) == "approved"


def test_a_latched_strategy_may_still_reduce() -> None:
    rig = RiskRig(repeats_max=1)
    rig.ask(pair("p-1", "3"))
    assert rig.ask(pair("p-2")) == Code.REPEATED
    rig.tell(fill(A.instrument, BUY, "4", "100"))
    assert rig.ask(plan(leg(A.instrument, SELL, "4", "99.99"), name="p-3")) == "approved"


def test_reducing_again_and_again_is_not_repeating() -> None:
    rig = RiskRig(repeats_max=1, duplicates_max=1)
    rig.tell(fill(A.instrument, BUY, "4", "100"))
    for count in range(4):
        assert rig.ask(plan(leg(A.instrument, SELL, "1", "99.99"), name=f"p-{count}")) == "approved"
    assert rig.ask(plan(leg(B.instrument, BUY, "1", "100"), name="p-9")) == "approved"


@pytest.mark.parametrize(
    ("bought", "sold", "latched"),
    [
        ("0", "0", [A, B]),
        ("0.499", "0.5", [A]),
        ("0.5", "0.499", [B]),
        ("0.5", "0.5", []),
        ("1", "1", []),
    ],
)
def test_plans_that_come_to_nothing_too_often_latch_where_they_did(
    bought: str, sold: str, latched: list[object]
) -> None:
    rig = RiskRig(futile_max=2)
    for count in range(3):
        assert rig.published.of(Latched) == []
        carry_out(rig, pair(f"p-{count}"), bought, sold)
    assert [one.instrument for one in rig.published.of(Latched)] == [one.instrument for one in latched]  # type: ignore[attr-defined]
    expected = Code.LATCHED if latched else "approved"
    assert rig.ask(pair("p-9")) == expected


def test_what_was_traded_back_was_futile_although_it_was_executed_twice() -> None:
    rig = RiskRig(futile_max=1)
    for count in range(2):
        made = plan(leg(A.instrument, BUY, "1", "100"), name=f"p-{count}")
        assert rig.ask(made) == "approved"
        for undo in (False, True):
            sent = order(made, 0, f"{made.plan_id}/{undo}", OrderStatus.WORKING, undo=undo)
            rig.tell(sent, fill_of(sent, "1"))
        rig.tell(finished(made))
    assert [one.instrument for one in rig.published.of(Latched)] == [A.instrument]


def test_futile_plans_of_long_ago_do_not_count() -> None:
    rig = RiskRig(futile_max=1, repeat_window_ms=500)
    for count in range(4):
        made = pair(f"p-{count}", at=rig.now)
        assert carry_out(rig, made, "0", "0") == "approved"
        rig.run(500 * MILLISECOND)
    assert rig.published.of(Latched) == []


def test_resuming_begins_counting_anew() -> None:
    rig = RiskRig(futile_max=1, repeats_max=2, duplicates_max=1)
    carry_out(rig, pair("p-1"), "0", "0")
    rig.tell(Resume("me"))
    assert carry_out(rig, pair("p-2"), "0", "0") == "approved"
    assert rig.published.of(Latched) == []


def test_another_quantity_or_price_is_no_duplicate() -> None:
    rig = RiskRig(duplicates_max=1)
    dearer = plan(leg(A.instrument, BUY, "1", "100.01"), leg(B.instrument, SELL, "1", "99.99"), name="p-3")
    for asked in (pair("p-1"), pair("p-2", "2"), dearer, pair("p-4", strategy="other")):
        assert rig.ask(asked) == "approved"
    assert rig.ask(pair("p-5")) == Code.DUPLICATE_ORDER
