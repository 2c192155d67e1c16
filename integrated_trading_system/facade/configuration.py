"""A feeder's configuration as users write it, a dict, into the platform's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.config.load import Source, validate
from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.venues import catalog

GROUP: Final = "market_data_feeder"
STATE_DIR: Final = Path("data/feeder")
HISTORY: Final = Path("data/market_data.db")
SYMBOLS: Final[dict[str, tuple[str, ...]]] = {
    "binance": ("BTCUSDT", "ETHUSDT"),
    "bybit": ("BTCUSDT", "ETHUSDT"),
    "backpack": ("BTC_USDC", "SOL_USDC"),
}
"""What a venue is subscribed to that names no symbols of its own."""
OWN_KEYS: Final = ("mode", "seed", "state_dir", "symbols", "storage", "simulation", "log")


def feeder_settings(config: Mapping[str, Any], wanted: Mapping[str, tuple[str, ...]]) -> PlatformSettings:
    """Settings of a platform that only listens. `wanted`: more symbols, by venue as it is named in `config`.

    Accepts both forms of the documents: everything under ``market_data_feeder``, or flat. Keys that name a venue
    (``binance``, ``binance:usdm``) hold its settings; the rest are the feed's (``buffer_size`` …), and `OWN_KEYS`.
    Without a `mode` it is ``dev`` (simulated venues) where no venue is enabled, else ``paper`` (their live data).
    Raises ConfigurationError.
    """
    given = dict(config.get(GROUP, config))
    venues = {str(catalog.resolve(key)): _venue(key, value, given, wanted) for key, value in _venues(given).items()}
    feed = {key: given[key] for key in FeedSettings.model_fields if key in given}
    unknown = [key for key in given if key not in (*_venues(given), *feed, *OWN_KEYS)]
    if unknown:
        allowed = ", ".join((*FeedSettings.model_fields, *OWN_KEYS))
        raise ConfigurationError(f"unknown key {unknown[0]!r} (allowed: a venue's name, {allowed})")
    live = any(venue.get("enabled", True) for venue in venues.values())
    tree = {
        "mode": given.get("mode", Mode.PAPER if live else Mode.DEV),
        "venues": venues,
        "feed": feed,
        "http": {"enabled": False},
        "log": {"level": "WARNING", **given.get("log", {})},
        "state_dir": given.get("state_dir", STATE_DIR),
        "storage": {"path": HISTORY, **given.get("storage", {})},
        **{key: given[key] for key in ("seed", "simulation") if key in given},
    }
    source = Source()
    source.tree.update(tree)
    return validate(PlatformSettings, source)


def _venues(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those keys that name a venue."""
    names = {venue.partition(":")[0] for venue in catalog.venue_ids()}
    found = {key: value for key, value in given.items() if key.partition(":")[0] in names}
    return found or {"binance": {"enabled": False}}


def _venue(name: str, settings: Any, given: Mapping[str, Any], wanted: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    if not isinstance(settings, Mapping):
        raise ConfigurationError(f"{name}: expected its settings, as in {{'enabled': True}}")
    symbols = tuple(settings.get("symbols", given.get("symbols", ()))) + wanted.get(name, ())
    symbols = symbols or SYMBOLS.get(name.partition(":")[0], ())
    return {"streams": tuple(DataType), **settings, "symbols": tuple(dict.fromkeys(symbols))}
