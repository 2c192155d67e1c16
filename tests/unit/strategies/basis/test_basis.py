"""Cash and carry: when it is entered, what is carried, when it is closed."""

from decimal import Decimal
from typing import Any

import pytest

from integrated_trading_system.config.basis import BasisSettings
from integrated_trading_system.domain.comparison import Comparison, Member
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import Asset, ClientOrderId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import FundingRate
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.plan import Plan
from integrated_trading_system.domain.time import HOUR, Nanos
from integrated_trading_system.strategies.arbitrage.missed import Miss
from integrated_trading_system.strategies.basis.strategy import BasisStrategy
from tests.support.strategy_rig import StrategyRig
from tests.support.trading import fill, finished, instrument, order, quote

SPOT, PERP = instrument("s:spot"), instrument("p:perp", kind=Kind.LINEAR)


def rig_of(*members: Instrument, **settings: Any) -> StrategyRig[BasisStrategy]:
    members = members or (SPOT, PERP)
    comparison = Comparison(
        name="carry", currency=Asset("USDT"), members=tuple(Member(instrument=one.instrument) for one in members)
    )
    plain = {
        "annual_pct_min": 0,
        "holding_hours": 24,
        "notional_max": 1_000,
        "plan_notional_max": 600,
        "cool_down_ms": 0,
    }
    rig = StrategyRig(BasisStrategy, comparison, BasisSettings.model_validate(plain | settings), "1")
    rig.listed(*members)
    rig.trade()
    return rig


def announce(rig: StrategyRig[BasisStrategy], rate: float) -> None:
    rig.tell(FundingRate(PERP.instrument, rate, Nanos(rig.now + HOUR), rig.now, rig.now))


def see(rig: StrategyRig[BasisStrategy], spot: float, perpetual: float) -> None:
    """Bids; the asks are a cent above."""
    rig.see(
        quote(SPOT.instrument, spot, spot + 0.01, rig.now), quote(PERP.instrument, perpetual, perpetual + 0.01, rig.now)
    )


def trade(rig: StrategyRig[BasisStrategy], made: Plan, spot: str, perpetual: str) -> None:
    """Every leg of the plan trades at these prices, and it is over."""
    for index, leg in enumerate(made.legs):
        name = f"{made.plan_id}-{index}"
        rig.holdings.tell(order(made, index, name, OrderStatus.FILLED))
        price = spot if leg.instrument == SPOT.instrument else perpetual
        rig.holdings.tell(
            fill(leg.instrument, leg.side, leg.quantity, price, client_order_id=ClientOrderId(name), venue_time=rig.now)
        )
    rig.tell(finished(made))


def entered(**settings: Any) -> StrategyRig[BasisStrategy]:
    """Holds 6 of each, bought at 100, sold at 100.2; funding of 3 bps is received three times a day."""
    rig = rig_of(notional_max=600, **settings)
    announce(rig, 0.0003)
    see(rig, 100.0, 100.2)
    (made,) = rig.proposed
    trade(rig, made, "100", "100.2")
    return rig


def test_basis_and_funding_that_beat_the_costs_are_taken_on_both_sides() -> None:
    rig = rig_of()
    announce(rig, 0.0003)
    see(rig, 100.0, 100.1)
    (made,) = rig.proposed
    assert [(leg.instrument, leg.side, leg.quantity) for leg in made.legs] == [
        (SPOT.instrument, Side.BUY, Decimal("5.999")),
        (PERP.instrument, Side.SELL, Decimal("5.999")),
    ]
    (found,) = rig.opportunities
    costs = found.fees + found.slippage + found.decay + found.funding + found.conversion
    assert found.edge == found.gross_edge - costs == made.expected_edge
    assert found.funding == Decimal("5.999") * Decimal("100.01") * Decimal("-0.0009")
    assert found.fees == 2 * Decimal("5.999") * (Decimal("100.01") + Decimal("100.1")) / 10_000


