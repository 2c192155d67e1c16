"""Coinbase: Exchange, for market data, and Advanced Trade, for market data and spot trading."""

from typing import Final

from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.venues.coinbase.account import CoinbaseAccount
from integrated_trading_system.venues.coinbase.cancels import CoinbaseCancels
from integrated_trading_system.venues.coinbase.codec import ExchangeCodec
from integrated_trading_system.venues.coinbase.endpoints import FLAVOURS as FLAVOURS
from integrated_trading_system.venues.coinbase.endpoints import NO_TRADING, RECEIVE_WINDOW, RULES
from integrated_trading_system.venues.coinbase.history import CoinbaseHistory
from integrated_trading_system.venues.coinbase.market import CoinbaseMarket
from integrated_trading_system.venues.coinbase.session import CoinbaseSession
from integrated_trading_system.venues.coinbase.streams.advanced import AdvancedCodec
from integrated_trading_system.venues.coinbase.trading import CoinbaseTrading
from integrated_trading_system.venues.coinbase.user_codec import UserCodec
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.venue import Venue

NAME: Final = "coinbase"
DEFAULT_FLAVOUR: Final = "exchange"


def build(flavour: str, endpoints: Endpoints, account: AccountId) -> Venue:
    """All parts of one flavour, for these endpoints and this account. Exchange is read only."""
    venue = VenueId(f"{NAME}:{flavour}")
    rules = RULES[flavour]
    return Venue(
        venue=venue,
        session=CoinbaseSession(endpoints, rules),
        market=CoinbaseMarket(venue, endpoints.rest_url, rules),
        codec=AdvancedCodec(venue) if rules.advanced else ExchangeCodec(venue),
        user_codec=UserCodec(venue, account) if rules.advanced else None,
        history=CoinbaseHistory(endpoints.rest_url, rules),
        trading=CoinbaseTrading(venue, endpoints.rest_url) if rules.advanced else None,
        bulk_cancels=CoinbaseCancels(endpoints.rest_url) if rules.advanced else None,
        account=CoinbaseAccount(endpoints.rest_url) if rules.advanced else None,
        rate_limits=rules.rate_limits,
        receive_window=RECEIVE_WINDOW,
        no_trading="" if rules.advanced else NO_TRADING,
    )
