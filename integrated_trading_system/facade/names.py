"""From the names that users write to instruments: bare venue names, symbols without a venue."""

from collections.abc import Collection, Iterator

from integrated_trading_system.domain.errors import ConfigurationError
from integrated_trading_system.domain.ids import InstrumentId, VenueId, instrument_id, symbol_of, venue_of
from integrated_trading_system.orchestrator.platform import Platform
from integrated_trading_system.venues import catalog


def venue_named(platform: Platform, name: str) -> VenueId:
    """The configured venue meant by ``binance:usdm`` or a bare ``binance``.

    A bare name means the default flavour, or else the only flavour that is configured. Raises ConfigurationError.
    """
    configured = tuple(platform.venues)
    if name in configured:
        return VenueId(name)
    flavours = [venue for venue in configured if venue.partition(":")[0] == name]
    if len(flavours) > 1:
        flavours = [venue for venue in flavours if venue == catalog.resolve(name)]
    if len(flavours) != 1:
        raise ConfigurationError(f"no venue {name!r} is configured; there are {', '.join(configured)}")
    return flavours[0]


def instruments_named(
    platform: Platform, symbol: str, venue: str | None = None, asked_for: Collection[InstrumentId] = ()
) -> tuple[InstrumentId, ...]:
    """Every instrument with this symbol (or this id), in the order of the configured venues; perhaps none.

    `asked_for`: subscribed to a moment ago, and not known to the platform yet.
    """
    wanted = None if venue is None else venue_named(platform, venue)
    known = dict.fromkeys((*_known(platform), *asked_for))
    return tuple(one for one in known if symbol in (one, symbol_of(one)) and wanted in (None, venue_of(one)))


def instrument_named(platform: Platform, symbol: str, venue: str | None = None) -> InstrumentId:
    """The first of them: without a venue, the order of `venues` in the configuration is the routing.

    Raises ConfigurationError, naming what there is.
    """
    found = instruments_named(platform, symbol, venue)
    if found:
        return found[0]
    known = ", ".join(_known(platform))
    raise ConfigurationError(f"no instrument {symbol!r} on {venue or 'any venue'}; there are {known or 'none yet'}")


def exchange_name(venue: VenueId) -> str:
    """As users see it: the bare name for the default flavour."""
    bare = venue.partition(":")[0]
    return bare if catalog.resolve(bare) == venue else venue


def _known(platform: Platform) -> Iterator[InstrumentId]:
    """What is subscribed to and what venues have listed, venue by venue."""
    for venue in platform.venues:
        subscribed = [instrument for instrument in platform.streams if venue_of(instrument) == venue]
        listed = [instrument_id(venue, one.symbol) for one in platform.listing if one.venue == venue]
        yield from dict.fromkeys((*subscribed, *listed))
