"""Public frames -> events: the hot lane.

The lane: a combined frame begins with ``{"stream":"btcusdt@bookTicker",``, so the bytes between the
third and the fourth quotation mark say how to decode the rest and which instrument it is about. One
dictionary lookup, one typed decode that also checks every number, one event. What does not look
like that (other order of keys, no envelope, acknowledgements, notices) is looked at more closely
and, when it turns out to be data, put into the lane's form.
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
    FundingRate,
    MarketEvent,
    MarkPrice,
    Quote,
    Statistics,
    Trade,
)
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.binance import wire
from integrated_trading_system.venues.binance.endpoints import PING_ID
from integrated_trading_system.venues.venue import Acknowledged, Ignored, Pong, ServerClosing, VenueEvent

Lane: TypeAlias = tuple[Callable[[bytes], Any], Callable[[Any, InstrumentId, Nanos], MarketEvent], InstrumentId, str]
"""How to decode a stream's frames, what to make of them, and for which instrument and symbol."""

BROKEN: Final = (ValueError, RecursionError)
"""All that decoding bytes of unknown origin can raise: msgspec's errors and bad UTF-8 are ValueErrors."""

NS: Final = 1_000_000
"""Nanoseconds in a millisecond, as a plain int: on the lane a call to `from_millis` would show."""

_BUY, _SELL = Side.BUY, Side.SELL
ENVELOPE: Final = Decoder(wire.Envelope)


class MarketCodec:
    """Public streams of one flavour."""

    def __init__(self, venue: VenueId) -> None:
        """Knows no symbol yet."""
        self._venue = venue
        self._lanes: dict[bytes, Lane] = {}
        self._streams: dict[tuple[str, str], bytes] = {}
        """By event type and symbol, for frames that do not name their stream."""

    def list(self, instruments: Sequence[Instrument]) -> None:
        self._lanes = {}
        self._streams = {}
        for instrument in instruments:
            for suffix, event_type, decode, event in _streams(instrument):
                stream = f"{instrument.symbol.lower()}@{suffix}".encode()
                self._lanes[stream] = (decode, event, instrument.instrument, instrument.symbol)
                self._streams[event_type, instrument.symbol] = stream

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        lane = self._lanes.get(frame[11 : frame.find(b'"', 11)])
        wrapped = frame
        if lane is None:
            other = self._look_closer(frame, received_at)
            if not isinstance(other, tuple):
                return (other,)
            lane, wrapped = other
        decode, event, instrument, symbol = lane
        try:
            data = decode(wrapped).data
        except BROKEN as error:
            if event is _quote and _one_sided(wrapped):
                return (Ignored("one-sided"),)
            return (quarantined(self._venue, error, frame, received_at),)
        if data.s != symbol:
            detail = f"{data.s[:40]} in a stream of {symbol}"
            return (Quarantined(self._venue, "symbol", detail, frame, received_at),)
        if event is _mark and data.r and data.T:
            return event(data, instrument, received_at), _funding(data, instrument, received_at)
        return (event(data, instrument, received_at),)

    def _look_closer(self, frame: bytes, received_at: Nanos) -> tuple[Lane, bytes] | VenueEvent:
        """Data: its lane, and the frame in the lane's form. Anything else: what it says."""
        try:
            envelope = ENVELOPE.decode(frame)
        except BROKEN as error:
            return quarantined(self._venue, error, frame, received_at)
        # Spot's bookTicker is the one event without a type: only it has sizes of both sides.
        event_type = envelope.e or ("bookTicker" if envelope.A and envelope.B else "")
        if "serverShutdown" in (event_type, envelope.stream.removeprefix("!")):
            return ServerClosing("serverShutdown")
        if envelope.stream:
            stream, wrapped = envelope.stream.encode(), frame
        elif event_type:
            stream, wrapped = self._streams.get((event_type, envelope.s), b""), b'{"data":%b}' % frame
        else:
            return control(self._venue, envelope, frame, received_at)
        lane = self._lanes.get(stream)
        return Ignored("stream") if lane is None else (lane, wrapped)


# -- what becomes of a stream's data -------------------------------------------------------------
# Venue times are `E`, when the event was sent, except for trades: `T`, when it traded.


def _quote(data: wire.BookTicker, instrument: InstrumentId, received_at: Nanos) -> Quote:
    venue_time: Any = data.E * NS
    return Quote(instrument, data.b, data.B, data.a, data.A, data.u, venue_time, received_at)


def _one_sided(wrapped: bytes) -> bool:
    """A book without bids or without asks is told as price 0 and size 0: no quote, and nothing wrong either."""
    try:
        data = _ONE_SIDED(wrapped).data
    except BROKEN:
        return False
    return data.b == data.B == 0.0 or data.a == data.A == 0.0


def _trade(data: wire.Print, instrument: InstrumentId, received_at: Nanos) -> Trade:
    venue_time: Any = data.T * NS
    side = _SELL if data.m else _BUY
    return Trade(instrument, str(data.t), data.p, data.q, side, venue_time, received_at)


def _delta(data: wire.DepthUpdate, instrument: InstrumentId, received_at: Nanos) -> BookDelta:
    """Spot: "each new event's U should be equal to the previous event's u + 1"."""
    venue_time: Any = data.E * NS
    return BookDelta(instrument, data.b, data.a, data.U, data.u, data.U - 1, data.u, venue_time, received_at)


