"""Alpaca, a broker: US stocks (IEX feed) and crypto. Without a key it shows nothing at all."""

from typing import Final

from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.domain.time import MINUTE, Nanos
from integrated_trading_system.venues.alpaca.account import AlpacaAccount
from integrated_trading_system.venues.alpaca.cancels import AlpacaCancels
from integrated_trading_system.venues.alpaca.codec import MarketCodec
from integrated_trading_system.venues.alpaca.endpoints import FLAVOURS as FLAVOURS
from integrated_trading_system.venues.alpaca.endpoints import RATE_LIMITS, RULES
from integrated_trading_system.venues.alpaca.history import AlpacaHistory
from integrated_trading_system.venues.alpaca.market import AlpacaMarket
from integrated_trading_system.venues.alpaca.session import AlpacaSession
from integrated_trading_system.venues.alpaca.trading import AlpacaTrading
from integrated_trading_system.venues.alpaca.user_codec import UserCodec
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.venue import Venue

NAME: Final = "alpaca"
DEFAULT_FLAVOUR: Final = "crypto"

SETTLED: Final = Nanos(MINUTE)
"""Requests carry no timestamp, so none expires: an order is looked for only when no proxy can still hold it."""


def build(flavour: str, endpoints: Endpoints, account: AccountId) -> Venue:
    """All parts of one flavour, for these endpoints and this account."""
    venue = VenueId(f"{NAME}:{flavour}")
    rules = RULES[flavour]
    return Venue(
        venue=venue,
        session=AlpacaSession(endpoints, rules, account),
        market=AlpacaMarket(venue, endpoints, rules),
        codec=MarketCodec(venue),
        user_codec=UserCodec(venue, account, rules),
        history=AlpacaHistory(endpoints, rules),
        trading=AlpacaTrading(venue, endpoints.rest_url, rules),
        bulk_cancels=AlpacaCancels(endpoints.rest_url),
        account=AlpacaAccount(endpoints.rest_url),
        rate_limits=RATE_LIMITS,
        receive_window=SETTLED,
        data_account=account,
    )
