"""What travels, in the venue's own field names. Types carry the rules that every number must obey."""

from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.venues.rest import MalformedReply

BROKEN: Final = (ValueError, RecursionError)
"""All that decoding bytes of unknown origin can raise: msgspec's errors and bad UTF-8 are ValueErrors."""

Price = Annotated[float, Meta(gt=0.0, lt=1e15)]
Size = Annotated[float, Meta(ge=0.0, lt=1e15)]
Millis = Annotated[int, Meta(ge=0, lt=10**15)]
Steps = Annotated[str, Meta(pattern=r"\A[0-9]{1,9}(\.[0-9]{1,18})?\Z")]
Name = Annotated[str, Meta(pattern=r"\A[A-Z0-9]{1,12}-[A-Z0-9]{1,12}\Z")]
Levels = Annotated[list[tuple[Price, Size]], Meta(max_length=10_000)]
Bar = tuple[Millis, Price, Price, Price, Price, Size]
"""When it opened; open, high, low, close; volume."""


class Frame(Struct):
    """Everything that comes: an answer has an `id`, data say `what` they are: ``book:BTC-USD``."""

    id: str = ""
    error: str = ""
    pong: bool = False
    what: str = ""
    seq: Annotated[int, Meta(ge=0, lt=2**53)] = 0
    """Of the market's books: every message is one more than the last."""
    whole: bool = False
    bids: Levels = []
    asks: Levels = []
    number: int = 0
    price: Price = 1.0
    size: Size = 0.0
    taker: Literal["buy", "sell"] = "buy"
    bar: Bar | None = None
    over: bool = False
    at: Millis = 0


class Listing(Struct):
    """One market."""

    name: Name
    tick: Steps
    step: Steps
    open: bool


class Clock(Struct):
    """The venue's time."""

    at: Millis


T = TypeVar("T")


def read(reply: HttpReply, decoder: Decoder[T]) -> T:
    """What a good answer says; raises MalformedReply for any other."""
    if reply.status != 200:
        raise MalformedReply(f"status {reply.status}")
    try:
        return decoder.decode(reply.body)
    except BROKEN as error:
        raise MalformedReply(str(error)[:200] or "not JSON") from error


def encode(content: dict[str, object]) -> bytes:
    """JSON."""
    return msgspec.json.encode(content)
