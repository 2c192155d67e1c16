"""What travels: the venue's own shapes and field names, and how strictly they are read.

Market data are JSON numbers, the account's figures strings. Types carry the rules that every number must
obey, so that they are checked while the bytes are decoded.
"""

from collections.abc import Sequence
from datetime import datetime
from re import ASCII
from re import compile as pattern
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.order import OrderStatus
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.rest import MalformedReply

ITEMS_MAX: Final = 20_000
"""Of one list in one message."""

Price = Annotated[float, Meta(gt=0.0, lt=1e15)]
Top = Annotated[float, Meta(ge=0.0, lt=1e15)]
"""A best price; 0 where that side of the book is empty."""
Size = Annotated[float, Meta(ge=0.0, le=1e15)]
Stamp = Annotated[str, Meta(min_length=20, max_length=40)]
"""RFC 3339 with up to nine digits of a second; `nanos` reads it."""

STATUS: Final = {
    "accepted": OrderStatus.WORKING,
    "accepted_for_bidding": OrderStatus.WORKING,
    "pending_new": OrderStatus.WORKING,
    "pending_review": OrderStatus.WORKING,
    "new": OrderStatus.WORKING,
    "partially_filled": OrderStatus.WORKING,
    "done_for_day": OrderStatus.WORKING,
    "stopped": OrderStatus.WORKING,
    "suspended": OrderStatus.WORKING,
    "calculated": OrderStatus.WORKING,
    "held": OrderStatus.WORKING,
    "pending_cancel": OrderStatus.WORKING,
    "pending_replace": OrderStatus.WORKING,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELLED,
    "replaced": OrderStatus.CANCELLED,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}
"""What the venue's words for an order's state mean. A word that is not here is never guessed at."""

_STAMP: Final = pattern(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)", ASCII)

T = TypeVar("T")


def nanos(stamp: str) -> Nanos:
    """Nanoseconds since the epoch, all nine digits kept; raises ValueError for anything but RFC 3339."""
    found = _STAMP.fullmatch(stamp)
    if found is None:
        raise ValueError(f"not a time: {stamp[:40]!r}")
    whole, fraction, zone = found.groups()
    return Nanos(int(datetime.fromisoformat(whole + zone).timestamp()) * SECOND + int((fraction or "0").ljust(9, "0")))


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


# -- market stream -------------------------------------------------------------------------------


class TradeRow(Struct, gc=False, tag_field="T", tag="t"):
    """A public trade. Only crypto says whose order was the taker's (`tks`), only stocks on which exchange (`x`)."""

    S: str
    p: Price
    s: Size
    t: Stamp
    i: int
    x: str = ""
    tks: str = ""


class QuoteRow(Struct, gc=False, tag_field="T", tag="q", rename={"as_": "as"}):
    """Best bid and ask."""

    S: str
    bp: Top
    bs: Size
    ap: Top
    as_: Size
    t: Stamp


class Bar(Struct, gc=False):
    """A candle. Crypto's may be made of quotes: then nothing was traded in it."""

    o: Price
    h: Price
    l: Price  # noqa: E741 - the venue's name for low
    c: Price
    v: Size
    t: Stamp
    n: Annotated[int, Meta(ge=0)] = 0
    vw: Size = 0.0


class BarRow(Bar, gc=False, kw_only=True, tag_field="T", tag="b"):
    """A minute that is over."""

    S: str


class LevelRow(Struct, gc=False):
    """One level; size 0 removes it."""

    p: Price
    s: Size


Levels = Annotated[list[LevelRow], Meta(max_length=ITEMS_MAX)]


class BookRow(Struct, gc=False, tag_field="T", tag="o"):
    """A whole book (`r`), or the changed levels of one. A side that did not change may be missing."""

    S: str
    t: Stamp
    b: Levels | None = None
    a: Levels | None = None
    r: bool = False


class SuccessRow(Struct, tag_field="T", tag="success"):
    """``connected`` unasked, ``authenticated`` in answer to the logon."""

    msg: str


class SubscriptionRow(Struct, tag_field="T", tag="subscription"):
    """All that is subscribed to by now, in answer to each change of it."""


class ErrorRow(Struct, tag_field="T", tag="error"):
    """A refusal, or the announcement of the end."""

    code: int
    msg: str = ""


Row = TradeRow | QuoteRow | BarRow | BookRow | SuccessRow | SubscriptionRow | ErrorRow


class Kind(Struct):
    """What kind of message a row is."""

    T: str


# -- the account, by stream and by REST ----------------------------------------------------------


class OrderState(Struct):
    """An order, as the stream and every order endpoint describe it."""

    id: str
    client_order_id: str
    symbol: str
    status: str
    asset_class: str = ""
    filled_qty: str | int | None = None
    side: str = ""
    limit_price: str | int | None = None
    qty: str | int | None = None
    """None for an order of an amount of money; a bare number in older replies."""
    updated_at: str | None = None
    submitted_at: str | None = None


class TradeUpdate(Struct):
    """Something happened to an order. What a fill's event says beyond the order is asked for by REST."""

    event: str
    order: Raw
    timestamp: str | None = None


class UserMessage(Struct):
    """Around everything on the account's stream."""

    stream: str
    data: Raw = Raw(b"null")


class Authorization(Struct):
    """The answer to the logon."""

    status: str
    message: str = ""


class Activity(Struct):
    """One fill of the list of activities."""

    id: str
    activity_type: str
    transaction_time: str
    price: str
    qty: str
    side: str
    symbol: str
    order_id: str


class Account(Struct):
    """What the account holds in money; of the other figures none is needed."""

    cash: str
    currency: str = "USD"


class Position(Struct):
    """A holding of one asset."""

    symbol: str
    qty: str
    asset_class: str
    qty_available: str | None = None


# -- REST ----------------------------------------------------------------------------------------


class Refusal(Struct):
    """The body of any status but 2xx."""

    code: int = 0
    message: str = ""


_REFUSAL: Final = Decoder(Refusal)


def refusal(reply: HttpReply) -> Refusal:
    """What the venue says of a refused request; code 0 where it says nothing (a proxy's page)."""
    try:
        return _REFUSAL.decode(reply.body)
    except (ValueError, RecursionError):
        return Refusal(message=f"HTTP {reply.status}")


def read(reply: HttpReply, decoder: Decoder[T]) -> T:
    """What a successful reply says; raises MalformedReply for any other status or shape."""
    if not 200 <= reply.status < 300:
        said = refusal(reply)
        raise MalformedReply(f"HTTP {reply.status}: {said.code} {said.message}"[:200])
    try:
        return decoder.decode(reply.body)
    except (ValueError, RecursionError) as error:
        raise MalformedReply(str(error)[:200]) from error


def levels(rows: Sequence[LevelRow] | None) -> list[tuple[float, float]]:
    """As our messages have them."""
    return [(row.p, row.s) for row in rows or ()]


def encode(value: Any) -> bytes:
    """JSON, as it is sent."""
    return msgspec.json.encode(value)
