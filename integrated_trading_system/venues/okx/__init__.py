"""OKX v5: spot pairs, and perpetual swaps in net position mode, on one account."""

from typing import Final

from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.okx.account import OkxAccount
from integrated_trading_system.venues.okx.cancels import OkxCancels
from integrated_trading_system.venues.okx.codec import MarketCodec
from integrated_trading_system.venues.okx.dead_man import OkxDeadMan
from integrated_trading_system.venues.okx.endpoints import FLAVOURS as FLAVOURS
from integrated_trading_system.venues.okx.endpoints import RATE_LIMITS, RECEIVE_WINDOW, RULES
from integrated_trading_system.venues.okx.history import OkxHistory
from integrated_trading_system.venues.okx.market import OkxMarket
from integrated_trading_system.venues.okx.session import OkxSession
from integrated_trading_system.venues.okx.trading import OkxTrading
from integrated_trading_system.venues.okx.user_codec import UserCodec
from integrated_trading_system.venues.venue import Venue

NAME: Final = "okx"
DEFAULT_FLAVOUR: Final = "spot"


def build(flavour: str, endpoints: Endpoints, account: AccountId) -> Venue:
    """All parts of one flavour, for these endpoints and this account."""
    venue = VenueId(f"{NAME}:{flavour}")
    rules = RULES[flavour]
    codec = MarketCodec(venue)
    return Venue(
        venue=venue,
        session=OkxSession(endpoints, rules),
        market=OkxMarket(venue, endpoints.rest_url, rules),
        codec=codec,
        checksums=codec.checksums,
        user_codec=UserCodec(venue, account, rules),
        trading=OkxTrading(venue, endpoints.rest_url, rules),
        bulk_cancels=OkxCancels(endpoints.rest_url),
        dead_man=OkxDeadMan(endpoints.rest_url),
        account=OkxAccount(endpoints.rest_url),
        history=OkxHistory(endpoints.rest_url),
        rate_limits=RATE_LIMITS,
        receive_window=RECEIVE_WINDOW,
    )
