"""What travels: the venue's own shapes and field names, and how strictly they are read.

Types carry the rules that every number must obey, so that they are checked while the bytes are
decoded: a price is finite and above zero, a size finite and not negative ("nan", "Infinity" and
"-1" are all valid JSON strings), times and sequence numbers fit into 64 bits.
"""

from typing import Annotated, Final, Generic, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct, field
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.order import OrderStatus
from integrated_trading_system.venues.venue import MalformedReply

LEVELS_MAX: Final = 20_000
"""Of one side in one message; the deepest snapshot has 5,000."""

Price = Annotated[float, Meta(gt=0.0, lt=1e15)]
Size = Annotated[float, Meta(ge=0.0, le=1e15)]
Percent = Annotated[float, Meta(ge=-1e9, le=1e9)]
Millis = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
Sequence = Annotated[int, Meta(ge=0, le=2**62)]
Levels = Annotated[list[tuple[Price, Size]], Meta(max_length=LEVELS_MAX)]

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
    if "Expected `array` of length <= " in text:
        return "oversized"
    return "sequence" if "update id" in text else "shape"


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


class Print(Struct, gc=False):
    """``<s>@trade``. `m`: the buyer was the maker, so the aggressor sold."""

    s: str
    t: Sequence
    p: Price
    q: Size
    T: Millis
    m: bool


class AggregatePrint(Struct, gc=False):
    """``<s>@aggTrade``: the fills of one taker order at one price."""

    s: str
    a: Sequence
    p: Price
    q: Size
    T: Millis
    m: bool


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
        if self.U > self.u:
            raise ValueError("first update id is after the last")


class FuturesDepthUpdate(DepthUpdate, gc=False, kw_only=True):
    """``<s>@depth`` on futures: `pu` is the `u` of the event before."""

    pu: Sequence


class MiniTicker(Struct, gc=False):
    """``<s>@miniTicker``: 24 hours rolling. COIN-M: `v` is in contracts, `q` in base units."""

    s: str
    E: Millis
    c: Price
    o: Size
    v: Size
    q: Size


class Ticker(Struct, gc=False):
    """``<s>@ticker``: `P` is the change in percent."""

    s: str
    E: Millis
    c: Price
    P: Percent
    v: Size
    q: Size


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


class KlineEvent(Struct, gc=False):
    """``<s>@kline_<i>``."""

    s: str
    k: Kline


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


# -- the account's stream ------------------------------------------------------------------------


class ExecutionReport(Struct):
    """Spot's ``executionReport``."""

    s: str
    c: str
    S: str
    x: str
    X: str
    i: int
    l: str  # noqa: E741 - the venue's name
    L: str
    z: str
    T: Millis
    t: int
    m: bool
    C: str = ""
    r: str = ""
    n: str | None = None
    N: str | None = None
    eR: str = ""


class OrderTradeUpdate(Struct):
    """Futures' ``ORDER_TRADE_UPDATE``: its `o` has the fields of a spot report."""

    o: ExecutionReport


class AssetBalance(Struct):
    """Of ``outboundAccountPosition``."""

    a: str
    f: str
    l: str  # noqa: E741 - the venue's name


class AccountPosition(Struct):
    """Spot's ``outboundAccountPosition``: the assets that may have changed, absolute."""

    E: Millis
    B: list[AssetBalance]


class WalletBalance(Struct):
    """Of ``ACCOUNT_UPDATE``: wallet balance, and the part of it that is cross margin."""

    a: str
    wb: str
    cw: str


class PositionUpdate(Struct):
    """Of ``ACCOUNT_UPDATE``. `ps` is BOTH in one-way mode."""

    s: str
    pa: str
    ep: str
    ps: str = "BOTH"


class Changes(Struct):
    """What changed, and nothing else."""

    B: list[WalletBalance] = []
    P: list[PositionUpdate] = []


class AccountUpdate(Struct):
    """Futures' ``ACCOUNT_UPDATE``."""

    T: Millis
    a: Changes


