"""Frames -> events. Never raises: what cannot be believed is quarantined."""

from collections.abc import Sequence

from msgspec.json import Decoder

from examples.example_exchange import wire
from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Candle, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.venue import Acknowledged, Ignored, Pong, VenueEvent

_FRAME = Decoder(wire.Frame)


class MarketCodec:
    """Market data."""

    def __init__(self, venue: VenueId) -> None:
        """Knows no symbol yet."""
        self._venue = venue
        self._instruments: dict[str, InstrumentId] = {}

    def list(self, instruments: Sequence[Instrument]) -> None:
        """From now on these are decoded."""
        self._instruments = {instrument.symbol: instrument.instrument for instrument in instruments}

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """One event a frame."""
        try:
            return (self._event(_FRAME.decode(frame), received_at),)
        except wire.BROKEN as error:
            return (Quarantined(self._venue, "shape", str(error)[:200], frame, received_at),)

    def _event(self, frame: wire.Frame, received_at: Nanos) -> VenueEvent:
        if frame.pong:
            return Pong()
        if frame.id:
            return Acknowledged(frame.id, ok=not frame.error, detail=frame.error[:200])
        channel, _, symbol = frame.what.partition(":")
        instrument = self._instruments.get(symbol)
        match channel:
            case _ if instrument is None and symbol:
                return Ignored("symbol")
            case "book" if instrument is not None:
                return _book(frame, instrument, received_at)
            case "trade" if instrument is not None and frame.size > 0:
                at, side = from_millis(frame.at), Side(frame.taker)
                return Trade(instrument, str(frame.number), frame.price, frame.size, side, at, received_at)
            case "bar" if instrument is not None and frame.bar is not None:
                return candle(frame.bar, instrument, "1m", received_at, closed=frame.over)
            case _:
                raise ValueError(f"neither an answer nor data: {frame.what[:40]!r}")


def _book(frame: wire.Frame, instrument: InstrumentId, received_at: Nanos) -> BookSnapshot | BookDelta:
    """Each message of a market's book has "the number of the one before plus one": so a lost one is noticed."""
    at, number = from_millis(frame.at), frame.seq
    if frame.whole:
        return BookSnapshot(
            instrument, frame.bids, frame.asks, number, number + 1, number, at, received_at, in_stream=True
        )
    return BookDelta(instrument, frame.bids, frame.asks, number, number, number - 1, number, at, received_at)


def candle(bar: wire.Bar, instrument: InstrumentId, interval: str, received_at: Nanos, *, closed: bool) -> Candle:
    """The venue counts no trades: 0. Raises ValueError for one whose figures cannot be."""
    opened, first, high, low, last, volume = bar
    if not low <= min(first, last) <= max(first, last) <= high:
        raise ValueError("a candle outside its own high and low")
    return Candle(instrument, interval, from_millis(opened), first, high, low, last, volume, 0, closed, received_at)
