"""Binance: spot, its testnet, Binance.US, USD-M futures, and the market data of COIN-M futures."""

from typing import Final

from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.venues.binance.account import BinanceAccount
from integrated_trading_system.venues.binance.cancels import BinanceCancels
from integrated_trading_system.venues.binance.codec import MarketCodec
from integrated_trading_system.venues.binance.dead_man import BinanceDeadMan
from integrated_trading_system.venues.binance.endpoints import FLAVOURS as FLAVOURS
from integrated_trading_system.venues.binance.endpoints import RECEIVE_WINDOW, RESTRICTIONS, RULES
from integrated_trading_system.venues.binance.history import BinanceHistory
from integrated_trading_system.venues.binance.market import BinanceMarket
from integrated_trading_system.venues.binance.session import BinanceSession
from integrated_trading_system.venues.binance.trading import BinanceTrading
from integrated_trading_system.venues.binance.user_codec import UserCodec
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.venue import Venue

NAME: Final = "binance"
DEFAULT_FLAVOUR: Final = "spot"


def build(flavour: str, endpoints: Endpoints, account: AccountId) -> Venue:
    """All parts of one flavour. COIN-M has no trading and no account stream."""
    venue = VenueId(f"{NAME}:{flavour}")
    rules = RULES[flavour]
    futures, host = rules.kind is not Kind.SPOT, endpoints.rest_key_url or endpoints.rest_url
    told = flavour in RESTRICTIONS
    return Venue(
        venue=venue,
        session=BinanceSession(endpoints, rules),
        market=BinanceMarket(venue, endpoints.rest_url, rules),
        codec=MarketCodec(venue),
        user_codec=UserCodec(venue, account) if rules.trading else None,
        history=BinanceHistory(endpoints.rest_url, rules),
        trading=BinanceTrading(venue, endpoints.rest_url, rules) if rules.trading else None,
        bulk_cancels=BinanceCancels(endpoints.rest_url, rules) if rules.trading else None,
        dead_man=BinanceDeadMan(endpoints.rest_url) if rules.kind is Kind.LINEAR and rules.trading else None,
        rate_limits=rules.rate_limits,
        receive_window=RECEIVE_WINDOW,
        time_in_quotes=rules.kind is not Kind.SPOT,
        account=BinanceAccount(host, futures=futures, restrictions=RESTRICTIONS[flavour]) if told else None,
        no_account="" if told else f"Binance documents no request that tells it for {flavour}",
        no_trading="" if rules.trading else "only market data of COIN-M is read: its account has another wire",
    )
