"""What travels: the venue's own shapes and field names, and how strictly they are read.

Types carry the rules that every number must obey, so that they are checked while the bytes are
decoded: a price is finite and above zero, a size finite and not negative ("nan", "Infinity" and
"-1" are all valid JSON strings), times and sequence numbers fit into 64 bits.
"""

from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.order import OrderStatus
from integrated_trading_system.venues.rest import MalformedReply

ITEMS_MAX: Final = 20_000
"""Of one list in one message; a side of a book has 400 levels."""

OK: Final = "0"
NO_CODE: Final = ""
"""Stands for `code` where a reply has none: a proxy's page, not the venue's answer."""

Price = Annotated[float, Meta(gt=0.0, lt=1e15)]
Size = Annotated[float, Meta(ge=0.0, le=1e18)]
Ratio = Annotated[float, Meta(ge=-1e9, le=1e9)]
Millis = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
Sequence = Annotated[int, Meta(ge=-1, le=2**62)]
Text = Annotated[str, Meta(max_length=64)]
Row = tuple[Price, Size, Text, Text]
"""Price, size, a column that is always "0", number of orders."""
Rows = Annotated[list[Row], Meta(max_length=ITEMS_MAX)]
TextRows = list[tuple[str, str, str, str]]

STATUS: Final = {
    "live": OrderStatus.WORKING,
    "partially_filled": OrderStatus.WORKING,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELLED,
    "mmp_canceled": OrderStatus.CANCELLED,
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
# A message's `arg` has been read from its bytes already; it names channel and symbol.


class BookData(Struct, gc=False, rename="camel"):
    """Levels of both sides. `seq_id` and `prev_seq_id` came in 2022, `checksum` was switched off in 2026."""

    bids: Rows
    asks: Rows
    ts: Millis
    seq_id: Sequence | None = None
    prev_seq_id: Sequence | None = None
    checksum: int = 0


class Book(Struct, gc=False):
    """``books``: a snapshot, then changes with absolute sizes."""

    action: Literal["snapshot", "update"]
    data: Annotated[list[BookData], Meta(max_length=100)]


class BestData(Struct, gc=False):
    """The best level of each side, "the order book's generation time"."""

    bids: Rows
    asks: Rows
    ts: Millis


class Best(Struct, gc=False):
    """``bbo-tbt``."""

    data: Annotated[list[BestData], Meta(max_length=100)]


class TextBookData(Struct, gc=False):
    """The same levels as the venue wrote them."""

    bids: TextRows
    asks: TextRows


class TextBooks(Struct, gc=False):
    """``books`` once more, for the checksum."""

    data: list[TextBookData]


class Print(Struct, gc=False, rename="camel"):
    """One public trade, or several of one aggressor at one price. `side` is the aggressor's."""

    trade_id: str
    px: Price
    sz: Size
    side: Literal["buy", "sell"]
    ts: Millis


class Prints(Struct, gc=False):
    """``trades``."""

    data: Annotated[list[Print], Meta(max_length=ITEMS_MAX)]


class Ticker(Struct, gc=False, rename={"volume_ccy": "volCcy24h", "volume": "vol24h"}):
    """24 hours rolling. Spot: `volume` in base, `volume_ccy` in quote. Swaps: in contracts, and in base."""

    last: str
    """Empty where nothing was ever traded."""
    open24h: str
    volume: Size
    volume_ccy: Size
    ts: Millis


class Tickers(Struct, gc=False):
    """``tickers``."""

    data: Annotated[list[Ticker], Meta(max_length=100)]


Closed = Literal["0", "1"]
Candle = tuple[Millis, Price, Price, Price, Price, Size, Size, Size, Closed]
"""Begin, open, high, low, close, volume (base, or contracts), in the other currency, in quote, whether closed."""
MarkCandle = tuple[Millis, Price, Price, Price, Price, Closed]
"""The same of a mark price, which has no volume."""


class Candles(Struct, gc=False):
    """``candle1m``."""

    data: Annotated[list[Candle], Meta(max_length=ITEMS_MAX)]


class Mark(Struct, gc=False, rename="camel"):
    """One mark price."""

    mark_px: Price
    ts: Millis


class Marks(Struct, gc=False):
    """``mark-price``."""

    data: Annotated[list[Mark], Meta(max_length=100)]


class Funding(Struct, gc=False, rename="camel"):
    """The rate that will be paid at `funding_time`. Some messages say only what comes after it."""

    funding_time: Millis
    funding_rate: str = ""
    ts: Millis = 0


class Fundings(Struct, gc=False):
    """``funding-rate``."""

    data: Annotated[list[Funding], Meta(max_length=100)]


class Argument(Struct, rename="camel"):
    """What a message or an acknowledgement is about."""

    channel: str
    inst_id: str = ""


class Envelope(Struct):
    """Everything that tells messages apart; what is absent keeps its default."""

    event: str = ""
    arg: Argument | None = None
    id: str = ""
    code: str = ""
    msg: str = ""
    data: Raw = Raw(b"")


# -- the account, by stream and by REST ----------------------------------------------------------


class OrderState(Struct, rename="camel"):
    """An order, as the ``orders`` channel and every order endpoint describe it.

    In the stream it also tells the fill that it was pushed for (`fillSz` and on); fees are cumulative but
    for `fillFee`. "Negative is charged."
    """

    inst_id: str
    ord_id: str
    state: str
    side: Literal["buy", "sell"]
    inst_type: str = ""
    cl_ord_id: str = ""
    px: str = ""
    sz: str = ""
    acc_fill_sz: str = ""
    fill_px: str = ""
    fill_sz: str = ""
    fill_time: str = ""
    trade_id: str = ""
    exec_type: str = ""
    fill_fee: str = ""
    fill_fee_ccy: str = ""
    fee: str = ""
    fee_ccy: str = ""
    cancel_source: str = ""
    cancel_source_reason: str = ""
    u_time: Millis = 0


class FillRow(Struct, rename="camel"):
    """One fill, of ``trade/fills``."""

    inst_id: str
    ord_id: str
    trade_id: str
    side: Literal["buy", "sell"]
    fill_px: str
    fill_sz: str
    bill_id: str = ""
    cl_ord_id: str = ""
    exec_type: str = ""
    fee: str = ""
    fee_ccy: str = ""
    fill_time: str = ""
    ts: Millis = 0


class Coin(Struct, rename="camel"):
    """One asset. Profit that is not booked (`upl`) is in `eq`, but not in `cash_bal`."""

    ccy: str
    cash_bal: str
    eq: str = ""
    upl: str = ""
    frozen_bal: str = ""


class AccountState(Struct, rename="camel"):
    """The account, in its channel and in ``account/balance``."""

    details: list[Coin]
    u_time: Millis = 0


class Position(Struct, rename="camel"):
    """Of ``account/positions``. `pos_side` is "net", or "long" and "short" in the other mode."""

    inst_id: str
    pos_side: str
    pos: str
    avg_px: str = ""
    u_time: Millis = 0


# -- REST ----------------------------------------------------------------------------------------


class Placed(Struct, rename="camel"):
    """What became of one order or cancel of a request: `s_code` is "0" where it was taken."""

    s_code: str = NO_CODE
    s_msg: str = ""
    ord_id: str = ""
    cl_ord_id: str = ""
    ts: Millis = 0


class Answer(Struct):
    """Around every reply. Each entry is still raw: a strange one must not hide the others."""

    code: str
    msg: str = ""
    data: list[Raw] = []


def answer(reply: HttpReply) -> Answer:
    """The venue's answer in a reply; one with NO_CODE where there is none."""
    try:
        return _ANSWER.decode(reply.body)
    except (ValueError, RecursionError):
        return Answer(code=NO_CODE, msg=f"HTTP {reply.status}")


def read(reply: HttpReply) -> list[Raw]:
    """The entries of a successful reply; raises MalformedReply for any other status or code."""
    said = answer(reply)
    if reply.status != 200 or said.code != OK:
        raise MalformedReply(f"HTTP {reply.status}: {said.code} {said.msg}"[:200])
    return said.data


def each(rows: list[Raw], decoder: Decoder[T]) -> list[T]:
    """Every entry decoded; raises MalformedReply where one is not as promised."""
    try:
        return [decoder.decode(row) for row in rows]
    except (ValueError, RecursionError) as error:
        raise MalformedReply(str(error)[:200]) from error


def only(reply: HttpReply, decoder: Decoder[T]) -> T:
    """The first entry of a successful reply; raises MalformedReply where there is none."""
    found = each(read(reply)[:1], decoder)
    if not found:
        raise MalformedReply("nothing in it")
    return found[0]


_ANSWER: Final = Decoder(Answer)
