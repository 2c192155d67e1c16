"""`--provider`: venues by their names, to be listened to; where several list a symbol, one stands in for another."""

from collections.abc import Sequence
from typing import Final

from integrated_trading_system.config.platform import Mode, PlatformSettings
from integrated_trading_system.config.reliability import FailoverSettings
from integrated_trading_system.config.venues import VenueSettings
from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import VenueId, instrument_id
from integrated_trading_system.simulation.venues import VENUES
from integrated_trading_system.venues import catalog

ALL: Final = "all"
PROVIDERS: Final = ("binance", "bybit", "alpaca")
"""What `all` means, the preferred one first; in dev mode those of them that can be simulated."""


def provided(settings: PlatformSettings, providers: Sequence[str], symbols: Sequence[str]) -> PlatformSettings:
    """The settings with these venues in place of their own, and nothing that trades. Raises ConfigurationError."""
    if not symbols:
        raise ConfigurationError("--provider needs --symbols, as in --symbols BTCUSDT,ETHUSDT")
    names = PROVIDERS if ALL in providers else providers
    venues = [catalog.resolve(name) for name in dict.fromkeys(names)]
    if ALL in providers and settings.mode is Mode.DEV:
        venues = [venue for venue in venues if venue in VENUES]
    known = {catalog.resolve(name): of for name, of in settings.venues.items()}
    chosen = {str(venue): _listening(known.get(venue), symbols) for venue in venues}
    return settings.model_copy(
        update={
            "venues": chosen,
            "comparisons": (),
            "strategies": (),
            "failover": _groups(venues, symbols) if len(venues) > 1 else (),
        }
    )


def _listening(settings: VenueSettings | None, symbols: Sequence[str]) -> VenueSettings:
    own = VenueSettings() if settings is None else settings
    return own.model_copy(update={"enabled": True, "symbols": tuple(dict.fromkeys(symbols))})


def _groups(venues: Sequence[VenueId], symbols: Sequence[str]) -> tuple[FailoverSettings, ...]:
    return tuple(
        FailoverSettings(name=symbol, sources=tuple(instrument_id(venue, symbol) for venue in venues))
        for symbol in dict.fromkeys(symbols)
    )
