"""Public frames of Exchange -> events. Those of Advanced Trade are in `streams.advanced`.

The numbers of books are made of times (`streams.numbers`); what was lost shows in these, and is told as
StreamRestarted and BookBroken, which make the feed report it and prove the book anew:

* Trade ids of a product have no holes. A match that skips one, or a heartbeat whose `last_trade_id` has not
  come as a match by the next heartbeat, proves that this connection lost messages, whatever else was lost.
  Without TRADES of the product nothing counts them.
* A change stamped before the one that was last taken: two connections mixed, or the venue broke its order.
* A message that cannot be read.

Changes that are lost while nothing trades are not noticed: a crossed book and an audit against REST are what is
left. `sequence` grows with every order of the product, which only the authenticated `full` channel tells one by
one: a jump of it between two matches is no loss, and nothing is made of it but the order of tickers.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from msgspec.json import Decoder

from integrated_trading_system.domain.ids import InstrumentId, VenueId
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import Level, Quote, Statistics, Trade
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.venues.coinbase import wire
from integrated_trading_system.venues.coinbase.streams.numbers import Numbers, lost
from integrated_trading_system.venues.coinbase.wire import AGGRESSOR, BROKEN, moment, quarantined
from integrated_trading_system.venues.venue import Acknowledged, Ignored, Pong, VenueEvent

Read: TypeAlias = Callable[[bytes, Nanos], Sequence[VenueEvent]]

_UNKNOWN: Final = (Ignored("symbol"),)
_PONG: Final = (Pong(),)

_NO_BOOK: Final = tuple(b'{"type":"%b"' % name for name in (b"ticker", b"match", b"last_match", b"heartbeat"))

_TYPED: Final = Decoder(wire.Typed)
_TICKER: Final = Decoder(wire.Ticker, strict=False).decode
_MATCH: Final = Decoder(wire.Match, strict=False).decode
_SNAPSHOT: Final = Decoder(wire.Snapshot, strict=False).decode
_L2UPDATE: Final = Decoder(wire.L2Update, strict=False).decode
_HEARTBEAT: Final = Decoder(wire.Heartbeat).decode


class Market:
    """What one instrument of Exchange was last seen at."""

    __slots__ = ("announced", "instrument", "numbers", "ticker", "ticker_time", "trade_id")

    def __init__(self, instrument: InstrumentId) -> None:
        self.instrument = instrument
        self.numbers = Numbers()
        self.ticker = -1
        """`sequence` of the newest ticker: two channels may bring the same one."""
        self.ticker_time = Nanos(0)
        self.trade_id = -1
        """The newest match; -1 where none came, because nobody subscribed to them."""
        self.announced = -1
        """`last_trade_id` of the last heartbeat."""

    def lost(self, expected: int, received: int, at: Nanos) -> Sequence[VenueEvent]:
        """A trade that was never seen: its connection lost messages."""
        return lost(self.instrument, "trade-id", expected, received, at, book=self.numbers.book > 0)


class ExchangeCodec:
    """Public streams of Exchange. ``{"type":"l2update",`` begins a message: that much decides how to decode it."""

    def __init__(self, venue: VenueId) -> None:
        """Knows no symbol yet."""
        self._venue = venue
        self._markets: dict[str, Market] = {}
        reads: dict[str, Read] = {
            "l2update": self._update,
            "ticker": self._ticker,
            "match": self._match,
            "last_match": self._last_match,
            "snapshot": self._snapshot,
            "heartbeat": self._heartbeat,
        }
        self._reads = {b'{"type":"%b"' % name.encode(): read for name, read in reads.items()}

    def list(self, instruments: Sequence[Instrument]) -> None:
        self._markets = {one.symbol: self._markets.get(one.symbol) or Market(one.instrument) for one in instruments}

    def decode(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        read = self._reads.get(frame[: frame.find(b'"', 9) + 1])
        try:
            return read(frame, received_at) if read is not None else self._look_closer(frame, received_at)
        except BROKEN as error:
            return (*self._doubted(frame, received_at), quarantined(self._venue, error, frame, received_at))

    def _doubted(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """The books that an unreadable message may have been about: no number will show that it is missing."""
        if frame.startswith(_NO_BOOK):
            return ()
        named = [market for symbol, market in self._markets.items() if b'"%b"' % symbol.encode() in frame]
        books = [market for market in named or self._markets.values() if market.numbers.book]
        return [
            event
            for market in books
            for event in lost(market.instrument, "unreadable", market.numbers.book, 0, received_at)
        ]

    def _look_closer(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """Data whose type is not at the beginning, or anything else. "Ignore unknown types"."""
        said = _TYPED.decode(frame)
        read = self._reads.get(b'{"type":"%b"' % said.type.encode())
        if read is not None:
            return read(frame, received_at)
        if said.type == "subscriptions":
            return (Acknowledged("", ok=True),)
        if said.type == "error":
            return (Acknowledged("", ok=False, detail=f"{said.message}: {said.reason}"[:200]),)
        return (Ignored("status" if said.type == "status" else "type"),)

    def _update(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        raw = _L2UPDATE(frame)
        market = self._markets.get(raw.product_id)
        if market is None:
            return _UNKNOWN
        bids: list[Level] = []
        asks: list[Level] = []
        for side, price, size in raw.changes:
            (bids if side == "buy" else asks).append((price, size))
        return market.numbers.delta(market.instrument, bids, asks, moment(raw.time), received_at)

    def _snapshot(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        raw = _SNAPSHOT(frame)
        market = self._markets.get(raw.product_id)
        if market is None:
            return _UNKNOWN
        at = moment(raw.time) if raw.time else Nanos(0)
        return market.numbers.snapshot(market.instrument, raw.bids, raw.asks, at, received_at)

    def _ticker(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """The best prices as of a match, and 24 hours. Turnover is not told: 0.

        Without sizes, or without a time to place it at, it is no quote.
        """
        raw = _TICKER(frame)
        market = self._markets.get(raw.product_id)
        if market is None:
            return _UNKNOWN
        at = moment(raw.time) if raw.time else Nanos(0)
        events: list[VenueEvent] = []
        if raw.open_24h:
            percent = (raw.price / raw.open_24h - 1.0) * 100.0
            events.append(Statistics(market.instrument, raw.price, raw.volume_24h, 0.0, percent, at, received_at))
        if raw.sequence <= market.ticker and at <= market.ticker_time:
            return events or (Ignored("repeated"),)
        market.ticker, market.ticker_time = raw.sequence, at
        bid, bid_size, ask, ask_size = raw.best_bid, raw.best_bid_size, raw.best_ask, raw.best_ask_size
        if at and bid and bid_size and ask and ask_size:
            number = market.numbers.of_quote(at)
            events.append(Quote(market.instrument, bid, bid_size, ask, ask_size, number, at, received_at))
        return events or (Ignored("incomplete"),)

    def _match(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        raw = _MATCH(frame)
        market = self._markets.get(raw.product_id)
        if market is None:
            return _UNKNOWN
        trade = Trade(
            market.instrument,
            str(raw.trade_id),
            raw.price,
            raw.size,
            AGGRESSOR[raw.side],
            moment(raw.time),
            received_at,
        )
        before = market.trade_id
        market.trade_id = max(before, raw.trade_id)
        if 0 <= before < raw.trade_id - 1:
            return (*market.lost(before + 1, raw.trade_id, received_at), trade)
        return (trade,)

    def _last_match(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """The match before we subscribed, however long ago: from it on ids are counted, and it is no news."""
        raw = _MATCH(frame)
        market = self._markets.get(raw.product_id)
        if market is None:
            return _UNKNOWN
        market.trade_id, market.announced = raw.trade_id, -1
        return (Ignored("last match"),)

    def _heartbeat(self, frame: bytes, received_at: Nanos) -> Sequence[VenueEvent]:
        """It may overtake the match that it announces, but not by a second: it is judged at the next one."""
        raw = _HEARTBEAT(frame)
        market = self._markets.get(raw.product_id)
        if market is None or market.trade_id < 0:
            return _PONG
        seen, announced, market.announced = market.trade_id, market.announced, raw.last_trade_id
        if announced <= seen:
            return _PONG
        market.trade_id = announced
        return market.lost(seen + 1, announced, received_at)
