"""Everything the feeder keeps about one instrument, and the band in which its next price is ordinary.

Nine quotes in ten change no price. The others are compared with a band around the last price that
was judged in full; only what leaves the band, or meets a lane with no trusted price, is judged again.
"""

from collections import deque
from itertools import islice
from math import inf
from typing import Final, TypeAlias

from integrated_trading_system.config.feed import FeedSettings
from integrated_trading_system.domain.health import BookStateChanged, ClockEstimated
from integrated_trading_system.domain.ids import InstrumentId, LinkId, VenueId, venue_of
from integrated_trading_system.domain.instrument import Instrument
from integrated_trading_system.domain.market import BookDelta, DataType, Quote, Trade
from integrated_trading_system.domain.time import Nanos
from integrated_trading_system.feed.books import NOTHING, Entry
from integrated_trading_system.feed.buffers import Buffers
from integrated_trading_system.feed.clock import VenueClock
from integrated_trading_system.feed.machine import UNPROVEN, BookMachine
from integrated_trading_system.feed.statistics import Counts, StreamView
from integrated_trading_system.feed.validation import on_tick
from integrated_trading_system.runtime.actor import Ref

SyncMessage: TypeAlias = Quote | BookStateChanged | ClockEstimated
"""What a synchronizer is told."""

TRADES_REMEMBERED: Final = 4_096
"""Trade ids among which a duplicate is looked for: while two links of a rollover overlap, both bring every trade."""
TRADES_PER_HALF: Final = TRADES_REMEMBERED // 2
DIFFERENCES_KEPT: Final = 1_024
"""Delays of changes, for averages and percentiles; those of quotes and trades are in their rings."""
OTHERS: Final = (DataType.STATISTICS, DataType.CANDLES, DataType.MARK_PRICE, DataType.FUNDING)
"""Passed on as they come."""
QUOTES_SEARCHED: Final = 64
"""How far back the quote is looked for that tells the same moment as a change of the book."""