def _futures_delta(data: wire.FuturesDepthUpdate, instrument: InstrumentId, received_at: Nanos) -> BookDelta:
    """Futures: "each new event's pu should be equal to the previous event's u"; U says nothing about it."""
    venue_time: Any = data.E * NS
    return BookDelta(instrument, data.b, data.a, data.U, data.u, data.pu, data.u, venue_time, received_at)


def _statistics(data: wire.Ticker, instrument: InstrumentId, received_at: Nanos) -> Statistics:
    return Statistics(instrument, data.c, data.v, data.q, data.change_pct, from_millis(data.E), received_at)


def _inverse_statistics(multiplier: float) -> Callable[[wire.Ticker, InstrumentId, Nanos], Statistics]:
    """COIN-M counts `v` in contracts and `q` in base units."""

    def statistics(data: wire.Ticker, instrument: InstrumentId, received_at: Nanos) -> Statistics:
        quote_volume = data.v * multiplier
        return Statistics(instrument, data.c, data.q, quote_volume, data.change_pct, from_millis(data.E), received_at)

    return statistics


def _candle(data: wire.KlineEvent, instrument: InstrumentId, received_at: Nanos) -> Candle:
    k = data.k
    return Candle(instrument, k.i, from_millis(k.t), k.o, k.h, k.l, k.c, k.v, k.n, k.x, received_at, k.q)


def _inverse_candle(multiplier: float) -> Callable[[wire.KlineEvent, InstrumentId, Nanos], Candle]:
    """COIN-M counts `v` in contracts and `q` in base units."""

    def candle(data: wire.KlineEvent, instrument: InstrumentId, received_at: Nanos) -> Candle:
        k, quote_volume = data.k, data.k.v * multiplier
        return Candle(instrument, k.i, from_millis(k.t), k.o, k.h, k.l, k.c, k.q, k.n, k.x, received_at, quote_volume)

    return candle


def _mark(data: wire.Mark, instrument: InstrumentId, received_at: Nanos) -> MarkPrice:
    return MarkPrice(instrument, data.p, data.i, from_millis(data.E), received_at)


def _funding(data: wire.Mark, instrument: InstrumentId, received_at: Nanos) -> FundingRate:
    """Of a contract that has one."""
    return FundingRate(instrument, float(data.r), from_millis(data.T), from_millis(data.E), received_at)


_BOOK_TICKER: Final = Decoder(wire.Wrapped[wire.BookTicker], strict=False).decode
_ONE_SIDED: Final = Decoder(wire.Wrapped[wire.OneSided], strict=False).decode
_PRINT: Final = Decoder(wire.Wrapped[wire.Print], strict=False).decode
_AGGREGATE_PRINT: Final = Decoder(wire.Wrapped[wire.AggregatePrint], strict=False).decode
_DEPTH: Final = Decoder(wire.Wrapped[wire.DepthUpdate], strict=False).decode
_FUTURES_DEPTH: Final = Decoder(wire.Wrapped[wire.FuturesDepthUpdate], strict=False).decode
_TICKER: Final = Decoder(wire.Wrapped[wire.Ticker], strict=False).decode
_KLINE: Final = Decoder(wire.Wrapped[wire.KlineEvent], strict=False).decode
_MARK: Final = Decoder(wire.Wrapped[wire.Mark], strict=False).decode


def _streams(instrument: Instrument) -> tuple[tuple[str, str, Callable[[bytes], Any], Callable[..., MarketEvent]], ...]:
    """What follows ``<symbol>@``, the type of its events, how they are decoded, and what they become."""
    spot = instrument.kind is Kind.SPOT
    depth = (_DEPTH, _delta) if spot else (_FUTURES_DEPTH, _futures_delta)
    inverse, multiplier = instrument.kind is Kind.INVERSE, float(instrument.multiplier)
    statistics = _inverse_statistics(multiplier) if inverse else _statistics
    candle = _inverse_candle(multiplier) if inverse else _candle
    return (
        ("bookTicker", "bookTicker", _BOOK_TICKER, _quote),
        ("trade", "trade", _PRINT, _trade),
        ("aggTrade", "aggTrade", _AGGREGATE_PRINT, _trade),
        *((speed, "depthUpdate", *depth) for speed in ("depth", "depth@500ms", "depth@0ms", "depth@100ms")),
        ("miniTicker", "24hrMiniTicker", _TICKER, statistics),
        ("ticker", "24hrTicker", _TICKER, statistics),
        ("kline_1m", "kline", _KLINE, candle),
        *((speed, "markPriceUpdate", _MARK, _mark) for speed in ("markPrice", "markPrice@1s") if not spot),
    )


def control(venue: VenueId, envelope: wire.Envelope, frame: bytes, received_at: Nanos) -> VenueEvent:
    """Not data: an answer to a frame of ours, or nothing that we know."""
    request = "" if envelope.id is None else str(envelope.id)
    problem = envelope.error
    if problem is None and envelope.code is not None:
        problem = wire.Problem(envelope.code, envelope.msg)
    if request == str(PING_ID):
        return Pong()
    if problem is not None:
        return Acknowledged(request, ok=False, detail=f"{problem.code} {problem.msg}"[:200])
    if request and envelope.result:
        return Acknowledged(request, ok=envelope.status == 200)
    return Quarantined(venue, "shape", "neither data nor an answer", frame, received_at)


def quarantined(venue: VenueId, error: Exception, frame: bytes, received_at: Nanos) -> Quarantined:
    """Bytes that did not decode, and why."""
    return Quarantined(venue, wire.broken(error), str(error)[:200], frame, received_at)
