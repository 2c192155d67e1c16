"""Venues on the command line: who is listened to, and who stands in for whom."""

import pytest

from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.orchestrator.options import RunOptions
from integrated_trading_system.orchestrator.providers import provided

SETTINGS = PlatformSettings.model_validate(
    {
        "venues": {"binance:spot": {"symbols": ["SOLUSDT"], "taker_fee_bps": 3}, "bybit:linear": {}},
        "comparisons": [{"name": "x", "currency": "USDT", "members": ["binance:spot:SOLUSDT", "bybit:linear:SOLUSDT"]}],
        "strategies": [{"name": "s", "comparison": "x"}],
    }
)


def test_the_named_venues_take_the_place_of_the_configured_ones_and_nothing_trades() -> None:
    found = provided(SETTINGS, ["binance"], ["BTCUSDT", "ETHUSDT"])
    assert list(found.venues) == ["binance:spot"]
    assert found.venues["binance:spot"].symbols == ("BTCUSDT", "ETHUSDT")
    assert found.venues["binance:spot"].taker_fee_bps == 3
    assert [*found.comparisons, *found.strategies, *found.failover] == []


def test_a_flavour_may_be_named() -> None:
    assert list(provided(SETTINGS, ["bybit:spot", "binance:usdm"], ["BTCUSDT"]).venues) == [
        "bybit:spot",
        "binance:usdm",
    ]


def test_with_several_venues_each_symbol_has_the_later_ones_as_substitutes() -> None:
    (group,) = provided(SETTINGS, ["binance", "bybit"], ["BTCUSDT"]).failover
    assert group.name == "BTCUSDT"
    assert group.sources == ("binance:spot:BTCUSDT", "bybit:linear:BTCUSDT")


def test_all_means_every_provider_and_in_dev_mode_those_that_can_be_simulated() -> None:
    live = SETTINGS.model_copy(update={"mode": Mode.PAPER})
    assert [name.partition(":")[0] for name in provided(live, ["all"], ["X"]).venues] == ["binance", "bybit", "alpaca"]
    assert list(provided(SETTINGS, ["all"], ["X"]).venues) == ["binance:spot", "bybit:linear"]


@pytest.mark.parametrize(
    ("providers", "symbols", "says"), [(["binance"], [], "--symbols"), (["nyse"], ["X"], "unknown venue 'nyse'")]
)
def test_what_cannot_be_is_refused_by_name(providers: list[str], symbols: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        provided(SETTINGS, providers, symbols)


def test_the_command_line_listens_by_a_configuration_of_its_own() -> None:
    settings = RunOptions(providers=("binance",), symbols=("BTCUSDT",)).settings()
    assert settings.mode.value == "paper"
    assert list(settings.venues) == ["binance:spot"]


def test_a_recording_trades_nothing_and_keeps_no_history() -> None:
    settings = RunOptions(listen_only=True).settings()
    assert settings.strategies == ()
    assert not settings.storage.enabled
    assert settings.venues


def test_symbols_without_a_provider_are_refused_rather_than_ignored() -> None:
    with pytest.raises(ConfigurationError, match="--provider"):
        RunOptions(symbols=("BTCUSDT",)).settings()
