"""The flavours of Alpaca: where each is reached, and the rules in which they differ.

Orders and assets are asked of one host, market data of another; both want the key. Keys of a paper account
work at ``https://paper-api.alpaca.markets`` only, which is then the configured `rest_url`.
"""

from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.ids import Asset
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.time import MINUTE
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import RateLimit

_REST: Final = "https://api.alpaca.markets"
_DATA: Final = "https://data.alpaca.markets"
_STREAM: Final = "wss://stream.data.alpaca.markets"

FLAVOURS: Final = {
    # The account's stream stands on the host of its orders: it is made of `rest_url`, and moves with it.
    "stocks": Endpoints(rest_url=_REST, rest_data_url=_DATA, ws_url=f"{_STREAM}/v2/iex"),
    "crypto": Endpoints(rest_url=_REST, rest_data_url=_DATA, ws_url=f"{_STREAM}/v1beta3/crypto/us"),
}

USER_PATH: Final = "/stream"

TRADING: Final = "TRADING"
DATA: Final = "DATA"
RATE_LIMITS: Final = (RateLimit(TRADING, 200, MINUTE, 40), RateLimit(DATA, 200, MINUTE, 20))
"""Of the free plan: 200 a minute for the account, and 200 a minute for data."""


class Rules(Struct, frozen=True, kw_only=True):
    """In what a flavour differs from the other, apart from its addresses."""

    asset_class: str
    quotes: tuple[Asset, ...]
    """What prices are in, where the symbol does not say it: one asset. Empty: the symbol is ``BASE/QUOTE``."""
    channels: dict[DataType, str]
    """What the stream calls each kind of data."""
    bars: str
    """Path of the candles on the data host."""
    bars_query: str
    """What else their query holds."""
    times_in_force: dict[str, str]
    """Ours -> theirs; what is not here is not offered."""


RULES: Final = {
    "stocks": Rules(
        asset_class="us_equity",
        quotes=(Asset("USD"),),
        channels={DataType.QUOTES: "quotes", DataType.TRADES: "trades", DataType.CANDLES: "bars"},
        bars="/v2/stocks/bars",
        bars_query="&adjustment=raw&feed=iex",
        times_in_force={"gtc": "gtc", "ioc": "ioc", "fok": "fok"},
    ),
    "crypto": Rules(
        asset_class="crypto",
        quotes=(),
        channels={
            DataType.QUOTES: "quotes",
            DataType.TRADES: "trades",
            DataType.CANDLES: "bars",
            DataType.DEPTH: "orderbooks",
        },
        bars="/v1beta3/crypto/us/bars",
        bars_query="",
        # The order table offers gtc and ioc; other pages of the venue name fok, so it is not relied upon.
        times_in_force={"gtc": "gtc", "ioc": "ioc"},
    ),
}
