"""Bare venue names and symbols without a venue find the instrument that is meant."""

from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.facade.names import exchange_name, instrument_named, instruments_named, venue_named
from integrated_trading_system.orchestrator.platform import Platform
from tests.support.virtual_platform import PERP, SPOT, VirtualPlatform, dev_settings

BTC: dict[str, Any] = {"symbols": ["BTCUSDT"]}


def platform(folder: Path, *venues: str) -> Platform:
    settings = dev_settings(folder, venues=dict.fromkeys(venues, BTC), comparisons=[], strategies=[])
    return VirtualPlatform(settings).platform


@pytest.mark.parametrize(
    ("configured", "name", "meant"),
    [
        (("binance:spot", "binance:usdm"), "binance:usdm", "binance:usdm"),
        (("binance:spot", "binance:usdm"), "binance", "binance:spot"),
        (("binance:usdm",), "binance", "binance:usdm"),
    ],
)
def test_a_bare_name_means_the_default_flavour_or_the_only_one(
    tmp_path: Path, configured: tuple[str, ...], name: str, meant: str
) -> None:
    assert venue_named(platform(tmp_path, *configured), name) == meant


@pytest.mark.parametrize("name", ["kraken", "bybit", "binance:us"])
def test_a_venue_that_is_not_configured_is_refused_and_the_others_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="there are binance:spot, binance:usdm"):
        venue_named(platform(tmp_path, "binance:spot", "binance:usdm"), name)


def test_a_symbol_alone_goes_to_the_first_configured_venue(tmp_path: Path) -> None:
    assert instrument_named(platform(tmp_path, "bybit:linear", "binance:spot"), "BTCUSDT") == PERP
    assert instrument_named(platform(tmp_path, "binance:spot", "bybit:linear"), "BTCUSDT") == SPOT


@pytest.mark.parametrize("symbol", [SPOT, "BTCUSDT"])
def test_a_full_name_and_a_symbol_with_its_venue_mean_the_same(tmp_path: Path, symbol: str) -> None:
    assert instrument_named(platform(tmp_path, "bybit:linear", "binance:spot"), symbol, "binance") == SPOT


def test_all_instruments_of_a_symbol_are_found_in_the_order_of_venues(tmp_path: Path) -> None:
    assert instruments_named(platform(tmp_path, "bybit:linear", "binance:spot"), "BTCUSDT") == (PERP, SPOT)


def test_an_unknown_symbol_is_refused_and_the_known_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"no instrument 'NOSUCH' on any venue; there are {SPOT}"):
        instrument_named(platform(tmp_path, "binance:spot"), "NOSUCH")


def test_users_see_the_bare_name_of_a_default_flavour() -> None:
    assert exchange_name(VenueId("binance:spot")) == "binance"
    assert exchange_name(VenueId("binance:usdm")) == "binance:usdm"
