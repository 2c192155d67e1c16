"""Closed plans, turnover, fees, capital."""

from decimal import Decimal

from integrated_trading_system.domain.ids import Asset, PlanId, StrategyId
from integrated_trading_system.domain.opportunity import EdgeRealised
from integrated_trading_system.domain.position import Equity
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.pms.capital import Capital
from integrated_trading_system.pms.performance import PlanTally, Turnover, fees_by_gross
from tests.support.seen import seen

USDT = Asset("USDT")


def edge(realised: str, *unpriced: str) -> EdgeRealised:
    return EdgeRealised(
        plan_id=PlanId("p"),
        strategy=StrategyId("s"),
        expected=Decimal(0),
        realised=Decimal(realised),
        fees=Decimal(0),
        residuals=(),
        currency=USDT,
        unpriced=tuple(map(Asset, unpriced)),
        at=Nanos(0),
    )


def tally(*edges: EdgeRealised) -> PlanTally:
    made = PlanTally(2)
    for each in edges:
        made.add(each)
    return made


def equity(realised: str, fees: str) -> Equity:
    gain, paid = Decimal(realised), Decimal(fees)
    return Equity(
        currency=USDT, realised=gain, unrealised=Decimal(0), fees=paid, total=gain - paid, unpriced=(), at=Nanos(0)
    )


def test_plans_are_won_lost_or_neither() -> None:
    figures = tally(edge("6"), edge("2"), edge("-4"), edge("0")).figures()
    assert seen(figures.traded, figures.won, figures.lost, figures.hit_rate) == (4, 2, 1, 0.5)
    assert seen(figures.profit_factor, figures.win_average, figures.loss_average) == (2, 4, -4)


def test_a_plan_that_could_not_be_valued_is_neither_won_nor_lost() -> None:
    figures = tally(edge("6", "XRP"), edge("1")).figures()
    assert seen(figures.traded, figures.won, figures.unpriced, figures.hit_rate) == (2, 1, 1, 1.0)


def test_losses_and_plans_that_could_not_be_valued_are_counted_one_by_one() -> None:
    figures = tally(edge("6", "XRP"), edge("-1", "XRP"), edge("-4"), edge("-2")).figures()
    assert seen(figures.traded, figures.won, figures.lost, figures.unpriced) == (4, 0, 2, 2)
    assert seen(figures.loss_average, figures.hit_rate) == (-3, 0.0)


def test_before_the_first_plan_and_the_first_loss_there_is_no_quotient() -> None:
    assert tally().figures().hit_rate is None
    figures = tally(edge("6")).figures()
    assert seen(figures.profit_factor, figures.loss_average) == (None, None)


def test_the_newest_plans_are_kept() -> None:
    made = tally(edge("1"), edge("2"), edge("3"))
    assert [each.realised for each in made.closed] == [2, 3]
    assert seen(made.traded, made.realised) == (3, 6)


def test_turnover_counts_what_has_no_rate_apart() -> None:
    turnover = Turnover()
    assert turnover.fees_bps(Decimal(1)) is None
    turnover.add(Decimal(100), Decimal("0.5"))
    turnover.add(Decimal(100), None)
    assert seen(turnover.total, turnover.unpriced) == (50, 1)
    assert turnover.fees_bps(Decimal("0.05")) == 10


def test_fees_are_a_share_of_a_profit_and_of_no_loss() -> None:
    assert fees_by_gross(equity("8", "2")) == Decimal("0.25")
    assert fees_by_gross(equity("-8", "2")) is None


def test_capital_is_valued_once_as_soon_as_there_is_a_rate() -> None:
    capital = Capital()
    assert capital.value(lambda _: Decimal(2)) is None
    capital.add(USDT, Decimal(10))
    capital.add(Asset("BTC"), Decimal(1))
    capital.add(Asset("XRP"), Decimal(0))
    assert capital.value({USDT: Decimal(1)}.get) == 10
    assert capital.waiting() == {"BTC": 1}
    assert capital.value({Asset("BTC"): Decimal(50)}.get) == 60
    assert capital.value({Asset("BTC"): Decimal(70)}.get) == 60
    assert capital.waiting() == {}
