"""A simulated Backpack to test with, quiet or lively."""

from base64 import b64encode
from decimal import Decimal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.simulation.exchange.dialects.backpack.dialect import BackpackSpot
from integrated_trading_system.simulation.exchange.exchange import Exchange
from integrated_trading_system.simulation.market import Market, MarketSettings
from integrated_trading_system.simulation.participants import populate
from tests.support.dialect_clients import SEED, BackpackClient
from tests.support.exchange import START, Desk, customer, rules, spot_listing


def venue(*, levels: int = 0, seed: int = 7) -> BackpackClient:
    """`levels`: of a lively market; without it "you" offers 5 at 101 and wants 5 at 99."""
    key = b64encode(Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()).decode()
    listing = spot_listing(
        symbol="SOL_USDC",
        base="SOL",
        quote="USDC",
        settle="USDC",
        notional_min=Decimal(0),
        quantity_max=Decimal(500),
        price_band=Decimal("0.5"),
    )
    accounts = [customer("me", key=key, USDC=1_000, SOL=2), customer("you", USDC=100_000, SOL=100)]
    venue_rules = rules(post_only_refused=False, client_id_unique=False)
    exchange = Exchange([listing], venue_rules, accounts, start=START)
    if levels:
        market = MarketSettings(history_minutes=30, level_bps=50.0, level_notional=500.0, levels=levels)
        populate(exchange, Market(seed, START, market), VenueId("backpack:spot"))
    else:
        desk = Desk(exchange)
        desk.sell("you", "5", "101", symbol="SOL_USDC")
        desk.buy("you", "5", "99", symbol="SOL_USDC")
    return BackpackClient(BackpackSpot(exchange))


def desk(client: BackpackClient) -> Desk:
    assert isinstance(client.dialect, BackpackSpot)
    return Desk(client.dialect.exchange)
