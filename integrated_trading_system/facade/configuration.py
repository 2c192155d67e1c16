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
        "simulation": {"list_all": True, **given.get("simulation", {})},
        **({"seed": given["seed"]} if "seed" in given else {}),
    }
    source = Source()
    source.tree.update(tree)
    return validate(PlatformSettings, source)


def listening_settings(
    venues: Mapping[str, Mapping[str, Any]], config: Mapping[str, Any], **own: Any
) -> PlatformSettings:
    """Settings of a platform that only listens to these venues. Raises ConfigurationError.

    `config` is laid over it, as in ``{"mode": "dev"}``. Under `venues` it may change these, and add none.
    """
    changed = config.get("venues", {})
    unknown = [name for name in changed if name not in venues]
    if unknown:
        raise ConfigurationError(f"venue {unknown[0]!r} is not used here (venues: {', '.join(venues)})")
    source = Source()
    source.tree.update(
        {
            "mode": Mode.PAPER,
            "state_dir": STATE_DIR,
            "storage": {"enabled": False},
            "http": {"enabled": False},
            "log": {"level": "WARNING"},
            **own,
            **config,
            "venues": {str(name): {**of, **changed.get(name, {})} for name, of in venues.items()},
        }
    )
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
