"""Public frames -> events: the hot lane.

The lane: a message ends with ``"stream":"bookTicker.SOL_USDC"}`` as recorded, or (as documented) begins with
``{"stream":"bookTicker.SOL_USDC",``; those bytes say how to decode the rest and which instrument it is about.
One dictionary lookup or two, one typed decode that also checks every number, one event. Everything
else is looked at more closely and, when it turns out to be data, joins the lane.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from msgspec.json import Decoder

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import (
    BookDelta,
    Candle,
    DataType,
    FundingRate,
    MarkPrice,
    Quote,
    Statistics,
    Trade,
)
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.backpack import wire
from integrated_trading_system.venues.backpack.symbols import OF_PERPETUALS, stream
from integrated_trading_system.venues.venue import Acknowledged, Ignored, VenueEvent

Read: TypeAlias = Callable[[bytes, InstrumentId, Nanos], Sequence[VenueEvent]]
"""Makes events of one instrument out of a frame."""

BROKEN: Final = (ValueError, RecursionError, OverflowError)
"""All that decoding bytes of unknown origin can raise: msgspec's errors and bad UTF-8 are ValueErrors."""

NS: Final = 1_000
"""Nanoseconds in a microsecond, as a plain int: on the lane a call to make Nanos would show."""

_TAIL_MAX: Final = 80
"""No end of a message that names its stream is longer than this: symbols have 48 characters at most."""
_ONE_SIDED: Final = (Ignored("one-sided"),)
_UNTRADED: Final = (Ignored("untraded"),)

ENVELOPE: Final = Decoder(wire.Envelope)
_BOOK_TICKER: Final = Decoder(wire.BookTickerMessage, strict=False).decode
_DEPTH: Final = Decoder(wire.DepthMessage, strict=False).decode
_PRINT: Final = Decoder(wire.PrintMessage, strict=False).decode
_TICKER: Final = Decoder(wire.TickerMessage, strict=False).decode
_KLINE: Final = Decoder(wire.KlineMessage, strict=False).decode
_MARK: Final = Decoder(wire.MarkMessage, strict=False).decode


class MarketCodec:
    """Public streams of one flavour."""

    def __init__(self, venue: VenueId) -> None:
        """Knows no symbol yet."""
        self._venue = venue
        self._lanes: dict[bytes, tuple[Read, InstrumentId]] = {}

    def list(self, instruments: Sequence[Instrument]) -> None:
        self._lanes = {
            mark: (read, instrument.instrument)
            for instrument in instruments
            for data_type, read in _READS.items()
            if instrument.kind is not Kind.SPOT or data_type not in OF_PERPETUALS
            for mark in (_head(stream(data_type, instrument.symbol)), _tail(stream(data_type, instrument.symbol)))
        }

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        lanes = self._lanes
        lane = lanes.get(frame[frame.rfind(b'"stream"', -_TAIL_MAX) :])
        if lane is None:
            lane = lanes.get(frame[: frame.find(b'"', 11) + 1])
        try:
            if lane is not None:
                return lane[0](frame, lane[1], received_at)
            return self._look_closer(frame, received_at)
        except BROKEN as error:
            return (quarantined(self._venue, error, frame, received_at),)

    def _look_closer(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """Data written in another way, or anything else."""
        envelope = ENVELOPE.decode(frame)
        if not envelope.stream:
            return (control(envelope),)
        lane = self._lanes.get(_head(envelope.stream))
        return (Ignored("stream"),) if lane is None else lane[0](frame, lane[1], received_at)


# -- what becomes of a stream's data -------------------------------------------------------------


def _quote(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """`u` counts the updates of ``depth``, which a quote may overtake."""
    data = _BOOK_TICKER(frame).data
    bid, bid_size, ask, ask_size = data.b, data.B, data.a, data.A
    if bid is None or bid_size is None or ask is None or ask_size is None:
        return _ONE_SIDED
    venue_time: Any = data.T * NS
    return (Quote(instrument, bid, bid_size, ask, ask_size, data.u, venue_time, received_at),)


def _depth(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """`U` has to be the previous `u` + 1; under load one event carries several updates."""
    data = _DEPTH(frame).data
    first, last = data.U, data.u
    if first > last:
        raise ValueError("first update id is after the last")
    venue_time: Any = (data.T or data.E) * NS
    return (BookDelta(instrument, data.b, data.a, first, last, first - 1, last, venue_time, received_at),)


def _trade(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    data = _PRINT(frame).data
    venue_time: Any = data.T * NS
    side = Side.SELL if data.m else Side.BUY
    return (Trade(instrument, str(data.t), data.p, data.q, side, venue_time, received_at),)


def _statistics(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    data = _TICKER(frame).data
    if data.o <= 0.0 or data.c <= 0.0:
        return _UNTRADED
    change = (data.c - data.o) / data.o * 100.0
    return (Statistics(instrument, data.c, data.v, data.V, change, Nanos(data.E * NS), received_at),)


def _candle(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    k = _KLINE(frame).data
    if k.o is None or k.c is None or k.h is None or k.l is None:
        return _UNTRADED
    return (Candle(instrument, "1m", wire.parse_time(k.t), k.o, k.h, k.l, k.c, k.v, k.n, k.X, received_at),)


def _mark(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """One message of the venue is two of ours: the price, and the rate paid next (in milliseconds, here alone)."""
    data = _MARK(frame).data
    at = Nanos(data.T * NS)
    price = MarkPrice(instrument, data.p, data.i or 0.0, at, received_at)
    if data.f is None or data.n is None:
        return (price,)
    return price, FundingRate(instrument, data.f, from_millis(data.n), at, received_at)


_READS: Final[dict[DataType, Read]] = {
    DataType.QUOTES: _quote,
    DataType.DEPTH: _depth,
    DataType.TRADES: _trade,
    DataType.STATISTICS: _statistics,
    DataType.CANDLES: _candle,
    DataType.MARK_PRICE: _mark,
    DataType.FUNDING: _mark,
}


def _head(name: str) -> bytes:
    """How a message of this stream begins where the stream comes first."""
    return b'{"stream":"%b"' % name.encode()


def _tail(name: str) -> bytes:
    """How it ends where the stream comes last."""
    return b'"stream":"%b"}' % name.encode()


def control(envelope: wire.Envelope) -> VenueEvent:
    """Not data: the venue answers our frames only when it refuses them."""
    if not envelope.error:
        raise ValueError("neither data nor an error")
    return Acknowledged("", ok=False, detail=bytes(envelope.error)[:200].decode(errors="replace"))


def quarantined(venue: VenueId, error: Exception, frame: bytes, received_at: Nanos) -> Quarantined:
    """Bytes that did not decode, and why."""
    return Quarantined(venue, wire.broken(error), str(error)[:200], frame, received_at)
