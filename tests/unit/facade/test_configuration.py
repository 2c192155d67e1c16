"""A feeder's dict becomes a platform that only listens; what is wrong in it is told by name."""

from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.config.platform import Mode
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.facade.configuration import feeder_settings

DEVELOPMENT: dict[str, Any] = {
    "market_data_feeder": {
        "binance": {"enabled": False},
        "bybit": {"enabled": False},
        "enable_sync": True,
        "enable_historical_storage": False,
        "enable_validation": True,
        "buffer_size": 1000,
    }
}
PRODUCTION: dict[str, Any] = {
    "market_data_feeder": {
        "binance": {
            "enabled": True,
            "ws_url": "wss://stream.binance.com:9443/ws",
            "api_key": "env:BINANCE_API_KEY",
            "api_secret": "env:BINANCE_API_SECRET",
        },
        "sync_tolerance_ms": 50,
    }
}


def test_disabled_venues_alone_are_simulated() -> None:
    settings = feeder_settings(DEVELOPMENT, {})
    assert settings.mode is Mode.DEV
    assert tuple(settings.venues) == ("binance:spot", "bybit:linear")
    assert (settings.feed.buffer_size, settings.feed.enable_historical_storage) == (1000, False)


def test_the_flat_form_means_the_same() -> None:
    assert feeder_settings(DEVELOPMENT["market_data_feeder"], {}) == feeder_settings(DEVELOPMENT, {})


def test_an_enabled_venue_is_real_and_money_is_not() -> None:
    settings = feeder_settings(PRODUCTION, {})
    assert settings.mode is Mode.PAPER
    assert settings.venues["binance:spot"].ws_url == "wss://stream.binance.com:9443/ws"
    assert settings.feed.sync_tolerance_ms == 50
    assert not settings.strategies


def test_a_venue_that_names_no_symbols_has_the_usual_ones_and_every_kind_of_data() -> None:
    venue = feeder_settings(DEVELOPMENT, {}).venues["binance:spot"]
    assert venue.symbols == ("BTCUSDT", "ETHUSDT")
    assert set(venue.streams) == set(DataType)


def test_symbols_come_from_the_venue_or_else_from_all_and_subscriptions_add_to_them() -> None:
    config = {"symbols": ["SOLUSDT"], "binance": {"symbols": ["BTCUSDT"]}, "bybit": {}}
    settings = feeder_settings(config, {"bybit": ("XRPUSDT", "SOLUSDT")})
    assert settings.venues["binance:spot"].symbols == ("BTCUSDT",)
    assert settings.venues["bybit:linear"].symbols == ("SOLUSDT", "XRPUSDT")


def test_nothing_configured_is_a_simulated_binance() -> None:
    assert tuple(feeder_settings({}, {}).venues) == ("binance:spot",)


def test_history_goes_to_the_data_folder_unless_told_otherwise() -> None:
    assert feeder_settings({}, {}).storage.path == Path("data/market_data.db")
    assert feeder_settings({"storage": {"path": "elsewhere.db"}}, {}).storage.path == Path("elsewhere.db")


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"bufer_size": 5}, "unknown key 'bufer_size' .*buffer_size"),
        ({"binance": True}, "binance: expected its settings"),
        ({"binance:mars": {}}, "unknown flavour"),
        ({"binance": {"enable": True}}, "did you mean 'enabled'"),
        ({"binance": {"api_key": "my-key", "api_secret": "my-secret"}}, "env:NAME or file:PATH"),
        ({"buffer_size": 0}, "buffer_size"),
        ({"mode": "sandbox"}, "mode"),
    ],
)
def test_what_is_wrong_is_told_by_name(config: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem) as caught:
        feeder_settings(config, {})
    assert "my-key" not in str(caught.value)
