"""The flavours of Binance: where each is reached, and the rules in which they differ.

Spot, its testnet and Binance.US speak one dialect, the two futures venues another; what remains
are paths, limits and weights, and they are all here.
"""

from typing import Final

from msgspec import Struct

from integrated_trading_system.domain.instrument import Kind
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.time import DAY, MINUTE, SECOND, Nanos
from integrated_trading_system.venues.endpoints import Endpoints
from integrated_trading_system.venues.rest import RateLimit

FLAVOURS: Final = {
    "spot": Endpoints(
        rest_url="https://api.binance.com",
        ws_url="wss://stream.binance.com:9443",
        ws_user_url="wss://ws-api.binance.com:443/ws-api/v3",
    ),
    "usdm": Endpoints(
        rest_url="https://fapi.binance.com",
        rest_key_url="https://api.binance.com",
        ws_url="wss://fstream.binance.com",
    ),
    "coinm": Endpoints(rest_url="https://dapi.binance.com", ws_url="wss://dstream.binance.com"),
    "us": Endpoints(rest_url="https://api.binance.us", ws_url="wss://stream.binance.us:9443"),
    "testnet": Endpoints(
        rest_url="https://testnet.binance.vision",
        ws_url="wss://stream.testnet.binance.vision",
        ws_user_url="wss://ws-api.testnet.binance.vision/ws-api/v3",
    ),
}

WEIGHT: Final = "REQUEST_WEIGHT"
ORDERS_10S: Final = "ORDERS_10S"
ORDERS_1M: Final = "ORDERS_1M"
ORDERS_1D: Final = "ORDERS_1D"
FUNDING: Final = "FUNDING"
"""Our word: USD-M counts questions for funding rates on their own."""

RESTRICTIONS: Final = {"spot": True, "usdm": True, "testnet": False}
"""Where a key's account is told, and whether its restrictions are, too: "/sapi" is not on the testnet."""

RECEIVE_WINDOW: Final = Nanos(5 * SECOND)
"""`recvWindow`, sent with every signed request; 5000 ms is also the venue's default."""

PING_ID: Final = 0
"""The id of the frames whose only purpose is their answer."""


class Weights(Struct, frozen=True, kw_only=True):
    """What each request costs against REQUEST_WEIGHT."""

    instruments: int
    snapshot: int
    candles: int
    """One page of history."""
    place: int
    query: int
    fills: int
    open_orders: int
    balances: int


class Rules(Struct, frozen=True, kw_only=True):
    """In what a flavour differs from the others, apart from its addresses."""

    kind: Kind
    prefix: str
    """Path of the REST interface."""
    streams: dict[DataType, str]
    """The stream that carries each kind of data: what follows ``<symbol>@``."""
    doors: dict[DataType, str]
    """Path in front of ``/stream`` for each kind of data; "" where all come through one door."""
    streams_per_link: int
    frame_gap: Nanos
    """Between our frames on one link: 5 a second are allowed on spot, 10 on futures, pings and pongs included."""
    listen_key: str = ""
    """REST path whose answer opens the account's stream; "" where a signed frame does."""
    user_path: str = ""
    """Path of the account's stream, with the listen key's place."""
    keep_alive_query: str = ""
    """Parameters of the call that prolongs the listen key."""
    weights: Weights
    candles_per_page: int = 1000
    funding_limit: str = WEIGHT
    """The limit that counts questions for funding rates."""
    order_limits: tuple[str, ...]
    """The limits that count orders."""
    rate_limits: tuple[RateLimit, ...]
    trading: bool = True