class Lane:
    """One instrument. Its attributes are public: the feeder is their only user."""

    low: float = inf
    high: float = inf
    """The band; `low` is infinite while no price is trusted, so that every quote is judged."""

    floor: int = UNPROVEN
    """No quote up to this sequence is taken while the top is unknown."""
    stream_sequence: int = UNPROVEN
    """The newest of the quote stream, as far as it is not the top itself."""
    made: Quote | None = None
    """The newest quote made from the book."""
    compared: int = 0
    equal: int = 0

    bookish: bool = False
    """Whether quotes or depth are expected: such a lane has a state, others can only fall silent."""
    watched: bool = False
    """Whether its silence matters."""
    silent: bool = False
    silences: int = 0
    heard: Nanos = Nanos(0)
    """The last sign of life, but for quotes: the newest of these is in `entry.top`."""
    refused: int = 0
    """Quarantined."""

    def __init__(
        self,
        instrument: InstrumentId,
        entry: Entry,
        clock: VenueClock,
        buffers: Buffers,
        settings: FeedSettings,
        synchronizers: tuple[Ref[SyncMessage], ...],
    ) -> None:
        """Nothing heard."""
        # Those that every trade asks for: a default of the class is four times as slow to read.
        self.mid = 0.0
        """The last price judged in full, or the last one before the top was withdrawn."""
        self.ticks_per_unit = 0.0
        self.trade_price = 0.0
        self.down = False
        """Its links are gone. What still arrives is of a dead link."""
        self.instrument = instrument
        self.venue: VenueId = venue_of(instrument)
        self.entry = entry
        self.clock = clock
        self.jump_max = settings.jump_bps_max / 10_000 if settings.enable_validation else inf
        self.synchronizers = synchronizers
        self.active: tuple[Ref[SyncMessage], ...] = ()
        """The synchronizers while the instrument is VALID, nobody otherwise."""
        self.quote_listeners: list[Ref[Quote]] = []
        self.trade_listeners: list[Ref[Trade]] = []
        self.delta_listeners: list[Ref[BookDelta]] = []
        """The bus's own lists, so that nobody has to be asked per message who listens."""
        self.quotes = Counts()
        self.trades = Counts()
        self.others = {kind: Counts() for kind in OTHERS}
        self.rings = {kind: buffers.of(instrument, kind) for kind in (*self.others, DataType.QUOTES, DataType.TRADES)}
        self.recent_quotes: deque[Quote] = self.rings[DataType.QUOTES]
        self.recent_trades: deque[Trade] = self.rings[DataType.TRADES]
        self.delta_differences: deque[int] = deque(maxlen=DIFFERENCES_KEPT)
        self.links: dict[LinkId, None] = {}
        """Those that carry it now."""
        self._ids: dict[str, None] = {}
        self._older_ids: dict[str, None] = {}

    # -- prices --------------------------------------------------------------------------------

    def plausible(self, quote: Quote) -> bool:
        """Whether its prices lie inside the band. False says only that `quote_reason` has to judge."""
        per_unit = self.ticks_per_unit
        return (
            self.low < quote.bid < quote.ask < self.high
            and on_tick(quote.bid, per_unit)
            and on_tick(quote.ask, per_unit)
        )

    def anchor(self, quote: Quote) -> None:
        """Lay the band around this quote: half the allowed step, so that no two prices in it are further apart."""
        self.mid = (quote.bid + quote.ask) / 2
        self.low = max(0.0, self.mid * (1.0 - self.jump_max / 2))
        self.high = self.mid * (1.0 + self.jump_max / 2)

    @property
    def last_mid(self) -> float:
        """The last believed mid price; 0 when there is none."""
        top = self.entry.top
        return self.mid if top is NOTHING else (top.bid + top.ask) / 2

    def withdraw(self) -> None:
        """The top is no longer known; the next quote is judged in full."""
        top = self.entry.top
        if top is not NOTHING:
            self.heard = self.heard_at
            self.mid = self.last_mid
            self.floor = max(self.floor, top.sequence)
            self.stream_sequence = self.newest_of_stream
            self.entry.top = NOTHING
        self.low = inf

    def forget(self) -> None:
        """Prices and numbering may begin anew."""
        self.withdraw()
        self.floor = self.stream_sequence = UNPROVEN
        self.mid = self.trade_price = 0.0

    @property
    def newest_of_stream(self) -> int:
        """The highest sequence that the quote stream has told."""
        top = self.entry.top
        return self.stream_sequence if top is NOTHING or top is self.made else max(self.stream_sequence, top.sequence)

    # -- life ----------------------------------------------------------------------------------

    @property
    def heard_at(self) -> Nanos:
        """When something was last believed on which its state rests: changes of its book, or else its quotes."""
        return self.heard if self.entry.machine is not None else max(self.heard, self.entry.top.received_at)

    @property
    def trusted(self) -> bool:
        """Whether a good quote makes it VALID."""
        machine = self.entry.machine
        return not self.down and not self.silent and (machine is None or machine.proven)

    # -- comparing the two sources --------------------------------------------------------------

    def compare(self, quote: Quote, machine: BookMachine) -> None:
        """Count whether the book and the quote stream tell the same best prices at one sequence."""
        self.compared += 1
        self.equal += machine.top == (quote.bid, quote.bid_size, quote.ask, quote.ask_size)

    def compare_at(self, order: int, machine: BookMachine) -> None:
        """The same for a change of the book that the quote stream has overtaken."""
        for quote in islice(reversed(self.recent_quotes), QUOTES_SEARCHED):
            if quote.sequence <= order:
                if quote.sequence == order:
                    self.compare(quote, machine)
                return

    # -- trades --------------------------------------------------------------------------------

    def known_trade(self, trade_id: str) -> bool:
        """Whether this trade was here before; remembers it."""
        ids = self._ids
        if trade_id in ids or trade_id in self._older_ids:
            return True
        if len(ids) >= TRADES_PER_HALF:
            self._older_ids, self._ids = ids, {trade_id: None}
        else:
            ids[trade_id] = None
        return False

    def plausible_trade(self, trade: Trade) -> bool:
        """Whether its price is an ordinary next one. False says only that `trade_reason` has to judge."""
        price = trade.price
        top = self.entry.top
        before = (self.mid if top is NOTHING else (top.bid + top.ask) / 2) or self.trade_price
        allowed = before * self.jump_max
        return (
            0.0 < price < inf
            and 0.0 < trade.quantity < inf
            and -allowed <= price - before <= allowed
            and (self.ticks_per_unit == 0.0 or on_tick(price, self.ticks_per_unit))
        )

    def take_trade(self, trade: Trade) -> None:
        """Believe it: keep it and tell it."""
        self.watched = True
        self.trade_price = trade.price
        self.trades.delivered += 1
        self.recent_trades.append(trade)
        if not self.bookish:
            self.silent = False
            self.heard = trade.received_at
        for listener in self.trade_listeners:
            listener.tell(trade)

    # -- reading -------------------------------------------------------------------------------

    def differences(self, limit: int) -> list[int]:
        """`received_at - venue_time` of at most `limit` of the newest quotes, as many trades, and as many changes."""
        newest: list[Quote | Trade] = [*islice(reversed(self.recent_quotes), limit)]
        newest += islice(reversed(self.recent_trades), limit)
        timed = [message.received_at - message.venue_time for message in newest if message.venue_time]
        return [*timed, *islice(reversed(self.delta_differences), limit)]

    def pushes(self, limit: int) -> list[int]:
        """The same of changes of the book alone, where there are any.

        They are stamped when they are sent, as a quote without time would be; trades carry the time of the
        match, which may be much earlier.
        """
        return [*islice(reversed(self.delta_differences), limit)] or self.differences(limit)

    def list(self, instrument: Instrument) -> None:
        """The venue's rules for it. A tick that was only guessed is not held against a price."""
        self.ticks_per_unit = 0.0 if instrument.inferred or not instrument.tick else float(1 / instrument.tick)

    def streams(self) -> dict[DataType, StreamView]:
        """What became of its messages."""
        views = {DataType.QUOTES: self.quotes.view(), DataType.TRADES: self.trades.view()}
        if (machine := self.entry.machine) is not None:
            views[DataType.DEPTH] = StreamView(
                delivered=machine.updates + machine.snapshots,
                conflated=machine.duplicates + machine.snapshots_unneeded,
                dropped=machine.stale_dropped + machine.discarded,
                waiting=machine.waiting,
            )
        views |= {kind: counts.view() for kind, counts in self.others.items()}
        return {kind: view for kind, view in views.items() if view.received}
