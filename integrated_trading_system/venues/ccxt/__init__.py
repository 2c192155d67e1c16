"""Any exchange of the library ccxt, for the hundred that have no folder of their own: ``ccxt:kucoin``.

The core never imports the library. It speaks to a driver in the library's unified structures, as JSON, over
addresses that begin with ``ccxt://``: so recordings, replays and tests need neither the library nor a network.
"""

from typing import Final

from integrated_trading_system.domain.ids import AccountId, VenueId
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.ccxt.codec import MarketCodec
from integrated_trading_system.venues.ccxt.endpoints import FLAVOURS as FLAVOURS
from integrated_trading_system.venues.ccxt.endpoints import RATE_LIMITS
from integrated_trading_system.venues.ccxt.history import CcxtHistory
from integrated_trading_system.venues.ccxt.market import CcxtMarket
from integrated_trading_system.venues.ccxt.session import CcxtSession
from integrated_trading_system.venues.ccxt.trading import NO_TRADING, TRADING
from integrated_trading_system.venues.ccxt.user_codec import USER_CODEC
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.venue import Venue

NAME: Final = "ccxt"
DEFAULT_FLAVOUR: Final = ""


def build(flavour: str, endpoints: Endpoints, account: AccountId) -> Venue:  # noqa: ARG001 - every venue is built alike
    """All parts of one exchange; the account has no use here."""
    venue = VenueId(f"{NAME}:{flavour}")
    return Venue(
        venue=venue,
        session=CcxtSession(endpoints),
        market=CcxtMarket(venue, endpoints.rest_url),
        codec=MarketCodec(venue),
        user_codec=USER_CODEC,
        history=CcxtHistory(endpoints.rest_url),
        trading=TRADING,
        no_trading=NO_TRADING,
        rate_limits=RATE_LIMITS,
        receive_window=Nanos(5 * SECOND),
        slow=True,
    )
