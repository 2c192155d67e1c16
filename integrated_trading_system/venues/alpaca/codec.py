"""Market data -> events.

A frame is an array of rows, each with its kind in ``T``. The books carry no sequence numbers: their time,
which has nine digits, takes their place, so each change covers what came after the one before it.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Raw, Struct
from msgspec.json import Decoder

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Candle, Quote, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.alpaca import wire
from integrated_trading_system.venues.alpaca.session import LOGON
from integrated_trading_system.venues.alpaca.wire import levels, nanos
from integrated_trading_system.venues.venue import Acknowledged, Ignored, StreamRestarted, VenueEvent

BROKEN: Final = (ValueError, RecursionError)
"""All that decoding bytes of unknown origin can raise: msgspec's errors and bad UTF-8 are ValueErrors."""

ALREADY_AUTHENTICATED: Final = 403

IGNORED: Final = {
    "c": "correction",
    "x": "cancelled trade",
    "u": "updated bar",
    "d": "daily bar",
    "s": "trading status",
    "l": "price limits",
    "i": "imbalance",
    "n": "news",
    "p": "perpetual prices",
}
"""Kinds that our messages cannot say. A correction comes after the trade was acted upon: it is counted, not applied."""

_TAKERS: Final = {"B": Side.BUY, "S": Side.SELL}

_ROWS: Final = Decoder(list[wire.Row])
_RAW_ROWS: Final = Decoder(list[Raw])
_ROW: Final[Decoder[wire.Row]] = Decoder(wire.Row)
_KIND: Final = Decoder(wire.Kind)


class _Tape(Struct, gc=False):
    """What is known of one symbol's market, to tell who the aggressor of a trade was."""

    bid: float = 0.0
    ask: float = 0.0
    price: float = 0.0
    side: Side | None = None

    def aggressor(self, price: float) -> Side | None:
        """At the ask or above: a buyer. At the bid or below: a seller. Between them: where the price moved."""
        if self.ask and price >= self.ask:
            side: Side | None = Side.BUY
        elif self.bid and price <= self.bid:
            side = Side.SELL
        elif self.price and price != self.price:
            side = Side.BUY if price > self.price else Side.SELL
        else:
            side = self.side
        self.price, self.side = price, side
        return side


