"""Recordings of a run: what their header says, and how the platform is built again from it."""

import json
from typing import Any, Final

from integrated_trading_system import __version__
from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.domain.errors import ReplayDiffers
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.orchestrator.platform import Platform, Recovered
from integrated_trading_system.orchestrator.wiring import wire
from integrated_trading_system.runtime.recording import SCHEMA, Header

_KEY: Final[dict[str, Any]] = dict.fromkeys(("api_key", "api_secret", "api_passphrase"), True)
KEYS: Final[dict[str, Any]] = {
    "outputs": True,
    "venues": {"__all__": {**_KEY, "accounts": {"__all__": _KEY}}},
}
"""Not even where the keys were: a recording may be attached to a bug report, and a replay signs nothing."""
WITHHELD = "env:WITHHELD"
"""Stands for a key that there was: a venue that shows nothing without one is connected with it, and run dry without."""


def header_of(settings: PlatformSettings, recovered: Recovered, started_at: Nanos) -> Header:
    """What a replay needs to know."""
    config = settings.model_dump(mode="json", exclude=KEYS)
    for name, venue in settings.venues.items():
        dumped = config["venues"][name]
        for account, settings_of in venue.every_account.items():
            if settings_of.api_key is not None:
                of = dumped if settings_of is venue else dumped["accounts"][account]
                of |= {"api_key": WITHHELD, "api_secret": WITHHELD}
    return Header(
        schema=SCHEMA,
        code=__version__,
        config=json.dumps(config, separators=(",", ":")),
        seed=settings.seed,
        run=recovered.run,
        started_at=started_at,
        recovered=recovered.records,
        halted=recovered.halted,
        latched=recovered.latched,
        reducing=recovered.reducing,
    )


def platform_of(header: Header) -> Platform:
    """The same core again; raises ReplayDiffers where this version does not understand the configuration."""
    try:
        settings = PlatformSettings.model_validate_json(header.config)
    except ValueError as error:
        message = f"the recording's configuration is not of this version ({header.code}): {error}"
        raise ReplayDiffers(message) from None
    recovered = Recovered(
        records=header.recovered,
        halted=header.halted,
        reducing=header.reducing,
        latched=header.latched,
        run=header.run,
    )
    return wire(settings, recovered)
