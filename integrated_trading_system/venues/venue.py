"""What a venue's folder offers to the one connector that serves them all. All of it is pure.

`codec`    bytes of a stream -> events; never raises: what cannot be believed becomes Quarantined
`session`  desired streams -> link plans: where to connect, how to log on, subscribe, keep alive
`market`   public REST: requests and what their replies say
`history`  public REST: candles and funding rates that were
`trading`  private REST: requests and what their replies say
`signing`  adds the signature; called by the driver at the send, never by the core
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

from integrated_trading_system.domain.execution import VenueExecution
from integrated_trading_system.domain.health import BookBroken, Quarantined
from integrated_trading_system.domain.http import HttpReply, HttpRequest
from integrated_trading_system.domain.ids import AccountId, InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot, MarketEvent
from integrated_trading_system.domain.order import (
    CancelOrder,
    QueryFills,
    QueryOrder,
    SubmitOrder,
)
from integrated_trading_system.domain.streams import Stream
from integrated_trading_system.domain.time import HOUR, MINUTE, SECOND, Nanos
from integrated_trading_system.venues.account import AccountCheck
from integrated_trading_system.venues.bulk import BulkCancels
from integrated_trading_system.venues.dead_man import DeadMan
from integrated_trading_system.venues.history import History
from integrated_trading_system.venues.rest import RateLimit, WeightedRequest
from integrated_trading_system.venues.textbook import Checksums

# -- what a codec says beside market events and executions ---------------------------------------


class Acknowledged(Struct, frozen=True, gc=False):
    """The venue answered a logon or subscribe frame. `ok` False: it refused, `detail` is its text."""

    request: str
    """The id that the frame carried; empty where the venue does not echo it."""
    ok: bool
    detail: str = ""


class Pong(Struct, frozen=True, gc=False):
    """A sign of life in the venue's own frames."""


class ServerClosing(Struct, frozen=True, gc=False):
    """The venue says that it will close this connection soon: roll over now."""

    detail: str


class Ignored(Struct, frozen=True, gc=False):
    """Well formed, and nobody subscribed to it (an unknown symbol, an extra stream). Counted."""

    reason: str


class StreamRestarted(Struct, frozen=True, gc=False):
    """Something on this link was lost for one instrument: its book must be proven anew."""

    instrument: InstrumentId


VenueEvent: TypeAlias = (
    MarketEvent
    | VenueExecution
    | Acknowledged
    | Pong
    | ServerClosing
    | Ignored
    | StreamRestarted
    | BookBroken
    | Quarantined
)


class Codec(Protocol):
    """Frames of one link -> events, in the order of the frame."""

    def list(self, instruments: Sequence[Instrument]) -> None:
        """From now on decode these symbols; every other symbol is Ignored."""

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """Never raises, whatever the bytes. Times are in nanoseconds, venue times as the venue stamped them."""


# -- session -------------------------------------------------------------------------------------


class ControlFrame(Struct, frozen=True):
    """A frame of ours on a link. `signed`: the driver has the venue sign it with the link's account."""

    data: bytes
    signed: bool = False
    request: str = ""
    """The id in the frame that its Acknowledged will carry; empty: no acknowledgement is expected."""