def _weight(capacity: int) -> RateLimit:
    """A tenth stays reserved for cancels and queries."""
    return RateLimit(WEIGHT, capacity, MINUTE, capacity // 10, "x-mbx-used-weight-1m")


_SPOT_STREAMS: Final = {
    DataType.QUOTES: "bookTicker",
    DataType.TRADES: "trade",
    DataType.DEPTH: "depth@100ms",
    DataType.STATISTICS: "miniTicker",
    DataType.CANDLES: "kline_1m",
}
# "<s>@trade is not documented on futures": trades come aggregated there.
_FUTURES_STREAMS: Final = _SPOT_STREAMS | {
    DataType.TRADES: "aggTrade",
    DataType.MARK_PRICE: "markPrice@1s",
    DataType.FUNDING: "markPrice@1s",
}
_ONE_DOOR: Final = dict.fromkeys(DataType, "")
# Since 2026-04-23 a USD-M stream subscribed on the wrong path gives no data.
_USDM_DOORS: Final = dict.fromkeys(DataType, "/market") | {DataType.QUOTES: "/public", DataType.DEPTH: "/public"}

_SPOT_WEIGHTS: Final = Weights(
    instruments=20, snapshot=50, candles=2, place=1, query=4, fills=20, open_orders=80, balances=20
)
_US_WEIGHTS: Final = Weights(
    instruments=10, snapshot=10, candles=1, place=1, query=4, fills=20, open_orders=80, balances=20
)
_USDM_WEIGHTS: Final = Weights(
    instruments=1, snapshot=20, candles=5, place=0, query=1, fills=5, open_orders=40, balances=5
)
_COINM_WEIGHTS: Final = Weights(
    instruments=1, snapshot=20, candles=2, place=0, query=1, fills=5, open_orders=40, balances=5
)
_SPOT_ORDERS: Final = (
    RateLimit(ORDERS_10S, 100, Nanos(10 * SECOND), 0, "x-mbx-order-count-10s"),
    RateLimit(ORDERS_1D, 200_000, DAY, 0, "x-mbx-order-count-1d"),
)
_FUTURES_ORDERS: Final = (
    RateLimit(ORDERS_10S, 300, Nanos(10 * SECOND), 0, "x-mbx-order-count-10s"),
    RateLimit(ORDERS_1M, 1200, MINUTE, 0, "x-mbx-order-count-1m"),
)

_SPOT: Final = Rules(
    kind=Kind.SPOT,
    prefix="/api/v3",
    streams=_SPOT_STREAMS,
    doors=_ONE_DOOR,
    streams_per_link=1024,
    frame_gap=Nanos(SECOND // 4),
    weights=_SPOT_WEIGHTS,
    order_limits=(ORDERS_10S, ORDERS_1D),
    rate_limits=(_weight(6000), *_SPOT_ORDERS),
)

RULES: Final = {
    "spot": _SPOT,
    "testnet": _SPOT,
    "us": Rules(
        kind=Kind.SPOT,
        prefix="/api/v3",
        streams=_SPOT_STREAMS,
        doors=_ONE_DOOR,
        streams_per_link=1024,
        frame_gap=Nanos(SECOND // 4),
        listen_key="/api/v3/userDataStream",
        user_path="/ws/{token}",
        keep_alive_query="listenKey={token}",
        weights=_US_WEIGHTS,
        order_limits=(ORDERS_10S, ORDERS_1D),
        rate_limits=(_weight(1200), *_SPOT_ORDERS),
    ),
    "usdm": Rules(
        kind=Kind.LINEAR,
        prefix="/fapi/v1",
        streams=_FUTURES_STREAMS,
        doors=_USDM_DOORS,
        streams_per_link=200,
        frame_gap=Nanos(SECOND // 8),
        listen_key="/fapi/v1/listenKey",
        user_path="/private/ws?listenKey={token}",
        weights=_USDM_WEIGHTS,
        funding_limit=FUNDING,
        order_limits=(ORDERS_10S, ORDERS_1M),
        # "Shares 500/5min/IP rate limit with GET /fapi/v1/fundingInfo."
        rate_limits=(_weight(2400), *_FUTURES_ORDERS, RateLimit(FUNDING, 500, Nanos(5 * MINUTE), 0)),
    ),
    "coinm": Rules(
        kind=Kind.INVERSE,
        prefix="/dapi/v1",
        streams=_FUTURES_STREAMS,
        doors=_ONE_DOOR,
        streams_per_link=200,
        frame_gap=Nanos(SECOND // 8),
        weights=_COINM_WEIGHTS,
        # "The difference between startTime and endTime can only be up to 200 days."
        candles_per_page=200,
        order_limits=(),
        rate_limits=(_weight(2400),),
        trading=False,
    ),
}
