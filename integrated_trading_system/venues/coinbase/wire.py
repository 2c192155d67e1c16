"""What travels: the venue's own shapes and field names, and how strictly they are read.

Types carry the rules that every number must obey, so that they are checked while the bytes are
decoded: a price is finite and above zero, a size finite and not negative, sequence numbers fit into
64 bits. Times are texts in RFC 3339, of which `moment` makes nanoseconds.
"""

from calendar import timegm
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import VenueId
from integrated_trading_system.domain.order import OrderStatus, Side
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.rest import MalformedReply

ITEMS_MAX: Final = 200_000
"""Of one list in one message: both sides of a whole book are one list in Advanced Trade."""

Price = Annotated[float, Meta(gt=0.0, lt=1e15)]
Size = Annotated[float, Meta(ge=0.0, le=1e15)]
Ratio = Annotated[float, Meta(ge=-1e9, le=1e9)]
Sequence = Annotated[int, Meta(ge=0, le=2**62)]
Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,48}\Z")]
"""Becomes part of channels, addresses and pages: no other characters than these."""
Level = tuple[Price, Size]
Levels = Annotated[list[Level], Meta(max_length=ITEMS_MAX)]

STATUS: Final = {
    "PENDING": OrderStatus.WORKING,
    "OPEN": OrderStatus.WORKING,
    "QUEUED": OrderStatus.WORKING,
    "CANCEL_QUEUED": OrderStatus.WORKING,
    "FILLED": OrderStatus.FILLED,
    "CANCELLED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
    "FAILED": OrderStatus.REJECTED,
}
"""What the venue's words for an order's state mean. A word that is not here is never guessed at."""

AGGRESSOR: Final = {"buy": Side.SELL, "sell": Side.BUY, "BUY": Side.SELL, "SELL": Side.BUY}
"""Of a public trade: its `side` is the maker's, on every door of this venue."""

BROKEN: Final = (ValueError, RecursionError)
"""All that decoding bytes of unknown origin can raise: msgspec's errors and bad UTF-8 are ValueErrors."""

_FRACTION_DIGITS: Final = 9
_NANOS_MAX: Final = 2**62

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


def quarantined(venue: VenueId, error: Exception, frame: bytes, received_at: Nanos) -> Quarantined:
    """Bytes that did not decode, and why."""
    return Quarantined(venue, broken(error), str(error)[:200], frame, received_at)


def moment(text: str) -> Nanos:
    """``2021-04-17T16:43:18.435588Z`` in nanoseconds; raises ValueError.

    0 for what lies before 1970: a message without a time of its own says ``0001-01-01T00:00:00.000000Z``.
    """
    fraction = text[20:-1]
    if text[19:20] == "." and text[-1] == "Z" and fraction.isdecimal() and len(fraction) <= _FRACTION_DIGITS:
        nanos = _second(text[:19]) * SECOND + int(fraction.ljust(_FRACTION_DIGITS, "0"))
    elif text[19:] in ("Z", "+00:00"):
        nanos = _second(text[:19]) * SECOND
    else:
        raise ValueError(f"not a time: {text[:40]!r}")
    if nanos > _NANOS_MAX:
        raise ValueError(f"a time too far ahead: {text[:40]!r}")
    return Nanos(max(nanos, 0))


def written(at: Nanos) -> str:
    """The instant as the venue wants it in a request, to the microsecond below."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at % SECOND // 1000:06}Z"


@lru_cache(maxsize=256)
def _second(text: str) -> int:
    """Seconds since the epoch. Most messages share their second with the one before."""
    return timegm(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC).timetuple())


# -- Exchange: public streams --------------------------------------------------------------------


class Typed(Struct):
    """Everything that tells Exchange's messages apart, and what an error says."""

    type: str
    message: str = ""
    reason: str = ""


class Ticker(Struct, gc=False):
    """``ticker``, after every match and once on subscribing. Sizes were not told before 2022."""

    product_id: str
    sequence: Sequence
    price: Price
    time: str = ""
    volume_24h: Size = 0.0
    open_24h: Size = 0.0
    best_bid: Size = 0.0
    best_bid_size: Size = 0.0
    best_ask: Size = 0.0
    best_ask_size: Size = 0.0


class Match(Struct, gc=False):
    """``match`` and ``last_match``. `side` is the maker's: "sell" says that a buyer took the offer."""

    product_id: str
    trade_id: Sequence
    side: Literal["buy", "sell"]
    price: Price
    size: Size
    time: str


