"""Public frames -> events: the hot lane.

The lane: a message begins with ``{"topic":"orderbook.1.BTCUSDT",``, so the bytes up to the fourth
quotation mark say how to decode the rest and which instrument it is about. One dictionary lookup, one
typed decode that also checks every number, one event. What does not begin like that (other order of
keys, acknowledgements, pongs) is looked at more closely and, when it turns out to be data, joins the lane.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from msgspec.json import Decoder

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import (
    BookDelta,
    BookSnapshot,
    Candle,
    DataType,
    FundingRate,
    Level,
    MarkPrice,
    Quote,
    Statistics,
    Trade,
)
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.bybit import wire
from integrated_trading_system.venues.bybit.endpoints import DEPTH
from integrated_trading_system.venues.bybit.session import LOGON
from integrated_trading_system.venues.bybit.symbols import topic
from integrated_trading_system.venues.venue import Acknowledged, Ignored, Pong, VenueEvent

Read: TypeAlias = Callable[[bytes, InstrumentId, Nanos], Sequence[VenueEvent]]
"""Makes events of one instrument out of a frame."""

BROKEN: Final = (ValueError, RecursionError)
"""All that decoding bytes of unknown origin can raise: msgspec's errors and bad UTF-8 are ValueErrors."""

NS: Final = 1_000_000
"""Nanoseconds in a millisecond, as a plain int: on the lane a call to `from_millis` would show."""

SIDES: Final = {"Buy": Side.BUY, "Sell": Side.SELL}
_ONE_SIDED: Final = (Ignored("one-sided"),)
_UNCHANGED: Final = (Ignored("unchanged"),)
_INCOMPLETE: Final = (Ignored("incomplete"),)
_NO_TICKER: Final = wire.Ticker()

ENVELOPE: Final = Decoder(wire.Envelope)
_TOP_OF_BOOK: Final = Decoder(wire.TopOfBook, strict=False).decode
_ORDER_BOOK: Final = Decoder(wire.OrderBook, strict=False).decode
_PRINTS: Final = Decoder(wire.Prints, strict=False).decode
_TICKER: Final = Decoder(wire.TickerMessage, strict=False).decode
_KLINES: Final = Decoder(wire.Klines, strict=False).decode