def test_the_position_is_built_plan_by_plan_up_to_its_limit() -> None:
    rig = rig_of()
    announce(rig, 0.0003)
    for _ in range(2):
        see(rig, 100.0, 100.2)
        trade(rig, rig.proposed[-1], "100", "100.2")
    see(rig, 100.0, 100.2)
    quantities = [made.legs[0].quantity for made in rig.proposed]
    assert quantities == [Decimal("5.999"), Decimal(4)], "1,000 at 100.01 are 9.999"
    assert rig.actor.held(SPOT.instrument) == -rig.actor.held(PERP.instrument)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"annual_pct_min": 50}, Miss.FEES),
        ({"carry_bps_min": 30}, Miss.FEES),
        ({"plan_notional_max": "0.05"}, Miss.LIMIT),
    ],
)
def test_carry_that_is_not_taken_has_a_reason(settings: dict[str, Any], reason: Miss) -> None:
    rig = rig_of(**settings)
    announce(rig, 0.0003)
    see(rig, 100.0, 100.1)
    assert (rig.proposed, rig.reasons) == ([], [reason])


def test_without_a_funding_rate_nothing_is_entered() -> None:
    rig = rig_of()
    see(rig, 100.0, 100.2)
    assert (rig.proposed, rig.reasons) == ([], [Miss.FUNDING])


def test_funding_that_the_short_would_pay_takes_the_basis_away() -> None:
    rig = rig_of()
    announce(rig, -0.001)
    see(rig, 100.0, 100.2)
    assert rig.proposed == []


def closed(rig: StrategyRig[BasisStrategy]) -> str:
    made = rig.proposed[-1]
    assert [(leg.instrument, leg.side) for leg in made.legs] == [
        (SPOT.instrument, Side.SELL),
        (PERP.instrument, Side.BUY),
    ]
    (reason,) = rig.actor.view().exits
    return reason


def test_it_waits_while_there_is_something_to_earn() -> None:
    rig = entered()
    see(rig, 100.0, 100.01)
    assert len(rig.proposed) == 1, "the basis is gone, but funding is still to come"


def test_it_closes_when_all_is_earned() -> None:
    rig = entered()
    announce(rig, 0.0)
    see(rig, 100.0, 99.98)
    assert closed(rig) == "earned"
    trade(rig, rig.proposed[-1], "100", "99.98")
    assert rig.actor.held(SPOT.instrument) == rig.actor.held(PERP.instrument) == 0


def test_it_closes_when_its_time_is_over_or_the_basis_runs_away() -> None:
    rig = entered()
    rig.run(24 * HOUR)
    see(rig, 100.0, 100.2)
    assert closed(rig) == "time"
    other = entered(stop_bps=50)
    see(other, 100.0, 101.0)
    assert closed(other) == "stop"


def test_a_restart_finds_the_position_where_it_was() -> None:
    before = entered()
    after = rig_of(notional_max=600)
    after.setup.holdings._held = before.holdings._held
    announce(after, 0.0)
    see(after, 100.0, 99.98)
    assert closed(after) == "earned"


def test_a_leg_that_stands_alone_is_closed() -> None:
    rig = rig_of()
    announce(rig, 0.0003)
    see(rig, 100.0, 100.2)
    (made,) = rig.proposed
    rig.holdings.tell(order(made, 0, "o", OrderStatus.FILLED))
    rig.holdings.tell(fill(SPOT.instrument, Side.BUY, "2", "100", client_order_id=ClientOrderId("o")))
    rig.tell(finished(made))
    see(rig, 100.0, 100.2)
    (leg,) = rig.proposed[-1].legs
    assert (leg.instrument, leg.side, leg.quantity) == (SPOT.instrument, Side.SELL, Decimal(2))


def test_what_it_cannot_work_with_it_says() -> None:
    rig = rig_of(SPOT, instrument("p:perp"))
    assert rig.actor.view().blocked == "basis needs one spot instrument and one linear perpetual"
    foreign = rig_of(SPOT, instrument("p:perp", kind=Kind.LINEAR, quote=Asset("USDC")))
    assert foreign.actor.view().blocked == "both members have to be quoted in USDT"
    with pytest.raises(ConfigurationError, match="one spot instrument and one perpetual"):
        BasisStrategy(StrategyRig(BasisStrategy, Comparison(name="c", currency=Asset("USDT"), members=())).setup)