class Snapshot(Struct, gc=False):
    """``snapshot``: the whole book. In captures of 2021 it has no time."""

    product_id: str
    bids: Levels
    asks: Levels
    time: str = ""


class L2Update(Struct, gc=False):
    """``l2update``: absolute sizes, 0 removes the level."""

    product_id: str
    time: str
    changes: Annotated[list[tuple[Literal["buy", "sell"], Price, Size]], Meta(max_length=ITEMS_MAX)]


class Heartbeat(Struct, gc=False):
    """``heartbeat``, one a second and product."""

    product_id: str
    last_trade_id: Sequence


# -- Advanced Trade: public streams --------------------------------------------------------------


class Envelope(Struct):
    """Around every message. `sequence_num` counts all messages of a connection, whatever their channel."""

    channel: str = ""
    timestamp: str = ""
    sequence_num: Sequence | None = None
    events: Raw = Raw(b"[]")
    type: str = ""
    message: str = ""


class CandleRow(Struct, gc=False):
    """One bucket; `start` in seconds. The stream's are of five minutes."""

    start: Annotated[int, Meta(ge=0, le=10_000_000_000)]
    low: Price
    high: Price
    open: Price
    close: Price
    volume: Size
    product_id: str = ""


# -- Advanced Trade: the account, by stream and by REST ------------------------------------------


class StreamOrder(Struct):
    """An order as the ``user`` channel tells it. There are no rows of fills."""

    order_id: str
    status: str
    client_order_id: str = ""
    cumulative_quantity: str = ""
    cancel_reason: str = ""
    reject_reason: str = ""


class UserEvent(Struct):
    """Of ``user``: open orders on subscribing, then changes; each order still raw."""

    orders: list[Raw] = []


class Terms(Struct):
    """What was ordered; a market order may have an amount of money instead."""

    base_size: str | None = None
    limit_price: str | None = None


class Order(Struct):
    """An order as REST tells it."""

    order_id: str
    product_id: str
    status: str
    client_order_id: str = ""
    filled_size: str = ""
    side: str = ""
    order_configuration: dict[str, Terms] = {}
    """One entry, whose name is the order's type."""


class FillRow(Struct):
    """One execution of ours. It names its order by the venue's id only."""

    trade_id: str
    order_id: str
    trade_time: str
    trade_type: str
    price: str
    size: str
    commission: str
    product_id: str
    liquidity_indicator: str
    side: Literal["BUY", "SELL"]
    size_in_quote: bool = False


class Created(Struct):
    """What was placed."""

    order_id: str
    client_order_id: str


class Refusal(Struct):
    """Why not."""

    error: str = ""
    message: str = ""
    preview_failure_reason: str = ""


class Placed(Struct):
    """The answer to an order."""

    success: bool
    success_response: Created | None = None
    error_response: Refusal | None = None
    failure_reason: str = ""


class CancelResult(Struct):
    """What became of one cancel."""

    success: bool
    order_id: str
    failure_reason: str = ""


class Cancelled(Struct):
    """The answer to a cancel."""

    results: list[CancelResult]


class Orders(Struct):
    """One order by its id, or a page of a list; each still raw."""

    order: Raw = Raw(b"")
    orders: list[Raw] | None = None
    has_next: bool = False
    cursor: str = ""


class Fills(Struct):
    """A page."""

    fills: list[FillRow]
    cursor: str = ""


class Amount(Struct):
    """So much of something."""

    value: str


class Account(Struct):
    """One asset."""

    currency: str
    available_balance: Amount
    hold: Amount | None = None


class Accounts(Struct):
    """A page."""

    accounts: list[Account]
    has_next: bool = False


class Problem(Struct):
    """What a refused request says."""

    error: str = ""
    message: str = ""


def problem(reply: HttpReply) -> str:
    """Status and words of an unusable reply, for people."""
    try:
        said = _PROBLEM.decode(reply.body)
    except BROKEN:
        said = Problem()
    return f"HTTP {reply.status} {said.error} {said.message}".strip()[:200]


def read(reply: HttpReply, decoder: Decoder[T]) -> T:
    """What a successful reply says; raises MalformedReply for any other status or shape."""
    if reply.status != 200:
        raise MalformedReply(problem(reply))
    try:
        return decoder.decode(reply.body)
    except BROKEN as error:
        raise MalformedReply(str(error)[:200]) from error


_PROBLEM: Final[Decoder[Any]] = Decoder(Problem)