class MarketCodec:
    """Market data of one flavour."""

    def __init__(self, venue: VenueId) -> None:
        """Knows no symbol yet."""
        self._venue = venue
        self._instruments: dict[str, InstrumentId] = {}
        self._tapes: dict[str, _Tape] = {}
        self._books: dict[str, Nanos] = {}
        """By symbol: the time up to which its book has been told."""

    def list(self, instruments: Sequence[Instrument]) -> None:
        self._instruments = {instrument.symbol: instrument.instrument for instrument in instruments}
        self._tapes = {symbol: _Tape() for symbol in self._instruments}
        self._books = {}

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        try:
            rows = _ROWS.decode(frame)
        except BROKEN:
            return self._one_by_one(frame, received_at)
        events: list[VenueEvent] = []
        for row in rows:
            try:
                events.append(self._event(row, received_at))
            except BROKEN as error:
                events.append(quarantined(self._venue, error, frame, received_at))
        return events

    def _one_by_one(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """A row that is strange, or of a kind that we do not read, must not hide the others."""
        try:
            rows = _RAW_ROWS.decode(frame)
        except BROKEN as error:
            return (quarantined(self._venue, error, frame, received_at),)
        events: list[VenueEvent] = []
        for raw in rows:
            try:
                ignored = IGNORED.get(_KIND.decode(raw).T)
                events.append(Ignored(ignored) if ignored else self._event(_ROW.decode(raw), received_at))
            except BROKEN as error:
                events.append(quarantined(self._venue, error, frame, received_at))
        return events

    def _event(self, row: wire.Row, received_at: Nanos) -> VenueEvent:
        if isinstance(row, wire.SuccessRow | wire.SubscriptionRow | wire.ErrorRow):
            return _control(row)
        instrument = self._instruments.get(row.S)
        if instrument is None:
            return Ignored("symbol")
        match row:
            case wire.QuoteRow():
                return self._quote(row, instrument, received_at)
            case wire.TradeRow():
                return self._trade(row, instrument, received_at)
            case wire.BookRow():
                return self._book(row, instrument, received_at)
            case wire.BarRow():
                return candle(row, instrument, "1m", received_at, closed=True)

    def _quote(self, row: wire.QuoteRow, instrument: InstrumentId, received_at: Nanos) -> VenueEvent:
        """A side without an order has price 0: then there is no top of book."""
        tape = self._tapes[row.S]
        tape.bid, tape.ask = row.bp, row.ap
        if not (row.bp and row.ap):
            return Ignored("one-sided")
        at = nanos(row.t)
        return Quote(instrument, row.bp, row.bs, row.ap, row.as_, at, at, received_at)

    def _trade(self, row: wire.TradeRow, instrument: InstrumentId, received_at: Nanos) -> VenueEvent:
        """Where the venue does not tell the taker's side (stocks never), it is taken from the quotes and prices."""
        inferred = self._tapes[row.S].aggressor(row.p)
        side = _TAKERS.get(row.tks, inferred)
        if side is None:
            return Ignored("side unknown")
        trade_id = f"{row.x}-{row.i}" if row.x else str(row.i)  # of stocks unique on its exchange only
        return Trade(instrument, trade_id, row.p, row.s, side, nanos(row.t), received_at)

    def _book(self, row: wire.BookRow, instrument: InstrumentId, received_at: Nanos) -> VenueEvent:
        """A time that goes back says that something was lost: the book is asked for anew."""
        at = nanos(row.t)
        before = self._books.get(row.S, Nanos(0))
        self._books[row.S] = at
        if row.r:
            return book(instrument, row.b, row.a, at, received_at, in_stream=True)
        if at < before:
            return StreamRestarted(instrument)
        first = before + 1
        return BookDelta(instrument, levels(row.b), levels(row.a), first, at, before, at, at, received_at)


def book(
    instrument: InstrumentId,
    bids: Sequence[wire.LevelRow] | None,
    asks: Sequence[wire.LevelRow] | None,
    at: Nanos,
    received_at: Nanos,
    *,
    in_stream: bool,
) -> BookSnapshot:
    """A whole book: by stream or by REST the same, as its time is its place."""
    return BookSnapshot(
        instrument=instrument,
        bids=levels(bids),
        asks=levels(asks),
        last_sequence=at,
        resume_from=at + 1,
        order=at,
        venue_time=at,
        received_at=received_at,
        in_stream=in_stream,
    )


def candle(row: wire.Bar, instrument: InstrumentId, interval: str, received_at: Nanos, *, closed: bool) -> Candle:
    """What was traded in quote units is the average price times the volume."""
    return Candle(
        instrument=instrument,
        interval=interval,
        opened_at=nanos(row.t),
        open=row.o,
        high=row.h,
        low=row.l,
        close=row.c,
        volume=row.v,
        trades=row.n,
        closed=closed,
        received_at=received_at,
        quote_volume=row.vw * row.v,
    )


def _control(row: wire.SuccessRow | wire.SubscriptionRow | wire.ErrorRow) -> VenueEvent:
    """No answer carries a request's id: they come in the order in which they were asked for."""
    match row:
        case wire.SuccessRow("authenticated"):
            return Acknowledged(LOGON, ok=True)
        case wire.SuccessRow():
            return Ignored("connected")
        case wire.SubscriptionRow():
            return Acknowledged("", ok=True)
        case wire.ErrorRow(code) if code == ALREADY_AUTHENTICATED:
            return Ignored("already authenticated")
        case wire.ErrorRow(code, text):
            return Acknowledged("", ok=False, detail=f"{code} {text}"[:200])


def quarantined(venue: VenueId, error: Exception, frame: bytes, received_at: Nanos) -> Quarantined:
    """Bytes that could not be believed, and one word for why."""
    return Quarantined(venue, wire.broken(error), str(error)[:200], frame, received_at)