class MarketCodec:
    """Public streams of one flavour."""

    def __init__(self, venue: VenueId) -> None:
        """Knows no symbol yet."""
        self._venue = venue
        self._lanes: dict[bytes, tuple[Read, InstrumentId]] = {}
        self._tickers: dict[InstrumentId, wire.Ticker] = {}
        self._tops: dict[InstrumentId, wire.TopLevels] = {}

    def list(self, instruments: Sequence[Instrument]) -> None:
        reads: dict[DataType, Read] = {
            DataType.QUOTES: self._quote,
            DataType.DEPTH: _depth,
            DataType.TRADES: _trades,
            DataType.STATISTICS: self._ticker,
            DataType.CANDLES: _candles,
        }
        self._lanes = {
            _head(topic(data_type, instrument.symbol)): (read, instrument.instrument)
            for instrument in instruments
            for data_type, read in reads.items()
        }

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        lane = self._lanes.get(frame[: frame.find(b'"', 10) + 1])
        try:
            if lane is not None:
                return lane[0](frame, lane[1], received_at)
            return self._look_closer(frame, received_at)
        except BROKEN as error:
            return (quarantined(self._venue, error, frame, received_at),)

    def _look_closer(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """Data whose topic is not at the beginning, or anything else."""
        envelope = ENVELOPE.decode(frame)
        if not envelope.topic:
            return (control(envelope),)
        lane = self._lanes.get(_head(envelope.topic))
        return (Ignored("topic"),) if lane is None else lane[0](frame, lane[1], received_at)

    def _quote(self, frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
        """A book with an empty side has no top."""
        message = _TOP_OF_BOOK(frame)
        data = message.data
        if message.type == "delta":
            old = self._tops.get(instrument)
            if old is None:
                return _INCOMPLETE
            data = wire.TopLevels(_side(data.b, old.b), _side(data.a, old.a), data.seq)
        self._tops[instrument] = data
        try:
            bid, bid_size = data.b[0]
            ask, ask_size = data.a[0]
        except IndexError:
            return _ONE_SIDED
        venue_time: Any = (message.cts or message.ts) * NS
        return (Quote(instrument, bid, bid_size, ask, ask_size, data.seq, venue_time, received_at),)

    def _ticker(self, frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
        """Up to three of our kinds in one message, each told when something of it is new.

        Linear: a change leaves out what is unchanged, so it is laid over what was known.
        """
        message = _TICKER(frame)
        new = message.data
        old = self._tickers.get(instrument)
        if message.type == "delta":
            if old is None:
                return _INCOMPLETE
            pairs = zip(msgspec.structs.astuple(new), msgspec.structs.astuple(old), strict=True)
            new = wire.Ticker(*(before if now is None else now for now, before in pairs))
            if new == old:
                return _UNCHANGED
        self._tickers[instrument] = new
        before = _NO_TICKER if old is None or message.type == "snapshot" else old
        return _of_ticker(new, before, instrument, from_millis(message.ts), received_at) or _INCOMPLETE


# -- what becomes of a topic's data --------------------------------------------------------------


def _of_ticker(
    new: wire.Ticker, old: wire.Ticker, instrument: InstrumentId, at: Nanos, received_at: Nanos
) -> Sequence[VenueEvent]:
    """What is new, as far as it is known completely."""
    events: list[VenueEvent] = []
    last, change, volume, turnover = day = new.last, new.change, new.volume24h, new.turnover24h
    if day != (old.last, old.change, old.volume24h, old.turnover24h) and not (
        last is None or change is None or volume is None or turnover is None
    ):
        events.append(Statistics(instrument, last, volume, turnover, change * 100.0, at, received_at))
    mark = float(new.mark or 0)
    if mark and (new.mark, new.index) != (old.mark, old.index):
        events.append(MarkPrice(instrument, mark, float(new.index or 0), at, received_at))
    paid_at = from_millis(int(new.funding_at or 0))
    if new.funding and paid_at and (new.funding, new.funding_at) != (old.funding, old.funding_at):
        events.append(FundingRate(instrument, float(new.funding), paid_at, at, received_at))
    return events


def _side(new: list[Level], old: list[Level]) -> list[Level]:
    """The top of a side after a change: what it names and does not take away, or what was there."""
    return [level for level in new if level[1]] if new else old


def _depth(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """A snapshot replaces the book; `u` of 1 ("the service restarted") makes one of any message."""
    message = _ORDER_BOOK(frame)
    data = message.data
    last = data.u
    venue_time: Any = (message.cts or message.ts) * NS
    if message.type == "delta" and last != 1:
        return (BookDelta(instrument, data.b, data.a, last, last, last - 1, data.seq, venue_time, received_at),)
    snapshot = BookSnapshot(
        instrument=instrument,
        bids=data.b,
        asks=data.a,
        last_sequence=last,
        resume_from=last + 1,
        order=data.seq,
        venue_time=venue_time,
        received_at=received_at,
        in_stream=True,
        window=DEPTH,
    )
    return (snapshot,)


def _trades(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    trades = []
    for row in _PRINTS(frame).data:
        venue_time: Any = row.T * NS
        trades.append(Trade(instrument, row.i, row.p, row.v, SIDES[row.S], venue_time, received_at))
    return trades


def _candles(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """The venue does not count trades: 0."""
    return [
        Candle(
            instrument=instrument,
            interval="1m",
            opened_at=from_millis(k.start),
            open=k.open,
            high=k.high,
            low=k.low,
            close=k.close,
            volume=k.volume,
            trades=0,
            closed=k.confirm,
            received_at=received_at,
            quote_volume=k.turnover,
        )
        for k in _KLINES(frame).data
    ]


def _head(name: str) -> bytes:
    """How a message of this topic begins."""
    return b'{"topic":"%b"' % name.encode()


def control(envelope: wire.Envelope) -> VenueEvent:
    """Not data: an answer to a frame of ours. On public links a pong's `op` is "ping", only its text tells it."""
    detail = envelope.ret_msg or envelope.other_text
    if detail == "pong" or envelope.op == "pong":
        return Pong()
    if envelope.success is None and envelope.other_code is None:
        raise ValueError("neither data nor an answer")
    ok = envelope.success if envelope.success is not None else envelope.other_code == 0
    request = LOGON if envelope.op == "auth" else envelope.req_id
    return Acknowledged(request, ok=ok, detail="" if ok else detail[:200])


def quarantined(venue: VenueId, error: Exception, frame: bytes, received_at: Nanos) -> Quarantined:
    """Bytes that did not decode, and why."""
    return Quarantined(venue, wire.broken(error), str(error)[:200], frame, received_at)
