"""A recording's header says everything that a replay needs, and nothing about keys."""

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.platform import Recovered
from integrated_trading_system.orchestrator.recording import WITHHELD, header_of, platform_of
from integrated_trading_system.venues.connector.heartbeats import is_dry

SETTINGS = PlatformSettings.model_validate(
    {
        "mode": "paper",
        "venues": {
            "binance:spot": {
                "symbols": ["BTCUSDT"],
                "api_key": "env:CANARY_KEY_NAME",
                "api_secret": "file:/canary/secret",
            }
        },
    }
)


def test_the_platform_is_built_again_from_the_header_alone() -> None:
    header = header_of(SETTINGS, Recovered(run=4), Nanos(5))
    platform = platform_of(header)
    assert tuple(platform.venues) == ("binance:spot",)
    assert platform.settings.venues["binance:spot"].symbols == ("BTCUSDT",)


def test_the_header_does_not_even_say_where_the_keys_are() -> None:
    header = header_of(SETTINGS, Recovered(), Nanos(5))
    assert "canary" not in header.config.lower()
    assert "env:" not in header.config.replace(WITHHELD, "")
    assert "file:" not in header.config


def test_a_venue_that_was_connected_with_a_key_is_not_run_dry_when_it_is_replayed() -> None:
    keys = {"api_key": "env:CANARY_KEY_NAME", "api_secret": "file:/canary/secret", "api_passphrase": "env:CANARY"}
    for given, dry in ((keys, False), ({}, True)):
        settings = PlatformSettings.model_validate({"mode": "paper", "venues": {"alpaca:crypto": given}})
        platform = platform_of(header_of(settings, Recovered(), Nanos(5)))
        venue = VenueId("alpaca:crypto")
        assert is_dry(platform.venues[venue], platform.settings.venues[venue]) is dry


def test_a_further_account_with_a_key_is_traded_on_again_when_it_is_replayed() -> None:
    key = {"api_key": "env:CANARY_KEY_NAME", "api_secret": "file:/canary/secret"}
    further = {"keyed": {**key, "taker_fee_bps": 3}, "keyless": {}}
    tree = {"mode": "live", "venues": {"binance:spot": {"accounts": further}}}
    header = header_of(PlatformSettings.model_validate(tree), Recovered(), Nanos(5))
    assert "canary" not in header.config.lower()
    assert platform_of(header).traded == ("binance:spot/keyed",)
