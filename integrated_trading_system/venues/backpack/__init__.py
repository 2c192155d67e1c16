"""Backpack: spot markets, and perpetuals that settle in USDC."""

from typing import Final

from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.venues.backpack.cancels import BackpackCancels
from integrated_trading_system.venues.backpack.codec import MarketCodec
from integrated_trading_system.venues.backpack.endpoints import CLIENT_ORDER_ID_MAX, RATE_LIMITS, RECEIVE_WINDOW, RULES
from integrated_trading_system.venues.backpack.endpoints import FLAVOURS as FLAVOURS
from integrated_trading_system.venues.backpack.history import BackpackHistory
from integrated_trading_system.venues.backpack.market import BackpackMarket
from integrated_trading_system.venues.backpack.session import BackpackSession
from integrated_trading_system.venues.backpack.trading import BackpackTrading
from integrated_trading_system.venues.backpack.user_codec import UserCodec
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.venue import Venue

NAME: Final = "backpack"
DEFAULT_FLAVOUR: Final = "spot"


def build(flavour: str, endpoints: Endpoints, account: AccountId) -> Venue:
    """All parts of one flavour, for these endpoints and this account."""
    venue = VenueId(f"{NAME}:{flavour}")
    rules = RULES[flavour]
    trading = BackpackTrading(venue, endpoints.rest_url, rules)
    return Venue(
        venue=venue,
        session=BackpackSession(endpoints),
        market=BackpackMarket(venue, endpoints.rest_url, rules),
        codec=MarketCodec(venue),
        user_codec=UserCodec(venue, account, rules),
        history=BackpackHistory(endpoints.rest_url, rules),
        trading=trading,
        bulk_cancels=BackpackCancels(endpoints.rest_url),
        no_account="Backpack tells neither the id of an account nor what a key may do",
        rate_limits=RATE_LIMITS,
        receive_window=RECEIVE_WINDOW,
        client_order_id_max=CLIENT_ORDER_ID_MAX,
        query_elsewhere=trading.query_elsewhere,
    )
