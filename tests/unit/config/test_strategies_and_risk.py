"""Amounts are exact or refused; comparisons and strategies are checked before anything is started."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from integrated_trading_system.config.risk import RiskSettings
from integrated_trading_system.config.strategies import ArbitrageSettings, ComparisonSettings, StrategySettings
from integrated_trading_system.domain.comparison import Comparison, Conversion, Member
from integrated_trading_system.domain.ids import Asset, InstrumentId
from integrated_trading_system.domain.plan import HedgePolicy


@pytest.mark.parametrize(
    ("written", "meant"), [("0.1", Decimal("0.1")), (5, Decimal(5)), (Decimal("2.50"), Decimal("2.50"))]
)
def test_an_amount_is_a_whole_number_or_a_quoted_decimal(written: Any, meant: Decimal) -> None:
    assert RiskSettings(exposure_max=written).exposure_max == meant


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        (0.1, 'amounts are exact: write it in quotes, "0.1"'),
        (True, "expected a number, found true or false"),
        ("1e3", "not a plain decimal number: '1e3'"),
        ("NaN", "not a plain decimal number"),
        ("0", "greater than 0"),
        (-1, "greater than 0"),
        ([1], "Decimal input should be"),
    ],
)
def test_anything_else_is_refused_with_what_would_help(written: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        RiskSettings(exposure_max=written)


def test_basis_points_may_be_written_as_fractions() -> None:
    settings = RiskSettings.model_validate({"collar_bps_max": 2.5, "envelope_bps_max": "7.5", "reduce_collar_bps": 3})
    assert settings.collar_bps_max == Decimal("2.5")
    assert settings.envelope_bps_max == Decimal("7.5")
    assert settings.reduce_collar_bps == 3


@pytest.mark.parametrize("written", [-1, 10_001, False, "lots"])
def test_basis_points_have_bounds(written: Any) -> None:
    with pytest.raises(ValidationError):
        RiskSettings.model_validate({"collar_bps_max": written})


def test_limits_of_single_things_and_rates_are_amounts_too() -> None:
    settings = RiskSettings.model_validate({"rates": {"USDC": "1"}, "venue_notional_max_of": {"binance:spot": 5}})
    assert settings.rates == {"USDC": Decimal(1)}
    with pytest.raises(ValidationError):
        RiskSettings.model_validate({"rates": {"USDC": 0.9999}})


def test_a_comparison_becomes_what_the_stages_use() -> None:
    settings = ComparisonSettings.model_validate(
        {
            "name": "shib",
            "currency": "USDT",
            "members": ["binance:spot:SHIBUSDT", {"instrument": "bybit:linear:SHIB1000USDT", "multiplier": 1000}],
            "conversions": [{"asset": "USDC", "rate": "1", "book": "binance:spot:USDCUSDT", "depeg_bps_max": 30}],
        }
    )
    assert settings.to_domain() == Comparison(
        name="shib",
        currency=Asset("USDT"),
        members=(
            Member(instrument=InstrumentId("binance:spot:SHIBUSDT")),
            Member(instrument=InstrumentId("bybit:linear:SHIB1000USDT"), multiplier=Decimal(1000)),
        ),
        conversions=(
            Conversion(
                asset=Asset("USDC"),
                rate=Decimal(1),
                book=InstrumentId("binance:spot:USDCUSDT"),
                depeg_bps_max=Decimal(30),
            ),
        ),
    )
    assert settings.to_domain().conversion_books == ("binance:spot:USDCUSDT",)


def test_a_conversion_by_rate_alone_has_no_book() -> None:
    settings = ComparisonSettings.model_validate(
        {"name": "x", "currency": "USDT", "members": ["a:b:C"], "conversions": [{"asset": "USD", "rate": 1}]}
    )
    assert settings.to_domain().conversion_books == ()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"members": ["binance:BTCUSDT"]}, "expected venue:flavour:SYMBOL"),
        ({"members": []}, "at least 1 item"),
        ({"members": ["a:b:C", "a:b:C"]}, "named twice"),
        ({"conversions": [{"asset": "USD"}]}, "needs a rate, a book, or both"),
        ({"conversions": [{"asset": "USD", "rate": 1}, {"asset": "USD", "rate": 2}]}, "named twice"),
    ],
)
def test_a_comparison_that_makes_no_sense_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ComparisonSettings.model_validate({"name": "x", "currency": "USDT", "members": ["a:b:C"]} | changes)


def test_the_settings_of_an_arbitrage_strategy_are_checked_with_the_file() -> None:
    settings = StrategySettings.model_validate(
        {"name": "arb-1", "comparison": "btc", "settings": {"edge_bps_min": 1.5, "policy": "reverse"}}
    )
    assert ArbitrageSettings.model_validate(settings.settings) == ArbitrageSettings(
        edge_bps_min=Decimal("1.5"), policy=HedgePolicy.REVERSE
    )


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"settings": {"edge_bps": 1}}, "settings of strategy arb: edge_bps: Extra inputs"),
        ({"settings": {"notional_max": 0.5}}, "settings of strategy arb: notional_max: .*in quotes"),
        ({"settings": {"edge_bps_min": 5, "edge_bps_max": 5}}, "edge_bps_max is not above edge_bps_min"),
        ({"settings": {"hedge_within_ms": 1}}, "hedge_within_ms is below submit_within_ms"),
        ({"strategy": "arb"}, "pairs or package.module:Class"),
        ({"strategy": "package:Class.method"}, "pairs or package.module:Class"),
        ({"name": "Arb 1"}, "should match pattern"),
    ],
)
def test_a_strategy_that_makes_no_sense_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        StrategySettings.model_validate({"name": "arb", "comparison": "btc"} | changes)


def test_the_settings_of_other_strategies_are_their_own_matter() -> None:
    settings = StrategySettings(name="own", strategy="pkg.module:Class", comparison="btc", settings={"level": 3})
    assert settings.settings == {"level": 3}


@pytest.mark.parametrize("model", [RiskSettings, ArbitrageSettings, ComparisonSettings, StrategySettings])
def test_every_setting_says_what_it_is(model: Any) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []
