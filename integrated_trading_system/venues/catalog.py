"""Every venue the platform knows. A new venue is one folder beside this file and one line in `_FOLDERS`.

A venue's folder (`venues/<name>/__init__.py`) offers exactly this, checked by mypy as `VenueFolder`:

    NAME = "binance"                                    the folder's own name
    FLAVOURS = {"spot": Endpoints(...), ...}            one entry per flavour, with its public addresses
    DEFAULT_FLAVOUR = "spot"                            what a bare venue name means
    def build(flavour: str, endpoints: Endpoints, account: AccountId) -> Venue

and a module `signing` beside it with `sign_request` and `sign_frame`, as `venue.Signing` says.

`build` returns fresh objects at every call (codecs hold their own symbol tables), takes its addresses
from `endpoints` only, and puts `account` into what its `user_codec` and `trading` decode.
"""

from typing import Final, Protocol

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.venues import alpaca, backpack, binance, bybit, ccxt, coinbase, kraken, okx
from integrated_trading_system.venues.alpaca import signing as alpaca_signing
from integrated_trading_system.venues.backpack import signing as backpack_signing
from integrated_trading_system.venues.binance import signing as binance_signing
from integrated_trading_system.venues.bybit import signing as bybit_signing
from integrated_trading_system.venues.ccxt import signing as ccxt_signing
from integrated_trading_system.venues.coinbase import signing as coinbase_signing
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.kraken import signing as kraken_signing
from integrated_trading_system.venues.okx import signing as okx_signing
from integrated_trading_system.venues.venue import Signing, Venue


class VenueFolder(Protocol):
    """What `venues/<name>/__init__.py` holds, beside its submodule `signing`."""

    @property
    def NAME(self) -> str: ...  # noqa: N802 - a constant of the module

    @property
    def FLAVOURS(self) -> dict[str, Endpoints]: ...  # noqa: N802 - a constant of the module

    @property
    def DEFAULT_FLAVOUR(self) -> str: ...  # noqa: N802 - a constant of the module

    def build(self, flavour: str, endpoints: Endpoints, account: AccountId) -> Venue:
        """All parts of one flavour, for these endpoints and this account."""


_FOLDERS: Final[tuple[tuple[VenueFolder, Signing], ...]] = (
    (binance, binance_signing),
    (bybit, bybit_signing),
    (backpack, backpack_signing),
    (alpaca, alpaca_signing),
    (okx, okx_signing),
    (coinbase, coinbase_signing),
    (kraken, kraken_signing),
    (ccxt, ccxt_signing),
)
_BY_NAME: Final = {folder.NAME: (folder, signing) for folder, signing in _FOLDERS}


def venue_ids() -> tuple[VenueId, ...]:
    """Every venue and flavour, in the catalog's order."""
    return tuple(VenueId(f"{folder.NAME}:{flavour}") for folder, _ in _FOLDERS for flavour in folder.FLAVOURS)


def resolve(name: str) -> VenueId:
    """The venue meant by ``binance:spot`` or a bare ``binance``; raises ConfigurationError, naming what there is."""
    venue, colon, flavour = name.partition(":")
    if venue not in _BY_NAME:
        raise ConfigurationError(f"unknown venue {name!r}; known are {', '.join(venue_ids())}")
    folder, _ = _BY_NAME[venue]
    flavour = flavour if colon else folder.DEFAULT_FLAVOUR
    if flavour not in folder.FLAVOURS:
        known = ", ".join(folder.FLAVOURS) or "every exchange of its library, by its id there (ccxt:kucoin)"
        raise ConfigurationError(f"unknown flavour {name!r}; {venue} has {known}")
    return VenueId(f"{venue}:{flavour}")


def endpoints_of(venue: VenueId) -> Endpoints:
    """The venue's own public addresses."""
    folder, _, flavour = _find(venue)
    return folder.FLAVOURS[flavour]


def build(venue: VenueId, endpoints: Endpoints, account: AccountId) -> Venue:
    """All parts of the venue, freshly made."""
    folder, _, flavour = _find(venue)
    return folder.build(flavour, endpoints, account)


def signing_of(venue: VenueId) -> Signing:
    """The venue's pure signing functions, for the driver."""
    _, signing, _ = _find(venue)
    return signing


def _find(venue: VenueId) -> tuple[VenueFolder, Signing, str]:
    name, _, flavour = resolve(venue).partition(":")
    folder, signing = _BY_NAME[name]
    return folder, signing, flavour