# -- REST ----------------------------------------------------------------------------------------


class ServerTime(Struct):
    """``/time``."""

    serverTime: Millis


class ListenKey(Struct):
    """The answer that opens an account's stream."""

    listenKey: Annotated[str, Meta(min_length=1, max_length=256, pattern=r"\A[A-Za-z0-9_-]+\Z")]


class Depth(Struct):
    """``/depth``. Spot sends no time."""

    lastUpdateId: Sequence
    bids: Levels
    asks: Levels
    E: Millis = 0


class Filter(Struct):
    """A symbol's filters in one shape: only some fields belong to each `filterType`."""

    filterType: str
    tickSize: str = "0"
    stepSize: str = "0"
    minQty: str = "0"
    maxQty: str = "0"
    minNotional: str = "0"
    notional: str = "0"


class Symbol(Struct):
    """One entry of ``exchangeInfo``."""

    symbol: str
    baseAsset: str
    quoteAsset: str
    marginAsset: str = ""
    status: str = ""
    contractStatus: str = ""
    contractSize: Annotated[int, Meta(gt=0)] = 1
    isSpotTradingAllowed: bool = True
    filters: list[Filter] = []


class ExchangeInfo(Struct):
    """Symbols stay raw until one by one: a strange one must not hide the others."""

    symbols: list[Raw]


class OrderFill(Struct):
    """One fill inside the answer to an order (``newOrderRespType=FULL``)."""

    price: str
    qty: str
    commission: str
    commissionAsset: str
    tradeId: int


class OrderState(Struct):
    """An order, as every order endpoint describes it."""

    symbol: str
    orderId: int
    clientOrderId: str
    status: str
    executedQty: str
    origClientOrderId: str = ""
    """In spot's answer to a cancel: the order's id, for `clientOrderId` is the cancel's own."""
    transactTime: Millis = 0
    updateTime: Millis = 0
    fills: list[OrderFill] = []


class OwnTrade(Struct, kw_only=True):
    """One of our fills. (The fields that spot and futures name alike.)"""

    symbol: str
    id: int
    orderId: int
    price: str
    qty: str
    commission: str
    commissionAsset: str
    time: Millis
    buyer: bool
    maker: bool


class SpotOwnTrade(OwnTrade, kw_only=True):
    """``/api/v3/myTrades``."""

    buyer: bool = field(name="isBuyer")
    maker: bool = field(name="isMaker")


class SpotBalance(Struct):
    """Of ``/api/v3/account``."""

    asset: str
    free: str
    locked: str


class SpotAccount(Struct):
    """``/api/v3/account``."""

    updateTime: Millis
    balances: list[SpotBalance]


class FuturesAsset(Struct):
    """Of ``/fapi/v3/account``."""

    asset: str
    walletBalance: str
    availableBalance: str


class FuturesPosition(Struct):
    """Of ``/fapi/v3/account``. Version 3 leaves the entry price out."""

    symbol: str
    positionSide: str
    positionAmt: str
    notional: str = "0"
    unrealizedProfit: str = "0"
    entryPrice: str = ""


class FuturesAccount(Struct):
    """``/fapi/v3/account``."""

    assets: list[FuturesAsset]
    positions: list[FuturesPosition]


def problem(reply: HttpReply) -> Problem:
    """The error in a reply; one with code 0 where the body says none (a proxy's page)."""
    try:
        return _PROBLEM.decode(reply.body)
    except (ValueError, RecursionError):
        return Problem(code=0, msg=f"HTTP {reply.status}")


def read(reply: HttpReply, decoder: Decoder[T]) -> T:
    """What a successful reply says; raises MalformedReply for any other status or shape."""
    if reply.status != 200:
        said = problem(reply)
        raise MalformedReply(f"HTTP {reply.status}: {said.code} {said.msg}")
    try:
        return decoder.decode(reply.body)
    except (ValueError, RecursionError) as error:
        raise MalformedReply(str(error)[:200]) from error


_PROBLEM: Final = Decoder(Problem)
