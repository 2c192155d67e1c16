"""What travels: the venue's own shapes and field names, and how strictly they are read.

Types carry the rules that every number must obey, so that they are checked while the bytes are
decoded: a price is finite and above zero, a size finite and not negative ("nan", "Infinity" and
"-1" are all valid JSON strings), times and sequence numbers fit into 64 bits.
"""

from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct, field
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.order import OrderStatus
from integrated_trading_system.venues.rest import MalformedReply

ITEMS_MAX: Final = 20_000
"""Of one list in one message; the longest documented one has 1,024 trades."""

NO_CODE: Final = -1
"""Stands for `retCode` where a reply has none: a proxy's page, not the venue's answer."""

Price = Annotated[float, Meta(gt=0.0, lt=1e15)]
Size = Annotated[float, Meta(ge=0.0, le=1e15)]
Ratio = Annotated[float, Meta(ge=-1e9, le=1e9)]
Rate = Annotated[str, Meta(max_length=32, pattern=r"\A(-?[0-9]+(\.[0-9]+)?)?\Z")]
"""A number that may be missing. Without an exponent, so that it is never infinite."""
Millis = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
PriceText = Annotated[str, Meta(max_length=36, pattern=r"\A([0-9]{1,15}(\.[0-9]+)?)?\Z")]
"""A price that may be missing: empty, or 0."""
MillisText = Annotated[str, Meta(max_length=13, pattern=r"\A[0-9]*\Z")]
"""A time that may be missing: empty, or 0."""
Sequence = Annotated[int, Meta(ge=0, le=2**62)]
Levels = Annotated[list[tuple[Price, Size]], Meta(max_length=ITEMS_MAX)]

STATUS: Final = {
    "New": OrderStatus.WORKING,
    "PartiallyFilled": OrderStatus.WORKING,
    "Untriggered": OrderStatus.WORKING,
    "Triggered": OrderStatus.WORKING,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "PartiallyFilledCanceled": OrderStatus.CANCELLED,
    "Deactivated": OrderStatus.CANCELLED,
    "Rejected": OrderStatus.REJECTED,
}
"""What the venue's words for an order's state mean. A word that is not here is never guessed at."""

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


# -- market streams ------------------------------------------------------------------------------
#
# A message's `topic` has been read from its bytes already; it also names the symbol. Only some
# messages have `cts`, the matching engine's time; `ts` is the gateway's.


class TopLevels(Struct, gc=False):
    """The best level of each side. `seq` is comparable between depths."""

    b: Levels
    a: Levels
    seq: Sequence


class TopOfBook(Struct, gc=False):
    """``orderbook.1``: since 2025-03-20 snapshots only; captures from before then have changes, too."""

    type: Literal["snapshot", "delta"]
    ts: Millis
    data: TopLevels
    cts: Millis = 0


class BookLevels(TopLevels, gc=False):
    """`u` grows by one with each message of this depth; 1 says that the service restarted."""

    u: Sequence


class OrderBook(Struct, gc=False):
    """``orderbook.50``: a snapshot, then changes with absolute sizes."""

    type: Literal["snapshot", "delta"]
    ts: Millis
    data: BookLevels
    cts: Millis = 0


class Print(Struct, gc=False):
    """One public trade. `S` is the taker's side."""

    T: Millis
    S: Literal["Buy", "Sell"]
    v: Size
    p: Price
    i: str


class Prints(Struct, gc=False):
    """``publicTrade``: in the order in which they happened."""

    data: Annotated[list[Print], Meta(max_length=ITEMS_MAX)]


class Ticker(
    Struct,
    gc=False,
    rename={
        "last": "lastPrice",
        "change": "price24hPcnt",
        "mark": "markPrice",
        "index": "indexPrice",
        "funding": "fundingRate",
        "funding_at": "nextFundingTime",
    },
):
    """24 hours rolling, and what only contracts have. Linear sends only what changed.

    `change` is a ratio, not percent. A contract that is delivered has no funding: the rate is empty, its time 0.
    """

    last: Price | None = None
    change: Ratio | None = None
    volume24h: Size | None = None
    turnover24h: Size | None = None
    mark: PriceText | None = None
    index: PriceText | None = None
    funding: Rate | None = None
    funding_at: MillisText | None = None


