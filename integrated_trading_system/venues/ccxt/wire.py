"""What travels between core and driver: the library's unified structures as JSON, and how strictly they are read.

Types carry the rules that every number must obey. The library makes numbers of what the exchange wrote, and
nothing where the exchange wrote nothing: a missing figure is null.
"""

from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.venues.rest import MalformedReply

ITEMS_MAX: Final = 20_000
"""Of one list in one message."""

Price = Annotated[float, Meta(gt=0.0, lt=1e15)]
Size = Annotated[float, Meta(ge=0.0, le=1e15)]
Amount = Annotated[float, Meta(ge=0.0, le=1e18)]
Ratio = Annotated[float, Meta(ge=-1e9, le=1e9)]
Millis = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
Levels = Annotated[list[tuple[Price, Size]], Meta(max_length=ITEMS_MAX)]

T = TypeVar("T")


def broken(error: Exception) -> str:
    """One fixed word for what is wrong with bytes that did not decode."""
    if not isinstance(error, msgspec.ValidationError):
        return "json" if isinstance(error, msgspec.DecodeError | UnicodeDecodeError) else "shape"
    text = str(error)
    if "Expected `float` > " in text or "Expected `float` < " in text:
        return "price"  # only prices have open bounds
    if "Expected `float` >= " in text or "Expected `float` <= " in text:
        return "size"
    return "oversized" if "Expected `array` of length <= " in text else "shape"


# -- frames --------------------------------------------------------------------------------------


class Command(Struct):
    """From us: start or end these streams, each a kind of data and a symbol. Answered under its `id`."""

    id: str
    op: Literal["subscribe", "unsubscribe"]
    streams: list[tuple[DataType, str]]


class Frame(Struct):
    """From the driver: data of one stream, or the answer to a command (`id`; `error` empty where it was done)."""

    stream: DataType | None = None
    symbol: str = ""
    data: Raw = Raw(b"null")
    id: str = ""
    error: str = ""


class Book(Struct):
    """An order book, always whole."""

    bids: Levels
    asks: Levels
    timestamp: Millis | None = None


class Top(Struct, rename={"bid_size": "bidVolume", "ask_size": "askVolume"}):
    """Best bid and ask. Not every exchange tells their sizes."""

    bid: Price | None = None
    ask: Price | None = None
    bid_size: Size | None = None
    ask_size: Size | None = None
    timestamp: Millis | None = None


class Ticker(Struct, rename={"volume": "baseVolume", "quote_volume": "quoteVolume"}):
    """24 hours rolling."""

    last: Price | None = None
    volume: Amount | None = None
    quote_volume: Amount | None = None
    percentage: Ratio | None = None
    timestamp: Millis | None = None


class Print(Struct):
    """One public trade; `side` is the taker's."""

    price: Price
    amount: Size
    timestamp: Millis | None = None
    side: Literal["buy", "sell"] | None = None
    id: str | None = None


Prints = Annotated[list[Print], Meta(max_length=ITEMS_MAX)]

Bar = tuple[Millis, Price, Price, Price, Price, Amount | None]
"""When it opened; open, high, low, close; volume."""
Bars = Annotated[list[Bar], Meta(max_length=ITEMS_MAX)]


# -- replies -------------------------------------------------------------------------------------


class Span(Struct):
    """What a figure of an order may be."""

    min: float | None = None
    max: float | None = None


class Limits(Struct):
    """Of an order: in base, in price, in quote."""

    amount: Span = msgspec.field(default_factory=Span)
    cost: Span = msgspec.field(default_factory=Span)


class Precision(Struct):
    """Steps, or numbers of digits: the exchange's mode says which."""

    price: float | None = None
    amount: float | None = None


class Listed(Struct, rename={"contract_size": "contractSize"}):
    """A market."""

    symbol: str
    base: str
    quote: str
    spot: bool = False
    contract: bool = False
    option: bool = False
    linear: bool | None = None
    inverse: bool | None = None
    settle: str | None = None
    active: bool | None = None
    contract_size: float | None = None
    precision: Precision = msgspec.field(default_factory=Precision)
    limits: Limits = msgspec.field(default_factory=Limits)


class Markets(Struct, rename={"precision_mode": "precisionMode"}):
    """All that an exchange lists, each entry still raw: a strange one must not hide the others."""

    precision_mode: int
    markets: list[Raw]


def read(reply: HttpReply, decoder: Decoder[T]) -> T:
    """What a successful reply says; raises MalformedReply for any other status or shape."""
    if reply.status != 200:
        raise MalformedReply(f"{reply.status}: {reply.body[:150]!r}")
    try:
        return decoder.decode(reply.body)
    except (ValueError, RecursionError) as error:
        raise MalformedReply(str(error)[:200]) from error


def encode(value: Any) -> bytes:
    """JSON, as it is sent."""
    return msgspec.json.encode(value)
