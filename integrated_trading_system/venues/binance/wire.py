"""What travels: the venue's own shapes and field names, and how strictly they are read.

Types carry the rules that every number must obey, so that they are checked while the bytes are
decoded: a price is finite and above zero, a size finite and not negative ("nan", "Infinity" and
"-1" are all valid JSON strings), times and sequence numbers fit into 64 bits.
"""

from typing import Annotated, Final, Generic, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct, field

from integrated_trading_system.domain.order import OrderStatus

T = TypeVar("T")

Price = Annotated[float, Meta(gt=0.0, lt=1e15)]
Size = Annotated[float, Meta(ge=0.0, le=1e15)]
Percent = Annotated[float, Meta(ge=-1e9, le=1e9)]
Rate = Annotated[str, Meta(max_length=32, pattern=r"\A(-?[0-9]+(\.[0-9]+)?)?\Z")]
"""A number that may be missing. Without an exponent, so that it is never infinite."""
Millis = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
Sequence = Annotated[int, Meta(ge=0, le=2**62)]
Levels = Annotated[list[tuple[Price, Size]], Meta(max_length=20_000)]  # the deepest snapshot has 5,000

STATUS: Final = {
    "NEW": OrderStatus.WORKING,
    "PENDING_NEW": OrderStatus.WORKING,
    "PARTIALLY_FILLED": OrderStatus.WORKING,
    "PENDING_CANCEL": OrderStatus.WORKING,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
"""What the venue's words for an order's state mean. A word that is not here is never guessed at."""


def broken(error: Exception) -> str:
    """One fixed word for what is wrong with bytes that did not decode."""
    if not isinstance(error, msgspec.ValidationError):
        return "json" if isinstance(error, msgspec.DecodeError | UnicodeDecodeError) else "shape"
    text = str(error)
    if "Expected `float` > " in text or "Expected `float` < " in text:  # only prices have open bounds
        return "price"
    if "Expected `float` >= " in text or "Expected `float` <= " in text:
        return "size"
    return "sequence" if "update id" in text else "oversized" if "of length <= " in text else "shape"


# -- market streams ------------------------------------------------------------------------------


class Wrapped(Struct, Generic[T], gc=False):
    """The envelope of a combined stream. Its ``stream`` has been read from the bytes already."""

    data: T


class BookTicker(Struct, gc=False):
    """``<s>@bookTicker``. Spot sends no time at all."""

    s: str
    u: Sequence
    b: Price
    B: Size
    a: Price
    A: Size
    E: Millis = 0


class OneSided(BookTicker, gc=False, kw_only=True):
    """The same while a side of the book is empty: price and size 0."""

    b: Size
    a: Size


class Print(Struct, gc=False):
    """``<s>@trade``. `m`: the buyer was the maker, so the aggressor sold."""

    s: str
    t: Sequence
    p: Price
    q: Size
    T: Millis
    m: bool


class AggregatePrint(Print, gc=False, kw_only=True):
    """``<s>@aggTrade``: the fills of one taker order at one price, under an id of their own."""

    t: Sequence = field(name="a")


class DepthUpdate(Struct, gc=False):
    """``<s>@depth`` on spot: update ids `U` to `u`."""

    s: str
    E: Millis
    U: Sequence
    u: Sequence
    b: Levels
    a: Levels

    def __post_init__(self) -> None:
        """An event that ends before it begins is none."""
        if self.u < self.U:
            raise ValueError("first update id is after the last")


class FuturesDepthUpdate(DepthUpdate, gc=False, kw_only=True):
    """``<s>@depth`` on futures: `pu` is the `u` of the event before."""

    pu: Sequence


class Ticker(Struct, gc=False):
    """``<s>@miniTicker`` and ``<s>@ticker``: 24 hours rolling. COIN-M: `v` is in contracts, `q` in base units."""

    s: str
    E: Millis
    c: Price
    v: Size
    q: Size
    o: Size = 0.0
    P: Percent | None = None

    @property
    def change_pct(self) -> float:
        """As the venue says, or from open to close where it does not."""
        if self.P is not None:
            return self.P
        return (self.c / self.o - 1.0) * 100.0 if self.o else 0.0


class Kline(Struct, gc=False):
    """The candle inside a kline event."""

    t: Millis
    i: str
    o: Price
    h: Price
    l: Price  # noqa: E741 - the venue's name
    c: Price
    v: Size
    n: Sequence
    x: bool
    q: Size = 0.0
    """Quote units. On COIN-M base units; there `v` is contracts."""


class KlineEvent(Struct, gc=False):
    """``<s>@kline_<i>``."""

    s: str
    k: Kline


class Mark(Struct, gc=False):
    """``<s>@markPrice``: `p` the price, `i` the index, `r` the funding rate as it looks now, paid at `T`.

    A contract that is delivered has no funding: `r` is empty, or `T` 0.
    """

    s: str
    E: Millis
    p: Price
    i: Size = 0.0
    r: Rate = ""
    T: Millis = 0


# -- what every link may carry beside its data ---------------------------------------------------


class Problem(Struct):
    """An error, in a REST reply or on a link."""

    code: int
    msg: str = ""


class Envelope(Struct):
    """Everything that tells messages apart; what is absent keeps its default."""

    stream: str = ""
    data: Raw = Raw(b"null")
    subscriptionId: int | None = None
    event: Raw = Raw(b"null")
    e: str = ""
    s: str = ""
    B: Raw = Raw(b"")
    A: Raw = Raw(b"")
    id: int | str | None = None
    status: int = 200
    result: Raw = Raw(b"")
    error: Problem | None = None
    code: int | None = None
    msg: str = ""


# -- REST: what several endpoints share; what belongs to one stands beside it ---------------------


class OrderFill(Struct, rename="camel"):
    """One fill inside spot's answer to an order (``newOrderRespType=FULL``)."""

    price: str
    qty: str
    commission: str
    commission_asset: str
    trade_id: int


class OrderState(Struct, rename="camel"):
    """An order, as every order endpoint describes it."""

    symbol: str
    order_id: int
    client_order_id: str
    status: str
    executed_qty: str
    side: str = ""
    price: str = ""
    orig_qty: str = ""
    orig_client_order_id: str = ""
    """In spot's answer to a cancel the order's id: `client_order_id` is then the cancel's own."""
    transact_time: Millis = 0
    update_time: Millis = 0
    fills: list[OrderFill] = []


class OwnTrade(Struct, rename="camel", kw_only=True):
    """One of our fills, as futures tell it (``userTrades``)."""

    symbol: str
    id: int
    order_id: int
    price: str
    qty: str
    commission: str
    commission_asset: str
    time: Millis
    buyer: bool
    maker: bool


class SpotOwnTrade(OwnTrade, kw_only=True):
    """One of our fills, as spot tells it (``myTrades``)."""

    buyer: bool = field(name="isBuyer")
    maker: bool = field(name="isMaker")


class SpotAsset(Struct):
    """Of ``/api/v3/account``."""

    asset: str
    free: str
    locked: str


class SpotAccount(Struct):
    """``/api/v3/account``."""

    balances: list[SpotAsset]


class FuturesAsset(Struct, rename="camel"):
    """Of ``account``."""

    asset: str
    wallet_balance: str
    available_balance: str


class FuturesPosition(Struct, rename="camel"):
    """Of ``account``. Version 3 leaves the entry price out."""

    symbol: str
    position_side: str
    position_amt: str
    notional: str = "0"
    unrealized_profit: str = "0"


class FuturesAccount(Struct):
    """``/fapi/v3/account``: only what is not zero."""

    assets: list[FuturesAsset]
    positions: list[FuturesPosition]
