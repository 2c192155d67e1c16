"""A recording's header says everything that a replay needs, and nothing about keys."""

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.platform import Recovered
from integrated_trading_system.orchestrator.recording import header_of, platform_of

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
    assert "api_key" not in header.config
