"""What travels: the venue's own shapes and field names, and how strictly they are read.

Types carry the rules that every number must obey, so that they are checked while the bytes are
decoded: a price is finite and above zero, a size finite and not negative ("nan", "Infinity" and
"-1" are all valid JSON strings), times and sequence numbers fit into 64 bits.
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.order import OrderStatus
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.rest import MalformedReply

LEVELS_MAX: Final = 20_000
"""Of one side in one message; the deepest snapshot has 1,000."""

Price = Annotated[float, Meta(gt=0.0, lt=1e15)]
Size = Annotated[float, Meta(ge=0.0, le=1e15)]
Ratio = Annotated[float, Meta(ge=-1e9, le=1e9)]
Millis = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
Micros = Annotated[int, Meta(ge=0, le=9_000_000_000_000_000)]
Sequence = Annotated[int, Meta(ge=0, le=2**62)]
Levels = Annotated[list[tuple[Price, Size]], Meta(max_length=LEVELS_MAX)]
Id = int | str
"""Numbers and texts are both met; an id is only ever compared."""

STATUS: Final = {
    "New": OrderStatus.WORKING,
    "PartiallyFilled": OrderStatus.WORKING,
    "TriggerPending": OrderStatus.WORKING,
    "Triggered": OrderStatus.WORKING,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "Expired": OrderStatus.EXPIRED,
    "TriggerFailed": OrderStatus.REJECTED,
}
"""What the venue's words for an order's state mean. A word that is not here is never guessed at."""

T = TypeVar("T")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def broken(error: Exception) -> str:
    """One fixed word for what is wrong with bytes that did not decode."""
    if not isinstance(error, msgspec.ValidationError):
        if isinstance(error, msgspec.DecodeError | UnicodeDecodeError):
            return "json"
        return "sequence" if "update id" in str(error) else "shape"
    text = str(error)
    if "Expected `float` > " in text or "Expected `float` < " in text:
        return "price"  # only prices have open bounds
    if "Expected `float` >= " in text or "Expected `float` <= " in text:
        return "size"
    return "oversized" if "Expected `array` of length <= " in text else "shape"


def parse_time(text: str) -> Nanos:
    """ISO-8601, in UTC where no zone is given; raises ValueError."""
    at = datetime.fromisoformat(text)
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
    if since < timedelta(0):
        raise ValueError(f"before 1970: {text[:40]}")
    return Nanos(since // timedelta(microseconds=1) * 1_000)


# -- market streams ------------------------------------------------------------------------------
#
# A message's `stream` has been read from its bytes already; it also names the symbol. Times are
# microseconds: `T` the matching engine's, `E` when the message was made.


class BookTicker(Struct, gc=False):
    """``bookTicker``. A side that is empty may be missing."""

    u: Sequence
    T: Micros
    a: Price | None = None
    A: Size | None = None
    b: Price | None = None
    B: Size | None = None


class BookTickerMessage(Struct, gc=False):
    """Its envelope."""

    data: BookTicker


class Depth(Struct, gc=False):
    """``depth``: absolute sizes, update ids `U` to `u`; zero removes a level."""

    E: Micros
    U: Sequence
    a: Levels
    b: Levels
    u: Sequence
    T: Micros = 0


class DepthMessage(Struct, gc=False):
    """Its envelope."""

    data: Depth


class Print(Struct, gc=False):
    """``trade``. `m`: the buyer was the maker, so the taker sold."""

    T: Micros
    m: bool
    p: Price
    q: Size
    t: Sequence


class PrintMessage(Struct, gc=False):
    """Its envelope."""

    data: Print


class Ticker(Struct, gc=False):
    """``ticker``: 24 hours rolling, `o` the first price and `c` the last, both 0 without trades."""

    E: Micros
    o: Size
    c: Size
    v: Size
    V: Size


class TickerMessage(Struct, gc=False):
    """Its envelope."""

    data: Ticker


class Kline(Struct, gc=False):
    """``kline``: `t` is a text without zone; no prices without trades."""

    t: str
    o: Price | None
    c: Price | None
    h: Price | None
    l: Price | None  # noqa: E741 - the venue's name
    v: Size
    n: Sequence
    X: bool


class KlineMessage(Struct, gc=False):
    """Its envelope."""

    data: Kline


class Mark(Struct, gc=False):
    """``markPrice``: `p` the price, `i` the index, `f` the funding rate as it looks now, `n` when it is paid."""

    p: Price
    T: Micros
    i: Price | None = None
    f: Ratio | None = None
    n: Millis | None = None


class MarkMessage(Struct, gc=False):
    """Its envelope."""

    data: Mark


class Envelope(Struct):
    """Everything that tells messages apart; what is absent keeps its default."""

    stream: str = ""
    data: Raw = Raw(b"")
    error: Raw = Raw(b"")


# -- the account, by stream and by REST ----------------------------------------------------------


class OrderUpdate(Struct):
    """``account.orderUpdate``; which fields are there depends on the event `e`."""

    e: str
    s: str
    S: Literal["Bid", "Ask"]
    i: Id
    T: Micros
    X: str = ""
    c: Id | None = None
    t: Id | None = None
    l: str = ""  # noqa: E741 - the venue's name
    L: str = ""
    z: str = "0"
    m: bool | None = None
    n: str | None = None
    N: str | None = None
    R: str | None = None


class OrderState(Struct, rename="camel"):
    """An order, as every order endpoint describes it."""

    id: Id
    symbol: str
    status: str
    executed_quantity: str | None = "0"
    side: str = ""
    price: str | None = None
    quantity: str | None = None
    client_id: Id | None = None
    created_at: Id = 0
    """Milliseconds; in the history a text. Never derived from `id`, which is opaque."""
    expiry_reason: str | None = None


class OwnTrade(Struct, rename="camel"):
    """One of our fills. `trade_id` is missing where the system moved something without a trade."""

    symbol: str
    order_id: Id
    side: Literal["Bid", "Ask"]
    price: str
    quantity: str
    fee: str
    fee_symbol: str
    is_maker: bool
    timestamp: str
    trade_id: Id | None = None
    client_id: Id | None = None


class Holding(Struct):
    """What there is of one asset. While funds are lent out they are not here."""

    available: str
    locked: str
    staked: str = "0"


class Position(Struct, rename="camel"):
    """One perpetual position; the quantity is signed."""

    symbol: str
    net_quantity: str
    entry_price: str


# -- REST ----------------------------------------------------------------------------------------


class Problem(Struct):
    """An error; without a code where it is not the venue's own (a proxy's page, a plain text)."""

    code: str = ""
    message: str = ""


def problem(reply: HttpReply) -> Problem:
    """What a reply that is no success says."""
    try:
        return _PROBLEM.decode(reply.body)
    except (ValueError, RecursionError):
        return Problem(message=f"HTTP {reply.status}")


def read(reply: HttpReply, decoder: Decoder[T]) -> T:
    """What a successful reply says; raises MalformedReply for any other status or shape."""
    if reply.status != 200:
        said = problem(reply)
        raise MalformedReply(f"HTTP {reply.status}: {said.code} {said.message}"[:200])
    try:
        return decoder.decode(reply.body)
    except (ValueError, RecursionError) as error:
        raise MalformedReply(str(error)[:200]) from error


_PROBLEM: Final = Decoder(Problem)
