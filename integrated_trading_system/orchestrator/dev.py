"""Dev mode's world: a simulated exchange behind every configured venue, and the network to them."""

from msgspec.structs import replace

from integrated_trading_system.config.platform import PlatformSettings
from integrated_trading_system.config.venues import AccountSettings, VenueSettings
from integrated_trading_system.domain.ids import AccountId, VenueId, venue_of_account
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.orchestrator.platform import Platform
from integrated_trading_system.orchestrator.signers import simulated_credentials, simulated_signers
from integrated_trading_system.simulation.exchange.accounts import Account
from integrated_trading_system.simulation.exchange.dialect import Dialect
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.latency import Latency
from integrated_trading_system.simulation.market import Market, MarketSettings
from integrated_trading_system.simulation.venues import VENUES, build_dialect, build_exchange, listings
from integrated_trading_system.simulation.world import World


class DevWorld(World):
    """A World that also shows its exchanges, for those who audit a run against them."""

    exchanges: dict[VenueId, Exchange]
    market: Market


def build_world(
    settings: PlatformSettings, platform: Platform, start: Nanos, lively: MarketSettings | None = None
) -> DevWorld:
    """One exchange for each venue of the platform, all sharing one market. Raises ConfigurationError.

    `lively`: how that market is, instead of as it is configured.
    """
    market = market_of(settings, start) if lively is None else Market(settings.seed, start, lively)
    exchanges: dict[VenueId, Exchange] = {}
    dialects: dict[VenueId, Dialect] = {}
    for venue in platform.venues:
        exchanges[venue] = _exchange(platform, venue, market, start)
        dialects[venue] = build_dialect(venue, exchanges[venue])
    simulation = settings.simulation
    latency = Latency(
        base=Nanos(int(simulation.latency_ms * MILLISECOND)), jitter=Nanos(int(simulation.jitter_ms * MILLISECOND))
    )
    signers = simulated_signers(platform.account_settings, settings.seed)
    world = DevWorld(dialects, signers, platform.gate, latency, settings.seed)
    world.exchanges = world.edge.exchanges = exchanges
    world.market = market
    return world


def market_of(settings: PlatformSettings, start: Nanos) -> Market:
    """The price flow that all simulated venues share."""
    simulation = settings.simulation
    return Market(
        settings.seed,
        start,
        MarketSettings(
            events_per_second=simulation.updates_per_second,
            dislocation_every=Nanos(int(simulation.dislocation_every_s * SECOND)),
            dislocation_bps=(simulation.dislocation_bps / 3, simulation.dislocation_bps),
        ),
    )


def _exchange(platform: Platform, venue: VenueId, market: Market, start: Nanos) -> Exchange:
    """With all our accounts, each with a key, a stake and a fee level of its own."""
    settings = platform.settings
    of: VenueSettings = settings.venues.get(str(venue)) or settings.venues[venue.partition(":")[0]]
    listed = listings(venue, of.symbols or None)  # names those that it cannot list
    if settings.simulation.list_all:
        listed = listings(venue, None)
    rules = replace(VENUES[venue].rules, maker_bps=of.maker_fee_bps, taker_bps=of.taker_fee_bps)
    ours = [
        _account(account, settings, fees)
        for account, fees in platform.account_settings.items()
        if venue_of_account(account) == venue
    ]
    return build_exchange(venue, listed, ours, market, start, rules)


def _account(account: AccountId, settings: PlatformSettings, fees: AccountSettings) -> Account:
    credentials = simulated_credentials(venue_of_account(account), account, settings.seed)
    return Account(
        str(account),
        settings.simulation.balances,
        api_key=credentials.api_key,
        secret=credentials.api_secret,
        passphrase=credentials.passphrase,
        maker_bps=fees.maker_fee_bps,
        taker_bps=fees.taker_fee_bps,
    )
