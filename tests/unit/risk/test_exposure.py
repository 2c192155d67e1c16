"""What is reserved for plans that an earlier run left unfinished."""

from decimal import Decimal

from integrated_trading_system.domain.ids import StrategyId
from integrated_trading_system.domain.money import ONE
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.risk.exposure import Exposure
from integrated_trading_system.risk.worth import Worths
from tests.support.risk_rig import A, Quotes
from tests.support.trading import fill, fill_of, leg, order, plan

BUYING = plan(leg(A.instrument, Side.BUY, "1", "100"))
ACCOUNT = BUYING.legs[0].account


def recovered(traded: str) -> Exposure:
    exposure = Exposure(Worths(Quotes(), lambda _: ONE))
    if Decimal(traded):
        exposure.recover(fill(A.instrument, Side.BUY, traded, "100"), BUYING.strategy)
    exposure.reserve(BUYING, [Decimal(traded)])
    return exposure


def test_what_a_leg_traded_before_a_restart_may_be_undone_and_the_rest_of_it_may_still_trade() -> None:
    for traded in ("0", "0.25", "1"):
        held = recovered(traded).holding(A.instrument, ACCOUNT)
        assert held.position == Decimal(traded)
        assert held.position + held.up == 1
        assert held.position - held.down == 0


def test_undoing_after_a_restart_stays_within_what_was_reserved() -> None:
    exposure = recovered("1")
    undo = order(BUYING, 0, "undo", OrderStatus.WORKING, undo=True)
    exposure.order(undo)
    exposure.fill(fill_of(undo, "1"))
    held = exposure.holding(A.instrument, ACCOUNT)
    assert [held.position, held.up, held.down] == [Decimal(0), Decimal(1), Decimal(0)]
    exposure.finish(BUYING.plan_id)
    assert [held.position, held.up, held.down] == [Decimal(0)] * 3
    assert exposure.by_strategy[StrategyId(BUYING.strategy), A.instrument, ACCOUNT].up == 0
