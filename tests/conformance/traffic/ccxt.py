"""An exchange by way of the library ccxt, as its driver tells of it: one id stands for all."""

from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.order import Side
from integrated_trading_system.venues.venue import Credentials
from tests.conformance.description import WHOLE, BookTraffic, Traffic, answer
from tests.support.ccxt_core import frame

MILLIS = 1_700_000_000_123
MARKET = {
    "symbol": "BTC/USDT",
    "base": "BTC",
    "quote": "USDT",
    "settle": None,
    "spot": True,
    "contract": False,
    "active": True,
    "precision": {"price": 0.01, "amount": 1e-08},
    "limits": {"amount": {"min": 1e-05, "max": 9000.0}, "cost": {"min": 5.0, "max": None}},
}
TOP = {"bid": 100.0, "bidVolume": 2.0, "ask": 100.5, "askVolume": 3.0, "timestamp": MILLIS}
TRADES = [{"id": "t1", "price": 100.0, "amount": 0.5, "side": "buy", "timestamp": MILLIS}]
DAY = {"last": 100.0, "baseVolume": 5.0, "quoteVolume": 500.0, "percentage": -1.5, "timestamp": MILLIS}
BARS = [[1_699_998_000_000 + 60_000 * n, 1.0, 3.0, 0.5, 2.0, 4.0] for n in range(3)]
BOOKS = tuple(
    frame("depth", {"bids": [[bid, 1.0]], "asks": [[105.0, 1.0]], "timestamp": MILLIS + n, "nonce": None})
    for n, bid in enumerate((100.0, 101.0, 102.0, 103.0))
)


def any_exchange() -> Traffic:
    return Traffic(
        symbol="BTC/USDT",
        listed=(answer({"precisionMode": 4, "markets": [MARKET]}),),
        time=answer(MILLIS),
        acknowledged=(b'{"id":"1","error":""}',),
        refused=b'{"id":"1","error":"no market X"}',
        events={
            DataType.QUOTES: (frame("quotes", TOP),),
            DataType.TRADES: (frame("trades", TRADES),),
            DataType.STATISTICS: (frame("statistics", DAY),),
            DataType.CANDLES: (frame("candles", BARS),),
            DataType.DEPTH: BOOKS,
        },
        trade=(100.0, Side.BUY),
        book=BookTraffic(frames=BOOKS, best=(103.0, 105.0), lost=2),
        integrity=WHOLE,
        limited=answer({"error": "RateLimitExceeded"}, 429),
        candles=answer(BARS),
        credentials=(Credentials("key", "one secret"), Credentials("key", "another secret")),
    )


TRAFFIC = {"kucoin": any_exchange}
"""In the catalog every id is a flavour; this one stands for all."""
