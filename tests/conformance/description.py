"""What one flavour of a venue says, as data: the frames and answers that the suite plays to its folder.

A folder without a simulated counterpart writes them down (`traffic/coinbase.py`); for one that has it they are what
the simulated venue really answers (`simulated.py`). Every answer was asked for at SENT and came at RECEIVED.
"""

from typing import Any

import msgspec
from msgspec import Struct, field

from integrated_trading_system.domain.http import HttpReply
from integrated_trading_system.domain.ids import CallId, ClientOrderId, VenueOrderId
from integrated_trading_system.domain.market import DataType
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import MILLISECOND, SECOND, Nanos
from integrated_trading_system.venues.venue import Credentials

SENT = Nanos(1_700_000_000 * SECOND)
RECEIVED = Nanos(SENT + MILLISECOND)

SEQUENCE = "sequence"
"""A lost change is noticed by the numbers of the book, or of all messages of the connection."""
CHECKSUM = "checksum"
"""A lost change is noticed by the checksum of the book."""
WHOLE = "whole books"
"""Every message is the whole book: nothing can be missing between two of them."""
NOTHING = "nothing"
"""A lost change is not noticed."""


class Answer(Struct, frozen=True):
    """An HTTP reply."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    sent_at: Nanos = SENT

    @property
    def reply(self) -> HttpReply:
        """As the folder's decoders get it."""
        return HttpReply(
            call=CallId("call"),
            status=self.status,
            headers=self.headers,
            body=self.body,
            sent_at=self.sent_at,
            received_at=Nanos(self.sent_at + MILLISECOND),
        )


def answer(body: Any, status: int = 200, **headers: str) -> Answer:
    """JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Answer(raw, status, {name.replace("_", "-"): value for name, value in headers.items()})


class BookTraffic(Struct, frozen=True, kw_only=True):
    """The book of one instrument, from the first frame of a connection to the last change."""

    frames: tuple[bytes, ...]
    snapshot: Answer | None = None
    """By REST; None where the stream brings it."""
    snapshot_after: int = 0
    """How many frames had come by then, of either connection."""
    best: tuple[float, float]
    """Bid and ask after all of it."""
    lost: int
    """Which frame is a change that the later ones build on."""
    spoiled: bytes | None = None
    """That frame with a wrong checksum; None where there are none."""
    again: tuple[bytes, ...] = ()
    """The same of a second connection, after the first was cut; () where it says the same again."""
    snapshot_again: Answer | None = None
    best_again: tuple[float, float] | None = None


class OrderTraffic(Struct, frozen=True, kw_only=True):
    """The life of one order to buy (of the suite's making, see `test_orders.py`), and what answers say of others."""

    client_order_id: ClientOrderId
    venue_order_id: VenueOrderId
    accepted: Answer
    rejected: Answer
    """To `place`: a refusal that proves that there is no order."""
    uncertain: tuple[Answer, ...] = ()
    """To `place`: the venue's own ways to leave it open, beside HTTP 5xx."""
    cancelled: Answer
    cancel_refused: Answer
    found: Answer
    not_found: Answer
    fills: tuple[Answer, ...]
    """Pages, in the order of their cursors; at least one fill altogether."""
    open_orders: Answer
    """With the order among them."""
    balances: tuple[Answer, ...]
    """One for each request."""
    frames: tuple[bytes, ...] = ()
    """Of the account's stream: the order accepted, and over."""


class Traffic(Struct, frozen=True, kw_only=True):
    """Everything that one flavour is known to say."""

    symbol: str
    """The instrument that all of this is about."""
    listed: tuple[Answer, ...]
    """To the requests of `Market.instruments`, all pages; the symbol is among them."""
    time: Answer | None = None
    acknowledged: tuple[bytes, ...] = ()
    """What answers the frames of `market_link` with every stream on offer behind the first door, logon included."""
    refused: bytes | None = None
    """What answers a subscription that cannot be had."""
    events: dict[DataType, tuple[bytes, ...]]
    """Frames that bring at least one event of each kind on offer."""
    trade: tuple[float, Side]
    """Of the first trade among the events: its price, and whose order took."""
    pong: bytes | None = None
    """What answers the plan's own ping."""
    book: BookTraffic | None = None
    integrity: str = ""
    """How a lost change of the book is noticed; "" where there is no book."""
    orders: OrderTraffic | None = None
    limited: Answer
    """Too many requests."""
    candles: Answer | None = None
    """To `History.candles` of one-minute candles in the hour before SENT."""
    funding: Answer | None = None
    """To `History.funding` of the day before SENT."""
    credentials: tuple[Credentials, Credentials]
    """Two keys of the venue's kind, to sign with."""
    secret_is_sent: bool = False
    """The venue wants the secret itself with every request, and no timestamp."""
    frame_bytes_max: int = 4096
    """Of one frame of ours."""
