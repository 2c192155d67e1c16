"""Frames of the public streams -> events: the hot lane.

The lane: a message begins with ``{"arg":{"channel":"books","instId":"BTC-USDT"}``, so the bytes up to the
first closing brace say how to decode the rest and which instrument it is about. One dictionary lookup, one
typed decode that also checks every number, one event. What does not begin like that (other order of
keys, acknowledgements, pongs) is looked at more closely and, when it turns out to be data, joins the lane.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias
from zlib import crc32

import msgspec
from msgspec.json import Decoder

from integrated_trading_system.domain.health import BookBroken, Quarantined
from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument, Kind
from integrated_trading_system.domain.market import (
    BookDelta,
    BookSnapshot,
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
from integrated_trading_system.venues.okx import wire
from integrated_trading_system.venues.okx.endpoints import BOOK_LEVELS
from integrated_trading_system.venues.okx.session import LOGON
from integrated_trading_system.venues.okx.symbols import CHANNELS, door
from integrated_trading_system.venues.textbook import Checksums, TextBook
from integrated_trading_system.venues.venue import Acknowledged, Ignored, Pong, ServerClosing, VenueEvent

Read: TypeAlias = Callable[[bytes, InstrumentId, Nanos], Sequence[VenueEvent]]
"""Makes events of one instrument out of a frame."""

BROKEN: Final = (ValueError, RecursionError)
"""All that decoding bytes of unknown origin can raise: msgspec's errors and bad UTF-8 are ValueErrors."""

NS: Final = 1_000_000
"""Nanoseconds in a millisecond, as a plain int: on the lane a call to `from_millis` would show."""

CHECKED_LEVELS: Final = 25
"""Of each side, in a checksum."""

PONG_FRAME: Final = b"pong"

CLOSING: Final = "64008"
""" "The connection will soon be closed for a service upgrade": the notice comes a minute before."""

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
PONG: Final = (Pong(),)
_ONE_SIDED: Final = Ignored("one-sided")
_INCOMPLETE: Final = Ignored("incomplete")

ENVELOPE: Final = Decoder(wire.Envelope)
_BEST: Final = Decoder(wire.Best, strict=False).decode
_BOOK: Final = Decoder(wire.Book, strict=False).decode
_TEXTS: Final = Decoder(wire.TextBooks).decode
_PRINTS: Final = Decoder(wire.Prints, strict=False).decode
_TICKERS: Final = Decoder(wire.Tickers, strict=False).decode
_CANDLES: Final = Decoder(wire.Candles, strict=False).decode
_MARKS: Final = Decoder(wire.Marks, strict=False).decode
_FUNDINGS: Final = Decoder(wire.Fundings, strict=False).decode


class Proof:
    """What the codec has to remember of one book: its place in the sequence, and its text while that can be checked."""

    __slots__ = ("checksums", "sequence", "text")

    def __init__(self, checksums: Checksums) -> None:
        """Nothing known. Comparisons are counted in `checksums`."""
        self.checksums = checksums
        self.sequence = 0
        self.text: TextBook | None = None


