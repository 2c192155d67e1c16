"""Public frames -> events, and the proof of every book: its checksum, over the text that the venue printed.

There are no sequence numbers. A book's place is the time of its last change in nanoseconds, and each change
continues the one that was seen before it: what a second connection brings again is older, or the same, and left
out. So is everything about a book whose checksum failed, until the venue sends it anew.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from msgspec.json import Decoder
from msgspec.structs import replace

from integrated_trading_system.domain.health import BookBroken, Quarantined
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookDelta, BookSnapshot, Candle, Level, Quote, Statistics, Trade
from integrated_trading_system.domain.order import Side
from integrated_trading_system.domain.time import SECOND, Nanos
from integrated_trading_system.venues.kraken import wire
from integrated_trading_system.venues.kraken.endpoints import DEPTH
from integrated_trading_system.venues.kraken.session import Answers
from integrated_trading_system.venues.kraken.symbols import decimals
from integrated_trading_system.venues.kraken.wire import nanos
from integrated_trading_system.venues.textbook import Checksums, TextBook, TextLevel
from integrated_trading_system.venues.venue import Ignored, Pong, VenueEvent

BROKEN: Final = (ValueError, RecursionError)
"""All that decoding bytes of unknown origin can raise: msgspec's errors and bad UTF-8 are ValueErrors."""

RESTARTED_AFTER: Final = Nanos(10 * SECOND)
"""A snapshot so much older than what we know is no late copy: the venue's clock or book began anew."""

MINUTES: Final = 1
"""Of the candles that are subscribed to."""

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
_NOBODY: Final = Ignored("symbol")
_DUPLICATE: Final = Ignored("duplicate")
_UNPROVEN: Final = Ignored("unproven book")
_SYSTEMS: Final = frozenset({"online", "maintenance", "cancel_only", "post_only", "limit_only"})

_ENVELOPE: Final = Decoder(wire.Envelope)
_BOOK: Final = Decoder(wire.BookMessage)
_TICKER: Final = Decoder(wire.TickerMessage)
_PRINTS: Final = Decoder(wire.Prints)
_BARS: Final = Decoder(wire.Bars)
_STATUS: Final = Decoder(list[wire.SystemStatus])

Read: TypeAlias = Callable[[bytes, Nanos], Sequence[VenueEvent]]


