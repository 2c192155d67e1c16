"""Which facts are told as events, what may be shed of them when too many wait, and how one is written.

An event is one JSON object: `n` (its number in this output; a hole is an event that was conflated or
dropped), `type`, `provider`, `symbol`, and then the fact's own fields under our own names. Times are
nanoseconds since the epoch, money is text.
"""

from collections.abc import Callable, Hashable
from enum import IntEnum
from typing import Any, Final

from msgspec import Struct, json

from integrated_trading_system.config.outputs import EventKind
from integrated_trading_system.domain.audit import BookDiverged
from integrated_trading_system.domain.execution import Fill
from integrated_trading_system.domain.health import (
    Alarm,
    BookStateChanged,
    CallbackSuspended,
    FeedReliable,
    FeedStale,
    FeedUnreliable,
    Gap,
    Heartbeat,
    LinkChanged,
    TradingStateChanged,
    VenueBlocked,
)
from integrated_trading_system.domain.ids import venue_of
from integrated_trading_system.domain.market import Candle, FundingRate, MarkPrice, Quote, Statistics, Trade
from integrated_trading_system.domain.opportunity import Opportunity
from integrated_trading_system.domain.order import Order
from integrated_trading_system.domain.preferred import SourceChanged
from integrated_trading_system.domain.streams import StreamsRefused

SYSTEM: Final = "__system__"
"""Stands for the symbol of what concerns no instrument."""


class Shed(IntEnum):
    """When a fact may be dropped. The lower, the earlier."""

    HEARTBEAT = 0
    """From 80 % full."""
    QUOTE = 1
    """From 90 % full: what a newer one makes worthless."""
    TRADE = 2
    """Only when full, and last."""
    NEVER = 3


Place = tuple[str, str]
"""Provider and symbol."""


class Kind(Struct, frozen=True):
    """How one type of fact is treated."""

    word: EventKind
    type: type
    shed: Shed
    place: Callable[[Any], Place]
    key: Callable[[Any], Hashable] | None = None
    """What a newer fact must have in common with an older one to replace it. None: it replaces none."""


def _of_instrument(message: Any) -> Place:
    return _split(message.instrument)


def _of_request(order: Order) -> Place:
    return _split(order.request.instrument)


def _split(instrument: Any) -> Place:
    venue = venue_of(instrument)
    return venue, instrument[len(venue) + 1 :]


def _of_venue(message: Any) -> Place:
    return message.venue, SYSTEM


def _of_group(changed: SourceChanged) -> Place:
    return SYSTEM, changed.name


def _of_system(_: Any) -> Place:
    return SYSTEM, SYSTEM


def _instrument(message: Any) -> Hashable:
    instrument: Hashable = message.instrument
    return instrument


def _candle(candle: Candle) -> Hashable:
    return candle.instrument, candle.interval, candle.opened_at


KINDS: Final = {
    kind.word: kind
    for kind in (
        Kind(EventKind.QUOTE, Quote, Shed.QUOTE, _of_instrument, _instrument),
        Kind(EventKind.TRADE, Trade, Shed.TRADE, _of_instrument),
        Kind(EventKind.STATISTICS, Statistics, Shed.QUOTE, _of_instrument, _instrument),
        Kind(EventKind.CANDLE, Candle, Shed.QUOTE, _of_instrument, _candle),
        Kind(EventKind.MARK_PRICE, MarkPrice, Shed.QUOTE, _of_instrument, _instrument),
        Kind(EventKind.FUNDING, FundingRate, Shed.QUOTE, _of_instrument, _instrument),
        Kind(EventKind.GAP, Gap, Shed.TRADE, _of_instrument),
        Kind(EventKind.STALE, FeedStale, Shed.TRADE, _of_instrument),
        Kind(EventKind.UNRELIABLE, FeedUnreliable, Shed.TRADE, _of_instrument),
        Kind(EventKind.RELIABLE, FeedReliable, Shed.TRADE, _of_instrument),
        Kind(EventKind.SOURCE, SourceChanged, Shed.TRADE, _of_group),
        Kind(EventKind.ALARM, Alarm, Shed.TRADE, _of_venue),
        Kind(EventKind.BOOK_DIVERGED, BookDiverged, Shed.TRADE, _of_instrument),
        Kind(EventKind.STREAMS_REFUSED, StreamsRefused, Shed.TRADE, _of_venue),
        Kind(EventKind.VENUE_BLOCKED, VenueBlocked, Shed.TRADE, _of_venue),
        Kind(EventKind.CALLBACK_SUSPENDED, CallbackSuspended, Shed.TRADE, _of_system),
        Kind(EventKind.BOOK_STATE, BookStateChanged, Shed.TRADE, _of_instrument),
        Kind(EventKind.LINK, LinkChanged, Shed.TRADE, _of_venue),
        Kind(EventKind.HEARTBEAT, Heartbeat, Shed.HEARTBEAT, _of_venue),
        Kind(EventKind.OPPORTUNITY, Opportunity, Shed.TRADE, _of_system),
        Kind(EventKind.TRADING_STATE, TradingStateChanged, Shed.NEVER, _of_system),
        Kind(EventKind.ORDER, Order, Shed.NEVER, _of_request),
        Kind(EventKind.FILL, Fill, Shed.NEVER, _of_instrument),
    )
}


class Event(Struct, gc=False):
    """A fact on its way out."""

    n: int
    kind: Kind
    message: Any

    def written(self) -> bytes:
        """As JSON, on one line."""
        kind, message = self.kind, self.message
        provider, symbol = kind.place(message)
        head = json.encode({"n": self.n, "type": kind.word, "provider": provider, "symbol": symbol})
        tagged = len(kind.type.__name__) + len('{"type":"",')  # the fact's own name of its type gives way to ours
        return b"%b,%b" % (head[:-1], json.encode(message)[tagged:])
