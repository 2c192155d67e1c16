"""What travels: the venue's own shapes and field names, and how strictly they are read.

Prices and sizes are JSON numbers, printed in full: their text is what the checksum of a book is made of, so in
a book they stay raw. Times are RFC 3339 with microseconds.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, TypeVar
from zlib import crc32

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.order import OrderStatus
from integrated_trading_system.domain.time import MICROSECOND, Nanos
from integrated_trading_system.venues.rest import MalformedReply
from integrated_trading_system.venues.textbook import TextLevel

ITEMS_MAX: Final = 20_000
"""Of one list in one message; the deepest book has 1,000 levels a side."""

SUMMED_LEVELS: Final = 10
"""Of each side, whatever the depth: "the checksum is over the top 10 bids and asks"."""

Price = Annotated[float, Meta(gt=0.0, lt=1e15)]
Size = Annotated[float, Meta(ge=0.0, le=1e15)]
Change = Annotated[float, Meta(ge=-1e9, le=1e15)]
Count = Annotated[int, Meta(ge=0, le=2**62)]
Seconds = Annotated[int, Meta(ge=0, le=7_000_000_000)]
Checksum = Annotated[int, Meta(ge=0, lt=2**32)]

STATUS: Final = {
    "pending": OrderStatus.WORKING,
    "pending_new": OrderStatus.WORKING,
    "open": OrderStatus.WORKING,
    "new": OrderStatus.WORKING,
    "partially_filled": OrderStatus.WORKING,
    "closed": OrderStatus.FILLED,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELLED,
    "expired": OrderStatus.EXPIRED,
}
"""What the venue's words for an order's state mean, in REST and in the stream. A word that is not here is never
guessed at."""

_NUMBER: Final = re.compile(r"[0-9]{1,24}(\.[0-9]{1,24})?", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


def nanos(moment: datetime) -> Nanos:
    """Nanoseconds since the epoch; raises ValueError for what cannot be a venue's time."""
    if moment.tzinfo is None or not 1970 <= moment.year < 2200:
        raise ValueError("a time without a zone, or of another age")
    since = moment - _EPOCH
    return Nanos(((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * MICROSECOND)


def number(value: Decimal) -> Decimal:
    """A number that money may be made of; raises ValueError for NaN, infinities and monsters."""
    if not value.is_finite() or abs(value.adjusted()) > 24:
        raise ValueError(f"not a plain number: {str(value)[:40]}")
    return value


# -- the book ------------------------------------------------------------------------------------


class Level(Struct, gc=False):
    """One level, its numbers as they are printed."""

    price: Raw
    qty: Raw


Levels = Annotated[list[Level], Meta(max_length=ITEMS_MAX)]


class Book(Struct, gc=False):
    """A whole book, or what changed of it. Not every snapshot has a time."""

    symbol: str
    bids: Levels
    asks: Levels
    checksum: Checksum
    timestamp: datetime | None = None


class BookMessage(Struct, gc=False):
    """``book``."""

    type: Literal["snapshot", "update"]
    data: Annotated[list[Book], Meta(max_length=ITEMS_MAX)]


def texts(levels: list[Level], price_decimals: int, size_decimals: int) -> list[TextLevel]:
    """The levels as text; raises ValueError for what is no plain number, or a price of 0.

    "Use the pair's precisions": zeros that whoever passed the message on has left out are put back.
    """
    found = []
    for level in levels:
        price, size = bytes(level.price).decode(), bytes(level.qty).decode()
        if not _NUMBER.fullmatch(price) or not _NUMBER.fullmatch(size):
            raise ValueError("a level without a plain number")
        if not 0.0 < float(price) < 1e15:
            raise ValueError("Expected `float` > 0.0")
        if float(size) > 1e15:
            raise ValueError("Expected `float` <= 1e15")
        found.append((_filled(price, price_decimals), _filled(size, size_decimals)))
    return found


def checksum(asks: list[TextLevel], bids: list[TextLevel]) -> int:
    """Of the best levels, best first: their texts without the point and leading zeros, one after the other."""
    parts = [
        text.replace(".", "", 1).lstrip("0")
        for side in (asks[:SUMMED_LEVELS], bids[:SUMMED_LEVELS])
        for level in side
        for text in level
    ]
    return crc32("".join(parts).encode())


def _filled(text: str, decimals: int) -> str:
    """With at least so many digits after the point."""
    point = text.find(".")
    if point < 0:
        return f"{text}.{'0' * decimals}" if decimals else text
    return text.ljust(point + 1 + decimals, "0")


# -- other market streams ------------------------------------------------------------------------


class Print(Struct, gc=False):
    """One public trade. `side` is the taker's."""

    symbol: str
    side: Literal["buy", "sell"]
    price: Price
    qty: Size
    trade_id: Count
    timestamp: datetime


class Prints(Struct, gc=False):
    """``trade``: in the order in which they happened. A snapshot lists the last 50."""

    type: Literal["snapshot", "update"]
    data: Annotated[list[Print], Meta(max_length=ITEMS_MAX)]


class Ticker(Struct, gc=False):
    """Best prices, and 24 hours rolling. `volume` is in base units, `vwap` the average price of it."""

    symbol: str
    bid: float | None = None
    bid_qty: Size = 0.0
    ask: float | None = None
    ask_qty: Size = 0.0
    last: float | None = None
    volume: Size | None = None
    vwap: Size | None = None
    change_pct: Change | None = None
    timestamp: datetime | None = None


class TickerMessage(Struct, gc=False):
    """``ticker``."""

    data: Annotated[list[Ticker], Meta(max_length=ITEMS_MAX)]


class Bar(Struct, gc=False):
    """One candle as it is now; nothing says that it is the last word."""

    symbol: str
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Size
    trades: Count
    interval_begin: datetime
    interval: Count
    """Minutes."""
    vwap: Size = 0.0


class Bars(Struct, gc=False):
    """``ohlc``."""

    data: Annotated[list[Bar], Meta(max_length=ITEMS_MAX)]


# -- everything else that comes ------------------------------------------------------------------


class Result(Struct):
    """What was subscribed to, or left."""

    channel: str = ""
    symbol: str = ""
    depth: Count = 0
    """Of a book."""


class Envelope(Struct):
    """Everything that tells messages apart; what is absent keeps its default."""

    channel: str = ""
    type: str = ""
    method: str = ""
    success: bool | None = None
    error: str = ""
    req_id: int = 0
    symbol: str = ""
    """Of a refusal."""
    result: Result | None = None
    data: Raw = Raw(b"")


class SystemStatus(Struct):
    """``status``: of the whole market."""

    system: str


def broken(error: Exception) -> str:
    """One fixed word for what is wrong with bytes that did not decode."""
    text = str(error)
    if "Expected `float` > " in text or "Expected `float` < " in text:
        return "price"  # only prices have open bounds
    if "Expected `float` >= " in text or "Expected `float` <= " in text:
        return "size"
    if "Expected `array` of length <= " in text:
        return "oversized"
    json = isinstance(error, msgspec.DecodeError | UnicodeDecodeError)
    return "json" if json and not isinstance(error, msgspec.ValidationError) else "shape"


# -- REST ----------------------------------------------------------------------------------------


class Answer(Struct):
    """Around every reply, whose status is 200 all the same. Entries that begin with ``W`` are warnings."""

    error: list[str] = []
    result: Raw = Raw(b"null")

    @property
    def failure(self) -> str:
        """The first error; empty where there is none."""
        return next((text[:200] or "an error without words" for text in self.error if not text.startswith("W")), "")


class Placed(Struct):
    """``AddOrder``."""

    txid: list[str]


class Description(Struct):
    """What was ordered."""

    pair: str
    type: str = ""
    price: str = ""


class OrderInfo(Struct):
    """An order, in ``OpenOrders`` and ``ClosedOrders``."""

    status: str
    vol: str
    vol_exec: str
    descr: Description
    cl_ord_id: str | None = None


class Orders(Struct):
    """Of either place; by the venue's order id. None: the answer is not of this place."""

    open: dict[str, OrderInfo] | None = None
    closed: dict[str, OrderInfo] | None = None


class TradeInfo(Struct):
    """One fill. `time` is in seconds, to 100 µs or better."""

    ordertxid: str
    pair: str
    time: float
    type: Literal["buy", "sell"]
    price: str
    vol: str
    fee: str
    maker: bool = False


class Trades(Struct):
    """``TradesHistory``: a page, newest first, and how many there are in all."""

    trades: dict[str, TradeInfo]
    count: int = 0


class Held(Struct):
    """``BalanceEx``: of one asset."""

    balance: str
    hold_trade: str = "0"


def answer(reply: HttpReply) -> Answer:
    """The venue's answer in a reply; one whose failure names the status where there is none."""
    if reply.status >= 500:  # whoever answered, it was not the engine: its words prove nothing
        return Answer(error=[f"HTTP {reply.status}"])
    try:
        said = _ANSWER.decode(reply.body)
    except (ValueError, RecursionError):
        return Answer(error=[f"HTTP {reply.status}"])
    if reply.status != 200 and not said.failure:
        return Answer(error=[f"HTTP {reply.status}"])
    return said


def read(reply: HttpReply, decoder: Decoder[T]) -> T:
    """What a successful reply says; raises MalformedReply for any other status, error or shape."""
    said = answer(reply)
    if said.failure:
        raise MalformedReply(f"HTTP {reply.status}: {said.failure}")
    try:
        return decoder.decode(said.result)
    except (ValueError, RecursionError) as error:
        raise MalformedReply(str(error)[:200]) from error


_ANSWER: Final = Decoder(Answer)
