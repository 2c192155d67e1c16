"""Frames of the driver -> events. Whatever the library calls unified is read here with suspicion.

No exchange's sequence reaches us, so the time of receipt takes its place: of two pictures of one book the one
that came later is newer. Each book comes whole, so nothing can be missing between two of them.
"""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Raw
from msgspec.json import Decoder

from integrated_trading_system.domain.health import Quarantined
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookSnapshot, Candle, DataType, Quote, Statistics, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import Nanos, from_millis
from integrated_trading_system.venues.ccxt import wire
from integrated_trading_system.venues.venue import Acknowledged, Ignored, VenueEvent

BROKEN: Final = (ValueError, RecursionError)
"""All that decoding bytes of unknown origin can raise: msgspec's errors and bad UTF-8 are ValueErrors."""

_FRAME: Final = Decoder(wire.Frame)
_BOOK: Final = Decoder(wire.Book, strict=False)
_TOP: Final = Decoder(wire.Top, strict=False)
_TICKER: Final = Decoder(wire.Ticker, strict=False)
_PRINTS: Final = Decoder(wire.Prints, strict=False)
_BARS: Final = Decoder(wire.Bars, strict=False)


class MarketCodec:
    """Market data of one exchange."""

    def __init__(self, venue: VenueId) -> None:
        """Knows no symbol yet."""
        self._venue = venue
        self._instruments: dict[str, InstrumentId] = {}

    def list(self, instruments: Sequence[Instrument]) -> None:
        self._instruments = {instrument.symbol: instrument.instrument for instrument in instruments}

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        try:
            message = _FRAME.decode(frame)
            if message.stream is None:
                return (_answer(message),)
            instrument = self._instruments.get(message.symbol)
            if instrument is None:
                return (Ignored("symbol"),)
            read = _READ.get(message.stream)
            return (Ignored("stream"),) if read is None else read(message.data, instrument, received_at)
        except BROKEN as error:
            return (Quarantined(self._venue, wire.broken(error), str(error)[:200], frame, received_at),)


def book(raw: wire.Book, instrument: InstrumentId, received_at: Nanos) -> BookSnapshot:
    """A whole book, true as it is."""
    return BookSnapshot(
        instrument=instrument,
        bids=raw.bids,
        asks=raw.asks,
        last_sequence=received_at,
        resume_from=received_at + 1,
        order=received_at,
        venue_time=_time(raw.timestamp),
        received_at=received_at,
        in_stream=True,
    )


def candle(bar: wire.Bar, instrument: InstrumentId, interval: str, received_at: Nanos, *, closed: bool) -> Candle:
    """The library counts no trades: 0."""
    opened, first, high, low, last, volume = bar
    return Candle(
        instrument, interval, from_millis(opened), first, high, low, last, volume or 0.0, 0, closed, received_at
    )


def _answer(message: wire.Frame) -> VenueEvent:
    if not message.id:
        raise ValueError("neither data nor an answer")
    return Acknowledged(message.id, ok=not message.error, detail=message.error[:200])


def _depth(data: Raw, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    return (book(_BOOK.decode(data), instrument, received_at),)


def _quote(data: Raw, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """A size that the exchange does not tell is 0: nothing is promised there."""
    top = _TOP.decode(data)
    if top.bid is None or top.ask is None:
        return (Ignored("one-sided"),)
    sizes = top.bid_size or 0.0, top.ask_size or 0.0
    quote = Quote(instrument, top.bid, sizes[0], top.ask, sizes[1], received_at, _time(top.timestamp), received_at)
    return (quote,)


def _trades(data: Raw, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """Without a side a trade cannot be told; without an id its figures name it."""
    events: list[VenueEvent] = []
    for row in _PRINTS.decode(data):
        if row.side is None:
            events.append(Ignored("side unknown"))
            continue
        at = _time(row.timestamp)
        trade_id = row.id or f"{at}-{row.side}-{row.price}-{row.amount}"
        events.append(Trade(instrument, trade_id, row.price, row.amount, Side(row.side), at, received_at))
    return events


def _statistics(data: Raw, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    ticker = _TICKER.decode(data)
    if ticker.last is None or ticker.volume is None:
        return (Ignored("incomplete"),)
    figures = ticker.quote_volume or 0.0, ticker.percentage or 0.0
    at = _time(ticker.timestamp)
    return (Statistics(instrument, ticker.last, ticker.volume, figures[0], figures[1], at, received_at),)


def _candles(data: Raw, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """Oldest first: one that is followed by another is over."""
    bars = _BARS.decode(data)
    return [candle(bar, instrument, "1m", received_at, closed=bar is not bars[-1]) for bar in bars]


def _time(millis: int | None) -> Nanos:
    return Nanos(0) if millis is None else from_millis(millis)


_READ: Final[dict[DataType, Callable[[Raw, InstrumentId, Nanos], Sequence[VenueEvent]]]] = {
    DataType.DEPTH: _depth,
    DataType.QUOTES: _quote,
    DataType.TRADES: _trades,
    DataType.STATISTICS: _statistics,
    DataType.CANDLES: _candles,
}
OFFERED: Final = frozenset(_READ)
"""Kinds of data that the driver asks the library for."""
