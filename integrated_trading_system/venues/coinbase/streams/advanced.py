"""Public frames of Advanced Trade -> events.

`sequence_num` counts the messages of a connection, whatever their channel: one that is missing may have been
anybody's, so every instrument of that connection begins anew.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from msgspec.json import Decoder

from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Candle, Level, Quote, Statistics, Trade
from integrated_trading_system.domain.time import MINUTE, SECOND, Nanos
from integrated_trading_system.venues.coinbase import wire
from integrated_trading_system.venues.coinbase.streams import messages
from integrated_trading_system.venues.coinbase.streams.numbers import Connection, Connections, Numbers, lost
from integrated_trading_system.venues.coinbase.symbols import data_symbol
from integrated_trading_system.venues.coinbase.wire import AGGRESSOR, BROKEN, moment, quarantined
from integrated_trading_system.venues.venue import Acknowledged, Ignored, Pong, VenueEvent

Read: TypeAlias = Callable[[wire.Envelope, Connection, Nanos, Nanos], Sequence[VenueEvent]]

BOOKS: Final = "l2_data"
"""How the channel ``level2`` calls itself."""
STREAM_CANDLES: Final = "5m"
_CANDLE: Final = 5 * MINUTE
_UNKNOWN: Final = (Ignored("symbol"),)

ENVELOPE: Final = Decoder(wire.Envelope)
_L2_EVENTS: Final = Decoder(list[messages.L2Event], strict=False).decode
_TRADES_EVENTS: Final = Decoder(list[messages.TradesEvent], strict=False).decode
_TICKER_EVENTS: Final = Decoder(list[messages.TickerEvent], strict=False).decode
_CANDLES_EVENTS: Final = Decoder(list[messages.CandlesEvent], strict=False).decode


class AdvancedCodec:
    """Public streams of Advanced Trade. USD and USDC of one coin share a book: a message may be about both."""

    def __init__(self, venue: VenueId) -> None:
        """Knows no symbol yet."""
        self._venue = venue
        self._numbers: dict[InstrumentId, Numbers] = {}
        self._of_symbol: dict[str, list[tuple[InstrumentId, Numbers]]] = {}
        self._connections = Connections()
        self._reads: dict[str, Read] = {
            BOOKS: self._books,
            "ticker": self._tickers,
            "ticker_batch": self._tickers,
            "market_trades": self._trades,
            "candles": self._candles,
        }

    def list(self, instruments: Sequence[Instrument]) -> None:
        self._numbers = {one.instrument: self._numbers.get(one.instrument) or Numbers() for one in instruments}
        self._of_symbol = {}
        for one in instruments:
            for symbol in dict.fromkeys((one.symbol, data_symbol(one.symbol))):
                self._of_symbol.setdefault(symbol, []).append((one.instrument, self._numbers[one.instrument]))

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        events: list[VenueEvent] = []
        try:
            envelope = ENVELOPE.decode(frame)
            if envelope.sequence_num is None:
                return (control(envelope),)
            connection, expected = self._connections.heard(envelope.sequence_num, received_at)
            if envelope.sequence_num > expected:
                for name, book in connection.instruments.items():
                    events += lost(name, "sequence", expected, envelope.sequence_num, received_at, book=book)
            read = self._reads.get(envelope.channel)
            if read is None:
                return (*events, control(envelope))
        except BROKEN as error:  # not counted: the next message shows that it is missing
            return (*events, quarantined(self._venue, error, frame, received_at))
        try:
            events += read(envelope, connection, moment(envelope.timestamp), received_at) or _UNKNOWN
        except BROKEN as error:
            if envelope.channel == BOOKS:
                events += self._doubted(connection, envelope, received_at)
            events.append(quarantined(self._venue, error, frame, received_at))
        return events

    def _doubted(self, connection: Connection, envelope: wire.Envelope, at: Nanos) -> Sequence[VenueEvent]:
        """The books that an unreadable message may have been about: no number will show that it is missing."""
        content, number = bytes(envelope.events), envelope.sequence_num or 0
        symbols = [symbol for symbol in self._of_symbol if b'"%b"' % symbol.encode() in content]
        named = {name: None for symbol in symbols for name, _ in self._of_symbol[symbol]}
        books = [name for name, book in connection.instruments.items() if book and (name in named or not named)]
        return [event for name in books for event in lost(name, "unreadable", number, number, at)]

    def _of(self, symbol: str, connection: Connection, *, book: bool = False) -> Sequence[tuple[InstrumentId, Numbers]]:
        """Whom data under this symbol is about; the connection is noted to bring it."""
        found = self._of_symbol.get(symbol, ())
        for instrument, _ in found:
            if book or instrument not in connection.instruments:
                connection.instruments[instrument] = book
        return found

    def _books(
        self, envelope: wire.Envelope, connection: Connection, at: Nanos, received_at: Nanos
    ) -> Sequence[VenueEvent]:
        events: list[VenueEvent] = []
        for event in _L2_EVENTS(envelope.events):
            bids: list[Level] = []
            asks: list[Level] = []
            for row in event.updates:
                (bids if row.side == "bid" else asks).append((row.price_level, row.new_quantity))
            for instrument, numbers in self._of(event.product_id, connection, book=True):
                build = numbers.snapshot if event.type == "snapshot" else numbers.delta
                events += build(instrument, bids, asks, at, received_at)
        return events

    def _tickers(
        self, envelope: wire.Envelope, connection: Connection, at: Nanos, received_at: Nanos
    ) -> Sequence[VenueEvent]:
        """Turnover is not told: 0."""
        events: list[VenueEvent] = []
        for event in _TICKER_EVENTS(envelope.events):
            for row in event.tickers:
                bid, bid_size, ask, ask_size = row.best_bid, row.best_bid_quantity, row.best_ask, row.best_ask_quantity
                for instrument, numbers in self._of(row.product_id, connection):
                    events.append(Statistics(instrument, row.price, row.volume, 0.0, row.change, at, received_at))
                    if bid and bid_size and ask and ask_size:
                        number = numbers.of_quote(at)
                        events.append(Quote(instrument, bid, bid_size, ask, ask_size, number, at, received_at))
        return events

    def _trades(
        self, envelope: wire.Envelope, connection: Connection, at: Nanos, received_at: Nanos
    ) -> Sequence[VenueEvent]:
        """Oldest first, whatever their order in the message. What comes on subscribing is of the past: no news."""
        events: list[VenueEvent] = []
        for event in _TRADES_EVENTS(envelope.events):
            if event.type == "snapshot":
                events.append(Ignored("past trades"))
                continue
            for row in sorted(event.trades, key=lambda row: (len(row.trade_id), row.trade_id)):
                side, traded = AGGRESSOR[row.side], moment(row.time)
                for instrument, _ in self._of(row.product_id, connection):
                    events.append(Trade(instrument, row.trade_id, row.price, row.size, side, traded, received_at))
        return events

    def _candles(
        self, envelope: wire.Envelope, connection: Connection, at: Nanos, received_at: Nanos
    ) -> Sequence[VenueEvent]:
        """A candle is closed when the venue tells it after its end. Trades are not counted: 0."""
        events: list[VenueEvent] = []
        for event in _CANDLES_EVENTS(envelope.events):
            for row in sorted(event.candles, key=lambda row: row.start):
                opened = Nanos(row.start * SECOND)
                for instrument, _ in self._of(row.product_id, connection):
                    events.append(candle(instrument, STREAM_CANDLES, row, opened, opened + _CANDLE <= at, received_at))
        return events


def candle(
    instrument: InstrumentId, interval: str, row: wire.CandleRow, opened: Nanos, closed: bool, received_at: Nanos
) -> Candle:
    """One bucket of the stream or of the history."""
    return Candle(
        instrument, interval, opened, row.open, row.high, row.low, row.close, row.volume, 0, closed, received_at
    )


def control(envelope: wire.Envelope) -> VenueEvent:
    """What is no data: acknowledgements, heartbeats, errors, and channels that we do not ask for."""
    if envelope.type == "error":
        return Acknowledged("", ok=False, detail=envelope.message[:200])
    if envelope.channel == "subscriptions":
        return Acknowledged("", ok=True)
    if envelope.channel == "heartbeats":
        return Pong()
    if not envelope.channel:
        raise ValueError("neither data nor an answer")
    return Ignored("channel")
