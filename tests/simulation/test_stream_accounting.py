"""In every simulated run, with faults or without, every message has one fate that has a name."""

from pathlib import Path
from typing import Any

import pytest

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.orchestrator.shown.summary import picture
from tests.support.accounting import refused, unaccounted
from tests.support.virtual_platform import VirtualPlatform, dev_settings

SYMBOLS = {"binance:spot": "BTCUSDT", "binance:usdm": "BTCUSDT", "bybit:linear": "BTCUSDT", "backpack:spot": "BTC_USDC"}
STREAMS = ["quotes", "trades", "depth", "statistics", "candles"]


def platform_of(folder: Path, **changes: Any) -> VirtualPlatform:
    venues = {venue: {"symbols": [symbol], "streams": STREAMS} for venue, symbol in SYMBOLS.items()}
    comparison = {
        "name": "btc",
        "currency": "USDT",
        "members": [f"{venue}:{symbol}" for venue, symbol in SYMBOLS.items() if not venue.startswith("backpack")],
    }
    return VirtualPlatform(dev_settings(folder, venues=venues, comparisons=[comparison], **changes))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_quiet_run_refuses_nothing_and_accounts_for_everything(tmp_path: Path, seed: int) -> None:
    virtual = platform_of(tmp_path, seed=seed)
    virtual.run(30)
    shown = picture(virtual.platform)
    assert unaccounted(shown) == []
    assert refused(shown) == {}
    kinds = {name.rpartition(":")[2] for name in shown["streams"]}
    assert kinds >= {"quote", "trade", "depth", "statistics", "candle"}
    assert shown["orders"]["submitted"] > 0


@pytest.mark.parametrize("venue", SYMBOLS)
def test_a_run_with_an_outage_accounts_for_everything_too(tmp_path: Path, venue: str) -> None:
    virtual = platform_of(tmp_path)
    virtual.run(5)
    virtual.world.outage(VenueId(venue), virtual.now, Nanos(8 * SECOND))
    virtual.run(25)
    shown = picture(virtual.platform)
    assert unaccounted(shown) == []
    assert {book["state"] for book in shown["books"].values()} == {"valid"}