class MarketCodec:
    """Public channels."""

    def __init__(self, venue: VenueId) -> None:
        """Knows no symbol yet."""
        self._venue = venue
        self._symbols: dict[str, Known] = {}
        self.checksums: dict[InstrumentId, Checksums] = {}
        self._answers = Answers()
        channels: dict[str, Read] = {
            "book": self._books,
            "ticker": self._tickers,
            "trade": self._trades,
            "ohlc": self._candles,
        }
        self._channels = channels
        self._lanes = {b'{"channel":"%b"' % channel.encode(): read for channel, read in channels.items()}

    def list(self, instruments: Sequence[Instrument]) -> None:
        """What is known of a book outlives a new list that still has it."""
        before = self._symbols
        self._symbols = {one.symbol: before.get(one.symbol) or Known(one) for one in instruments}
        self.checksums.update({known.instrument: known.checksums for known in self._symbols.values()})

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        read = self._lanes.get(frame[: frame.find(b'"', 12) + 1])
        try:
            if read is not None:
                return read(frame, received_at)
            return self._look_closer(frame, received_at)
        except BROKEN as error:
            return (Quarantined(self._venue, wire.broken(error), str(error)[:200], frame, received_at),)

    def _look_closer(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """Data whose channel is not at the beginning, or anything else."""
        envelope = _ENVELOPE.decode(frame)
        if envelope.method:
            result = envelope.result
            if envelope.success and result is not None and result.channel == "book" and result.depth:
                known = self._symbols.get(result.symbol)
                if known is not None:
                    known.window = result.depth
            return (self._answers.read(envelope),)
        read = self._channels.get(envelope.channel)
        return (control(envelope),) if read is None else read(frame, received_at)

    def _books(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        message = _BOOK.decode(frame)
        whole = message.type == "snapshot"
        events: list[VenueEvent] = []
        for data in message.data:
            known = self._symbols.get(data.symbol)
            if known is None:
                events.append(_NOBODY)
            elif whole:
                events.append(known.snapshot(data, received_at))
            else:
                events.append(known.change(data, received_at))
        return events

    def _tickers(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """Both our quotes and our statistics are made of it; the latter only where one of them differs."""
        events: list[VenueEvent] = []
        for row in _TICKER.decode(frame).data:
            known = self._symbols.get(row.symbol)
            if known is None:
                events.append(_NOBODY)
                continue
            at = nanos(row.timestamp) if row.timestamp is not None else Nanos(0)
            events.append(known.quote(row, at, received_at))
            statistics = known.statistics(row, at, received_at)
            if statistics is not None:
                events.append(statistics)
        return events

    def _trades(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """A snapshot lists trades of before the subscription: nobody asked for it."""
        message = _PRINTS.decode(frame)
        if message.type == "snapshot":
            return (Ignored("trades of before"),)
        events: list[VenueEvent] = []
        for row in message.data:
            known = self._symbols.get(row.symbol)
            if known is None:
                events.append(_NOBODY)
                continue
            at = nanos(row.timestamp)
            side = _SIDES[row.side]
            events.append(Trade(known.instrument, str(row.trade_id), row.price, row.qty, side, at, received_at))
        return events

    def _candles(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        events: list[VenueEvent] = []
        for bar in sorted(_BARS.decode(frame).data, key=_opened_at):
            known = self._symbols.get(bar.symbol)
            if known is None:
                events.append(_NOBODY)
            elif bar.interval != MINUTES:
                events.append(Ignored("interval"))
            else:
                events += known.candle(bar, received_at)
        return events


def control(envelope: wire.Envelope) -> VenueEvent:
    """Not data, and no answer. The state of the market as a whole is counted by its name."""
    if envelope.channel == "heartbeat":
        return Pong()
    if envelope.channel == "status":
        states = _STATUS.decode(envelope.data)
        system = states[0].system if states else ""
        return Ignored(f"system {system}" if system in _SYSTEMS else "system")
    if not envelope.channel:
        raise ValueError(f"neither data nor an answer: {envelope.error}")
    return Ignored("channel")


class Known:
    """One symbol: its book as the venue prints it, and what was last told of it."""

    def __init__(self, instrument: Instrument) -> None:
        """Nothing is known."""
        self.instrument: InstrumentId = instrument.instrument
        self.window = DEPTH
        """Levels a side, as the venue has confirmed it."""
        self._decimals = (decimals(instrument.tick), decimals(instrument.lot))
        self._book = TextBook()
        self.checksums = Checksums()
        self._proven = False
        self._at = Nanos(0)
        """The venue's time of the last change; 0 where it told none."""
        self._sequence = 0
        """Of the last change: its time, or one more than the sequence before where that is not larger."""
        self._checksum = -1
        self._figures: tuple[Any, ...] = ()
        self._candle: Candle | None = None

    # -- the book --------------------------------------------------------------------------------

    def snapshot(self, data: wire.Book, received_at: Nanos) -> VenueEvent:
        """The whole book, unless a faster connection has brought more than it holds."""
        at = nanos(data.timestamp) if data.timestamp is not None else self._at
        if self._proven and self._at - RESTARTED_AFTER < at < self._at:
            return _DUPLICATE
        bids, asks = self._texts(data)
        self._book.replace(bids, asks)
        if (failed := self._prove(data, at, received_at)) is not None:
            return failed
        return BookSnapshot(
            instrument=self.instrument,
            bids=_levels(bids),
            asks=_levels(asks),
            last_sequence=self._sequence,
            resume_from=self._sequence + 1,
            order=self._sequence,
            venue_time=at,
            received_at=received_at,
            in_stream=True,
            window=self.window,
        )

    def change(self, data: wire.Book, received_at: Nanos) -> VenueEvent:
        """What changed. Two messages of one microsecond differ by their checksums."""
        if not self._proven:
            return _UNPROVEN
        at = nanos(data.timestamp) if data.timestamp is not None else self._at
        if at < self._at or (at == self._at and data.checksum == self._checksum):
            return _DUPLICATE
        bids, asks = self._texts(data)
        self._book.apply(bids, asks)
        self._book.trim(self.window)
        previous = self._sequence
        if (failed := self._prove(data, at, received_at)) is not None:
            return failed
        place = self._sequence
        name = self.instrument
        return BookDelta(name, _levels(bids), _levels(asks), previous + 1, place, previous, place, at, received_at)

    def _texts(self, data: wire.Book) -> tuple[list[TextLevel], list[TextLevel]]:
        price, size = self._decimals
        return wire.texts(data.bids, price, size), wire.texts(data.asks, price, size)

    def _prove(self, data: wire.Book, at: Nanos, received_at: Nanos) -> BookBroken | None:
        """Compare; from here on the book is proven, or nothing about it is believed."""
        levels = wire.SUMMED_LEVELS
        found = wire.checksum(self._book.asks(levels), self._book.bids(levels))
        self._proven = self.checksums.count(found == data.checksum)
        self._checksum = data.checksum
        self._at = at
        self._sequence = max(at, self._sequence + 1)
        if self._proven:
            return None
        return BookBroken(self.instrument, "checksum", data.checksum, found, received_at)

    # -- everything else -------------------------------------------------------------------------

    def quote(self, row: wire.Ticker, at: Nanos, received_at: Nanos) -> VenueEvent:
        """Its place is its time, like that of the book's changes; without one the book's own top has to do."""
        if not row.bid or not row.ask:
            return Ignored("one-sided")
        if not 0.0 < row.bid < 1e15 or not 0.0 < row.ask < 1e15:
            raise ValueError("Expected `float` > 0.0")
        if at == 0:
            return Ignored("quote without a time")
        return Quote(self.instrument, row.bid, row.bid_qty, row.ask, row.ask_qty, at, at, received_at)

    def statistics(self, row: wire.Ticker, at: Nanos, received_at: Nanos) -> Statistics | None:
        """None where nothing changed, or something is missing."""
        figures = (row.last, row.volume, row.vwap, row.change_pct)
        if figures == self._figures or row.last is None or row.volume is None or row.change_pct is None:
            return None
        if not 0.0 < row.last < 1e15:
            raise ValueError("Expected `float` > 0.0")
        self._figures = figures
        worth = row.volume * (row.vwap or row.last)
        return Statistics(self.instrument, row.last, row.volume, worth, row.change_pct, at, received_at)

    def candle(self, bar: wire.Bar, received_at: Nanos) -> list[VenueEvent]:
        """As it is now; and the one before as closed, once a newer one is there: nothing else says so."""
        opened_at = nanos(bar.interval_begin)
        last = self._candle
        if last is not None and opened_at < last.opened_at:
            return [Ignored("old candle")]
        candle = Candle(
            instrument=self.instrument,
            interval=f"{bar.interval}m",
            opened_at=opened_at,
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.volume,
            trades=bar.trades,
            closed=False,
            received_at=received_at,
            quote_volume=bar.volume * bar.vwap,
        )
        self._candle = candle
        if last is None or opened_at == last.opened_at:
            return [candle]
        return [replace(last, closed=True, received_at=received_at), candle]


def _opened_at(bar: wire.Bar) -> Nanos:
    return nanos(bar.interval_begin)


def _levels(levels: list[TextLevel]) -> list[Level]:
    return [(float(price), float(size)) for price, size in levels]
