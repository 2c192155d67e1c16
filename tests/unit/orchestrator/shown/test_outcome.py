"""What a run leaves in files."""

import csv
from decimal import Decimal
from pathlib import Path

from integrated_trading_system.domain.ids import Asset, PlanId, StrategyId
from integrated_trading_system.domain.money import Money
from integrated_trading_system.domain.opportunity import EdgeRealised
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.shown.outcome import PlanLog


def closed(*residuals: Money) -> EdgeRealised:
    return EdgeRealised(
        plan_id=PlanId("p1"),
        strategy=StrategyId("cycle"),
        expected=Decimal(2),
        realised=Decimal("1.5"),
        fees=Decimal("0.5"),
        residuals=residuals,
        currency=Asset("USDT"),
        unpriced=(),
        at=Nanos(7),
    )


def test_a_plan_is_one_line_with_what_it_left_of_each_asset(tmp_path: Path) -> None:
    left = (Money(Decimal("0.1"), Asset("BTC")), Money(Decimal(-2), Asset("ETH")))
    PlanLog((closed(), closed(*left))).write(tmp_path / "plans.csv")
    with (tmp_path / "plans.csv").open(encoding="utf-8") as file:
        flat, unequal = csv.DictReader(file)
    assert (flat["residuals"], flat["realised"], flat["currency"]) == ("", "1.5", "USDT")
    assert unequal["residuals"] == "0.1 BTC -2 ETH"