class MarketCodec:
    """Public streams of one flavour."""

    def __init__(self, venue: VenueId) -> None:
        """Knows no symbol yet."""
        self._venue = venue
        self._lanes: dict[bytes, tuple[Read, InstrumentId]] = {}
        self._proofs: dict[InstrumentId, Proof] = {}
        self.checksums: dict[InstrumentId, Checksums] = {}

    def list(self, instruments: Sequence[Instrument]) -> None:
        reads: dict[DataType, Read] = {
            DataType.QUOTES: _quotes,
            DataType.DEPTH: self._depth,
            DataType.TRADES: _trades,
            DataType.CANDLES: _candles,
            DataType.MARK_PRICE: _marks,
            DataType.FUNDING: _fundings,
        }
        self._lanes = {}
        for instrument in instruments:
            statistics = _spot_statistics if instrument.kind is Kind.SPOT else _swap_statistics
            for data_type, read in (*reads.items(), (DataType.STATISTICS, statistics)):
                if door(data_type, instrument) is not None:
                    self._lanes[_head(CHANNELS[data_type], instrument.symbol)] = (read, instrument.instrument)

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        lane = self._lanes.get(frame[: frame.find(b"}") + 1])
        try:
            if lane is not None:
                return lane[0](frame, lane[1], received_at)
            return self._look_closer(frame, received_at)
        except BROKEN as error:
            return (quarantined(self._venue, error, frame, received_at),)

    def _look_closer(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """Data whose argument is not at the beginning, or anything else."""
        if frame == PONG_FRAME:
            return PONG
        envelope = ENVELOPE.decode(frame)
        if envelope.event or envelope.arg is None:
            return (control(envelope),)
        lane = self._lanes.get(_head(envelope.arg.channel, envelope.arg.inst_id))
        return (Ignored("channel"),) if lane is None else lane[0](frame, lane[1], received_at)

    # -- books -----------------------------------------------------------------------------------

    def _depth(self, frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
        """A snapshot, or changes.

        "prevSeqId is the seqId of the message before"; where nothing changed they are equal, and after
        maintenance the new one is lower: all of them continue the book. Recordings from before 2022-08 have no
        numbers: there the codec counts, and the checksum alone proves that nothing is missing.
        """
        message = _BOOK(frame)
        proof = self._proofs.get(instrument)
        if proof is None:
            proof = self._proofs[instrument] = Proof(self.checksums.setdefault(instrument, Checksums()))
        texts = _TEXTS(frame).data if any(data.checksum for data in message.data) else ()
        events: list[VenueEvent] = []
        for index, data in enumerate(message.data):
            previous = proof.sequence if data.seq_id is None else data.prev_seq_id
            last = proof.sequence + 1 if data.seq_id is None else data.seq_id
            if previous is None:
                raise ValueError("a change that does not say what it continues")
            text = texts[index] if texts else None
            broken = _verify(proof, message.action, data, text, previous)
            if data.seq_id is None or previous == proof.sequence or message.action == "snapshot":
                proof.sequence = last
            if broken is not None:
                events.append(BookBroken(instrument, "checksum", data.checksum, broken, received_at))
            elif message.action == "snapshot":
                events.append(_snapshot(data, instrument, last, received_at))
            else:
                events.append(_delta(data, instrument, previous, last, received_at))
        return events


def _verify(
    proof: Proof, action: str, data: wire.BookData, text: wire.TextBookData | None, previous: int
) -> int | None:
    """Follow the book's text as long as the venue sends checksums. The sum that we have, where it is not theirs.

    From then on nothing is checked until a snapshot comes: the book is known to be wrong, and whoever keeps it
    was told so. A change that does not continue the text (another link's copy, or a gap) leaves it alone.
    """
    if text is None or not data.checksum:
        proof.text = None
        return None
    bids, asks = [row[:2] for row in text.bids], [row[:2] for row in text.asks]
    if action == "snapshot":
        proof.text = TextBook()
        proof.text.replace(bids, asks)
    elif proof.text is None or previous != proof.sequence:
        return None
    else:
        proof.text.apply(bids, asks)
        proof.text.trim(BOOK_LEVELS)
    ours = checksum(proof.text)
    if proof.checksums.count(ours == data.checksum):
        return None
    proof.text = None
    return ours


def checksum(book: TextBook) -> int:
    """CRC32, signed, of ``bid:size:ask:size:bid…`` in the venue's own text, a side left out where it ends."""
    bids, asks = book.bids(CHECKED_LEVELS), book.asks(CHECKED_LEVELS)
    parts: list[str] = []
    for index in range(max(len(bids), len(asks))):
        for side in (bids, asks):
            parts += side[index] if index < len(side) else ()
    value = crc32(":".join(parts).encode())
    return value - (1 << 32) if value >= 1 << 31 else value


def _snapshot(data: wire.BookData, instrument: InstrumentId, last: int, received_at: Nanos) -> BookSnapshot:
    return BookSnapshot(
        instrument=instrument,
        bids=[row[:2] for row in data.bids],
        asks=[row[:2] for row in data.asks],
        last_sequence=last,
        resume_from=last + 1,
        order=data.ts,
        venue_time=from_millis(data.ts),
        received_at=received_at,
        in_stream=True,
        window=BOOK_LEVELS,
    )


def _delta(data: wire.BookData, instrument: InstrumentId, previous: int, last: int, received_at: Nanos) -> BookDelta:
    bids, asks = [row[:2] for row in data.bids], [row[:2] for row in data.asks]
    venue_time: Any = data.ts * NS
    return BookDelta(instrument, bids, asks, previous + 1, last, previous, data.ts, venue_time, received_at)


# -- what becomes of a channel's data ------------------------------------------------------------


def _quotes(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """A book with an empty side has no top. Time orders quotes and books: nobody says that their numbers compare."""
    events: list[VenueEvent] = []
    for data in _BEST(frame).data:
        if not data.bids or not data.asks:
            events.append(_ONE_SIDED)
            continue
        bid, ask = data.bids[0], data.asks[0]
        venue_time: Any = data.ts * NS
        events.append(Quote(instrument, bid[0], bid[1], ask[0], ask[1], data.ts, venue_time, received_at))
    return events


def _trades(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    trades = []
    for row in _PRINTS(frame).data:
        venue_time: Any = row.ts * NS
        trades.append(Trade(instrument, row.trade_id, row.px, row.sz, _SIDES[row.side], venue_time, received_at))
    return trades


def _spot_statistics(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    return [_statistics(t, instrument, t.volume, t.volume_ccy, received_at) for t in _TICKERS(frame).data]


def _swap_statistics(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """The second volume is the one in base; none is in quote."""
    return [_statistics(t, instrument, t.volume_ccy, 0.0, received_at) for t in _TICKERS(frame).data]


def _statistics(
    ticker: wire.Ticker, instrument: InstrumentId, volume: float, quote_volume: float, received_at: Nanos
) -> VenueEvent:
    if not ticker.last or not ticker.open24h:
        return _INCOMPLETE
    last, opened = (msgspec.convert(text, wire.Price, strict=False) for text in (ticker.last, ticker.open24h))
    percent = (last - opened) / opened * 100.0
    return Statistics(instrument, last, volume, quote_volume, percent, from_millis(ticker.ts), received_at)


def _candles(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """The venue does not count trades: 0. Volumes of swaps are in contracts, as their trades are."""
    return [
        Candle(instrument, "1m", from_millis(c[0]), *c[1:6], 0, c[8] == "1", received_at, quote_volume=c[7])
        for c in _CANDLES(frame).data
    ]


def _marks(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    return [MarkPrice(instrument, m.mark_px, 0.0, from_millis(m.ts), received_at) for m in _MARKS(frame).data]


def _fundings(frame: bytes, instrument: InstrumentId, received_at: Nanos) -> Sequence[VenueEvent]:
    """Some messages only announce the rate after the next."""
    events: list[VenueEvent] = []
    for data in _FUNDINGS(frame).data:
        if not data.funding_rate:
            events.append(_INCOMPLETE)
            continue
        rate = msgspec.convert(data.funding_rate, wire.Ratio, strict=False)
        due, told = from_millis(data.funding_time), from_millis(data.ts)
        events.append(FundingRate(instrument, rate, due, told, received_at))
    return events


def _head(channel: str, symbol: str) -> bytes:
    """How a message of this channel begins."""
    return b'{"arg":{"channel":"%b","instId":"%b"}' % (channel.encode(), symbol.encode())


def control(envelope: wire.Envelope) -> VenueEvent:
    """Not data: an answer to a frame of ours, or news about the connection."""
    detail = f"{envelope.code} {envelope.msg}".strip()[:200]
    match envelope.event:
        case "subscribe" | "unsubscribe":
            return Acknowledged(envelope.id, ok=True)
        case "login":
            ok = envelope.code == wire.OK
            return Acknowledged(LOGON, ok=ok, detail="" if ok else detail)
        case "error" | "channel-conn-count-error":
            return Acknowledged(envelope.id, ok=False, detail=detail or envelope.event)
        case "notice":
            return ServerClosing(detail) if envelope.code == CLOSING else Ignored("notice")
        case "channel-conn-count":
            return Ignored("channel-conn-count")
        case _:
            raise ValueError("neither data nor an answer")


def quarantined(venue: VenueId, error: Exception, frame: bytes, received_at: Nanos) -> Quarantined:
    """A frame, or an entry of it, that cannot be believed."""
    return Quarantined(venue, wire.broken(error), str(error)[:200], frame, received_at)