class TickerMessage(Struct, gc=False):
    """``tickers``."""

    type: Literal["snapshot", "delta"]
    ts: Millis
    data: Ticker


class Kline(Struct, gc=False):
    """One candle; `confirm` once it is closed."""

    start: Millis
    open: Price
    close: Price
    high: Price
    low: Price
    volume: Size
    confirm: bool
    turnover: Size = 0.0


class Klines(Struct, gc=False):
    """``kline``."""

    data: Annotated[list[Kline], Meta(max_length=ITEMS_MAX)]


class Envelope(Struct, rename={"other_code": "retCode", "other_text": "retMsg", "creation_time": "creationTime"}):
    """Everything that tells messages apart; what is absent keeps its default.

    Answers to control frames come in two spellings (`success` with `ret_msg`, or `retCode` with `retMsg`),
    and some without their request's id.
    """

    topic: str = ""
    op: str = ""
    success: bool | None = None
    ret_msg: str = ""
    req_id: str = ""
    other_code: int | None = None
    other_text: str = ""
    creation_time: Millis = 0
    data: Raw = Raw(b"")


# -- the account, by stream and by REST ----------------------------------------------------------


class OrderState(Struct, rename="camel"):
    """An order, as the ``order`` topic and every order endpoint describe it."""

    symbol: str
    order_id: str
    order_status: str
    order_link_id: str = ""
    category: str = ""
    cum_exec_qty: str = ""
    side: str = ""
    price: str = ""
    qty: str = ""
    reject_reason: str = ""
    cancel_type: str = ""
    updated_time: Millis = 0


class Execution(Struct, rename="camel"):
    """One fill, or another event of the position (funding, settlement), by `execType`."""

    symbol: str
    order_id: str
    side: Literal["Buy", "Sell"]
    exec_id: str
    exec_price: str
    exec_qty: str
    exec_type: str
    exec_time: Millis
    is_maker: bool
    exec_fee: str = ""
    fee_currency: str = ""
    order_link_id: str = ""
    category: str = ""
    seq: int = 0
    """"Cross sequence, used to associate each fill and each position update"; several fills may share one."""


class WalletCoin(Struct, rename="camel"):
    """One asset of the unified account. What is bound: by spot orders, by derivatives' orders, by positions."""

    coin: str
    wallet_balance: str
    locked: str = ""
    order_margin: str = field(name="totalOrderIM", default="")
    position_margin: str = field(name="totalPositionIM", default="")


class Wallet(Struct):
    """The account, in the ``wallet`` topic and in ``wallet-balance``."""

    coin: list[WalletCoin]


class Position(Struct, rename="camel"):
    """Of ``position/list``. `side` is empty where there is none."""

    symbol: str
    side: str
    size: str
    avg_price: str = ""
    position_idx: int = 0


# -- REST ----------------------------------------------------------------------------------------


class Created(Struct, rename="camel"):
    """The answer to an order."""

    order_id: str
    order_link_id: str


class Answer(Struct, rename="camel"):
    """Around every reply. "Success messages may be OK, success, SUCCESS or empty: test retCode only"."""

    ret_code: int
    ret_msg: str = ""
    result: Raw = Raw(b"null")
    time: Millis = 0


class Page(Struct, rename="camel"):
    """A list, each entry still raw: a strange one must not hide the others."""

    list: list[Raw]
    next_page_cursor: str | None = None


def answer(reply: HttpReply) -> Answer:
    """The venue's answer in a reply; one with NO_CODE where there is none."""
    try:
        return _ANSWER.decode(reply.body)
    except (ValueError, RecursionError):
        return Answer(ret_code=NO_CODE, ret_msg=f"HTTP {reply.status}")


def read(reply: HttpReply, decoder: Decoder[T]) -> T:
    """What a successful reply says; raises MalformedReply for any other status, code or shape."""
    said = answer(reply)
    if reply.status != 200 or said.ret_code != 0:
        raise MalformedReply(f"HTTP {reply.status}: {said.ret_code} {said.ret_msg}"[:200])
    try:
        return decoder.decode(said.result)
    except (ValueError, RecursionError) as error:
        raise MalformedReply(str(error)[:200]) from error


_ANSWER: Final = Decoder(Answer)
