"""Bybit v5: linear contracts that settle in USDT, and spot, on one unified account."""

from typing import Final

from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.venues.bybit.account import BybitAccount
from integrated_trading_system.venues.bybit.cancels import BybitCancels
from integrated_trading_system.venues.bybit.codec import MarketCodec
from integrated_trading_system.venues.bybit.endpoints import FLAVOURS as FLAVOURS
from integrated_trading_system.venues.bybit.endpoints import RECEIVE_WINDOW, RULES
from integrated_trading_system.venues.bybit.history import BybitHistory
from integrated_trading_system.venues.bybit.market import BybitMarket
from integrated_trading_system.venues.bybit.session import BybitSession
from integrated_trading_system.venues.bybit.trading import BybitTrading
from integrated_trading_system.venues.bybit.user_codec import UserCodec
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.venue import Venue

NAME: Final = "bybit"
DEFAULT_FLAVOUR: Final = "linear"


def build(flavour: str, endpoints: Endpoints, account: AccountId) -> Venue:
    """All parts of one flavour, for these endpoints and this account."""
    venue = VenueId(f"{NAME}:{flavour}")
    rules = RULES[flavour]
    trading = BybitTrading(venue, endpoints.rest_url, rules)
    return Venue(
        venue=venue,
        session=BybitSession(endpoints),
        market=BybitMarket(venue, endpoints.rest_url, rules),
        codec=MarketCodec(venue),
        user_codec=UserCodec(venue, account, rules),
        history=BybitHistory(endpoints.rest_url, rules),
        trading=trading,
        bulk_cancels=BybitCancels(endpoints.rest_url, rules),
        account=BybitAccount(endpoints.rest_url, spot=rules.kind is Kind.SPOT),
        rate_limits=rules.rate_limits,
        receive_window=RECEIVE_WINDOW,
        query_elsewhere=trading.query_elsewhere,
    )
