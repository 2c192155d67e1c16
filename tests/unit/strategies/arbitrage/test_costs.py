"""What a difference has to bear beside the books: own orders, fee assets, funding, conversion, and capital advice."""

from decimal import Decimal
from typing import Any

import pytest

from integrated_trading_system.config.strategies import ArbitrageSettings
from integrated_trading_system.domain.comparison import Comparison, Conversion, Member
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import FundingRate
from integrated_trading_system.domain.opportunity import Opportunity, RebalanceAdvised
from integrated_trading_system.domain.order import OrderStatus, Side, TimeInForce
from integrated_trading_system.domain.time import HOUR, SECOND, Nanos
from integrated_trading_system.strategies.arbitrage.detector import ArbitrageDetector
from integrated_trading_system.strategies.arbitrage.missed import Miss
from integrated_trading_system.strategies.strategy import Fees
from tests.support.strategy_rig import StrategyRig
from tests.support.trading import instrument, leg, order, plan, quote

A, B = instrument("a:spot"), instrument("b:spot")
PERP = instrument("b:spot", kind=Kind.LINEAR)
BNB = Asset("BNB")


def rig_of(
    second: Instrument = B,
    fees: dict[str, str | Fees] | None = None,
    conversions: tuple[Conversion, ...] = (),
    **settings: Any,
) -> StrategyRig[ArbitrageDetector]:
    members = (Member(instrument=A.instrument), Member(instrument=second.instrument))
    comparison = Comparison(name="btc", currency=Asset("USDT"), members=members, conversions=conversions)
    chosen = ArbitrageSettings.model_validate({"decay_bps_per_ms": 0, "notional_max": 1_000} | settings)
    rig = StrategyRig(ArbitrageDetector, comparison, chosen, fees or "10")
    rig.listed(A, second)
    rig.trade()
    rig.fund(A, second, BTC="1000", USDT="1000000", USDC="1000000", BNB="100")
    return rig


def see(rig: StrategyRig[ArbitrageDetector], bid: float = 101.0) -> Opportunity | str:
    rig.see(quote(A.instrument, 99.99, 100.0, rig.now, 1.0), quote(B.instrument, bid, bid + 0.01, rig.now, 1.0))
    return rig.opportunities[-1] if rig.opportunities else rig.reasons[-1]


def parts(found: Opportunity | str) -> Opportunity:
    assert isinstance(found, Opportunity), found
    costs = found.fees + found.slippage + found.decay + found.funding + found.conversion
    assert found.edge == found.gross_edge - costs
    return found


# -- own orders ---------------------------------------------------------------------------------------


def rest(rig: StrategyRig[ArbitrageDetector], quantity: str, strategy: str = "another") -> None:
    made = plan(leg(A.instrument, Side.SELL, quantity, "100", time_in_force=TimeInForce.GTC), strategy=strategy)
    rig.tell(order(made, 0, "own", OrderStatus.WORKING))


def test_what_another_strategy_of_ours_offers_there_is_not_bought() -> None:
    rig = rig_of()
    rest(rig, "0.6")
    assert parts(see(rig)).quantity == Decimal("0.4")


def test_a_difference_that_is_only_our_own_order_is_refused_by_name() -> None:
    rig = rig_of()
    rest(rig, "1")
    assert see(rig) == Miss.OWN


# -- fees in another asset ----------------------------------------------------------------------------

REDUCED = Fees(Decimal(0), Decimal(10), BNB, Decimal("0.25"))
RATE = Conversion(asset=BNB, rate=Decimal(600))


def test_fees_paid_in_another_asset_are_lower_by_its_discount() -> None:
    rig = rig_of(fees={"a:spot": REDUCED, "b:spot": "10"}, conversions=(RATE,))
    assert parts(see(rig)).fees == Decimal("0.075") + Decimal("0.101")


def test_the_whole_fee_counts_when_the_asset_does_not_last() -> None:
    rig = rig_of(fees={"a:spot": REDUCED, "b:spot": "10"}, conversions=(RATE,))
    rig.fund(A, BTC="1000", USDT="1000000", BNB="0.001")
    assert parts(see(rig)).fees == Decimal("0.1") + Decimal("0.101")
    poor = rig_of(fees={"a:spot": REDUCED, "b:spot": "10"}, conversions=(RATE,), edge_bps_min=2)
    poor.fund(A, BTC="1000", USDT="1000000", BNB="0.001")
    assert see(poor, 100.21) == Miss.FEE_ASSET


def test_an_asset_without_a_rate_is_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ConfigurationError, match="give comparison btc a conversion for BNB"):
        rig_of(fees={"a:spot": REDUCED, "b:spot": "10"}).actor.view()


# -- funding and conversion ---------------------------------------------------------------------------


def tell_funding(rig: StrategyRig[ArbitrageDetector], rate: float) -> None:
    rig.tell(FundingRate(PERP.instrument, rate, Nanos(rig.now + HOUR), rig.now, rig.now))


def test_funding_that_is_received_until_the_close_is_part_of_the_edge() -> None:
    rig = rig_of(PERP, holding_hours=10, edge_bps_min=0)
    tell_funding(rig, 0.001)
    found = parts(see(rig, 100.10))
    assert found.funding == Decimal("-0.2"), "two payments of 10 bps to the short"
    assert found.edge > 0 > found.gross_edge - found.fees


def test_funding_that_is_paid_takes_the_difference_away() -> None:
    rig = rig_of(PERP, holding_hours=10)
    tell_funding(rig, -0.01)
    assert see(rig) == Miss.FEES


def test_a_perpetual_whose_funding_is_not_known_is_not_held() -> None:
    assert see(rig_of(PERP, holding_hours=10)) == Miss.FUNDING
    assert parts(see(rig_of(PERP))).funding == 0


def test_a_leg_in_another_currency_bears_its_conversion() -> None:
    usdc = instrument("b:spot", quote=Asset("USDC"))
    rig = rig_of(usdc, conversions=(Conversion(asset=Asset("USDC"), rate=Decimal(1)),), conversion_cost_bps=5)
    assert parts(see(rig)).conversion == Decimal("0.05")


# -- capital ------------------------------------------------------------------------------------------


def test_what_was_missed_for_want_of_an_asset_is_told_with_a_way_to_mend_it() -> None:
    rig = rig_of(rebalance_every_s=10, transfer_costs={"BTC": "0.001"})
    rig.books.levels[A.instrument, Side.SELL] = ((100.0, 1.0),)
    rig.books.levels[B.instrument, Side.SELL] = ((100.0, 1.0),)
    rig.fund(B, USDT="1000")
    assert see(rig) == Miss.INVENTORY_SELL
    rig.run(10 * SECOND)
    (advised,) = rig.published.of(RebalanceAdvised)
    assert (advised.asset, advised.source, advised.target) == ("BTC", "a:spot", "b:spot")
    assert (advised.quantity, advised.cost, advised.missed) == (Decimal(500), Decimal("0.1"), Decimal("0.799"))
    assert advised.pays
