"""Example Exchange, a made-up venue with spot markets: how a venue's folder is written (docs/add-a-venue.md)."""

from typing import Final

from examples.example_exchange.codec import MarketCodec
from examples.example_exchange.endpoints import FLAVOURS as FLAVOURS
from examples.example_exchange.endpoints import RATE_LIMITS, RECEIVE_WINDOW
from examples.example_exchange.history import ExampleHistory
from examples.example_exchange.market import ExampleMarket
from examples.example_exchange.session import ExampleSession
from examples.example_exchange.trading import NO_TRADING, TRADING
from examples.example_exchange.user_codec import USER_CODEC
from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.venue import Venue

NAME: Final = "example_exchange"
DEFAULT_FLAVOUR: Final = "spot"


def build(flavour: str, endpoints: Endpoints, account: AccountId) -> Venue:  # noqa: ARG001 - every venue is built alike
    """All parts, for these endpoints; the account has no use where nothing is traded."""
    venue = VenueId(f"{NAME}:{flavour}")
    return Venue(
        venue=venue,
        session=ExampleSession(endpoints),
        market=ExampleMarket(venue, endpoints.rest_url),
        codec=MarketCodec(venue),
        user_codec=USER_CODEC,
        trading=TRADING,
        no_trading=NO_TRADING,
        history=ExampleHistory(endpoints.rest_url),
        rate_limits=RATE_LIMITS,
        receive_window=RECEIVE_WINDOW,
    )
