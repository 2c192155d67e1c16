"""Kraken: spot pairs, by WebSocket v2 and REST."""

from typing import Final

from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.kraken.account import KrakenAccount
from integrated_trading_system.venues.kraken.cancels import KrakenCancels
from integrated_trading_system.venues.kraken.codec import MarketCodec
from integrated_trading_system.venues.kraken.dead_man import KrakenDeadMan
from integrated_trading_system.venues.kraken.endpoints import FLAVOURS as FLAVOURS
from integrated_trading_system.venues.kraken.endpoints import RATE_LIMITS, RECEIVE_WINDOW
from integrated_trading_system.venues.kraken.history import KrakenHistory
from integrated_trading_system.venues.kraken.market import KrakenMarket
from integrated_trading_system.venues.kraken.session import KrakenSession
from integrated_trading_system.venues.kraken.symbols import Pairs
from integrated_trading_system.venues.kraken.trading import KrakenTrading
from integrated_trading_system.venues.kraken.user_codec import UserCodec
from integrated_trading_system.venues.venue import Venue

NAME: Final = "kraken"
DEFAULT_FLAVOUR: Final = "spot"


def build(flavour: str, endpoints: Endpoints, account: AccountId) -> Venue:
    """All parts of one flavour, for these endpoints and this account."""
    venue = VenueId(f"{NAME}:{flavour}")
    pairs = Pairs()
    trading = KrakenTrading(venue, endpoints.rest_url, pairs)
    codec = MarketCodec(venue)
    return Venue(
        venue=venue,
        session=KrakenSession(endpoints),
        market=KrakenMarket(venue, endpoints.rest_url, pairs),
        codec=codec,
        checksums=codec.checksums,
        user_codec=UserCodec(venue, account),
        history=KrakenHistory(endpoints.rest_url),
        trading=trading,
        bulk_cancels=KrakenCancels(endpoints.rest_url),
        dead_man=KrakenDeadMan(endpoints.rest_url),
        account=KrakenAccount(endpoints.rest_url),
        rate_limits=RATE_LIMITS,
        receive_window=RECEIVE_WINDOW,
        query_elsewhere=trading.query_elsewhere,
    )
