"""What Example Exchange says, for the conformance suite."""

from typing import Any, Final

import msgspec

from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.order import Side
from integrated_trading_system.venues.venue import Credentials
from tests.conformance.description import SEQUENCE, BookTraffic, Traffic, answer

AT: Final = 1_700_000_000_000
MARKET: Final = {"name": "BTC-USD", "tick": "0.5", "step": "0.001", "open": True}


def said(what: str, **fields: Any) -> bytes:
    """A frame with data."""
    return msgspec.json.encode({"what": f"{what}:BTC-USD", "at": AT} | fields)


BOOK: Final = (
    said("book", seq=41, whole=True, bids=[[100, 1]], asks=[[105, 1]]),
    said("book", seq=42, bids=[[101, 2]]),
    said("book", seq=43, bids=[[102, 1]]),
    said("book", seq=44, bids=[[102, 0]], asks=[[104, 1]]),
)


def spot() -> Traffic:
    """Everything that it is known to say."""
    return Traffic(
        symbol="BTC-USD",
        listed=(answer([MARKET]),),
        time=answer({"at": AT}),
        acknowledged=(b'{"id":"first"}',),
        refused=b'{"id":"first","error":"no market X"}',
        events={
            DataType.DEPTH: BOOK,
            DataType.TRADES: (said("trade", number=7, price=101.5, size=0.25, taker="sell"),),
            DataType.CANDLES: (said("bar", bar=[AT - 60_000, 100, 102, 99, 101, 5], over=True),),
        },
        trade=(101.5, Side.SELL),
        pong=b'{"pong":true}',
        book=BookTraffic(frames=BOOK, best=(101.0, 104.0), lost=2),
        integrity=SEQUENCE,
        limited=answer({}, 429),
        candles=answer([[AT - AT % 60_000 - minute * 60_000, 100, 102, 99, 101, 5] for minute in range(3)]),
        credentials=(Credentials("key", "one secret"), Credentials("key", "another secret")),
    )


TRAFFIC: Final = {"spot": spot}
