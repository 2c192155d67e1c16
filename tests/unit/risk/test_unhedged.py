"""Legs out of balance: much is allowed for moments, little for minutes, dust for ever."""

from decimal import Decimal
from typing import Any

from integrated_trading_system.domain.health import Resume, TradingState
from integrated_trading_system.domain.ids import ClientOrderId, PlanId, StrategyId
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.time import SECOND
from integrated_trading_system.risk.codes import Code
from integrated_trading_system.risk.past import Past
from tests.support.risk_rig import A, B, RiskRig
from tests.support.trading import fill, fill_of, finished, leg, order, plan

MID = Decimal("99.995")
PAIR = plan(leg(A.instrument, Side.BUY, "2", "100"), leg(B.instrument, Side.SELL, "2", "99.99"))
BIG: dict[str, Any] = {"quote_age_ms_max": 1e9, "unhedged_floor": 10, "unhedged_max": 1_000, "unhedged_halt_max": 2_000}


def trade(rig: RiskRig, index: int, quantity: str) -> None:
    sent = order(PAIR, index, f"o-{index}-{quantity}", OrderStatus.WORKING)
    rig.tell(sent, fill_of(sent, quantity))


def pass_by(rig: RiskRig, seconds: int) -> None:
    for _ in range(seconds):
        rig.run(SECOND)


def rig_with(**settings: Any) -> RiskRig:
    rig = RiskRig(**(BIG | settings))
    assert rig.ask(PAIR) == "approved"
    return rig


def again(rig: RiskRig, strategy: str = "arb") -> str:
    return rig.ask(
        plan(leg(A.instrument, Side.BUY, "1", "100"), name="again", at=rig.now, strategy=StrategyId(strategy))
    )


def test_a_missing_leg_denies_growing_plans_of_this_strategy_after_a_while_and_then_halts() -> None:
    rig = rig_with()
    trade(rig, 0, "1")
    assert rig.view.unhedged == {"arb": MID}
    pass_by(rig, 10)
    assert rig.view.trading is TradingState.ACTIVE
    pass_by(rig, 1)
    assert again(rig) == Code.UNHEDGED
    assert again(rig, "other") == "approved"
    pass_by(rig, 9)
    assert rig.view.trading is TradingState.ACTIVE
    pass_by(rig, 1)
    assert rig.view.reason == f"unhedged-max: arb, times seconds: {21 * MID:f} is more than 2000"


def test_twice_as_much_is_allowed_for_half_as_long() -> None:
    rig = rig_with()
    trade(rig, 0, "2")
    pass_by(rig, 5)
    assert again(rig) == "approved"
    pass_by(rig, 1)
    assert rig.ask(plan(leg(A.instrument, Side.BUY, "1", "100"), name="more", at=rig.now)) == Code.UNHEDGED


def test_balanced_legs_count_from_nothing_when_they_come_out_of_balance_again() -> None:
    rig = rig_with()
    trade(rig, 0, "1")
    pass_by(rig, 9)
    trade(rig, 1, "1")
    assert rig.view.unhedged == {"arb": Decimal(0)}
    pass_by(rig, 100)
    trade(rig, 0, "0.5")
    pass_by(rig, 20)
    assert again(rig) == "approved"


def test_what_is_out_of_balance_the_other_way_counts_the_same() -> None:
    rig = rig_with()
    trade(rig, 1, "1")
    pass_by(rig, 11)
    assert again(rig) == Code.UNHEDGED


def test_what_is_left_when_the_plan_is_over_counts_on() -> None:
    rig = rig_with()
    trade(rig, 0, "1")
    rig.tell(finished(PAIR))
    pass_by(rig, 11)
    assert again(rig) == Code.UNHEDGED


def test_strategies_that_trade_single_legs_mean_to_hold_what_they_hold() -> None:
    rig = RiskRig(**BIG)
    single = plan(leg(A.instrument, Side.BUY, "2", "100"))
    assert rig.ask(single) == "approved"
    sent = order(single, 0, "o-1", OrderStatus.WORKING)
    rig.tell(sent, fill_of(sent, "2"))
    pass_by(rig, 100)
    assert again(rig) == "approved"
    assert rig.view.unhedged == {}


def test_an_operator_who_resumes_gives_it_as_long_again() -> None:
    rig = rig_with()
    trade(rig, 0, "1")
    pass_by(rig, 21)
    rig.tell(Resume("me"))
    pass_by(rig, 10)
    assert rig.view.trading is TradingState.ACTIVE
    assert again(rig) == "approved"


def test_after_a_restart_legs_that_traded_before_still_balance_those_that_trade_now() -> None:
    before = fill(A.instrument, Side.BUY, "1", "100", client_order_id=ClientOrderId("old"))
    past = Past(
        fills=[before],
        owners={ClientOrderId("old"): PAIR.strategy},
        in_flight=[PAIR],
        traded={PlanId(PAIR.plan_id): [Decimal(1), Decimal(0)]},
    )
    rig = RiskRig(past=past, **BIG)
    rig.run(SECOND)
    assert rig.view.unhedged == {"arb": MID}
    trade(rig, 1, "1")
    assert rig.view.unhedged == {"arb": Decimal(0)}


def test_exactly_as_much_as_is_allowed_does_not_halt() -> None:
    rig = rig_with(unhedged_halt_max=10 * MID)
    trade(rig, 0, "1")
    pass_by(rig, 10)
    assert not rig.view.reason
    pass_by(rig, 1)
    assert rig.view.reason.startswith("unhedged-max: ")


def test_what_comes_down_to_what_may_stay_counts_from_nothing_too() -> None:
    rig = rig_with(unhedged_floor=MID)
    trade(rig, 0, "1.5")
    pass_by(rig, 6)
    trade(rig, 1, "0.5")
    assert rig.view.unhedged == {"arb": MID}
    trade(rig, 0, "0.5")
    pass_by(rig, 6)
    assert again(rig) == "approved"