class LinkPlan(Struct, frozen=True, kw_only=True):
    """One connection: where to, what to say, and when it counts as live."""

    name: str
    """Stable over reconnects: ``market-0``, ``user``."""
    url: str
    """Where to connect; with `resolve`, ``{token}`` in it and in the frames is replaced by what the reply yields."""
    resolve: HttpRequest | None = None
    """A call whose reply yields the token (a listen key), signed with the account's key."""
    account: AccountId | None = None
    """Set for user links."""
    signs_with: AccountId | None = None
    """Whose key signs the frames of a market link, where the venue shows its data only to its customers."""
    streams: tuple[Stream, ...] = ()
    """What market data this link carries."""
    logon: tuple[ControlFrame, ...] = ()
    """Sent one after the other; the next waits for the acknowledgement of the one before."""
    subscribe: tuple[ControlFrame, ...] = ()
    """Sent with `frame_gap` between them; LIVE once all are acknowledged (or sent, where none is expected)."""
    frame_gap: Nanos = Nanos(SECOND // 4)
    ping: bytes | None = None
    """A frame of the venue's own keep-alive, sent every `ping_every`."""
    ping_every: Nanos = Nanos(20 * SECOND)
    keep_alive: HttpRequest | None = None
    """A call that keeps the token of `resolve` valid; ``{token}`` in it is replaced as in `url`."""
    keep_alive_every: Nanos = Nanos(30 * MINUTE)
    silence_max: Nanos = Nanos(30 * SECOND)
    """No byte at all (pongs count) for this long: the link is dead."""
    lifetime: Nanos = Nanos(23 * HOUR + 50 * MINUTE)
    """Planned rollover before the venue cuts."""
    frame_bytes_max: int = 4 * 1024 * 1024

    @property
    def instruments(self) -> tuple[InstrumentId, ...]:
        """Whose market data this link carries."""
        return tuple(dict.fromkeys(stream.instrument for stream in self.streams))


class Session(Protocol):
    """How this venue is connected."""

    @property
    def streams_per_link(self) -> int:
        """How many public streams one connection carries at most."""

    def door(self, stream: Stream, instrument: Instrument) -> str | None:
        """Which of the venue's public doors has this stream ("" where there is but one); None: it is not offered.

        Streams of different doors never share a connection.
        """

    def market_link(
        self, name: str, door: str, streams: Sequence[Stream], instruments: Mapping[InstrumentId, Instrument]
    ) -> LinkPlan:
        """The connection with these streams, all behind this door and at most `streams_per_link`."""

    def change(
        self,
        number: int,
        added: Sequence[Stream],
        dropped: Sequence[Stream],
        instruments: Mapping[InstrumentId, Instrument],
        kept: Sequence[Stream] = (),
    ) -> tuple[ControlFrame, ...]:
        """Frames that add and drop streams of a connection that is LIVE.

        `number` is different at every call: request ids are made of it where the venue echoes them. `kept`:
        what else the connection carries, before and after. One stream of a venue may serve several of ours (a
        mark price and its funding rate): it is not asked for twice, and given up only with the last of them.
        """

    def user_link(self, account: AccountId) -> LinkPlan | None:
        """The account's event stream; None where the venue has none."""

    def resolve_token(self, reply: HttpReply) -> str:
        """The token in the answer to `LinkPlan.resolve`; raises MalformedReply."""

    def resubscribe(self, instrument: Instrument) -> tuple[ControlFrame, ...]:
        """Frames that make the venue send this instrument's book anew; empty where a REST snapshot does it."""


# -- REST ----------------------------------------------------------------------------------------


class Market(Protocol):
    """Public REST."""

    def instruments(self) -> tuple[WeightedRequest, ...]:
        """What the venue lists (one request per product or page that the flavour needs)."""

    def decode_instruments(self, reply: HttpReply) -> tuple[tuple[Instrument, ...], WeightedRequest | None]:
        """The instruments of one reply, and the request of the next page; raises MalformedReply."""

    def time(self) -> WeightedRequest | None:
        """The venue's clock; None where there is no endpoint."""

    def decode_time(self, reply: HttpReply) -> Nanos:
        """The venue's clock when it answered; raises MalformedReply."""

    def snapshot(self, instrument: Instrument) -> WeightedRequest | None:
        """The book by REST, as deep as one request gives it; None where the venue has none.

        It proves the book where `Session.resubscribe` offers no other way, audits a book that is believed, and
        stands in for a stream that is down.
        """

    def decode_snapshot(self, instrument: Instrument, reply: HttpReply) -> BookSnapshot:
        """The book; raises MalformedReply."""


class Trading(Protocol):
    """Private REST. Requests are unsigned; decoders return what the OMS is to be told and raise MalformedReply.

    A decoder is called for every answered status. Ambiguous answers (HTTP 5xx, the venue's "status
    unknown" codes) become SubmitUncertain for `place`, CancelFailed for `cancel`, RequestFailed for queries.
    """

    def place(self, order: SubmitOrder, instrument: Instrument) -> WeightedRequest:
        """The order, its price and quantity written plainly."""

    def decode_place(self, order: SubmitOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """OrderAccepted, Fills and OrderDone where the reply holds them, OrderRejected or SubmitUncertain."""

    def cancel(self, cancel: CancelOrder, instrument: Instrument) -> WeightedRequest:
        """By our client order id."""

    def decode_cancel(self, cancel: CancelOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """OrderDone or CancelFailed."""

    def query(self, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        """By our client order id."""

    def decode_query(self, query: QueryOrder, instrument: Instrument, reply: HttpReply) -> Sequence[VenueExecution]:
        """OrderReport, OrderNotFound or RequestFailed. `reply.sent_at` is when it was asked."""

    def fills(self, query: QueryFills, instrument: Instrument, cursor: str) -> WeightedRequest:
        """One page of our fills since ``query.since``; `cursor` "" asks for the first."""

    def decode_fills(
        self, query: QueryFills, instrument: Instrument, reply: HttpReply
    ) -> tuple[Sequence[VenueExecution], str]:
        """The page's Fills (or one RequestFailed), and the cursor of the next page, "" when this was the last."""

    def open_orders(self, account: AccountId, cursor: str) -> WeightedRequest:
        """One page of all open orders on the account; `cursor` "" asks for the first."""

    def decode_open_orders(self, account: AccountId, reply: HttpReply) -> tuple[Sequence[VenueExecution], str]:
        """The page as OpenOrdersListed (or one RequestFailed), and the cursor of the next, "" when this was the last.

        Pages may overlap, but no order that is open all the while may be missing from all of them.
        """

    def balances(self, account: AccountId) -> tuple[WeightedRequest, ...]:
        """What we hold; where balances and positions are two requests, their reports are each not `complete`."""

    def decode_balances(self, account: AccountId, reply: HttpReply) -> Sequence[VenueExecution]:
        """One BalancesReported or RequestFailed."""

    def retry_after(self, reply: HttpReply) -> Nanos:
        """How long the venue wants us to stop (429, 418, 403), 0 when it does not."""


class QueryElsewhere(Protocol):
    """For a venue that keeps its finished orders in another place than its open ones."""

    def __call__(self, query: QueryOrder, instrument: Instrument) -> WeightedRequest:
        """Where to ask for an order that `Trading.query` did not find; `decode_query` reads that answer too."""


class Venue(Struct, frozen=True, kw_only=True):
    """One flavour of one venue: all its parts, made for one set of endpoints."""

    venue: VenueId
    session: Session
    market: Market
    codec: Codec
    user_codec: Codec | None
    trading: Trading | None
    history: History | None
    rate_limits: tuple[RateLimit, ...]
    receive_window: Nanos
    """How long after its timestamp the venue accepts a signed request: proof of "not found" starts after it."""
    time_in_quotes: bool = True
    """False where quotes carry no venue time (Binance spot): it is estimated from the receive time."""
    client_order_id_max: int = 0
    """0: a client order id is text of at most 36 characters (letters, digits, ``-`` and ``_``). Otherwise it
    is the decimal text of a whole number from 1 to this (Backpack: 32 bits)."""
    no_trading: str = ""
    """Why `trading` is None, for the error that says so."""
    account: AccountCheck | None = None
    no_account: str = ""
    """Why `account` is None: what the key may do cannot be known."""
    slow: bool = False
    """Its data is polled, or comes through a library of others: too old for whoever decides within milliseconds."""
    data_account: AccountId | None = None
    """Whose key every request carries, public data included: the venue shows nothing to strangers. Without that
    key the venue is run dry: no connection is opened, and heartbeats say that it is only spoken for."""
    checksums: Mapping[InstrumentId, Checksums] = {}
    """How often the codec has held a book against the venue's own checksum; empty where there are none."""
    bulk_cancels: BulkCancels | None = None
    """None: orders are cancelled one by one."""
    dead_man: DeadMan | None = None
    """None: the venue never cancels by itself, however long it hears nothing of us."""
    query_elsewhere: QueryElsewhere | None = None
    """None: `trading.query` knows every order. Otherwise an order that it does not find may be finished: only
    what is not here either was not found."""
    further_codecs: Mapping[AccountId, Codec] = {}
    """Of the event streams of other accounts than the one that this was made for."""

    @property
    def user_codecs(self) -> tuple[Codec, ...]:
        """Of the event streams of all accounts."""
        return (*(() if self.user_codec is None else (self.user_codec,)), *self.further_codecs.values())

    def codec_of(self, account: AccountId | None) -> Codec:
        """What reads the links of this account; None: of nobody's."""
        return self.codec if account is None else self.further_codecs.get(account) or self.user_codec or self.codec


# -- signing -------------------------------------------------------------------------------------


class Credentials(Struct, frozen=True):
    """A key pair. Held by the driver only; never in the core, a recording or a log."""

    api_key: str
    api_secret: str
    passphrase: str = ""
    """Chosen when the key was made; empty where the venue knows none."""

    def __repr__(self) -> str:
        """Nothing of the secret."""
        return "Credentials(...)"

    __str__ = __repr__


class Signing(Protocol):
    """A venue's pure signing functions, called by the driver."""

    def sign_request(self, request: HttpRequest, credentials: Credentials, timestamp_ms: int) -> HttpRequest:
        """The request with key, timestamp and signature in the places where the venue wants them."""

    def sign_frame(self, frame: bytes, credentials: Credentials, timestamp_ms: int) -> bytes:
        """The logon or subscribe frame with key, timestamp and signature."""
